//! What is different on a terminal: colours, unless they are not wanted; lines that are broken at words; a
//! progress bar on stderr alone; a passphrase that is asked for and not shown.
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
    let shown = command.get_program().to_str().unwrap();
    let line = format!("stty cols 80 rows 24; {shown} {words}");
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

const JUDGED: &str = "verify --as-of 2030-01-01T00:00:00Z";

/// A ledger with one breach of some rules, and many of one.
fn breached() -> Program {
    let program = Program::prepared();
    for consumer in ["a", "b", "c", "d", "e", "f", "g"] {
        let words = format!(
            "append cutover.completed --key olga.pem --rotation r-1 --consumers {consumer} --to-version v8"
        );
        assert_eq!(program.code(&words), 0);
    }
    program
}

fn stdout(program: &Program, words: &str, columns: &str) -> String {
    let output = program.ledger(words).env("COLUMNS", columns).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn at_eighty_columns_no_line_is_wider_and_no_word_is_broken() {
    let program = breached();
    let templates = "verify --rotation r-1 --as-of 2030-01-01T00:00:00Z";
    for words in [
        JUDGED,
        "explain S-40@6",
        "explain S-13",
        "explain",
        "secret list",
        "due --as-of 2030-01-01T00:00:00Z",
        "explain P-05",
    ] {
        let (whole, narrow) = (stdout(&program, words, ""), stdout(&program, words, "80"));
        let widest = |text: &str| text.lines().map(|line| line.chars().count()).max();
        assert!(widest(&narrow) <= Some(80), "{narrow}");
        assert!(
            narrow.split_whitespace().eq(whole.split_whitespace()),
            "{narrow}{whole}"
        );
        assert!(
            narrow.lines().all(|line| line.trim_end() == line),
            "{narrow}"
        );
    }
    assert!(
        stdout(&program, JUDGED, "")
            .lines()
            .any(|line| line.chars().count() > 80)
    );
    // What is pasted is as it is, and what is said beside it is for the screen.
    let output = program
        .ledger(templates)
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    let talk = String::from_utf8(output.stderr).unwrap();
    let report = talk.lines().take_while(|line| !line.starts_with("error: "));
    assert!(report.clone().count() > 10, "{talk}");
    assert!(
        report.clone().all(|line| line.chars().count() <= 80),
        "{talk}"
    );
    let Some(screen) = on_a_terminal(&program, JUDGED, true, &[]) else {
        return;
    };
    let shown = screen.rsplit("ledger     ").next().unwrap();
    assert!(
        shown
            .lines()
            .all(|line| line.trim_end().chars().count() <= 80),
        "{screen}"
    );
}

#[test]
fn a_finding_is_a_line_and_the_verdicts_come_last() {
    let program = breached();
    let said = stdout(&program, JUDGED, "");
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    let order = [
        "findings\n",
        "ledger explain ",
        "not checked",
        "integrity     PASS",
        "FAILED",
    ];
    assert!(order.map(at).is_sorted(), "{said}");
    assert!(said.lines().last().unwrap().starts_with("FAILED"), "{said}");
    let found = program.json(&format!("{JUDGED} --json"))["findings"].clone();
    let found = found.as_array().unwrap();
    let of_many = |rule: &str| found.iter().filter(|one| one["rule"] == rule).count() > 5;
    for finding in found {
        let (rule, print) = (
            finding["rule"].as_str().unwrap(),
            finding["fingerprint"].as_str().unwrap(),
        );
        let title = finding["title"].as_str().unwrap();
        let named = if of_many(rule) { rule } else { print };
        let line = said
            .lines()
            .filter(|line| line.trim_start().split(' ').next() == Some(named));
        let line: Vec<_> = line.collect();
        assert!(
            !line.is_empty() && line.iter().all(|line| line.contains(title)),
            "{named}: {said}"
        );
    }
    let many = said
        .lines()
        .find(|line| line.starts_with("  S-40 "))
        .unwrap();
    assert!(
        many.contains("7 times") && many.contains("S-40@5 r-1, S-40@6 r-1, S-40@7 r-1"),
        "{many}"
    );

    // The rest is told by the finding's name.
    let told = stdout(&program, "explain s-40@6", "");
    let finding = found
        .iter()
        .find(|one| one["fingerprint"] == "S-40@6")
        .unwrap();
    for part in ["expected", "found", "title"] {
        assert!(
            told.contains(finding[part].as_str().unwrap()),
            "{part}: {told}"
        );
    }
    for part in [
        "Step 4",
        "ledger accept S-40@6",
        "ledger append entry.corrected --entry 6",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(
        program.json("explain S-40@6 --json")["findings"][0]["entry"],
        6
    );
    assert_eq!(
        program.json("explain S-40 prod --json")["findings"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
    assert_eq!(program.code("explain S-40@99"), 4);
    assert_eq!(program.code("explain S-40 --ledger nowhere"), 0);
    assert_eq!(program.code("explain X-99"), 2);
    assert_eq!(program.code("export --key alice.pem --out p.zip"), 0);
    assert_eq!(program.code("explain S-40@6 p.zip --ledger nowhere"), 0);
}

#[test]
fn what_is_overdue_is_red_on_a_terminal_alone() {
    let program = Program::prepared();
    let words = "due --as-of 2030-01-01T00:00:00Z";
    let piped = String::from_utf8(program.output(words).stdout).unwrap();
    assert!(
        piped.contains("overdue") && !piped.contains('\u{1b}'),
        "{piped}"
    );
    let Some(shown) = on_a_terminal(&program, words, false, &[]) else {
        return;
    };
    assert!(shown.contains("\u{1b}[31moverdue"), "{shown}");
    let plain: String = shown
        .split('\u{1b}')
        .map(|part| part.split_once('m').map_or(part, |(_, rest)| rest))
        .collect();
    assert!(plain.replace('\r', "").contains(&piped), "{plain}{piped}");
    let unpainted = on_a_terminal(&program, words, true, &[]).unwrap();
    assert!(!unpainted.contains("\u{1b}["), "{unpainted}");
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

#[test]
fn what_only_a_person_can_know_is_asked_for() {
    let program = Program::prepared();
    let words = "append rotation.aborted --key olga.pem --rotation r-1";
    // Nobody is asked in a script.
    assert_eq!(program.code(words), 2);
    let typed = [
        ("reason (TEXT): ", "over"),
        ("|new_retained): ", "none"),
        ("needs one of: none_generated", "none_generated"),
    ];
    let Some(shown) = on_a_terminal(&program, words, true, &typed) else {
        return;
    };
    assert!(
        shown.contains("disposition needs one of: none_generated, new_revoked"),
        "{shown}"
    );
    assert!(shown.contains("rotation.aborted"), "{shown}");
    assert_eq!(program.events().last().unwrap(), "rotation.aborted");
}
