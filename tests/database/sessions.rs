//! The program with a ledger in a database.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::support::program::Program;
use crate::support::served::Served;

/// The prepared ledger, restored into a database; and its URL for the role that writes.
fn moved(cluster: &Cluster, database: &str) -> (Program, String) {
    cluster.sql(1, "postgres", &format!("CREATE DATABASE {database}"));
    let program = Program::prepared();
    let owner = cluster.url("postgres", database);
    let prepare =
        format!("database --ledger {owner} --writer ledger_writer --reader ledger_reader");
    // Twice: what is there is left alone.
    assert_eq!((program.code(&prepare), program.code(&prepare)), (0, 0));
    let url = cluster.url("ledger_writer", database);
    assert_eq!(program.code(&format!("restore --from prod --to {url}")), 0);
    (program, url)
}

fn draft(n: usize) -> String {
    format!(
        "{{\"event\":\"secret.registered\",\"secret\":\"db/s{n}\",\"name\":\"S {n}\",\"class\":\"database_credential\",\"environment\":\"prod\",\"store\":\"vault:x/y\",\"owner\":\"Orders\",\"consumers\":[\"api\"],\"dual_run\":true,\"version\":\"v1\",\"last_rotated\":\"2026-09-01T00:00:00Z\"}}\n"
    )
}

/// What the entries are and lead to, wherever they are kept.
fn told(program: &Program, ledger: &str) -> [Value; 4] {
    let report = program.json(&format!("verify {ledger} --json"));
    assert_eq!(report["findings"], serde_json::json!([]), "{report}");
    let log = program.json(&format!("log --json --ledger {ledger}"));
    ["head", "root", "size"]
        .map(|key| report[key].clone())
        .into_iter()
        .chain([log["entries"].clone()])
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

#[test]
fn a_ledger_in_a_database_is_the_ledger() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (program, url) = moved(&cluster, "whole");
    assert_eq!(told(&program, &url), told(&program, "prod"));
    let drafts: String = (0..600).map(draft).collect();
    fs::write(program.path("drafts.ndjson"), drafts).unwrap();
    fs::write(program.path("seen.txt"), "it is used by nobody else\n").unwrap();
    for words in [
        "append --json drafts.ndjson --key alice.pem --quiet",
        "append rotation.approved --key alice.pem --rotation r-1 --no-window none --attach seen.txt",
        "status",
        "due",
        "show 0",
        "show r-1",
        "checkpoint",
        "reindex",
        "prove 3",
        "next --key olga.pem",
        "export --out pack.zip --key alice.pem",
        "publish --to copy",
        "verify copy",
        "backup --to kept",
        "backup --check kept",
        "restore --from kept --to folder",
    ] {
        let output = program.output(&format!("{words} --ledger {url}"));
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{words}: {output:?}"
        );
    }
    // Out of the database into a folder and from there into another, the entries are what they were.
    let (whole, folder) = (told(&program, &url), told(&program, "folder"));
    assert_eq!(whole, folder);
    assert_eq!(
        whole,
        told(&program, &cluster.url("ledger_reader", "whole"))
    );
    for words in [
        "archive --to elsewhere --key alice.pem",
        "init --origin o.example/x --actor a --name A --key alice.pem",
    ] {
        assert_ne!(
            program.code(&format!("{words} --ledger {url} --state other")),
            0,
            "{words}"
        );
    }
    let secret = url.replace("ledger_writer@", "ledger_writer:hush@");
    let refused = program.output(&format!("status --ledger {secret}"));
    assert!(
        !String::from_utf8_lossy(&refused.stderr).contains("hush"),
        "{refused:?}"
    );
}

