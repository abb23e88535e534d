//! `ledger actor`: who may speak in the ledger.

use crate::documents;
use crate::keyring::Actor;
use clap::ArgMatches;

use super::answer::{Answer, CommandResult};
use super::append::{self, ShortNames};
use super::context::Context;
use super::layout::row;

/// The short names of events, and what they stand for.
const SHORT: &ShortNames = &[("enroll", "actor.enrolled"), ("revoke", "actor.revoked")];

const EXAMPLE: &str = "\
Example:
  ledger actor enroll --actor olga --name \"Olga Ruiz\" --kind human --role operator --public olga.pem.pub";

/// Adds the subcommands.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    let list = clap::Command::new("list")
        .about("List everybody who may or might speak, with key and roles");
    append::short_subcommands(command, SHORT, list).after_help(EXAMPLE)
}

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> CommandResult {
    match append::short_spec(matches, SHORT) {
        (Some(spec), matches) => append::say(context, spec, matches),
        (None, _) => list(context),
    }
}

fn list(context: &mut Context) -> CommandResult {
    context.ui.thing = "actors";
    let register = context.register()?;
    let actors = documents::by_enrolment(&register).into_iter();
    let rows = actors.map(|(key, actor)| {
        let (roles, standing) = (roles(actor), standing(actor));
        row![
            actor.id,
            roles,
            actor.kind,
            key.short(),
            standing,
            actor.name
        ]
    });
    let heading = ["ACTOR", "ROLES", "KIND", "KEY", "STANDING", "NAME"];
    Ok(Answer::new(documents::actors(&register)).table(heading, rows))
}

fn roles(actor: &Actor) -> String {
    let words: Vec<_> = actor.roles.iter().map(|role| role.word()).collect();
    words.join(",")
}

fn standing(actor: &Actor) -> String {
    match &actor.revoked {
        Some(revocation) => format!("revoked by entry {}", revocation.sequence),
        None => format!("since entry {}", actor.enrolled),
    }
}
