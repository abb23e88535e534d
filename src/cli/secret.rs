//! `ledger secret`: which secrets there are, by reference and never by value.

use crate::documents;
use crate::inventory::Secret;
use crate::policy::Policy;
use crate::register::Register;
use crate::text::Id;
use crate::time::Timestamp;
use clap::{Arg, ArgAction, ArgMatches, Args as _, FromArgMatches as _};

use super::answer::{Answer, CommandResult};
use super::append::{self, ShortNames};
use super::attest::{self, AttestArgs};
use super::context::Context;
use super::exit::CommandError;
use super::hint::meant;
use super::import::{self, ImportArgs};
use super::layout::{dash, row};
use super::options::with_json;

/// The short names of events, and what they stand for.
const SHORT: &ShortNames = &[
    ("register", "secret.registered"),
    ("update", "secret.updated"),
    ("retire", "secret.retired"),
];

const EXAMPLE: &str = "\
Examples:
  ledger secret register --secret db/orders --name \"Orders database\" --class database_credential \\
    --store vault:kv/prod/db/orders --owner \"Team Orders\" --consumers api,worker --dual-run yes
  ledger secret list --ids | sha256sum";

/// What the inventory knows of a secret that was named.
pub(crate) fn registered<'r>(register: &'r Register, id: &Id) -> Result<&'r Secret, CommandError> {
    register.secret(id).ok_or_else(|| {
        let hint = meant(
            id,
            &mut register.secrets.keys(),
            "ledger secret list has them",
        );
        let message = format!("no secret `{id}` is registered; nothing was recorded");
        CommandError::refused(message).hint(hint)
    })
}

/// Adds the subcommands.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    let list = clap::Command::new("list").about("List the secrets of the inventory").args([
        Arg::new("ids")
            .long("ids")
            .action(ArgAction::SetTrue)
            .help("Print the sorted ids alone, one a line: what inventory.attested carries the SHA-256 of"),
        Arg::new("all").long("all").action(ArgAction::SetTrue).conflicts_with("ids").help("Also those that were retired"),
    ]);
    let import = ImportArgs::augment_args(clap::Command::new("import"));
    let attest = AttestArgs::augment_args(clap::Command::new("attest"));
    append::short_subcommands(command, SHORT, list)
        .subcommands([with_json(import), with_json(attest)])
        .after_help(EXAMPLE)
}

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> CommandResult {
    let read = |fault: clap::Error| CommandError::usage(fault);
    match matches.subcommand() {
        Some(("import", typed)) => {
            return import::run(context, &ImportArgs::from_arg_matches(typed).map_err(read)?);
        }
        Some(("attest", typed)) => {
            return attest::run(context, &AttestArgs::from_arg_matches(typed).map_err(read)?);
        }
        _ => {}
    }
    match append::short_spec(matches, SHORT) {
        (Some(spec), matches) => append::say(context, spec, matches),
        (None, matches) => list(context, matches.get_flag("ids"), matches.get_flag("all")),
    }
}

fn list(context: &mut Context, ids: bool, all: bool) -> CommandResult {
    context.ui.thing = "secrets";
    let now = context.now();
    let register = context.register()?;
    let policy = &register.charter.policy;
    let secrets: Vec<_> = documents::listed_secrets(&register, all).collect();
    let answer = Answer::new(documents::secrets(&register, now, all));
    if ids {
        return Ok(answer.lines(secrets.iter().map(|secret| secret.id.to_string())));
    }
    let row = |secret: &&Secret| {
        let version = secret.version.as_ref();
        let consumers: Vec<_> = secret.consumers.iter().map(|id| id.as_str()).collect();
        let (due, users) = (due(secret, policy, now), consumers.join(","));
        row![
            secret.id,
            secret.class,
            dash(version),
            due,
            users,
            secret.owner
        ]
    };
    let heading = ["SECRET", "CLASS", "VERSION", "DUE", "CONSUMERS", "OWNER"];
    Ok(answer.table(heading, secrets.iter().map(row)))
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
