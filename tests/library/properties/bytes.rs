//! Entries and statements: one value, one encoding, and no two entries from the same bytes.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::EventSpec;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::event::field::FieldKind;
use rotation_ledger::event::field::FieldSpec;
use rotation_ledger::hash::Link;
use rotation_ledger::statement::Statement;
use rotation_ledger::statement::signature_holds;
use rotation_ledger::text::Line;
use rotation_ledger::text::Prose;
use rotation_ledger::time::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::support::samples;

fn one(field: &'static FieldSpec) -> BoxedStrategy<Value> {
    let text = |pattern: &'static str| {
        pattern.prop_filter_map("edges and invisible characters", |text| {
            Prose::new(text.clone()).is_ok().then_some(json!(text))
        })
    };
    match field.kind {
        FieldKind::Id => "[a-zA-Z0-9._:/@+=#~-]{1,20}"
            .prop_map(|id| json!(id))
            .boxed(),
        FieldKind::Reference => text("[^\\s\\p{C}]{1,30}").boxed(),
        FieldKind::Line => "\\PC{1,60}"
            .prop_filter_map("a line", |text| Line::new(text).ok())
            .prop_map(|line| json!(line))
            .boxed(),
        FieldKind::Prose => text("(\\PC|\\n|\\t){1,60}").boxed(),
        FieldKind::Time => (0..4_000_000_000_000_000_i64)
            .prop_map(|micros| json!(Timestamp::from_micros(micros)))
            .boxed(),
        FieldKind::Flag => any::<bool>().prop_map(|flag| json!(flag)).boxed(),
        FieldKind::Number => (0..=i32::MAX).prop_map(|number| json!(number)).boxed(),
        FieldKind::Hex => {
            let length = if field.stored.contains("Signature") {
                64
            } else {
                32
            };
            vec(any::<u8>(), length)
                .prop_map(|bytes| json!(hex::encode(bytes)))
                .boxed()
        }
        FieldKind::Choice(words) => select(words).prop_map(|word| json!(word)).boxed(),
        other => panic!("no values of {other:?}"),
    }
}

fn field(field: &'static FieldSpec) -> BoxedStrategy<Option<(String, Value)>> {
    let value = if field.many {
        vec(one(field), usize::from(!field.required)..4)
            .prop_map(Value::from)
            .boxed()
    } else {
        one(field)
    };
    let named = value.prop_map(|value| (field.name.to_owned(), value));
    if field.required {
        named.prop_map(Some).boxed()
    } else {
        option::of(named).boxed()
    }
}

fn statement() -> impl Strategy<Value = Statement> {
    select(VOCABULARY).prop_flat_map(|spec: EventSpec| {
        let fields: Vec<_> = spec.fields.iter().map(field).collect();
        (fields, any::<i64>(), any::<bool>(), 0..3_usize).prop_map(
            move |(fields, occurred, alone, files)| {
                let event = samples::event(&spec, fields.into_iter().flatten().collect());
                let mut statement = samples::statement(event);
                statement.occurred = Timestamp::from_micros(occurred);
                if alone {
                    statement.on_behalf_of = None;
                }
                statement.attachments = vec![statement.attachments[0].clone(); files];
                statement
            },
        )
    })
}

proptest! {
    #![proptest_config(crate::properties::cases(256))]

    #[test]
    fn what_is_encoded_decodes_to_itself(statement in statement(), subject_previous: u64, sequence: u64) {
        let bytes = statement.encode().unwrap();
        prop_assert_eq!(&Statement::decode(&bytes).unwrap(), &statement);
        let mut entry = samples::entry(&statement);
        entry.subject_previous = subject_previous;
        entry.sequence = sequence;
        let bytes = entry.encode().unwrap();
        let again = Entry::decode(&bytes).unwrap();
        prop_assert_eq!(&again, &entry);
        prop_assert_eq!(again.encode().unwrap(), bytes);
    }

    #[test]
    fn what_events_say_in_json_reads_back(statement in statement()) {
        let event = &statement.event;
        let Value::Object(fields) = event.to_fields() else {
            panic!("{} is no object", event.name());
        };
        let again = rotation_ledger::event::Event::parse(event.name(), fields.into_iter().collect());
        prop_assert_eq!(again.as_ref(), Ok(event));
    }

    #[test]
    fn a_changed_byte_is_refused_or_another_entry(statement in statement(), mask in 1..=255_u8) {
        let entry = samples::entry(&statement);
        let bytes = entry.encode().unwrap();
        let author = samples::author().public().admit().unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= mask;
            let Ok(other) = Entry::decode(&changed) else {
                continue;
            };
            prop_assert_ne!(&other, &entry, "byte {}", at);
            prop_assert_eq!(&other.encode().unwrap(), &changed, "byte {}", at);
            prop_assert_ne!(Link::of(&changed), Link::of(&bytes));
            if other.statement != entry.statement {
                prop_assert!(!signature_holds(&other.statement, &author, &other.signature), "byte {}", at);
                if let Ok(said) = Statement::decode(&other.statement) {
                    prop_assert_ne!(said, Statement::decode(&entry.statement).unwrap());
                }
            }
        }
    }

    #[test]
    fn a_shorter_or_longer_entry_is_refused(statement in statement(), more in vec(any::<u8>(), 1..40)) {
        let bytes = samples::entry(&statement).encode().unwrap();
        for end in 0..bytes.len() {
            prop_assert!(Entry::decode(&bytes[..end]).is_err(), "cut at {}", end);
        }
        prop_assert!(Entry::decode(&[bytes, more].concat()).is_err());
    }

    #[test]
    fn any_bytes_are_read_strictly_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        let bytes = [&[1, 0][..], &bytes].concat();
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode().unwrap(), bytes.clone());
        }
        if let Ok(statement) = Statement::decode(&bytes) {
            prop_assert_eq!(statement.encode().unwrap(), bytes);
        }
    }
}
