//! A key in an ssh-agent (draft-ietf-sshm-ssh-agent): asked which keys it has, and for a signature by one.

use std::io::{self, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ssh_key::encoding::{Decode as _, Encode as _};
use ssh_key::public::KeyData;
use ssh_key::{Fingerprint, HashAlg};

use crate::key::{PublicKey, Signature, Signer, SignerError};
use crate::signer::answer::{checked, fault};

const NAME: &str = "the ssh-agent";

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// What OpenSSH's agent takes and gives at most.
const MOST_BYTES: u32 = 256 * 1024;
const MOST_KEYS: u32 = 2_048;

/// Which key of an agent is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentKey {
    /// The only Ed25519 key that it has.
    Only,
    /// The one with this public key.
    Public(PublicKey),
    /// The one with this fingerprint, as `ssh-add -l` prints it.
    Fingerprint(Fingerprint),
}

#[derive(Debug)]
struct AgentSigner {
    socket: PathBuf,
    key: PublicKey,
    /// The key in the agent's own form, by which it is asked for.
    blob: Vec<u8>,
    wait: Duration,
}

impl AgentKey {
    /// Reads 64 hex digits, a `SHA256:` fingerprint, or the line of an OpenSSH public key.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Only);
        }
        if let Ok(key) = text.parse() {
            return Some(Self::Public(key));
        }
        if let Ok(fingerprint) = text.parse() {
            return Some(Self::Fingerprint(fingerprint));
        }
        let key = ssh_key::PublicKey::from_openssh(text).ok()?;
        key_of(key.key_data()).map(Self::Public)
    }

    fn is(&self, key: &KeyData) -> bool {
        match self {
            Self::Only => true,
            Self::Public(wanted) => key_of(key) == Some(*wanted),
            Self::Fingerprint(wanted) => key.fingerprint(HashAlg::Sha256) == *wanted,
        }
    }
}

fn key_of(key: &KeyData) -> Option<PublicKey> {
    key.ed25519().map(|key| PublicKey::from_bytes(key.0))
}

/// The key in the agent behind `socket`.
pub(super) fn find(
    socket: Option<&Path>,
    chosen: &AgentKey,
    wait: Duration,
) -> Result<impl Signer + use<>, SignerError> {
    let socket = socket.ok_or_else(|| fault(NAME, "is not running: SSH_AUTH_SOCK is not set"))?;
    let answer = ask(socket, wait, IDENTITIES_ANSWER, &[REQUEST_IDENTITIES])?;
    let mut found = keys(&answer).ok_or_else(malformed)?;
    found.retain(|(key, _)| chosen.is(key));
    let several = found.len() > 1;
    match (found.pop(), several) {
        (Some((key, blob)), false) => Ok(AgentSigner {
            socket: socket.to_owned(),
            key: key_of(&key).ok_or_else(malformed)?,
            blob,
            wait,
        }),
        (None, _) => Err(fault(
            NAME,
            "does not have that Ed25519 key: ssh-add -l lists what it has",
        )),
        (Some(_), true) => Err(fault(
            NAME,
            "has several Ed25519 keys: name one by its fingerprint, as ssh-add -l prints it",
        )),
    }
}

impl Signer for AgentSigner {
    fn public(&self) -> PublicKey {
        self.key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let mut request = vec![SIGN_REQUEST];
        let encoded = self
            .blob
            .encode(&mut request)
            .and_then(|()| message.encode(&mut request))
            .and_then(|()| 0u32.encode(&mut request));
        encoded.map_err(|_| malformed())?;
        let answer = ask(&self.socket, self.wait, SIGN_RESPONSE, &request)?;
        let signature = signature(&answer).ok_or_else(malformed)?;
        checked(NAME, &self.key, message, signature)
    }
}

/// Sends one request. The answer without its kind, which must be the one that is `wanted`.
fn ask(socket: &Path, wait: Duration, wanted: u8, request: &[u8]) -> Result<Vec<u8>, SignerError> {
    let talk = || -> io::Result<Vec<u8>> {
        let until = Instant::now() + wait;
        let mut stream = UnixStream::connect(socket)?;
        stream.set_write_timeout(Some(wait))?;
        let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
        stream.write_all(&[&length.to_be_bytes(), request].concat())?;
        let mut stream = Answering { stream, until };
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length).min(MOST_BYTES);
        let mut answer = vec![0; length as usize];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    let mut answer = talk().map_err(|why| {
        let why = match why.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("did not answer within {} seconds", wait.as_secs())
            }
            _ => format!("cannot be asked: {why}"),
        };
        fault(NAME, why)
    })?;
    if answer.first() != Some(&wanted) {
        return Err(fault(NAME, "refused: it is locked, or somebody said no"));
    }
    Ok(answer.split_off(1))
}

/// An agent that answers, until an instant: one that gives a byte now and then is waited for no longer.
struct Answering {
    stream: UnixStream,
    until: Instant,
}

impl Read for Answering {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(into)
    }
}

/// The Ed25519 keys in an answer, each with the form in which it is asked for.
fn keys(mut answer: &[u8]) -> Option<Vec<(KeyData, Vec<u8>)>> {
    let count = u32::decode(&mut answer).ok()?.min(MOST_KEYS);
    let mut found = Vec::new();
    for _ in 0..count {
        let blob = Vec::<u8>::decode(&mut answer).ok()?;
        Vec::<u8>::decode(&mut answer).ok()?;
        // What this cannot read is a key of another kind, which is not looked for.
        if let Ok(key) = ssh_key::PublicKey::from_bytes(&blob)
            && key.key_data().is_ed25519()
        {
            found.push((key.key_data().clone(), blob));
        }
    }
    Some(found)
}

fn signature(mut answer: &[u8]) -> Option<Signature> {
    let blob = Vec::<u8>::decode(&mut answer).ok()?;
    let signature = ssh_key::Signature::try_from(&blob[..]).ok()?;
    let bytes = signature.as_bytes().try_into().ok()?;
    (signature.algorithm() == ssh_key::Algorithm::Ed25519).then(|| Signature::from_bytes(bytes))
}

fn malformed() -> SignerError {
    fault(
        NAME,
        "answered with something that is no answer of an agent",
    )
}
