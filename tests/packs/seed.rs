//! The small pack that the fuzzer begins with: `fuzz/seeds/pack.zip`, of a ledger of few entries, without the
//! documents that follow from them.

use std::path::Path;

use rotation_ledger::key::SecretKey;
use rotation_ledger::pack::Files;
use rotation_ledger::pack::write_zip;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::Status;
use serde_json::json;

use crate::shelf::Shelf;
use crate::shelf::everything;
use crate::shelf::files;
use crate::shelf::judge_signed_by;
use crate::story::ORIGIN;
use crate::story::Story;
use crate::story::key_of;
use crate::story::sealing_key;

/// One secret, and a rotation of it that was told at once.
fn small() -> Story {
    let mut story = Story::empty();
    let sam = key_of("sam");
    story.say(
        "sam",
        "ledger.created",
        json!({
            "origin": ORIGIN, "sealing_key": sealing_key().public(), "actor": "sam", "name": "Sam",
            "key": sam.public(), "possession": sam.prove_possession(),
        }),
    );
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

#[test]
fn the_seed_of_the_fuzzer_is_a_pack() {
    // The fuzzer signs what it changed with the key of this seed.
    let key = || SecretKey::from_seed(&[7; 32]);
    let mut shelf = Shelf::signing(small(), key());
    let pack = shelf.export(everything()).bytes;
    let integrity = judge_signed_by(&key(), &pack)
        .line(Verdict::Integrity)
        .unwrap()
        .status;
    assert_eq!(integrity, Status::Pass);
    let seed = seed_of(&pack);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/pack.zip");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, seed).unwrap();
        return;
    }
    assert!(
        std::fs::read(&path).unwrap() == seed,
        "UPDATE_DOCS=1 writes it anew"
    );
}
