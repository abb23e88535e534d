//! Each rotation as an in-toto Statement, for programs that collect attestations.
//!
//! A statement says what a pack's `rotations.json` and template say, about the entries of the rotation by
//! their SHA-256. It proves no more than that the pack key's holder says so: the proofs are in a pack.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::entry::StoredEntry;
use crate::hash::Sha256Digest;
use crate::register::Register;
use crate::text::Id;

use super::documents::verdicts;
use super::dossier::Dossier;
use super::rotations::{self, RotationStory};

/// in-toto Attestation Framework, Statement v1.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The meaning of `predicate`, which FORMAT.md has. A name, not a place: nothing is to be found there.
const PREDICATE: &str = "https://rotation-ledger.invalid/rotation/v1";

/// The statement of each selected rotation, by their opening; none where the entries do not verify.
#[must_use]
pub fn statements(dossier: &Dossier<'_>) -> Option<Vec<Value>> {
    let register = dossier.report.register()?.get();
    let mut of_each: BTreeMap<&Id, Vec<&StoredEntry>> = BTreeMap::new();
    for stored in dossier.entries {
        if let Some(rotation) = stored.statement.event.rotation() {
            of_each.entry(rotation).or_default().push(stored);
        }
    }
    let statements = rotations::told(dossier, register).into_iter().map(|told| {
        let entries = of_each.remove(&told.id).unwrap_or_default();
        statement(dossier, register, told, &entries)
    });
    Some(statements.collect())
}

fn statement(
    dossier: &Dossier<'_>,
    register: &Register,
    told: RotationStory,
    entries: &[&StoredEntry],
) -> Value {
    let origin = &register.charter.origin;
    let subject: Vec<Value> = entries
        .iter()
        .map(|stored| {
            let name = match origin {
                Some(origin) => format!("{origin} entry {}", stored.sequence),
                None => format!("entry {}", stored.sequence),
            };
            json!({ "name": name, "digest": { "sha256": Sha256Digest::of(&stored.bytes) } })
        })
        .collect();
    json!({
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": PREDICATE,
        "predicate": {
            "rotation": told.row,
            "evidence": told.template.map(|(_, text)| text),
            "ledger": {
                "origin": origin,
                "ledger_id": dossier.report.ledger,
                "size": dossier.record.sequence + 1,
                "root": dossier.report.root,
                "head": dossier.record.link,
            },
            "exported_utc": dossier.record.entry.recorded,
            "recorded_by_entry": dossier.record.sequence,
            "selection": dossier.selection.part.to_string(),
            "verdicts": verdicts(dossier.report),
            "not_checked": dossier.report.not_checked,
        },
    })
}
