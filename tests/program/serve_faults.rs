//! `ledger serve` among clients that are slow, silent, many or killed, and killed itself.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::program::Program;
use crate::support::program::draft;
use crate::support::program::receipt;
use crate::support::program::signal;
use crate::support::served::Served;
use crate::support::served::answer;

#[test]
fn clients_that_are_silent_slow_or_wrong_cost_only_themselves() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let silent: Vec<_> = (0..600).map(|_| served.connect()).collect();
    let mut half_head = served.connect();
    half_head
        .write_all(b"POST /v1/statements HTTP/1.1\r\nHost:")
        .unwrap();
    let mut half_body = served.connect();
    half_body
        .write_all(b"POST /v1/statements HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{")
        .unwrap();
    let begun = Instant::now();
    for n in 0..20 {
        assert_eq!(served.post(&served.signed(&draft(n))).status, 201);
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    for (request, status) in [
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        (
            "GET http://other/v1/status HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n",
            "200",
        ),
        ("rubbish\r\n\r\n", "400"),
        (
            "POST /v1/statements HTTP/1.1\r\nHost: l\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "400",
        ),
        (
            "POST /v1/statements HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: gzip\r\n\r\n",
            "400",
        ),
    ] {
        let mut stream = served.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let found = answer(&mut stream);
        let found = found.unwrap_or_else(|| panic!("no answer to {request}"));
        assert_eq!(found.head[9..12], *status, "{request}");
    }
    let mut long = served.connect();
    let _ = long.write_all(
        format!(
            "GET / HTTP/1.1\r\nHost: l\r\nX: {}\r\n\r\n",
            "x".repeat(1 << 20)
        )
        .as_bytes(),
    );
    assert_eq!(answer(&mut long).unwrap().status, 431);
    // Nor do they keep it from stopping.
    let begun = Instant::now();
    assert_eq!(served.stop(Signal::TERM), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(12));
    drop((silent, half_head, half_body));
}

#[test]
fn many_clients_share_commits() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let statements: Vec<Vec<_>> = (0..64)
        .map(|client| {
            (0..8)
                .map(|n| served.signed(&draft(client * 8 + n)))
                .collect()
        })
        .collect();
    std::thread::scope(|scope| {
        for own in &statements {
            let served = &served;
            scope.spawn(move || {
                for statement in own {
                    let answer = served.post(statement);
                    assert_eq!(answer.status, 201, "{}", answer.json());
                }
            });
        }
    });
    let entries = served.number("ledger_commit_entries_sum");
    let commits = served.number("ledger_commit_entries_count");
    assert_eq!(entries, 512.0);
    assert!(commits < 256.0, "{commits} commits for {entries} entries");
    assert_eq!(served.stop(Signal::TERM), Some(0));
    assert!(program.is_intact());
}

/// Posts from 16 clients until the server is gone. Returns what has a receipt.
fn load(served: &Served<'_>, round: usize) -> Vec<(u64, String)> {
    let receipts = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for client in 0..16 {
            let receipts = &receipts;
            scope.spawn(move || {
                for n in 0.. {
                    let draft = draft(round * 1_000_000 + client * 10_000 + n);
                    let Some(answer) = served.try_post("application/json", &served.signed(&draft))
                    else {
                        return;
                    };
                    if answer.status == 201 {
                        let given = receipt(&answer.json()).unwrap();
                        receipts.lock().unwrap().push(given);
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(150 + 40 * round as u64));
        let how = if round.is_multiple_of(2) {
            Signal::KILL
        } else {
            Signal::TERM
        };
        signal(&served.child, how);
    });
    receipts.into_inner().unwrap()
}

#[test]
fn nothing_with_a_receipt_is_lost_by_kill_9_or_sigterm() {
    let program = Program::prepared();
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        let mut served = Served::start(&program, "");
        let receipts = load(&served, round);
        let ended = served.child.wait().unwrap();
        assert_eq!(ended.code(), (round % 2 == 1).then_some(0), "round {round}");
        assert!(!receipts.is_empty(), "round {round}");
        acknowledged.extend(receipts);
        drop(served);
        program.assert_all_there(&acknowledged, &format!("round {round}"));
        assert!(program.is_intact(), "round {round}");
    }
}

#[test]
fn a_second_server_is_told_who_serves() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let refused = program.output("serve --listen unix:other.sock --wait 0s");
    assert_eq!(refused.status.code(), Some(6));
    let said = String::from_utf8(refused.stderr).unwrap();
    let holder = format!("held by pid {}", served.child.id());
    assert!(said.contains(&holder), "{said}");
    assert!(!program.path("other.sock").exists());
}

#[test]
fn what_cannot_be_served_safely_is_refused_before_anything_is_opened() {
    let program = Program::prepared();
    for (words, said) in [
        ("serve", "listen nowhere"),
        ("serve --listen 0.0.0.0:0", "without TLS"),
        ("serve --listen here", "unix:PATH"),
        ("serve --listen 127.0.0.1:0 --tls-cert c", "--tls-key"),
        (
            "serve --listen 127.0.0.1:0 --tls-cert no --tls-key no",
            "no:",
        ),
        ("serve --listen unix:s --socket-mode 999", "octal"),
    ] {
        let refused = program.output(words);
        let text = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{words}: {text}");
        assert!(text.contains(said), "{words}: {text}");
    }
}

