//! What a witness knows, in its folder (FORMAT.md, "The folder of a witness").

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CosignerKey};
use crate::hash::Sha256Digest;
use crate::note::{NoteKey, SignedNote};
use crate::store::engine::{Engine, FolderEngine};
use crate::sys::disk::{Disk, DiskError, SMALL_FILE};

use super::decide::ForkEvidence;
use super::error::WitnessError;

/// The witness's private key.
pub const KEY_FILE: &str = "key.pem";

/// The witness's public key: its name and what others verify by. Written last, so that a folder
/// with it is whole.
const VKEY: &str = "vkey";
const LOGS: &str = "logs";
const STATE: &str = "state";
const EVIDENCE: &str = "evidence";

const LOGS_HEAD: &str = "# the logs that this witness follows: log <vkey>, one a line\n";
/// Before the origin, in the state of a log of which nothing was cosigned yet.
const NOTHING: &str = "ledger-witness-v1 nothing cosigned yet for ";

/// Files of evidence of each kind, at most. What anybody can send cannot crowd out what proves a fork.
const FORKS: usize = 64;
const UNPROVEN: usize = 16;

/// A key that a witness follows, and the origin that it signs for: its name, where nobody said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedKey {
    /// The key.
    pub key: NoteKey,
    /// The origin.
    pub origin: String,
}

impl From<&NoteKey> for FollowedKey {
    fn from(key: &NoteKey) -> Self {
        Self {
            origin: key.name().to_string(),
            key: key.clone(),
        }
    }
}

/// What was last cosigned for one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogState {
    Nothing(String),
    Cosigned {
        checkpoint: Checkpoint,
        /// Seconds since 1970.
        time: u64,
        /// The checkpoint with the log's signature and the witness's.
        note: String,
    },
}

impl LogState {
    pub(super) const fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Nothing(_) => None,
            Self::Cosigned { checkpoint, .. } => Some(checkpoint),
        }
    }

    pub(super) fn into_last(self) -> Option<(Checkpoint, u64)> {
        match self {
            Self::Nothing(_) => None,
            Self::Cosigned {
                checkpoint, time, ..
            } => Some((checkpoint, time)),
        }
    }

    fn format(&self) -> String {
        match self {
            Self::Nothing(origin) => format!("{NOTHING}{origin}\n"),
            Self::Cosigned { note, .. } => note.clone(),
        }
    }

    /// Reads a state. Its own signature shows that it is whole and this witness's; a part of one, or
    /// somebody else's file, is refused.
    pub(super) fn parse(
        bytes: &[u8],
        origin: &str,
        cosigner: &CosignerKey,
    ) -> Result<Self, String> {
        let nothing = Self::Nothing(origin.to_owned());
        if bytes == nothing.format().as_bytes() {
            return Ok(nothing);
        }
        let note = SignedNote::parse(bytes).map_err(|fault| fault.to_string())?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|fault| fault.to_string())?;
        if checkpoint.origin != origin {
            return Err(format!("it is of `{}`", checkpoint.origin));
        }
        let time = cosigner
            .cosigned(&note)
            .map_err(|fault| fault.to_string())?;
        Ok(Self::Cosigned {
            checkpoint,
            time: time.ok_or_else(|| format!("it is not cosigned by `{}`", cosigner.name()))?,
            note: note.to_string(),
        })
    }
}

/// The name of a log in urls and files: the SHA-256 of its origin, in lower-case hex.
#[must_use]
pub fn name_of(origin: &str) -> String {
    Sha256Digest::of(origin.as_bytes()).to_string()
}

/// The folder of a witness: its key, the logs it follows, and what it last cosigned for each.
#[derive(Debug)]
pub(super) struct WitnessFolder {
    engine: FolderEngine,
    dir: PathBuf,
}

impl WitnessFolder {
    fn new(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self {
            engine: FolderEngine::new(disk, dir),
            dir: dir.to_owned(),
        }
    }

