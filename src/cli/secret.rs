//! `ledger secret`: which secrets there are, by reference and never by value.

use clap::Arg;
use clap::ArgAction;
use clap::ArgMatches;
use clap::Args as _;
use serde_json::Value;
use serde_json::json;

use crate::event;
use crate::inventory::Secret;
use crate::policy::Policy;
use crate::time::Timestamp;

use super::append;
use super::context::Context;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::Outcome;
use super::options::Output;
use super::ui::table;

/// The short names of events, and what they stand for.
const SHORT: [(&str, &str); 3] = [
    ("register", "secret.registered"),
    ("update", "secret.updated"),
    ("retire", "secret.retired"),
];

const EXAMPLE: &str = "\
Examples:
  ledger secret register --secret db/orders --name \"Orders database\" --class database_credential \\
    --store vault:kv/prod/db/orders --owner \"Team Orders\" --consumers api,worker --dual-run yes
  ledger secret list --ids | sha256sum";

/// Adds the subcommands.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    let events = SHORT.iter().filter_map(|(name, event)| {
        Some(append::event_command("secret", name, event::spec(event)?))
    });
    let list = clap::Command::new("list").about("List the secrets of the inventory").args([
        Arg::new("ids")
            .long("ids")
            .action(ArgAction::SetTrue)
            .help("Print the sorted ids alone, one a line: what inventory.attested carries the SHA-256 of"),
        Arg::new("all").long("all").action(ArgAction::SetTrue).conflicts_with("ids").help("Also those that were retired"),
    ]);
    command
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(events)
        .subcommand(Output::augment_args(list))
        .after_help(EXAMPLE)
}

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> Outcome {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::usage("register, update, retire or list?"));
    };
    match SHORT
        .iter()
        .find(|(short, _)| *short == name)
        .and_then(|(_, event)| event::spec(event))
    {
        Some(spec) => append::say(context, spec, matches),
        None => list(context, matches.get_flag("ids"), matches.get_flag("all")),
    }
}

fn list(context: &mut Context, ids: bool, all: bool) -> Outcome {
    context.ui.thing = "secrets";
    let now = context.now();
    let register = context.register()?;
    let policy = &register.charter.policy;
    let secrets: Vec<_> = register
        .secrets
        .values()
        .map(|threaded| &threaded.secret)
        .filter(|secret| all || secret.retired.is_none())
        .collect();
    let ui = &mut context.ui;
    if ui.json {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| to_json(secret, policy, now))
            .collect();
        ui.document(
            json!({ "as_of": now, "ids_sha256": register.population_digest(), "secrets": secrets }),
        );
    } else if ids {
        for secret in secrets {
            ui.line(secret.id.as_str());
        }
    } else {
        let rows: Vec<_> = secrets
            .iter()
            .map(|secret| {
                vec![
                    secret.id.to_string(),
                    secret.class.to_string(),
                    secret
                        .version
                        .as_ref()
                        .map_or("-", |version| version.as_str())
                        .to_owned(),
                    due(secret, policy, now),
                    secret
                        .consumers
                        .iter()
                        .map(|id| id.as_str())
                        .collect::<Vec<_>>()
                        .join(","),
                    secret.owner.to_string(),
                ]
            })
            .collect();
        ui.print(table(
            &["SECRET", "CLASS", "VERSION", "DUE", "CONSUMERS", "OWNER"],
            &rows,
        ));
    }
    Ok(Exit::Passed)
}

fn due(secret: &Secret, policy: &Policy, now: Timestamp) -> String {
    if let Some(sequence) = secret.retired {
        return format!("retired by entry {sequence}");
    }
    match secret.age(policy, now).due {
        Some(due) => due.to_seconds(),
        None => "unknown".to_owned(),
    }
}

/// A secret as JSON, with where it stands at `now`.
pub(crate) fn to_json(secret: &Secret, policy: &Policy, now: Timestamp) -> Value {
    let age = secret.age(policy, now);
    json!({
        "secret": secret.id,
        "name": secret.name,
        "class": secret.class,
        "store": secret.store,
        "owner": secret.owner,
        "consumers": secret.consumers,
        "version": secret.version,
        "generated": secret.generated,
        "max_age_days": secret.max_age(policy),
        "due": age.due,
        "days_left": age.days_left,
        "overdue": secret.retired.is_none() && age.is_overdue(),
        "dual_run": secret.dual_run,
        "open_rotations": secret.open,
        "rotations": secret.rotations,
        "retired_by_entry": secret.retired,
    })
}
