//! `ledger serve`: statements in, receipts out, and what it says of the ledger.

use std::collections::BTreeSet;
use std::process::Command;

use rotation_ledger::SecretKey;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::spool;
use rotation_ledger::statement::SignedStatement;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::Program;
use crate::support::program::draft;
use crate::support::served::Served;

const NDJSON: &str = "application/x-ndjson";

/// What `curl` prints about a request over the socket: the status and the body.
fn curl(program: &Program, words: &[&str]) -> (u16, Vec<u8>) {
    let said = Command::new("curl")
        .current_dir(program.root())
        .args(["-s", "-w", "%{stderr}%{http_code}"])
        .args(words)
        .output()
        .unwrap();
    let status = String::from_utf8(said.stderr).unwrap();
    (status.parse().unwrap(), said.stdout)
}

#[test]
fn a_statement_gets_its_receipt_and_the_same_one_again() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    std::fs::write(program.path("s.json"), served.signed(&draft(1))).unwrap();
    let words = [
        "--unix-socket",
        "ledger.sock",
        "-H",
        "content-type: application/json",
        "--data-binary",
        "@s.json",
        "http://ledger/v1/statements",
    ];
    let (status, first) = curl(&program, &words);
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&first));
    let first: Value = serde_json::from_slice(&first).unwrap();
    let (status, again) = curl(&program, &words);
    assert_eq!(status, 200);
    let again: Value = serde_json::from_slice(&again).unwrap();
    for member in ["sequence", "event_id", "recorded_utc", "link", "leaf"] {
        assert_eq!(first[member], again[member], "{member}");
    }
    assert_eq!(
        (&first["sequence"], &again["replayed"]),
        (&5.into(), &true.into())
    );
    // It is what the command line prints of one, and it holds without the ledger.
    assert_eq!(first["schema"], "rotation-ledger/receipt/1");
    std::fs::write(program.path("r"), first["proof"].as_str().unwrap()).unwrap();
    assert_eq!(program.code("prove 5 --entry-out e --wait 0s"), 0);
    std::fs::write(program.path("t"), program.output("trust show").stdout).unwrap();
    assert_eq!(program.code("verify r --entry e --trust t"), 0);
    assert_eq!(served.stop(Signal::TERM), Some(0));
    assert_eq!(program.events().len(), 6);
    assert!(program.is_intact());
}

#[test]
fn what_is_wrong_with_a_statement_is_said_by_its_code() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let refused = |body: &[u8], status: u16, code: &str| {
        let answer = served.post(body);
        assert_eq!((answer.status, &*answer.code()), (status, code));
        assert!(answer.head.contains("application/problem+json"));
    };
    let good = served.submission(&draft(1));
    let other_key = SecretKey::from_seed(&[9; 32]);
    let forged = SignedStatement::from_parts(
        good.statement.bytes().to_vec(),
        other_key.sign(b"something else"),
    );
    let forged = spool::encode(&rotation_ledger::Submission::new(forged, Vec::new()));
    refused(&forged, 422, "bad-signature");
    let elsewhere = rotation_ledger::Draft::from_json(&draft(1))
        .unwrap()
        .sign(
            LedgerId::ZERO,
            &served.key(),
            &rotation_ledger::World::system(),
            Vec::new(),
            &[],
        )
        .unwrap();
    refused(&spool::encode(&elsewhere), 422, "other-ledger");
    refused(b"{}", 400, "malformed-request");
    refused(b"\xff\xfe", 400, "malformed-request");
    refused(&vec![b' '; (4 << 20) + 1], 413, "body-too-large");
    let id = "01a22041-5871-7b3b-9ae3-b5220feb5e8f";
    let with_id = |n| draft(n).replace("{\"event\"", &format!("{{\"event_id\":\"{id}\",\"event\""));
    assert_eq!(served.post(&served.signed(&with_id(1))).status, 201);
    refused(&served.signed(&with_id(2)), 422, "event-id-conflict");
    let approve = r#"{"event":"rotation.approved","rotation":"r-1","no_window":"none"}"#;
    refused(&served.signed(approve), 403, "denied");
    let media = served
        .try_post("text/plain", &served.signed(&draft(1)))
        .unwrap();
    assert_eq!(media.status, 415);
    for (request, status) in [
        ("GET /nowhere", 404),
        ("DELETE /v1/status", 405),
        ("GET /v1/entries?limit=0", 400),
        ("GET /v1/entries?after=-1", 400),
        ("GET /v1/entries/77", 404),
        ("GET /v1/receipts/77", 404),
        ("GET /v1/rotations/r-9", 404),
        ("GET /v1/rotations/r-1/evidence", 409),
        ("GET /tile/0/000.p/77", 404),
        ("GET /tile/..%2ftail", 404),
        ("GET /attachments/aa/bb", 404),
    ] {
        let answer = served.try_send(request, b"").unwrap();
        assert_eq!(answer.status, status, "{request}");
        assert!(!answer.code().is_empty(), "{request}");
    }
    drop(served);
    assert_eq!(program.events().len(), 6);
    assert!(program.is_intact());
}

#[test]
fn one_bad_line_does_not_concern_the_others() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let mut lines: Vec<_> = (0..9).map(|n| served.signed(&draft(n))).collect();
    lines[4] = b"{\"no\": \"statement\"}".to_vec();
    let denied = r#"{"event":"rotation.approved","rotation":"r-1","no_window":"none"}"#;
    lines[6] = served.signed(denied);
    let answer = served.try_post(NDJSON, &lines.join(&b'\n')).unwrap();
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body).unwrap();
    let statuses: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
        .collect();
    assert_eq!(statuses, [201, 201, 201, 201, 400, 201, 403, 201, 201]);
    assert_eq!(served.number("ledger_rejects_total{code=\"denied\"}"), 1.0);
    drop(served);
    assert_eq!(program.events().len(), 5 + 7);
}

