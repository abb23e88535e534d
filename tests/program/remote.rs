//! A ledger that is served, used by those who have neither its folder nor its sealing key: each signs with a key
//! of their own, and whoever verifies believes nothing that the server says.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;

use crate::serve_faults::certificate;
use crate::support::program::Program;
use crate::support::schema;
use crate::support::served::Served;

/// Somebody with a home of their own, who has the socket and nothing else.
pub(crate) struct Person {
    pub(crate) home: PathBuf,
    socket: PathBuf,
    pub(crate) uid: Option<u32>,
    /// What their environment has besides.
    pub(crate) env: Vec<(&'static str, String)>,
}

impl Person {
    pub(crate) fn new(root: &Path, name: &str, uid: Option<u32>, socket: PathBuf) -> Self {
        let home = root.join(name);
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
        if let Some(uid) = uid {
            chown(&home, Some(uid), Some(4000)).unwrap();
        }
        Self {
            home,
            socket,
            uid,
            env: Vec::new(),
        }
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
        command
            .args(words.split(' '))
            .current_dir(&self.home)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("LEDGER_PATH", format!("unix:{}", self.socket.display()))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(std::process::Stdio::null());
        if let Some(uid) = self.uid {
            command.uid(uid).gid(4000);
        }
        command
    }

    pub(crate) fn output(&self, words: &str) -> Output {
        let output = self.command(words).output().unwrap();
        schema::hold_printed(&output.stdout);
        output
    }

