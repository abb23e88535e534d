//! `docs/EVENTS.md`, and that what an event declares about its fields is what it does.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use rotation_ledger::event::EventSpec;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::event::field::FieldKind;
use rotation_ledger::event::field::FieldSpec;
use rotation_ledger::event::spec;
use rotation_ledger::rule::RULES;
use rotation_ledger::rule::Verdict;
use serde_json::Value;

use crate::support::samples;

/// The events by what they are about; each stands in one group.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Governance",
        &[
            "ledger.created",
            "actor.enrolled",
            "actor.revoked",
            "policy.set",
            "namespaces.set",
            "sealing_key.replaced",
            "sealing_key.recovered",
            "pack.exported",
            "store.recovered",
            "segments.archived",
            "token.issued",
            "token.revoked",
        ],
    ),
    (
        "Inventory",
        &[
            "secret.registered",
            "secret.updated",
            "secret.retired",
            "inventory.attested",
        ],
    ),
    (
        "Rotation, SOP 6 Steps 1 to 6",
        &[
            "rotation.opened",
            "rotation.approved",
            "preconditions.confirmed",
            "replacement.generated",
            "dual_run.started",
            "dual_run.not_supported",
            "replacement.validated",
            "cutover.completed",
            "health.confirmed",
            "secret.revoked",
            "revocation.verified",
            "rotation.completed",
            "rotation.confirmed",
            "step.performed",
        ],
    ),
    ("A rotation in one record", &["rotation.recorded"]),
    (
        "Failure",
        &["step.failed", "rollback.completed", "rotation.aborted"],
    ),
    (
        "Emergency, SOP 7",
        &[
            "incident.declared",
            "runbook.executed",
            "post_incident.reported",
        ],
    ),
    (
        "Honesty",
        &[
            "entry.annotated",
            "entry.corrected",
            "exception.granted",
            "scan.exception",
            "finding.accepted",
            "evidence.attached",
            "evidence.expunged",
        ],
    ),
    ("Other sources", &["source.observed", "source.gap"]),
];

const INTRODUCTION: &str = "\
# Events and rules

Everything that can be said in a ledger, who may say it, and everything that `ledger verify` can hold
against one. This file is made from the code; a test keeps it so (`UPDATE_DOCS=1 cargo test --test
documents` writes it anew).

An event is stored as its tag and then its fields in the order of its table ([FORMAT.md](FORMAT.md) has
the bytes of each type). Tags, field order and the order of words are never changed: a new event takes the
next tag, and an event that must say more becomes a new event. A field that is not required may be left out.

Types: *id* names something (ASCII letters, digits and `. _ - : / @ + = # ~`, at most 128 bytes); *reference*
points somewhere (no white space, at most 512 bytes); *line* is one line of text (at most 1,024 bytes); *prose*
is several lines (at most 8,192 bytes); *time* is RFC 3339 in UTC; a name in *italics* with a capital is one of
the sets of [words](#words).
";

/// How a type is called in the tables.
fn type_name(stored: &str) -> String {
    let stored: String = stored.split_whitespace().collect();
    let inside = |prefix: &str| {
        stored
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix('>'))
            .map(type_name)
    };
    if let Some(inner) = inside("Option<") {
        return format!("optional {inner}");
    }
    if let Some(inner) = inside("Vec<") {
        return format!("list of {inner}");
    }
    match stored.as_str() {
        "Id" | "Reference" | "Line" | "Prose" => stored.to_lowercase(),
        "Timestamp" => "time".to_owned(),
        "bool" => "yes or no".to_owned(),
        "u32" | "u64" | "i32" => stored,
        "PublicKey" => "public key".to_owned(),
        "Signature" => "signature".to_owned(),
        "Link" => "link".to_owned(),
        "NodeHash" => "Merkle root".to_owned(),
        "Blake3Digest" => "BLAKE3".to_owned(),
        "Sha256Digest" => "SHA-256".to_owned(),
        words => format!("*{words}*"),
    }
}

fn bare_type(field: &FieldSpec) -> String {
    let stored: String = field.stored.split_whitespace().collect();
    stored
        .replace("Option<", "")
        .replace("Vec<", "")
        .replace('>', "")
}

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|")
}

fn event_section(spec: &EventSpec) -> String {
    let roles: Vec<_> = spec.roles.iter().map(|role| role.word()).collect();
    let mut text = format!(
        "\n### `{}`\n\n{}\n\nTag {} · SOP {}: “{}” · said by {}\n\n| field | type | required | meaning |\n|---|---|---|---|\n",
        spec.name,
        spec.summary.trim(),
        spec.tag,
        spec.sop,
        spec.quote,
        roles.join(", "),
    );
    for field in spec.fields {
        let required = if field.required { "yes" } else { "" };
        let (kind, help) = (type_name(field.stored), cell(field.help));
        writeln!(text, "| `{}` | {kind} | {required} | {help} |", field.name).unwrap();
    }
    text
}

