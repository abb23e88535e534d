//! The program among other processes: signals, locks, pipes, and the tools it runs.

use std::fs::File;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::remote::{is_root, open_folder};
use crate::support::program::Program;
use crate::support::program::await_file;
use crate::support::program::signal;
use rustix::process::Signal;

const DRAFT: &str =
    r#"{"event": "step.failed", "rotation": "r-1", "step": "generate", "error": "try"}"#;

#[test]
fn a_signal_to_run_reaches_the_tool_and_its_end_is_recorded_first() {
    for (sent, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let program = Program::prepared();
        let words = "run --key olga.pem --rotation r-1 --step generate -- sh -c";
        let mut command = program.ledger(words);
        let mut child = command.arg("touch started; exec sleep 60").spawn().unwrap();
        await_file(&program.path("started"));
        signal(&child, sent);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(program.events().last().unwrap(), "step.failed");
        let shown = program.json("show 5 --json");
        assert_eq!(shown["entries"][0]["fields"]["exit_code"], code);
    }
}

#[test]
fn a_tool_may_take_a_signal_and_end_well() {
    let program = Program::prepared();
    let mut command = program.ledger("run --key olga.pem --rotation r-1 --step generate -- sh -c");
    let script = "trap 'echo tidied; exit 0' TERM; touch started; while :; do sleep 0.05; done";
    let mut child = command.arg(script).stdout(Stdio::piped()).spawn().unwrap();
    await_file(&program.path("started"));
    signal(&child, Signal::TERM);
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(said, "tidied\n");
    assert_eq!(program.events().last().unwrap(), "step.performed");
}

#[test]
fn what_a_tool_leaves_running_is_not_waited_for() {
    let program = Program::prepared();
    let begun = Instant::now();
    let mut command = program.ledger("run --key olga.pem --rotation r-1 --step generate -- sh -c");
    let status = command
        .arg("sleep 30 & echo done")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn all_output_passes_through_and_a_bounded_part_of_it_is_kept() {
    let program = Program::prepared();
    let words = "run --key olga.pem --rotation r-1 --step generate --output-limit 100K -- sh -c";
    let mut command = program.ledger(words);
    let script = "i=0; while [ $i -lt 300 ]; do head -c 10240 /dev/zero | tr '\\0' '.'; echo; i=$((i+1)); done";
    let output = command.arg(script).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout.len(), 300 * 10_241);
    assert!(String::from_utf8_lossy(&output.stderr).contains("only the first 102400 bytes"));
    let shown = program.json("show 5 --json");
    assert_eq!(shown["entries"][0]["attachments"][0]["length"], 102_400);
    assert!(program.is_intact());
}

#[test]
fn drafts_piped_in_one_by_one_are_receipted_one_by_one_and_survive_a_signal() {
    for sent in [Signal::INT, Signal::TERM] {
        let program = Program::prepared();
        let mut command = program.ledger("append --key olga.pem --json -");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut receipts = BufReader::new(child.stdout.take().unwrap()).lines();
        for sequence in 5..10 {
            writeln!(stdin, "{DRAFT}").unwrap();
            let receipt: serde_json::Value =
                serde_json::from_str(&receipts.next().unwrap().unwrap()).unwrap();
            assert_eq!(receipt["sequence"], sequence);
        }
        // Stdin stays open: the program waits for more.
        signal(&child, sent);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(program.events().len(), 10);
        assert!(program.is_intact());
    }
}

#[test]
fn a_signal_in_the_middle_of_many_loses_nothing_that_was_receipted() {
    for pause in [20, 60, 120, 240] {
        let program = Program::prepared();
        let drafts = format!("{DRAFT}\n").repeat(20_000);
        std::fs::write(program.path("many.ndjson"), drafts).unwrap();
        let mut command = program.ledger("append --key olga.pem --json many.ndjson");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).count()
        });
        std::thread::sleep(Duration::from_millis(pause));
        signal(&child, Signal::TERM);
        let code = child.wait().unwrap().code();
        let receipted = reader.join().unwrap();
        assert!(matches!(code, Some(130 | 0)), "{code:?}");
        // What was under way when the signal came is recorded whole, and receipted.
        assert_eq!(program.events().len(), 5 + receipted);
        assert!(program.is_intact());
    }
}

