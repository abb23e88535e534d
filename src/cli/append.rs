//! `ledger append`: one event by its flags; drafts and the spool are in `batch`.

use std::path::PathBuf;

use clap::{ArgMatches, FromArgMatches as _};
use serde_json::json;

use crate::append::{Submission, Writer};
use crate::event::{self, EventSpec};
use crate::mirror;
use crate::rule::Finding;

use super::answer::{Answer, CommandResult};
use super::checks::{SecretChecks, known_values, read_files};
use super::context::Context;
use super::exit::CommandError;
use super::options::with_json;
use super::signals::SignalGuard;
use super::typed::{Around, Typed, event_command};
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

/// What is done with the receipt of a statement that is recorded at once.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct Receiving {
    /// Write what can be checked without the ledger, the entry's tlog-proof, to this new file
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
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
    let receiving = Receiving::from_arg_matches(matches)
        .map_err(|fault| CommandError::usage(fault.to_string()))?;
    context.named_ledger()?;
    let typed = Typed::new(context, spec, matches)?;
    let mut draft = typed.draft(context.now())?;
    let checks = &typed.frame.checks;
    let known = known_values(&mut context.ui, checks)?;
    let key = context.key()?;
    let files = read_files(&draft.attachments, checks.attach_limit)?;
    context.ui.trying(vec![typed.tried(&draft)]);
    if let Some(client) = context.server()? {
        if checks.dry_run {
            return Err(CommandError::usage(
                "--dry-run asks the ledger's folder, and a server was named",
            ));
        }
        let ledger = mirror::ledger_id(&client)?;
        let submission = draft.sign(ledger, &*key, &context.world, files, &known)?;
        return remote::append(context, &client, &submission, receiving.receipt.as_deref());
    }
    let guard = SignalGuard::new(false)?;
    let mut writer = context.writer()?;
    if typed.frame.event_id.is_some()
        && typed.frame.occurred.is_none()
        && let Some(before) = writer.said_before(&typed.event_id)?
    {
        // What is said again happened when it was said to have happened.
        draft = typed.draft(before.occurred)?;
    }
    let submission = draft.sign(writer.ledger(), &*key, &context.world, files, &known)?;
    if checks.dry_run {
        return check(context, &mut writer, &submission);
    }
    let minted = typed.frame.event_id.is_none();
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
    context.ui.receipted(&outcome.receipts);
    let proofs = receiving
        .receipt
        .map(|path| (path, writer.prove(&outcome.receipts)));
    context.close(writer, &guard);
    if let Some((path, proofs)) = proofs {
        receipt::keep(&mut context.ui, &path, proofs);
    }
    if let Some(fault) = outcome.refused {
        return Err(fault.into());
    }
    Ok(guard.exit().into())
}

/// What `--dry-run` answers.
fn check(context: &mut Context, writer: &mut Writer, submission: &Submission) -> CommandResult {
    let findings = writer.check(submission)?;
    if context.ui.json {
        context.ui.thing = "dry-run";
    }
    let documents: Vec<_> = findings.iter().map(Finding::to_json).collect();
    let mut answer = Answer::new(json!({ "would_record": true, "findings": documents }))
        .line("nothing was recorded; it would be");
    answer.talk.extend(receipt::findings(&findings));
    Ok(answer)
}
