//! What an operator watches: each number changes with what it is about, and what never happened is not there.

use std::collections::BTreeMap;
use std::process::Child;
use std::process::Stdio;

use crate::support::authority::Authority;
use crate::support::authority::P256;
use crate::support::program::Program;
use crate::support::program::first_line;
use crate::timestamps::stamp_by;
use rotation_ledger::ledger::LedgerPlace;
use rotation_ledger::ledger::marks;
use rotation_ledger::ledger::marks::Mark;
use rotation_ledger::sys::world::World;

/// What `ledger status --metrics` writes, read as strictly as a collector reads it.
fn metrics(program: &Program) -> BTreeMap<String, f64> {
    assert_eq!(program.code("status --metrics m.prom"), 0);
    let text = std::fs::read_to_string(program.path("m.prom")).unwrap();
    let mut numbers = BTreeMap::new();
    let (mut helped, mut typed) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        match &words[..] {
            ["#", "HELP", name, _, ..] => helped.push((*name).to_owned()),
            ["#", "TYPE", name, "gauge"] => typed.push((*name).to_owned()),
            ["#", "EOF"] => {}
            [name, number] => {
                assert!(typed.last().is_some_and(|typed| typed == name), "{line}");
                let number: f64 = number.parse().unwrap();
                assert!(number.is_finite(), "{line}");
                assert!(
                    numbers.insert((*name).to_owned(), number).is_none(),
                    "{line}"
                );
            }
            _ => panic!("{line}"),
        }
    }
    assert_eq!(helped, typed);
    assert!(text.ends_with("# EOF\n"));
    numbers
}

/// The names that are there now and were not, and those whose number is another one.
fn changed(program: &Program, before: &mut BTreeMap<String, f64>) -> Vec<String> {
    let now = metrics(program);
    let always = [
        "ledger_status_timestamp_seconds",
        "ledger_sealing_key_days_left",
    ];
    let same = |name: &str| before.get(name) == now.get(name);
    let changed = now.keys().filter(|name| !same(name));
    let changed =
        changed.filter(|name| !always.contains(&name.as_str()) && !name.ends_with("_free_bytes"));
    let changed = changed.cloned().collect();
    *before = now;
    changed
}

#[test]
fn each_number_is_about_something_that_happens() {
    let program = Program::prepared();
    let mut before = metrics(&program);
    let names: Vec<_> = before.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "ledger_entries",
            "ledger_head_timestamp_seconds",
            "ledger_ledger_free_bytes",
            "ledger_rotations_open",
            "ledger_sealing_key_days_left",
            "ledger_secrets_overdue",
            "ledger_spool_depth",
            "ledger_state_free_bytes",
            "ledger_status_timestamp_seconds",
        ]
    );
    assert_eq!(before["ledger_entries"], 5.0);
    assert_eq!(before["ledger_rotations_open"], 1.0);
    assert!((29.0..30.0).contains(&before["ledger_sealing_key_days_left"]));
    assert!(before["ledger_ledger_free_bytes"] > 1e6);
    let mut does = |words: &str, names: &[&str]| {
        assert_eq!(program.code(words), 0, "{words}");
        let names: Vec<_> = names.iter().map(|name| format!("ledger_{name}")).collect();
        assert_eq!(changed(&program, &mut before), names, "{words}");
    };
    does("log", &[]);
    does("verify --fail-on none", &["verification_timestamp_seconds"]);
    // A part, or a copy, is not the whole ledger.
    assert_eq!(program.code("verify --fail-on none --rotation r-1"), 3);
    does("log", &[]);
    std::fs::create_dir(program.path("kept")).unwrap();
    let anchored = "anchor_timestamp_seconds";
    does("anchor --to kept --always", &[anchored]);
    let said = ["entries", "head_timestamp_seconds"];
    does(
        "append rotation.aborted --key olga.pem --rotation r-1 --reason x --disposition none_generated",
        &[anchored, said[0], said[1], "rotations_open"],
    );
    does("publish --to www", &[anchored]);
    does("verify --fail-on none www", &[]);
    does(
        "secret register --secret db/old --name Old --class database_credential --store vault:kv --owner Team --consumers api --dual-run yes --version v1 --last-rotated 2020-01-01 --key alice.pem",
        &[anchored, said[0], said[1], "secrets_overdue"],
    );
    let spooled = "append step.failed --key olga.pem --rotation r-1 --step generate --error x --ledger gone --spool-on-failure";
    assert_eq!(program.code(spooled), 0);
    does("log", &["spool_depth", "spool_oldest_timestamp_seconds"]);
    let place = LedgerPlace::new(program.path("prod"), program.path("state"));
    let world = World::system();
    marks::note(&world, &place, Mark::Backup, 7, world.clock.now());
    does("log", &["backup_timestamp_seconds"]);
    let (mut witness, vkey) = witness(&program);
    let url = first_line(&mut witness);
    let url = url.trim().strip_prefix("listening on ").unwrap().to_owned();
    does(&format!("witness use a {vkey} http://{url}"), &[]);
    does("witness ask", &["cosignature_timestamp_seconds"]);
    witness.kill().unwrap();
    witness.wait().unwrap();
    if let Some(authority) = Authority::new(P256) {
        let root = authority.path("ca.pem").display().to_string();
        let named = format!(" --tsa-ca {root}");
        assert!(
            stamp_by(&program, &authority, "one", &named)
                .status
                .success()
        );
        does("log", &["time_token_timestamp_seconds"]);
    }
}