#[test]
fn a_verification_that_is_stopped_says_how_far_it_came() {
    let program = Program::prepared();
    let drafts = format!("{DRAFT}\n").repeat(30_000);
    std::fs::write(program.path("many.ndjson"), drafts).unwrap();
    assert_eq!(program.code("append --key olga.pem --json many.ndjson"), 0);
    // A signal that comes before the verification has begun ends it without a word: then it is
    // given longer. One that has begun must answer.
    let said = [100, 200, 400, 800, 1_600].into_iter().find_map(|pause| {
        let mut command = program.ledger("verify");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        signal(&child, Signal::INT);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // A sound ledger of which only a part was read is neither broken nor cut off.
        assert_eq!(output.status.code(), Some(130), "{said}");
        (!said.is_empty()).then_some(said)
    });
    let said = said.unwrap();
    assert!(said.contains("FAILED  interrupted after"), "{said}");
    assert!(said.contains(": interrupted"), "{said}");
    assert!(!said.contains("N-01"), "{said}");
}

#[test]
fn a_ledger_is_whole_after_every_command_that_fills_a_bundle() {
    let program = Program::prepared();
    let fill = |upto: usize| {
        let drafts = format!("{DRAFT}\n").repeat(upto - program.events().len());
        std::fs::write(program.path("some.ndjson"), drafts).unwrap();
        assert_eq!(program.code("append --key olga.pem --json some.ndjson"), 0);
    };
    fill(255);
    let one = "append step.failed --key olga.pem --rotation r-1 --step generate --error again";
    assert_eq!(program.code(one), 0);
    assert!(program.is_intact(), "one append filled a bundle");
    fill(511);
    assert_eq!(
        program.code("run --key olga.pem --rotation r-1 --step health -- true"),
        0
    );
    assert!(program.is_intact(), "a tool's step filled a bundle");
    fill(1_500);
    assert!(program.is_intact(), "drafts filled bundles");
}

/// The index loses nothing, whatever becomes of its files: the writer goes on, and knows of each
/// event id that was used.
#[test]
fn a_damaged_index_stops_nobody_and_loses_nothing() {
    let program = Program::prepared();
    let drafts = format!("{DRAFT}\n").repeat(600);
    std::fs::write(program.path("many.ndjson"), drafts).unwrap();
    assert_eq!(program.code("append --key olga.pem --json many.ndjson"), 0);
    let id = "01a207ab-0000-7000-8000-000000000001";
    let again = format!(
        "append step.failed --key olga.pem --rotation r-1 --step generate --error once --occurred 2026-11-20 --event-id {id} --json"
    );
    let first = program.json(&again);
    let db = program.path("prod/index/db");
    let sound = std::fs::read(&db).unwrap();
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at..at + 16].fill(0x5a);
        bytes
    };
    let mut entries = program.events().len();
    for (what, bytes) in [
        ("garbled", vec![0xa7; sound.len()]),
        ("emptied", Vec::new()),
        ("cut short", sound[..sound.len() / 2].to_vec()),
        ("written over at its start", flipped(16)),
        ("written over in its middle", flipped(sound.len() / 3)),
    ] {
        std::fs::write(&db, bytes).unwrap();
        std::fs::remove_file(program.path("prod/index.warm")).unwrap();
        let retried = program.json(&again);
        assert_eq!(retried["sequence"], first["sequence"], "{what}: {retried}");
        assert_eq!(retried["replayed"], true, "{what}: {retried}");
        let one = "append step.failed --key olga.pem --rotation r-1 --step generate --error one";
        let output = program.output(one);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
        entries += 1;
        assert_eq!(program.events().len(), entries, "{what}");
        assert!(program.is_intact(), "{what}");
    }
}

#[test]
fn who_holds_the_lock_is_said_and_waiting_can_be_ended() {
    let program = Program::prepared();
    let mut lock = File::options()
        .write(true)
        .open(program.path("prod/lock"))
        .unwrap();
    lock.lock().unwrap();
    lock.write_all(b"pid 4711, ledger append, since 2026-11-23T09:00:00Z\n")
        .unwrap();
    let retire = "secret retire --key alice.pem --secret db/orders --reason gone";
    let output = program.output(&format!("{retire} --wait 0s"));
    assert_eq!(output.status.code(), Some(6));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("prod/lock is held by pid 4711, ledger append"),
        "{said}"
    );
    let mut child = program.ledger(retire).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Whoever reads waits for no writer that is between two commits, and says what that leaves open.
    let read = program.json("verify --json");
    let open = read["notes"].to_string();
    assert!(open.contains("held by pid 4711"), "{open}");
    drop(lock);
    assert_eq!(program.code(retire), 0);
}

