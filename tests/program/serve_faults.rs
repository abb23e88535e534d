//! `ledger serve` among clients that are slow, silent, many or killed, and killed itself.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::Signal;
use rustix::process::prlimit;
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

/// A client that sends one statement after the other, each until it has a receipt, however often the
/// server is gone meanwhile.
struct Persistent {
    number: usize,
    made: usize,
    /// Sent at least once, and not answered.
    pending: Option<Vec<u8>>,
    /// The last one that was answered, as it was sent.
    answered: Option<Vec<u8>>,
    receipts: Vec<(u64, String)>,
}

impl Persistent {
    const fn new(number: usize) -> Self {
        Self {
            number,
            made: 0,
            pending: None,
            answered: None,
            receipts: Vec::new(),
        }
    }

    /// Sends the one that is due, if it is answered. False when the server is gone.
    fn send(&mut self, served: &Served<'_>) -> bool {
        let statement = self.pending.take().unwrap_or_else(|| {
            self.made += 1;
            served.signed(&draft(self.number * 1_000_000 + self.made))
        });
        match served.try_post("application/json", &statement) {
            Some(answer) if matches!(answer.status, 200 | 201) => {
                self.receipts.push(receipt(&answer.json()).unwrap());
                self.answered = Some(statement);
                true
            }
            other => {
                self.pending = Some(statement);
                other.is_some()
            }
        }
    }

    /// Insists that the last one that was answered is answered with the same receipt by the next server,
    /// where that lives long enough to answer.
    fn ask_again(&self, served: &Served<'_>) {
        let Some(statement) = &self.answered else {
            return;
        };
        if let Some(again) = served.try_post("application/json", statement) {
            let found = (again.status, receipt(&again.json()));
            assert_eq!(found, (200, self.receipts.last().cloned()));
        }
    }
}

/// Sixteen clients through as many servers as there are `signals`, each ended by its signal at work.
fn through_servers(signals: impl Iterator<Item = Signal>) {
    let program = Program::prepared();
    let mut clients: Vec<_> = (0..16).map(Persistent::new).collect();
    for (round, how) in signals.enumerate() {
        let mut served = Served::start(&program, "--rate 0");
        let answered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for client in &mut clients {
                let (served, answered) = (&served, &answered);
                scope.spawn(move || {
                    client.ask_again(served);
                    while client.send(served) {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            // However slow the machine: it is at work when it ends.
            let begun = Instant::now();
            while answered.load(Ordering::Relaxed) == 0 {
                assert!(begun.elapsed() < Duration::from_secs(20), "round {round}");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(50 + 37 * (round as u64 % 7)));
            signal(&served.child, how);
        });
        let ended = served.child.wait().unwrap();
        assert_eq!(ended.code(), (how == Signal::TERM).then_some(0));
    }
    let served = Served::start(&program, "--rate 0");
    for client in &mut clients {
        while client.pending.is_some() {
            client.send(&served);
        }
    }
    assert_eq!(served.stop(Signal::TERM), Some(0));
    let receipts: Vec<_> = clients
        .into_iter()
        .flat_map(|client| client.receipts)
        .collect();
    program.assert_all_there(&receipts, "after all servers");
    // As many entries as receipts: none was recorded twice, and each has its own.
    assert_eq!(program.events().len(), 5 + receipts.len());
    let places: std::collections::BTreeSet<_> = receipts.iter().map(|(place, _)| place).collect();
    assert_eq!(places.len(), receipts.len());
    assert!(program.is_intact());
}

/// `LEDGER_TEST_SERVER_KILLS` sets the rounds; the checks before a landing take fifty.
#[test]
fn through_kill_9_each_statement_that_is_sent_again_has_one_entry_and_one_receipt() {
    let asked = std::env::var("LEDGER_TEST_SERVER_KILLS");
    let rounds: usize = asked.map_or(4, |rounds| rounds.parse().unwrap());
    // A new ledger now and then: each server reads the whole of it when it begins.
    for begun in (0..rounds).step_by(10) {
        through_servers(std::iter::repeat_n(Signal::KILL, 10.min(rounds - begun)));
    }
}

#[test]
fn through_sigterm_each_statement_that_is_sent_again_has_one_entry_and_one_receipt() {
    through_servers(std::iter::repeat_n(Signal::TERM, 3));
}

/// Sets how long the files of the server may become: the full disk that every machine has.
fn limit(served: &Served<'_>, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(served.child.id()).unwrap());
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

#[test]
fn a_disk_that_refuses_is_answered_with_503_and_what_is_sent_again_is_recorded() {
    let program = Program::prepared();
    let served = Served::start(&program, "--rate 0");
    let text = r#"{"event":"evidence.attached","rotation":"r-1","description":"how it went"}"#;
    let file = (
        rotation_ledger::text::Line::new("run.log").unwrap(),
        rotation_ledger::text::Id::new("text/plain").unwrap(),
        b"how it went\n".repeat(100_000),
    );
    let draft_of_it = rotation_ledger::Draft::from_json(text).unwrap();
    let world = rotation_ledger::World::system();
    let attached = draft_of_it.sign(served.ledger, &served.key(), &world, vec![file], &[]);
    let attached = attached.unwrap();
    let digest = rotation_ledger::hash::Blake3Digest::of(&attached.files[0]);
    let put = || served.try_send(&format!("PUT /v1/attachments/{digest}"), &attached.files[0]);
    let statement = rotation_ledger::spool::encode(&attached);
    // Longer than any other file, and shorter than the attachment.
    limit(&served, Some(1 << 20));
    for answer in [put().unwrap(), served.post(&statement)] {
        let found = (answer.status, answer.code());
        assert_eq!(found, (503, "disk-refused".to_owned()));
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    }
    let uploads = std::fs::read_dir(program.path("state/uploads")).unwrap();
    assert_eq!(uploads.count(), 0);
    assert_eq!(served.post(&served.signed(&draft(1))).status, 201);
    assert!(program.is_intact());
    limit(&served, None);
    assert_eq!(put().unwrap().status, 201);
    assert_eq!(served.post(&statement).status, 201);
    assert_eq!(served.post(&statement).status, 200);
    assert_eq!(served.stop(Signal::TERM), Some(0));
    assert_eq!(program.events().len(), 5 + 2);
    assert!(program.is_intact());
}

#[test]
fn a_second_server_is_told_who_serves() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let refused = program.output("serve --listen unix:other.sock --wait 0s");
    assert_eq!(refused.status.code(), Some(6));
    let said = String::from_utf8(refused.stderr).unwrap();
    let holder = format!("held by pid {}, ledger serve, since ", served.child.id());
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
