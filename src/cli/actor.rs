//! `ledger actor`: who may speak in the ledger.

use clap::ArgMatches;
use clap::Args as _;
use serde_json::json;

use crate::event;
use crate::keyring::Actor;

use super::append;
use super::context::Context;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::Outcome;
use super::options::Output;
use super::ui::table;

/// The short names of events, and what they stand for.
const SHORT: [(&str, &str); 2] = [("enroll", "actor.enrolled"), ("revoke", "actor.revoked")];

const EXAMPLE: &str = "\
Example:
  ledger actor enroll --actor olga --name \"Olga Ruiz\" --kind human --role operator --public olga.pem.pub";

/// Adds the subcommands.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    let events = SHORT.iter().filter_map(|(name, event)| {
        Some(append::event_command("actor", name, event::spec(event)?))
    });
    let list = Output::augment_args(
        clap::Command::new("list")
            .about("List everybody who may or might speak, with key and roles"),
    );
    command
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(events)
        .subcommand(list)
        .after_help(EXAMPLE)
}

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> Outcome {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::usage("enroll, revoke or list?"));
    };
    match SHORT
        .iter()
        .find(|(short, _)| *short == name)
        .and_then(|(_, event)| event::spec(event))
    {
        Some(spec) => append::say(context, spec, matches),
        None => list(context),
    }
}

fn list(context: &mut Context) -> Outcome {
    context.ui.thing = "actors";
    let register = context.register()?;
    let mut actors: Vec<_> = register.charter.keyring.actors().collect();
    actors.sort_by_key(|(_, actor)| actor.enrolled);
    if context.ui.json {
        let actors: Vec<_> = actors
            .iter()
            .map(|(key, actor)| {
                json!({
                    "actor": actor.id,
                    "name": actor.name,
                    "kind": actor.kind,
                    "roles": actor.roles,
                    "key": key,
                    "enrolled_by_entry": actor.enrolled,
                    "revoked_by_entry": actor.revoked.as_ref().map(|revocation| revocation.sequence),
                    "compromised_since": actor.revoked.as_ref().and_then(|revocation| revocation.compromised_since),
                })
            })
            .collect();
        context.ui.document(json!({ "actors": actors }));
        return Ok(Exit::Passed);
    }
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
    context.ui.print(table(
        &["ACTOR", "ROLES", "KIND", "KEY", "STANDING", "NAME"],
        &rows,
    ));
    Ok(Exit::Passed)
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
