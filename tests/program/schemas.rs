//! Each document that a program is told follows its schema in `docs/schema`, each schema is of a document that
//! there is, and none is looser than it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::authority::{Authority, P256};
use crate::support::program::Program;
use crate::support::program::first_line;
use crate::support::schema::{self, SCHEMAS};
use crate::support::served::Served;

/// Names under which nothing but an error is ever printed.
const ONLY_ERRORS: &[&str] = &["append"];

/// Members that are not always there.
const SOMETIMES: &[(&str, &str)] = &[
    ("attachment", "length"),
    ("dry-run", "line"),
    ("due", "exit_code"),
    ("error", "again"),
    ("log", "next"),
    ("receipt", "line"),
    ("receipt", "proof"),
    ("receipt", "status"),
    ("status", "clock_doubt"),
    ("status", "gauges"),
    ("status", "spool"),
    ("verify-report", "templates"),
];

/// The same below the members of a document.
const SOMETIMES_BELOW: &[(&str, &str)] = &[
    ("delivered", "proof"),
    ("entries", "not_after"),
    ("findings", "evidence"),
    ("receipt", "proof"),
    ("receipts", "proof"),
];

/// Members whose own members are somebody else's: an event's, a draft's.
const OPEN: &[&str] = &["fields", "says", "draft", "files"];

/// What was said so far, by the name of the document.
#[derive(Default)]
struct Said(BTreeMap<String, Vec<Value>>);

impl Said {
    /// Takes the documents of some text, which follow their schemas.
    fn take(&mut self, text: &[u8]) -> usize {
        let documents = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
        let documents = documents.map_while(Result::ok).filter(Value::is_object);
        let mut taken = 0;
        for document in documents.filter(|document| document["schema"].is_string()) {
            schema::hold(&document);
            let name = schema::name(&document).to_owned();
            self.0.entry(name).or_default().push(document);
            taken += 1;
        }
        taken
    }

    fn take_file(&mut self, path: &Path) {
        let text = std::fs::read(path).unwrap();
        assert_eq!(self.take(&text), 1, "{}", path.display());
    }

    /// Runs commands that each print a document.
    fn run(&mut self, program: &Program, commands: &[&str]) {
        for words in commands {
            let output = program.output(&format!("{words} --json"));
            let printed = self.take(&output.stdout);
            assert!(printed > 0, "{words}: {output:?}");
        }
    }
}

fn keep(program: &Program, words: &str, name: &str) {
    std::fs::write(program.path(name), program.output(words).stdout).unwrap();
}

