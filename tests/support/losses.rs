//! What each command comes to where something is lost.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use super::program::Program;

/// Something to record.
pub const SAID: &str = "append entry.annotated --key olga.pem --entry 0 --note seen";

/// What is asked of a ledger of which something is lost.
pub const ASKED: [&str; 5] = [
    SAID,
    "verify",
    "status",
    "export --key alice.pem --out x.zip",
    "serve --listen unix:sock",
];

/// The exit code of one of them. Whatever fails says what helps.
pub fn comes_to(program: &Program, words: &str, what: &str) -> i32 {
    let (code, output) = if words.starts_with("serve") {
        serve(program, words)
    } else {
        let output = program.output(words);
        (output.status.code().unwrap(), output)
    };
    assert!(code == 0 || helps(&output), "{what}: {words}: {output:?}");
    code
}

fn helps(output: &Output) -> bool {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    said.contains("hint: ") || said.contains("next      ") || said.contains("ledger explain")
}

/// Whether it serves (0), or with which code it refuses to.
fn serve(program: &Program, words: &str) -> (i32, Output) {
    // Of one that was killed.
    let _ = std::fs::remove_file(program.path("sock"));
    let mut child = program
        .ledger(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap();
        }
        if program.path("sock").exists() || Instant::now() > until {
            child.kill().unwrap();
            break 0;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    (code, child.wait_with_output().unwrap())
}
