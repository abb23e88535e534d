//! `ledger log`: the entries in order, filtered. Read and not verified.

use std::collections::VecDeque;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use crate::documents;
use crate::entry::StoredEntry;
use crate::event::VOCABULARY;
use crate::key::PublicKey;
use crate::keyring::LEDGER_ACTOR;
use crate::register::Register;
use crate::text::Id;
use crate::time::{SaidTime, Timestamp};

use super::answer::CommandResult;
use super::context::Context;
use super::exit::{CommandError, Exit, check_range};
use super::follow::Follower;
use super::hint::nearest;
use super::layout::about;
use super::source::EvidenceSource;

/// List the entries, oldest first
///
/// Read from the log as it stands; only `ledger verify` judges it.
///
///   ledger log --rotation r-41
///   ledger log r-41.zip
///   ledger log --event step.failed --from 2026-11-01 --limit 20
///   ledger log --follow --json --limit 0
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct LogArgs {
    /// A ledger, a published copy or an evidence pack [default: --ledger]
    path: Option<PathBuf>,
    /// Only what is about this secret
    #[arg(long, value_name = "ID")]
    secret: Option<Id>,
    /// Only what is about this rotation
    #[arg(long, value_name = "ID")]
    rotation: Option<Id>,
    /// Only what this actor said, or what was said on their behalf
    #[arg(long, value_name = "ID")]
    actor: Option<Id>,
    /// Only this event; repeat for more
    #[arg(long, value_name = "EVENT", value_parser = PossibleValuesParser::new(VOCABULARY.iter().map(|spec| spec.name)))]
    #[arg(hide_possible_values = true)]
    event: Vec<String>,
    /// Only what happened at this time or later: a time, a day, `yesterday`, or 90d for so long ago
    #[arg(long, value_name = "TIME")]
    from: Option<SaidTime>,
    /// Only what happened at this time or earlier
    #[arg(long, value_name = "TIME")]
    to: Option<SaidTime>,
    /// Only the newest so many of these
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Then print new ones as they come, until a signal; with --json a document a line
    #[arg(long, short)]
    follow: bool,
}

impl LogArgs {
    /// Whether the ids that were named are those of something.
    fn name_what_is(&self, register: &Register) -> Result<(), CommandError> {
        let actors = register.charter.keyring.actors();
        let actors = actors.map(|(_, actor)| &actor.id);
        // The ledger itself says some things, and nobody enrolled it.
        let person = self.actor.as_ref();
        let person = person.filter(|id| id.as_str() != LEDGER_ACTOR);
        let rotation = self.rotation.as_ref();
        check_id("rotation", rotation, register.rotations.keys())?;
        check_id("secret", self.secret.as_ref(), register.secrets.keys())?;
        check_id("actor", person, actors)
    }

    fn selects(&self, stored: &StoredEntry, register: &Register) -> bool {
        let statement = &stored.statement;
        let event = &statement.event;
        let is = |wanted: &Option<Id>, found: Option<&Id>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        };
        let by = |wanted: &Id| {
            documents::actor(register, &statement.author) == wanted.as_str()
                || statement.on_behalf_of.as_ref() == Some(wanted)
        };
        is(&self.secret, register.subject(event).as_ref())
            && is(&self.rotation, event.rotation())
            && self.actor.as_ref().is_none_or(by)
            && (self.event.is_empty() || self.event.iter().any(|name| name == event.name()))
    }
}

/// Whether an id that was named is that of something.
pub(super) fn check_id<'r>(
    what: &str,
    named: Option<&Id>,
    mut known: impl Iterator<Item = &'r Id>,
) -> Result<(), CommandError> {
    let Some(named) = named else { return Ok(()) };
    let meant = nearest(named, &mut known);
    if meant == Some(named) {
        return Ok(());
    }
    let message = format!("there is no {what} `{named}` in this ledger");
    let hint = meant.map(|meant| format!("perhaps `{meant}` is meant"));
    Err(CommandError::not_verified(message).hinted(hint))
}

pub(crate) fn run(context: &mut Context, args: &LogArgs) -> CommandResult {
    context.ui.thing = "log";
    let source = EvidenceSource::open(context, args.path.as_deref(), false)?;
    let mut follower = match args.follow {
        true => Some(source.follow(context, args.path.as_deref())?),
        false => None,
    };
    let range = check_range((args.from, args.to), context.now())?;
    let mut seen = SeenEntries {
        args,
        range,
        register: Register::default(),
        span: None,
    };
    let mut newest = VecDeque::new();
    let mut list = EntryPrinter {
        started: false,
        by_line: args.follow,
    };
    for stored in source.entries(context)? {
        let stored = match stored {
            Ok(stored) => stored,
            Err(failure) => return list.fail(context, failure),
        };
        if let Some(follower) = &mut follower {
            follower.take(&stored)?;
        }
        if let Some(shown) = seen.take(&stored, context.ui.json) {
            match args.limit {
                None => list.push(context, &shown),
                Some(limit) => {
                    newest.push_back(shown);
                    if newest.len() > limit {
                        newest.pop_front();
                    }
                }
            }
        }
        if context.ui.is_gone() || follower.as_ref().is_some_and(Follower::is_stopped) {
            return Ok(Exit::Passed.into());
        }
    }
    for shown in newest {
        list.push(context, &shown);
    }
    if let Some(follower) = follower {
        return follow(context, follower, seen, list);
    }
    if !list.started {
        seen.explain_nothing()?;
    }
    list.end(context);
    Ok(Exit::Passed.into())
}

