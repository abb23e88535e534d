//! `ledger export` and `ledger verify PACK.zip`, as people type them.

use std::process::Command;

use crate::support::program::Program;
use crate::support::shelf::entry;
use crate::support::shelf::forged;

fn trust(program: &Program) {
    let shown = program.output("trust show");
    assert!(shown.status.success());
    std::fs::write(program.path("t.trust"), shown.stdout).unwrap();
}

#[test]
fn an_export_is_recorded_and_verifies_anywhere() {
    let program = Program::prepared();
    trust(&program);
    let before = program.events().len();
    assert_eq!(
        program.code("export --key alice.pem --out p.zip --rotation r-1"),
        0
    );
    let events = program.events();
    assert_eq!(events.len(), before + 1);
    assert_eq!(events.last().unwrap(), "pack.exported");
    assert!(program.is_intact());

    // Somewhere else, with nothing but the pack and the trust file.
    let there = tempfile::tempdir().unwrap();
    for name in ["p.zip", "t.trust"] {
        std::fs::copy(program.path(name), there.path().join(name)).unwrap();
    }
    let stranger = |words: &str| {
        Command::new(env!("CARGO_BIN_EXE_ledger"))
            .args(words.split(' '))
            .current_dir(there.path())
            .env_clear()
            .output()
            .unwrap()
    };
    let verified = stranger("verify p.zip --trust t.trust --fail-on none");
    let said = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{said}");
    assert!(said.contains("integrity     PASS"), "{said}");
    assert!(said.contains("the pack ends with entry"), "{said}");
    let untrusted = stranger("verify p.zip --fail-on none");
    assert_eq!(untrusted.status.code(), Some(4));
    let json = stranger("verify p.zip --trust t.trust --json");
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["schema"], "rotation-ledger/verify-report/1");
    let open = stranger("verify p.zip --trust t.trust --rotation r-1 --fail-on none");
    assert_eq!(
        open.status.code(),
        Some(3),
        "an open rotation has no template"
    );
    let bytes = std::fs::read(there.path().join("p.zip")).unwrap();
    std::fs::write(there.path().join("p.zip"), &bytes[..bytes.len() / 2]).unwrap();
    let cut = stranger("verify p.zip --trust t.trust");
    assert_eq!(cut.status.code(), Some(1));
    let said = String::from_utf8(cut.stderr).unwrap();
    assert!(said.contains("cut short"), "{said}");
}

#[test]
fn a_sample_is_drawn_exported_and_drawn_again() {
    let program = Program::prepared();
    trust(&program);
    let period = "--from 2020-01-01 --to 2020-02-01";
    for (words, code) in [
        (format!("sample {period} --seed dice"), 4),
        (
            "sample --from 2020-01-01 --to 2099-01-01 --seed dice".to_owned(),
            2,
        ),
        (
            "sample --from 2020-02-01 --to 2020-01-01 --seed dice".to_owned(),
            2,
        ),
        (format!("sample {period}"), 2),
        (format!("sample {period} --seed dice --size 0"), 2),
        (format!("sample {period} --seed-from prod/checkpoint"), 2),
    ] {
        assert_eq!(program.code(&words), code, "{words}");
    }
    let opened: serde_json::Value =
        serde_json::from_slice(&program.output("show r-1 --json").stdout).unwrap();
    let opened = opened["rotation"]["opened"]
        .as_str()
        .unwrap_or_else(|| panic!("{opened}"))
        .to_owned();
    let drawn = |more: &str| {
        let words = format!("sample --from 2020-01-01 --to {opened} --seed dice --json{more}");
        let output = program.output(&words);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let (only, packed) = (drawn(""), drawn(" --key alice.pem --out s.zip"));
    assert_eq!(only["drawn"], packed["drawn"]);
    assert_eq!(
        (&only["pack"], &packed["pack"]["rotations"]),
        (&serde_json::Value::Null, &serde_json::json!(1))
    );
    let verified = program.output("verify s.zip --trust t.trust --fail-on none");
    let said = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{said}");
    assert!(said.contains("who chose the seed of the sample"), "{said}");
    assert!(program.is_intact());
}

#[test]
fn a_file_that_is_there_is_not_replaced_unasked() {
    let program = Program::prepared();
    std::fs::write(program.path("p.zip"), "mine").unwrap();
    let before = program.events().len();
    assert_eq!(program.code("export --key alice.pem --out p.zip"), 2);
    assert_eq!(std::fs::read(program.path("p.zip")).unwrap(), b"mine");
    assert_eq!(program.events().len(), before, "nothing was recorded");
    assert_eq!(
        program.code("export --key alice.pem --out p.zip --force"),
        0
    );
    let first = std::fs::read(program.path("p.zip")).unwrap();
    // The same again, byte for byte, after the ledger went on.
    assert_eq!(
        program.code("append entry.annotated --key alice.pem --entry 2 --note seen"),
        0
    );
    assert_eq!(
        program.code(&format!("export --again {before} --out again.zip")),
        0
    );
    assert!(std::fs::read(program.path("again.zip")).unwrap() == first);
    assert_eq!(program.code("export --again 2 --out other.zip"), 4);
    assert_eq!(program.code("export --again 2 --out no/where.zip"), 2);
    assert!(!program.path("other.zip").exists());
}

#[test]
fn nothing_selected_is_no_pack_and_no_record() {
    let program = Program::prepared();
    let before = program.events().len();
    for selection in ["--rotation r-9", "--secret db/none", "--to 2001-01-01"] {
        let words = format!("export --key alice.pem --out p.zip {selection}");
        assert_eq!(program.code(&words), 4, "{selection}");
        assert!(!program.path("p.zip").exists());
    }
    assert_eq!(
        program.code("export --key alice.pem --out p.zip --from 2026-03-01 --to 2026-01-01"),
        2
    );
    assert_eq!(
        program.code("export --key alice.pem --out p.zip --from 2999-01-01"),
        2
    );
    assert_eq!(program.events().len(), before);
}

#[test]
fn a_ledger_that_does_not_verify_is_not_exported() {
    let program = Program::prepared();
    let tail = program.path("prod/tail");
    let mut bytes = std::fs::read(&tail).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&tail, bytes).unwrap();
    assert_eq!(program.code("export --key alice.pem --out p.zip"), 1);
    assert!(!program.path("p.zip").exists());
}

