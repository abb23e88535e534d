//! `ledger policy`: the numbers and switches that the SOP leaves to whoever runs the ledger.

use std::collections::BTreeMap;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::documents;
use crate::policy::Policy;

use super::answer::{Answer, CommandResult};
use super::append::{self, ShortNames};
use super::context::Context;
use super::fields;
use super::layout::{dash, row};

/// The short names of events, and what they stand for.
const SHORT: &ShortNames = &[("set", "policy.set"), ("namespaces", "namespaces.set")];

const SET: &str = "Change the policy: what is not named stays as it is, and what changes is shown";

const EXAMPLE: &str = "\
Examples:
  ledger policy show
  ledger policy set --max-age-days 60 --reason \"risk analysis of May\"
  ledger policy namespaces --namespaces 'kv/live/*' --reason \"where prod is called live\"";

/// Adds the subcommands.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    let show = clap::Command::new("show")
        .about("Show the policy in force, and since which entry and by whom each value is so");
    append::short_subcommands(command, SHORT, show)
        .mut_subcommand("set", |set| set.about(SET).long_about(SET))
        .after_help(EXAMPLE)
}

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> CommandResult {
    let (Some(spec), matches) = append::short_spec(matches, SHORT) else {
        return show(context);
    };
    let policy = context.view()?.register().charter.policy.clone();
    let typed = fields::read(spec, matches, context.now())?;
    let is_of = |name: &str| spec.field(name).is_some();
    let mut known = fields::Fields::new();
    let mut is_other = false;
    for ((name, old), (_, default)) in policy.values().into_iter().zip(Policy::default().values()) {
        // What is left out of either event takes its default.
        let new = match typed.get(name) {
            Some(new) => new,
            None if spec.name == "namespaces.set" => &default,
            None => &old,
        };
        if is_of(name) && *new != old {
            context.say(format!("{name}  {} \u{2192} {}", word(&old), word(new)));
            is_other = true;
        }
        if is_of(name) && *new != default {
            known.insert(name.to_owned(), new.clone());
        }
    }
    if !is_other {
        context.say("nothing changes: it is so already");
    }
    append::say_with(context, (spec, known), matches)
}

/// Out of the entries themselves; not verified.
fn show(context: &mut Context) -> CommandResult {
    context.ui.thing = "policy";
    let view = context.view()?;
    let register = view.register();
    let mut since: BTreeMap<&str, (u64, String)> = BTreeMap::new();
    let mut before = Policy::default().values();
    for set in view.policies() {
        let after = set.policy.values();
        for ((name, new), (_, old)) in after.iter().zip(&before) {
            if new != old {
                since.insert(
                    name,
                    (set.sequence, documents::actor(register, &set.author)),
                );
            }
        }
        before = after;
    }
    let policy = &register.charter.policy;
    let both = policy.values().into_iter().zip(Policy::default().values());
    let (mut documents, mut rows) = (Vec::new(), Vec::new());
    for ((name, value), (_, default)) in both {
        let set = since.get(name);
        let entry = dash(set.map(|(entry, _)| format!("entry {entry}")));
        let by = dash(set.map(|(_, by)| by));
        rows.push(row![name, word(&value), word(&default), entry, by]);
        documents.push(json!({
            "name": name, "value": value, "default": default,
            "since_entry": set.map(|(entry, _)| entry), "by": set.map(|(_, by)| by),
        }));
    }
    let heading = ["VALUE", "IN FORCE", "DEFAULT", "SINCE", "BY"];
    let document = json!({ "version": policy.version, "values": documents });
    Ok(Answer::new(document).table(heading, rows))
}

/// A value, as people read it.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().map(word).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
