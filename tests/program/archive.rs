//! Older entries in another place: with the archive at hand nothing changes, without it what cannot be told is said,
//! and nobody but a Security Owner takes entries out of the folder.

use std::fs;

use serde_json::Value;

use crate::support::ledger::copy;
use crate::support::program::{Program, draft};
use crate::support::second;

const SAID: &str = "append entry.annotated --key olga.pem --entry 0 --note seen";
const ARCHIVE: &str = "archive --before 2100-01-01 --to cold --key alice.pem";

/// Some 1,100 entries with two attachments: one that only an archived bundle names, and one that a newer entry
/// names too.
fn furnished() -> Program {
    let program = Program::prepared();
    let attach = |text: &str| {
        fs::write(program.path("proof.txt"), text).unwrap();
        let words = "append evidence.attached --key olga.pem --rotation r-1 --description seen --attach proof.txt";
        assert_eq!(program.code(words), 0, "{words}");
    };
    let grow = |from: usize, to: usize| {
        let drafts: String = (from..to).map(draft).collect();
        fs::write(program.path("drafts"), drafts).unwrap();
        assert_eq!(program.code("append --key olga.pem --json drafts"), 0);
    };
    grow(0, 300);
    attach("of an older entry alone\n");
    attach("of an older entry and of a newer one\n");
    grow(300, 1_100);
    attach("of an older entry and of a newer one\n");
    program
}

fn archived() -> Program {
    let program = furnished();
    let output = program.output(ARCHIVE);
    assert!(output.status.success(), "{output:?}");
    program
}

fn away(program: &Program) {
    fs::rename(program.path("cold"), program.path("elsewhere")).unwrap();
}

fn files(program: &Program, name: &str) -> usize {
    let found = walkdir(&program.path(name));
    found.len()
}

fn walkdir(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(listed) = fs::read_dir(path) else {
        return Vec::new();
    };
    let each = listed.map(|found| found.unwrap().path());
    each.flat_map(|path| match path.is_dir() {
        true => walkdir(&path),
        false => vec![path],
    })
    .collect()
}

fn status<'r>(report: &'r Value, verdict: &str) -> &'r str {
    let mut lines = report["verdicts"].as_array().unwrap().iter();
    let line = lines.find(|line| line["verdict"] == verdict).unwrap();
    line["status"].as_str().unwrap()
}

fn not_checked(report: &Value) -> String {
    let listed = report["not_checked"].as_array().unwrap().iter();
    let listed = listed.map(|one| one.as_str().unwrap().to_owned());
    listed.collect::<Vec<_>>().join("\n")
}

