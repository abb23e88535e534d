//! Who signs, and where the key is: a file, a descriptor, an ssh-agent, or a program that reaches a KMS.
//!
//! Whatever holds the key is handed the bytes to sign and nothing else: 47 of a statement, 48 where somebody
//! shows to hold the key that is to be enrolled. What it answers is verified here before anybody relies on it.

mod agent;
mod answer;
mod command;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use agent::AgentKey;

use crate::key::{Signer, SignerError};
use crate::sys::keyfile::{self, AskPassphrase, KeyFileError};

const AGENT: &str = "ssh-agent:";
const COMMAND: &str = "command:";
const DESCRIPTOR: &str = "fd:";

/// Where a private key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In a file: PKCS#8 or OpenSSH's form.
    File(PathBuf),
    /// The same bytes on standard input.
    Stdin,
    /// The same bytes on a descriptor that whoever started this program opened.
    Descriptor(u32),
    /// With an ssh-agent.
    Agent(AgentKey),
    /// With a program (see `docs/INTEGRATE.md`).
    Command(PathBuf),
}

/// Why nothing can be signed with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerOpenError {
    /// The file with the key.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Who keeps the key.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// What a source needs besides its name.
#[derive(Clone, Copy)]
pub struct SignerWorld<'a> {
    /// Asks for the passphrase of a key.
    pub passphrase: AskPassphrase<'a>,
    /// The socket of the ssh-agent, where there is one (`SSH_AUTH_SOCK`).
    pub agent: Option<&'a Path>,
    /// How long an agent or program may take.
    pub wait: Duration,
}

/// Something to sign with.
#[derive(Debug)]
pub struct OpenSigner {
    /// What signs.
    pub signer: Box<dyn Signer>,
    /// What is to be said of where the key is.
    pub notice: Option<String>,
}

impl KeySource {
    /// Reads what somebody typed: a path, `-`, `fd:3`, `ssh-agent:` with a fingerprint or public key after it or
    /// nothing, `command:PROGRAM`. A file whose name begins so is written with `./` before it.
    ///
    /// # Errors
    /// What follows the colon is none of these.
    pub fn parse(text: &OsStr) -> Result<Self, SignerError> {
        let after = |prefix: &str| text.as_bytes().strip_prefix(prefix.as_bytes());
        let fault = |why: &str| SignerError {
            signer: format!("the key `{}`", text.display()),
            why: why.to_owned(),
        };
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Some(number) = after(DESCRIPTOR) {
            let number = str::from_utf8(number).ok().and_then(|n| n.parse().ok());
            return number
                .map(Self::Descriptor)
                .ok_or_else(|| fault("names no descriptor: write it as fd:3"));
        }
        if let Some(chosen) = after(AGENT) {
            return str::from_utf8(chosen)
                .ok()
                .and_then(AgentKey::parse)
                .map(Self::Agent)
                .ok_or_else(|| {
                    fault("names no Ed25519 key: its public key or its SHA256: fingerprint does")
                });
        }
        match after(COMMAND) {
            Some(b"") => Err(fault("names no program")),
            Some(program) => Ok(Self::Command(OsStr::from_bytes(program).into())),
            None => Ok(Self::File(text.into())),
        }
    }

    /// Gets hold of the key, or of what signs with it.
    ///
    /// # Errors
    /// The file is no key file that can be used; the agent or program is not there, does not answer in time or
    /// has no such key.
    pub fn open(&self, world: SignerWorld<'_>) -> Result<OpenSigner, SignerOpenError> {
        let ask = world.passphrase;
        let quiet = |signer| OpenSigner {
            signer,
            notice: None,
        };
        Ok(match self {
            Self::File(path) => {
                let read = keyfile::read_noting(path, ask)?;
                OpenSigner {
                    signer: Box::new(read.key),
                    notice: read.notice,
                }
            }
            Self::Stdin => {
                let name = Path::new("standard input");
                quiet(Box::new(keyfile::read_from(
                    name,
                    std::io::stdin().lock(),
                    ask,
                )?))
            }
            Self::Descriptor(number) => {
                let path = PathBuf::from(format!("/dev/fd/{number}"));
                quiet(Box::new(keyfile::read_noting(&path, ask)?.key))
            }
            Self::Agent(chosen) => quiet(Box::new(agent::find(world.agent, chosen, world.wait)?)),
            Self::Command(program) => quiet(Box::new(command::find(program, world.wait)?)),
        })
    }
}

#[cfg(test)]
mod tests;
