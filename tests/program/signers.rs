//! Keys that stay where they are: each kind of signer enrolled, appending and verified, with OpenSSH's own
//! programs for what is OpenSSH's.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::program::Program;

/// Runs `script` in the ledger's folder, with `LEDGER` naming the program.
fn sh(program: &Program, script: &str) -> (i32, String, String) {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(program.root())
        .env("LEDGER", env!("CARGO_BIN_EXE_ledger"))
        .env("LEDGER_PATH", "prod")
        .env("LEDGER_STATE", "state")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap_or(-1);
    (code, text(output.stdout), text(output.stderr))
}

/// Enrols whoever signs with the flags `key` as `actor`, and has them say something.
fn takes_part(program: &Program, actor: &str, key: &str) {
    let script = format!(
        r#"
        "$LEDGER" key show {key} > {actor}.pub
        "$LEDGER" actor enroll --key alice.pem --actor {actor} --name {actor} --kind human --role operator --public {actor}.pub --quiet
        "$LEDGER" append entry.annotated {key} --entry 0 --note "said by {actor}" --quiet
        "$LEDGER" log --json | grep -q '"entry.annotated"'
        "#
    );
    let (code, out, err) = sh(program, &script);
    assert_eq!(code, 0, "{actor}: {out}{err}");
}

#[test]
fn each_kind_of_signer_takes_part() {
    let program = Program::prepared();
    let (code, _, err) = sh(
        &program,
        "ssh-keygen -q -t ed25519 -N '' -f ssh1; ssh-keygen -q -t ed25519 -N 'open sesame' -f ssh2; umask 077; echo 'open sesame' > words",
    );
    assert_eq!(code, 0, "{err}");
    takes_part(&program, "file", "--key ssh1");
    takes_part(&program, "locked", "--key ssh2 --passphrase-file words");
    sh(
        &program,
        "\"$LEDGER\" key generate --out pem1 --quiet; \"$LEDGER\" key generate --out pem2 --quiet",
    );
    takes_part(&program, "stdin", "--key - < pem1");
    takes_part(&program, "descriptor", "--key fd:7 7< <(cat pem2)");
    let verified = program.output("verify --quiet");
    assert_ne!(verified.status.code(), Some(1), "{verified:?}");
    assert_eq!(program.events().len(), 5 + 2 * 4);
}

#[test]
fn an_ssh_agent_signs_and_keeps_the_key() {
    let program = Program::prepared();
    let script = r#"
        ssh-keygen -q -t ed25519 -N '' -f mine; ssh-keygen -q -t ed25519 -N '' -f other; ssh-keygen -q -t rsa -N '' -f rsa
        eval "$(ssh-agent -a "$PWD/agent")" >/dev/null
        trap 'kill $SSH_AGENT_PID' EXIT
        ssh-add -q mine rsa
        rm mine
        "$LEDGER" key show --key ssh-agent: > mine.line
        ssh-add -q other
        "$LEDGER" key show --key ssh-agent: 2> several && exit 90
        grep -q 'several Ed25519 keys' several
        chosen="ssh-agent:$(ssh-keygen -lf mine.pub | cut -d' ' -f2)"
        "$LEDGER" key show --key "$chosen" | diff - mine.line
        "$LEDGER" key show --key "ssh-agent:$(cat mine.pub)" | diff - mine.line
        "$LEDGER" actor enroll --key alice.pem --actor sue --name Sue --kind human --role security_owner --public mine.line --quiet
        "$LEDGER" append rotation.approved --key "$chosen" --rotation r-1 --quiet
        ssh-add -q -d mine.pub
        "$LEDGER" append entry.annotated --key "$chosen" --entry 0 --note again 2> gone && exit 91
        grep -q 'does not have that Ed25519 key' gone
        "$LEDGER" log --json | grep -c '"rotation.approved"'
    "#;
    let (code, out, err) = sh(&program, script);
    assert_eq!((code, out.lines().last()), (0, Some("1")), "{err}");
    let (code, _, err) = sh(
        &program,
        "env -u SSH_AUTH_SOCK \"$LEDGER\" key show --key ssh-agent:",
    );
    assert_eq!(code, 2);
    assert!(err.contains("SSH_AUTH_SOCK is not set"), "{err}");
}

/// As for AWS KMS in docs/INTEGRATE.md, with openssl in its place.
const OPENSSL_SIGNER: &str = r#"#!/bin/sh
case $1 in
public-key) openssl pkey -in hidden.pem -pubout ;;
sign) cat > message.bin; openssl pkeyutl -sign -rawin -inkey hidden.pem -in message.bin | base64 -w0; rm message.bin ;;
esac
"#;

#[test]
fn a_program_signs_and_one_that_does_not_is_named() {
    let program = Program::prepared();
    let write = |name: &str, script: &str| {
        fs::write(program.path(name), script).unwrap();
        fs::set_permissions(program.path(name), Permissions::from_mode(0o755)).unwrap();
    };
    write("kms", OPENSSL_SIGNER);
    let made = "openssl genpkey -algorithm ed25519 -out hidden.pem";
    assert_eq!(sh(&program, made).0, 0);
    takes_part(&program, "kms", "--key command:./kms");

    write("hangs", "#!/bin/sh\nexec sleep 600\n");
    write("rubbish", "#!/bin/sh\necho hello\n");
    let before = program.events().len();
    for (signer, said) in [
        ("./hangs", "did not answer within 1 seconds"),
        ("./rubbish", "no Ed25519 public key"),
        ("./nothing", "cannot be run"),
    ] {
        let words =
            format!("append entry.annotated --key command:{signer} --wait 1s --entry 0 --note x");
        let output = program.output(&words);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(said), "{err}");
    }
    assert_eq!(program.events().len(), before);
}

/// A careless umask opens neither the ledger nor what its host keeps of it.
#[test]
fn no_umask_lets_others_write() {
    let program = Program::prepared();
    let script = r#"
        umask 000
        export LEDGER_PATH=wide LEDGER_STATE=kept
        "$LEDGER" init --origin ledger.example/wide --actor alice --name Alice --key alice.pem --quiet >/dev/null
        "$LEDGER" append entry.annotated --key alice.pem --entry 0 --note hello --quiet >/dev/null
        stat -c %a kept kept/sealing.pem
        find wide kept -perm /022 -not -path 'wide/index/*'
    "#;
    let (code, out, err) = sh(&program, script);
    assert_eq!((code, out.as_str()), (0, "700\n600\n"), "{err}");
}
