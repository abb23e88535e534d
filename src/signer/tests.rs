use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::key::SecretKey;

const WAIT: Duration = Duration::from_secs(10);

fn world<'a>(agent: Option<&'a Path>, wait: Duration) -> SignerWorld<'a> {
    SignerWorld {
        passphrase: &|| Ok(None),
        agent,
        wait,
    }
}

fn open(source: &str, agent: Option<&Path>) -> Result<Box<dyn Signer>, String> {
    let source = KeySource::parse(OsStr::new(source)).map_err(|fault| fault.to_string())?;
    let opened = source.open(world(agent, WAIT));
    opened
        .map(|open| open.signer)
        .map_err(|fault| fault.to_string())
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

#[test]
fn what_is_typed_is_one_source_or_a_fault() {
    let parse = |text: &str| KeySource::parse(OsStr::new(text));
    assert_eq!(parse("-"), Ok(KeySource::Stdin));
    assert_eq!(parse("fd:7"), Ok(KeySource::Descriptor(7)));
    assert_eq!(parse("ssh-agent:"), Ok(KeySource::Agent(AgentKey::Only)));
    let public = key().public();
    let named = KeySource::Agent(AgentKey::Public(public));
    assert_eq!(parse(&format!("ssh-agent:{public}")), Ok(named));
    assert_eq!(parse("command:kms"), Ok(KeySource::Command("kms".into())));
    assert_eq!(parse("./fd:x"), Ok(KeySource::File("./fd:x".into())));
    for bad in [
        "fd:",
        "fd:x",
        "fd:-1",
        "ssh-agent:mine",
        "ssh-agent:SHA256:zz",
        "command:",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

/// A program that does what `script` says for `public-key` and `sign`.
fn program(folder: &Path, script: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let path = folder.join(format!("signer-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    // Written by another process: a test beside this one that forks while it is open here would keep it busy.
    let written = std::process::Command::new("sh")
        .args([
            "-c",
            "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"",
            "-",
            script,
        ])
        .arg(&path)
        .status();
    assert!(written.unwrap().success());
    format!("command:{}", path.display())
}

fn answers(public: &str, signature: &str) -> String {
    format!("case $1 in public-key) echo '{public}';; sign) cat >/dev/null; {signature};; esac")
}

#[test]
fn a_program_signs_in_any_of_the_forms() {
    use base64::Engine as _;
    let base64 = |bytes: &[u8]| base64::prelude::BASE64_STANDARD.encode(bytes);
    let folder = tempfile::tempdir().unwrap();
    let message = b"forty-seven bytes or so";
    let signature = key().sign(message);
    let hex = format!("echo {signature}");
    let based = format!("echo {}", base64(signature.as_bytes()));
    let raw: String = signature
        .as_bytes()
        .iter()
        .map(|b| format!("\\{b:03o}"))
        .collect();
    let raw = format!("printf '{raw}'");
    let spki = [
        &hex::decode("302a300506032b6570032100").unwrap()[..],
        key().public().as_bytes(),
    ]
    .concat();
    for public in [
        key().public().to_string(),
        base64(key().public().as_bytes()),
        base64(&spki),
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
            base64(&spki)
        ),
    ] {
        for signature_by in [&hex, &based, &raw] {
            let signer = open(
                &program(folder.path(), &answers(&public, signature_by)),
                None,
            )
            .unwrap();
            assert_eq!(signer.public(), key().public());
            assert_eq!(signer.sign(message).unwrap(), signature);
            assert!(signer.sign(b"another message").is_err());
        }
    }
}

#[test]
fn a_program_that_does_anything_else_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let public = key().public().to_string();
    for (script, said) in [
        ("echo rubbish".to_owned(), "no Ed25519 public key"),
        ("exit 3".to_owned(), "failed (exit status: 3)"),
        (format!("echo {}", "00".repeat(32)), "cannot be used"),
    ] {
        let refused = open(&program(folder.path(), &script), None).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
    assert!(
        open("command:/no/such/program", None)
            .unwrap_err()
            .contains("cannot be run")
    );
    for (signs, said) in [
        ("echo rubbish".to_owned(), "no signature"),
        ("exit 9".to_owned(), "failed (exit status: 9)"),
        (
            format!("echo {}", key().sign(b"other")),
            "no signature by the key",
        ),
        ("head -c 100000 /dev/zero".to_owned(), "failed"),
    ] {
        let signer = open(&program(folder.path(), &answers(&public, &signs)), None).unwrap();
        let refused = signer.sign(b"message").unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn a_program_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 600", marker.display());
    let source = program(folder.path(), &script);
    let source = KeySource::parse(OsStr::new(&source)).unwrap();
    let refused = source
        .open(world(None, Duration::from_secs(1)))
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("did not answer within 1 seconds"),
        "{refused}"
    );
    let pid = std::fs::read_to_string(marker).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

/// An agent that answers each request with the next of `answers`, and keeps what it was asked.
fn agent(folder: &Path, answers: Vec<Vec<u8>>) -> (PathBuf, std::thread::JoinHandle<Vec<Vec<u8>>>) {
    let socket = folder.join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).unwrap();
            asked.push(request);
            stream.write_all(&answer).unwrap();
        }
        asked
    });
    (socket, served)
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [
        &u32::try_from(bytes.len()).unwrap().to_be_bytes()[..],
        bytes,
    ]
    .concat()
}

fn identities(keys: &[PublicKeyBytes]) -> Vec<u8> {
    let mut body = vec![12];
    body.extend(u32::try_from(keys.len()).unwrap().to_be_bytes());
    for key in keys {
        let blob = [string(b"ssh-ed25519"), string(key)].concat();
        body.extend([string(&blob), string(b"somebody@home")].concat());
    }
    string(&body)
}

type PublicKeyBytes = [u8; 32];

fn signed(signature: &crate::key::Signature) -> Vec<u8> {
    let blob = [string(b"ssh-ed25519"), string(signature.as_bytes())].concat();
    string(&[&[14][..], &string(&blob)].concat())
}

#[test]
fn an_agent_is_handed_the_message_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let message = b"forty-seven bytes or so";
    let ours = *key().public().as_bytes();
    let keys = identities(&[[9; 32], ours]);
    let (socket, served) = agent(folder.path(), vec![keys, signed(&key().sign(message))]);
    let chosen = format!("ssh-agent:{}", key().public());
    let signer = open(&chosen, Some(&socket)).unwrap();
    assert_eq!(signer.sign(message).unwrap(), key().sign(message));
    let asked = served.join().unwrap();
    let blob = [string(b"ssh-ed25519"), string(&ours)].concat();
    let wanted = [&[13][..], &string(&blob), &string(message), &[0; 4]].concat();
    assert_eq!(asked, [vec![11], wanted]);
}

