//! `ledger append`: one event by its flags; drafts are in `batch`, signed statements in `statements`.

use std::path::PathBuf;

use clap::{ArgMatches, FromArgMatches as _};
use serde_json::{Value, json};

use crate::append::Submission;
use crate::event::{self, EventSpec};
use crate::rule::Finding;
use crate::spool;

use super::answer::{Answer, CommandResult};
use super::checks::SecretChecks;
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::fields::Fields;
use super::options::with_json;
use super::recorder::Recorder;
use super::signals::SignalGuard;
use super::typed::{Again, Around, Typed, event_command};
use super::{batch, receipt, statements};

/// Record what happened: one event by its flags, or drafts in JSON
///
/// Each event is a subcommand; its help quotes the step of the SOP that it serves. An entry is
/// acknowledged when it would survive a power cut. What breaks the SOP is recorded all the same, with
/// a warning, and `ledger verify` finds it; only what is malformed, unauthorised, in conflict, out of
/// scope or secret material is refused.
///
///   ledger append rotation.approved --rotation r-41 --no-window "dual-run, no downtime"
///   ledger append --json drafts.ndjson
///   ledger append --statement approval.json
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
    override_usage = "ledger append EVENT [--FIELD VALUE]...\n       ledger append --json FILE|-\n       ledger append --statement FILE|-..."
)]
pub(crate) struct AppendArgs {
    /// Record drafts: one JSON object, or many, one a line; `-` is stdin. A receipt a line on stdout
    #[arg(long = "json", id = "drafts", value_name = "FILE|-")]
    pub(crate) drafts: Option<PathBuf>,
    /// Record statements that were signed elsewhere (ledger sign), one a line; `-` is stdin
    #[arg(long, value_name = "FILE|-", num_args = 1.., conflicts_with = "drafts")]
    pub(crate) statement: Vec<PathBuf>,
    /// The same as ledger spool deliver
    #[arg(long, conflicts_with_all = ["drafts", "statement"])]
    pub(crate) spool: bool,
    #[command(flatten)]
    pub(crate) checks: SecretChecks,
}

/// What is done with the receipt of a statement that is recorded at once.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct Receiving {
    /// Write what can be checked without the ledger, the entry's tlog-proof, to this new file
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Where the ledger cannot be reached, keep the signed statement in the spool and end well; ledger
    /// spool deliver records it
    #[arg(long)]
    pub(crate) spool_on_failure: bool,
}

impl Around for Receiving {
    const NAME: &'static str = "append";
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
        Some(event_command::<Receiving>(&path, name, spec))
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
        if args.drafts.is_some() || args.spool || !args.statement.is_empty() {
            let message =
                "an event by its flags and --json FILE or --statement FILE do not go together";
            return Err(CommandError::usage(message));
        }
        let spec = event::spec(name)
            .ok_or_else(|| CommandError::usage(format!("there is no event `{name}`")))?;
        return say(context, spec, matches);
    }
    if args.checks.dry_run && args.drafts.is_none() {
        let message = "--dry-run is for drafts: what is signed is checked when it is recorded";
        return Err(CommandError::usage(message));
    }
    match &args.drafts {
        Some(path) => batch::drafts(context, path, &args.checks),
        None if args.spool => super::spool::deliver_all(context),
        None if !args.statement.is_empty() => statements::run(context, &args.statement),
        None => Err(CommandError::usage("what is to be recorded?")
            .hint("name an event, drafts with --json FILE, or statements with --statement FILE; the events are listed by: ledger append --help")),
    }
}

/// Says the event `spec` as its flags tell.
pub(crate) fn say(
    context: &mut Context,
    spec: &'static EventSpec,
    matches: &ArgMatches,
) -> CommandResult {
    say_with(context, (spec, Fields::new()), matches)
}