/// Prints what comes, until a signal or the end of whoever reads.
fn follow(
    context: &mut Context,
    mut follower: Follower,
    mut seen: SeenEntries<'_>,
    mut list: EntryPrinter,
) -> CommandResult {
    context.ui.flush();
    while let Some(new) = follower.next(context)? {
        for stored in new {
            follower.take(&stored)?;
            if let Some(shown) = seen.take(&stored, context.ui.json) {
                list.push(context, &shown);
            }
        }
        context.ui.flush();
        if context.ui.is_gone() {
            break;
        }
    }
    Ok(Exit::Passed.into())
}

/// What the entries so far say about names (whose key it is, which secret a rotation is of), and what is asked for.
struct SeenEntries<'a> {
    args: &'a LogArgs,
    /// When what is asked for happened.
    range: (Option<Timestamp>, Option<Timestamp>),
    register: Register,
    /// When the first and the last of them happened.
    span: Option<(Timestamp, Timestamp)>,
}

impl SeenEntries<'_> {
    /// Takes the next entry; answers with what is shown of it, where it was asked for.
    fn take(&mut self, stored: &StoredEntry, as_json: bool) -> Option<String> {
        // One that no writer would have placed names nothing.
        let _ = self.register.place(&stored.recorded());
        let now = stored.statement.occurred;
        let span = self
            .span
            .map(|(first, last)| (first.min(now), last.max(now)));
        self.span = span.or(Some((now, now)));
        let register = &self.register;
        let (from, to) = self.range;
        let is_in_range = from.is_none_or(|from| now >= from) && to.is_none_or(|to| now <= to);
        let is_asked = is_in_range && self.args.selects(stored, register);
        is_asked.then(|| match (as_json, self.args.follow) {
            (true, false) => documents::entry(stored, register).to_string(),
            (true, true) => {
                documents::with_schema("entry", documents::entry(stored, register)).to_string()
            }
            (false, _) => row(stored, register),
        })
    }

    /// A list that is empty for a slip of the pen looks like one of nothing.
    fn explain_nothing(&self) -> Result<(), CommandError> {
        self.args.name_what_is(&self.register)?;
        if self.args.from.is_none() && self.args.to.is_none() {
            return Ok(());
        }
        let there = match self.span {
            None => "no entry is there".to_owned(),
            Some((first, last)) => {
                let (first, last) = (first.to_seconds(), last.to_seconds());
                format!("what is there happened from {first} to {last}")
            }
        };
        let message = format!("nothing that was asked for lies in that range: {there}");
        Err(CommandError::not_verified(message))
    }
}

/// How the document begins.
const BEGINNING: &str = r#"{"schema":"rotation-ledger/log/1","entries":["#;

/// Prints entries as they come, so that a long log takes no memory.
struct EntryPrinter {
    started: bool,
    /// A line each, and not one document.
    by_line: bool,
}

impl EntryPrinter {
    fn push(&mut self, context: &mut Context, shown: &str) {
        match (context.ui.json && !self.by_line, self.started) {
            (false, _) => context.ui.line(shown),
            (true, false) => context.ui.print(format!("{BEGINNING}{shown}")),
            (true, true) => context.ui.print(format!(",{shown}")),
        }
        self.started = true;
    }

    fn end(&mut self, context: &mut Context) {
        match (context.ui.json, self.started) {
            (false, _) => {}
            (true, false) => context.ui.line(format!("{BEGINNING}]}}")),
            (true, true) => context.ui.line("]}"),
        }
    }

    /// Ends a document that was begun, so that it stays one.
    fn fail(&mut self, context: &mut Context, failure: CommandError) -> CommandResult {
        if context.ui.json && self.started && !self.by_line {
            let error = failure.to_json();
            context.ui.line(format!("],\"error\":{error}}}"));
            context.ui.json = false;
        }
        Err(failure)
    }
}

/// Who said an entry, and for whom.
pub(super) fn speaker(register: &Register, key: &PublicKey, person: Option<&Id>) -> String {
    let mut who = documents::actor(register, key);
    if let Some(person) = person {
        who.push_str(&format!(" for {person}"));
    }
    who
}

fn row(stored: &StoredEntry, register: &Register) -> String {
    let statement = &stored.statement;
    let who = speaker(register, &statement.author, statement.on_behalf_of.as_ref());
    let event = &statement.event;
    let secret = register.subject(event);
    let about = about(&[
        ("rotation", event.rotation().map(Id::to_string)),
        ("incident", event.incident().map(Id::to_string)),
        ("secret", secret.map(|secret| secret.to_string())),
    ]);
    let (sequence, occurred) = (stored.sequence, statement.occurred.to_seconds());
    let name = event.name();
    let row = format!("{sequence:>6}  {occurred}  {name:24}  {who:16}  {about}");
    row.trim_end().to_owned()
}
