//! `ledger append`: one event by its flags; drafts and the spool are in `batch`.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _, FromArgMatches as _};
use serde_json::{Value, json};

use crate::append::attachment;
use crate::append::draft::{Draft, DraftError};
use crate::event::{self, EventSpec, VOCABULARY};
use crate::hash::Link;
use crate::ledger::Blame;
use crate::ledger::proofs::LedgerProofs;
use crate::mirror;
use crate::rule::Finding;
use crate::statement::EventId;
use crate::text::Id;
use crate::time::Timestamp;

use super::answer::{Answer, CommandResult};
use super::checks::{SecretChecks, known_values, read_files};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::fields::{self, Fields};
use super::hint::Hint as _;
use super::options::with_json;
use super::signals::SignalGuard;
use super::{batch, receipt, remote};

/// Record what happened: one event by its flags, or drafts in JSON
///
/// Each event is a subcommand; its help quotes the step of the SOP that it serves. An entry is
/// acknowledged when it would survive a power cut. What breaks the SOP is recorded all the same, with
/// a warning, and `ledger verify` finds it; only what is malformed, unauthorised, in conflict, out of
/// scope or secret material is refused.
///
///   ledger append rotation.approved --rotation r-41 --no-window "dual-run, no downtime"
///   ledger append --json drafts.ndjson
///   ledger append --spool
///
/// A draft is a JSON object with the event's name and its fields, and on demand its id, time and files:
///
///   {"event": "rotation.approved", "rotation": "r-41", "no_window": "dual-run, no downtime"}
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    subcommand_value_name = "EVENT",
    subcommand_help_heading = "Events"
)]
#[command(
    override_usage = "ledger append EVENT [--FIELD VALUE]...\n       ledger append --json FILE|-\n       ledger append --spool"
)]
pub(crate) struct AppendArgs {
    /// Record drafts: one JSON object, or many, one a line; `-` is stdin. A receipt a line on stdout
    #[arg(long = "json", id = "drafts", value_name = "FILE|-")]
    pub(crate) drafts: Option<PathBuf>,
    /// Deliver the signed statements that `ledger run` could not record
    #[arg(long, conflicts_with = "drafts")]
    pub(crate) spool: bool,
    #[command(flatten)]
    pub(crate) checks: SecretChecks,
}

/// What every statement has besides its event.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct Frame {
    /// Write what can be checked without the ledger, the entry's tlog-proof, to this new file
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// The event's id, a UUID: the same statement with the same id is recorded once [default: new]
    #[arg(long, value_name = "UUID")]
    pub(crate) event_id: Option<EventId>,
    /// When it happened, in UTC, as 2026-01-31T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) occurred: Option<Timestamp>,
    /// The person for whom a service says it
    #[arg(long, value_name = "ACTOR")]
    #[arg(env = "LEDGER_ON_BEHALF_OF", hide_env_values = true)]
    pub(crate) on_behalf_of: Option<Id>,
    /// A file that shows it; repeat for more
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) checks: SecretChecks,
}

/// Adds one subcommand per event.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    command.subcommands(VOCABULARY.iter().map(|spec| {
        clap::Command::new(spec.name)
            .about(spec.summary.trim())
            .defer(in_full)
    }))
}

/// The event of which only the name was known, with all its flags. Those that every command takes
/// were given to the name already, and come last in the help.
fn in_full(command: clap::Command) -> clap::Command {
    let Some(spec) = event::spec(command.get_name()) else {
        return command;
    };
    let shared: Vec<_> = command.get_arguments().cloned().collect();
    event_command("append", spec.name, spec).args(shared)
}

/// The subcommand `ledger path name` that says the event `spec`, with everything around it.
pub(crate) fn event_command(
    path: &str,
    name: &'static str,
    spec: &'static EventSpec,
) -> clap::Command {
    // The flags first: what they say about themselves would stand where the event's help is.
    let command = with_json(Frame::augment_args(fields::flags(name, spec)));
    fields::describe(command, path, spec)
}

/// Short names of events, and what they stand for.
pub(crate) type ShortNames = [(&'static str, &'static str)];

/// Adds events under their short names to the command of a family, and its list.
pub(crate) fn short_subcommands(
    family: clap::Command,
    short: &'static ShortNames,
    list: clap::Command,
) -> clap::Command {
    let path = family.get_name().to_owned();
    let events = short.iter().filter_map(|(name, event)| {
        let spec = event::spec(event)?;
        Some(event_command(&path, name, spec))
    });
    family
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(events)
        .subcommand(with_json(list))
}

/// The event that a subcommand of a family says, with what was typed; none for its list.
pub(crate) fn short_spec<'a>(
    matches: &'a ArgMatches,
    short: &ShortNames,
) -> (Option<&'static EventSpec>, &'a ArgMatches) {
    let (typed, inner) = matches.subcommand().unwrap_or(("list", matches));
    let event = short.iter().find(|(name, _)| *name == typed);
    (event.and_then(|(_, event)| event::spec(event)), inner)
}

