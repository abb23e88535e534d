//! Every block of docs/INTEGRATE.md, run against a server: the shell as it stands, the scripts that stand in YAML, and
//! Python where its packages are (`LEDGER_TEST_PYTHON` names an interpreter that has them).

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rotation_ledger::sys::keyfile;

use crate::support::program::Program;
use crate::support::served::Served;

/// In place of AWS: its words, answered by openssl with a key that nobody else reads.
const AWS: &str = r#"#!/bin/bash
set -eu
case "$1 $2" in
"kms get-public-key") openssl pkey -in "$HIDDEN" -pubout -outform DER | base64 -w0 ;;
"kms sign")
  [[ "$*" == *"--message fileb:///dev/stdin --message-type RAW"* && "$*" == *ED25519_SHA_512* ]]
  cat > "$HIDDEN.message"
  openssl pkeyutl -sign -rawin -inkey "$HIDDEN" -in "$HIDDEN.message" | base64 -w0 ;;
esac
"#;

/// The blocks in their order: language and text.
fn blocks(document: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in document.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some((language, text))) => open = Some((language, format!("{text}{line}\n"))),
            (None, None) => {}
        }
    }
    blocks
}

/// The lines of a block scalar in YAML: what stands deeper than the line that ends with `|`.
fn scalar(yaml: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = yaml.lines().skip_while(|line| !line.ends_with('|'));
    let outside = depth(lines.next().unwrap());
    let inside = lines.take_while(|line| depth(line) > outside);
    inside
        .map(|line| format!("{}\n", line.trim_start()))
        .collect()
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn every_block_does_what_it_says() {
    let program = Program::prepared();
    let served = Served::start(&program, "--listen 127.0.0.1:0");
    let root = program.root();
    let (bin, home) = (root.join("bin"), root.join("home"));
    fs::create_dir_all(home.join(".ssh")).unwrap();
    fs::create_dir(&bin).unwrap();
    write(&bin.join("aws"), AWS, 0o755);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ledger"), bin.join("ledger")).unwrap();
    fs::copy(root.join("olga.pem"), home.join(".ssh/id_ed25519")).unwrap();
    fs::write(
        home.join("auditors.trust"),
        program.output("trust show --wait 0s").stdout,
    )
    .unwrap();
    fs::copy(home.join("auditors.trust"), root.join("auditors.trust")).unwrap();
    let olga = keyfile::read(&root.join("olga.pem"), &|| Ok(None)).unwrap();
    let url = format!("http://{}", served.addresses[1]);
    let socket = format!("unix:{}", root.join("ledger.sock").display());
    let token = served.issue("tool", "append", "1d");
    let python = std::env::var_os("LEDGER_TEST_PYTHON");

    let document = include_str!("../../docs/INTEGRATE.md");
    let mut script =
        "set -eu -o pipefail\nopenssl genpkey -algorithm ed25519 -out \"$HIDDEN\"\n".to_owned();
    let mut languages = Vec::new();
    for (number, (language, text)) in blocks(document).into_iter().enumerate() {
        let text = text
            .replace("unix:/run/ledger/ledger.sock", &socket)
            .replace("https://ledger.example", &url);
        match language.as_str() {
            "sh" => script.push_str(&text),
            "yaml" => {
                let address = text
                    .lines()
                    .any(|line| line.trim_start().starts_with("LEDGER_PATH:"));
                let address = if address {
                    format!("LEDGER_PATH={url} ")
                } else {
                    String::new()
                };
                let run = scalar(&text);
                write!(script, "export SIGNING_KEY=\"$(cat olga.pem)\"\n{address}bash -eu -o pipefail -c '{run}'\n").unwrap();
            }
            "python" => {
                let file = root.join(format!("block-{number}.py"));
                fs::write(&file, text).unwrap();
                match &python {
                    Some(python) => {
                        writeln!(script, "{} {}", python.display(), file.display()).unwrap()
                    }
                    None => println!(
                        "LEDGER_TEST_PYTHON is not set: the block of Python proves nothing"
                    ),
                }
            }
            // A doc test of the library.
            "rust" => {}
            other => panic!("what is a block of `{other}`?"),
        }
        languages.push(language);
    }
    assert_eq!(
        languages,
        ["sh", "sh", "sh", "sh", "python", "yaml", "yaml", "rust"]
    );
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(root)
        .env("PATH", path)
        .env("HOME", &home)
        .env("HIDDEN", root.join("hidden.pem"))
        .env("LEDGER_ID", served.ledger.to_string())
        .env("LEDGER_SEED", hex::encode(olga.to_seed()))
        .env("LEDGER_URL", &url)
        .env("LEDGER_TOKEN", token)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{script}");
    assert!(said.contains("receipts were checked against"), "{said}");
    drop(served);
    let mut expected = vec![
        "token.issued",
        "replacement.generated",
        "step.performed",
        "health.confirmed",
    ];
    expected.extend(python.map(|_| "health.confirmed"));
    expected.push("replacement.validated");
    assert_eq!(program.events()[5..], expected);
    assert!(program.is_intact());
}
