//! `ledger actor`: who may speak in the ledger.

use clap::ArgMatches;
use serde_json::json;

use crate::keyring::Actor;

use super::answer::{Answer, CommandResult};
use super::append::{self, ShortNames};
use super::context::Context;

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
    let mut actors: Vec<_> = register.charter.keyring.actors().collect();
    actors.sort_by_key(|(_, actor)| actor.enrolled);
    let document: Vec<_> = actors
        .iter()
        .map(|(key, actor)| {
            let revoked = actor.revoked.as_ref();
            json!({
                "actor": actor.id,
                "name": actor.name,
                "kind": actor.kind,
                "roles": actor.roles,
                "key": key,
                "enrolled_by_entry": actor.enrolled,
                "revoked_by_entry": revoked.map(|revocation| revocation.sequence),
                "compromised_since": revoked.and_then(|revocation| revocation.compromised_since),
            })
        })
        .collect();
    let rows: Vec<_> = actors
        .iter()
        .map(|(key, actor)| {
            vec![
                actor.id.to_string(),
                roles(actor),
                actor.kind.to_string(),
                key.short(),
                standing(actor),
                actor.name.to_string(),
            ]
        })
        .collect();
    let heading = ["ACTOR", "ROLES", "KIND", "KEY", "STANDING", "NAME"];
    Ok(Answer::new(json!({ "actors": document })).table(&heading, &rows))
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
