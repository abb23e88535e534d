//! Every `sh` block of the README and of `docs/` is run, or stands in `NOT_RUN` with the reason.
//!
//! The README is one session, and so are the odd rotations: their blocks run in their order, each in the folder that the one before left, and each
//! command must end with 0. What a `text` block shows is what the `sh` block before it printed, with `…` for what is
//! left out: lines where it stands alone, words within a line.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::support::authority::Authority;
use crate::support::authority::P256;
use crate::support::authority::serve;

/// A fenced block of a document.
pub(crate) struct Block {
    /// The line of its fence.
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) text: String,
}

/// The fenced blocks of a document.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (line, text) in document.lines().enumerate() {
        match (text.strip_prefix("```"), inside) {
            (Some(language), false) => {
                inside = true;
                blocks.push(Block {
                    line: line + 1,
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(text);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    blocks
}

/// Documents that are one session each, from an empty folder.
const SESSIONS: &[&str] = &["README.md", "docs/ODD-ROTATIONS.md"];

/// Documents whose blocks are run by something else, and the line of CI that does it.
const RUN_ELSEWHERE: &[(&str, &str)] = &[
    (
        "docs/VERIFY-BY-HAND.md",
        "tests/by-hand/steps.sh \"$hand/steps\"",
    ),
    // By a test of the program, `integrate`.
    ("docs/INTEGRATE.md", "LEDGER_TEST_PYTHON="),
];

/// Documents whose blocks are not run here, and why; each of their lines is held against `.ci/run` or `Cargo.toml` instead.
const NOT_RUN: &[(&str, &str)] = &[
    (
        "docs/CONTRIBUTING.md",
        "builds and tests everything, this test included: CI does nothing else",
    ),
    (
        "docs/PERFORMANCE.md",
        "measures for an hour, and says nothing on a busy machine",
    ),
];

type StandIn = (&'static str, &'static str, &'static str);

/// What stands in for what is elsewhere: the words of the README, what is run instead, and why.
const STAND_INS: &[StandIn] = &[
    (
        "cargo run --release -- demo",
        "ledger demo",
        "the program is built already; CI runs this very line",
    ),
    (
        "cargo test\n",
        "echo 'test result: ok. all of them'\n",
        "this test is one of them; CI runs this very line",
    ),
    (
        "cargo install --path .",
        "command -v ledger",
        "nothing is installed by a test",
    ),
    (
        "ledger witness serve --dir witness --listen 127.0.0.1:7801",
        "{ ledger witness serve --dir witness --listen 127.0.0.1:0 >listening 2>requests & }\n\
         until grep -q 'listening on' listening; do sleep 0.05; done",
        "serves for ever; the port may be taken",
    ),
    (
        "https://witness.example",
        "http://$(sed -n 's/^listening on //p' listening)",
        "the witness of the block before, on loopback",
    ),
    (
        "https://tsa.example",
        "$TSA",
        "an authority of this machine, on loopback",
    ),
    (
        "cd trial",
        "cd trial && cp \"$CA\" tsa-ca.pem",
        "the authority hands out its certificate",
    ),
];

/// Between the output of two blocks.
const MARK: &str = "--- block of line";

#[test]
fn every_block_is_run_or_listed_with_a_reason() {
    let ci = crate::read(".ci/run");
    for (document, line) in RUN_ELSEWHERE {
        assert!(ci.contains(line), "{document}: CI no longer runs {line}");
    }
    for document in crate::documents() {
        let with_blocks = blocks(&crate::read(&document))
            .iter()
            .any(|block| block.language == "sh");
        let listed = |list: &[(&str, &str)]| list.iter().any(|(name, _)| *name == document);
        let known = SESSIONS.contains(&&*document) || listed(RUN_ELSEWHERE) || listed(NOT_RUN);
        assert_eq!(
            known, with_blocks,
            "{document}: its blocks are run, or listed with a reason"
        );
        for block in blocks(&crate::read(&document)) {
            let shell = ["bash", "shell", "console", "zsh"];
            assert!(
                !shell.contains(&block.language.as_str()),
                "{document}:{}: a block of commands is called sh",
                block.line
            );
        }
    }
}

#[test]
fn what_is_not_run_here_is_what_ci_runs_or_a_bench_that_there_is() {
    let (ci, manifest) = (crate::read(".ci/run"), crate::read("Cargo.toml"));
    for (document, why) in NOT_RUN {
        for block in blocks(&crate::read(document)) {
            for line in block.text.lines().filter(|_| block.language == "sh") {
                let line = line.split(" #").next().unwrap().trim();
                let bench = line.strip_prefix("cargo bench --bench ");
                let there =
                    bench.is_some_and(|name| manifest.contains(&format!("name = {name:?}")));
                let in_ci = ci.lines().any(|of_ci| of_ci.ends_with(line));
                assert!(
                    line.is_empty() || there || in_ci || line == "bash .ci/run",
                    "{document}:{}: `{line}` is neither run ({why}) nor known",
                    block.line
                );
            }
        }
    }
}

#[test]
fn the_readme_is_one_session_that_ends_well() {
    let Some(authority) = Authority::new(P256) else {
        return;
    };
    let certificate = authority.path("ca.pem");
    let reply = "200 OK\r\nContent-Type: application/timestamp-reply";
    let (url, serving) = serve(authority, vec![(reply, true)]);
    play(SESSIONS[0], STAND_INS, &url, &certificate);
    serving.join().unwrap();
}

#[test]
fn odd_rotations_go_as_it_is_told() {
    play(SESSIONS[1], &[], "", Path::new(""));
}

/// Runs the blocks of a document, and looks whether each prints what is shown.
fn play(document: &str, stand_ins: &[StandIn], url: &str, certificate: &Path) {
    let told = blocks(&crate::read(document));
    let output = run(&session(&told, stand_ins), url, certificate);
    let mut printed = "";
    for block in &told {
        match block.language.as_str() {
            "sh" => {
                let mark = format!("{MARK} {}\n", block.line);
                let after = output.split_once(&mark).map(|(_, after)| after);
                printed =
                    after.unwrap_or_else(|| panic!("never came to line {}:\n{output}", block.line));
                printed = printed.split(MARK).next().unwrap();
            }
            "text" => shows(document, block, printed),
            other => panic!("{document}:{}: what is a block of `{other}`?", block.line),
        }
    }
}

#[test]
fn a_block_that_shows_something_else_is_found() {
    let printed = "one\ntwo 2026-11-23 found\nthree\n";
    let shown = |text| first_not_shown(text, printed);
    assert_eq!(shown("one\n…\nthree\n"), None);
    assert_eq!(shown("two … found\n"), None);
    assert_eq!(shown("…\nfour\n"), Some("four"));
    assert_eq!(shown("three\none\n"), Some("one"));
    assert_eq!(shown("one\nthree\n"), Some("three"));
    assert_eq!(shown("two … lost\n"), Some("two … lost"));
}

/// A document's commands as one script.
fn session(told: &[Block], stand_ins: &[StandIn]) -> String {
    let mut script =
        "set -eu -o pipefail -o errtrace\ntrap 'echo \"failed: $BASH_COMMAND\"' ERR\n".to_owned();
    let mut unused: Vec<_> = stand_ins.iter().collect();
    for block in told.iter().filter(|block| block.language == "sh") {
        let mut text = block.text.clone();
        unused.retain(|(words, _, _)| !text.contains(words));
        for (words, instead, _) in stand_ins {
            text = text.replace(words, instead);
        }
        writeln!(script, "echo '{MARK} {}'\n{text}", block.line).unwrap();
    }
    assert!(unused.is_empty(), "stand in for nothing: {unused:?}");
    script
}

/// Runs the script to its end, in an empty folder, and gives what it printed on both streams.
fn run(script: &str, authority: &str, certificate: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    let (empty, log) = (home.path().join("empty"), home.path().join("log"));
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(home.path().join("script"), script).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ledger")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let out = std::fs::File::create(&log).unwrap();
    let mut command = Command::new("bash");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LEDGER_")) {
        command.env_remove(name);
    }
    let mut child = command
        .args(["-c", ". ../script"])
        .current_dir(&empty)
        .env("PATH", format!("{}:{path}", program.display()))
        .env("HOME", home.path())
        .env("TSA", authority)
        .env("CA", certificate)
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .process_group(0)
        .spawn()
        .unwrap();
    let status = child.wait().unwrap();
    // The witness, which serves until somebody ends it.
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let _ = rustix::process::kill_process_group(group, Signal::TERM);
    let output = std::fs::read_to_string(log).unwrap();
    assert!(status.success(), "{output}");
    output
}

fn shows(document: &str, block: &Block, printed: &str) {
    if let Some(line) = first_not_shown(&block.text, printed) {
        panic!(
            "{document}:{}: nothing was printed there like\n{line}\nbut\n{printed}",
            block.line
        );
    }
}

/// The first line of the shown text that was not printed in its place.
fn first_not_shown<'t>(text: &'t str, printed: &str) -> Option<&'t str> {
    let mut rest = printed.lines();
    let mut anywhere = true;
    for wanted in text.lines() {
        if wanted == "…" {
            anywhere = true;
            continue;
        }
        let found = if anywhere {
            rest.any(|line| fits(line, wanted))
        } else {
            rest.next().is_some_and(|line| fits(line, wanted))
        };
        if !found {
            return Some(wanted);
        }
        anywhere = false;
    }
    None
}

fn fits(line: &str, wanted: &str) -> bool {
    match wanted.split_once('…') {
        Some((before, after)) => {
            let inside = line.strip_prefix(before);
            inside.is_some_and(|inside| inside.ends_with(after))
        }
        None => line == wanted,
    }
}
