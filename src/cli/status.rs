//! `ledger status` and `ledger due`: what is open, what waits for somebody, what has to be rotated.
//! Read from the log and not verified.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::anchor::LastCosigned;
use crate::documents;
use crate::inventory::{Secret, SecretAge};
use crate::ledger::sealing_vkeys;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::time::{ClockDoubt, SaidTime, Timestamp, parse_span};
use crate::verify::Conclusion;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{folder_of, keep_apart, write_whole};
use super::gauge::Gauges;
use super::layout::{counted, dash, row};
use super::trust::how_to_follow;

/// Show what is open, unconfirmed or overdue
///
/// Read from the log as it stands; only `ledger verify` judges it.
///
/// With --json, `gauges` has what an operator watches: how old the newest anchor, cosignature, time token, backup
/// and verification are, as far as this host knows, and how much space is left.
///
///   ledger status --ledger prod
///   ledger status --metrics /var/lib/node_exporter/ledger.prom
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct StatusArgs {
    /// Write the numbers to this file as well, for the textfile collector of Prometheus' node_exporter
    #[arg(long, value_name = "FILE.prom")]
    metrics: Option<PathBuf>,
}

/// List the secrets that are overdue or fall due soon; ends with 3 where one is overdue
///
/// Age runs from the generation of the version now in use. A secret of which nobody knows when it was
/// generated counts as overdue.
///
///   ledger due --within 14d
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DueArgs {
    /// How far to look ahead
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = parse_span)]
    within: Duration,
    /// The instant to judge at: a time, a day, `yesterday`, or 90d for so long ago [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<SaidTime>,
}

pub(crate) fn status(context: &mut Context, args: &StatusArgs) -> CommandResult {
    context.ui.thing = "status";
    let now = context.now();
    let view = context.view()?;
    let (register, entries) = (view.register(), view.size());
    let witnesses = context.anchoring()?.last_cosigned()?;
    let overdue = register.overdue_secrets(now).count();
    let late = match overdue {
        0 => "0 overdue".to_owned(),
        _ => context.ui.alarm(format!("{overdue} overdue")),
    };
    let newest = view.span().map(|(_, last)| last);
    let doubt = ClockDoubt::of(now, newest);
    let gauges = Gauges::of(context, register, (entries, newest), &witnesses)?;
    if let Some(path) = &args.metrics {
        keep_apart("--metrics", path, &context.dir()?)?;
        let folder = folder_of(path);
        if !folder.is_dir() {
            let message = format!("there is no folder {} for --metrics", folder.display());
            return Err(CommandError::usage(message));
        }
        let text = gauges.text().map_err(CommandError::temporary)?;
        write_whole(path, text.as_bytes(), true)?;
    }
    let mut answer = answer(register, entries, now, &witnesses, &late);
    answer.add("gauges", gauges.to_json());
    if let Ok(place) = context.place() {
        context.warn_all(context.doubts(&place));
    }
    let backlog = context.backlog(context.globals.ledger.as_deref());
    if let Some(backlog) = backlog {
        let waits = json!({ "waiting": backlog.waiting, "since_utc": backlog.since });
        answer.add("spool", waits);
    }
    if let Some(doubt) = doubt {
        answer.add("clock_doubt", doubt.to_string());
        answer = answer.warn(doubt.to_string());
    }
    if overdue > 0 {
        answer = answer.say("next: ledger due names the overdue secrets");
    }
    let unfollowed = witnesses.iter().any(LastCosigned::is_unfollowed);
    let vkeys = sealing_vkeys(&register.charter).unwrap_or_default();
    if let Some(key) = vkeys.first().filter(|_| unfollowed) {
        answer = answer.say(how_to_follow(key));
    }
    Ok(answer)
}

