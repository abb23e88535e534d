//! What a host keeps of a ledger outside its folder: found by the ledger's id, wherever the folder is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::ledger::copy;
use crate::support::program::Program;

/// A user whose state folders are where they are by default, with the ledger `first`.
struct Host {
    program: Program,
}

impl Host {
    fn new() -> Self {
        let host = Self {
            program: Program::prepared(),
        };
        host.init("first", "ledger.example/first");
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.program.path(name)
    }

    fn run(&self, words: &str) -> Output {
        let mut command = self.program.ledger(words);
        let home = self.path("home");
        let command = command
            .env_remove("LEDGER_STATE")
            .env("XDG_STATE_HOME", home);
        command.output().unwrap()
    }

    fn code(&self, words: &str) -> i32 {
        self.run(words).status.code().unwrap()
    }

    fn init(&self, name: &str, origin: &str) {
        let words = format!(
            "init --ledger {name} --origin {origin} --actor alice --name Alice --key alice.pem"
        );
        assert_eq!(self.code(&words), 0);
    }

    fn note(&self, ledger: &str) -> i32 {
        self.code(&format!(
            "append entry.annotated --ledger {ledger} --key alice.pem --entry 0 --note seen"
        ))
    }

    /// What `verify` says to the checkpoint that is kept here.
    fn kept(&self, ledger: &str) -> String {
        let said = self.run(&format!("verify {ledger}"));
        let said = String::from_utf8(said.stdout).unwrap();
        let line = said.lines().find(|line| line.contains("anchoring"));
        line.unwrap().to_owned()
    }

    fn states(&self) -> PathBuf {
        self.path("home/rotation-ledger")
    }

    /// The state folders that are named by an id.
    fn by_id(&self) -> Vec<PathBuf> {
        folders(&self.states())
            .into_iter()
            .filter(|path| path.file_name().unwrap().len() == 32)
            .collect()
    }

    /// What is kept by a path.
    fn by_paths(&self) -> Vec<PathBuf> {
        folders(&self.states().join("by-path"))
    }
}

fn folders(within: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(within).unwrap();
    listed.map(|found| found.unwrap().path()).collect()
}

#[test]
fn a_ledger_is_known_wherever_its_folder_is() {
    let host = Host::new();
    fs::rename(host.path("first"), host.path("moved")).unwrap();
    symlink(host.path("moved"), host.path("linked")).unwrap();
    for name in ["moved", "./moved/../moved/", "linked"] {
        assert_eq!(host.note(name), 0);
        assert!(host.kept(name).contains("1/1 kept checkpoints extended"));
    }
    assert_eq!(host.by_id().len(), 1);
}

#[test]
fn a_cut_ledger_is_told_at_its_old_path_and_at_a_new_one() {
    let host = Host::new();
    host.note("first");
    copy(&host.path("first"), &host.path("older"));
    host.note("first");
    fs::remove_dir_all(host.path("first")).unwrap();
    assert!(host.kept("older").contains("FAIL"));
    assert_eq!(host.note("older"), 1);
    fs::rename(host.path("older"), host.path("first")).unwrap();
    assert!(host.kept("first").contains("FAIL"));
}

#[test]
fn a_ledger_that_nobody_here_knows_is_held_against_the_one_that_was_in_its_place() {
    let host = Host::new();
    host.note("first");
    fs::remove_dir_all(host.path("first")).unwrap();
    // The ledger `prod` has its state elsewhere.
    fs::rename(host.path("prod"), host.path("first")).unwrap();
    assert!(host.kept("first").contains("FAIL"));
    // One that is created there is another one, and known.
    fs::remove_dir_all(host.path("first")).unwrap();
    host.init("first", "ledger.example/first");
    assert!(host.kept("first").contains("1/1 kept checkpoints extended"));
    assert_eq!(host.by_id().len(), 2);
}

#[test]
fn the_state_of_before_is_taken_over_where_its_ledger_is_seen() {
    let host = Host::new();
    let (state, by_path) = (host.by_id().remove(0), host.by_paths().remove(0));
    let before = host.states().join(by_path.file_name().unwrap());
    let as_before = || {
        fs::rename(&state, &before).unwrap();
        fs::rename(by_path.join("ledger-id"), before.join("ledger-id")).unwrap();
        fs::remove_dir(&by_path).unwrap();
    };
    as_before();
    assert!(host.kept("first").contains("1/1 kept checkpoints extended"));
    assert_eq!(host.by_id(), std::slice::from_ref(&state));
    assert!(!before.exists());
    // Also where the ledger was moved first.
    host.note("first");
    as_before();
    fs::rename(host.path("first"), host.path("moved")).unwrap();
    assert_eq!(host.note("moved"), 0);
    assert_eq!(host.by_id(), [state]);
    assert!(!before.exists());
}