#[test]
fn a_tool_is_not_failed_by_a_lock_and_its_statement_is_spooled() {
    let program = Program::prepared();
    let lock = File::options()
        .write(true)
        .open(program.path("prod/lock"))
        .unwrap();
    lock.lock().unwrap();
    let words = "run --key olga.pem --rotation r-1 --step generate --wait 0s";
    assert_eq!(program.code(&format!("{words} -- true")), 0);
    assert_eq!(
        program.code(&format!("{words} --require-evidence -- true")),
        6
    );
    assert_eq!(program.code(&format!("{words} -- false")), 1);
    drop(lock);
    assert_eq!(program.events().len(), 5);
    assert_eq!(program.code("append --spool"), 0);
    assert_eq!(
        program.events()[5..],
        ["step.performed", "step.performed", "step.failed"]
    );
    assert!(program.is_intact());
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    let program = Program::prepared();
    for (words, code) in [
        ("verify --as-of 2030-01-01", 3),
        ("log", 0),
        ("man", 0),
        ("append --help", 0),
    ] {
        let mut command = program.ledger(words);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{words}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let program = Program::prepared();
    for words in ["log", "checkpoint", "secret list --ids"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = program.ledger(words).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{words}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("cannot be written"),
            "{words}"
        );
    }
}

/// The full disk that every machine has: a limit on file sizes, whose signal would end the program
/// without a word.
#[test]
fn a_limit_on_file_sizes_ends_with_6_and_loses_nothing() {
    let program = Program::prepared();
    let drafts = format!("{DRAFT}\n").repeat(2_000);
    std::fs::write(program.path("many.ndjson"), drafts).unwrap();
    std::fs::write(program.path("run.log"), vec![b'x'; 400_000]).unwrap();
    // In blocks of 512 bytes: as long as the tail is already.
    let limited = |words: &str| {
        let ledger = program.ledger(words);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "ulimit -f 512; exec \"$@\"", "sh"]);
        command.arg(ledger.get_program()).args(ledger.get_args());
        command.current_dir(program.root());
        for (name, value) in ledger.get_envs() {
            command.env(name, value.unwrap());
        }
        command.output().unwrap()
    };
    let one = "append step.failed --key olga.pem --rotation r-1 --step generate --error one";
    let attached =
        "append evidence.attached --key olga.pem --rotation r-1 --description run --attach run.log";
    for words in ["append --key olga.pem --json many.ndjson", attached] {
        let output = limited(words);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(6), "{words}: {said}");
        assert!(said.contains("File too large"), "{words}: {said}");
        assert!(said.contains("make room"), "{words}: {said}");
        assert!(program.is_intact(), "{words}");
    }
    // What needs no more room is recorded, and the tool that is run keeps the limit's own ways.
    let before = program.events().len();
    assert_eq!(limited(one).status.code(), Some(0));
    let run = limited(
        "run --key olga.pem --rotation r-1 --step generate -- dd if=/dev/zero of=big bs=1024 count=512 status=none",
    );
    assert_eq!(run.status.code(), Some(128 + 25), "{run:?}");
    assert_eq!(program.events().len(), before + 2);
    assert_eq!(program.code(attached), 0);
    assert_eq!(program.code("append --key olga.pem --json many.ndjson"), 0);
    assert_eq!(program.events().len(), before + 3 + 2_000);
    assert!(program.is_intact());
}

#[test]
fn the_state_has_a_folder_of_its_own_for_each_ledger() {
    let program = Program::prepared();
    for name in ["first", "second"] {
        let words = format!(
            "init --ledger {name} --origin ledger.example/{name} --actor alice --name Alice --key alice.pem"
        );
        let mut command = program.ledger(&words);
        let made = command
            .env_remove("LEDGER_STATE")
            .env("XDG_STATE_HOME", program.path("home"))
            .status()
            .unwrap();
        assert_eq!(made.code(), Some(0));
    }
    let states: Vec<_> = std::fs::read_dir(program.path("home/rotation-ledger"))
        .unwrap()
        .collect();
    // One of each ledger, and what is kept by their paths.
    assert_eq!(states.len(), 3);
    let mut command = program.ledger("verify --ledger ./first/../first");
    let verified = command
        .env_remove("LEDGER_STATE")
        .env("XDG_STATE_HOME", program.path("home"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&verified.stdout).contains("1/1 kept checkpoints extended"));
}