fn answer(
    register: &Register,
    entries: u64,
    now: Timestamp,
    witnesses: &[LastCosigned],
    late: &str,
) -> Answer {
    let open: Vec<_> = register.open_rotations().collect();
    let unconfirmed: Vec<_> = register.unconfirmed_rotations().collect();
    let secrets = register.charter.active_secrets;
    let origin = register.charter.origin.as_ref();
    let origin = origin.map_or("unknown", |origin| origin.as_str());
    let (counted, as_of) = (counted(entries, "entry"), now.to_seconds());
    let unreported = register.unreported_incidents().count();
    let (running, ended) = (open.len(), unconfirmed.len());
    let said: Vec<_> = witnesses.iter().map(LastCosigned::to_json).collect();
    let asked = witnesses
        .iter()
        .map(|witness| format!("witness      {witness}"));
    let answer = Answer::new(documents::status(register, entries, now, &said))
        .line(format!("ledger       {origin}   {counted}   as of {as_of}"))
        .line(format!("secrets      {secrets} registered, {late}"))
        .line(format!(
            "rotations    {running} open, {ended} ended and not confirmed"
        ))
        .line(format!("incidents    {unreported} without a report"))
        .lines(asked);
    let waiting = open.iter().chain(&unconfirmed);
    if running + ended == 0 {
        return answer;
    }
    let row = |rotation: &&Rotation| {
        let (state, opened) = (rotation.state().word(), &rotation.opened);
        let waits = register.waits_for(rotation).map(|step| step.to_string());
        let (opened, waits) = (opened.occurred.to_seconds(), waits.collect::<Vec<_>>());
        row![
            rotation.id,
            rotation.secret,
            state,
            opened,
            waits.join(" · ")
        ]
    };
    let heading = ["ROTATION", "SECRET", "STATE", "OPENED", "WAITS FOR"];
    answer.line("").table(heading, waiting.map(row))
}

pub(crate) fn due(context: &mut Context, args: &DueArgs) -> CommandResult {
    context.ui.thing = "due";
    let now = context.now();
    let as_of = args.as_of.map_or(now, |said| said.before(now));
    let horizon = as_of.plus(args.within);
    let view = context.view()?;
    let (register, span) = (view.register(), view.span());
    if let Some((first, _)) = span.filter(|(first, _)| as_of < *first && args.as_of.is_some()) {
        let (first, as_of) = (first.to_seconds(), as_of.to_seconds());
        return Err(CommandError::not_verified(format!(
            "as of {as_of} nothing could be due: the first entry was recorded at {first}"
        )));
    }
    let newest = span.map(|(_, last)| last);
    let doubt = match args.as_of {
        Some(_) => None,
        None => context.world.clock.doubt(newest),
    };
    if let Some(doubt @ ClockDoubt::Behind { .. }) = doubt {
        let failure = CommandError::not_verified(doubt);
        return Err(failure.hint("set the clock, or name the instant to judge at with --as-of"));
    }
    let secrets = register.due_secrets(as_of, horizon);
    let overdue = secrets.iter().filter(|(_, age)| age.is_overdue()).count();
    let exit = Exit::from(match overdue {
        0 => Conclusion::Passed,
        _ => Conclusion::Findings,
    });
    let registered = register.charter.active_secrets;
    let row = |(secret, age): &(&Secret, SecretAge)| {
        let left = match age.days_left {
            Some(days) if days < 0 => context.ui.alarm(format!("overdue {} d", -days)),
            Some(days) => format!("{days} d left"),
            None => context.ui.alarm("overdue".to_owned()),
        };
        let due = age.due.map(Timestamp::to_seconds);
        let due = due.unwrap_or_else(|| "unknown".to_owned());
        row![
            secret.id,
            left,
            due,
            dash(secret.open.first()),
            secret.owner
        ]
    };
    let mut answer = Answer::new(documents::due(register, as_of, horizon)).ending(exit);
    if let Some(doubt) = doubt {
        answer = answer.warn(doubt.to_string());
    }
    if !secrets.is_empty() {
        let heading = ["SECRET", "LEFT", "DUE", "ROTATION", "OWNER"];
        answer = answer.table(heading, secrets.iter().map(row));
    }
    let (soon, by) = (secrets.len() - overdue, horizon.to_seconds());
    Ok(answer.line(format!(
        "{overdue} overdue, {soon} due by {by}, of {registered} registered"
    )))
}