/// Its answer would be whole after three seconds, and each byte of it comes in time.
#[test]
fn an_agent_that_dribbles_is_waited_for_no_longer_than_one_that_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for byte in identities(&[*key().public().as_bytes()]) {
            std::thread::sleep(Duration::from_millis(40));
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let source = KeySource::parse(OsStr::new("ssh-agent:")).unwrap();
    let refused = source.open(world(Some(&socket), Duration::from_secs(1)));
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("did not answer within 1 seconds"),
        "{refused}"
    );
    served.join().unwrap();
}

#[test]
fn an_agent_that_answers_otherwise_is_named() {
    let ours = *key().public().as_bytes();
    let failure = string(&[5]);
    for (answers, said) in [
        (vec![identities(&[])], "does not have that"),
        (vec![identities(&[ours, [9; 32]])], "several Ed25519 keys"),
        (vec![failure.clone()], "refused"),
        (
            vec![string(&[12, 0xff, 0xff, 0xff, 0xff])],
            "no answer of an agent",
        ),
        (vec![vec![0xff; 4]], "cannot be asked"),
        (vec![identities(&[ours]), failure], "refused"),
        (
            vec![identities(&[ours]), signed(&key().sign(b"other"))],
            "no signature by the key",
        ),
        (
            vec![identities(&[ours]), string(&[14, 0, 0])],
            "no answer of an agent",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (socket, served) = agent(folder.path(), answers);
        let outcome = open("ssh-agent:", Some(&socket))
            .and_then(|signer| signer.sign(b"message").map_err(|fault| fault.to_string()));
        let refused = outcome.unwrap_err();
        assert!(refused.contains(said), "{said}: {refused}");
        served.join().unwrap();
    }
    assert!(
        open("ssh-agent:", None)
            .unwrap_err()
            .contains("SSH_AUTH_SOCK")
    );
    let missing = Path::new("/no/such/socket");
    assert!(
        open("ssh-agent:", Some(missing))
            .unwrap_err()
            .contains("cannot be asked")
    );
}
