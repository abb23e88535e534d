//! What is different on a terminal: colours, unless they are not wanted; a progress bar on stderr
//! alone; a passphrase that is asked for and not shown.
//!
//! The terminal is made by `script` (Debian: bsdutils, on every machine). Where there is none, these
//! tests look at nothing, and say so.

use std::io::Read as _;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use crate::support::program::Program;

/// Runs `ledger` with these words on a terminal of its own, and returns all that is shown there.
/// What `typed` says is typed once `prompt` is shown.
fn on_a_terminal(
    program: &Program,
    words: &str,
    no_color: bool,
    typed: &[(&str, &str)],
) -> Option<String> {
    let mut command = program.ledger(words);
    let line = format!("{} {words}", command.get_program().to_str().unwrap());
    let mut script = std::process::Command::new("timeout");
    script.args([
        "30",
        "script",
        "--quiet",
        "--return",
        "--command",
        &line,
        "/dev/null",
    ]);
    script.current_dir(program.root()).env("TERM", "xterm");
    for (name, value) in command.env("NO_COLOR", "1").get_envs() {
        if name != "NO_COLOR" || no_color {
            script.env(name, value.unwrap());
        }
    }
    let spawned = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else {
        println!("not run: there is no `script` to make a terminal");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut shown = String::new();
    let mut buffer = [0; 4_096];
    let mut typed = typed.iter();
    let mut next = typed.next();
    loop {
        let count = output.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if let Some((prompt, answer)) = next
            && shown.contains(prompt)
        {
            // The prompt is printed before the echo is turned off.
            std::thread::sleep(Duration::from_millis(300));
            writeln!(input, "{answer}").unwrap();
            next = typed.next();
        }
    }
    drop(input);
    // What `timeout` says where there is no such program.
    if child.wait().unwrap().code() == Some(127) {
        println!("not run: there is no `script` to make a terminal");
        return None;
    }
    Some(shown)
}

#[test]
fn verdicts_are_coloured_on_a_terminal_alone() {
    let program = Program::prepared();
    let words = "verify --as-of 2026-11-25";
    let Some(shown) = on_a_terminal(&program, words, false, &[]) else {
        return;
    };
    assert!(shown.contains("\u{1b}["), "{shown}");
    let plain = on_a_terminal(&program, words, true, &[]).unwrap();
    assert!(plain.contains("PASS"), "{plain}");
    assert!(!plain.contains("\u{1b}[3"), "{plain}");
    let piped = program.output(words);
    assert!(!String::from_utf8(piped.stdout).unwrap().contains('\u{1b}'));
    assert!(!String::from_utf8(piped.stderr).unwrap().contains('\u{1b}'));
}

#[test]
fn progress_is_drawn_on_a_terminal_alone() {
    let program = Program::prepared();
    let draft =
        "{\"event\":\"step.failed\",\"rotation\":\"r-1\",\"step\":\"generate\",\"error\":\"x\"}\n";
    std::fs::write(program.path("many.ndjson"), draft.repeat(2_000)).unwrap();
    assert_eq!(program.code("append --key olga.pem --json many.ndjson"), 0);
    let Some(shown) = on_a_terminal(&program, "verify", true, &[]) else {
        return;
    };
    assert!(shown.contains("verifying"), "{shown}");
    assert!(shown.contains("/2005 entries"), "{shown}");
    let quiet = on_a_terminal(&program, "verify --quiet", true, &[]).unwrap();
    assert!(!quiet.contains("verifying"), "{quiet}");
    let piped = program.output("verify");
    assert!(
        !String::from_utf8(piped.stderr)
            .unwrap()
            .contains("verifying")
    );
}

#[test]
fn a_passphrase_is_asked_for_and_not_shown() {
    let program = Program::prepared();
    let secret = "correct horse battery";
    let generate = "key generate --out typed.pem --passphrase-prompt";
    let typed = [("assphrase", secret), ("once more", secret)];
    let Some(shown) = on_a_terminal(&program, generate, true, &typed) else {
        return;
    };
    assert!(!shown.contains(secret), "{shown}");
    let key = std::fs::read_to_string(program.path("typed.pem")).unwrap();
    assert!(key.contains("ENCRYPTED PRIVATE KEY"), "{shown}");

    let shown = on_a_terminal(
        &program,
        "key show --key typed.pem",
        true,
        &[("assphrase", secret)],
    )
    .unwrap();
    assert!(shown.contains("ledger-key-v1"), "{shown}");
    assert!(!shown.contains(secret), "{shown}");
    let wrong = on_a_terminal(
        &program,
        "key show --key typed.pem",
        true,
        &[("assphrase", "wrong")],
    )
    .unwrap();
    assert!(
        !wrong.contains("ledger-key-v1") && wrong.contains("passphrase"),
        "{wrong}"
    );
    // Without a terminal nobody is asked, and nothing waits.
    let output = program.output("key show --key typed.pem");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
