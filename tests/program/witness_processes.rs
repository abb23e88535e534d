//! Witnesses and a ledger as processes of their own: a quorum, one that is down, a ledger that was
//! forked, cut short or killed.

use crate::support::log;

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::support::program::Program;
use crate::support::program::first_line;
use crate::support::program::signal;
use crate::support::served::Served;
use rotation_ledger::note::SignedNote;
use rotation_ledger::witness::name_of;
use rustix::process::Signal;
use serde_json::Value;

const APPEND: &str =
    "append step.failed --key olga.pem --rotation r-1 --step generate --error again";

/// A witness in a folder, serving until it is dropped.
struct Witness {
    dir: std::path::PathBuf,
    child: Option<Child>,
    address: String,
    vkey: String,
}

fn ledger(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    command.args(words).stdin(Stdio::null());
    command
}

impl Witness {
    fn following(dir: &Path, name: &str, log: &str) -> Self {
        let dir_text = dir.to_str().unwrap();
        let made = ledger(&[
            "witness", "init", "--dir", dir_text, "--name", name, "--log", log, "--json",
        ]);
        let made = { made }.output().unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        let mut witness = Self {
            dir: dir.to_owned(),
            child: None,
            address: "127.0.0.1:0".to_owned(),
            vkey: made["vkey"].as_str().unwrap().to_owned(),
        };
        witness.start();
        witness
    }

    /// Starts it, on the port that it had before, if it had one.
    fn start(&mut self) {
        let dir = self.dir.to_str().unwrap();
        let mut child = ledger(&["witness", "serve", "--dir", dir, "--listen", &self.address])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let line = first_line(&mut child);
        self.address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        self.child = Some(child);
    }