/// Whoever doubts the page of a pack makes it anew, as of now and by their own trust file.
#[test]
fn the_page_of_a_pack_is_made_anew() {
    let program = Program::prepared();
    trust(&program);
    let export = "export --key alice.pem --out p.zip --rotation r-1";
    assert_eq!(program.code(export), 0);
    let verify = "verify p.zip --trust t.trust --fail-on none --html page.html";
    assert_eq!(program.code(verify), 0);
    let page = std::fs::read_to_string(program.path("page.html")).unwrap();
    assert!(page.contains("Rotation evidence of"), "{page}");
    assert!(page.contains("ledger verify, version"), "{page}");
    assert!(page.contains("r-1"), "{page}");
    assert!(!page.contains("came in an evidence pack"), "{page}");
    // A page that is there is not replaced.
    assert_eq!(program.code(verify), 2);
    // Of entries that do not verify it tells no rotation.
    let key = rotation_ledger::sys::keyfile::read(&program.path("state/pack.pem"), &|| Ok(None));
    let zip = std::fs::read(program.path("p.zip")).unwrap();
    let bad = forged(&zip, &key.unwrap(), |payload| {
        payload.get_mut(&entry(2)).unwrap()[40] ^= 1;
    });
    std::fs::write(program.path("bad.zip"), bad).unwrap();
    let verify = "verify bad.zip --trust t.trust --html bad.html";
    assert_eq!(program.code(verify), 1);
    let page = std::fs::read_to_string(program.path("bad.html")).unwrap();
    assert!(
        page.contains("Entries that do not verify prove nothing"),
        "{page}"
    );
}

/// What a pack is for: the template of the ledger, by a reader who has the pack and the trust file alone.
#[test]
fn the_template_of_a_pack_is_the_one_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str| {
        let mut ledger = Command::new(env!("CARGO_BIN_EXE_ledger"));
        ledger.args(words.split(' ')).current_dir(folder.path());
        ledger.env_clear().output().unwrap()
    };
    let of_ledger = |words: &str| run(&format!("--ledger demo/ledger --state demo/state {words}"));
    assert!(run("demo --dir demo").status.success());
    std::fs::write(
        folder.path().join("t.trust"),
        of_ledger("trust show").stdout,
    )
    .unwrap();
    for rotation in ["rot-1", "rot-2"] {
        let export =
            format!("export --key demo/keys/sam.pem --out {rotation}.zip --rotation {rotation}");
        assert_eq!(of_ledger(&export).status.code(), Some(0));
        let told = of_ledger(&format!("verify --rotation {rotation}"));
        let pack = run(&format!(
            "verify {rotation}.zip --trust t.trust --rotation {rotation}"
        ));
        let template = String::from_utf8(told.stdout).unwrap();
        assert!(
            template.starts_with("Rotation Evidence\n- secret_id:"),
            "{template}"
        );
        assert_eq!(String::from_utf8(pack.stdout).unwrap(), template);
        assert_eq!(pack.status.code(), told.status.code());
        let json = run(&format!(
            "verify {rotation}.zip --trust t.trust --rotation {rotation} --json"
        ));
        let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(report["templates"][0]["template"], template);
        // The verdicts, which stand beside the template, say how much of the ledger is here.
        let count = |name: &str| report[name].as_u64().unwrap();
        let (size, elsewhere) = (count("size"), count("entries_elsewhere"));
        assert!(elsewhere > 0);
        let here = format!("PASSED  {} of {size} entries, ", size - elsewhere);
        let said = String::from_utf8(pack.stderr).unwrap();
        assert!(said.contains(&here), "{here}: {said}");
    }
    // Of a rotation that is not in the pack there is none.
    let missing = run("verify rot-1.zip --trust t.trust --rotation rot-9");
    assert_eq!(missing.status.code(), Some(4));
    assert_eq!(missing.stdout, b"");
}
