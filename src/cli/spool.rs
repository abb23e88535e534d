//! `ledger spool`: what waits on this machine because it could not be recorded.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::append::Submission;
use crate::append::draft::Draft;
use crate::hash::LedgerId;
use crate::key::PublicKey;
use crate::spool::{self, SpoolError, Waiting};
use crate::statement::Statement;
use crate::text::Id;
use crate::time::Timestamp;

use super::answer::{Answer, CommandResult, items, text};
use super::context::Context;
use super::exit::CommandError;
use super::layout::{counted, dash};
use super::options::with_json;
use super::statements::{self, Delivery};

/// See, sign, deliver and drop what waits on this machine because it could not be recorded
///
/// `ledger run`, and an event with --spool-on-failure, keep what they have to say where the ledger
/// or the key is not there. It waits in the order it came, and one that is refused stands in nobody's
/// way.
///
///   ledger spool list
///   ledger spool sign --key olga.pem
///   ledger spool deliver --ledger unix:/run/ledger/ledger.sock
///   ledger spool drop 3
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct SpoolArgs {
    #[command(subcommand)]
    action: SpoolAction,
}

#[derive(Debug, Subcommand)]
enum SpoolAction {
    /// List what waits, the oldest first
    List(Place),
    /// Show everything that one says
    Show(One),
    /// Record what is signed; what is refused stays, and says why
    Deliver(Many),
    /// Set one aside for good: it is kept in a folder of its own, and never delivered
    Drop(One),
    /// Sign what nobody signed yet, with --key; what only began is signed where its number is named
    Sign(Many),
}

#[derive(Debug, Args)]
struct Place {
    /// The folder in which they wait [default: that of the ledger]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct One {
    /// Its number in the list
    #[arg(value_name = "NUMBER")]
    number: u64,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Many {
    /// Their numbers in the list [default: all]
    #[arg(value_name = "NUMBER")]
    numbers: Vec<u64>,
    #[command(flatten)]
    place: Place,
}

/// Adds `--json` to the subcommands.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    command.mut_subcommands(with_json)
}

pub(crate) fn run(context: &mut Context, args: &SpoolArgs) -> CommandResult {
    let (place, numbers): (_, &[u64]) = match &args.action {
        SpoolAction::List(place) => (place, &[]),
        SpoolAction::Show(one) | SpoolAction::Drop(one) => (&one.place, &[one.number]),
        SpoolAction::Deliver(many) | SpoolAction::Sign(many) => (&many.place, &many.numbers),
    };
    let dir = place.spool.clone().map_or_else(|| context.spool(), Ok)?;
    let files = named(&dir, numbers)?;
    match &args.action {
        SpoolAction::List(_) => Ok(list(context, &files)),
        SpoolAction::Show(_) => show(context, &files),
        SpoolAction::Deliver(_) => deliver(context, files),
        SpoolAction::Drop(_) => drop_one(context, &files),
        SpoolAction::Sign(many) => sign(context, files, !many.numbers.is_empty()),
    }
}

/// The files of these numbers; of all where none is named. What was begun by a recorder that died is one of
/// them.
fn named(dir: &Path, numbers: &[u64]) -> Result<Vec<PathBuf>, CommandError> {
    spool::take_in_abandoned(dir)?;
    let mut files = spool::list(dir)?;
    for number in numbers {
        let mut numbers = files.iter().map(|path| spool::number_of(path));
        if !numbers.any(|there| there == Some(*number)) {
            let message = format!("there is no number {number} in {}", dir.display());
            return Err(CommandError::usage(message).hint("ledger spool list has the numbers"));
        }
    }
    files.retain(|path| {
        numbers.is_empty() || spool::number_of(path).is_some_and(|n| numbers.contains(&n))
    });
    Ok(files)
}

/// What is seen of one that waits.
struct Seen {
    /// `signed`, `unsigned`, `began` or `unreadable`.
    state: &'static str,
    says: Option<Draft>,
    ledger: Option<LedgerId>,
    author: Option<PublicKey>,
    fault: Option<String>,
}

