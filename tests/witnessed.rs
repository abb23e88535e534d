//! Two witnesses and a ledger, each a process of its own: a quorum, one of them gone, a fork.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use program::Program;
use serde_json::Value;

/// A witness at work, gone with the test.
struct Witness {
    child: Child,
    url: String,
    vkey: String,
}

impl Witness {
    fn start(program: &Program, name: &str, log: &str) -> Self {
        let init =
            format!("witness init --dir {name} --name {name}.example/audit --log {log} --json");
        let made = program.json(&init);
        let vkey = made["vkey"].as_str().unwrap().to_owned();
        let mut child = program
            .ledger(&format!("witness serve --dir {name} --listen 127.0.0.1:0"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let address = first.trim().rsplit(' ').next().unwrap().to_owned();
        Self {
            child,
            url: format!("http://{address}"),
            vkey,
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SAY: &str = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";

fn cosigned_size(program: &Program) -> Option<u64> {
    let note = fs::read_to_string(program.path("prod/cosigned")).ok()?;
    note.lines().nth(1)?.parse().ok()
}

/// Waits for the process in the background; a test that waits for longer has failed.
fn await_cosigned(program: &Program, size: u64) {
    let begun = Instant::now();
    while cosigned_size(program) != Some(size) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            cosigned_size(program)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn not_checked(report: &Value) -> String {
    report["not_checked"].to_string()
}

#[test]
fn a_quorum_is_reached_and_a_fork_is_refused() {
    let program = Program::prepared();
    let shown = String::from_utf8(program.output("trust show").stdout).unwrap();
    let log = shown.lines().next().unwrap().strip_prefix("log ").unwrap();
    let one = Witness::start(&program, "one", log);
    let two = Witness::start(&program, "two", log);
    for (name, witness) in [("one", &one), ("two", &two)] {
        let add = format!("witness use {name} {} {}", witness.vkey, witness.url);
        assert_eq!(program.code(&add), 0);
    }
    let trust = format!("trust show --witness {} --witness {}", one.vkey, two.vkey);
    fs::write(program.path("trust"), program.output(&trust).stdout).unwrap();

    // Nobody saw it yet.
    assert_eq!(program.code("verify --trust trust"), 1);
    // An append is answered, and the witnesses see it without anybody waiting.
    assert_eq!(program.code(SAY), 0);
    await_cosigned(&program, 6);
    let report = program.json("verify --trust trust --json");
    assert_eq!(report["verdicts"][2]["status"], "PASS", "{report}");
    assert!(!not_checked(&report).contains("witnesses"), "{report}");
    for from in ["prod", "state"] {
        let copied = std::process::Command::new("cp")
            .args(["-r", from, &format!("{from}-fork")])
            .current_dir(program.root())
            .status();
        assert!(copied.unwrap().success());
    }

    // One is gone: the append answers all the same, and what the other has not seen is said.
    drop(two);
    assert_eq!(program.code(SAY), 0);
    let begun = Instant::now();
    // While the process in the background asks, nobody else does.
    while program.code("witness ask") != 6 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(50));
    }
    let report = program.json("verify --trust trust --json");
    assert!(
        not_checked(&report).contains("entries 6 to 6 with the witnesses"),
        "{report}"
    );
    assert_eq!(report["verdicts"][2]["status"], "PASS", "{report}");

    // A copy that went its own way from there: the one that is left refuses it, and both keep it.
    let fork = |words: &str| {
        let mut command = program.ledger(words);
        command
            .env("LEDGER_PATH", "prod-fork")
            .env("LEDGER_STATE", "state-fork");
        command.output().unwrap()
    };
    assert_eq!(
        fork(&SAY.replace("--error x", "--error other"))
            .status
            .code(),
        Some(0)
    );
    let begun = Instant::now();
    let refused = loop {
        let asked = fork("witness ask --json");
        let said = String::from_utf8(asked.stdout).unwrap();
        // Whoever asks in the background already holds the lock for a moment.
        if said.contains("disagrees") || begun.elapsed() > Duration::from_secs(20) {
            break (asked.status.code(), said);
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(refused.0, Some(1), "{}", refused.1);
    assert!(
        refused.1.contains("422") || refused.1.contains("409"),
        "{}",
        refused.1
    );
    let kept = |folder: &str| fs::read_dir(program.path(folder)).unwrap().count();
    assert!(kept("state-fork/anchoring/evidence") > 0);
    assert!(kept("one/evidence") > 0);
}

#[test]
fn checkpoints_go_where_they_are_to_go_and_never_over_another_root() {
    let program = Program::prepared();
    fs::create_dir(program.path("kept")).unwrap();
    assert_eq!(program.code("anchor --to nowhere"), 2);
    assert_eq!(program.code("anchor --to kept --always"), 0);
    assert_eq!(
        program.code("anchor --always --to-command cp /dev/stdin taken"),
        0
    );
    assert_eq!(program.code(SAY), 0);
    let folder = fs::read_dir(program.path("kept"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    program::await_file(&folder.path().join("6.checkpoint"));
    let anchor = folder.path().join("6.checkpoint").display().to_string();
    let report = program.json(&format!("verify --anchor {anchor} --json"));
    assert_eq!(report["verdicts"][2]["status"], "PASS", "{report}");
    assert!(
        fs::read_to_string(program.path("taken"))
            .unwrap()
            .starts_with("ledger.example/prod\n")
    );

    // Another root under the same size is refused, and what was kept stays.
    let before = fs::read(&anchor).unwrap();
    let other = String::from_utf8(before.clone()).unwrap();
    let root = other.lines().nth(2).unwrap();
    fs::write(
        &anchor,
        other.replace(root, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
    )
    .unwrap();
    assert_eq!(program.code("anchor --to kept"), 1);
    assert_eq!(program.code("anchor --remove 1"), 0);
    assert_eq!(program.code("anchor --remove 7"), 2);
}
