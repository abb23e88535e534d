//! Copies of a ledger's folder that somebody makes while 2,000 entries are appended to it: each verifies as the ledger was
//! at some moment, or says what it is; and where the host knows of more, none of them goes on as another ledger.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::ledger::copy;
use crate::support::program::{Program, draft};
use rotation_ledger::store::image::list_files;
use rotation_ledger::sys::disk::RealDisk;
use serde_json::Value;

const ENTRIES: usize = 2_000;
const COPIES: usize = 30;

/// From a folder to one that is not there.
type Make = fn(&Path, &Path);

/// How a folder is copied. What is not in its place yet may be gone when it is its turn: that file is left out.
const WAYS: [(&str, Make); 3] = [
    ("cp -a", |from, to| {
        let mut cp = Command::new("cp");
        cp.arg("-a").args([from, to]).stderr(Stdio::null());
        cp.status().unwrap();
    }),
    ("the tail first", |from, to| one_by_one(from, to, true)),
    ("the tail last", |from, to| one_by_one(from, to, false)),
];

fn one_by_one(from: &Path, to: &Path, tail_first: bool) {
    let mut files: Vec<PathBuf> = Vec::new();
    while files.is_empty() {
        // A folder that is listed may be renamed meanwhile.
        let listed = list_files(&RealDisk, from).unwrap_or_default();
        files = listed.into_iter().map(|found| found.path).collect();
    }
    files.sort_by_key(|path| (path != Path::new("tail")) == tail_first);
    for path in files {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        let _ = fs::copy(from.join(&path), to.join(path));
        // As over a network, so that more is appended between one file and the next.
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Has a process append them, a part at a time, and makes a copy while each part is on its way to the disk.
fn copied_meanwhile(program: &Program) -> Vec<(&'static str, String)> {
    let mut child = program
        .ledger("append --key olga.pem --json -")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut copies = Vec::new();
    for n in 0..COPIES {
        let part = n * ENTRIES / COPIES..(n + 1) * ENTRIES / COPIES;
        let drafts: String = part.map(draft).collect();
        input.write_all(drafts.as_bytes()).unwrap();
        let (way, make) = WAYS[n % WAYS.len()];
        let name = format!("copy-{n}");
        make(&program.path("prod"), &program.path(&name));
        copies.push((way, name));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    copies
}

/// The ids of all entries, in order; none where they cannot be read.
fn ids(program: &Program, folder: &str) -> Option<Vec<String>> {
    let log = program.json(&format!("log --ledger {folder} --state none --json"));
    let id = |entry: &Value| entry["event_id"].as_str().unwrap().to_owned();
    Some(log["entries"].as_array()?.iter().map(id).collect())
}

/// What a copy says of itself: by findings or an error, or that it passes.
fn said(report: &Value) -> String {
    if let Some(code) = report["error"]["code"].as_str() {
        return code.to_owned();
    }
    let judged = |one: &&Value| one["verdict"] != "conformance" && one["verdict"] != "coverage";
    let found = report["findings"].as_array().unwrap().iter().filter(judged);
    let mut rules: Vec<_> = found.map(|one| one["rule"].as_str().unwrap()).collect();
    rules.dedup();
    match rules.is_empty() {
        true if report["exit_code"] == 4 => report["not_checked"].to_string(),
        true => "passes".to_owned(),
        false => rules.join(" "),
    }
}

#[test]
fn a_copy_made_while_entries_are_appended_is_of_one_moment_or_says_what_it_is() {
    let program = Program::prepared();
    let copies = copied_meanwhile(&program);
    let all = ids(&program, "prod").unwrap();
    assert_eq!(all.len(), 5 + ENTRIES);
    let (mut outcomes, mut refused) = (BTreeMap::<_, u64>::new(), 0);
    for (way, name) in &copies {
        let report = program.json(&format!("verify {name} --state none --json"));
        let judged = said(&report);
        let what = format!("{way}, {name}: {judged}");
        if judged == "passes" {
            let found = ids(&program, name).unwrap();
            assert_eq!(report["size"], found.len(), "{what}");
            assert!(all.starts_with(&found), "{what}");
        }
        *outcomes.entry((*way, judged)).or_default() += 1;

        // On this host, which has signed for every entry.
        let state = format!("state-of-{name}");
        copy(&program.path("state"), &program.path(&state));
        let more = "append step.failed --key olga.pem --rotation r-1 --step generate --error more";
        let output = program.output(&format!("{more} --ledger {name} --state {state}"));
        if output.status.success() {
            let found = ids(&program, name).unwrap();
            assert!(found.starts_with(&all), "{what}: {output:?}");
        } else {
            let code = output.status.code().unwrap();
            assert!((1..=6).contains(&code), "{what}: {output:?}");
            refused += 1;
        }
    }
    println!("{outcomes:#?}");
    assert!(refused > 0, "every copy went on");
    assert!(program.is_intact());
    assert_eq!(ids(&program, "prod"), Some(all));
}