#[test]
fn with_the_archive_at_hand_nothing_changes_for_a_reader() {
    let program = furnished();
    let before = program.json("verify --fail-on none --json");
    let told = program.json(&format!("{ARCHIVE} --json"));
    assert_eq!(told["bundles"], 3, "{told:#}");
    assert_eq!(
        (&told["attachments"], &told["bundles_staying"]),
        (&1.into(), &1.into())
    );
    assert_eq!(files(&program, "prod/tile/entries"), 1);
    assert_eq!(files(&program, "cold/tile/entries"), 3);
    assert_eq!(
        (
            files(&program, "prod/attachments"),
            files(&program, "cold/attachments")
        ),
        (1, 1)
    );
    let after = program.json("verify --fail-on none --json");
    for verdict in [
        "integrity",
        "authority",
        "anchoring",
        "conformance",
        "coverage",
    ] {
        assert_eq!(
            status(&after, verdict),
            status(&before, verdict),
            "{verdict}"
        );
    }
    let whole = |report: &Value| {
        report["verdicts"][0]["counts"][0]["total"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(whole(&after), whole(&before) + 1);
    // Said once, and done once.
    let again = program.json(&format!("{ARCHIVE} --json"));
    assert_eq!(
        (&again["bundles"], &again["receipt"]),
        (&0.into(), &Value::Null)
    );
    for words in [
        SAID,
        "status",
        "log --json",
        "export --key alice.pem --out x.zip",
        "publish --to www",
        "backup --to b",
        "reindex",
    ] {
        let output = program.output(words);
        assert!(output.status.success(), "{words}: {output:?}");
    }
    assert_eq!(program.code("verify b --fail-on none"), 0);
    // Whoever lays the archive back has what was there before.
    copy(&program.path("cold/tile"), &program.path("prod/tile"));
    copy(
        &program.path("cold/attachments"),
        &program.path("prod/attachments"),
    );
    assert_eq!(program.code("verify --fail-on none"), 0);
    if let Some(said) = second::told(&format!("folder {}", program.path("prod").display())) {
        assert!(said.starts_with("PASS"), "{said}");
    }
}

#[test]
fn without_it_what_cannot_be_told_is_said_and_the_rest_goes_on() {
    let program = archived();
    away(&program);
    let report = program.json("verify --json");
    assert_eq!(program.code("verify"), 4, "{report:#}");
    assert!(
        not_checked(&report).contains("entries 256 to 1023: archived to "),
        "{report:#}"
    );
    assert_eq!(
        report["findings"].as_array().unwrap().len(),
        0,
        "{report:#}"
    );
    assert_eq!(
        (status(&report, "integrity"), status(&report, "authority")),
        ("PASS", "PASS")
    );
    // The roots of the checkpoints hold, over hashes.
    assert_eq!(status(&report, "anchoring"), "PASS");
    assert_eq!(status(&report, "conformance"), "NOT CHECKED");
    for words in [SAID, "checkpoint"] {
        let output = program.output(words);
        assert!(output.status.success(), "{words}: {output:?}");
    }
    for words in [
        "log --json",
        "status",
        "prove 300",
        "append entry.annotated --key olga.pem --entry 300 --note seen",
    ] {
        let output = program.output(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains("archive") && said.contains("hint: "),
            "{words}: {output:?}"
        );
    }
    // Without the index an append needs every entry.
    fs::remove_dir_all(program.path("prod/index")).unwrap();
    fs::remove_file(program.path("prod/index.warm")).unwrap();
    let output = program.output(SAID);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(
        said.contains("is archived") && said.contains("ledger archive --before"),
        "{said}"
    );
    // Where the archive moved, a Security Owner says so; one that is not whole is none.
    fs::rename(program.path("elsewhere"), program.path("colder")).unwrap();
    let attached = walkdir(&program.path("colder/attachments")).remove(0);
    fs::rename(&attached, program.path("aside")).unwrap();
    let output = program.output("archive --before 2100-01-01 --to colder --key alice.pem");
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    fs::rename(program.path("aside"), &attached).unwrap();
    let output = program.output("archive --before 2100-01-01 --to colder --key alice.pem");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(program.code(SAID), 0);
    assert_eq!(program.code("verify --fail-on none"), 0);
}

#[test]
fn nobody_else_takes_entries_out_of_the_folder() {
    // Nobody said so.
    let program = furnished();
    fs::create_dir_all(program.path("cold/tile/entries")).unwrap();
    fs::rename(
        program.path("prod/tile/entries/002"),
        program.path("cold/tile/entries/002"),
    )
    .unwrap();
    fs::write(program.path("prod/archived"), "../cold-and-gone\n").unwrap();
    assert_eq!(program.code("verify"), 1);
    // More than was said.
    let program = archived();
    away(&program);
    fs::remove_file(program.path("prod/tile/entries/000")).unwrap();
    assert_eq!(program.code("verify"), 1);
    // By an operator.
    let program = furnished();
    let output = program.output("archive --before 2100-01-01 --to cold --key olga.pem");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert_eq!(
        (
            files(&program, "cold"),
            files(&program, "prod/tile/entries")
        ),
        (0, 4)
    );
}

#[test]
fn what_another_wrote_into_the_archive_is_seen() {
    let program = archived();
    let path = program.path("cold/tile/entries/002");
    let mut bytes = fs::read(&path).unwrap();
    bytes[700] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    assert_eq!(program.code("verify"), 1);
    // And another ledger's archive is not written into.
    let other = furnished();
    let words = format!(
        "archive --before 2100-01-01 --to {} --key alice.pem",
        program.path("cold").display()
    );
    let output = other.output(&words);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(files(&other, "prod/tile/entries"), 4);
}