fn look(path: &Path) -> Seen {
    let mut seen = Seen {
        state: "unreadable",
        says: None,
        ledger: None,
        author: None,
        fault: None,
    };
    let statement = match spool::read_waiting(path) {
        Ok(Waiting::Draft(waiting)) => {
            seen.state = if waiting.begun { "began" } else { "unsigned" };
            seen.ledger = waiting.ledger;
            seen.says = Some(waiting.draft);
            return seen;
        }
        Ok(Waiting::Statement(submission)) => {
            Statement::decode(submission.statement.bytes()).map_err(|fault| fault.to_string())
        }
        Err(fault) => Err(fault.to_string()),
    };
    match statement {
        Err(fault) => seen.fault = Some(fault),
        Ok(statement) => {
            let files = statement.attachments.iter();
            seen.state = "signed";
            seen.ledger = Some(statement.ledger);
            seen.author = Some(statement.author);
            seen.says = Some(Draft {
                attachments: files.map(|file| file.name.as_str().into()).collect(),
                event: statement.event,
                event_id: Some(statement.event_id),
                occurred: Some(statement.occurred),
                on_behalf_of: statement.on_behalf_of,
            });
        }
    }
    seen
}

impl Seen {
    fn to_json(&self, path: &Path) -> Value {
        json!({
            "number": spool::number_of(path),
            "file": path.display().to_string(),
            "state": self.state,
            "ledger_id": self.ledger,
            "author": self.author,
            "says": self.says.as_ref().map(Draft::to_json),
            "fault": self.fault,
        })
    }
}

fn list(context: &mut Context, files: &[PathBuf]) -> Answer {
    context.ui.thing = "spool";
    let seen: Vec<_> = files.iter().map(|path| (path, look(path))).collect();
    let documents: Vec<_> = seen.iter().map(|(path, one)| one.to_json(path)).collect();
    let answer = Answer::new(json!({ "waiting": documents }));
    if seen.is_empty() {
        return answer.line("nothing waits");
    }
    let row = |(path, one): &(&PathBuf, Seen)| {
        let says = one.says.as_ref();
        let about = says.and_then(|draft| draft.event.rotation());
        let author = one.author.map(|key| key.short());
        let number = spool::number_of(path).map(|number| number.to_string());
        let time = says.and_then(|draft| draft.occurred);
        [
            number.unwrap_or_default(),
            dash(time.map(Timestamp::to_seconds)),
            one.state.to_owned(),
            dash(says.map(|draft| draft.event.name())),
            dash(about),
            dash(author),
        ]
    };
    let heading = ["NUMBER", "OCCURRED", "STATE", "EVENT", "ROTATION", "KEY"];
    let answer = answer.table(heading, seen.iter().map(row));
    let mut states = seen.iter().map(|(_, one)| one.state);
    match states.any(|state| matches!(state, "unsigned" | "began")) {
        true => answer.say("next: ledger spool sign, then ledger spool deliver"),
        false => answer.say("next: ledger spool deliver"),
    }
}

fn show(context: &mut Context, files: &[PathBuf]) -> CommandResult {
    context.ui.thing = "spooled";
    let path = first(files)?;
    let document = look(path).to_json(path);
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    Ok(Answer::new(document).line(text))
}

/// Delivers everything that waits of a rotation, also what only began; until that is done nobody knows where it
/// stands.
pub(crate) fn settle(context: &mut Context, rotation: &Id) -> Result<(), CommandError> {
    let dir = context.spool()?;
    let is_of_it = |draft: &Draft| draft.event.rotation() == Some(rotation);
    let mut at_work = spool::at_work(&dir)?.into_iter();
    if at_work.any(|waiting| is_of_it(&waiting.draft)) {
        let message = format!("a step of {rotation} is still running on this machine");
        return Err(CommandError::temporary(message)
            .code("still-running")
            .hint("wait for its end, or look for its processes; nothing was done"));
    }
    let mut files = named(&dir, &[])?;
    files.retain(|path| look(path).says.is_some_and(|draft| is_of_it(&draft)));
    if files.is_empty() {
        return Ok(());
    }
    sign(context, files.clone(), true)?;
    let answer = deliver(context, files)?;
    for left in answer.document.iter().flat_map(|said| items(&said["left"])) {
        // Its end was recorded under the same id: what only began is settled by that.
        let is_settled = left["error"]["code"] == "event-id-conflict";
        let path = left["from"].as_str().map(Path::new).filter(|_| is_settled);
        match path {
            Some(path) => spool::remove(path)?,
            None => {
                let why = text(&left["error"]["message"]);
                let message = format!("what waits of {rotation} is not recorded: {why}");
                return Err(CommandError::temporary(message)
                    .hint("ledger spool list shows it; nothing was done"));
            }
        }
    }
    Ok(())
}

