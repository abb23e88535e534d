//! A small pack of a ledger of few entries: whole, as it was when each form of packs was new, `tests/packs/form-1.zip`
//! and `form-2.zip`, which must verify for ever; and without the documents that follow from its entries, as the
//! fuzzer begins with it: `fuzz/seeds/pack.zip`.

use std::path::Path;

use rotation_ledger::facts::RENDERINGS;
use rotation_ledger::key::SecretKey;
use rotation_ledger::pack::PackFiles;
use rotation_ledger::pack::write_zip;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::VerdictStatus;
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
    let named: PackFiles = kept
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

fn kept(form: u64) -> Vec<u8> {
    let path = format!("tests/packs/form-{form}.zip");
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What is exported today is what was exported when this form was new, to the byte but for its words. The words of
/// the file that is kept may be older ones.
#[test]
fn a_pack_of_the_newest_form_states_what_it_always_stated() {
    let pack = Shelf::signing(small(), key()).export(everything()).bytes;
    if std::env::var_os("UPDATE_PACKS").is_some() {
        std::fs::write("tests/packs/form-2.zip", &pack).unwrap();
    }
    let (mut old, mut new) = (files(&kept(2)).1, files(&pack).1);
    for files in [&mut old, &mut new] {
        for path in RENDERINGS {
            assert!(files.remove(&format!("data/{path}")).is_some(), "{path}");
        }
        // The lists, and what signs them, follow from the words as well.
        files.retain(|path, _| path.starts_with("data/"));
    }
    assert_eq!(
        old.keys().collect::<Vec<_>>(),
        new.keys().collect::<Vec<_>>()
    );
    for (path, bytes) in &old {
        assert!(
            new[path] == *bytes,
            "{path} states other things: that is a new form (docs/FORMAT.md)"
        );
    }
}

/// Packs that were exported long ago: nothing stands against them.
#[test]
fn a_pack_of_each_form_verifies_for_ever() {
    for form in [1, 2] {
        let report = judge_signed_by(&key(), &kept(form));
        let rules: Vec<_> = report.findings.iter().map(|one| one.rule.id).collect();
        // A rotation that was told at once shows no test of the old secret.
        assert_eq!(rules, ["S-50"], "form {form}");
        assert_eq!(
            report.line(Verdict::Integrity).unwrap().status,
            VerdictStatus::Pass
        );
        assert_eq!(report.conclusion(false, &[]), Conclusion::Passed);
    }
}
