//! Time tokens of a real authority: `openssl ts`, with an RSA and a P-256 key, on this machine.
//!
//! Where openssl is missing the tests say so and prove nothing; `LEDGER_TEST_OPENSSL=1`, as CI sets it,
//! makes that a failure.

use std::fs;
use std::process::Command;
use std::process::Output;

use crate::support::authority::Authority;
use crate::support::authority::P256;
use crate::support::authority::RSA;
use crate::support::authority::serve;
use crate::support::program::Program;
use crate::support::served::Served;
use crate::support::signed_token::SignedAuthority;
use crate::support::signed_token::unsigned_answer;
use crate::support::token::response;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use rotation_ledger::timetoken::StoredToken;
use serde_json::Value;

/// Stamps the newest checkpoint by way of files; who the authority is, nobody is told.
fn stamp(program: &Program, authority: &Authority, name: &str) -> Output {
    stamp_by(program, authority, name, "")
}

pub(crate) fn stamp_by(
    program: &Program,
    authority: &Authority,
    name: &str,
    named: &str,
) -> Output {
    let request = format!("{name}.tsq");
    assert_eq!(
        program.code(&format!("timestamp --request-out {request}")),
        0
    );
    let answer = authority.answer(&fs::read(program.path(&request)).unwrap());
    fs::write(program.path(&format!("{name}.tsr")), answer).unwrap();
    program.output(&format!("timestamp --response-in {name}.tsr{named}"))
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn say(program: &Program) {
    let say = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";
    assert_eq!(program.code(say), 0);
}

/// From the request to openssl's own word on what was stored.
fn stamped_and_checked(key: &[&str]) {
    let Some(authority) = Authority::new(key) else {
        return;
    };
    let program = Program::prepared();
    assert_eq!(
        stdout(&program.output("timestamp")),
        "no time tokens; ledger timestamp --tsa URL asks for one\n"
    );
    let said = stdout(&stamp(&program, &authority, "one"));
    assert!(said.starts_with("entries 0 to 4: not after 20"), "{said}");
    say(&program);
    say(&program);
    stdout(&stamp(&program, &authority, "two"));

    let listed = program.json("timestamp --json");
    let tokens = listed["tokens"].as_array().unwrap();
    let sizes: Vec<_> = tokens.iter().map(|token| &token["size"]).collect();
    assert_eq!(sizes, [5, 7]);
    assert_eq!(tokens[0]["accuracy_seconds"], 1.5);

    // They come with the copy that is served.
    let served = Served::start(&program, "");
    let there = served.reader("verify --json").output().unwrap();
    let there: Value = serde_json::from_slice(&there.stdout).unwrap();
    assert_eq!(there["time_tokens"].as_array().unwrap().len(), 2, "{there}");
    drop(served);

    // Nobody named the authority: signed, and nobody knows by whom.
    let report = program.json("verify --json");
    assert_eq!(report["exit_code"], 3, "{report}");
    assert_eq!(report["verdicts"][2]["status"], "PASS", "{report}");
    assert_eq!(report["time_tokens"].as_array().unwrap().len(), 2);
    assert!(
        !report["notes"].to_string().contains("not after"),
        "{report}"
    );
    assert!(
        report["not_checked"]
            .to_string()
            .contains("who signed the 2 time tokens")
    );
    let not_after = |entry: usize| {
        let shown = program.json(&format!("show {entry} --json"));
        shown["entries"][0]["not_after"]["by"].clone()
    };
    assert_eq!(not_after(4), Value::Null);

    // The very commands that are printed, in a shell.
    let commands = stdout(&program.output("timestamp --verify-command"));
    assert_eq!(commands.lines().count(), 2);
    for command in commands.lines() {
        let root = authority.path("ca.pem").display().to_string();
        let command = command.replace("tsa-ca.pem", &root);
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(program.root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("Verification: OK"),
            "{output:?}"
        );
    }

    // Whoever names the authority has them count; another authority's count for nothing, and accuse nobody.
    let verify_by = |authority: &Authority| {
        let root = authority.path("ca.pem").display().to_string();
        program.json(&format!("verify --json --tsa-ca {root}"))
    };
    let checked = verify_by(&authority);
    assert!(!checked["not_checked"].to_string().contains("who signed"));
    assert_eq!(checked["findings"], report["findings"]);
    let notes = checked["notes"].to_string();
    assert!(
        notes.contains("entries 0 to 4: not after") && notes.contains("entries 5 to 6: not after"),
        "{notes}"
    );
    let impostor = Authority::new(key).unwrap();
    let strange = verify_by(&impostor);
    assert_eq!(strange["exit_code"], 3);
    assert_eq!(strange["findings"], report["findings"]);
    let notes = strange["notes"].to_string();
    assert!(
        notes.contains("says nothing: the authority is below none of the certificates"),
        "{notes}"
    );
    assert_eq!(strange["time_tokens"][0]["signature_checked"], false);
    assert!(!strange["not_checked"].to_string().contains("who signed"));
    assert_eq!(program.code("verify --tsa-ca prod/checkpoint"), 2);

    // A copy carries them, and says the same.
    assert_eq!(program.code("publish --to copy"), 0);
    let copied = program.json("verify copy --json");
    assert_eq!(copied["time_tokens"], report["time_tokens"]);
    assert_eq!(copied["findings"], report["findings"]);

    // Named at the door, the authority is kept: it is taken from then on, and what it signed before counts.
    say(&program);
    let root = authority.path("ca.pem").display().to_string();
    let named = format!(" --tsa-ca {root}");
    let said = stdout(&stamp_by(&program, &authority, "three", &named));
    assert!(said.starts_with("entries 0 to 7: not after 20"), "{said}");
    // Entry 4 is bracketed by the first token, and entry 6 by the second.
    assert_eq!(
        (not_after(4), not_after(6)),
        (tokens[0]["response"].clone(), tokens[1]["response"].clone())
    );
    let kept = program.json("verify --json");
    assert!(
        kept["notes"]
            .to_string()
            .contains("entries 0 to 4: not after")
    );
    assert!(!kept["not_checked"].to_string().contains("who signed"));
    say(&program);
    stdout(&stamp(&program, &authority, "four"));
    say(&program);
    let refused = stamp(&program, &impostor, "five");
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let listed = stdout(&program.output("timestamp"));
    assert_eq!(listed.matches("yes").count(), 4, "{listed}");

    swapped_or_cut(&program, tokens);
}

/// Whoever swaps two tokens, or cuts one, has them say nothing, and accuses nobody.
fn swapped_or_cut(program: &Program, tokens: &[Value]) {
    let file = |at: usize| {
        program
            .path("prod")
            .join(tokens[at]["response"].as_str().unwrap())
    };
    let replace = |at: usize, bytes: &[u8]| {
        fs::remove_file(file(at)).unwrap();
        fs::write(file(at), bytes).unwrap();
    };
    let (one, two) = (fs::read(file(0)).unwrap(), fs::read(file(1)).unwrap());
    let silent = || {
        let report = program.json("verify --json");
        assert_eq!(report["exit_code"], 3, "{report}");
        assert_eq!(report["verdicts"][2]["status"], "PASS", "{report}");
        report["notes"].to_string().matches("says nothing").count()
    };
    assert_eq!(silent(), 0);
    replace(0, &two);
    assert_eq!(silent(), 1);
    replace(0, &one[..one.len() / 2]);
    assert_eq!(silent(), 1);
    replace(0, &one);
    assert_eq!(silent(), 0);
}

/// What nobody signed, of whatever time, and what somebody signed of a time that cannot be.
#[test]
fn a_forged_answer_is_refused_at_the_door_and_nothing_is_stored() {
    let program = Program::prepared();
    let authority = SignedAuthority::new();
    fs::write(program.path("ca.pem"), authority.pem()).unwrap();
    assert_eq!(program.code("timestamp --request-out q"), 0);
    let request = fs::read(program.path("q")).unwrap();
    let now = World::system().clock.now();
    let long_ago: Timestamp = "2020-06-01T12:00:00Z".parse().unwrap();
    let named = " --tsa-ca ca.pem";
    let stranger = SignedAuthority::new();
    for (answer, named, why) in [
        (
            unsigned_answer(&request, long_ago),
            "",
            "its signature does not hold",
        ),
        (
            unsigned_answer(&request, now),
            "",
            "its signature does not hold",
        ),
        (
            stranger.answer(&request, long_ago),
            "",
            "it is over an entry that was recorded at",
        ),
        (
            stranger.answer(&request, now.plus_days(1)),
            "",
            "this host's clock says",
        ),
        (
            stranger.answer(&request, now),
            named,
            "the authority is below none of the certificates",
        ),
        // The authority is wrong itself, or the ledger's clock is.
        (
            authority.answer(&request, long_ago),
            named,
            "it is over an entry that was recorded at",
        ),
    ] {
        fs::write(program.path("answer"), answer).unwrap();
        let output = program.output(&format!("timestamp --response-in answer{named}"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(
            said.contains(why) && said.contains("nothing was stored"),
            "{said}"
        );
        assert!(!program.path("prod/timestamps").exists());
    }
    // The request still waits for its answer, and no certificate was kept of those whose answers were refused.
    fs::write(program.path("answer"), authority.answer(&request, now)).unwrap();
    let output = program.output("timestamp --response-in answer");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nobody knows by whom"));
    assert_eq!(output.status.code(), Some(0));
    let report = program.json("verify --json");
    assert!(
        report["not_checked"]
            .to_string()
            .contains("who signed the time token")
    );
}

/// What an older program let in, or somebody put there: the ledger, its packs and its copy pass with a remark, and
/// stamping again cures what there was to cure.
#[test]
fn a_poisoned_token_accuses_nobody_wherever_it_is_carried() {
    let program = Program::prepared();
    let authority = SignedAuthority::new();
    fs::write(program.path("ca.pem"), authority.pem()).unwrap();
    let checkpoint = fs::read(program.path("prod/checkpoint")).unwrap();
    let poison = response(&checkpoint, "2020-01-01T00:00:00Z".parse().unwrap());
    let stored = StoredToken::new(5, &poison, &checkpoint);
    fs::create_dir(program.path("prod/timestamps")).unwrap();
    for (path, bytes) in [
        (stored.response_path(), &poison),
        (stored.checkpoint_path(), &checkpoint),
    ] {
        fs::write(program.path("prod").join(path), bytes).unwrap();
    }
    let remarked = |report: &Value| {
        assert_ne!(report["exit_code"], 1, "{report}");
        let anchoring = &report["verdicts"][2];
        assert_ne!(anchoring["status"], "FAIL", "{report}");
        assert!(!report["findings"].to_string().contains("N-1"), "{report}");
        assert!(
            !report["not_checked"].to_string().contains("token"),
            "{report}"
        );
        let said = format!(
            "the time token {} says nothing: its signature does not hold",
            stored.response_path()
        );
        assert!(report["notes"].to_string().contains(&said), "{report}");
    };
    remarked(&program.json("verify --json"));
    remarked(&program.json("verify --json --tsa-ca ca.pem"));
    assert_eq!(program.code("publish --to copy"), 0);
    remarked(&program.json("verify copy --json"));
    assert_eq!(program.code("export --key alice.pem --out p.zip"), 0);
    let trust = stdout(&program.output("trust show"));
    fs::write(program.path("t.trust"), trust).unwrap();
    for ca in ["", " --tsa-ca ca.pem"] {
        let judged = program.json(&format!("verify p.zip --json --trust t.trust{ca}"));
        remarked(&judged);
        assert_eq!(judged["exit_code"], 0, "{judged}");
    }

    // A good one of the same size beside it counts.
    assert_eq!(program.code("timestamp --request-out q"), 0);
    let request = fs::read(program.path("q")).unwrap();
    let now = World::system().clock.now();
    fs::write(program.path("answer"), authority.answer(&request, now)).unwrap();
    stdout(&program.output("timestamp --response-in answer --tsa-ca ca.pem"));
    let cured = program.json("verify --json");
    remarked(&cured);
    assert!(
        cured["notes"].to_string().contains("entries 0 to "),
        "{cured}"
    );
}

/// In a pack, without the ledger: the tokens count by whom the reader names, as in a ledger.
#[test]
fn the_tokens_of_a_pack_are_checked_where_the_reader_names_the_authority() {
    let Some(authority) = Authority::new(P256) else {
        return;
    };
    let program = Program::prepared();
    stdout(&stamp(&program, &authority, "one"));
    say(&program);
    assert_eq!(program.code("export --key alice.pem --out p.zip"), 0);
    let trust = stdout(&program.output("trust show"));
    fs::write(program.path("t.trust"), trust).unwrap();
    let verify = |more: &str| program.json(&format!("verify p.zip --json --trust t.trust{more}"));
    let by = |authority: &Authority| {
        verify(&format!(" --tsa-ca {}", authority.path("ca.pem").display()))
    };
    let unchecked = verify("");
    assert!(
        unchecked["not_checked"].to_string().contains("who signed"),
        "{unchecked}"
    );
    assert!(!unchecked["notes"].to_string().contains("not after"));
    assert_eq!(unchecked["time_tokens"].as_array().unwrap().len(), 1);
    let checked = by(&authority);
    assert!(
        !checked["not_checked"].to_string().contains("who signed"),
        "{checked}"
    );
    assert_eq!(checked["findings"], unchecked["findings"]);
    assert_eq!(checked["exit_code"], unchecked["exit_code"]);
    assert_eq!(checked["time_tokens"].as_array().unwrap().len(), 1);
    let strange = by(&Authority::new(P256).unwrap());
    assert_eq!(strange["findings"], unchecked["findings"]);
    assert_eq!(strange["exit_code"], unchecked["exit_code"]);
    assert_eq!(strange["time_tokens"][0]["signature_checked"], false);
    assert!(
        strange["notes"].to_string().contains("says nothing"),
        "{strange}"
    );
    assert_eq!(
        program.code("verify p.zip --trust t.trust --tsa-ca p.zip"),
        2
    );
}

#[test]
fn an_rsa_authority_stamps_a_ledger() {
    stamped_and_checked(RSA);
}

#[test]
fn a_p256_authority_stamps_a_ledger() {
    stamped_and_checked(P256);
}

#[test]
fn what_is_no_answer_is_refused_by_name_and_nothing_is_stored() {
    let Some(authority) = Authority::new(P256) else {
        return;
    };
    let program = Program::prepared();
    let refused = |answer: &[u8], code: i32, why: &str| {
        fs::write(program.path("answer"), answer).unwrap();
        let output = program.output("timestamp --response-in answer");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(why), "{why:?} in {said}");
        assert!(!program.path("prod/timestamps").exists());
    };
    let checkpoint = program.path("prod/checkpoint");
    let unasked = authority.answer(&authority.request_over(&checkpoint));
    refused(&unasked, 2, "no request waits for a response");

    assert_eq!(program.code("timestamp --request-out q"), 0);
    assert_eq!(
        program.code("timestamp --request-out q"),
        2,
        "nothing is written over"
    );
    let request = fs::read(program.path("q")).unwrap();
    let good = authority.answer(&request);
    refused(&unasked, 4, "nonce");
    let toml = authority.request_over(&program.path("prod/ledger.toml"));
    refused(&authority.answer(&toml), 4, "the token is over");
    let another = Program::prepared();
    let theirs = authority.request_over(&another.path("prod/checkpoint"));
    refused(&authority.answer(&theirs), 4, "the token is over");
    refused(
        &authority.answer_as("picky", &request),
        4,
        "it does not know the digest's algorithm",
    );
    refused(b"", 4, "the response is not what RFC 3161 says");
    refused(b"<html>", 4, "the response is not what RFC 3161 says");
    refused(&request, 4, "the response is not what RFC 3161 says");
    for end in (1..good.len()).step_by(97) {
        refused(&good[..end], 4, "not what RFC 3161 says");
    }
    refused(
        &[good.as_slice(), b"\0"].concat(),
        4,
        "not what RFC 3161 says",
    );

    // Later entries do not matter: what was asked about is the checkpoint of then.
    say(&program);
    fs::write(program.path("answer"), &good).unwrap();
    let said = stdout(&program.output("timestamp --response-in answer"));
    assert!(said.starts_with("entries 0 to 4:"), "{said}");
    // And the answer is taken once.
    assert_eq!(program.code("timestamp --response-in answer"), 2);
}

#[test]
fn an_authority_is_asked_over_http() {
    let Some(authority) = Authority::new(P256) else {
        return;
    };
    let program = Program::prepared();
    let reply = "200 OK\r\nContent-Type: application/timestamp-reply";
    let (url, serving) = serve(
        authority,
        vec![
            ("503 Busy\r\nContent-Type: text/plain", false),
            ("200 OK\r\nContent-Type: text/html; charset=utf-8", false),
            (reply, false),
            (reply, true),
        ],
    );
    let ask = format!("timestamp --tsa {url} --timeout 20s --json");
    let failed = |code: i32, why: &str| {
        let output = program.output(&ask);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(said.to_string().contains(why), "{said}");
    };
    failed(6, "status 503");
    failed(6, "no time-stamping authority answers there");
    failed(4, "not what RFC 3161 says");
    let token = program.json(&ask);
    assert_eq!(token["token"]["size"], 5, "{token}");
    serving.join().unwrap();
    assert_eq!(
        program.json("verify --json")["time_tokens"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // Nobody listens any more.
    assert_eq!(program.code(&ask), 6);
}
