//! Odd surroundings: names, limits and streams that nobody tried. Each ends with a code of the table in the
//! help, and with a message where it is no success.

use std::process::{Command, Output};

use crate::support::program::Program;

/// What every command line here is run as: `$L` is the program.
fn shell(program: &Program, script: &str) -> Output {
    let mut bash = Command::new("bash");
    let script = script.replace("$L", "\"$LEDGER\"");
    bash.args(["-c", &script]);
    program.around(&mut bash).output().unwrap()
}

/// Insists on a code of the table, and that nothing panicked. Returns the code.
fn ends_well(output: &Output, what: &str) -> i32 {
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(matches!(code, Some(0..=6)), "{what}: {code:?} {said}");
    assert!(!said.contains("panicked"), "{what}: {said}");
    code.unwrap()
}

#[test]
fn without_threads_everything_is_done_in_one() {
    let program = Program::prepared();
    // No thread can have a stack of that size, so none can be made.
    let alone = "export RUST_MIN_STACK=1125899906842624;";
    for (words, code) in [
        ("status", 0),
        ("verify --quiet", 0),
        ("log", 0),
        (
            "append rotation.approved --key alice.pem --rotation r-1 --no-window none",
            0,
        ),
        ("prove 3", 0),
        ("publish --to copy", 0),
        ("verify copy", 0),
        ("anchor -- cat", 6),
        ("append --json - --key olga.pem", 6),
        ("serve --listen unix:socket", 6),
    ] {
        let output = shell(&program, &format!("{alone} $L {words}"));
        assert_eq!(ends_well(&output, words), code, "{words}: {output:?}");
    }
    assert_eq!(program.events().last().unwrap(), "rotation.approved");
}

#[test]
fn tiny_limits_are_an_error_and_leave_what_a_second_try_goes_on_from() {
    let program = Program::prepared();
    for limit in [
        "ulimit -n 4",
        "ulimit -n 7",
        "ulimit -n 10",
        "ulimit -n 12",
        "ulimit -n 16",
        "ulimit -f 0",
        "exec <&-",
        "exec >&-",
        "exec 2>&-",
        "exec 2>/dev/full",
        "unset HOME",
        "export TMPDIR=/nonexistent",
        "export TZ=:/none LANG=xx_YY LC_ALL=C",
        "export LEDGER_WAIT= LEDGER_KEY= LEDGER_TRUST= LEDGER_TOKEN=",
        "mkdir gone && cd gone && rmdir ../gone",
    ] {
        for words in [
            "status",
            "verify",
            "append entry.annotated --key olga.pem --entry 3 --note x",
            "timeout 1 $L serve --listen unix:socket",
        ] {
            let line = match words.starts_with("timeout") {
                true => format!("{words}; code=$?; [ $code = 124 ] || exit $code"),
                false => format!("$L {words}"),
            };
            ends_well(
                &shell(&program, &format!("{limit}; {line}")),
                &format!("{limit}: {words}"),
            );
        }
    }
    let again = "append entry.annotated --key olga.pem --entry 3 --note again";
    assert_eq!(program.code(again), 0);
    assert!(matches!(program.code("verify"), 0 | 3));
}

#[test]
fn names_that_are_not_utf_8_or_no_files_are_named() {
    let program = Program::prepared();
    let prepared = r"mkdir $'to\xff'; ln -s nowhere dangling; cp olga.pem $'olga\xff.pem'; cp -a prod $'prod\xff'";
    assert!(shell(&program, prepared).status.success());
    for (words, code) in [
        (r"--ledger $'prod\xff' status", 0),
        (r"anchor --to $'to\xff'", 2),
        (r"anchor --always --to $'to\xff'", 2),
        (r"anchor --list", 0),
        (r"publish --to $'copy\xff'", 0),
        (
            r"append entry.annotated --key $'olga\xff.pem' --entry 3 --note x",
            0,
        ),
        (
            r"append entry.annotated --key olga.pem --entry 3 --note $'\xff'",
            2,
        ),
        (
            "append entry.annotated --key dangling --entry 3 --note x",
            2,
        ),
        (
            "append entry.annotated --key /dev/zero --entry 3 --note x",
            2,
        ),
        ("--ledger /dev/null status", 4),
        ("verify --trust /dev/full", 4),
    ] {
        let output = shell(&program, &format!("$L --json {words}"));
        assert_eq!(ends_well(&output, words), code, "{words}: {output:?}");
        let said = serde_json::from_slice::<serde_json::Value>(&output.stdout);
        assert!(said.is_ok(), "{words}: {output:?}");
    }
}
