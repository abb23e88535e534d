//! Backups and restores as an operator has them: another host, a head that is ahead, a copy laid over the folder.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::program::Program;

const FAILED: &str = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";
const ELSEWHERE: &str = "--ledger new --state new-state";

/// A ledger of five entries with a backup that has its key, and two entries since.
fn backed_up() -> Program {
    let program = Program::prepared();
    fs::write(program.path("pass"), "correct horse\n").unwrap();
    let words = "backup --to b --with-sealing-key --passphrase-file pass";
    assert_eq!(program.code(words), 0);
    for _ in 0..2 {
        assert_eq!(program.code(FAILED), 0);
    }
    program
}

fn refused(program: &Program, words: &str, code: &str) -> Value {
    let error = program.json(&format!("{words} --json"))["error"].clone();
    assert_eq!(error["code"], code, "{words}: {error}");
    error
}

#[test]
fn on_another_host_a_backup_with_its_key_is_a_ledger_that_goes_on() {
    let program = backed_up();
    let words = "restore --from b --to new --state new-state --passphrase-file pass --json";
    let restored = program.json(words);
    assert_eq!(
        (&restored["size"], &restored["lost"]),
        (&5.into(), &Value::Null)
    );
    assert_eq!(restored["sealing_key"], "restored");
    assert_eq!(program.code(&format!("{FAILED} {ELSEWHERE}")), 0);
    assert_eq!(
        program.json(&format!("log {ELSEWHERE} --json"))["entries"][5]["event"],
        "step.failed"
    );
    assert_eq!(
        program.code("verify new --state new-state --fail-on none"),
        0
    );
    let again = format!("restore --from b {} --json", "--to new --state new-state");
    refused(&program, again.trim_end_matches(" --json"), "folder-in-use");
}

#[test]
fn what_this_host_knows_of_is_not_lost_unless_a_security_owner_accepts_it() {
    let program = backed_up();
    let error = refused(&program, "restore --from b --to new", "entries-missing");
    assert_eq!(error["exit_code"], 1);
    let said = error["message"].as_str().unwrap();
    assert!(
        said.contains("states 7 entries, and entries 5 to 6 are in no source"),
        "{said}"
    );
    assert!(!program.path("new").exists());
    // What is left of the folder has them.
    let both = program.json("restore --from b --from prod --to both --json");
    assert_eq!((&both["size"], &both["lost"]), (&7.into(), &Value::Null));
    let accept = "restore --from b --to new --accept-loss --reason drill";
    refused(&program, &format!("{accept} --key olga.pem"), "denied");
    let accepted = program
        .json(&format!("{accept} --to less --key alice.pem --json").replace("--to new ", ""));
    assert_eq!(accepted["recovered"]["event"], "store.recovered");
    assert_eq!(accepted["lost"]["first"], 5);
    assert_eq!(program.code("verify less --fail-on none"), 0);
    assert_eq!(program.code(&format!("{FAILED} --ledger less")), 0);
}

#[test]
fn without_a_sealing_key_it_is_readable_and_says_who_names_a_new_one() {
    let program = Program::prepared();
    assert_eq!(program.code("backup --to b.zip"), 0);
    assert_eq!(program.code("backup --check b.zip"), 0);
    let restored = program.json("restore --from b.zip --to new --state new-state --json");
    assert_eq!(restored["sealing_key"], "missing");
    assert!(restored["next"].to_string().contains("--new-sealing-key"));
    assert_eq!(
        program.code("verify new --state new-state --fail-on none"),
        0
    );
    refused(
        &program,
        &format!("{FAILED} {ELSEWHERE}"),
        "sealing-key-unusable",
    );
}

#[test]
fn a_copy_and_a_pack_are_sources_too() {
    let program = Program::prepared();
    assert_eq!(program.code("publish --to www"), 0);
    assert_eq!(program.code("export --key alice.pem --out p.zip"), 0);
    let copy = program.json("restore --from www --to one --state none --json");
    assert_eq!(
        (&copy["size"], &copy["sealing_key"]),
        (&5.into(), &"missing".into())
    );
    let pack = program.json("restore --from www --from p.zip --to two --json");
    assert_eq!((&pack["size"], &pack["lost"]), (&6.into(), &Value::Null));
    assert_eq!(pack["sources"][1]["source"], "p.zip");
    assert_eq!(program.code(&format!("{FAILED} --ledger two")), 0);
}

#[test]
fn a_backup_laid_over_the_folder_takes_nothing_and_nothing_is_appended_to_it() {
    let program = backed_up();
    let laid = Command::new("cp")
        .args(["-a", "b/.", "prod/"])
        .current_dir(program.root())
        .status();
    assert!(laid.unwrap().success());
    let error = refused(&program, FAILED, "is-a-backup");
    assert!(error["hint"].as_str().unwrap().contains("ledger restore"));
    refused(&program, "restore --from prod --to new", "entries-missing");
    assert_eq!(
        program.code("restore --from prod --to new --accept-loss --reason drill --key alice.pem"),
        0
    );
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let program = backed_up();
    for (words, code) in [
        ("backup --to prod/b", "usage"),
        ("backup --to state", "folder-in-use"),
        ("backup --to c --with-sealing-key", "usage"),
        ("backup --check state", "backup-unusable"),
        ("restore --from b --to state", "folder-in-use"),
        ("restore --from b --to b/new", "usage"),
        ("restore --from nowhere --to new", "no-ledger"),
        (
            "restore --from b --to new --accept-loss --reason x",
            "usage",
        ),
    ] {
        refused(&program, words, code);
    }
    assert!(!program.path("c").exists() && !program.path("new").exists());
    refused(
        &program,
        "backup --check b --passphrase-file alice.pem",
        "key-unusable",
    );
}