#[test]
fn what_a_superuser_does_to_rows_is_named() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (program, url) = moved(&cluster, "spoiled");
    let drafts: String = (0..300).map(draft).collect();
    fs::write(program.path("drafts.ndjson"), drafts).unwrap();
    let append = format!("append --json drafts.ndjson --key alice.pem --quiet --ledger {url}");
    assert_eq!(program.code(&append), 0);
    let one = format!(
        "append rotation.approved --key alice.pem --rotation r-1 --no-window none --ledger {url}"
    );
    assert_eq!(program.code(&one), 0);
    let report = |what: &str| {
        let report = program.json(&format!("verify {url} --json"));
        assert_ne!(report["verdicts"][0]["status"], "PASS", "{what}: {report}");
        report["findings"][0].clone()
    };
    let last = "(SELECT max(position) FROM ledger.segment)";
    for (what, sequence) in [
        ("UPDATE ledger.segment SET entries = set_byte(entries, 90, get_byte(entries, 90) # 1) WHERE position = 0".to_owned(), 0),
        (format!("UPDATE ledger.segment SET entries = set_byte(entries, 90, get_byte(entries, 90) # 1) WHERE position = {last}"), 305),
        ("DELETE FROM ledger.segment WHERE position = 0".to_owned(), 0),
        ("UPDATE ledger.segment SET position = -position".to_owned(), 0),
        ("DELETE FROM ledger.named WHERE name LIKE 'tile/%'".to_owned(), 0),
    ] {
        let spoil = format!(
            "SET session_replication_role = replica; CREATE TABLE ledger.kept AS SELECT * FROM ledger.segment; CREATE TABLE ledger.also AS SELECT * FROM ledger.named; ALTER TABLE ledger.segment DROP CONSTRAINT segment_position_check; {what}"
        );
        cluster.sql(1, "spoiled", &spoil);
        let finding = report(&what);
        assert_eq!(finding["entry"], sequence, "{what}: {finding}");
        cluster.sql(
            1,
            "spoiled",
            "SET session_replication_role = replica; DELETE FROM ledger.segment; INSERT INTO ledger.segment SELECT * FROM ledger.kept; DELETE FROM ledger.named; INSERT INTO ledger.named SELECT * FROM ledger.also; DROP TABLE ledger.kept, ledger.also; ALTER TABLE ledger.segment ADD CONSTRAINT segment_position_check CHECK (position >= 0)",
        );
    }
    let whole = program.json(&format!("verify {url} --json"));
    assert_eq!(whole["findings"], serde_json::json!([]), "{whole}");
    // Cut back, and all of it consistent: only a checkpoint that lies elsewhere tells.
    cluster.sql(1, "spoiled", &format!("SET session_replication_role = replica; DELETE FROM ledger.segment WHERE position = {last}"));
    let report = program.json(&format!("verify {url} --json"));
    assert_eq!(report["exit_code"], 1, "{report}");
    let refused = program.output(&one);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[test]
fn several_servers_before_one_database_make_one_chain() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (program, url) = moved(&cluster, "served");
    let sockets = ["one", "two"].map(|host| {
        // Each host has the sealing key and a checkpoint; nothing else.
        fs::create_dir(program.path(host)).unwrap();
        for name in ["sealing.pem", "head"] {
            fs::copy(
                program.path("state").join(name),
                program.path(host).join(name),
            )
            .unwrap();
        }
        program.path(&format!("{host}.sock"))
    });
    let serve = |host: usize| {
        let state = ["one", "two"][host];
        Served::start_at(
            &program,
            &sockets[host],
            &format!("--ledger {url} --state {state}"),
        )
    };
    let (mut one, two) = (serve(0), serve(1));
    let at = |host: usize| format!("--ledger unix:{}", sockets[host].display());
    let sequences = thread::scope(|scope| {
        let register = |(client, host): (usize, usize)| {
            let (program, at) = (&program, at(host));
            move || {
                let one = |n: usize| {
                    let words = format!(
                        "append secret.registered --key alice.pem --secret db/c{client}-{n} --name N --class database_credential --store vault:x --owner O --consumers api --dual-run yes --version v1 --last-rotated 2026-09-01 --json {at}"
                    );
                    program.json(&words)["sequence"].as_u64().unwrap()
                };
                (0..8).map(one).collect::<Vec<_>>()
            }
        };
        let clients = [(0, 0), (1, 1), (2, 0), (3, 1)].map(|client| scope.spawn(register(client)));
        clients.map(|client| client.join().unwrap()).concat()
    });
    let different: BTreeSet<u64> = sequences.iter().copied().collect();
    assert_eq!(different.len(), sequences.len(), "{sequences:?}");
    // A receipt that was lost with its server is had again from the other.
    let sign =
        "sign rotation.approved --key alice.pem --rotation r-1 --no-window none --out said.json";
    assert_eq!(program.code(&format!("{sign} --ledger {url}")), 0);
    let first = program.json(&format!("--json append --statement said.json {}", at(0)));
    one.child.kill().unwrap();
    one.child.wait().unwrap();
    let again = program.json(&format!("--json append --statement said.json {}", at(1)));
    assert_eq!(first["delivered"][0]["sequence"], 37, "{first}");
    assert_eq!(again["delivered"][0]["sequence"], 37, "{again}");
    drop(two);
    let report = program.json(&format!("verify {url} --json"));
    assert_eq!(report["verdicts"][0]["status"], "PASS", "{report}");
    assert_eq!(report["size"], 5 + 32 + 1, "{report}");
}
