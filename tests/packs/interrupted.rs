//! Exports that are killed on their way, and places where no pack can be put.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use rotation_ledger::pack::read_zip;
use rustix::process::Signal;

use crate::support::program::Program;
use crate::support::program::signal;

fn names(folder: &Path) -> Vec<String> {
    let inside = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = inside
        .map(|found| found.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// An export that is stopped with `kill -9` after a part of the time that it takes.
fn killed(program: &Program, words: &str, pause: std::time::Duration) -> bool {
    let mut child = program
        .ledger(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(pause);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// Under its name stands nothing, or what was there before, or a whole pack; the ledger verifies; and the
/// next export works, and cleans up.
#[test]
fn kill_9_leaves_no_half_pack() {
    let rounds: u32 =
        std::env::var("LEDGER_TEST_KILLS").map_or(12, |rounds| rounds.parse().unwrap());
    let program = Program::prepared();
    let trust = program.output("trust show").stdout;
    std::fs::write(program.path("t.trust"), trust).unwrap();
    std::fs::create_dir(program.path("out")).unwrap();
    let out = program.path("out/p.zip");
    let export = "export --key alice.pem --out out/p.zip";
    // The first one of all makes the pack key: that is interrupted too.
    let fresh = Program::prepared();
    let begun = Instant::now();
    assert_eq!(fresh.code("export --key alice.pem --out p.zip"), 0);
    let mut whole = begun.elapsed();
    let (mut stopped, mut recorded) = (0, 0);
    for round in 0..rounds {
        // Every second one replaces a pack that is there.
        let before = match round % 2 {
            0 => None,
            _ => Some(std::fs::read(&out).unwrap()),
        };
        if before.is_none() && out.exists() {
            std::fs::remove_file(&out).unwrap();
        }
        let entries = program.events().len();
        let force = if before.is_some() { " --force" } else { "" };
        let pause = whole * (round + 1) / (rounds + 1);
        stopped += u32::from(killed(&program, &format!("{export}{force}"), pause));
        let after = program.events().len();
        recorded += after - entries;
        assert!(after <= entries + 1, "round {round}");
        assert!(program.is_intact(), "round {round}");
        let found = std::fs::read(&out).ok();
        if found != before {
            read_zip(&found.unwrap()).unwrap();
            let verify = "verify out/p.zip --trust t.trust --fail-on none";
            assert_eq!(program.code(verify), 0, "round {round}");
        }
        for name in names(&program.path("out")) {
            let known = name == "p.zip" || name.starts_with(".new-p.zip-");
            assert!(known, "round {round}: {name}");
        }
        // A record without its pack is made up for, or says that it cannot be.
        if after > entries {
            let again = format!("export --again {entries} --out again.zip --force");
            assert!([0, 4].contains(&program.code(&again)), "round {round}");
        }
        let begun = Instant::now();
        assert_eq!(
            program.code(&format!("{export} --force")),
            0,
            "round {round}"
        );
        // What slowed the first one down may be over.
        whole = whole.min(begun.elapsed());
        assert_eq!(names(&program.path("out")), ["p.zip"], "round {round}");
    }
    assert!(
        stopped * 2 > rounds,
        "only {stopped} of {rounds} were stopped"
    );
    assert!(
        recorded > 0,
        "all were stopped before anything was recorded"
    );
    // What remains beside the ledger is known, and nothing reads it.
    for name in names(&program.path("state/packs")) {
        let number = match name.strip_prefix(".new-") {
            Some(temporary) => temporary.split('~').next().unwrap(),
            None => &name,
        };
        assert!(number.strip_suffix(".json").unwrap().parse::<u64>().is_ok());
    }
    assert!(program.is_intact());
}

/// What is printed of an export that is recorded and has no pack: how to write it again, which works.
fn is_written_again(program: &Program, told: &str, entry: usize) {
    let said = format!("the export is recorded as entry {entry}\n");
    assert!(told.contains(&said), "{told}");
    let again = told.lines().find_map(|line| {
        let hint = line.strip_prefix("hint: ")?;
        hint.split("ledger ").last()
    });
    assert_eq!(again, Some(&*format!("export --again {entry} --out p.zip")));
    assert_eq!(program.code(again.unwrap()), 0, "{told}");
    std::fs::remove_file(program.path("p.zip")).unwrap();
}

#[test]
fn an_export_that_is_interrupted_says_whether_it_is_recorded() {
    let program = Program::prepared();
    let export = "export --key alice.pem --out p.zip";
    let begun = Instant::now();
    assert_eq!(program.code(export), 0);
    let (whole, mut recorded) = (begun.elapsed(), 0);
    std::fs::remove_file(program.path("p.zip")).unwrap();
    for round in 0..40 {
        let entries = program.events().len();
        let child = program
            .ledger(export)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * round / 40);
        signal(
            &child,
            if round % 2 == 0 {
                Signal::INT
            } else {
                Signal::TERM
            },
        );
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        match (program.events().len() - entries, output.status.code()) {
            (1, Some(130)) if !program.path("p.zip").exists() => {
                is_written_again(&program, &told, entries);
                recorded += 1;
            }
            // Before the record there is nothing to say; after the pack, neither.
            (0, _) => assert!(!told.contains("recorded"), "round {round}: {told}"),
            (_, code) => {
                assert!(code == Some(0) || told.is_empty() || told.contains("recorded"));
                std::fs::remove_file(program.path("p.zip")).unwrap();
            }
        }
    }
    assert!(recorded > 0, "none was interrupted behind its record");
    assert!(program.is_intact());
}

#[test]
fn a_pack_that_cannot_be_written_or_kept_is_recorded_and_says_so() {
    let program = Program::prepared();
    // Where the pack is to be written first, something is in the way that is no file.
    std::fs::create_dir(program.path(".new-p.zip-x")).unwrap();
    let entry = program.events().len();
    let output = program.output("export --key alice.pem --out p.zip");
    assert!(!output.status.success());
    std::fs::remove_dir(program.path(".new-p.zip-x")).unwrap();
    is_written_again(&program, &String::from_utf8(output.stderr).unwrap(), entry);
    std::fs::rename(program.path("state/packs"), program.path("state/old")).unwrap();
    std::fs::write(program.path("state/packs"), "").unwrap();
    let output = program.output("export --key alice.pem --out p.zip");
    let told = String::from_utf8(output.stderr).unwrap();
    let said = format!("recorded as entry {}, without a pack", entry + 1);
    assert!(
        told.contains(&said) && told.contains("hint: export anew"),
        "{told}"
    );
    assert_eq!(program.events().len(), entry + 2);
}

/// What an export that was killed left is removed; what is named otherwise is somebody else's.
#[test]
fn leftovers_of_the_same_name_are_removed_and_no_others() {
    let program = Program::prepared();
    std::fs::create_dir(program.path("out")).unwrap();
    for name in [
        ".new-p.zip-a1B2c3",
        ".new-q.zip-a1B2c3",
        ".new-p.zip",
        "p.zip.txt",
    ] {
        std::fs::write(program.path("out").join(name), "half").unwrap();
    }
    assert_eq!(program.code("export --key alice.pem --out out/p.zip"), 0);
    assert_eq!(
        names(&program.path("out")),
        [".new-p.zip", ".new-q.zip-a1B2c3", "p.zip", "p.zip.txt"]
    );
}

/// A name that is just short enough, and too long for what is written first.
const LONG: &str = "pack-of-the-first-quarter-of-two-thousand-and-twenty-six-pack-of-the-first-quarter-of-two-thousand-and-twenty-six-pack-of-the-first-quarter-of-two-thousand-and-twenty-six-pack-of-the-first-quarter-of-two-thousand-and-twenty-six-pack-of-the-first-qu.zip";

#[test]
fn where_no_file_can_be_made_nothing_is_recorded() {
    let program = Program::prepared();
    let before = program.events();
    std::fs::create_dir(program.path("folder.zip")).unwrap();
    for (out, said) in [
        ("nowhere/p.zip", "there is no folder nowhere"),
        ("alice.pem.pub/p.zip", "there is no folder alice.pem.pub"),
        ("folder.zip", "is no ordinary file"),
        (LONG, "cannot write"),
        // A folder in which not even root makes a file.
        ("/proc/p.zip", "cannot write /proc/p.zip"),
        ("prod/p.zip", "lies in the ledger's own folder"),
        ("prod/tile/p.zip", "there is no folder prod/tile"),
    ] {
        let output = program.output(&format!("export --key alice.pem --out {out} --force"));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{out}: {told}");
        assert!(told.contains(said), "{out}: {told}");
    }
    assert_eq!(program.events(), before);
    assert!(program.is_intact());
}
