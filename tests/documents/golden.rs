//! The stored bytes of every kind of event, for ever: one file each under `tests/golden`, never
//! changed once released.
//!
//! A file holds the statement and the entry with every field filled, the event's bytes with only
//! what it cannot be without, and its bytes with each word that a field can hold. New events get
//! their file from `UPDATE_GOLDEN=1 cargo test --test documents golden`; a file that is there is overwritten
//! only by hand.

use crate::support::samples;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;

use rotation_ledger::codec;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::Event;
use rotation_ledger::event::EventSpec;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::event::field::FieldKind;
use rotation_ledger::statement::Statement;
use rotation_ledger::statement::signature_holds;
use serde_json::json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn file(spec: &EventSpec) -> PathBuf {
    folder().join(format!("{}.txt", spec.name))
}

/// What a golden file holds: a name and the bytes, a line each.
fn samples_of(spec: &EventSpec) -> Vec<(String, Vec<u8>)> {
    let filled = samples::event(spec, samples::filled(spec));
    let statement = samples::statement(filled);
    let mut lines = vec![
        ("statement".to_owned(), statement.encode().unwrap()),
        (
            "entry".to_owned(),
            samples::entry(&statement).encode().unwrap(),
        ),
    ];
    let bare = samples::event(spec, samples::bare(spec));
    lines.push(("bare".to_owned(), codec::encode(&bare).unwrap()));
    for field in spec.fields {
        let FieldKind::Choice(words) = field.kind else {
            continue;
        };
        for word in words {
            let mut fields = samples::bare(spec);
            let value = if field.many {
                json!([word])
            } else {
                json!(word)
            };
            fields.insert(field.name.to_owned(), value);
            let event = samples::event(spec, fields);
            lines.push((
                format!("{}={word}", field.name),
                codec::encode(&event).unwrap(),
            ));
        }
    }
    lines
}

fn format(spec: &EventSpec, lines: &[(String, Vec<u8>)]) -> String {
    let mut text = format!("# {}, tag {}\n", spec.name, spec.tag);
    for (name, bytes) in lines {
        writeln!(text, "{name} {}", hex::encode(bytes)).unwrap();
    }
    text
}

#[test]
fn every_event_has_the_bytes_it_always_had() {
    for spec in VOCABULARY {
        let made = format(spec, &samples_of(spec));
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !file(spec).exists() {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(file(spec), &made).unwrap();
        }
        let golden = std::fs::read_to_string(file(spec))
            .unwrap_or_else(|fault| panic!("{}: {fault}; UPDATE_GOLDEN=1 makes it", spec.name));
        for (golden, made) in golden.lines().zip(made.lines()) {
            assert_eq!(golden, made, "{}", spec.name);
        }
        assert_eq!(golden, made, "{}", spec.name);
    }
}

/// From the files alone: what was stored once can be read, says the same and is written the same.
#[test]
fn golden_bytes_read_back() {
    for spec in VOCABULARY {
        let golden = std::fs::read_to_string(file(spec)).unwrap();
        let mut read = 0;
        for line in golden.lines().filter(|line| !line.starts_with('#')) {
            let (name, bytes) = line.split_once(' ').unwrap();
            let bytes = hex::decode(bytes).unwrap();
            let again = match name {
                "statement" => {
                    let statement = Statement::decode(&bytes).unwrap();
                    assert_eq!(statement.event.name(), spec.name);
                    statement.encode()
                }
                "entry" => {
                    let entry = Entry::decode(&bytes).unwrap();
                    let statement = Statement::decode(&entry.statement).unwrap();
                    let author = statement.author.admit().unwrap();
                    assert!(signature_holds(&entry.statement, &author, &entry.signature));
                    entry.encode()
                }
                _ => {
                    let event: Event = codec::decode(&bytes).unwrap();
                    assert_eq!(event.name(), spec.name);
                    codec::encode(&event)
                }
            };
            assert_eq!(again.unwrap(), bytes, "{} {name}", spec.name);
            read += 1;
        }
        assert!(read >= 3, "{}", spec.name);
    }
}

#[test]
fn no_golden_file_is_left_over() {
    let named: BTreeSet<_> = VOCABULARY.iter().map(file).collect();
    let found: BTreeSet<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(found, named);
}
