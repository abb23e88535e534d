//! From what was typed to fields, and from fields to an event.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::event::field::{FieldKind, FieldSpec};
use crate::event::{Event, EventSpec};
use crate::time::{SaidTime, Timestamp};

use crate::cli::context::read_public;
use crate::cli::exit::CommandError;

use super::naming::{
    GENERIC, PUBLIC, defaults_to_now, id, is_from_public, is_scope, lies_ahead, long_name, splits,
    takes_public,
};

/// What the fields of an event are filled with before it is an event.
pub(crate) type Fields = BTreeMap<String, Value>;

/// What was typed after the event's name, as fields; times that were left out are `now`, and spans are counted from it.
pub(crate) fn read(
    spec: &'static EventSpec,
    matches: &ArgMatches,
    now: Timestamp,
) -> Result<Fields, CommandError> {
    let mut fields = Fields::new();
    let typed = spec.fields.iter();
    for field in typed.filter(|field| !is_from_public(spec, field)) {
        for word in matches.get_many::<String>(&id(field)).into_iter().flatten() {
            take(&mut fields, field, word, now)
                .map_err(|fault| CommandError::usage(format!("--{} {fault}", long_name(field))))?;
        }
    }
    if takes_public(spec)
        && let Some(path) = matches.get_one::<PathBuf>(PUBLIC)
    {
        let public = read_public(path)?;
        let (key, possession) = (public.key().to_string(), public.possession().to_string());
        fields.insert("key".to_owned(), Value::from(key));
        fields.insert("possession".to_owned(), Value::from(possession));
    }
    let generic = matches.get_many::<String>(GENERIC);
    take_named(spec, &mut fields, generic.into_iter().flatten(), now)?;
    fill_defaults(spec, &mut fields, now);
    Ok(fields)
}

/// Of what was read, the times that were typed in other words than they are signed in; a day is its midnight.
pub(crate) fn read_otherwise(
    spec: &'static EventSpec,
    matches: &ArgMatches,
    said: &Fields,
) -> Fields {
    let words = |id: &str| matches.get_many::<String>(id).into_iter().flatten();
    let is_other = |field: &&FieldSpec| {
        let read = said.get(field.name).and_then(Value::as_str);
        let named = words(GENERIC).filter_map(|word| word.split_once('='));
        let named = named.filter(|(name, _)| *name == field.name);
        let named = named.map(|(_, value)| value);
        let mut typed = words(&id(field)).map(String::as_str).chain(named);
        typed.any(|typed| !read.is_some_and(|read| read.starts_with(typed)))
    };
    let times = spec.fields.iter();
    let times = times.filter(|field| field.kind == FieldKind::Time);
    let said = |field: &FieldSpec| Some((field.name.to_owned(), said.get(field.name)?.clone()));
    times.filter(is_other).filter_map(said).collect()
}

/// Takes `NAME=VALUE` words into `fields`.
pub(crate) fn take_named<'a>(
    spec: &'static EventSpec,
    fields: &mut Fields,
    words: impl Iterator<Item = &'a String>,
    now: Timestamp,
) -> Result<(), CommandError> {
    for word in words {
        let malformed = || CommandError::usage("a field is written as NAME=VALUE");
        let (name, value) = word.split_once('=').ok_or_else(malformed)?;
        let field = spec.field(name).ok_or_else(|| {
            let known: Vec<_> = spec.fields.iter().map(|field| field.name).collect();
            let name: String = name.chars().take(64).collect();
            CommandError::usage(format!("{} has no field `{name}`", spec.name))
                .hint(format!("its fields are {}", known.join(", ")))
        })?;
        take(fields, field, value, now)
            .map_err(|fault| CommandError::usage(format!("the field `{}` {fault}", field.name)))?;
    }
    Ok(())
}

/// Fills in what nobody has to say.
pub(crate) fn fill_defaults(spec: &EventSpec, fields: &mut Fields, now: Timestamp) {
    for field in spec.fields {
        let value = match field {
            field if defaults_to_now(field) => now.to_string(),
            field if is_scope(field) => "prod".to_owned(),
            _ => continue,
        };
        let place = fields.entry(field.name.to_owned());
        place.or_insert_with(|| Value::from(value));
    }
}

pub(super) fn take(
    fields: &mut Fields,
    field: &FieldSpec,
    word: &str,
    now: Timestamp,
) -> Result<(), String> {
    let parse = |word: &str| match field.kind {
        _ if is_scope(field) => Ok(Value::from(word)),
        FieldKind::Time => {
            let said: SaidTime = word.parse()?;
            let at = match lies_ahead(field) {
                true => said.after(now),
                false => said.before(now),
            };
            Ok(Value::from(at.to_string()))
        }
        kind => kind.parse(word),
    };
    if !field.many {
        if fields.insert(field.name.to_owned(), parse(word)?).is_some() {
            return Err("is given twice".to_owned());
        }
        return Ok(());
    }
    let words: Vec<&str> = match splits(field) {
        true => word.split(',').map(str::trim).collect(),
        false => vec![word],
    };
    let values: Vec<Value> = words.into_iter().map(parse).collect::<Result<_, _>>()?;
    let list = fields.entry(field.name.to_owned());
    let list = list.or_insert_with(|| json!([]));
    let list = list.as_array_mut().ok_or("is given twice")?;
    list.extend(values);
    Ok(())
}