/// A witness that follows the ledger, at some port, and its key.
fn witness(program: &Program) -> (Child, String) {
    let trust = String::from_utf8(program.output("trust show").stdout).unwrap();
    let log = trust.lines().find_map(|line| line.strip_prefix("log "));
    let init = format!(
        "witness init --dir w --name w.example/a --log {}",
        log.unwrap()
    );
    assert_eq!(program.code(&init), 0);
    let serve = "witness serve --dir w --listen 127.0.0.1:0";
    let child = program
        .ledger(serve)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let vkey = std::fs::read_to_string(program.path("w/vkey")).unwrap();
    (child, vkey.trim().to_owned())
}

#[test]
fn what_is_watched_is_told_to_programs_as_well() {
    let program = Program::prepared();
    let gauges = || program.json("status --json")["gauges"].clone();
    let before = gauges();
    for never in [
        "anchor",
        "cosignature",
        "time_token",
        "backup",
        "verification",
    ] {
        assert!(before[never].is_null(), "{never}");
    }
    assert_eq!(before["head"]["size"], 5);
    assert_eq!(before["spool"]["depth"], 0);
    assert!(before["spool"]["oldest_utc"].is_null());
    assert!(
        [29, 30]
            .map(Some)
            .contains(&before["sealing_key_days_left"].as_i64())
    );
    assert!(
        before["free_bytes"]["state"]
            .as_u64()
            .is_some_and(|free| free > 0)
    );
    assert_eq!(program.code("verify --fail-on none"), 0);
    assert_eq!(gauges()["verification"]["size"], 5);
    assert!((0..60).contains(&gauges()["verification"]["age_seconds"].as_i64().unwrap()));
}

/// Where this host keeps nothing of a ledger, or cannot write there, a verification leaves nothing and is as good.
#[test]
fn a_verification_needs_no_mark_and_makes_no_state() {
    let program = Program::prepared();
    let elsewhere = "verify --fail-on none --state nowhere";
    assert_eq!(program.code(elsewhere), 0);
    assert!(!program.path("nowhere").exists());
    std::fs::write(program.path("state/marks"), "in the way").unwrap();
    assert_eq!(program.code("verify --fail-on none"), 0);
    assert!(program.json("status --json")["gauges"]["verification"].is_null());
    std::fs::remove_file(program.path("state/marks")).unwrap();
    let tail = program.path("prod/tail");
    let mut bytes = std::fs::read(&tail).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&tail, bytes).unwrap();
    assert_ne!(program.code("verify --fail-on none"), 0);
    assert!(!program.path("state/marks").exists());
}

#[test]
fn the_file_of_numbers_lies_outside_of_the_ledger() {
    let program = Program::prepared();
    assert_eq!(program.code("status --metrics prod/m.prom"), 2);
    assert_eq!(program.code("status --metrics nowhere/m.prom"), 2);
    assert!(program.is_intact());
}
