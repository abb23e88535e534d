//! The shipped program on file systems of its own: the power is cut at random moments, the disk is
//! full, the folder is read-only.
//!
//! That takes somebody who may mount. `LEDGER_TEST_MOUNTS` asks for it, and sets how often the power
//! is cut; without it these tests look at nothing, and say so. `.ci/run` asks wherever it can.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::losses::{ASKED, comes_to};
use crate::support::program::Program;
use crate::support::program::assert_goes_on;
use crate::support::program::at_work;
use crate::support::program::draft;
use crate::support::program::receipt;
use crate::support::served::Served;
use rustix::process::Signal;
use serde_json::Value;

/// How often to cut the power, where mounting was asked for.
fn rounds() -> Option<u64> {
    let asked = std::env::var("LEDGER_TEST_MOUNTS").ok();
    if asked.is_none() {
        println!("not run: LEDGER_TEST_MOUNTS is not set");
    }
    asked.map(|rounds| rounds.parse().unwrap())
}

fn must(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

/// A file system, gone with the test.
struct Mounted {
    folder: tempfile::TempDir,
}

impl Mounted {
    /// A small ext4 in a file of its own, empty.
    fn ext4() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = fs::File::create(folder.path().join("image")).unwrap();
        image.set_len(48 << 20).unwrap();
        must(
            "mkfs.ext4",
            &["-q", "-F", &text(&folder.path().join("image"))],
        );
        Self::image(folder)
    }

    /// What the disk would hold if the power were cut now. The journal is replayed at the mount.
    fn power_cut(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = text(&self.folder.path().join("image"));
        must(
            "cp",
            &[
                "--sparse=always",
                &from,
                &text(&folder.path().join("image")),
            ],
        );
        Self::image(folder)
    }

    fn image(folder: tempfile::TempDir) -> Self {
        let mounted = Self { folder };
        fs::create_dir(mounted.root()).unwrap();
        let image = text(&mounted.folder.path().join("image"));
        must("mount", &["-o", "loop", &image, &text(&mounted.root())]);
        mounted
    }

    /// A file system in memory of so many bytes.
    fn memory(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Self { folder };
        fs::create_dir(mounted.root()).unwrap();
        must(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size}"),
                "tmpfs",
                &text(&mounted.root()),
            ],
        );
        mounted
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a process that is about to end may still stand in it.
        let _ = Command::new("umount").arg("-l").arg(self.root()).status();
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn nothing_with_a_receipt_is_lost_by_a_power_cut() {
    let Some(rounds) = rounds() else { return };
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut cuts = BTreeMap::<_, [u64; 2]>::new();
    for round in 0..rounds {
        let disk = Mounted::ext4();
        let program = Program::prepared_in(&disk.root());
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let pause = Duration::from_micros(30_000 + (chance >> 33) % 600_000);
        // It is stopped where it stands, and its disk copied.
        let (work, writer) = at_work(&program, round);
        writer.work(round, pause);
        writer.signal(Signal::STOP);
        // What was printed before the stop is on its way through the pipe.
        std::thread::sleep(Duration::from_millis(20));
        let receipts = writer.receipts();
        let cut = disk.power_cut();
        writer.kill();
        let [all, at_work] = cuts.entry(work).or_default();
        *all += 1;
        *at_work += u64::from(!receipts.is_empty());
        let many = receipts.len();
        let what = format!("round {round}, {work}, after {pause:?} and {many} receipts");
        assert_goes_on(&Program::at(&cut.root()), receipts, &what);
    }
    println!("cuts, and those after a receipt: {cuts:?}");
    let at_work: u64 = cuts.values().map(|[_, at_work]| at_work).sum();
    assert!(
        at_work * 2 > rounds,
        "only {at_work} of {rounds} writers were stopped at work"
    );
}

/// Fills what is left of a disk.
fn fill(disk: &Mounted) -> PathBuf {
    let filler = disk.root().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    filler
}

#[test]
fn a_full_disk_ends_with_6_and_loses_nothing() {
    if rounds().is_none() {
        return;
    }
    let disk = Mounted::memory("4m");
    let program = Program::prepared_in(&disk.root());
    fs::write(program.path("run.log"), vec![b'x'; 100_000]).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let drafts = |name: &str, range: std::ops::Range<usize>| {
        let path = elsewhere.path().join(name);
        fs::write(&path, range.map(draft).collect::<String>()).unwrap();
        format!("append --key olga.pem --json {}", text(&path))
    };
    let (few, many) = (drafts("few", 0..100), drafts("many", 100..3_100));
    let filler = fill(&disk);

    // An attachment needs room of its own.
    let attached =
        "append evidence.attached --key olga.pem --rotation r-1 --description run --attach run.log";
    let output = program.output(attached);
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("No space left"), "{said}");
    assert!(said.contains("make room"), "{said}");

    // Entries go on as long as the tail has room, which was made before; then no further.
    let mut receipts = Vec::new();
    for (words, code) in [(&few, 0), (&many, 6)] {
        let output = program.output(words);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        receipts.extend(
            printed
                .lines()
                .filter_map(|line| receipt(&serde_json::from_str(line).ok()?)),
        );
    }
    assert!(receipts.len() >= 100);
    assert!(program.is_intact(), "{}", program.json("verify --json"));
    program.assert_all_there(&receipts, "while the disk is full");

    fs::remove_file(filler).unwrap();
    assert_eq!(program.code(attached), 0);
    assert_eq!(program.code(&many), 0);
    assert!(program.is_intact(), "{}", program.json("verify --json"));
    program.assert_all_there(&receipts, "with room again");
}

