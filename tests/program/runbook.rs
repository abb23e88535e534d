//! The losses of docs/OPERATIONS.md, each brought about, and what is written there done about it.

use crate::support::program::Program;

const SAY: &str = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";

/// Brings the loss about, does what the runbook says, and has a ledger that records and verifies, with all entries.
fn lost(names: &[&str], remedies: &[&str]) {
    let program = Program::prepared();
    let runbook =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/OPERATIONS.md"));
    let runbook = runbook.unwrap();
    let before = program.events();
    for name in names {
        let path = program.path(name);
        match path.is_dir() {
            true => std::fs::remove_dir_all(path).unwrap(),
            false => std::fs::remove_file(path).unwrap(),
        }
    }
    for remedy in remedies {
        let named = remedy.split(" --key").next().unwrap();
        assert!(runbook.contains(&format!("`ledger {named}")), "{named}");
        assert_eq!(program.code(remedy), 0, "{names:?}: {remedy}");
    }
    assert_eq!(program.code(SAY), 0, "{names:?}");
    assert!(program.is_intact(), "{names:?}");
    let after = program.events();
    assert_eq!(after[..before.len()], before, "{names:?}");
}

#[test]
fn what_can_be_made_again_is_lost_without_harm() {
    lost(&["prod/index", "prod/index.warm"], &["reindex"]);
    lost(&["prod/index", "prod/index.warm"], &[]);
    lost(&["prod/ledger.toml"], &[]);
    lost(&["prod/checkpoint"], &[]);
    lost(&["state/head"], &[]);
}
