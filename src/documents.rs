//! What programs are told of a ledger: the same documents on the command line and over HTTP. Read and
//! not verified, but for what is handed in.

use serde_json::{Value, json};

#[cfg(not(target_family = "wasm"))]
use crate::append::Receipt;
use crate::checkpoint::Checkpoint;
use crate::entry::StoredEntry;
use crate::hash::NodeHash;
use crate::inventory::Secret;
use crate::key::PublicKey;
use crate::keyring::{Actor, LEDGER_ACTOR};
use crate::proof::TlogProof;
use crate::register::{Register, TokenStanding};
use crate::rotation::Rotation;
#[cfg(not(target_family = "wasm"))]
use crate::rule::Finding;
use crate::text::Id;
use crate::time::Timestamp;
use crate::verify::{BelievedTokens, Conclusion};

/// A document with its schema in front; `thing` is the schema's middle part, for example `status`.
#[must_use]
pub fn with_schema(thing: &str, body: Value) -> Value {
    let mut document = serde_json::Map::new();
    document.insert(
        "schema".to_owned(),
        json!(format!("rotation-ledger/{thing}/1")),
    );
    if let Value::Object(body) = body {
        document.extend(body);
    }
    Value::Object(document)
}

/// A receipt; [`proven`] adds its proof.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn receipt(receipt: &Receipt) -> Value {
    json!({
        "sequence": receipt.sequence,
        "event": receipt.event,
        "event_id": receipt.event_id,
        "recorded_utc": receipt.recorded,
        "link": receipt.link,
        "leaf": receipt.leaf,
        "size": receipt.size,
        "root": receipt.root,
        "replayed": receipt.replayed,
        "findings": receipt.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
    })
}

/// A receipt with what can be checked without the ledger, where it could be proven.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn proven(given: &Receipt, proof: Option<&TlogProof>) -> Value {
    let mut document = receipt(given);
    document["proof"] = json!(proof.map(ToString::to_string));
    document
}

/// The id of a key's holder; the key's first digits where nobody was enrolled with it.
#[must_use]
pub fn actor(register: &Register, key: &PublicKey) -> String {
    let keyring = &register.charter.keyring;
    let seals = || keyring.seals().iter().any(|seal| seal.key == *key);
    match keyring.holder(key) {
        Some(actor) => actor.id.to_string(),
        None if seals() => LEDGER_ACTOR.to_owned(),
        None => format!("key {}", key.short()),
    }
}

/// An entry with everything that it says; `register` gives the names in it.
#[must_use]
pub fn entry(stored: &StoredEntry, register: &Register) -> Value {
    let statement = &stored.statement;
    let subject = register.subject(&statement.event);
    stored.to_json(&actor(register, &statement.author), subject.as_ref())
}

/// The same, and by which time token the entry is not younger than what that states.
#[must_use]
pub fn entry_in_full(stored: &StoredEntry, register: &Register, tokens: &BelievedTokens) -> Value {
    let mut document = entry(stored, register);
    if let Some((time, token)) = tokens.not_after(stored.sequence) {
        document["not_after"] = json!({ "time": time, "by": token });
    }
    document
}

/// Entries in full with the remarks that name them; where they are those of a rotation, how it stands.
#[must_use]
pub fn shown(rotation: Option<&Value>, entries: &[Value], remarks: &[Value]) -> Value {
    json!({ "rotation": rotation, "entries": entries, "remarks": remarks })
}

/// What is open, unconfirmed or overdue.
#[must_use]
pub fn status(register: &Register, entries: u64, now: Timestamp, witnesses: &[Value]) -> Value {
    let described = |rotations: &mut dyn Iterator<Item = &Rotation>| -> Vec<_> {
        rotations
            .map(|rotation| register.rotation_json(rotation))
            .collect()
    };
    let overdue = register.overdue_secrets(now).map(|secret| &secret.id);
    let reports = register.unreported_incidents().map(|incident| &incident.id);
    json!({
        "as_of": now,
        "entries": entries,
        "origin": register.charter.origin,
        "secrets": register.charter.active_secrets,
        "overdue": overdue.collect::<Vec<_>>(),
        "open": described(&mut register.open_rotations()),
        "unconfirmed": described(&mut register.unconfirmed_rotations()),
        "incidents_without_report": reports.collect::<Vec<_>>(),
        "witnesses": witnesses,
    })
}