    pub(crate) fn succeeds(&self, words: &str) -> String {
        let output = self.output(words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{words}: {out}{err}");
        out
    }

    pub(crate) fn json(&self, words: &str) -> Value {
        let output = self.output(words);
        let text = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words}: {text}"))
    }
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A folder that everybody may pass through, as a test's own is not.
pub(crate) fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn four_people_take_part_each_with_a_key_that_nobody_else_can_read() {
    let root = open_folder();
    let host = root.path().join("host");
    fs::create_dir(&host).unwrap();
    let program = Program::prepared_in(&host);
    let socket = root.path().join("l.sock");
    let served = Served::start_at(&program, &socket, "--socket-mode 0666");
    // What is kept on the host is nobody's but the host's.
    fs::set_permissions(&host, Permissions::from_mode(0o700)).unwrap();
    let uid = |n: u32| is_root().then_some(4000 + n);
    let person = |name: &str, n: u32| Person::new(root.path(), name, uid(n), socket.clone());
    let people = [
        ("ann", 1, "security_owner"),
        ("ben", 2, "operator"),
        ("cat", 3, "operator"),
    ];
    let alice = person("alice", 0);
    fs::copy(host.join("alice.pem"), alice.home.join("alice.pem")).unwrap();
    if let Some(uid) = alice.uid {
        chown(alice.home.join("alice.pem"), Some(uid), None).unwrap();
    }
    let mut others = Vec::new();
    for (name, n, role) in people {
        let one = person(name, n);
        one.succeeds("key generate --out my.pem --quiet");
        fs::copy(
            one.home.join("my.pem.pub"),
            alice.home.join(format!("{name}.pub")),
        )
        .unwrap();
        fs::set_permissions(
            alice.home.join(format!("{name}.pub")),
            Permissions::from_mode(0o644),
        )
        .unwrap();
        alice.succeeds(&format!(
            "actor enroll --key alice.pem --actor {name} --name {name} --kind human --role {role} --public {name}.pub"
        ));
        others.push(one);
    }
    let [ann, ben, cat] = &others[..] else {
        panic!()
    };
    if is_root() {
        // Nobody reads another's key, and nobody the sealing key.
        for file in ["ben/my.pem", "host/state/sealing.pem", "host/prod/tail"] {
            let read = Command::new("cat")
                .arg(root.path().join(file))
                .uid(4003)
                .gid(4000)
                .output();
            assert!(!read.unwrap().status.success(), "{file}");
        }
    }
    ann.succeeds("append rotation.approved --key my.pem --rotation r-1 --no-window none");
    ben.succeeds("append incident.declared --key my.pem --incident i-1 --secret db/orders --trigger suspected_compromise --detected 2026-11-01T00:00:00Z --summary seen");
    let receipt = cat.succeeds(
        "append entry.annotated --key my.pem --entry 0 --note hello --receipt hello.proof",
    );
    assert!(receipt.contains("entry 10  entry.annotated"), "{receipt}");
    // Who is not in the role is refused, and nothing is recorded.
    let denied =
        ben.output("append rotation.approved --key my.pem --rotation r-1 --no-window none");
    assert_eq!(denied.status.code(), Some(5), "{denied:?}");
    // Whoever reads has a copy, and the documents are those of the host.
    assert_eq!(
        cat.json("log --json")["entries"].as_array().unwrap().len(),
        11
    );
    for words in ["status --json", "secret list --json", "actor list --json"] {
        assert!(cat.json(words).is_object(), "{words}");
    }
    let trust = program.output("trust show --wait 0s").stdout;
    fs::write(cat.home.join("trust"), trust).unwrap();
    fs::set_permissions(cat.home.join("trust"), Permissions::from_mode(0o644)).unwrap();
    let report = cat.json("verify --trust trust --json --fail-on none");
    assert_eq!(report["exit_code"], 0, "{report}");
    let said =
        cat.output("append entry.annotated --key my.pem --entry 1 --note again --trust trust");
    let said =
        String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(
        said.contains("receipts were checked against trust"),
        "{said}"
    );
    assert_eq!(served.stop(Signal::TERM), Some(0));
    fs::set_permissions(&host, Permissions::from_mode(0o755)).unwrap();
    assert!(program.is_intact());
    // Without the server, the same is said again safely: nothing is known, and the id is.
    let lost = ben.output("append entry.annotated --key my.pem --entry 1 --note lost");
    assert_eq!(lost.status.code(), Some(6), "{lost:?}");
}

#[test]
fn a_copy_grows_with_the_server_and_never_shrinks() {
    let program = Program::prepared();
    let served = Served::start(&program, "");
    let reader = Person::new(program.root(), "reader", None, program.path("ledger.sock"));
    let entries = || {
        reader.json("log --json")["entries"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(entries(), 5);
    for n in 0..300 {
        served.post(&served.signed(&crate::support::program::draft(n)));
    }
    assert_eq!(entries(), 305);
    let report = reader.json("verify --json --fail-on none");
    assert_eq!(report["exit_code"], 0, "{report}");
    drop(served);
    // Another server behind the same socket, of a ledger that is set back.
    let other = Program::prepared();
    let socket = program.path("ledger.sock");
    let _ = fs::remove_file(&socket);
    let served = Served::start_at(&other, &socket, "");
    let set_back = reader.output("log --json");
    let said = String::from_utf8_lossy(&set_back.stderr).into_owned();
    assert_eq!(set_back.status.code(), Some(4), "{said}");
    assert!(said.contains("stated 305 before"), "{said}");
    drop(served);
    let gone = reader.output("log --json");
    assert_eq!(gone.status.code(), Some(6));
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(
        said.contains(&format!("unix:{}: ", socket.display())),
        "{said}"
    );
}

#[test]
fn over_tls_a_server_and_its_clients_know_each_other_by_certificates() {
    let program = Program::prepared();
    for (name, authority) in [("ca", None), ("server", Some("ca")), ("client", Some("ca"))] {
        certificate(&program, name, authority);
    }
    let served = Served::start(
        &program,
        "--listen 0.0.0.0:0 --tls-cert server.pem --tls-key server.key --client-ca ca.pem",
    );
    let read = |name: &str| fs::read_to_string(program.path(name)).unwrap();
    fs::write(
        program.path("me.pem"),
        read("client.pem") + &read("client.key"),
    )
    .unwrap();
    let port = served.addresses[1].rsplit(':').next().unwrap().to_owned();
    let ask = |words: &str| {
        let mut command = program.ledger(words);
        command
            .env("LEDGER_PATH", format!("https://localhost:{port}"))
            .env("XDG_CACHE_HOME", program.path("cache"));
        command.output().unwrap()
    };
    let known = "--server-ca ca.pem --client-identity me.pem";
    let said = format!("append entry.annotated --key olga.pem --entry 0 --note tls {known}");
    let output = ask(&said);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = ask(&format!("verify --json --fail-on none {known}"));
    assert_eq!(report.status.code(), Some(0), "{report:?}");
    // Neither is taken at its word: not the client without a certificate, not the server by the web's authorities.
    assert_eq!(ask("log --server-ca ca.pem").status.code(), Some(5));
    assert_eq!(ask("log --client-identity me.pem").status.code(), Some(6));
    let nobody = ask("log --server-ca olga.pem.pub");
    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
    drop(served);
    assert_eq!(program.events().len(), 6);
}

#[test]
fn over_tls_tools_and_auditors_come_with_tokens_and_are_let_go_one_by_one() {
    let program = Program::prepared();
    for (name, authority) in [("ca", None), ("server", Some("ca"))] {
        certificate(&program, name, authority);
    }
    let served = Served::start(
        &program,
        "--listen 0.0.0.0:0 --tls-cert server.pem --tls-key server.key",
    );
    let port = served.addresses[1].rsplit(':').next().unwrap().to_owned();
    let ask = |words: &str, token: &str| {
        let mut command = program.ledger(words);
        command
            .env("LEDGER_PATH", format!("https://localhost:{port}"))
            .env("LEDGER_SERVER_CA", "ca.pem")
            .env("LEDGER_TOKEN_FILE", format!("{token}.token"))
            .env("XDG_CACHE_HOME", program.path("cache"));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    served.issue("robot", "append", "30d");
    served.issue("auditor", "read", "30d");
    let trust = program.output("trust show --wait 0s").stdout;
    fs::write(program.path("trust"), trust).unwrap();
    let generated = "append replacement.generated --key olga.pem --rotation r-1 --new-version v42 --generator openssl-rand --store vault:kv/prod/orders --namespace prod --trust trust";
    let (code, said) = ask(generated, "robot");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("receipts were checked against trust"),
        "{said}"
    );
    let (code, said) = ask(generated, "auditor");
    assert_eq!(code, Some(5), "{said}");
    let verify = "verify --trust trust --fail-on none";
    let (code, said) = ask(verify, "auditor");
    assert_eq!(code, Some(0), "{said}");
    // Who administers needs a token like everybody else, and takes another's away over the same way.
    let (code, said) = ask(
        "token revoke robot --key alice.pem --reason replaced",
        "robot",
    );
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ask(generated, "robot");
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("revoked-token"), "{said}");
    let (code, said) = ask("token list", "auditor");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("revoked by entry 8"), "{said}");
    assert_eq!(served.stop(Signal::TERM), Some(0));
    assert_eq!(
        program.events()[5..],
        [
            "token.issued",
            "token.issued",
            "replacement.generated",
            "token.revoked"
        ]
    );
    assert!(program.is_intact());
}
