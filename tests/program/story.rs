//! The whole SOP by four people on four accounts: each signs at home with a key of their own, one out of an
//! ssh-agent, and one process that nobody else can touch seals.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use rotation_ledger::time::Timestamp;
use rustix::process::Signal;
use serde_json::Value;

use crate::remote::{Person, is_root, open_folder};
use crate::serve_faults::certificate;
use crate::support::program::{Program, await_file};
use crate::support::served::Served;

/// What happens: who says what, and how many minutes after the step before.
const STORY: &str = include_str!("story.json");
const ROLES: [(&str, &str); 4] = [
    ("sam", "security_owner"),
    ("pia", "platform_owner"),
    ("olga", "operator"),
    ("otto", "operator"),
];
const MINUTE: i64 = 60_000_000;

/// An ssh-agent, ended with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has somebody's key made, and only their agent keep it.
fn agent_of(person: &mut Person) -> Agent {
    let socket = person.home.join("agent");
    let run = |program: &str, words: &[&str]| {
        let mut tool = Command::new(program);
        tool.args(words)
            .current_dir(&person.home)
            .env("SSH_AUTH_SOCK", &socket);
        if let Some(uid) = person.uid {
            tool.uid(uid).gid(4000);
        }
        tool
    };
    let made = run(
        "ssh-keygen",
        &["-q", "-t", "ed25519", "-N", "", "-f", "key"],
    )
    .status();
    assert!(made.unwrap().success());
    let agent = run("ssh-agent", &["-D", "-a", socket.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    await_file(&socket);
    assert!(run("ssh-add", &["-q", "key"]).status().unwrap().success());
    fs::remove_file(person.home.join("key")).unwrap();
    person
        .env
        .push(("SSH_AUTH_SOCK", socket.display().to_string()));
    person.env.push(("LEDGER_KEY", "ssh-agent:".to_owned()));
    Agent(agent)
}

/// A ledger of Alice's, and four people whom she enrols by their public keys alone.
struct Stage {
    program: Program,
    people: BTreeMap<&'static str, Person>,
    _agent: Agent,
}

fn stage(root: &Path, socket: &Path) -> Stage {
    let host = root.join("host");
    fs::create_dir(&host).unwrap();
    let program = Program::at(&host);
    assert_eq!(program.code("key generate --out alice.pem --quiet"), 0);
    let init = "init --origin ledger.example/prod --key alice.pem --actor alice --name Alice";
    assert_eq!(program.code(init), 0);
    let mut people = BTreeMap::new();
    let mut agent = None;
    for (n, (name, role)) in (4001..).zip(ROLES) {
        // The tools of ssh serve nobody whom the system does not know: `daemon` is known everywhere.
        let uid = if name == "sam" { 1 } else { n };
        let mut person = Person::new(root, name, is_root().then_some(uid), socket.to_owned());
        match name {
            "sam" => agent = Some(agent_of(&mut person)),
            _ => {
                person.succeeds("key generate --out my.pem --quiet");
                person.env.push(("LEDGER_KEY", "my.pem".to_owned()));
            }
        }
        let public = person.succeeds("key show");
        fs::write(host.join(name), public).unwrap();
        let words = format!(
            "actor enroll --key alice.pem --actor {name} --name {name} --kind human --role {role} --public {name}"
        );
        assert_eq!(program.code(&words), 0, "{name}");
        people.insert(name, person);
    }
    Stage {
        program,
        people,
        _agent: agent.unwrap(),
    }
}

/// The draft with the times of a story that began at `begin` and has come to `now`.
fn dated(mut draft: Value, begin: i64, now: i64) -> Value {
    let fields = draft.as_object_mut().unwrap();
    fields.insert("occurred_utc".to_owned(), Value::from("now"));
    for value in fields.values_mut() {
        let Some(text) = value.as_str() else { continue };
        let minutes = text
            .strip_prefix("begin")
            .and_then(|rest| rest.strip_suffix('m'));
        let at = match minutes.and_then(|minutes| minutes.parse::<i64>().ok()) {
            Some(minutes) => begin + minutes * MINUTE,
            None if text == "now" => now,
            None => continue,
        };
        *value = Value::from(Timestamp::from_micros(at).to_string());
    }
    draft
}

/// Every step of every chapter, each said by whom it is for.
fn play(people: &BTreeMap<&'static str, Person>) -> usize {
    let today = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let begin = (today - Duration::from_secs(60 * 3_600)).as_micros() as i64;
    let mut now = begin;
    let chapters: Vec<Value> = serde_json::from_str(STORY).unwrap();
    let mut said = 0;
    for step in chapters
        .iter()
        .flat_map(|chapter| chapter["steps"].as_array().unwrap())
    {
        now += step["minutes"].as_i64().unwrap() * MINUTE;
        let person = &people[step["who"].as_str().unwrap()];
        let mut draft = dated(step["draft"].clone(), begin, now);
        if let Some(shown) = step["shown_by"].as_array() {
            let name = shown[0].as_str().unwrap();
            fs::write(person.home.join(name), shown[1].as_str().unwrap()).unwrap();
            fs::set_permissions(person.home.join(name), Permissions::from_mode(0o644)).unwrap();
            draft["attachments"] = Value::from(vec![name]);
        }
        let mut child = person
            .command("append --json -")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(draft.to_string().as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{draft}: {talk}");
        said += 1;
    }
    said
}

/// The checkpoint that an auditor keeps before anything happens.
fn keep(auditor: &Person) {
    let note = auditor.succeeds("checkpoint");
    fs::write(auditor.home.join("before"), note).unwrap();
    fs::set_permissions(auditor.home.join("before"), Permissions::from_mode(0o644)).unwrap();
}

/// What an auditor sees who has nothing but the server and a trust file.
fn audit(stage: &Stage, auditor: &Person, said: usize) {
    let trust = stage.program.output("trust show --wait 0s").stdout;
    fs::write(auditor.home.join("trust"), trust).unwrap();
    fs::set_permissions(auditor.home.join("trust"), Permissions::from_mode(0o644)).unwrap();
    let report = auditor.json("verify --trust trust --anchor before --json");
    let verdicts = report["verdicts"].as_array().unwrap();
    let count = verdicts[0]["counts"][0]["good"].as_u64().unwrap();
    assert_eq!(count as usize, said + 1 + ROLES.len());
    for verdict in verdicts {
        assert_eq!(verdict["status"], "PASS", "{}", report["findings"][0]);
    }
    for (rotation, reason) in [("rot-1", "standard"), ("rot-4", "emergency")] {
        let template = auditor.output(&format!("verify --trust trust --rotation {rotation}"));
        let text = String::from_utf8_lossy(&template.stdout).into_owned();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("- ")).collect();
        assert_eq!(lines.len(), 9, "{reason}: {text}");
        assert!(text.contains("- revoke_confirmed: yes"), "{reason}: {text}");
    }
}

/// That nobody reads what is somebody else's.
fn assert_apart(root: &Path, people: &BTreeMap<&'static str, Person>) {
    if !is_root() {
        return;
    }
    let theirs = [
        "pia/my.pem",
        "olga/my.pem",
        "otto/my.pem",
        "sam/agent",
        "host/state/sealing.pem",
        "host/prod/tail",
    ];
    for (name, person) in people {
        for file in theirs.iter().filter(|file| !file.starts_with(name)) {
            let mut read = Command::new("cat");
            read.arg(root.join(file)).uid(person.uid.unwrap()).gid(4000);
            assert!(
                !read.output().unwrap().status.success(),
                "{name} reads {file}"
            );
        }
    }
}

#[test]
fn four_accounts_rotate_by_the_sop_and_in_an_emergency_over_a_socket() {
    let root = open_folder();
    let socket = root.path().join("l.sock");
    let stage = stage(root.path(), &socket);
    let served = Served::start_at(&stage.program, &socket, "--socket-mode 0666");
    fs::set_permissions(root.path().join("host"), Permissions::from_mode(0o700)).unwrap();
    assert_apart(root.path(), &stage.people);
    let auditor = Person::new(root.path(), "auditor", is_root().then_some(4010), socket);
    keep(&auditor);
    let said = play(&stage.people);
    audit(&stage, &auditor, said);
    assert_eq!(served.stop(Signal::TERM), Some(0));
    assert!(stage.program.is_intact());
}

#[test]
fn four_accounts_rotate_by_the_sop_and_in_an_emergency_over_tls_with_tokens() {
    let root = open_folder();
    let socket = root.path().join("l.sock");
    let mut stage = stage(root.path(), &socket);
    for (name, authority) in [("ca", None), ("server", Some("ca"))] {
        certificate(&stage.program, name, authority);
    }
    let served = Served::start_at(
        &stage.program,
        &socket,
        "--socket-mode 0600 --listen 0.0.0.0:0 --tls-cert server.pem --tls-key server.key",
    );
    let port = served.addresses[1].rsplit(':').next().unwrap();
    let url = format!("https://localhost:{port}");
    let ca = root.path().join("ca.pem");
    fs::copy(stage.program.path("ca.pem"), &ca).unwrap();
    fs::set_permissions(&ca, Permissions::from_mode(0o644)).unwrap();
    let let_in = |person: &mut Person, name: &str, scope: &str| {
        served.issue(name, scope, "1d");
        let token = person.home.join("token");
        fs::copy(stage.program.path(&format!("{name}.token")), &token).unwrap();
        fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
        if let Some(uid) = person.uid {
            chown(&token, Some(uid), Some(4000)).unwrap();
        }
        person.env.push(("LEDGER_PATH", url.clone()));
        person
            .env
            .push(("LEDGER_SERVER_CA", ca.display().to_string()));
        person
            .env
            .push(("LEDGER_TOKEN_FILE", token.display().to_string()));
    };
    for (name, person) in &mut stage.people {
        let_in(person, name, "append");
    }
    let mut auditor = Person::new(
        root.path(),
        "auditor",
        is_root().then_some(4010),
        socket.clone(),
    );
    let_in(&mut auditor, "auditor", "read");
    fs::set_permissions(root.path().join("host"), Permissions::from_mode(0o700)).unwrap();
    assert_apart(root.path(), &stage.people);
    keep(&auditor);
    let said = play(&stage.people);
    // Each token that was issued is an entry too.
    audit(&stage, &auditor, said + ROLES.len() + 1);
    let denied = auditor
        .command("append entry.annotated --entry 0 --note x --key trust")
        .output();
    assert_ne!(denied.unwrap().status.code(), Some(0));
    assert_eq!(served.stop(Signal::TERM), Some(0));
    assert!(stage.program.is_intact());
}
