//! `ledger log --follow`: every entry once and in order, whatever is sealed meanwhile, and an end that says why.

use std::io::BufRead as _;
use std::io::BufReader;
use std::process::Child;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use crate::support::program::Program;
use crate::support::program::draft;
use crate::support::program::signal;
use crate::support::schema;
use crate::support::served::Served;
use rustix::process::Signal;
use serde_json::Value;

const SAY: &str = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";

/// A follower, and the lines that it has printed so far.
struct Following {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reading: std::thread::JoinHandle<()>,
}

impl Following {
    fn start(program: &Program, words: &str) -> Self {
        Self::run(program.ledger(words))
    }

    fn run(mut command: std::process::Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (printed, out) = (lines.clone(), BufReader::new(child.stdout.take().unwrap()));
        let reading = std::thread::spawn(move || {
            for line in out.lines() {
                printed.lock().unwrap().push(line.unwrap());
            }
        });
        Self {
            child,
            lines,
            reading,
        }
    }

    /// Waits until it has printed so many lines.
    fn await_lines(&self, wanted: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let lines = self.lines.lock().unwrap().clone();
            if lines.len() >= wanted {
                return lines;
            }
            let waited = begun.elapsed() < Duration::from_secs(60);
            assert!(waited, "{} of {wanted}", lines.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How it ended, what it had printed, and what it said of it.
    fn end(self) -> (Option<i32>, Vec<String>, String) {
        let output = self.child.wait_with_output().unwrap();
        self.reading.join().unwrap();
        let lines = self.lines.lock().unwrap().clone();
        let told = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), lines, told)
    }
}

fn sequences(lines: &[String]) -> Vec<u64> {
    let documents = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    let documents: Vec<Value> = documents.collect();
    documents.iter().for_each(schema::hold);
    let sequences = documents.iter().map(|one| one["sequence"].as_u64());
    sequences.map(Option::unwrap).collect()
}

/// So many drafts in a file.
fn many(program: &Program, many: usize) {
    let drafts: String = (0..many).map(draft).collect();
    std::fs::write(program.path("many"), drafts).unwrap();
    let append = "append --key olga.pem --json many --quiet";
    assert!(program.ledger(append).output().unwrap().status.success());
}

#[test]
fn each_entry_comes_once_whatever_is_sealed_between_two_looks() {
    let program = Program::prepared();
    let following = Following::start(&program, "log --follow --json");
    following.await_lines(5);
    // Several bundles at once, and then a writer that is always at work.
    many(&program, 900);
    following.await_lines(905);
    let fed = program.feed();
    while fed.receipts().len() < 600 {
        std::thread::sleep(Duration::from_millis(10));
    }
    fed.kill();
    let all = program.events().len();
    following.await_lines(all);
    // Nothing more comes, also where it looks for itself.
    std::thread::sleep(Duration::from_secs(6));
    signal(&following.child, Signal::INT);
    let (code, lines, told) = following.end();
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert_eq!(sequences(&lines), (0..all as u64).collect::<Vec<_>>());
    assert!(all > 1_500);
}

#[test]
fn what_is_asked_for_alone_comes_and_each_signal_is_a_good_end() {
    let program = Program::prepared();
    let some = Following::start(
        &program,
        "log -f --limit 1 --event step.failed --event rotation.opened",
    );
    let none = Following::start(&program, "log -f --limit 0 --secret db/other");
    some.await_lines(1);
    assert_eq!(
        program.code("append entry.annotated --key olga.pem --entry 0 --note x"),
        0
    );
    assert_eq!(program.code(SAY), 0);
    some.await_lines(2);
    std::thread::sleep(Duration::from_secs(1));
    for (following, sent, wanted) in [(some, Signal::TERM, 2), (none, Signal::INT, 0)] {
        signal(&following.child, sent);
        let (code, lines, told) = following.end();
        assert_eq!((code, told.as_str(), lines.len()), (Some(0), "", wanted));
        if let [first, second] = &lines[..] {
            assert!(
                first.contains("rotation.opened") && second.contains("step.failed"),
                "{lines:?}"
            );
        }
    }
}