/// The event, once every field is there. What is missing is named all at once.
pub(crate) fn finish(spec: &'static EventSpec, fields: Fields) -> Result<Event, CommandError> {
    let help = format!("ledger append {} --help", spec.name);
    let missing: Vec<_> = spec.missing(&fields).collect();
    if let [first, rest @ ..] = missing.as_slice() {
        let mut needed: Vec<_> = missing.iter().map(|field| flag_name(spec, field)).collect();
        // One file stands for two fields, one after the other.
        needed.dedup();
        let what = match rest {
            [] => format!(": {}", first.help.trim()),
            _ => String::new(),
        };
        let needed = needed.join(", ");
        return Err(CommandError::usage(format!("{} needs {needed}{what}", spec.name)).hint(help));
    }
    Event::parse(spec.name, fields).map_err(|fault| CommandError::refused(fault).hint(help))
}

fn flag_name(spec: &EventSpec, field: &FieldSpec) -> String {
    if is_from_public(spec, field) {
        format!("--{PUBLIC} FILE.pub")
    } else {
        format!("--{}", long_name(field))
    }
}

#[cfg(test)]
mod tests {
    use super::super::flags::{describe, flags};
    use super::*;
    use crate::cli::exit::Exit;
    use crate::event::{self, VOCABULARY};

    fn read_line(name: &str, words: &[&str]) -> Result<Event, CommandError> {
        let spec = event::spec(name).unwrap();
        let matches = flags(spec.name, spec)
            .no_binary_name(true)
            .try_get_matches_from(words)
            .unwrap();
        let now = "2026-11-23T09:00:00Z".parse().unwrap();
        finish(spec, read(spec, &matches, now)?)
    }

    #[test]
    fn every_event_has_a_subcommand_with_a_flag_per_field() {
        for spec in VOCABULARY {
            let command = describe(flags(spec.name, spec), "append", spec);
            command.clone().debug_assert();
            let help = command
                .clone()
                .render_long_help()
                .to_string()
                .replace('\n', " ");
            assert!(help.contains(spec.sop), "{}", spec.name);
            for field in spec
                .fields
                .iter()
                .filter(|field| !is_from_public(spec, field))
            {
                assert!(
                    command
                        .get_arguments()
                        .any(|arg| arg.get_long() == Some(&*long_name(field))),
                    "{} {}",
                    spec.name,
                    field.name
                );
            }
        }
    }

    #[test]
    fn lists_of_ids_split_on_commas_and_repeat() {
        let event = read_line(
            "cutover.completed",
            &[
                "--rotation",
                "r1",
                "--consumers",
                "api,worker",
                "--consumer",
                "cron",
                "--to-version",
                "v8",
            ],
        );
        let Ok(Event::CutoverCompleted(said)) = event else {
            panic!("{event:?}")
        };
        let consumers: Vec<_> = said.consumers.iter().map(|id| id.as_str()).collect();
        assert_eq!(consumers, ["api", "worker", "cron"]);
    }

    #[test]
    fn texts_keep_their_commas() {
        let words = [
            "--incident",
            "i1",
            "--report",
            "doc/1",
            "--timeline",
            "t",
            "--remediation",
            "first, then",
            "--remediation",
            "second",
        ];
        let Ok(Event::PostIncidentReported(said)) = read_line("post_incident.reported", &words)
        else {
            panic!()
        };
        assert_eq!(said.remediation.len(), 2);
    }

    #[test]
    fn times_default_to_now_but_never_to_something_untrue() {
        let words = [
            "--rotation",
            "r1",
            "--version",
            "v7",
            "--target",
            "old",
            "--method",
            "revoke",
        ];
        let Ok(Event::SecretRevoked(said)) = read_line("secret.revoked", &words) else {
            panic!()
        };
        assert_eq!(said.effective.to_string(), "2026-11-23T09:00:00Z");
        let fault =
            read_line("source.gap", &["--source", "vault", "--cause", "restart"]).unwrap_err();
        assert_eq!(fault.message, "source.gap needs --from: Start of the gap");
    }

    #[test]
    fn another_environment_is_refused_by_the_ledger_not_by_the_command_line() {
        let words = [
            "--rotation",
            "r1",
            "--secret",
            "s",
            "--environment",
            "staging",
            "--reason",
            "scheduled",
            "--consumers",
            "a",
        ];
        let fault = read_line("rotation.opened", &words).unwrap_err();
        assert_eq!(fault.exit, Exit::Refused);
        assert!(fault.message.contains("prod only"), "{}", fault.message);
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let fault = read_line("dual_run.not_supported", &["--rotation", "r1"]).unwrap_err();
        assert_eq!(
            fault.message,
            "dual_run.not_supported needs --reason, --mitigation"
        );
        assert_eq!(fault.exit, Exit::Usage);
    }

    #[test]
    fn generic_fields_are_the_same_fields() {
        let flags = read_line(
            "rotation.aborted",
            &[
                "--rotation",
                "r",
                "--reason",
                "x",
                "--disposition",
                "none_generated",
            ],
        );
        let generic = read_line(
            "rotation.aborted",
            &[
                "--field",
                "rotation=r",
                "--field",
                "reason=x",
                "--field",
                "disposition=none_generated",
            ],
        );
        assert_eq!(flags, generic);
        let twice = read_line(
            "rotation.aborted",
            &["--rotation", "r", "--field", "rotation=s"],
        )
        .unwrap_err();
        assert_eq!(twice.message, "the field `rotation` is given twice");
        let unknown = read_line("rotation.aborted", &["--field", "colour=red"]).unwrap_err();
        assert_eq!(unknown.message, "rotation.aborted has no field `colour`");
    }
}
