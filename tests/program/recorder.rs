//! `ledger run` and what it leaves waiting: the tool comes first, and nothing that is to be said is lost.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::{Program, await_file, signal};
use crate::support::served::Served;

const RUN: &str = "run --rotation r-1 --step health";

fn waiting(program: &Program) -> Vec<Value> {
    let listed = program.json("spool list --json");
    listed["waiting"].as_array().unwrap().clone()
}

/// A shell's command line around the program, which is `$LEDGER`.
fn shell(program: &Program, script: &str) -> std::process::Output {
    program
        .around(Command::new("sh").args(["-c", script]))
        .output()
        .unwrap()
}

#[test]
fn nothing_but_the_command_line_itself_keeps_a_tool_from_being_started() {
    let program = Program::prepared();
    let key = |name: &str, bytes: &[u8], mode: u32| {
        fs::write(program.path(name), bytes).unwrap();
        fs::set_permissions(program.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let olga = fs::read(program.path("olga.pem")).unwrap();
    key("loose.pem", &olga, 0o644);
    key("empty.pem", b"", 0o600);
    fs::create_dir(program.path("unmounted")).unwrap();
    let cases = [
        "env -u HOME $L --key olga.pem",
        "env HOME= LEDGER_STATE= XDG_STATE_HOME= $L --key olga.pem",
        "$L --ledger none --key olga.pem",
        "$L --ledger none --state none-yet --key olga.pem",
        "$L --ledger unmounted --key olga.pem",
        "env -u LEDGER_PATH $L --key olga.pem",
        "$L --ledger unix:nobody.sock --wait 1s --key olga.pem",
        "$L --ledger https://127.0.0.1:1 --wait 1s --key olga.pem",
        "$L",
        "env LEDGER_KEY= $L",
        "$L --key none.pem",
        "$L --key loose.pem",
        "$L --key empty.pem",
        "$L --key command:false",
        "env -u SSH_AUTH_SOCK $L --key ssh-agent:",
        "$L --key olga.pem --passphrase-file none",
        "$L --key olga.pem --rotation r-99",
        "$L --key olga.pem --field colour=red",
        "$L --key olga.pem --field nothing",
        "$L --key olga.pem --field rotation=r-2",
        "$L --key olga.pem --field summary=AKIAIOSFODNN7EXAMPLE",
        "$L --key olga.pem --check-value-from none",
        "$L --key olga.pem --on-behalf-of ghost",
        "env LEDGER_WAIT=30 $L --key olga.pem",
        "env LEDGER_WAIT= LEDGER_ON_BEHALF_OF= LEDGER_PASSPHRASE_FILE= LEDGER_TRUST= $L --key olga.pem",
        "env LEDGER_ON_BEHALF_OF='a b' $L --key olga.pem",
        "env LEDGER_TOKEN_FILE=none $L --key olga.pem",
        "env TMPDIR=/nonexistent $L --key olga.pem",
        "env LEDGER_STATE=olga.pem $L --key olga.pem",
        "ulimit -n 8; $L --key olga.pem",
        "ulimit -f 0; $L --key olga.pem",
        "ulimit -v 400000; $L --key olga.pem",
        "cd $(mktemp -d) && rmdir $PWD && $L --ledger $OLDPWD/prod --key $OLDPWD/olga.pem",
        "$L --key - <olga.pem",
        "$L --key olga.pem >/dev/full",
        "$L --key olga.pem >&- 2>&-",
    ];
    for (n, case) in cases.into_iter().enumerate() {
        let line = case.replace("$L", "$LEDGER");
        let (command, flags) = line.split_once("$LEDGER").unwrap();
        // Not an append but a mark: a limit on file sizes keeps no folder from being made.
        let mark = program.path(&format!("ran-{n}"));
        let (flags, redirected) = match flags.find(['<', '>']) {
            Some(at) => flags.split_at(at),
            None => (flags, ""),
        };
        let rotation = match flags.contains("--rotation") {
            true => "--step health",
            false => "--rotation r-1 --step health",
        };
        let script = format!(
            "{command}$LEDGER run {rotation}{flags} -- mkdir {} {redirected}",
            mark.display()
        );
        let output = shell(&program, &script);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(mark.is_dir(), "{case}: the tool was not started: {said}");
        assert!(!said.contains("panicked"), "{case}: {said}");
        assert_eq!(output.status.code(), Some(0), "{case}: {said}");
    }
    // A variable that is no use is overlooked for a tool's sake alone, whatever another command's words are.
    let output = shell(&program, "env LEDGER_WAIT=30 $LEDGER log --rotation run");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    // Whoever wants the contrary gets it, and is told before anything is done.
    for case in [
        "--key none.pem",
        "--key olga.pem --field colour=red",
        "--key olga.pem --ledger none --state none-yet",
    ] {
        let output = program.output(&format!("{RUN} --require-evidence {case} -- mkdir strict"));
        assert_ne!(output.status.code(), Some(0), "{case}");
        assert!(!program.path("strict").exists(), "{case}");
    }
    assert!(program.is_intact());
}

#[test]
fn a_killed_recorder_leaves_a_trace_of_what_it_began() {
    let program = Program::prepared();
    let mut command = program.ledger(&format!("{RUN} --key olga.pem -- sh -c"));
    let script = "echo $$ >pid; touch started; exec sleep 60";
    let mut child = command.arg(script).spawn().unwrap();
    await_file(&program.path("started"));
    // As long as it lives, nothing waits for anybody.
    assert!(waiting(&program).is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let pid = fs::read_to_string(program.path("pid")).unwrap();
    assert!(shell(&program, &format!("kill {pid}")).status.success());
    let status = program.json("status --json");
    assert_eq!(status["spool"]["waiting"], 1, "{status}");
    let left = waiting(&program);
    assert_eq!(left[0]["state"], "began", "{left:?}");
    // Nobody says it by accident: whoever knows how it ended says that.
    assert_eq!(program.code("spool sign --key olga.pem"), 0);
    assert_eq!(program.code("append --spool"), 5);
    assert_eq!(program.code("spool sign 1 --key olga.pem"), 0);
    assert_eq!(program.code("spool deliver"), 0);
    let said = program.json("show 5 --json");
    let fields = &said["entries"][0]["fields"];
    assert!(
        fields["error"]
            .as_str()
            .unwrap()
            .contains("its end was not seen"),
        "{said}"
    );
    // One that ends leaves none.
    assert_eq!(program.code(&format!("{RUN} --key olga.pem -- true")), 0);
    assert!(waiting(&program).is_empty());
    assert_eq!(
        fs::read_dir(program.path("state/spool/begun"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn every_signal_that_can_be_caught_reaches_the_tool() {
    let program = Program::prepared();
    let all = [
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::ALARM, "ALRM"),
        (Signal::VTALARM, "VTALRM"),
        (Signal::PROF, "PROF"),
        (Signal::WINCH, "WINCH"),
        (Signal::CONT, "CONT"),
        (Signal::URG, "URG"),
        (Signal::XCPU, "XCPU"),
        (Signal::ABORT, "ABRT"),
    ];
    for (sent, name) in all {
        let mut command = program.ledger(&format!("{RUN} --key olga.pem -- sh -c"));
        let mark = format!("started-{name}");
        let script = format!("trap 'exit 9' {name}; touch {mark}; while :; do sleep 0.02; done");
        let mut child = command.arg(script).spawn().unwrap();
        await_file(&program.path(&mark));
        signal(&child, sent);
        assert_eq!(child.wait().unwrap().code(), Some(9), "{name}");
    }
}

#[test]
fn what_is_stopped_is_stopped_and_goes_on() {
    let program = Program::prepared();
    let mut command = program.ledger(&format!("{RUN} --key olga.pem -- sh -c"));
    let script = "trap 'touch stopped' TSTP; touch started; while [ ! -e go ]; do sleep 0.02; done";
    let mut child = command.arg(script).spawn().unwrap();
    await_file(&program.path("started"));
    signal(&child, Signal::TSTP);
    await_file(&program.path("stopped"));
    let state = || fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    while !state().contains(") T ") {
        assert!(Instant::now() < patience, "it was not stopped: {}", state());
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, Signal::CONT);
    fs::write(program.path("go"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn where_both_streams_are_one_their_order_is_kept() {
    let program = Program::prepared();
    let script = "i=0; while [ $i -lt 300 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done";
    let mut command = program.ledger(&format!("{RUN} --key olga.pem --quiet -- sh -c"));
    let file = File::create(program.path("both")).unwrap();
    command.arg(script);
    command.stdout(file.try_clone().unwrap()).stderr(file);
    assert!(command.status().unwrap().success());
    let said = fs::read_to_string(program.path("both")).unwrap();
    let expected: String = (0..300).map(|n| format!("out {n}\nerr {n}\n")).collect();
    assert!(said.starts_with(&expected), "{said}");
    // What is attached is the same.
    let named = program.json("show 5 --json")["entries"][0]["attachments"][0].clone();
    assert_eq!(named["length"], expected.len(), "{named}");
}

#[test]
fn a_document_is_never_mixed_with_what_the_tool_prints() {
    let program = Program::prepared();
    let mut command = program.ledger(&format!("--json {RUN} --key olga.pem -- sh -c"));
    let output = command
        .arg("echo one; echo two >&2; exit 3")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "rotation-ledger/run/1");
    assert_eq!(document["receipts"][0]["event"], "step.failed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("one\ntwo\n"), "{said}");
}

#[test]
fn the_command_line_is_evidence_where_it_holds_no_secret() {
    let program = Program::prepared();
    let run = format!("{RUN} --key olga.pem --record-command --attach-output no -- sh -c");
    let attached = |script: &str| {
        assert!(program.ledger(&run).arg(script).status().unwrap().success());
        let last = program.events().len() - 1;
        program.json(&format!("show {last} --json"))["entries"][0]["attachments"].clone()
    };
    let shown = attached(": \"it's fine\"");
    assert_eq!(shown[0]["name"], "health-command.txt", "{shown}");
    let digest = shown[0]["blake3"].as_str().unwrap();
    let (folder, rest) = digest.split_at(2);
    let kept = program.path(&format!("prod/attachments/{folder}/{rest}"));
    assert_eq!(
        fs::read_to_string(kept).unwrap(),
        "sh -c ': \"it'\\''s fine\"'\n"
    );
    let hidden = attached(&format!(
        ": {}{}",
        "ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"
    ));
    assert_eq!(hidden.as_array().map(Vec::len), Some(0), "{hidden}");
}

#[test]
fn the_spool_says_what_is_wrong_with_each_and_delivers_the_rest() {
    let program = Program::prepared();
    fs::rename(program.path("prod"), program.path("away")).unwrap();
    let run = |rotation: &str| {
        let words = format!("run --key olga.pem --rotation {rotation} --step health -- true");
        assert_eq!(program.code(&words), 0);
    };
    run("r-1");
    run("r-99");
    run("r-1");
    fs::rename(program.path("away"), program.path("prod")).unwrap();
    fs::write(program.path("state/spool/000000000009.json"), "{\"half").unwrap();
    fs::write(program.path("state/spool/README"), "mine").unwrap();
    let listed = waiting(&program);
    let states: Vec<_> = listed
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["signed", "signed", "signed", "unreadable"]);
    let delivered = program.json("spool deliver --json");
    let count = |part: &str| delivered[part].as_array().unwrap().len();
    assert_eq!((count("delivered"), count("left")), (2, 2), "{delivered}");
    assert_eq!(program.code("spool deliver"), 5);
    assert_eq!(program.code("spool show 2"), 0);
    assert_eq!(program.code("spool drop 7"), 2);
    assert_eq!(program.code("spool drop 2"), 0);
    assert_eq!(program.code("spool drop 9"), 0);
    assert!(
        program
            .path("state/spool/dropped/000000000002.json")
            .exists()
    );
    assert_eq!(program.code("spool deliver"), 0);
    assert!(waiting(&program).is_empty());
    assert_eq!(program.events().len(), 7);
    assert!(program.is_intact());
}

#[test]
fn drafts_tools_and_the_spool_reach_a_server_as_they_reach_a_folder() {
    let program = Program::prepared();
    let socket = program.path("l.sock");
    let there = |words: &str| {
        let mut command = program.ledger(words);
        command
            .env("LEDGER_PATH", format!("unix:{}", socket.display()))
            .env("LEDGER_STATE", program.path("mine"))
            .env("XDG_CACHE_HOME", program.path("cache"));
        command
    };
    let code = |words: &str| there(words).output().unwrap().status.code().unwrap();
    let served = Served::start_at(&program, &socket, "");
    // Many drafts share bodies and commits; what is refused names its line, and the rest is recorded.
    let mut drafts: Vec<_> = (0..1200).map(crate::support::program::draft).collect();
    drafts[700] = drafts[700].replace("r-1", "r-99");
    fs::write(program.path("many"), drafts.concat()).unwrap();
    let output = there("append --key olga.pem --json many").output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("line 701: "), "{said}");
    let receipts: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .filter(|document: &Value| document["link"].is_string())
        .collect();
    assert_eq!(receipts.len(), 1199 - 200);
    let lines: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt["line"].as_u64().unwrap())
        .collect();
    assert!(lines.contains(&700) && !lines.contains(&701) && lines.contains(&1000));
    // A file that is larger than a body goes before its statement.
    fs::write(program.path("large.log"), vec![b'x'; 9 << 20]).unwrap();
    let large = "append evidence.attached --key olga.pem --rotation r-1 --description run --attach large.log";
    assert_eq!(code(large), 0);
    assert_eq!(code(&format!("{RUN} --key olga.pem -- echo fine")), 0);
    assert_eq!(waiting(&program).len(), 0);
    let entries = program.events().len();
    assert_eq!(served.stop(Signal::TERM), Some(0));
    // Gone, and known all the same: what is said is signed, waits, and is delivered when it is back.
    assert_eq!(code(&format!("{RUN} --key olga.pem --wait 1s -- true")), 0);
    let late = "append entry.annotated --key olga.pem --entry 0 --link";
    let link = program.json("show 0 --json")["entries"][0]["link"].clone();
    let late = format!("{late} {} --note late --wait 1s", link.as_str().unwrap());
    assert_eq!(code(&late), 6);
    assert_eq!(code(&format!("{late} --spool-on-failure")), 0);
    assert_eq!(code("spool deliver --wait 1s"), 6);
    let served = Served::start_at(&program, &socket, "");
    assert_eq!(code("spool deliver"), 0);
    drop(served);
    assert_eq!(program.events().len(), entries + 2);
    assert!(program.is_intact());
}

#[test]
fn a_statement_is_signed_by_one_and_delivered_by_another() {
    let program = Program::prepared();
    let id = program.json("verify --json")["ledger_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut sign =
        program.ledger("sign rotation.approved --key alice.pem --rotation r-1 --no-window");
    sign.args(["dual-run", "--out", "-", "--ledger-id", &id]);
    sign.env("LEDGER_PATH", "")
        .env("LEDGER_STATE", "")
        .env("HOME", "/nonexistent");
    let signed = sign.output().unwrap();
    assert!(signed.status.success(), "{signed:?}");
    fs::write(program.path("approval.json"), &signed.stdout).unwrap();
    // What was bent on the way is refused; what is delivered twice is recorded once.
    let text = String::from_utf8(signed.stdout).unwrap();
    let at = text.find("\"signature\":\"").unwrap() + 14;
    let mut bent = text.clone().into_bytes();
    bent[at] = if bent[at] == b'0' { b'1' } else { b'0' };
    fs::write(program.path("bent.json"), bent).unwrap();
    assert_eq!(program.code("append --statement bent.json"), 5);
    for _ in 0..2 {
        let mut piped = program.ledger("append --statement - approval.json");
        piped.stdin(File::open(program.path("approval.json")).unwrap());
        assert!(piped.status().unwrap().success());
    }
    assert_eq!(program.events()[5..], ["rotation.approved"]);
    // It is looked through where it is signed: what is secret is never written.
    let secret = format!("{}{}", "ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
    let mut sign =
        program.ledger("sign entry.annotated --key olga.pem --entry 0 --out no.json --note");
    assert_eq!(sign.arg(secret).output().unwrap().status.code(), Some(5));
    assert!(!program.path("no.json").exists());
    // One for another ledger is nobody's.
    let other = "0".repeat(64);
    let words = format!(
        "sign incident.declared --key olga.pem --incident i-1 --secret db/orders --trigger suspected_compromise --detected 2026-11-01T00:00:00Z --summary seen --out other.json --ledger-id {other}"
    );
    assert_eq!(program.code(&words), 0);
    assert_eq!(program.code("append --statement other.json"), 5);
    assert_eq!(program.events().len(), 6);
}

#[test]
fn a_slow_reader_slows_the_tool_down_and_fills_no_memory() {
    let program = Program::prepared();
    let mut command = program.ledger(&format!("{RUN} --key olga.pem --output-limit 1M -- sh -c"));
    command
        .arg("head -c 40000000 /dev/zero; touch done")
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(!program.path("done").exists());
    let mut taken = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut taken)
        .unwrap();
    assert_eq!(taken.len(), 40_000_000);
    assert!(child.wait().unwrap().success());
}

#[test]
fn over_a_server_a_retry_gets_its_receipt_and_evidence_is_exported() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let said = |words: &str| {
        let output = served.reader(words).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    fs::write(program.path("shown.log"), "it works").unwrap();
    let id = "0198f2c0-7a10-7c33-9b1e-5d2a6c0e4f01";
    let again = format!(
        "append evidence.attached --key olga.pem --rotation r-1 --description run --attach shown.log --event-id {id}"
    );
    let (code, first) = said(&again);
    assert_eq!(code, Some(0), "{first}");
    // Said at another time, it is the same event; with another file it is another.
    let trust = program.output("trust show --wait 0s").stdout;
    fs::write(program.path("trust"), trust).unwrap();
    let (code, second) = said(&format!("{again} --trust trust"));
    assert_eq!(code, Some(0), "{second}");
    assert!(second.contains("recorded before"), "{second}");
    fs::write(program.path("shown.log"), "it works not").unwrap();
    assert_eq!(said(&again).0, Some(5));
    // The pack of somebody who has the socket: signed by a pack key of their own.
    let (code, exported) = said("export --key alice.pem --out r-1.zip --rotation r-1");
    assert_eq!(code, Some(0), "{exported}");
    let (code, report) = said("verify r-1.zip --trust trust --fail-on none");
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("PASS"), "{report}");
    let last = program.events().len() as u64 - 1;
    let (code, same) = said(&format!("export --again {last} --out again.zip"));
    assert_eq!(code, Some(0), "{same}");
    let read = |name: &str| fs::read(program.path(name)).unwrap();
    assert!(read("r-1.zip") == read("again.zip"));
    drop(served);
    assert!(program.is_intact());
}