#[test]
fn nobody_who_reads_is_a_good_end_though_nothing_comes() {
    let program = Program::prepared();
    let mut child = program
        .ledger("log --follow")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    drop(out);
    let begun = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// What happens to a ledger that is followed, and what is said of it.
fn spoiled(spoil: impl Fn(&Program), said: &str) {
    let program = Program::prepared();
    let copied = |from: &str, to: &str| {
        let mut copy = std::process::Command::new("cp");
        let copy = copy.args(["-r", from, to]).current_dir(program.root());
        assert!(copy.status().unwrap().success());
    };
    copied("prod", "old");
    many(&program, 300);
    let following = Following::start(&program, "log --follow --json");
    following.await_lines(305);
    spoil(&program);
    let (code, lines, told) = following.end();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(said), "{told}");
    // The entries, and then one document that says why there are no more.
    assert_eq!(sequences(&lines[..305]), (0..305).collect::<Vec<_>>());
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    let code = last["error"]["code"].as_str().unwrap();
    assert!(["ledger-damaged", "log-lost"].contains(&code), "{last}");
}

#[test]
fn damage_that_is_met_ends_it_and_names_the_entry() {
    let change = |program: &Program, what: &[u8], at_end: bool| {
        let tail = program.path("prod/tail");
        let mut bytes = std::fs::read(&tail).unwrap();
        let mut found = bytes
            .windows(what.len())
            .enumerate()
            .filter(|(_, part)| *part == what);
        let at = if at_end {
            found.next_back()
        } else {
            found.next()
        };
        let (at, _) = at.unwrap();
        bytes[at] ^= 1;
        std::fs::write(tail, bytes).unwrap();
    };
    let gone = "entry 304 cannot be read: it was read before, and is not there any more";
    spoiled(|program| change(program, b"attempt 299", true), gone);
    spoiled(
        |program| change(program, b"attempt 260", false),
        "entry 265",
    );
    // An older copy over it, which is whole in itself; with a tail of its own and all that was sealed since.
    spoiled(
        |program| {
            for name in ["tail", "checkpoint"] {
                std::fs::copy(
                    program.path("old").join(name),
                    program.path("prod").join(name),
                )
                .unwrap();
            }
        },
        gone,
    );
    spoiled(
        |program| std::fs::remove_file(program.path("prod/tail")).unwrap(),
        "lost its log",
    );
}

#[test]
fn another_history_is_not_gone_on_with() {
    let program = Program::prepared();
    let mut copy = std::process::Command::new("cp");
    let copy = copy
        .args(["-r", "prod", "other"])
        .current_dir(program.root());
    assert!(copy.status().unwrap().success());
    let mut state = std::process::Command::new("cp");
    let state = state
        .args(["-r", "state", "other-state"])
        .current_dir(program.root());
    assert!(state.status().unwrap().success());
    assert_eq!(program.code(SAY), 0);
    let following = Following::start(&program, "log --follow");
    following.await_lines(6);
    let elsewhere = "--ledger other --state other-state";
    for _ in 0..2 {
        assert_eq!(program.code(&format!("{SAY} {elsewhere}")), 0);
    }
    for name in ["tail", "checkpoint"] {
        std::fs::copy(
            program.path("other").join(name),
            program.path("prod").join(name),
        )
        .unwrap();
    }
    let (code, lines, told) = following.end();
    assert_eq!((code, lines.len()), (Some(1), 6));
    let said = "entry 5 cannot be read: it was read before, and is another one now";
    assert!(told.contains(said), "{told}");
}

#[test]
fn a_server_is_followed_and_waited_for() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let following = Following::run(served.reader("log --follow --json"));
    following.await_lines(5);
    assert_eq!(
        served
            .alice("append entry.annotated --entry 0 --note x")
            .status
            .code(),
        Some(0)
    );
    following.await_lines(6);
    drop(served);
    std::thread::sleep(Duration::from_secs(4));
    let served = Served::start(&program, "");
    assert_eq!(
        served
            .alice("append entry.annotated --entry 0 --note y")
            .status
            .code(),
        Some(0)
    );
    following.await_lines(7);
    signal(&following.child, Signal::TERM);
    let (code, lines, told) = following.end();
    assert_eq!(code, Some(0));
    assert_eq!(sequences(&lines), (0..7).collect::<Vec<_>>());
    assert_eq!(told.matches("it is tried again").count(), 1, "{told}");
}

#[test]
fn a_pack_does_not_grow() {
    let program = Program::prepared();
    assert_eq!(program.code("export --key alice.pem --out p.zip"), 0);
    assert_eq!(program.code("log --follow p.zip"), 2);
}