pub(crate) fn run(context: &mut Context, args: &AppendArgs, matches: &ArgMatches) -> CommandResult {
    context.ui.thing = "append";
    if let Some((name, matches)) = matches.subcommand() {
        if args.drafts.is_some() || args.spool {
            return Err(CommandError::usage(
                "an event by its flags and --json FILE or --spool do not go together",
            ));
        }
        let spec = event::spec(name)
            .ok_or_else(|| CommandError::usage(format!("there is no event `{name}`")))?;
        return say(context, spec, matches);
    }
    match &args.drafts {
        Some(path) => batch::drafts(context, path, &args.checks),
        None if args.spool => batch::spool::run(context, args.checks.dry_run),
        None => Err(CommandError::usage("what is to be recorded?")
            .hint("name an event, or drafts with --json FILE; the events are listed by: ledger append --help")),
    }
}

/// Says the event `spec` as its flags tell.
pub(crate) fn say(
    context: &mut Context,
    spec: &'static EventSpec,
    matches: &ArgMatches,
) -> CommandResult {
    context.ui.thing = "receipt";
    let frame =
        Frame::from_arg_matches(matches).map_err(|fault| CommandError::usage(fault.to_string()))?;
    let mut said = fields::read(spec, matches, frame.occurred.unwrap_or(context.now()))?;
    look_up_link(context, spec, &mut said)?;
    let draft = Draft {
        event: fields::finish(spec, said)?,
        event_id: frame.event_id,
        occurred: frame.occurred,
        on_behalf_of: frame.on_behalf_of,
        attachments: frame.attach,
    };
    record(context, draft, &frame.checks, frame.receipt.as_deref())
}

/// Signs and records one draft.
pub(crate) fn record(
    context: &mut Context,
    draft: Draft,
    checks: &SecretChecks,
    receipt_to: Option<&Path>,
) -> CommandResult {
    let known = known_values(&mut context.ui, checks)?;
    let key = context.key()?;
    let files = read_files(&draft.attachments, checks.attach_limit)?;
    if let Some(client) = context.server()? {
        if checks.dry_run {
            return Err(CommandError::usage(
                "--dry-run asks the ledger's folder, and a server was named",
            ));
        }
        let ledger = mirror::ledger_id(&client)?;
        let submission = draft.sign(ledger, &*key, &context.world, files, &known)?;
        return remote::append(context, &client, &submission, receipt_to);
    }
    let guard = SignalGuard::new(false)?;
    let mut writer = context.writer()?;
    let minted = draft.event_id.is_none();
    let submission = draft.sign(writer.ledger(), &*key, &context.world, files, &known)?;
    if checks.dry_run {
        let findings = writer.check(&submission)?;
        if context.ui.json {
            context.ui.thing = "dry-run";
        }
        let documents: Vec<_> = findings.iter().map(Finding::to_json).collect();
        let mut answer = Answer::new(json!({ "would_record": true, "findings": documents }))
            .line("nothing was recorded; it would be");
        answer.talk.extend(receipt::findings(&findings));
        return Ok(answer);
    }
    let outcome = guard.uninterrupted(|| match minted {
        true => writer.append_minted(vec![submission]),
        false => writer.append(vec![submission]),
    });
    // Out before the ledger is let go of, so that nobody waits for what follows.
    let documents = receipt::all_to_json(&mut context.ui, &writer, &outcome.receipts);
    for (document, receipt) in documents.into_iter().zip(&outcome.receipts) {
        let answer = receipt::add_to(Answer::new(document), receipt);
        context.ui.answer(answer);
    }
    context.ui.flush();
    let proofs = receipt_to.map(|path| (path, writer.prove(&outcome.receipts)));
    context.close(writer, &guard);
    if let Some((path, proofs)) = proofs {
        receipt::keep(&mut context.ui, path, proofs);
    }
    if let Some(fault) = outcome.refused {
        return Err(fault.into());
    }
    Ok(guard.exit().into())
}

/// An entry that is named by its sequence is named by its link too, so that the remark cannot be
/// taken for one about another entry.
fn look_up_link(
    context: &Context,
    spec: &EventSpec,
    said: &mut Fields,
) -> Result<(), CommandError> {
    if !spec.fields.iter().any(fields::is_looked_up) || said.contains_key("link") {
        return Ok(());
    }
    let Some(sequence) = said.get("entry").and_then(Value::as_u64) else {
        return Ok(());
    };
    let proofs = LedgerProofs::open(&context.world, &context.dir()?, context.globals.wait)?;
    if let Ok(stored) = proofs.entry(sequence) {
        let link = Link::of(&stored).to_string();
        said.insert("link".to_owned(), Value::from(link));
        return Ok(());
    }
    Err(
        CommandError::new(Exit::Refused, format!("there is no entry {sequence} yet"))
            .hint("ledger log lists the entries"),
    )
}

impl From<DraftError> for CommandError {
    fn from(fault: DraftError) -> Self {
        let exit = match fault.blame() {
            // A draft that cannot be read is refused like one that cannot be recorded: the command
            // line itself was fine.
            Blame::Usage | Blame::Refused => Exit::Refused,
            _ => Exit::Temporary,
        };
        Self {
            exit,
            message: fault.to_string(),
            hint: fault.hint(),
        }
    }
}

impl From<attachment::AttachmentError> for CommandError {
    fn from(fault: attachment::AttachmentError) -> Self {
        Self::new(Exit::Refused, fault.to_string())
    }
}