/// Delivers everything that waits.
pub(crate) fn deliver_all(context: &mut Context) -> CommandResult {
    let dir = context.spool()?;
    deliver(context, named(&dir, &[])?)
}

fn deliver(context: &mut Context, files: Vec<PathBuf>) -> CommandResult {
    context.ui.thing = "delivery";
    if files.is_empty() {
        return Ok(statements::answer(Vec::new(), &[]));
    }
    // Only once it has its receipt; if it stays, it is answered with the same one again.
    let mut done = |from: &str| Ok(spool::remove(Path::new(from))?);
    let mut delivery = Delivery::open(context, &mut done)?;
    for path in files {
        let from = path.display().to_string();
        if !delivery.take(from, signed(&path)) {
            break;
        }
    }
    Ok(delivery.finish())
}

fn signed(path: &Path) -> Result<Submission, CommandError> {
    match spool::read_waiting(path) {
        Ok(Waiting::Statement(submission)) => Ok(submission),
        Err(SpoolError::Content { fault, .. }) => {
            let message = format!("it is nothing that can be recorded: {fault}");
            Err(CommandError::refused(message))
        }
        Err(fault) => Err(fault.into()),
        Ok(Waiting::Draft(_)) => Err(CommandError::refused("nobody signed it yet")
            .hint("ledger spool sign signs what you have to say")),
    }
}

fn drop_one(context: &mut Context, files: &[PathBuf]) -> CommandResult {
    context.ui.thing = "spool-drop";
    let kept = spool::set_aside(first(files)?)?.display().to_string();
    let line = format!("dropped  it is never delivered, and kept as {kept}");
    Ok(Answer::new(json!({ "kept": kept })).line(line))
}

fn first(files: &[PathBuf]) -> Result<&PathBuf, CommandError> {
    let first = files.first();
    first.ok_or_else(|| CommandError::usage("nothing waits"))
}

fn sign(context: &mut Context, files: Vec<PathBuf>, chosen: bool) -> CommandResult {
    context.ui.thing = "spool-sign";
    let key = context.key()?;
    let known_id = context.ledger_id();
    let mut signed = Vec::new();
    for path in files {
        let Ok(Waiting::Draft(waiting)) = spool::read_waiting(&path) else {
            continue;
        };
        // What only began may still be said by somebody who knows how it ended.
        if waiting.begun && !chosen {
            continue;
        }
        let unknown = || CommandError::usage("the ledger's id is not known");
        let ledger = waiting.ledger.or(known_id);
        let ledger = ledger.ok_or_else(|| unknown().hint("name the ledger with --ledger"))?;
        let (draft, files) = (waiting.draft, waiting.files);
        let submission = draft.sign(ledger, &*key, &context.world, files, &[])?;
        spool::replace(&path, &submission)?;
        signed.push(path.display().to_string());
    }
    let count = counted(signed.len() as u64, "statement");
    Ok(Answer::new(json!({ "signed": signed }))
        .line(format!("{count} signed"))
        .say("next: ledger spool deliver"))
}

impl From<SpoolError> for CommandError {
    fn from(fault: SpoolError) -> Self {
        match &fault {
            SpoolError::Io { .. } => Self::temporary(fault).code("disk-refused"),
            SpoolError::Nowhere => Self::usage(fault),
            SpoolError::Content { .. } => Self::refused(fault).code("malformed-statement"),
        }
    }
}
