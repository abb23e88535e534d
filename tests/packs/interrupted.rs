//! Exports that are killed on their way, and places where no pack can be put.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use rotation_ledger::pack::read_zip;

use crate::support::program::Program;

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
    let whole = begun.elapsed();
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
        assert_eq!(
            program.code(&format!("{export} --force")),
            0,
            "round {round}"
        );
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

#[test]
fn where_no_file_can_be_made_nothing_is_recorded() {
    let program = Program::prepared();
    let before = program.events();
    std::fs::create_dir(program.path("folder.zip")).unwrap();
    for (out, said) in [
        ("nowhere/p.zip", "there is no folder nowhere"),
        ("alice.pem.pub/p.zip", "there is no folder alice.pem.pub"),
        ("folder.zip", "is no ordinary file"),
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