/// Every rotation, by its id.
#[must_use]
pub fn rotations<'a>(register: &Register, listed: impl Iterator<Item = &'a Rotation>) -> Value {
    let each = listed.map(|rotation| register.rotation_json(rotation));
    json!({ "rotations": each.collect::<Vec<_>>() })
}

/// The secrets that are overdue or fall due by `horizon`.
#[must_use]
pub fn due(register: &Register, as_of: Timestamp, horizon: Timestamp) -> Value {
    let policy = &register.charter.policy;
    let secrets = register.due_secrets(as_of, horizon);
    let overdue = secrets.iter().filter(|(_, age)| age.is_overdue()).count();
    let listed = secrets.iter();
    let listed = listed.map(|(secret, _)| secret.to_json(policy, as_of));
    json!({
        "as_of": as_of,
        "until": horizon,
        "secrets": listed.collect::<Vec<_>>(),
        "overdue": overdue,
        "registered": register.charter.active_secrets,
    })
}

/// The secrets of the inventory; `all`: also those that were retired.
pub fn listed_secrets(register: &Register, all: bool) -> impl Iterator<Item = &Secret> {
    let secrets = register.secrets.values();
    secrets
        .map(|threaded| &threaded.secret)
        .filter(move |secret| all || secret.retired.is_none())
}

/// The same as a document.
#[must_use]
pub fn secrets(register: &Register, now: Timestamp, all: bool) -> Value {
    let policy = &register.charter.policy;
    let secrets = listed_secrets(register, all);
    json!({
        "as_of": now,
        "ids_sha256": register.population_digest(),
        "secrets": secrets.map(|secret| secret.to_json(policy, now)).collect::<Vec<_>>(),
    })
}

/// Everybody who may or might speak, in the order of their enrolment.
#[must_use]
pub fn by_enrolment(register: &Register) -> Vec<(&PublicKey, &Actor)> {
    let mut actors: Vec<_> = register.charter.keyring.actors().collect();
    actors.sort_by_key(|(_, actor)| actor.enrolled);
    actors
}

/// The same as a document.
#[must_use]
pub fn actors(register: &Register) -> Value {
    let actors = by_enrolment(register);
    let each = actors.iter().map(|(key, actor)| {
        let revoked = actor.revoked.as_ref();
        json!({
            "actor": actor.id,
            "name": actor.name,
            "kind": actor.kind,
            "roles": actor.roles,
            "key": key,
            "enrolled_by_entry": actor.enrolled,
            "revoked_by_entry": revoked.map(|revocation| revocation.sequence),
            "compromised_since": revoked.and_then(|revocation| revocation.compromised_since),
        })
    });
    json!({ "actors": each.collect::<Vec<_>>() })
}

/// Every transport token that was issued, in the order of its issue; never what it is recognised by.
#[must_use]
pub fn tokens(register: &Register, now: Timestamp) -> Value {
    let each = register.charter.tokens.by_issue().into_iter().map(|token| {
        json!({
            "name": token.name,
            "scope": token.scope,
            "expires": token.expires,
            "live": token.standing(now) == TokenStanding::Live,
            "issued_by": token.issued_by,
            "issued_by_entry": token.issued,
            "revoked_by_entry": token.revoked,
        })
    });
    json!({ "as_of": now, "tokens": each.collect::<Vec<_>>() })
}

/// Where an entry stands under a checkpoint.
#[must_use]
pub fn proof(sequence: u64, stated: &Checkpoint, proof: &TlogProof) -> Value {
    let hashes = proof.hashes().iter().map(NodeHash::to_base64);
    json!({
        "index": sequence,
        "size": stated.size,
        "root": stated.root,
        "hashes": hashes.collect::<Vec<_>>(),
        "checkpoint": proof.checkpoint(),
        "proof": proof.to_string(),
    })
}

/// The document of a verification, with what it comes to.
#[must_use]
pub fn concluded(mut report: Value, conclusion: Conclusion) -> Value {
    report["exit_code"] = json!(conclusion.code());
    report
}

/// The SOP's template of a rotation, or why there is none.
#[must_use]
pub fn template(rotation: &Id, made: Result<&str, &str>) -> Value {
    json!({ "rotation": rotation, "template": made.ok(), "missing": made.err() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_comes_first() {
        let document = with_schema("status", json!({ "open": 1 }));
        assert_eq!(
            document.to_string(),
            r#"{"schema":"rotation-ledger/status/1","open":1}"#
        );
    }
}
