//! A key behind a program: the way to a KMS or an HSM.
//!
//! The program is run with one argument. `public-key`: it prints the key. `sign`: the bytes to sign come on
//! its standard input, and it prints the signature. Either is taken as raw bytes, hex or base64, the key also as a
//! SubjectPublicKeyInfo (RFC 8410) in base64 or PEM, so that one line of a vendor's own tool will do. What it
//! says on standard error goes to the terminal.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::key::{PublicKey, Signature, Signer, SignerError};
use crate::signer::answer::{checked, fault};

/// More than any key or signature in any of the forms.
const MOST_BYTES: u64 = 4 * 1024;
const PAUSE: Duration = Duration::from_millis(5);

/// What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, 10.1).
const SPKI_HEADER: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[derive(Debug)]
struct CommandSigner {
    program: PathBuf,
    key: PublicKey,
    wait: Duration,
}

/// The key behind a program.
pub(super) fn find(program: &Path, wait: Duration) -> Result<impl Signer + use<>, SignerError> {
    let answer = run(program, "public-key", &[], wait)?;
    let bytes = forms(&answer)
        .find_map(|form| {
            let key = form.strip_prefix(SPKI_HEADER).unwrap_or(&form);
            <[u8; 32]>::try_from(key).ok()
        })
        .ok_or_else(|| {
            let why = "printed something that is no Ed25519 public key";
            fault(&name(program), why)
        })?;
    let key = PublicKey::from_bytes(bytes);
    key.admit().map_err(|why| {
        fault(
            &name(program),
            format!("printed a key that cannot be used: {why}"),
        )
    })?;
    Ok(CommandSigner {
        program: program.to_owned(),
        key,
        wait,
    })
}

impl Signer for CommandSigner {
    fn public(&self) -> PublicKey {
        self.key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let name = name(&self.program);
        let answer = run(&self.program, "sign", message, self.wait)?;
        let bytes = forms(&answer).find_map(|form| <[u8; 64]>::try_from(form).ok());
        let bytes = bytes.ok_or_else(|| fault(&name, "printed something that is no signature"))?;
        checked(&name, &self.key, message, Signature::from_bytes(bytes))
    }
}

fn name(program: &Path) -> String {
    format!("the signer `{}`", program.display())
}

/// What an answer may mean: its bytes, or what they spell.
fn forms(answer: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let text = str::from_utf8(answer).unwrap_or_default();
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .flat_map(str::split_whitespace)
        .collect();
    [
        Some(answer.to_vec()),
        hex::decode(&text).ok(),
        BASE64_STANDARD.decode(&text).ok(),
    ]
    .into_iter()
    .flatten()
}

/// Runs the program and returns what it printed.
fn run(program: &Path, verb: &str, input: &[u8], wait: Duration) -> Result<Vec<u8>, SignerError> {
    let name = name(program);
    let cannot = |why: std::io::Error| fault(&name, format!("cannot be run: {why}"));
    let deadline = Instant::now() + wait;
    let mut child = Command::new(program)
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    let outcome = converse(&mut child, input, deadline);
    if !matches!(outcome, Ok(Some(_))) {
        // It is told to end, and waited for, so that nothing of it is left behind.
        let _ = child.kill();
        let _ = child.wait();
    }
    let (status, printed) = outcome.map_err(cannot)?.ok_or_else(|| {
        let why = format!("did not answer within {} seconds", wait.as_secs());
        fault(&name, why)
    })?;
    match status.success() {
        true => Ok(printed),
        false => Err(fault(&name, format!("failed ({status})"))),
    }
}

/// Hands over the bytes and takes what is printed, until `deadline`.
fn converse(
    child: &mut Child,
    input: &[u8],
    deadline: Instant,
) -> std::io::Result<Option<(ExitStatus, Vec<u8>)>> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input) {
            // One that knows what to say without them need not read them.
            Err(why) if why.kind() != ErrorKind::BrokenPipe => return Err(why),
            _ => {}
        }
    }
    let Some(stdout) = child.stdout.take() else {
        return Ok(None);
    };
    let (done, printed) = mpsc::channel();
    // Read aside: a program that prints nothing and stays must not keep us.
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(MOST_BYTES).read_to_end(&mut bytes);
        let _ = done.send(read.map(|_| bytes));
    })?;
    let left = deadline.saturating_duration_since(Instant::now());
    let Ok(printed) = printed.recv_timeout(left) else {
        return Ok(None);
    };
    let printed = printed?;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some((status, printed)));
        }
        thread::sleep(PAUSE);
    }
    Ok(None)
}