#[test]
fn a_creation_that_was_cut_off_last_of_all_is_completed() {
    let host = Host::new();
    let (state, by_path) = (host.by_id().remove(0), host.by_paths().remove(0));
    fs::rename(&state, by_path.join("new")).unwrap();
    fs::remove_file(by_path.join("ledger-id")).unwrap();
    assert_eq!(host.note("first"), 0);
    assert_eq!(host.by_id(), [state]);
    // And one that was cut off before is begun anew, with the key that was made for it.
    let (states, paths) = (host.by_id(), host.by_paths());
    host.init("second", "ledger.example/second");
    let new = |all: Vec<PathBuf>, before: &[PathBuf]| {
        all.into_iter().find(|one| !before.contains(one)).unwrap()
    };
    let (state, by_path) = (new(host.by_id(), &states), new(host.by_paths(), &paths));
    let key = fs::read(state.join("sealing.pem")).unwrap();
    fs::rename(&state, by_path.join("new")).unwrap();
    fs::write(host.path("second/creating"), "").unwrap();
    assert_eq!(host.note("second"), 4);
    host.init("second", "ledger.example/second");
    let state = new(host.by_id(), &states);
    assert_eq!(fs::read(state.join("sealing.pem")).unwrap(), key);
    assert_eq!(host.note("second"), 0);
}

#[test]
fn what_waits_where_no_ledger_was_seen_is_found_again_when_one_is() {
    let host = Host::new();
    fs::rename(host.path("first"), host.path("elsewhere")).unwrap();
    let run = |ledger: &str| {
        let words =
            format!("run --ledger {ledger} --key alice.pem --rotation r-1 --step health -- true");
        assert_eq!(host.code(&words), 0);
    };
    // The id is known by the path: it waits for that ledger.
    run("first");
    assert!(host.by_id()[0].join("spool").exists());
    // Here none was seen.
    run("never");
    let waits = host.by_paths();
    let waits = waits.iter().filter(|path| path.join("spool").exists());
    assert_eq!(waits.count(), 1);
    fs::rename(host.path("elsewhere"), host.path("never")).unwrap();
    let listed = host.run("spool list --json --ledger never");
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["waiting"].as_array().unwrap().len(), 2);
}

#[test]
fn two_folders_of_one_ledger_are_told_apart_and_a_moved_one_is_no_second() {
    let host = Host::new();
    host.note("first");
    let said = |words: &str| {
        let output = host.run(words);
        let code = output.status.code().unwrap();
        (code, String::from_utf8(output.stderr).unwrap())
    };
    let append = "append entry.annotated --ledger copy --key alice.pem --entry 0 --note seen";
    copy(&host.path("first"), &host.path("copy"));
    host.note("first");
    let last = format!(
        "two folders of this ledger: {} is the one that was written to last, with 3 entries",
        host.path("first").canonicalize().unwrap().display()
    );
    let (code, words) = said(append);
    assert!(code == 1 && words.contains(&last), "{words}");
    for reading in ["verify copy", "status --ledger copy"] {
        let (_, words) = said(reading);
        assert!(words.contains(&last), "{reading}: {words}");
    }
    for ledger in ["first", "./first"] {
        let (code, words) = said(&format!("verify {ledger}"));
        assert!(code == 0 && !words.contains("two folders"), "{words}");
    }
    fs::rename(host.path("first"), host.path("moved")).unwrap();
    assert!(!said("verify moved").1.contains("two folders"));
    assert!(!said("verify copy").1.contains("two folders"));
    assert_eq!(host.note("moved"), 0);
    assert!(said("verify copy").1.contains("moved is the one"));
}

#[test]
fn a_kept_checkpoint_that_lags_behind_is_said_where_the_ledger_is_read() {
    let host = Host::new();
    host.note("first");
    let head = host.by_id().remove(0).join("head");
    let old = fs::read(&head).unwrap();
    host.note("first");
    host.note("first");
    fs::write(&head, old).unwrap();
    for reading in ["verify first", "status --ledger first"] {
        let said = String::from_utf8(host.run(reading).stderr).unwrap();
        assert!(
            said.contains("lags behind by 2 entries"),
            "{reading}: {said}"
        );
    }
}