    fn stop(&mut self, how: Signal) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        signal(&child, how);
        child.wait().unwrap().code()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Status line, headers and body of one answer; nothing where the witness is not there.
    fn exchange(&self, head: &str, body: &[u8]) -> Option<(String, Vec<u8>)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let at = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let body = answer.split_off(at + 4);
        Some((String::from_utf8(answer).unwrap(), body))
    }

    fn post(&self, body: &[u8]) -> Option<(u16, String, Vec<u8>)> {
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let (head, body) = self.exchange(&head, body)?;
        Some((head[9..12].parse().unwrap(), head, body))
    }

    fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        let (head, body) = self
            .exchange(
                &format!("GET {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"),
                b"",
            )
            .unwrap();
        (head[9..12].parse().unwrap(), head, body)
    }

    fn evidence(&self) -> Vec<String> {
        let listed = fs::read_dir(self.dir.join("evidence")).unwrap();
        listed
            .map(|found| found.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until `done` says so.
fn await_it(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{what} never came"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The first line of the ledger's own trust file, without its word.
fn vkey_of(program: &Program) -> String {
    let shown = program.json("trust show --json");
    shown["logs"][0].as_str().unwrap().to_owned()
}

#[test]
fn every_status_code_comes_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let log_vkey = log::log_vkey().to_string();
    let witness = Witness::following(folder.path(), "witness.example/a", &log_vkey);
    let monitor = format!("/{}/checkpoint", name_of(log::ORIGIN));
    assert_eq!(witness.get(&monitor).0, 404, "nothing was cosigned yet");

    let (status, head, body) = witness.post(&log::request(0, 33)).unwrap();
    assert_eq!(status, 200, "{head}");
    let line = String::from_utf8(body).unwrap();
    assert!(line.starts_with("\u{2014} witness.example/a "), "{line}");
    let (status, head, body) = witness.get(&monitor);
    assert!(status == 200 && head.contains("text/plain"), "{head}");
    assert_eq!(
        String::from_utf8(body).unwrap(),
        format!("{}{line}", log::note(33, false))
    );

    let (status, head, body) = witness.post(&log::request(0, 70)).unwrap();
    assert_eq!((status, &*body), (409, &b"33\n"[..]));
    assert!(
        head.contains("\r\ncontent-type: text/x.tlog.size\r\n"),
        "{head}"
    );
    let status = |body: &[u8]| witness.post(body).unwrap().0;
    let vectors: Value = serde_json::from_str(include_str!("../vectors/tlog.json")).unwrap();
    let forked = log::request_with(33, &log::note(70, true), vec![]);
    let stranger = rotation_ledger::key::SecretKey::from_seed(&[9; 32]);
    let unsigned = rotation_ledger::checkpoint::sign(&log::checkpoint(70, false), &stranger);
    let elsewhere = log::note(70, false).replace(log::ORIGIN, "other.example");
    assert_eq!(status(&forked), 422);
    assert_eq!(
        status(&log::request_with(71, &log::note(70, false), vec![])),
        400
    );
    assert_eq!(status(&log::request_with(33, &unsigned, vec![])), 403);
    assert_eq!(status(&log::request_with(33, &elsewhere, vec![])), 404);
    assert_eq!(status(b"no request"), 400);
    assert_eq!(status(b""), 400);
    assert_eq!(
        status(
            vectors["witness_add_checkpoint_33_to_70"]
                .as_str()
                .unwrap()
                .as_bytes()
        ),
        200
    );

    assert_eq!(witness.get("/").0, 404);
    assert_eq!(witness.get(&monitor.to_uppercase()).0, 404);
    assert_eq!(
        witness.get(&format!("/{}/checkpoint", "0".repeat(64))).0,
        404
    );
    let (status, head, _) = witness.get("/add-checkpoint");
    assert!(
        status == 405 && head.contains("\r\nallow: POST\r\n"),
        "{head}"
    );
    let (head, _) = witness
        .exchange(
            &format!("POST {monitor} HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            b"",
        )
        .unwrap();
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    let (head, _) = witness
        .exchange(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 1048577\r\n\r\n",
            b"",
        )
        .unwrap();
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
}

#[test]
fn a_witness_keeps_connections_and_silent_ones_starve_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let vkey = log::log_vkey().to_string();
    let mut witness = Witness::following(folder.path(), "witness.example/a", &vkey);
    let connect = || TcpStream::connect(&witness.address).unwrap();
    let silent: Vec<_> = (0..600).map(|_| connect()).collect();
    assert_eq!(witness.post(&log::request(0, 33)).unwrap().0, 200);
    let path = format!("/{}/checkpoint", name_of(log::ORIGIN));
    let host = &witness.address;
    // Two requests on one connection, the second with its target in full.
    let mut kept = connect();
    let both = format!(
        "GET {path} HTTP/1.1\r\nHost: w\r\n\r\nGET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    );
    kept.write_all(both.as_bytes()).unwrap();
    let mut answers = String::new();
    kept.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    let nameless = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n");
    let (head, _) = witness.exchange(&nameless, b"").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(witness.stop(Signal::TERM), Some(0));
    drop(silent);
}

#[test]
fn a_witness_ends_in_order_and_one_without_its_state_answers_500() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::following(
        folder.path(),
        "witness.example/a",
        &log::log_vkey().to_string(),
    );
    assert_eq!(witness.post(&log::request(0, 33)).unwrap().0, 200);
    assert_eq!(witness.stop(Signal::TERM), Some(0));
    witness.start();
    assert_eq!(witness.post(&log::request(33, 40)).unwrap().0, 200);
    let state = folder.path().join("state").join(name_of(log::ORIGIN));
    fs::write(&state, "torn").unwrap();
    assert_eq!(witness.post(&log::request(0, 70)).unwrap().0, 500);
    fs::remove_file(&state).unwrap();
    assert_eq!(witness.post(&log::request(0, 70)).unwrap().0, 500);
    let shown = ledger(&["witness", "show", "--dir", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(shown.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&shown.stderr).contains("--from"),
        "{shown:?}"
    );
    assert_eq!(witness.stop(Signal::INT), Some(0));
}

#[test]
fn a_witness_killed_at_any_moment_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::following(
        folder.path(),
        "witness.example/a",
        &log::log_vkey().to_string(),
    );
    let monitor = format!("/{}/checkpoint", name_of(log::ORIGIN));
    let mut acknowledged = 0_usize;
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..8 {
        let child = witness.child.take().unwrap();
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let pause = Duration::from_micros((chance >> 33) % 60_000);
        let killing = std::thread::spawn(move || {
            std::thread::sleep(pause);
            let mut child = child;
            child.kill().unwrap();
            child.wait().unwrap();
        });
        // As a log would: one step at a time, from where the witness says it is.
        let mut at = acknowledged;
        while let Some((status, _, body)) = witness.post(&log::request(at, at + 1)) {
            at = match status {
                200 => at + 1,
                409 => String::from_utf8(body).unwrap().trim().parse().unwrap(),
                other => panic!("round {round}: {other}"),
            };
            assert!(
                at >= acknowledged,
                "round {round}: {at} after {acknowledged}"
            );
            acknowledged = at;
        }
        killing.join().unwrap();
        witness.start();
        let (status, _, note) = witness.get(&monitor);
        let stands = match status {
            404 => 0,
            200 => {
                let note = SignedNote::parse(&note).unwrap();
                note.text().lines().nth(1).unwrap().parse().unwrap()
            }
            other => panic!("round {round}: {other}"),
        };
        assert!(
            stands >= acknowledged,
            "round {round}: {stands} after {acknowledged}"
        );
        // A fork that begins before that gets nothing.
        if acknowledged > 40 {
            let forked = log::request_with(30, &log::note(45, true), log::proof(30, 45, true));
            assert_eq!(witness.post(&forked).unwrap().0, 409);
        }
    }
    assert!(acknowledged > 0);
}

#[test]
fn a_witness_follows_the_key_that_the_one_before_names_and_of_another_one_everybody_says_what_to_do()
 {
    let program = Program::prepared();
    let log = vkey_of(&program);
    let mut a = Witness::following(&program.path("a"), "witness.example/a", &log);
    // As a witness would that was told a key of another day: no entry leads from it to this one.
    let stranger = rotation_ledger::key::SecretKey::from_seed(&[9; 32]);
    let origin = rotation_ledger::note::KeyName::new("ledger.example/prod").unwrap();
    let stranger = rotation_ledger::note::NoteKey::of(origin, &stranger).to_string();
    let b = Witness::following(&program.path("b"), "witness.example/b", &stranger);
    let use_a = format!("witness use a {} {}", a.vkey, a.url());
    assert_eq!(program.code(&use_a), 0);
    assert_eq!(program.code("witness ask"), 0);
    let said = |words: &str| {
        let output = program.output(words);
        let streams = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(streams).unwrap())
    };

    // Twice, and the first time while the witness is down: it is led over both.
    let size = || program.json("status --json")["witnesses"][0]["size"].as_u64();
    let before = size().unwrap();
    a.stop(Signal::KILL);
    assert_eq!(program.code("key renew"), 0);
    let between = vkey_of(&program);
    a.start();
    assert_eq!(program.code("key renew"), 0);
    let vkey = vkey_of(&program);
    await_it("the cosignature under the new key", || {
        size() == Some(before + 2)
    });
    let (_, status) = said("status");
    assert!(!status.contains("refused"), "{status}");
    let logs = fs::read_to_string(a.dir.join("logs")).unwrap();
    assert!(logs.contains(&vkey), "{logs}");
    assert!(!logs.contains(&log) && !logs.contains(&between), "{logs}");

    // Where nothing leads on, the append, the status and the question say so, and how it is settled.
    let use_b = format!("witness use b {} {}", b.vkey, b.url());
    assert_eq!(program.code(&use_b), 0);
    let command = format!("ledger witness add-log --dir DIR --log {vkey}\n");
    let (code, asked) = said("witness ask");
    assert_eq!(code, Some(5), "{asked}");
    let ids = "refused with 403: no key that is trusted for `ledger.example/prod` has signed the checkpoint: `ledger.example/prod` signed with key id ";
    assert!(asked.contains(ids) && asked.contains(&command), "{asked}");
    let (_, status) = said("status");
    assert!(
        status.contains(ids) && status.contains(&command),
        "{status}"
    );
    let (code, appended) = said(APPEND);
    assert_eq!(code, Some(0));
    assert!(
        appended.contains("the witness `b` did not cosign"),
        "{appended}"
    );

    let dir = b.dir.to_str().unwrap();
    let told = ledger(&["witness", "add-log", "--dir", dir, "--log", &vkey]).output();
    assert!(told.unwrap().status.success());
    let (code, asked) = said("witness ask");
    assert_eq!(code, Some(0), "{asked}");
    for words in ["status", APPEND] {
        let (_, after) = said(words);
        assert!(
            !after.contains("add-log") && !after.contains("did not cosign"),
            "{after}"
        );
    }
}

#[test]
fn two_witnesses_make_a_quorum_and_one_that_is_down_holds_up_nothing() {
    let program = Program::prepared();
    let log = vkey_of(&program);
    let a = Witness::following(&program.path("a"), "witness.example/a", &log);
    let mut b = Witness::following(&program.path("b"), "witness.example/b", &log);
    for (name, witness) in [("a", &a), ("b", &b)] {
        let words = format!("witness use {name} {} {}", witness.vkey, witness.url());
        assert_eq!(program.code(&words), 0);
    }
    // What is handed over names the witnesses in use and their quorum.
    let shown = program.json("trust show --json");
    let policy = shown["policy"].as_str().unwrap();
    for part in [&*a.vkey, &*b.vkey, "quorum all-of-them"] {
        assert!(policy.contains(part), "{policy}");
    }
    // The auditor's own file, made from what was handed over.
    let trust = program.output(&format!(
        "trust show --witness {} --witness {}",
        a.vkey, b.vkey
    ));
    fs::write(program.path("trust"), trust.stdout).unwrap();
    let before = program.json("verify --trust trust --json");
    assert_ne!(
        before["verdicts"][2]["status"], "PASS",
        "nobody cosigned yet: {before}"
    );

    // An append starts the asking by itself, and does not wait for it.
    assert_eq!(program.code(APPEND), 0);
    let cosigned = program.path("prod/cosigned");
    let has = |size: &str, lines: usize| {
        let text = fs::read_to_string(&cosigned).unwrap_or_default();
        text.lines().nth(1) == Some(size)
            && text
                .lines()
                .filter(|line| line.starts_with("\u{2014} witness.example/"))
                .count()
                == lines
    };
    await_it("the quorum", || has("6", 2));
    await_it("the copy outside", || {
        fs::read(program.path("state/cosigned")).ok() == fs::read(&cosigned).ok()
    });
    let after = program.json("verify --trust trust --json");
    assert_eq!(after["verdicts"][2]["status"], "PASS", "{after}");
    let status = program.json("status --json");
    assert_eq!(status["witnesses"][0]["size"], 6, "{status}");
    assert_eq!(status["witnesses"][1]["size"], 6, "{status}");

    // Whoever has a server alone sees the same: what was cosigned comes with the copy.
    let served = Served::start(&program, "");
    let there = served
        .reader("verify --trust trust --json")
        .output()
        .unwrap();
    let there: Value = serde_json::from_slice(&there.stdout).unwrap();
    assert_eq!(there["verdicts"][2]["status"], "PASS", "{there}");
    drop(served);

    // One down: the append answers, the new checkpoint lacks a cosignature, the old quorum stays.
    b.stop(Signal::KILL);
    assert_eq!(program.code(APPEND), 0);
    let asked = program.output("witness ask --json");
    assert_eq!(asked.status.code(), Some(6), "{asked:?}");
    let asked: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(
        (&asked["size"], &asked["quorum"]),
        (&Value::from(7), &Value::from(false))
    );
    assert!(asked["witnesses"][0]["cosigned_utc"].is_string(), "{asked}");
    assert!(
        asked["witnesses"][1]["fault"]
            .as_str()
            .unwrap()
            .contains("not reached"),
        "{asked}"
    );
    assert!(has("6", 2), "a quorum is not given up for less");
    let newer = program.output("verify --trust trust");
    let said = String::from_utf8(newer.stdout).unwrap();
    assert!(
        said.contains("entry 6 is newer than the newest checkpoint kept by somebody else"),
        "{said}"
    );

    // Back again: it catches up by a proof from where it was.
    b.start();
    assert_eq!(program.code("witness ask"), 0);
    assert!(has("7", 2), "{}", fs::read_to_string(&cosigned).unwrap());
    assert_eq!(a.evidence(), [""; 0]);
}

#[test]
fn a_forked_or_shortened_copy_gets_no_cosignature_and_the_evidence_is_kept() {
    let program = Program::prepared();
    let log = vkey_of(&program);
    let witness = Witness::following(&program.path("w"), "witness.example/a", &log);
    assert_eq!(
        program.code(&format!("witness use a {} {}", witness.vkey, witness.url())),
        0
    );
    assert_eq!(program.code("witness ask"), 0);
    for name in ["prod", "state"] {
        let copied = Command::new("cp")
            .arg("-a")
            .arg(program.path(name))
            .arg(program.path(&format!("{name}-2")))
            .status();
        assert!(copied.unwrap().success());
    }
    let forked = |words: &str| {
        let mut command = program.ledger(words);
        command
            .env("LEDGER_PATH", "prod-2")
            .env("LEDGER_STATE", "state-2")
            .output()
            .unwrap()
    };
    // The honest one goes on and is cosigned; the copy is asked about the same size, then a larger.
    assert_eq!(program.code(APPEND), 0);
    await_it("the honest cosignature", || {
        program.json("status --json")["witnesses"][0]["size"] == 6
    });
    assert_eq!(program.code("witness ask"), 0);
    let behind = forked("witness ask");
    assert_eq!(behind.status.code(), Some(1), "{behind:?}");
    assert!(
        String::from_utf8_lossy(&behind.stdout)
            .contains("it has cosigned size 6, and this ledger ends at 5"),
        "{behind:?}"
    );
    let other = APPEND.replace("again", "otherwise");
    assert!(forked(&other).status.success());
    let same_size = forked("witness ask");
    assert_eq!(same_size.status.code(), Some(1), "{same_size:?}");
    assert!(forked(&other).status.success());
    let larger = forked("witness ask");
    assert_eq!(larger.status.code(), Some(1), "{larger:?}");
    assert!(
        String::from_utf8_lossy(&larger.stdout).contains("422"),
        "{larger:?}"
    );
    let names = witness.evidence();
    assert!(
        names.iter().any(|name| name.starts_with("fork-")),
        "{names:?}"
    );
    assert!(
        names.iter().any(|name| name.starts_with("unproven-")),
        "{names:?}"
    );
    let kept = fs::read_dir(program.path("state-2/anchoring/evidence"))
        .unwrap()
        .count();
    assert!(kept >= 4, "{kept}");
    // And the honest one is none the worse for it.
    assert_eq!(program.code(APPEND), 0);
    assert_eq!(program.code("witness ask"), 0);
}

#[test]
fn a_laptop_cosigns_without_a_network() {
    let program = Program::prepared();
    let log = vkey_of(&program);
    let dir = program.path("laptop");
    let dir = dir.to_str().unwrap();
    let made = ledger(&[
        "witness",
        "init",
        "--dir",
        dir,
        "--name",
        "audit.example/laptop",
        "--log",
        &log,
        "--json",
    ])
    .output()
    .unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let policy = format!(
        "witness laptop {}\nquorum laptop\n",
        made["vkey"].as_str().unwrap()
    );
    fs::write(program.path("policy"), policy).unwrap();
    assert_eq!(program.code("witness use policy"), 0);
    let mut old = 0;
    for size in [5_u64, 6] {
        let request = program.output(&format!("witness request --old {old}"));
        fs::write(program.path("request"), request.stdout).unwrap();
        let cosigned = program.output(&format!("witness cosign --dir {dir} request"));
        assert!(cosigned.status.success(), "{cosigned:?}");
        fs::write(program.path("line"), cosigned.stdout).unwrap();
        assert_eq!(program.code("witness accept --request request line"), 0);
        let text = fs::read_to_string(program.path("prod/cosigned")).unwrap();
        assert_eq!(text.lines().nth(1), Some(&*size.to_string()));
        assert!(text.contains("\u{2014} audit.example/laptop "), "{text}");
        old = size;
        assert_eq!(program.code(APPEND), 0);
    }
    // Asked again about a size that is past, it says what it needs.
    let again = program.output(&format!("witness cosign --dir {dir} request"));
    assert_eq!(again.status.code(), Some(5));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("witness request --old 6"),
        "{again:?}"
    );
    // A line of nobody that was chosen is no cosignature.
    assert_eq!(program.code("witness use --none"), 0);
    assert_eq!(program.code("witness accept --request request line"), 2);
}

