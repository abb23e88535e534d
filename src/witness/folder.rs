//! What a witness knows, in its folder (FORMAT.md, "The folder of a witness").

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CosignerKey};
use crate::hash::Sha256Digest;
use crate::note::{KeyName, NoteKey, SignedNote};
use crate::store::publish;
use crate::sys::disk::{Disk, DiskCause, DiskError};

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

/// What was last cosigned for one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogState {
    Nothing(KeyName),
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
        origin: &KeyName,
        cosigner: &CosignerKey,
    ) -> Result<Self, String> {
        let nothing = Self::Nothing(origin.clone());
        if bytes == nothing.format().as_bytes() {
            return Ok(nothing);
        }
        let note = SignedNote::parse(bytes).map_err(|fault| fault.to_string())?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|fault| fault.to_string())?;
        if checkpoint.origin != *origin {
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
pub fn name_of(origin: &KeyName) -> String {
    Sha256Digest::of(origin.as_str().as_bytes()).to_string()
}

/// The folder of a witness: its key, the logs it follows, and what it last cosigned for each.
#[derive(Debug)]
pub(super) struct WitnessFolder {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl WitnessFolder {
    pub(super) fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        cosigner: &CosignerKey,
    ) -> Result<Self, WitnessError> {
        let folder = Self {
            disk,
            dir: dir.to_owned(),
        };
        if folder.disk.metadata(&dir.join(VKEY))?.is_some() {
            return Err(WitnessError::Exists(dir.to_owned()));
        }
        for name in [STATE, EVIDENCE] {
            folder.disk.create_dir(&dir.join(name))?;
        }
        publish::durably(&*folder.disk, &dir.join(LOGS), LOGS_HEAD.as_bytes())?;
        let line = format!("{cosigner}\n");
        publish::durably(&*folder.disk, &dir.join(VKEY), line.as_bytes())?;
        Ok(folder)
    }

    pub(super) fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, WitnessError> {
        let folder = Self {
            disk,
            dir: dir.to_owned(),
        };
        match folder.disk.metadata(&dir.join(VKEY))? {
            Some(_) => Ok(folder),
            None => Err(WitnessError::NoWitness(dir.to_owned())),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn cosigner(&self) -> Result<CosignerKey, WitnessError> {
        let path = self.dir.join(VKEY);
        let text = self.text(&path)?;
        text.trim_end()
            .parse()
            .map_err(|fault| damaged(&path, 1, &fault))
    }

    /// The keys of the logs that are followed.
    pub(super) fn logs(&self) -> Result<Vec<NoteKey>, WitnessError> {
        let path = self.dir.join(LOGS);
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(self.text(&path)?.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let vkey = line
                .strip_prefix("log ")
                .ok_or_else(|| damaged(&path, number, &"a line reads `log <vkey>`"))?;
            keys.push(
                vkey.trim()
                    .parse()
                    .map_err(|fault| damaged(&path, number, &fault))?,
            );
        }
        Ok(keys)
    }

    pub(super) fn set_logs(&self, keys: &[NoteKey]) -> Result<(), DiskError> {
        let mut text = LOGS_HEAD.to_owned();
        for key in keys {
            text.push_str(&format!("log {key}\n"));
        }
        publish::durably(&*self.disk, &self.dir.join(LOGS), text.as_bytes())
    }

    fn state_path(&self, origin: &KeyName) -> PathBuf {
        self.dir.join(STATE).join(name_of(origin))
    }

    pub(super) fn has_no_state(&self, origin: &KeyName) -> Result<bool, DiskError> {
        Ok(self.disk.metadata(&self.state_path(origin))?.is_none())
    }

    /// What was last cosigned for a log. A missing state is an error: it was written before the log
    /// came into the list.
    pub(super) fn state(
        &self,
        origin: &KeyName,
        cosigner: &CosignerKey,
    ) -> Result<LogState, WitnessError> {
        let path = self.state_path(origin);
        let lost = |why: String| WitnessError::StateLost {
            origin: origin.clone(),
            path: path.clone(),
            why,
        };
        match self.disk.read(&path) {
            Ok(bytes) => LogState::parse(&bytes, origin, cosigner)
                .map_err(|why| lost(format!("is damaged: {why}"))),
            Err(fault) if fault.cause() == DiskCause::Missing => Err(lost("is missing".to_owned())),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Replaces the state of a log durably.
    pub(super) fn keep(&self, origin: &KeyName, state: &LogState) -> Result<(), DiskError> {
        let path = self.state_path(origin);
        publish::durably(&*self.disk, &path, state.format().as_bytes())
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
        let dir = self.dir.join(EVIDENCE);
        let digest = Sha256Digest::of(request).to_string();
        let name = format!("{kind}-{}", digest.get(..16).unwrap_or(&digest));
        let path = dir.join(format!("{name}.request"));
        // The same request again is the same evidence.
        if self.disk.metadata(&path)?.is_some() {
            return Ok(Some(path));
        }
        let of_kind = |found: &crate::sys::disk::DirEntry| {
            let found = found.name.to_string_lossy();
            found.starts_with(kind) && found.ends_with(".request")
        };
        if self
            .disk
            .list(&dir)?
            .iter()
            .filter(|found| of_kind(found))
            .count()
            >= most
        {
            return Ok(None);
        }
        let known = dir.join(format!("{name}.known"));
        publish::durably(&*self.disk, &known, state.format().as_bytes())?;
        publish::durably(&*self.disk, &path, request)?;
        Ok(Some(path))
    }

    fn text(&self, path: &Path) -> Result<String, WitnessError> {
        let bytes = self.disk.read(path)?;
        String::from_utf8(bytes).map_err(|fault| damaged(path, 1, &fault))
    }
}

fn damaged(path: &Path, line: usize, why: &dyn std::fmt::Display) -> WitnessError {
    WitnessError::Damaged {
        path: path.to_owned(),
        line,
        why: why.to_string(),
    }
}