#[test]
fn systemd_hands_over_a_socket_and_hears_that_it_is_served() {
    let program = Program::prepared();
    let handed = UnixListener::bind(program.path("handed.sock")).unwrap();
    let notices = UnixDatagram::bind(program.path("notices.sock")).unwrap();
    notices
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // As systemd does it: the socket is descriptor 3, and the process is told that it is meant.
    let script = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$LEDGER\" serve";
    let mut child = Command::new("sh")
        .current_dir(program.root())
        .args(["-c", script])
        .env("LEDGER", env!("CARGO_BIN_EXE_ledger"))
        .envs([("LEDGER_PATH", "prod"), ("LEDGER_STATE", "state")])
        .env("NOTIFY_SOCKET", program.path("notices.sock"))
        .stdin(OwnedFd::from(handed))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let hear = || {
        let mut bytes = [0; 256];
        let length = notices.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert!(hear().contains("READY=1"));
    let mut stream = UnixStream::connect(program.path("handed.sock")).unwrap();
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert_eq!(answer(&mut stream).unwrap().status, 200);
    signal(&child, Signal::TERM);
    assert!(hear().contains("STOPPING=1"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_client_makes_so_many_requests_and_each_has_its_line() {
    let program = Program::prepared();
    let served = Served::start(&program, "--rate 20");
    assert_eq!(served.get("/readyz").status, 200);
    let statement = served.signed(&draft(7));
    assert_eq!(served.post(&statement).status, 201);
    let answers: Vec<_> = (0..100)
        .map(|_| served.get("/v1/status?q=hunter2"))
        .collect();
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.code(), "too-many-requests");
    assert!(refused.head.contains("retry-after: 1"));
    assert_eq!(served.stop(Signal::TERM), Some(0));
    let log = std::fs::read_to_string(program.path("serve.log")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let posted = lines.iter().find(|line| line["method"] == "POST").unwrap();
    assert_eq!(posted["actor"], "olga", "{posted}");
    assert_eq!(posted["event"], "step.failed", "{posted}");
    assert!(posted["peer"].as_str().unwrap().starts_with("uid "));
    let codes = |line: &&Value| line["code"] == "too-many-requests";
    assert!(lines.iter().any(|line| codes(&line)));
    let secret = String::from_utf8(statement).unwrap();
    assert!(!log.contains("hunter2") && !log.contains(&secret[60..120]));
}

/// A certificate for localhost by an authority, made by openssl: `NAME.pem` and `NAME.key`.
pub(crate) fn certificate(program: &Program, name: &str, authority: Option<&str>) {
    let mut words = format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
    );
    match authority {
        None => words.push_str(" -addext basicConstraints=critical,CA:TRUE"),
        Some(authority) => words.push_str(&format!(
            " -CA {authority}.pem -CAkey {authority}.key -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        )),
    }
    let made = Command::new("openssl")
        .current_dir(program.root())
        .args(words.split(' '))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}");
}

#[test]
fn over_tls_whoever_has_a_certificate_may_talk_and_certificates_are_read_again() {
    let program = Program::prepared();
    certificate(&program, "ca", None);
    certificate(&program, "server", Some("ca"));
    certificate(&program, "client", Some("ca"));
    let served = Served::start(
        &program,
        "--listen 0.0.0.0:0 --tls-cert server.pem --tls-key server.key --client-ca ca.pem",
    );
    let port = served.addresses[1].rsplit(':').next().unwrap();
    let url = format!("https://localhost:{port}/v1/status");
    let ask = |words: &str| {
        let asked = Command::new("curl")
            .current_dir(program.root())
            .args(["-s", "--cacert", "ca.pem"])
            .args(words.split_whitespace())
            .arg(&url)
            .output()
            .unwrap();
        asked.status.success()
            && asked
                .stdout
                .starts_with(b"{\"schema\":\"rotation-ledger/status/1\"")
    };
    assert!(ask("--cert client.pem --key client.key"));
    assert!(!ask(""), "nobody talks without a certificate or a token");
    let token = served.issue("ci", "read", "1d");
    assert!(ask(&format!("--oauth2-bearer {token}")));
    let subject = || {
        let shown = Command::new("sh")
            .current_dir(program.root())
            .args(["-c", &format!("openssl s_client -connect localhost:{port} -cert client.pem -key client.key < /dev/null 2>/dev/null | openssl x509 -noout -serial")])
            .output()
            .unwrap();
        String::from_utf8(shown.stdout).unwrap()
    };
    let first = subject();
    assert!(first.starts_with("serial="), "{first}");
    certificate(&program, "server", Some("ca"));
    signal(&served.child, Signal::HUP);
    let begun = Instant::now();
    while subject() == first {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::write(program.path("server.pem"), "rubbish").unwrap();
    signal(&served.child, Signal::HUP);
    std::thread::sleep(Duration::from_millis(200));
    assert!(ask("--cert client.pem --key client.key"));
    assert_eq!(served.stop(Signal::INT), Some(0));
}