#[test]
fn each_commit_is_anchored_where_the_operator_wants_it() {
    let program = Program::prepared();
    fs::create_dir(program.path("worm")).unwrap();
    assert_eq!(program.code("anchor"), 2);
    assert_eq!(program.code("anchor --to nowhere"), 2);
    assert_eq!(program.code("anchor --to worm --always"), 0);
    assert_eq!(program.code("anchor --always -- cp /dev/stdin handed"), 0);
    assert_eq!(program.code(APPEND), 0);
    let listed = program.json("anchor --list --json");
    assert_eq!(
        listed["destinations"].as_array().unwrap().len(),
        2,
        "{listed}"
    );
    let origin = rotation_ledger::note::KeyName::new("ledger.example/prod").unwrap();
    let folder = program.path("worm").join(name_of(origin.as_str()));
    let newest = folder.join("6.checkpoint");
    assert!(newest.exists(), "before the append has ended");
    await_it("the command", || {
        fs::read(program.path("handed")).ok() == fs::read(&newest).ok()
    });
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    let report = program.json("verify --anchor worm --json");
    assert_eq!(report["verdicts"][2]["status"], "PASS", "{report}");

    // Another root at that size is not written over, and is said.
    let other = fs::read_to_string(folder.join("5.checkpoint"))
        .unwrap()
        .replacen("\n5\n", "\n7\n", 1);
    fs::write(folder.join("7.checkpoint"), &other).unwrap();
    let appended = program.output(APPEND);
    assert!(appended.status.success());
    assert!(
        String::from_utf8_lossy(&appended.stderr)
            .contains("holds another checkpoint of the same size"),
        "{appended:?}"
    );
    assert_eq!(
        fs::read_to_string(folder.join("7.checkpoint")).unwrap(),
        other
    );
    assert_eq!(program.code("anchor --to worm"), 1);

    // A folder that has gone is a notice, and no failed append.
    fs::rename(program.path("worm"), program.path("away")).unwrap();
    let appended = program.output(APPEND);
    assert!(appended.status.success());
    assert!(
        String::from_utf8_lossy(&appended.stderr).contains("recorded, but not anchored"),
        "{appended:?}"
    );
    assert_eq!(program.code("anchor --remove 3"), 2);
    assert_eq!(program.code("anchor --remove 1"), 0);
    assert_eq!(program.code("anchor --remove 1"), 0);
    let appended = program.output(APPEND);
    assert!(appended.stderr.is_empty(), "{appended:?}");
}

#[test]
fn a_policy_that_names_the_ledger_too_is_handed_over_with_each_log_once() {
    let program = Program::prepared();
    let log = vkey_of(&program);
    let w = Witness::following(&program.path("w"), "witness.example/w", &log);
    let policy = format!("log {log}\nwitness w {} {}\nquorum w\n", w.vkey, w.url());
    fs::write(program.path("policy"), policy).unwrap();
    assert_eq!(program.code("witness use policy"), 0);
    let shown = program.output("trust show --quiet");
    let shown = String::from_utf8(shown.stdout).unwrap();
    let trust = rotation_ledger::trust::Trust::parse(shown.as_bytes()).unwrap();
    assert_eq!((trust.logs().len(), trust.witnesses().len()), (1, 1));
    assert!(shown.ends_with("quorum w\n"), "{shown}");
}
