//! One subcommand per event, with a flag per field and its help out of the event's own declaration.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction};
use serde_json::Value;

use crate::cli::layout::word;
use crate::event::EventSpec;
use crate::event::field::{FieldKind, FieldSpec};
use crate::rotation;

use super::naming::{
    GENERIC, PUBLIC, defaults_to_now, id, is_from_public, is_looked_up, is_scope, long_name,
    splits, takes_public,
};
use super::read::Fields;

/// The subcommand `name` with a flag for each field of `spec`.
pub(crate) fn flags(name: &'static str, spec: &'static EventSpec) -> clap::Command {
    let mut command = clap::Command::new(name).next_help_heading("What is said");
    if takes_public(spec) {
        command = command.arg(
            Arg::new(PUBLIC)
                .long(PUBLIC)
                .value_name("FILE.pub")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The public key file that the key's holder handed over (required)"),
        );
    }
    for field in in_order(spec) {
        command = command.arg(flag(field));
    }
    command.arg(
        Arg::new(GENERIC)
            .long(GENERIC)
            .value_name("NAME=VALUE")
            .action(ArgAction::Append)
            .help("Any field by its name in JSON, for scripts; repeat for more"),
    )
}

/// Says in the help of `command`, called as `ledger path name`, what the event is, which words of
/// the SOP it serves, and what it cannot be without.
pub(crate) fn describe(
    command: clap::Command,
    path: &str,
    spec: &'static EventSpec,
) -> clap::Command {
    let roles: Vec<_> = spec.roles.iter().map(|role| role.word()).collect();
    let (summary, sop, quote) = (spec.summary.trim(), spec.sop, spec.quote);
    let by = roles.join(", ");
    let long = format!("{summary}\n\nSOP {sop}: \u{201c}{quote}\u{201d}\nSaid by: {by}");
    let mut usage = format!("ledger {path} {}", command.get_name());
    if takes_public(spec) {
        usage.push_str(" --public <FILE.pub>");
    }
    for field in in_order(spec).filter(|field| must_be_said(field)) {
        let more = if field.many { "..." } else { "" };
        let (name, value) = (long_name(field), field.kind.placeholder());
        usage.push_str(&format!(" --{name} <{value}>{more}"));
    }
    usage.push_str(" [OPTIONS]");
    let command = command.about(summary).long_about(long);
    command.override_usage(usage)
}

/// How an event is said: the command with what is `known` filled in, and in capitals what has to be said besides.
pub(crate) fn command(spec: &'static EventSpec, known: &Fields) -> String {
    let mut line = format!("ledger append {}{}", spec.name, flags_of(spec, known));
    for field in unsaid(spec, known) {
        line.push_str(&format!(" --{} {}", long_name(field), word(&to_say(field))));
    }
    line
}

/// The fields that have to be said, or that the SOP asks for, and that are not there.
pub(crate) fn unsaid<'a>(
    spec: &'static EventSpec,
    said: &'a Fields,
) -> impl Iterator<Item = &'static FieldSpec> + 'a {
    let asked = rotation::asked_for(spec.name);
    let open = in_order(spec).filter(|field| !said.contains_key(field.name));
    open.filter(|field| must_be_said(field) || asked.contains(&field.name))
}

/// What stands for a value that nobody said yet.
pub(super) fn to_say(field: &FieldSpec) -> String {
    match field.kind {
        FieldKind::Choice(words) => words.join("|"),
        kind => kind.placeholder().to_owned(),
    }
}

/// The flags that say these fields, a blank before each.
pub(crate) fn flags_of(spec: &'static EventSpec, known: &Fields) -> String {
    let said = in_order(spec).filter_map(|field| Some((field, known.get(field.name)?)));
    let each = said.flat_map(|(field, value)| {
        let values = match value {
            Value::Array(values) => values.iter().map(typed).collect(),
            value => vec![typed(value)],
        };
        let values = match splits(field) {
            true => vec![values.join(",")],
            false => values,
        };
        let (name, values) = (long_name(field), values.into_iter());
        values.map(move |value| format!(" --{name} {value}"))
    });
    each.collect()
}

fn typed(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// The fields that have a flag, those first that have to be said.
fn in_order(spec: &'static EventSpec) -> impl Iterator<Item = &'static FieldSpec> {
    let typed = spec.fields.iter();
    let typed = typed.filter(|field| !is_from_public(spec, field));
    let (first, then): (Vec<_>, Vec<_>) = typed.partition(|field| must_be_said(field));
    first.into_iter().chain(then)
}

/// Whether nothing stands in for a field that is left out.
fn must_be_said(field: &FieldSpec) -> bool {
    field.required && !defaults_to_now(field) && !is_scope(field) && !is_looked_up(field)
}

fn flag(field: &'static FieldSpec) -> Arg {
    let mut arg = Arg::new(id(field))
        .long(long_name(field))
        .value_name(field.kind.placeholder())
        .help(help(field));
    if field.many {
        arg = arg.action(ArgAction::Append);
        if let Some(singular) = long_name(field).strip_suffix('s') {
            arg = arg.visible_alias(singular.to_owned());
        }
    }
    match field.kind {
        FieldKind::Choice(_) if is_scope(field) => arg,
        FieldKind::Choice(words) if !splits(field) => {
            arg.value_parser(PossibleValuesParser::new(words))
        }
        FieldKind::Flag => {
            let words = PossibleValuesParser::new(["yes", "no"]);
            arg.value_parser(words).hide_possible_values(true)
        }
        FieldKind::Number => arg.allow_negative_numbers(true),
        _ => arg,
    }
}

fn help(field: &FieldSpec) -> String {
    let mut notes = Vec::new();
    if must_be_said(field) {
        notes.push("required");
    } else if is_scope(field) {
        notes.push("default: prod");
    } else if defaults_to_now(field) {
        notes.push("default: now, or --occurred");
    } else if is_looked_up(field) {
        notes.push("default: as it is in the ledger");
    }
    match (field.many, splits(field)) {
        (true, true) => notes.push("repeat, or separate with commas"),
        (true, false) => notes.push("repeat for more"),
        (false, _) => {}
    }
    let mut text = field.help.trim().to_owned();
    match field.kind {
        FieldKind::Choice(words) if splits(field) => text += &format!(": {}", words.join(", ")),
        _ => {}
    }
    match notes.is_empty() {
        true => text,
        false => format!("{text} ({})", notes.join("; ")),
    }
}
