//! `ledger status` and `ledger due`: what is open, what waits for somebody, what has to be rotated.
//! Read from the log and not verified.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::inventory::Secret;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::time::Timestamp;

use super::context::Context;
use super::exit::Exit;
use super::exit::Outcome;
use super::options::Output;
use super::options::parse_span;
use super::secret;
use super::trust::sealing_key;
use super::ui::counted;
use super::ui::table;
use super::witness;
use super::witness::LastCosigned;

/// Show what is open, unconfirmed or overdue
///
/// Read from the log as it stands; only `ledger verify` judges it.
///
///   ledger status --ledger prod
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    output: Output,
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
    /// The instant to judge at, in UTC [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn status(context: &mut Context, _args: &StatusArgs) -> Outcome {
    context.ui.thing = "status";
    let now = context.now();
    let reader = context.reader()?;
    let entries = reader.size();
    let register = reader.replay()?;
    let policy = &register.charter.policy;
    let open: Vec<&Rotation> = register
        .rotations
        .values()
        .map(AsRef::as_ref)
        .filter(|rotation: &&Rotation| rotation.is_open())
        .collect();
    let unconfirmed: Vec<&Rotation> = register
        .rotations
        .values()
        .map(AsRef::as_ref)
        .filter(|rotation: &&Rotation| {
            !rotation.is_open() && rotation.confirmed.is_none() && !rotation.is_one_shot()
        })
        .collect();
    let overdue: Vec<&Secret> = register
        .active_secrets()
        .filter(|secret| secret.age(policy, now).is_overdue())
        .collect();
    let reports: Vec<_> = register
        .incidents
        .values()
        .filter(|incident| incident.report.is_none())
        .collect();
    let witnesses = witness::last_cosigned(context)?;
    let ui = &mut context.ui;
    if ui.json {
        let ids = |secrets: &[&Secret]| {
            secrets
                .iter()
                .map(|secret| secret.id.clone())
                .collect::<Vec<_>>()
        };
        ui.document(json!({
            "as_of": now,
            "entries": entries,
            "origin": register.charter.origin,
            "secrets": register.charter.active_secrets,
            "overdue": ids(&overdue),
            "open": open.iter().map(|rotation| rotation_json(rotation, &register)).collect::<Vec<_>>(),
            "unconfirmed": unconfirmed.iter().map(|rotation| rotation_json(rotation, &register)).collect::<Vec<_>>(),
            "incidents_without_report": reports.iter().map(|incident| &incident.id).collect::<Vec<_>>(),
            "witnesses": witnesses.iter().map(LastCosigned::to_json).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Passed);
    }
    let origin = register
        .charter
        .origin
        .as_ref()
        .map_or("unknown", |origin| origin.as_str());
    ui.line(format!(
        "ledger       {origin}   {}   as of {}",
        counted(entries, "entry"),
        now.to_seconds()
    ));
    ui.line(format!(
        "secrets      {} registered, {} overdue",
        register.charter.active_secrets,
        overdue.len()
    ));
    ui.line(format!(
        "rotations    {} open, {} ended and not confirmed",
        open.len(),
        unconfirmed.len()
    ));
    ui.line(format!("incidents    {} without a report", reports.len()));
    for witness in &witnesses {
        ui.line(format!("witness      {witness}"));
    }
    let unfollowed = witnesses.iter().any(LastCosigned::is_unfollowed);
    let rows: Vec<_> = open
        .iter()
        .chain(&unconfirmed)
        .map(|rotation| rotation_row(rotation, &register))
        .collect();
    if !rows.is_empty() {
        ui.line("");
        ui.print(table(
            &["ROTATION", "SECRET", "STATE", "OPENED", "WAITS FOR"],
            &rows,
        ));
    }
    if !overdue.is_empty() {
        ui.flush();
        ui.say("next: ledger due names the overdue secrets");
    }
    if let Some(key) = sealing_key(&register.charter).filter(|_| unfollowed) {
        ui.flush();
        ui.say(witness::how_to_follow(&key));
    }
    Ok(Exit::Passed)
}

fn rotation_row(rotation: &Rotation, register: &Register) -> Vec<String> {
    vec![
        rotation.id.to_string(),
        rotation.secret.to_string(),
        rotation.state().word().to_owned(),
        rotation.opened.occurred.to_seconds(),
        waits_for(rotation, register),
    ]
}

/// The next thing that the SOP asks for, in its order; an emergency revokes first.
pub(crate) fn waits_for(rotation: &Rotation, register: &Register) -> String {
    let secret = register
        .secrets
        .get(&rotation.secret)
        .map(|threaded| &threaded.secret);
    let remaining = secret
        .map(|secret| rotation.remaining(secret))
        .unwrap_or_default();
    let word = if !rotation.is_open() {
        "rotation.confirmed"
    } else if let Some(failed) = rotation.failed {
        return format!("{} again, rollback or abort", failed.step);
    } else if rotation.is_emergency() && rotation.old_revoked.is_none() {
        "secret.revoked"
    } else if rotation.approved.is_none() {
        "rotation.approved"
    } else if rotation.preconditions.is_none() {
        "preconditions.confirmed"
    } else if rotation.generated.is_none() {
        "replacement.generated"
    } else if rotation.dual_run.is_none() {
        "dual_run.started or dual_run.not_supported"
    } else if rotation.validated.is_none() {
        "replacement.validated"
    } else if !remaining.is_empty() {
        let names: Vec<_> = remaining.iter().map(|id| id.as_str()).collect();
        return format!("cutover.completed of {}", names.join(", "));
    } else if rotation.health.is_none_or(|health| !health.healthy) {
        "health.confirmed"
    } else if rotation.old_revoked.is_none() {
        "secret.revoked"
    } else if rotation.dead.is_none() {
        "revocation.verified"
    } else {
        "rotation.completed"
    };
    word.to_owned()
}

/// A rotation as JSON, with what it waits for.
pub(crate) fn rotation_json(rotation: &Rotation, register: &Register) -> Value {
    let waits_for = rotation
        .confirmed
        .is_none()
        .then(|| waits_for(rotation, register));
    json!({
        "rotation": rotation.id,
        "secret": rotation.secret,
        "reason": rotation.reason,
        "incident": rotation.incident,
        "state": rotation.state().word(),
        "opened": rotation.opened.occurred,
        "opened_by_entry": rotation.opened.sequence,
        "ended_by_entry": rotation.ended().map(|end| end.sequence),
        "last_entry": rotation.last.sequence,
        "waits_for": waits_for,
    })
}

pub(crate) fn due(context: &mut Context, args: &DueArgs) -> Outcome {
    context.ui.thing = "due";
    let as_of = args.as_of.unwrap_or(context.now());
    let horizon = as_of.plus(args.within);
    let register = context.register()?;
    let policy = &register.charter.policy;
    let mut secrets: Vec<_> = register
        .active_secrets()
        .map(|secret| (secret, secret.age(policy, as_of)))
        .filter(|(_, age)| age.due.is_none_or(|due| due <= horizon))
        .collect();
    secrets.sort_by_key(|(secret, age)| (age.due, secret.id.clone()));
    let overdue = secrets.iter().filter(|(_, age)| age.is_overdue()).count();
    let exit = if overdue > 0 {
        Exit::Findings
    } else {
        Exit::Passed
    };
    let ui = &mut context.ui;
    if ui.json {
        let listed: Vec<_> = secrets
            .iter()
            .map(|(secret, _)| secret::to_json(secret, policy, as_of))
            .collect();
        ui.document(json!({
            "as_of": as_of,
            "until": horizon,
            "secrets": listed,
            "overdue": overdue,
            "registered": register.charter.active_secrets,
            "exit_code": exit.code(),
        }));
        return Ok(exit);
    }
    let rows: Vec<_> = secrets
        .iter()
        .map(|(secret, age)| {
            let left = match age.days_left {
                Some(days) if days < 0 => format!("overdue {} d", -days),
                Some(days) => format!("{days} d left"),
                None => "overdue".to_owned(),
            };
            vec![
                secret.id.to_string(),
                left,
                age.due
                    .map_or_else(|| "unknown".to_owned(), Timestamp::to_seconds),
                secret.open.first().map_or("-", |id| id.as_str()).to_owned(),
                secret.owner.to_string(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        ui.print(table(
            &["SECRET", "LEFT", "DUE", "ROTATION", "OWNER"],
            &rows,
        ));
    }
    ui.line(format!(
        "{overdue} overdue, {} due by {}, of {} registered",
        rows.len() - overdue,
        horizon.to_seconds(),
        register.charter.active_secrets
    ));
    Ok(exit)
}