#[test]
fn a_server_answers_a_full_disk_with_503_and_goes_on_when_there_is_room() {
    if rounds().is_none() {
        return;
    }
    let disk = Mounted::memory("4m");
    let program = Program::prepared_in(&disk.root());
    let served = Served::start(&program, "--rate 0");
    let filler = fill(&disk);
    let (mut receipts, mut refused) = (Vec::new(), Vec::new());
    // The tail has room that was made before; bundles cannot be written, so that it is used up.
    for n in 0..5_000 {
        let statement = served.signed(&draft(n));
        let answer = served.post(&statement);
        if answer.status == 201 {
            receipts.push(receipt(&answer.json()).unwrap());
            continue;
        }
        let found = (answer.status, answer.code());
        assert_eq!(found, (503, "disk-refused".to_owned()), "after {n}");
        refused.push(statement);
        if refused.len() == 20 {
            break;
        }
    }
    assert_eq!(refused.len(), 20);
    assert_eq!(program.events().len(), 5 + receipts.len());
    assert!(program.is_intact(), "{}", program.json("verify --json"));
    fs::remove_file(filler).unwrap();
    for statement in &refused {
        let answer = served.post(statement);
        assert_eq!(answer.status, 201, "{}", answer.json());
        receipts.push(receipt(&answer.json()).unwrap());
    }
    assert_eq!(served.stop(Signal::TERM), Some(0));
    program.assert_all_there(&receipts, "with room again");
    assert_eq!(program.events().len(), 5 + receipts.len());
    assert!(program.is_intact(), "{}", program.json("verify --json"));
}

fn names(folder: &Path) -> Vec<String> {
    let inside = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = inside
        .map(|found| text(Path::new(&found.unwrap().file_name())))
        .collect();
    names.sort();
    names
}

/// The disk that a pack goes to: the export is recorded by then, and can be made again.
#[test]
fn a_pack_for_a_full_disk_is_recorded_and_made_again() {
    if rounds().is_none() {
        return;
    }
    let program = Program::prepared();
    let disk = Mounted::memory("1m");
    let out = disk.root().join("p.zip");
    let export = format!("export --key alice.pem --out {}", text(&out));
    for old in [None, Some(b"an older pack")] {
        if let Some(old) = old {
            fs::write(&out, old).unwrap();
        }
        let there = names(&disk.root());
        let filler = fill(&disk);
        let before = program.events().len();
        let output = program.output(&format!("{export} --force"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains("No space left"), "{said}");
        let again = format!("export --again {before} --out {}", text(&out));
        assert!(said.contains(&again), "{said}");
        assert_eq!(fs::read(&out).ok().as_deref(), old.map(|old| &old[..]));
        assert_eq!(program.events().len(), before + 1);
        assert!(program.is_intact());

        fs::remove_file(filler).unwrap();
        assert_eq!(names(&disk.root()), there, "something was left behind");
        assert_eq!(program.code(&format!("{again} --force")), 0);
        assert_eq!(names(&disk.root()), ["p.zip"]);
        fs::remove_file(&out).unwrap();
    }
}

/// The disk that the ledger is on: no pack, and whatever was recorded, the next export works.
#[test]
fn a_pack_from_a_full_disk_comes_later() {
    if rounds().is_none() {
        return;
    }
    let disk = Mounted::memory("4m");
    let program = Program::prepared_in(&disk.root());
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("p.zip");
    let export = format!("export --key alice.pem --out {}", text(&out));
    // Without a pack key yet, and with one.
    for round in 0..2 {
        let filler = fill(&disk);
        let output = program.output(&export);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(6), "round {round}: {said}");
        assert!(said.contains("No space left"), "round {round}: {said}");
        assert_eq!(names(elsewhere.path()), [""; 0], "round {round}");
        assert!(program.is_intact(), "round {round}");
        fs::remove_file(filler).unwrap();
        assert_eq!(program.code(&export), 0, "round {round}");
        assert!(program.is_intact(), "round {round}");
        fs::remove_file(&out).unwrap();
    }
}

