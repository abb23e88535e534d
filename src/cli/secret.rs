//! `ledger secret`: which secrets there are, by reference and never by value.

use clap::{Arg, ArgAction, ArgMatches, Args as _};
use serde_json::json;

use crate::event;
use crate::inventory::Secret;
use crate::policy::Policy;
use crate::time::Timestamp;

use super::answer::{Answer, CommandResult};
use super::append;
use super::context::Context;
use super::exit::CommandError;
use super::options::Output;

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

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> CommandResult {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(CommandError::usage("register, update, retire or list?"));
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

fn list(context: &mut Context, ids: bool, all: bool) -> CommandResult {
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
    let listed: Vec<_> = secrets
        .iter()
        .map(|secret| secret.to_json(policy, now))
        .collect();
    let digest = register.population_digest();
    let answer = Answer::new(json!({ "as_of": now, "ids_sha256": digest, "secrets": listed }));
    if ids {
        return Ok(answer.lines(secrets.iter().map(|secret| secret.id.to_string())));
    }
    let row = |secret: &&Secret| {
        let version = secret.version.as_ref();
        let consumers: Vec<_> = secret.consumers.iter().map(|id| id.as_str()).collect();
        vec![
            secret.id.to_string(),
            secret.class.to_string(),
            version.map_or("-", |version| version.as_str()).to_owned(),
            due(secret, policy, now),
            consumers.join(","),
            secret.owner.to_string(),
        ]
    };
    let rows: Vec<_> = secrets.iter().map(row).collect();
    let heading = ["SECRET", "CLASS", "VERSION", "DUE", "CONSUMERS", "OWNER"];
    Ok(answer.table(&heading, &rows))
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