/// What a ledger in a folder answers.
fn at_a_folder(said: &mut Said) {
    let program = Program::prepared();
    let failed = "append step.failed --key olga.pem --rotation r-1 --step generate --error x";
    let elsewhere = "--ledger gone --spool-on-failure";
    for part in ["prod", "state"] {
        let copied = Command::new("cp")
            .args(["-r", part, &format!("old-{part}")])
            .current_dir(program.root())
            .status();
        assert!(copied.unwrap().success());
    }
    said.run(&program, &[
        "key generate --out k.pem",
        "key show --key k.pem",
        "init --origin a.example/b --key alice.pem --actor alice --name Alice --ledger other --state other-state",
        "checkpoint",
        "reindex",
        failed,
        &format!("{failed} --dry-run"),
        &format!("{failed} {elsewhere}"),
        &format!("{failed} {elsewhere}").replace("--key olga.pem ", ""),
        "append",
        "status --ledger nowhere",
        "sign health.confirmed --key olga.pem --rotation r-1 --services api --healthy yes --summary s --out s.json",
        "spool list",
        "spool show 1",
    ]);
    // Nobody signed it, so it waits as it was said.
    keep(&program, "run --rotation r-1 --step health -- true", "talk");
    let run = program.output("run --key olga.pem --rotation r-1 --step health --json -- true");
    assert_eq!(said.take(&run.stdout), 1);
    said.take_file(&program.path("s.json"));
    for waiting in std::fs::read_dir(program.path("state/spool")).unwrap() {
        let path = waiting.unwrap().path();
        if path.extension().is_some_and(|end| end == "json") {
            said.take_file(&path);
        }
    }
    said.run(
        &program,
        &[
            "spool sign --key olga.pem",
            "spool drop 2",
            "spool list",
            "spool deliver",
            "status",
        ],
    );
    keep(&program, "prove 3", "r");
    keep(&program, "prove 3 --entry-out e", "r");
    keep(&program, "trust show", "t");
    std::fs::create_dir(program.path("kept")).unwrap();
    let vkey = std::fs::read_to_string(program.path("t")).unwrap();
    let vkey = vkey
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("log ")
        .to_owned();
    said.run(
        &program,
        &[
            "actor list",
            "secret list",
            "policy show",
            "token issue ci --key alice.pem --scope read --expires 9d --out ci.token",
            "token list",
            "log",
            "show 4",
            "show r-1",
            "next",
            "next r-1",
            "append incident.declared --key olga.pem --incident inc-9 --secret db/orders --trigger policy_breach --summary s",
            "next inc-9",
            "emergency db/orders --key olga.pem --revoked v7 --why leaked",
            "incident list",
            "incident show inc-9",
            "incident report inc-9 --key petra.pem --report r --remediation x",
            "archive --key alice.pem --before 2026-11-01 --to cold",
            "due --within 300d",
            "verify",
            "verify --rotation r-1",
            "prove 3",
            "prove --from 3",
            "verify r --entry e --trust t",
            "export --key alice.pem --out p.zip",
            "export --key alice.pem --out p.jsonl --format in-toto",
            "trust show",
            "publish --to www",
            "backup --to kept-whole",
            "backup --check kept-whole",
            "restore --from kept-whole --to restored",
            "timestamp --request-out q",
            "timestamp",
            &format!("note verify --vkey {vkey} prod/checkpoint"),
            "anchor --to kept",
            "anchor --to kept --always",
            "anchor --list",
            "explain",
            "explain S-13",
            &format!("witness init --dir w --name w.example/a --log {vkey}"),
            "witness show --dir w",
        ],
    );
    let mut following = program
        .ledger("log --follow --json")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = first_line(&mut following);
    following.kill().unwrap();
    following.wait().unwrap();
    assert_eq!(said.take(line.as_bytes()), 1);
    let list = "secret,class,store,owner,consumers,version\ndb/orders,api_key,vault:x,Team,api,v9\nnew,api_key,vault:x,T,api,\n";
    std::fs::write(program.path("list.csv"), list).unwrap();
    let import = "secret import list.csv --key petra.pem --yes --attest listed";
    let open = "campaign open q4 --key olga.pem --filter class=api_key --filter class=database_credential --yes";
    let campaigns = ["campaign show q4", "campaign list"];
    said.run(
        &program,
        &[import, "secret import list.csv --dry-run", open],
    );
    said.run(&program, &campaigns);
    let playbook = "name = 'x'\nsecrets = ['db/orders']\n[step.revoke]\nrun = ['true']\n";
    std::fs::write(program.path("x.toml"), playbook).unwrap();
    std::fs::write(program.path("y.toml"), "name = 'y'").unwrap();
    let rotate = "rotate db/orders --playbook x.toml --rotation r-1 --key olga.pem";
    said.run(
        &program,
        &[
            "playbook check x.toml y.toml",
            &format!("{rotate} --dry-run"),
            rotate,
        ],
    );
    for folder in ["state/timestamps", "state/packs"] {
        let first = std::fs::read_dir(program.path(folder)).unwrap().next();
        said.take_file(&first.unwrap().unwrap().path());
    }
    said.take_file(&program.path("kept-whole/backup.json"));
    behind(said, &program);
    said.run(&program, &["key renew"]);
}

/// An old copy beside a newer checkpoint.
fn behind(said: &mut Said, program: &Program) {
    let newer = program.path("state/head");
    assert!(newer.exists());
    std::fs::copy(newer, program.path("old-state/head")).unwrap();
    said.run(
        program,
        &["recover --ledger old-prod --state old-state --key alice.pem --reason drill"],
    );
}

/// What a ledger of many rotations answers, and what stands in a pack of it.
fn of_a_story(said: &mut Said) {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    assert_eq!(Program::at(folder.path()).code("demo --dir demo"), 0);
    std::fs::rename(demo.join("ledger"), demo.join("prod")).unwrap();
    let program = Program::at(&demo);
    said.run(
        &program,
        &[
            "verify --all",
            "log",
            "show rot-1",
            "extract --rotation rot-1 --to evidence",
            "status",
            "secret list --all",
            "actor list",
            "due --within 300d",
            "export --key keys/sam.pem --out p.zip",
            "verify p.zip",
            "sample --from 2020-01-01 --to now --seed dice",
            "sample --from 2020-01-01 --to now --seed dice --key keys/sam.pem --out s.zip",
            "verify s.zip",
            "verify --ledger tampered",
        ],
    );
    let served = Served::start(&program, "");
    let evidence = served.get("/v1/rotations/rot-1/evidence");
    assert_eq!(said.take(&evidence.body), 1);
    drop(served);
    let pack = std::fs::read(program.path("p.zip")).unwrap();
    let files = rotation_ledger::pack::read_zip(&pack).unwrap();
    for name in ["pack", "rotations", "secrets", "findings"] {
        let path = format!("data/{name}.json");
        let found = files.iter().find(|(at, _)| at.ends_with(&path));
        assert_eq!(said.take(found.unwrap().1), 1, "{path}");
    }
}