#[test]
fn there_is_a_manual_page_for_every_command_and_a_completion_for_every_shell() {
    let program = Program::prepared();
    std::fs::create_dir(program.path("man1")).unwrap();
    assert_eq!(program.code("man man1"), 0);
    for page in [
        "ledger.1",
        "ledger-verify.1",
        "ledger-append-rotation.opened.1",
        "ledger-secret-register.1",
    ] {
        let page = std::fs::read_to_string(program.path("man1").join(page)).unwrap();
        for section in [
            "ENVIRONMENT",
            "LEDGER_WAIT",
            "FILES",
            "\"EXIT STATUS\"",
            "130",
        ] {
            assert!(page.contains(section), "{section}\n{page}");
        }
    }
    // A comment of the code that became help, or a line of code.
    for page in std::fs::read_dir(program.path("man1")).unwrap() {
        let text = std::fs::read_to_string(page.unwrap().path()).unwrap();
        let is_code = |line: &&str| {
            ["//", "#[", "TODO"]
                .iter()
                .any(|mark| line.trim_start().starts_with(mark))
        };
        assert_eq!(text.lines().find(is_code), None);
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = program.output(&format!("completions {shell}"));
        assert_eq!(output.status.code(), Some(0));
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(script.contains("LEDGER_COMPLETE"), "{shell}: {script}");
    }
}

/// As bash asks, with whatever it completes.
#[test]
fn a_shell_completes_commands_flags_and_the_ids_of_the_ledger() {
    let program = Program::prepared();
    // Whoever writes now is neither waited for nor held up.
    let lock = File::open(program.path("prod/lock")).unwrap();
    lock.lock().unwrap();
    for (line, answer) in [
        ("append rotation.app", "rotation.approved"),
        ("append rotation.approved --rot", "--rotation"),
        ("append rotation.approved --rotation r", "r-1"),
        ("log --secret=d", "--secret=db/orders"),
        ("--ledger prod log --actor o", "olga"),
        ("next r-", "r-1"),
        ("explain S-5", "S-50\u{b}S-51\u{b}S-52\u{b}S-53\u{b}S-54"),
        ("log --ledger nowhere --rotation r", ""),
        ("log --ledger unix:/nowhere --rotation r", ""),
    ] {
        let mut command = program.ledger(&format!("-- ledger {line}"));
        let place = line.split(' ').count().to_string();
        let asked = command
            .env("LEDGER_COMPLETE", "bash")
            .env("_CLAP_IFS", "\u{b}");
        let output = asked.env("_CLAP_COMPLETE_INDEX", place).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), answer, "{line}");
        assert_eq!(
            (output.status.code(), output.stderr),
            (Some(0), Vec::new()),
            "{line}"
        );
    }
}

/// Whoever may open a file may lock it, and a lock that is only read would hold up every writer.
#[test]
fn a_stranger_who_reads_holds_up_no_writer() {
    if !is_root() {
        return;
    }
    let root = open_folder();
    let program = Program::prepared_in(root.path());
    // As a ledger of before has it.
    let lock = program.path("prod/lock");
    std::fs::set_permissions(&lock, std::fs::Permissions::from_mode(0o644)).unwrap();
    let annotate = "append entry.annotated --key olga.pem --entry 3 --note x --wait 0s";
    assert_eq!(program.code(annotate), 0);
    let as_stranger = |command: &mut Command| {
        let output = command.uid(4007).gid(4007).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let mut flock = Command::new("flock");
    flock.arg("-s").arg(&lock).args(["sleep", "60"]);
    let (code, said) = as_stranger(&mut flock);
    assert_eq!(code, Some(66), "{said}");
    assert_eq!(program.code(annotate), 0);
    // They read all the same, whole or torn, and nothing is held against the ledger for it.
    let verify = || {
        let mut command = program.ledger("verify --fail-on none --wait 5s");
        as_stranger(
            command
                .env("LEDGER_STATE", "none")
                .env("HOME", "/nonexistent"),
        )
    };
    let (code, said) = verify();
    assert_eq!(code, Some(0), "{said}");
    let tail = program.path("prod/tail");
    let mut torn = File::options().append(true).open(&tail).unwrap();
    torn.write_all(&[7; 9]).unwrap();
    let (code, said) = verify();
    assert_eq!(code, Some(program.code("verify --fail-on none")), "{said}");
    assert_eq!(program.code(annotate), 0);
}

/// Drafts whose receipts nobody could be shown are named, with how their receipts come again.
#[test]
fn receipts_that_cannot_be_written_are_said_of_each_draft() {
    let program = Program::prepared();
    std::fs::write(program.path("two.ndjson"), format!("{DRAFT}\n{DRAFT}\n")).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut append = program.ledger("append --key olga.pem --json two.ndjson");
    let output = append.stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    for entry in [5, 6] {
        let named = format!("recorded as entry {entry}; its receipt comes again with: ");
        assert!(said.contains(&named), "{said}");
    }
}