#[test]
fn documents_are_those_of_the_command_line() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    served.post(&served.signed(&draft(1)));
    let without = |mut document: Value, members: &[&str]| {
        for member in members {
            document.as_object_mut().unwrap().remove(*member);
        }
        document
    };
    // The gauges tell of this host, which a server need not be.
    let moving = [
        "as_of",
        "until",
        "exit_code",
        "next",
        "clock_doubt",
        "gauges",
    ];
    for (path, words) in [
        ("/v1/status", "status --json"),
        ("/v1/secrets", "secret list --json"),
        ("/v1/secrets/due", "due --json"),
        ("/v1/actors", "actor list --json"),
        ("/v1/entries", "log --json"),
        ("/v1/entries/3", "show 3 --json"),
        ("/v1/rotations/r-1", "show r-1 --json"),
        ("/v1/receipts/4", "prove 4 --json"),
    ] {
        let (here, there) = (served.get(path).json(), program.json(words));
        assert_eq!(without(here, &moving), without(there, &moving), "{path}");
    }
    let pages = [
        served.get("/v1/entries?limit=4").json(),
        served.get("/v1/entries?limit=4&after=3").json(),
    ];
    assert_eq!(
        (&pages[0]["next"], &pages[1]["next"]),
        (&3.into(), &Value::Null)
    );
    assert_eq!(pages[1]["entries"][0]["sequence"], 4);
    let listed = served.get("/v1/rotations").json();
    assert_eq!(listed["rotations"][0]["rotation"], "r-1");
}

#[test]
fn attachments_come_before_their_statement_or_with_it() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let attached = |bytes: &[u8]| {
        let text = r#"{"event":"evidence.attached","rotation":"r-1","description":"how it went"}"#;
        let draft = rotation_ledger::Draft::from_json(text).unwrap();
        let file = (
            rotation_ledger::text::Line::new("run.log").unwrap(),
            rotation_ledger::text::Id::new("text/plain").unwrap(),
            bytes.to_vec(),
        );
        let world = rotation_ledger::World::system();
        let signed = draft.sign(served.ledger, &served.key(), &world, vec![file], &[]);
        signed.unwrap()
    };
    let inline = attached(b"went well");
    assert_eq!(served.post(&spool::encode(&inline)).status, 201);
    let mut apart = attached(b"went better");
    let bytes = apart.files.remove(0);
    let digest = Blake3Digest::of(&bytes);
    let statement = spool::encode(&apart);
    let missing = served.post(&statement);
    assert_eq!(
        (missing.status, &*missing.code()),
        (422, "attachment-missing")
    );
    let put = |name: &str, bytes: &[u8]| {
        let head = format!("PUT /v1/attachments/{name}");
        served.try_send(&head, bytes).unwrap()
    };
    assert_eq!(
        put(&digest.to_string(), b"other bytes").code(),
        "digest-mismatch"
    );
    assert_eq!(put("zz", &bytes).code(), "no-digest");
    assert_eq!(put(&digest.to_string(), &bytes).status, 201);
    assert_eq!(put(&digest.to_string(), &bytes).status, 200);
    assert_eq!(served.post(&statement).status, 201);
    assert_eq!(served.post(&statement).status, 200);
    let uploads = std::fs::read_dir(program.path("state/uploads")).unwrap();
    assert_eq!(uploads.count(), 0);
    let name = digest.to_string();
    let path = format!("/attachments/{}/{}", &name[..2], &name[2..]);
    assert_eq!(served.get(&path).body, bytes);
    drop(served);
    assert!(program.is_intact());
}

#[test]
fn the_copy_under_the_root_verifies() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let lines: Vec<_> = (0..600).map(|n| served.signed(&draft(n))).collect();
    for some in lines.chunks(200) {
        assert_eq!(
            served.try_post(NDJSON, &some.join(&b'\n')).unwrap().status,
            200
        );
    }
    let note = served.get("/checkpoint").body;
    let size: usize = std::str::from_utf8(&note)
        .unwrap()
        .lines()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(size, 605);
    let mut paths = BTreeSet::from(["checkpoint".to_owned()]);
    for kind in ["0", "entries"] {
        paths.extend((0..size / 256).map(|n| format!("tile/{kind}/{n:03}")));
        paths.insert(format!("tile/{kind}/{:03}.p/{}", size / 256, size % 256));
    }
    paths.insert(format!("tile/1/000.p/{}", size / 256));
    let copy = program.path("copy");
    for path in paths {
        let answer = served.get(&format!("/{path}"));
        assert_eq!(answer.status, 200, "{path}");
        std::fs::create_dir_all(copy.join(&path).parent().unwrap()).unwrap();
        std::fs::write(copy.join(&path), answer.body).unwrap();
    }
    // An edge of a moment ago is still there, and one of the future is not.
    assert_eq!(served.get("/tile/entries/002.p/7").status, 200);
    assert_eq!(served.get("/tile/entries/002.p/94").status, 404);
    let verified = program.json("verify copy --fail-on none --json");
    assert_eq!(
        (&verified["size"], &verified["exit_code"]),
        (&605.into(), &0.into())
    );
    // Whoever reads the folder on this host is not kept waiting, though the server has the lock.
    let own = program.json("verify --wait 1s --fail-on none --json");
    assert_eq!((&own["size"], &own["exit_code"]), (&605.into(), &0.into()));
}
