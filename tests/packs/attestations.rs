//! Rotations as in-toto Statements in DSSE envelopes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::Signature;
use rotation_ledger::pack::IN_TOTO;
use rotation_ledger::pack::PackPart;
use rotation_ledger::pack::SelectionForm;
use rotation_ledger::pack::pre_authentication_encoding;
use serde_json::Value;

use crate::support::program::Program;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::pack_key;
use crate::support::shelf::rotation;

/// The payloads of envelopes, each with whether its signature holds.
fn open(bundle: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let lines = std::str::from_utf8(bundle).unwrap().lines();
    let envelope = |line: &str| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let decode = |value: &Value| BASE64.decode(value.as_str().unwrap()).unwrap();
        assert_eq!(envelope["payloadType"], IN_TOTO);
        let signatures = envelope["signatures"].as_array().unwrap();
        assert_eq!(signatures.len(), 1);
        assert_eq!(signatures[0]["keyid"], pack_key().public().to_string());
        let payload = decode(&envelope["payload"]);
        let signature: [u8; 64] = decode(&signatures[0]["sig"]).try_into().unwrap();
        let signed = pre_authentication_encoding(IN_TOTO, &payload);
        let key = pack_key().public().admit().unwrap();
        let holds = key.accepts(&signed, &Signature::from_bytes(signature));
        (payload, holds)
    };
    lines.map(envelope).collect()
}

fn exported(shelf: &mut Shelf, part: PackPart) -> (u64, Vec<u8>) {
    let said = shelf.said_as(part, true, SelectionForm::InToto);
    let sequence = shelf.record(said);
    let pack = shelf.with(|export| export.pack(sequence)).unwrap();
    (sequence, pack.bytes)
}

#[test]
fn a_statement_says_what_a_pack_says_about_the_entries_of_its_rotation() {
    let mut shelf = Shelf::new(busy());
    let (sequence, bundle) = exported(&mut shelf, everything());
    let again = shelf.with(|export| export.pack(sequence)).unwrap();
    assert!(again.bytes == bundle, "other bytes than before");
    let pack = shelf.export(everything());
    let (_, inside) = files(&pack.bytes);
    let rows: Value = serde_json::from_slice(&inside["data/rotations.json"]).unwrap();
    let rows = rows["rotations"].as_array().unwrap();
    let statements = open(&bundle);
    assert_eq!(statements.len(), rows.len());
    for ((payload, holds), row) in statements.iter().zip(rows) {
        assert!(holds);
        let statement: Value = serde_json::from_slice(payload).unwrap();
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        let predicate = &statement["predicate"];
        assert_eq!(predicate["rotation"], *row);
        assert_eq!(predicate["recorded_by_entry"], sequence);
        let template = &inside[&format!("data/{}", row["evidence"].as_str().unwrap())];
        assert_eq!(predicate["evidence"].as_str().unwrap().as_bytes(), template);
        assert!(!predicate["not_checked"].as_array().unwrap().is_empty());
        // Its subjects are the entries of this rotation: all of them, and no others.
        let subjects = statement["subject"].as_array().unwrap();
        let named: Vec<(String, String)> = subjects
            .iter()
            .map(|subject| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                (text(&subject["name"]), text(&subject["digest"]["sha256"]))
            })
            .collect();
        let entries = String::from_utf8(inside["data/ledger/entries.ndjson"].clone()).unwrap();
        let of_it: Vec<(String, String)> = entries
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|entry| entry["fields"]["rotation"] == row["rotation"])
            .map(|entry| {
                let at = entry["sequence"].as_u64().unwrap();
                let bytes = &inside[&format!("data/ledger/entries/{at:09}.bin")];
                let name = format!("{} entry {at}", crate::support::story::ORIGIN);
                (name, Sha256Digest::of(bytes).to_string())
            })
            .collect();
        assert_eq!(named, of_it);
        assert!(named.len() > 8, "{named:?}");
    }
}

#[test]
fn a_changed_byte_breaks_an_attestation() {
    let mut shelf = Shelf::new(busy());
    let (_, bundle) = exported(&mut shelf, rotation("r-1"));
    let opened = open(&bundle);
    let [(payload, true)] = opened.as_slice() else {
        panic!("one whole envelope");
    };
    let envelope: Value = serde_json::from_slice(&bundle).unwrap();
    for at in 0..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        let mut envelope = envelope.clone();
        envelope["payload"] = BASE64.encode(changed).into();
        let opened = open(envelope.to_string().as_bytes());
        assert!(opened.iter().all(|(_, holds)| !holds), "byte {at}");
    }
}

#[test]
fn attestations_are_exported_and_recorded() {
    let program = Program::prepared();
    let before = program.events().len();
    assert_eq!(
        program.code("export --key alice.pem --out r.jsonl --format in-toto --rotation r-1"),
        0
    );
    assert_eq!(program.events().len(), before + 1);
    let first = std::fs::read(program.path("r.jsonl")).unwrap();
    assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 1);
    let words = format!("export --again {before} --out again.jsonl");
    assert_eq!(program.code(&words), 0);
    assert!(std::fs::read(program.path("again.jsonl")).unwrap() == first);
    assert!(program.is_intact());
}