/// The sets of words that fields draw from, by the name of their type.
fn words() -> BTreeMap<String, &'static [&'static str]> {
    let fields = VOCABULARY.iter().flat_map(|spec| spec.fields);
    fields
        .filter_map(|field| match field.kind {
            FieldKind::Choice(words) => Some((bare_type(field), words)),
            _ => None,
        })
        .collect()
}

fn events_md() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (title, names) in GROUPS {
        write!(text, "\n## {title}\n").unwrap();
        for name in *names {
            text.push_str(&event_section(spec(name).unwrap()));
        }
    }
    text.push_str("\n## Words\n\nEach is stored as its place in the set, from 0.\n\n| set | words |\n|---|---|\n");
    for (name, words) in words() {
        writeln!(text, "| *{name}* | {} |", words.join(" · ")).unwrap();
    }
    text.push_str(
        "\n## Rules\n\nEach finding names its rule. Integrity, authority and anchoring cannot be excused; a finding of \
         conformance or coverage can be covered by `exception.granted`, and is then shown as waived.\n",
    );
    for verdict in Verdict::ALL {
        let word = verdict.word();
        write!(text, "\n### {}{}\n\n", word[..1].to_uppercase(), &word[1..]).unwrap();
        text.push_str("| rule | SOP | what is wrong | what to try |\n|---|---|---|---|\n");
        for rule in RULES.iter().filter(|rule| rule.verdict == verdict) {
            writeln!(
                text,
                "| {} | {} | {} | {} |",
                rule.id,
                rule.sop,
                cell(rule.title),
                cell(rule.hint)
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn events_md_is_what_the_code_declares() {
    crate::keep("docs/EVENTS.md", &events_md());
}

#[test]
fn every_event_stands_in_one_group() {
    let grouped: Vec<_> = GROUPS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    let once: BTreeSet<_> = grouped.iter().copied().collect();
    let all: BTreeSet<_> = VOCABULARY.iter().map(|spec| spec.name).collect();
    assert_eq!(grouped.len(), once.len());
    assert_eq!(once, all);
}

#[test]
fn tags_have_no_gap() {
    for (place, spec) in VOCABULARY.iter().enumerate() {
        assert_eq!(spec.tag as usize, place, "{}", spec.name);
    }
}

#[test]
fn declared_fields_are_the_keys_of_json_in_their_order() {
    for spec in VOCABULARY {
        let event = samples::event(spec, samples::filled(spec));
        let Value::Object(json) = event.to_fields() else {
            panic!("{} is no object", spec.name);
        };
        let keys: Vec<_> = json.keys().map(String::as_str).collect();
        let declared: Vec<_> = spec.fields.iter().map(|field| field.name).collect();
        assert_eq!(keys, declared, "{}", spec.name);
        let again = samples::event(spec, json.into_iter().collect());
        assert_eq!(again, event);
    }
}

#[test]
fn what_is_required_is_required_and_nothing_else_is() {
    for spec in VOCABULARY {
        for field in spec.fields {
            let mut fields = samples::filled(spec);
            fields.remove(field.name);
            let parsed = rotation_ledger::event::Event::parse(spec.name, fields);
            assert_eq!(
                parsed.is_err(),
                field.required,
                "{} {}",
                spec.name,
                field.name
            );
            if let Err(fault) = parsed {
                assert!(fault.to_string().contains(field.name), "{fault}");
            }
        }
        let bare = samples::event(spec, samples::bare(spec));
        let said: BTreeSet<_> = samples::bare(spec).into_keys().collect();
        let Value::Object(json) = bare.to_fields() else {
            panic!("{} is no object", spec.name);
        };
        assert_eq!(
            json.keys().cloned().collect::<BTreeSet<_>>(),
            said,
            "{}",
            spec.name
        );
    }
}

#[test]
fn a_field_of_another_form_is_refused_by_name_and_never_echoed() {
    for spec in VOCABULARY {
        for field in spec.fields {
            for wrong in [
                serde_json::json!({ "hunter2": 1 }),
                serde_json::json!("hunter2 \u{202e}"),
            ] {
                let mut fields = samples::filled(spec);
                fields.insert(field.name.to_owned(), wrong);
                let fault = rotation_ledger::event::Event::parse(spec.name, fields)
                    .unwrap_err()
                    .to_string();
                assert!(!fault.contains("hunter2"), "{fault}");
                if field.kind != FieldKind::Hex {
                    assert!(fault.contains(field.name), "{fault}");
                }
            }
        }
    }
}

#[test]
fn an_unknown_field_is_refused() {
    for spec in VOCABULARY {
        let mut fields = samples::filled(spec);
        fields.insert("surprise".to_owned(), serde_json::json!("x"));
        assert!(rotation_ledger::event::Event::parse(spec.name, fields).is_err());
    }
}