/// What a server answers, and those who ask it.
fn of_a_server(said: &mut Said) {
    let program = Program::prepared();
    let Some(authority) = Authority::new(P256) else {
        return;
    };
    assert_eq!(program.code("timestamp --request-out q.tsq"), 0);
    let answer = authority.answer(&std::fs::read(program.path("q.tsq")).unwrap());
    std::fs::write(program.path("q.tsr"), answer).unwrap();
    said.run(
        &program,
        &[
            "timestamp --response-in q.tsr",
            "timestamp",
            "verify",
            "show 4",
        ],
    );
    let served = Served::start(&program, "--listen 127.0.0.1:0");
    let ask =
        |said: &mut Said, path: &str| assert_eq!(said.take(&served.get(path).body), 1, "{path}");
    for path in [
        "entries",
        "entries?limit=2",
        "entries/4",
        "rotations",
        "rotations/r-1",
        "secrets",
        "secrets/due",
        "actors",
        "status",
        "receipts/3",
        "timestamps",
    ] {
        ask(said, &format!("/v1/{path}"));
    }
    listening(said, &program);
    let session = served.try_send("POST /v1/sessions", b"").unwrap();
    assert_eq!(said.take(&session.body), 1);
    let digest = rotation_ledger::hash::Blake3Digest::of(b"x");
    let put = served
        .try_send(&format!("PUT /v1/attachments/{digest}"), b"x")
        .unwrap();
    assert_eq!(said.take(&put.body), 1);
    let opened = served.reader("open --json").output().unwrap();
    assert_eq!(said.take(&opened.stdout), 1, "{opened:?}");
}

/// What is said where somebody listens, on another ledger than the one that is served.
fn listening(said: &mut Said, program: &Program) {
    let init = "init --origin a.example/b --key alice.pem --actor alice --name Alice --ledger other --state other-state";
    assert_eq!(program.code(init), 0);
    let vkey = "ledger.example/prod+f6966d01+Abp0KuUFr2LGxeIeEGQBSC+0uELbmruTK8ShOSOZUMNt";
    assert_eq!(
        program.code(&format!(
            "witness init --dir w --name w.example/a --log {vkey}"
        )),
        0
    );
    for words in [
        "serve --ledger other --state other-state --listen 127.0.0.1:0 --json",
        "witness serve --dir w --listen 127.0.0.1:0 --json",
    ] {
        let mut child = program
            .ledger(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let line = first_line(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said.take(line.as_bytes()), 1, "{words}");
    }
}

#[test]
fn each_document_follows_its_schema_and_each_schema_is_of_a_document() {
    let mut said = Said::default();
    at_a_folder(&mut said);
    of_a_story(&mut said);
    of_a_server(&mut said);
    if Authority::has_openssl() {
        let printed: BTreeSet<_> = said.0.keys().map(String::as_str).collect();
        let described: BTreeSet<_> = SCHEMAS.keys().map(String::as_str).collect();
        assert_eq!(printed, described);
    }
    for (name, documents) in &said.0 {
        let spoiled: usize = documents.iter().map(|document| spoil(name, document)).sum();
        assert!(spoiled > 0, "{name}");
    }
}

/// Leaves out each member of a document in turn, and puts something else in its place: nothing of it is taken.
/// Answers how much was tried.
fn spoil(name: &str, document: &Value) -> usize {
    let mut members = Vec::new();
    collect(document, "", &mut members);
    for (parent, member) in &members {
        let is_optional = match parent.as_str() {
            "" => SOMETIMES.contains(&(name, member)),
            _ => SOMETIMES_BELOW.iter().any(|(list, optional)| {
                optional == member && parent.split('/').any(|part| part == *list)
            }),
        };
        let spoiled = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut copy = document.clone();
            change(copy.pointer_mut(parent).unwrap().as_object_mut().unwrap());
            schema::fault(name, &copy)
        };
        let without = spoiled(&|object| drop(object.shift_remove(member)));
        assert_eq!(
            without.is_none(),
            is_optional,
            "{name}: without {parent}/{member}"
        );
        let other = spoiled(&|object| drop(object.insert(member.clone(), json!([[{}]]))));
        assert!(other.is_some(), "{name}: anything as {parent}/{member}");
    }
    members.len()
}

/// The members of a document at any depth, with the pointer to what they are members of; of lists of the first.
fn collect(value: &Value, at: &str, members: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, inside) in object {
                members.push((at.to_owned(), name.clone()));
                if !OPEN.contains(&name.as_str()) {
                    collect(inside, &format!("{at}/{name}"), members);
                }
            }
        }
        Value::Array(list) => {
            let first = list.iter().take(2).enumerate();
            first.for_each(|(place, inside)| collect(inside, &format!("{at}/{place}"), members));
        }
        _ => {}
    }
}

#[test]
fn every_name_of_a_document_in_the_sources_has_a_schema() {
    let mut named = BTreeSet::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|file| file.unwrap().path()),
            );
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for before in [
            "thing: \"",
            "thing = \"",
            "with_schema(\"",
            "about_all(app, \"",
            "{ \"dry-run\" } else { \"",
            "rotation-ledger/",
        ] {
            let names = text.split(before).skip(1);
            let names = names.filter_map(|rest| rest.split(['"', '/', '`']).next());
            let is_name = |name: &&str| {
                let letters = name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
                letters && !name.is_empty()
            };
            named.extend(names.filter(is_name).map(str::to_owned));
        }
    }
    let described = SCHEMAS.keys().cloned();
    let known: BTreeSet<_> = described
        .chain(ONLY_ERRORS.iter().map(|&name| name.to_owned()))
        .collect();
    assert_eq!(named, known);
}
