//! A small pack of a ledger of few entries: whole, as `tests/packs/form-1.zip`, which must verify for ever; and
//! without the documents that follow from its entries, as the fuzzer begins with it: `fuzz/seeds/pack.zip`.

use std::path::Path;

use rotation_ledger::key::SecretKey;
use rotation_ledger::pack::Files;
use rotation_ledger::pack::write_zip;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::Status;
use serde_json::json;

use crate::support::shelf::Shelf;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::judge_signed_by;
use crate::support::story::Story;

/// One secret, and a rotation of it that was told at once.
fn small() -> Story {
    let mut story = Story::empty();
    story.create();
    for (who, role) in [
        ("pia", "platform_owner"),
        ("olga", "operator"),
        ("ada", "auditor"),
    ] {
        story.enrol(who, "human", &[role]);
    }
    story.register("db/orders", json!({}));
    story.say(
        "olga",
        "rotation.recorded",
        json!({
            "rotation": "r-1", "secret": "db/orders", "environment": "prod", "rotated_by": "olga",
            "reason": "scheduled", "started": "@-30", "completed": "@-1",
            "impacted_services": ["orders", "reports"], "validation_summary": "ping passed",
            "revoke_confirmed": true, "new_version": "v2",
        }),
    );
    story
}

/// What a pack has of its ledger, and the population.
fn seed_of(pack: &[u8]) -> Vec<u8> {
    let (_, inside) = files(pack);
    let kept = inside.into_iter().filter(|(path, _)| {
        let follows = path == "data/ledger/entries.ndjson";
        path.starts_with("data/ledger/") && !follows || path == "data/secrets.json"
    });
    let named: Files = kept
        .map(|(path, bytes)| (format!("pack/{path}"), bytes))
        .collect();
    write_zip(&named).unwrap()
}

// The fuzzer signs what it changed with the key of this seed.
fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

/// Holds bytes against a file of the project, or writes it anew.
fn held_against(path: &str, bytes: &[u8], otherwise: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(std::fs::read(&path).unwrap() == bytes, "{otherwise}");
}

#[test]
fn the_seed_of_the_fuzzer_is_a_pack() {
    let pack = Shelf::signing(small(), key()).export(everything()).bytes;
    let seed = seed_of(&pack);
    held_against("fuzz/seeds/pack.zip", &seed, "UPDATE_DOCS=1 writes it anew");
}

/// What is exported today is what was exported when this form of documents was new, to the byte; and that
/// verifies, its documents among the rest.
#[test]
fn a_pack_of_the_first_form_verifies_for_ever() {
    let pack = Shelf::signing(small(), key()).export(everything()).bytes;
    let otherwise = "a document of packs has other words than in form 1: raise `FORM` in src/facts/documents.rs, \
                     keep form-1.zip, and have it say what is not checked of it";
    held_against("tests/packs/form-1.zip", &pack, otherwise);
    let report = judge_signed_by(&key(), &pack);
    let rules: Vec<_> = report.findings.iter().map(|one| one.rule.id).collect();
    // A rotation that was told at once shows no test of the old secret.
    assert_eq!(rules, ["S-50"]);
    let integrity = report.line(Verdict::Integrity).unwrap().status;
    assert_eq!(integrity, Status::Pass);
    assert!(!report.not_checked.iter().any(|item| item.contains("form")));
}
