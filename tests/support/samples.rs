//! One sample of every event of the vocabulary, with every field filled, made from what each event
//! declares about itself.

use std::collections::BTreeMap;

use rotation_ledger::entry::Entry;
use rotation_ledger::event::Event;
use rotation_ledger::event::EventSpec;
use rotation_ledger::event::field::FieldKind;
use rotation_ledger::event::field::FieldSpec;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::SecretKey;
use rotation_ledger::statement::Attachment;
use rotation_ledger::statement::EventId;
use rotation_ledger::statement::Statement;
use rotation_ledger::time::Timestamp;
use serde_json::Value;
use serde_json::json;

/// Fields as a draft gives them.
pub type Fields = BTreeMap<String, Value>;

/// What a field holds when nobody has anything to say.
fn value(spec: &FieldSpec) -> Value {
    match spec.kind {
        FieldKind::Id => json!(format!("the-{}", spec.name)),
        FieldKind::Reference => json!(format!("ref://{}", spec.name)),
        FieldKind::Line => json!(format!("a line of {}", spec.name)),
        FieldKind::Prose => json!(format!("first\nsecond\tof {}", spec.name)),
        FieldKind::Time => json!("2026-11-23T09:00:00.000001Z"),
        FieldKind::Flag => json!(true),
        FieldKind::Number => json!(258),
        // A signature is 64 bytes, everything else 32.
        FieldKind::Hex if spec.stored.contains("Signature") => json!("5a".repeat(64)),
        FieldKind::Hex => json!("a5".repeat(32)),
        FieldKind::Choice(words) => json!(words[0]),
        other => panic!("no sample of {other:?}"),
    }
}

/// Every field of an event, filled.
pub fn filled(spec: &EventSpec) -> Fields {
    let field = |field: &FieldSpec| {
        let one = value(field);
        let value = if field.many { json!([one, one]) } else { one };
        (field.name.to_owned(), value)
    };
    spec.fields.iter().map(field).collect()
}

/// Only what an event cannot be without.
pub fn bare(spec: &EventSpec) -> Fields {
    let mut fields = filled(spec);
    fields.retain(|name, _| {
        spec.fields
            .iter()
            .any(|field| field.name == name && field.required)
    });
    fields
}

/// The event of these fields.
pub fn event(spec: &EventSpec, fields: Fields) -> Event {
    Event::parse(spec.name, fields).unwrap_or_else(|fault| panic!("{fault}"))
}

/// Whose key signs the samples: seed 01 01 … 01.
pub fn author() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

/// A statement around an event, every field filled.
pub fn statement(event: Event) -> Statement {
    Statement {
        version: 1,
        ledger: LedgerId::from_genesis(Link::of(b"entry 0")),
        event_id: EventId::from_bytes([
            0x01, 0x98, 0xf2, 0xc0, 0x7a, 0x10, 0x7c, 0x33, 0x9b, 0x1e, 0x5d, 0x2a, 0x6c, 0x0e,
            0x4f, 0x01,
        ]),
        occurred: Timestamp::from_micros(1_795_424_400_000_001),
        author: author().public(),
        on_behalf_of: Some("olga".parse().unwrap()),
        event,
        attachments: vec![Attachment {
            blake3: Blake3Digest::of(b"login passed\n"),
            sha256: Sha256Digest::of(b"login passed\n"),
            length: 13,
            media_type: "text/plain".parse().unwrap(),
            name: "login.txt".parse().unwrap(),
        }],
    }
}

/// The statement in a place: entry 7, third about its secret.
pub fn entry(statement: &Statement) -> Entry {
    let signed = statement.sign(&author()).unwrap();
    let recorded = Timestamp::from_micros(1_795_424_401_000_000);
    Entry::place(7, Link::of(b"entry 6"), 6, recorded, signed)
}