/// The same, with what is `known` of it where nothing else was typed.
pub(crate) fn say_with(
    context: &mut Context,
    (spec, known): (&'static EventSpec, Fields),
    matches: &ArgMatches,
) -> CommandResult {
    context.ui.thing = "receipt";
    let receiving = Receiving::from_arg_matches(matches).map_err(CommandError::usage)?;
    context.named_ledger()?;
    let typed = Typed::new(context, (spec, known), matches)?;
    let mut ready = typed.ready(context)?;
    context.ui.trying(vec![typed.tried(&ready.draft)]);
    let guard = SignalGuard::new(false)?;
    let mut recorder = match context.recorder(receiving.receipt.is_some()) {
        Ok(recorder) => recorder,
        Err(failure) => {
            let may_wait = receiving.may_wait(&failure).then_some(());
            let Some(ledger) = may_wait.and_then(|()| context.ledger_id()) else {
                return Err(failure);
            };
            let submission = ready.sign(context, ledger)?;
            return wait_in_spool(context, &submission, failure);
        }
    };
    if typed.frame.event_id.is_some()
        && typed.occurred.is_none()
        && let Some(before) = recorder.said_before(&typed.event_id)?
    {
        // What is said again happened when it was said to have happened.
        ready.draft = typed.draft(context, before)?;
    }
    let submission = ready.sign(context, recorder.ledger())?;
    if typed.frame.checks.dry_run {
        return check(context, &mut recorder, &submission);
    }
    let fresh = typed.frame.event_id.is_none();
    let kept = receiving.spool_on_failure.then(|| submission.clone());
    let record = || recorder.record(&mut context.ui, vec![submission], fresh);
    let answer = guard.uninterrupted(record).pop();
    let nothing = || Err(CommandError::temporary("nothing was answered"));
    let answer = answer.unwrap_or_else(nothing);
    if let Ok(receipt) = &answer {
        // Out before the ledger is let go of, so that nobody waits for what follows.
        context.ui.answer(receipt::answer(receipt));
        context.ui.receipted(std::slice::from_ref(receipt));
    }
    recorder.close(context, &guard);
    match (answer, kept) {
        (Ok(receipt), _) => {
            if let Some(path) = receiving.receipt {
                receipt::keep(&mut context.ui, &path, &receipt);
            }
            Ok(guard.exit().into())
        }
        (Err(failure), Some(submission)) if receiving.may_wait(&failure) => {
            wait_in_spool(context, &submission, failure)
        }
        (Err(failure), _) => Err(failure),
    }
}

/// Says an event as if its flags had been typed after `path`, the command that says it in its own words.
pub(crate) fn say_as(
    context: &mut Context,
    path: &str,
    (event, said): (&str, &[(&str, &str)]),
    again: &Again,
) -> CommandResult {
    let spec = event::spec(event).ok_or_else(|| CommandError::usage("no such event"))?;
    let mut words: Vec<String> = Vec::new();
    // With the sign of equality, so that nothing that was typed is taken for another flag.
    words.extend(said.iter().map(|(flag, value)| format!("{flag}={value}")));
    words.extend(again.event_id.map(|id| format!("--event-id={id}")));
    let occurred = context.instant("--occurred", again.occurred);
    words.extend(occurred.map(|time| format!("--occurred={time}")));
    let command = event_command::<Receiving>(path, spec.name, spec).no_binary_name(true);
    let matches = command.try_get_matches_from(words);
    let matches = matches.map_err(|fault| CommandError::usage(fault.to_string()))?;
    say(context, spec, &matches)
}

impl Receiving {
    /// Whether what failed so may wait in the spool: it was not refused.
    fn may_wait(&self, failure: &CommandError) -> bool {
        self.spool_on_failure && matches!(failure.exit, Exit::Temporary | Exit::NotVerified)
    }
}

/// Keeps a statement that could not be recorded now. Whoever asked for that has what they asked for.
fn wait_in_spool(
    context: &mut Context,
    submission: &Submission,
    failure: CommandError,
) -> CommandResult {
    let dir = context.spool()?;
    let Ok(path) = spool::write(&dir, submission) else {
        return Err(failure);
    };
    context.ui.thing = "spooled";
    let path = path.display().to_string();
    let document = json!({ "spooled": path, "error": failure.to_json() });
    Ok(Answer::new(document)
        .line(format!("waits  {path}"))
        .warn(format!("not recorded: {}", failure.message))
        .say("next: ledger spool deliver records it"))
}

/// What `--dry-run` answers.
fn check(context: &mut Context, recorder: &mut Recorder, submission: &Submission) -> CommandResult {
    let findings = recorder.check(submission)?;
    if context.ui.json {
        context.ui.thing = "dry-run";
    }
    let findings: Value = findings.iter().map(Finding::to_json).collect();
    let mut answer = Answer::new(json!({ "would_record": true, "findings": findings }))
        .line("nothing was recorded; it would be");
    answer.talk.extend(receipt::findings(&findings));
    Ok(answer)
}
