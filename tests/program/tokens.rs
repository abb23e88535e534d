//! Transport tokens: who may talk to a server over TCP, from their issue to their end.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::support::program::Program;
use crate::support::program::draft;
use crate::support::served::Served;
use crate::support::served::answer;

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

#[test]
fn over_tcp_a_request_needs_a_token_that_is_good_for_it() {
    let program = Program::prepared();
    let served = Served::start(&program, "--listen 127.0.0.1:0");
    let reader = served.issue("reader", "read", "1d");
    let writer = served.issue("writer", "append", "1d");
    let brief = served.issue("brief", "read", "1s");
    let refused = |head: &str, token: Option<&str>, status: u16, code: &str| {
        let answer = served.ask(head, token, b"");
        assert_eq!((answer.status, &*answer.code()), (status, code), "{head}");
        let challenge = answer.head.contains("www-authenticate: Bearer");
        assert_eq!(challenge, status == 401, "{}", answer.head);
    };
    for path in [
        "/v1/status",
        "/checkpoint",
        "/metrics",
        "/openapi.json",
        "/nowhere",
    ] {
        refused(&format!("GET {path}"), None, 401, "no-token");
    }
    let unknown = format!("ledger_token_{}", "0a".repeat(32));
    refused("GET /v1/status", Some(&unknown), 401, "unknown-token");
    refused(
        "GET /v1/status",
        Some(&reader[..reader.len() - 1]),
        401,
        "unknown-token",
    );
    refused("POST /v1/statements", Some(&reader), 403, "wrong-scope");
    refused("PUT /v1/attachments/00", Some(&reader), 403, "wrong-scope");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(served.ask(&format!("GET {path}"), None, b"").status, 200);
    }
    // Open as well, and not in a program that was built without it.
    let page = served.ask("GET /auditor", None, b"");
    assert_eq!((page.status, &*page.code()), (404, "no-auditor-page"));
    let statement = served.signed(&draft(1));
    for token in [&reader, &writer] {
        assert_eq!(served.ask("GET /v1/status", Some(token), b"").status, 200);
    }
    assert_eq!(
        served.ask("POST /v1/statements", None, &statement).status,
        401
    );
    let recorded = served.ask("POST /v1/statements", Some(&writer), &statement);
    assert_eq!(recorded.status, 201);
    // A token says who may talk, and nothing about who may append.
    let denied = r#"{"event":"rotation.approved","rotation":"r-1","no_window":"none"}"#;
    let denied = served.ask("POST /v1/statements", Some(&writer), &served.signed(denied));
    assert_eq!((denied.status, &*denied.code()), (403, "denied"));
    // On the socket its file decides, whatever is sent besides.
    let mut stream = served.connect();
    let head = format!(
        "GET /v1/status HTTP/1.1\r\nHost: l\r\nConnection: close\r\nAuthorization: Bearer {unknown}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).unwrap().status, 200);
    let listed = program.json("token list --json");
    let live: Vec<_> = listed["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| &token["live"])
        .collect();
    assert_eq!(live.len(), 3, "{listed}");
    let revoked = served.alice("token revoke writer");
    assert!(revoked.status.success(), "{revoked:?}");
    refused("GET /v1/status", Some(&writer), 401, "revoked-token");
    std::thread::sleep(Duration::from_millis(1_100));
    refused("GET /v1/status", Some(&brief), 401, "expired-token");
    assert_eq!(
        program.json("token list --json")["tokens"][2]["live"],
        false
    );
    drop(served);
    let log = fs::read_to_string(program.path("serve.log")).unwrap();
    let lines = || {
        log.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    };
    assert!(lines().any(|line| line["token"] == "writer" && line["event"] == "step.failed"));
    assert!(lines().any(|line| line["code"] == "expired-token" && line["cause"] == "token brief"));
    for token in [&reader, &writer, &brief, &unknown] {
        assert!(!log.contains(&token["ledger_token_".len()..]));
    }
    // Whoever tries tokens is held to the same number of requests as anybody.
    let served = Served::start(&program, "--listen 127.0.0.1:0 --rate 5");
    let mut tries = (0..50).map(|_| served.ask("GET /v1/status", Some(&unknown), b"").status);
    assert!(tries.any(|status| status == 429));
    drop(served);
    assert!(program.is_intact());
}

#[test]
fn a_client_keeps_its_token_like_a_key_and_sends_it_nowhere_else() {
    let program = Program::prepared();
    let served = Served::start(&program, "--listen 127.0.0.1:0");
    let token = served.issue("reader", "read", "1d");
    let unknown = format!("ledger_token_{}", "0a".repeat(32));
    let url = format!("http://{}", served.addresses[1]);
    let ask = |words: &str, url: &str, token: &str| {
        let mut command = program.ledger(words);
        command.env("LEDGER_PATH", url).env("LEDGER_TOKEN", token);
        let cache = program.path("cache");
        command.env("XDG_CACHE_HOME", cache).output().unwrap()
    };
    let expect = |words: &str, url: &str, token: &str, code: i32, said: &str| {
        let output = ask(words, url, token);
        assert_eq!(output.status.code(), Some(code), "{words}: {output:?}");
        assert!(text(&output).contains(said), "{words}: {output:?}");
        assert!(token.is_empty() || !text(&output).contains(&token[20..]));
    };
    expect("status", &url, &token, 0, "r-1");
    expect("status --token-file reader.token", &url, &unknown, 0, "r-1");
    expect("status", &url, "", 5, "does not talk to you (no-token)");
    expect("status", &url, &unknown, 5, "ledger token issue");
    let say = "append entry.annotated --key olga.pem --entry 0 --note x";
    expect(say, &url, &token, 5, "`reader` is for read");
    expect(
        "status",
        &url,
        "hunter2 hunter2 hunter2",
        2,
        "LEDGER_TOKEN holds no token",
    );
    expect(
        "status --token-file none",
        &url,
        "",
        2,
        "there is no token file",
    );
    // What is a key is sent to nobody.
    expect(
        "status --token-file alice.pem",
        &url,
        "",
        2,
        "`alice.pem` holds no token",
    );
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(program.path("reader.token"), open).unwrap();
    expect(
        "status --token-file reader.token",
        &url,
        "",
        2,
        "has mode 0644",
    );
    expect("status", "http://ledger.invalid", &token, 2, "over TLS");
    // Nor is it taken along to where somebody is sent.
    let (first, second) = (
        TcpListener::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    second.set_nonblocking(true).unwrap();
    let (from, to) = (first.local_addr().unwrap(), second.local_addr().unwrap());
    let sending = std::thread::spawn(move || {
        let (mut stream, _) = first.accept().unwrap();
        let mut head = [0; 4096];
        let length = stream.read(&mut head).unwrap();
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{to}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let redirected = ask("status", &format!("http://{from}"), &token);
    assert_ne!(redirected.status.code(), Some(0), "{redirected:?}");
    assert!(sending.join().unwrap().contains(&token));
    assert!(second.accept().is_err());
}

#[test]
fn a_token_that_is_not_recorded_leaves_nothing_and_one_that_may_be_is_said_again() {
    let program = Program::prepared();
    let issue = "token issue ci --scope append --expires 90d --key alice.pem --out ci.token";
    // Nobody but a Security Owner may.
    assert_eq!(program.code(&issue.replace("alice", "olga")), 5);
    assert!(!program.path("ci.token").exists());
    let id = "01a22041-5871-7b3b-9ae3-b5220feb5e8f";
    let exactly = format!("{issue} --event-id {id} --occurred 2026-11-20T09:00:00Z");
    assert_eq!(program.code(&exactly), 0);
    let mode = fs::metadata(program.path("ci.token"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = fs::read_to_string(program.path("ci.token")).unwrap();
    let again = program.output(&exactly);
    assert!(text(&again).contains("was recorded before"), "{again:?}");
    assert_eq!(fs::read_to_string(program.path("ci.token")).unwrap(), token);
    // Neither its file nor its name is given to another one.
    assert_eq!(program.code(issue), 2);
    let taken = issue.replace("ci.token", "other.token");
    let taken = program.output(&taken);
    assert_eq!(taken.status.code(), Some(5));
    assert!(text(&taken).contains("revoke that first"), "{taken:?}");
    assert!(!program.path("other.token").exists());
    for (words, code) in [
        (
            "token issue x --scope read --expires 2020-01-01T00:00:00Z --key alice.pem",
            2,
        ),
        (
            "token issue x --scope read --expires soon --key alice.pem",
            2,
        ),
        (
            "token issue x --scope write --expires 1d --key alice.pem",
            2,
        ),
        (
            "token issue x --scope read --expires 1d --key alice.pem --json",
            2,
        ),
        (
            "token issue x --scope read --expires 1d --key alice.pem --out prod/x",
            2,
        ),
        ("token revoke x --key alice.pem", 5),
        ("token revoke ci --key olga.pem", 5),
        ("token revoke ci --key alice.pem", 0),
    ] {
        assert_eq!(program.code(words), code, "{words}");
    }
    let printed = program.output("token issue ci --scope read --expires 1d --key alice.pem");
    assert!(printed.stdout.starts_with(b"ledger_token_"), "{printed:?}");
    // What looks like one is recorded nowhere else.
    let said = format!(
        "append entry.annotated --key olga.pem --entry 0 --note {}",
        token.trim()
    );
    let refused = program.output(&said);
    assert_eq!(refused.status.code(), Some(5));
    assert!(!text(&refused).contains(token.trim()), "{refused:?}");
    assert!(
        !fs::read(program.path("prod/tail"))
            .unwrap()
            .windows(40)
            .any(|w| w == &token.as_bytes()[..40])
    );
    assert!(program.is_intact());
}