    pub(super) fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        cosigner: &CosignerKey,
    ) -> Result<Self, WitnessError> {
        let folder = Self::new(disk, dir);
        if folder.get(VKEY)?.is_some() {
            return Err(WitnessError::Exists(dir.to_owned()));
        }
        for name in [STATE, EVIDENCE] {
            folder.engine.make_folder(name)?;
        }
        folder.engine.replace(LOGS, LOGS_HEAD.as_bytes())?;
        let line = format!("{cosigner}\n");
        folder.engine.replace(VKEY, line.as_bytes())?;
        Ok(folder)
    }

    pub(super) fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, WitnessError> {
        let folder = Self::new(disk, dir);
        match folder.get(VKEY)? {
            Some(_) => Ok(folder),
            None => Err(WitnessError::NoWitness(dir.to_owned())),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn cosigner(&self) -> Result<CosignerKey, WitnessError> {
        let text = self.text(VKEY)?;
        text.trim_end()
            .parse()
            .map_err(|fault| self.damaged(VKEY, 1, &fault))
    }

    /// The keys of the logs that are followed, each with the origin that it signs for.
    pub(super) fn logs(&self) -> Result<Vec<FollowedKey>, WitnessError> {
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(self.text(LOGS)?.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let rest = line
                .strip_prefix("log ")
                .ok_or_else(|| self.damaged(LOGS, number, &"a line reads `log <vkey> [origin]`"))?;
            let (vkey, origin) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
            let key: NoteKey = vkey
                .parse()
                .map_err(|fault| self.damaged(LOGS, number, &fault))?;
            keys.push(match origin {
                "" => FollowedKey::from(&key),
                origin => FollowedKey {
                    origin: origin.to_owned(),
                    key,
                },
            });
        }
        Ok(keys)
    }

    pub(super) fn set_logs(&self, keys: &[FollowedKey]) -> Result<(), DiskError> {
        let mut text = LOGS_HEAD.to_owned();
        for FollowedKey { key, origin } in keys {
            text.push_str(&match *origin == key.name().as_str() {
                true => format!("log {key}\n"),
                false => format!("log {key} {origin}\n"),
            });
        }
        self.engine.replace(LOGS, text.as_bytes())
    }

    pub(super) fn has_no_state(&self, origin: &str) -> Result<bool, DiskError> {
        Ok(self.get(&state_name(origin))?.is_none())
    }

    /// What was last cosigned for a log. A missing state is an error: it was written before the log
    /// came into the list.
    pub(super) fn state(
        &self,
        origin: &str,
        cosigner: &CosignerKey,
    ) -> Result<LogState, WitnessError> {
        let name = state_name(origin);
        let lost = |why: String| WitnessError::StateLost {
            origin: origin.to_owned(),
            path: self.engine.place(&name),
            why,
        };
        match self.get(&name)? {
            Some(bytes) => LogState::parse(&bytes, origin, cosigner)
                .map_err(|why| lost(format!("is damaged: {why}"))),
            None => Err(lost("is missing".to_owned())),
        }
    }

    /// Replaces the state of a log durably.
    pub(super) fn keep(&self, origin: &str, state: &LogState) -> Result<(), DiskError> {
        let bytes = state.format().into_bytes();
        self.engine.replace(&state_name(origin), &bytes)
    }

    /// Keeps a refused request beside what contradicts it; `None` where there is enough of its kind.
    pub(super) fn keep_evidence(
        &self,
        evidence: ForkEvidence,
        state: &LogState,
        request: &[u8],
    ) -> Result<Option<PathBuf>, DiskError> {
        let (kind, most) = match evidence {
            ForkEvidence::Fork => ("fork", FORKS),
            ForkEvidence::Unproven => ("unproven", UNPROVEN),
        };
        let digest = Sha256Digest::of(request).to_string();
        let stem = format!("{kind}-{}", digest.get(..16).unwrap_or(&digest));
        let name = format!("{EVIDENCE}/{stem}.request");
        // The same request again is the same evidence.
        if self.get(&name)?.is_none() {
            let of_kind = self.engine.list(&format!("{EVIDENCE}/{kind}-"))?;
            let requests = of_kind.iter().filter(|name| name.ends_with(".request"));
            if requests.count() >= most {
                return Ok(None);
            }
            let known = format!("{EVIDENCE}/{stem}.known");
            self.engine.replace(&known, state.format().as_bytes())?;
            self.engine.replace(&name, request)?;
        }
        Ok(Some(self.engine.place(&name)))
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        self.engine.get(name, SMALL_FILE)
    }

    fn text(&self, name: &str) -> Result<String, WitnessError> {
        let bytes = self.get(name)?;
        let bytes = bytes.ok_or_else(|| self.damaged(name, 1, &"it is missing"))?;
        String::from_utf8(bytes).map_err(|fault| self.damaged(name, 1, &fault))
    }

    fn damaged(&self, name: &str, line: usize, why: &dyn std::fmt::Display) -> WitnessError {
        WitnessError::Damaged {
            path: self.engine.place(name),
            line,
            why: why.to_string(),
        }
    }
}

/// Where the state of a log lies in the folder.
fn state_name(origin: &str) -> String {
    format!("{STATE}/{}", name_of(origin))
}