#[test]
fn a_read_only_ledger_can_be_read_and_says_why_it_cannot_be_written() {
    if rounds().is_none() {
        return;
    }
    let disk = Mounted::ext4();
    let program = Program::prepared_in(&disk.root());
    let mut before = program.json("verify --json --fail-on none --as-of 2099-01-01");
    must("mount", &["-o", "remount,ro", &text(&disk.root())]);
    let after = program.json("verify --json --fail-on none --as-of 2099-01-01");
    assert_eq!(before.as_object_mut().unwrap(), after.as_object().unwrap());
    for words in ["status", "due", "log", "show 3", "checkpoint"] {
        assert_eq!(program.code(words), 0, "{words}");
    }
    let append = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";
    let output = program.output(append);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
    assert!(said.contains("make room or access"), "{said}");
    // Nor can a pack be put there, which is found out before anything is recorded.
    let writable = Program::prepared();
    let before = writable.events();
    let out = text(&disk.root().join("p.zip"));
    let output = writable.output(&format!("export --key alice.pem --out {out}"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
    assert_eq!(writable.events(), before);
    // Neither ledger nor spool: the tool's own end stands all the same.
    let output = program.output("run --key olga.pem --rotation r-1 --step generate -- sh -c true");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    // What can neither be recorded nor kept is printed, and that line can still be delivered.
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("warning: it is: "));
    fs::write(writable.path("line"), line.unwrap()).unwrap();
    must("mount", &["-o", "remount,rw", &text(&disk.root())]);
    let line = text(&writable.path("line"));
    assert_eq!(program.code(&format!("append --statement {line}")), 0);
    assert_eq!(program.events().last().unwrap(), "step.performed");
}

/// What is wrong with a disk, what the commands come to then (`support/losses.rs`), and what mends it.
struct Trouble {
    what: &'static str,
    disk: fn() -> Mounted,
    begin: fn(&Mounted),
    codes: [i32; 5],
    end: fn(&Mounted),
}

const TROUBLES: [Trouble; 2] = [
    Trouble {
        what: "the disk is full",
        disk: || Mounted::memory("4m"),
        begin: |disk| drop(fill(disk)),
        // The tail has room that was made before (`a_full_disk_ends_with_6_and_loses_nothing` uses it up).
        codes: [0, 0, 0, 6, 0],
        end: |disk| fs::remove_file(disk.root().join("filler")).unwrap(),
    },
    Trouble {
        what: "the disk is read-only",
        disk: Mounted::ext4,
        begin: |disk| must("mount", &["-o", "remount,ro", &text(&disk.root())]),
        codes: [6, 0, 0, 2, 6],
        end: |disk| must("mount", &["-o", "remount,rw", &text(&disk.root())]),
    },
];

/// As with all that can be lost: each ends in a receipt, a finding or a refusal that says what helps; and with that everything goes on.
#[test]
fn every_command_says_what_helps_where_the_disk_takes_nothing() {
    if rounds().is_none() {
        return;
    }
    for trouble in TROUBLES {
        let disk = (trouble.disk)();
        let program = Program::prepared_in(&disk.root());
        let before = program.events();
        (trouble.begin)(&disk);
        let codes = ASKED.map(|words| comes_to(&program, words, trouble.what));
        assert_eq!(codes, trouble.codes, "{}", trouble.what);
        (trouble.end)(&disk);
        for words in ASKED {
            assert_eq!(
                comes_to(&program, words, "mended"),
                0,
                "{}: {words}",
                trouble.what
            );
        }
        assert!(program.is_intact(), "{}", trouble.what);
        assert!(program.events().starts_with(&before), "{}", trouble.what);
    }
}

/// An auditor on the ledger's host, with an account of their own that may read and nothing else.
#[test]
fn another_user_verifies_and_changes_nothing() {
    if rounds().is_none() {
        return;
    }
    let disk = Mounted::ext4();
    let program = Program::prepared_in(&disk.root());
    must("chmod", &["-R", "a+rX", &text(&disk.root())]);
    must("chmod", &["a+x", &text(disk.folder.path())]);
    let as_nobody = |words: &str| {
        let ledger = program.ledger(words);
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.arg(ledger.get_program()).args(ledger.get_args());
        command.current_dir(program.root());
        command
            .env("LEDGER_PATH", "prod")
            .env("LEDGER_STATE", "state");
        command.output().unwrap()
    };
    let seen = as_nobody("verify --json --fail-on none --as-of 2099-01-01");
    assert_eq!(seen.status.code(), Some(0), "{seen:?}");
    assert_eq!(
        serde_json::from_slice::<Value>(&seen.stdout).unwrap(),
        program.json("verify --json --fail-on none --as-of 2099-01-01")
    );
    for words in ["status", "due", "log", "show 3", "checkpoint"] {
        let output = as_nobody(words);
        assert_eq!(output.status.code(), Some(0), "{words}: {output:?}");
    }
    let append = "append step.failed --rotation r-1 --step generate --error x --key";
    let key = as_nobody(&format!("{append} olga.pem"));
    assert_eq!(key.status.code(), Some(2), "{key:?}");
    // With a key that they may read, the folder is what stands in the way.
    fs::copy(program.path("olga.pem"), program.path("own.pem")).unwrap();
    must("chmod", &["600", &text(&program.path("own.pem"))]);
    must("chown", &["65534", &text(&program.path("own.pem"))]);
    let output = as_nobody(&format!("{append} own.pem"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    assert!(said.contains("make room or access"), "{said}");
    assert_eq!(program.events().len(), 5);
}
