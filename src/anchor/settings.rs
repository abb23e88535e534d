//! What the ledger's operator chose, in the state folder: it is this host's business, and a copy of
//! the ledger's folder must not carry it along.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::store::engine::{Engine, FolderEngine};
use crate::sys::disk::{Disk, DiskError, SMALL_FILE};
use crate::sys::lock::{LockError, WriteLock};
use crate::time::Timestamp;
use crate::trust::{Trust, TrustFileError};

use super::cosigned::CosignatureBook;
use super::destination::Destination;

/// The folder below the state folder. Where it is not, nothing is configured.
const FOLDER: &str = "anchoring";
const DESTINATIONS: &str = "destinations";
/// Whom to ask, and how many of them are enough: a C2SP tlog-policy.
const WITNESSES: &str = "witnesses";
/// The text of the checkpoint that every command has got.
const HANDED: &str = "handed";

/// Why the anchor settings cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorSettingsError {
    /// A line that nobody wrote.
    #[error("{}, line {line}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Where a ledger's checkpoints go and which witnesses are asked, as files of its state folder.
#[derive(Debug)]
pub struct AnchorSettings {
    engine: FolderEngine,
    state: PathBuf,
    dir: PathBuf,
}

impl AnchorSettings {
    /// The settings below the state folder `state`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, state: &Path) -> Self {
        let dir = state.join(FOLDER);
        Self {
            engine: FolderEngine::new(disk, &dir),
            state: state.to_owned(),
            dir,
        }
    }

    /// Whether anything was ever chosen.
    #[must_use]
    pub fn exist(&self) -> bool {
        let stands = |name: &&str| !matches!(self.engine.get(name, SMALL_FILE), Ok(None));
        [DESTINATIONS, WITNESSES].iter().any(stands)
    }

    /// The state folder that they are below.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// What is kept about witnesses.
    #[must_use]
    pub fn book(&self) -> CosignatureBook {
        CosignatureBook::new(self.engine.clone())
    }

    /// The lock of those who ask witnesses: one at a time.
    ///
    /// # Errors
    /// Somebody asks for longer than `wait`, or the disk's refusal.
    pub fn lock(&self, now: Timestamp, wait: Duration) -> Result<WriteLock, LockError> {
        WriteLock::acquire(&self.dir, wait, "asking witnesses", now)
    }

    /// Where each commit's checkpoint goes.
    ///
    /// # Errors
    /// The file is damaged, or the disk's refusal.
    pub fn destinations(&self) -> Result<Vec<Destination>, AnchorSettingsError> {
        let text = self.read(DESTINATIONS)?;
        let mut destinations = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let destination = serde_json::from_str(text);
            destinations.push(destination.map_err(|why| self.damaged(DESTINATIONS, line, &why))?);
        }
        Ok(destinations)
    }

    /// Replaces them.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_destinations(&self, destinations: &[Destination]) -> Result<(), DiskError> {
        let mut text = String::new();
        for destination in destinations {
            text.push_str(&serde_json::json!(destination).to_string());
            text.push('\n');
        }
        self.write(DESTINATIONS, &text)
    }

    /// Whom to ask, and how many are enough; `None` where nobody was chosen.
    ///
    /// # Errors
    /// The file is damaged, or the disk's refusal.
    pub fn witnesses(&self) -> Result<Option<Trust>, AnchorSettingsError> {
        let text = self.witness_file()?;
        if text.is_empty() {
            return Ok(None);
        }
        let trust = Trust::parse(text.as_bytes());
        let damaged = |fault: TrustFileError| self.damaged(WITNESSES, fault.line, &fault.fault);
        Ok(Some(trust.map_err(damaged)?))
    }

    /// The file as it stands; empty where nobody was chosen.
    ///
    /// # Errors
    /// It is not text, or the disk's refusal.
    pub fn witness_file(&self) -> Result<String, AnchorSettingsError> {
        self.read(WITNESSES)
    }

    /// The checkpoint that was last handed to the commands.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn handed(&self) -> Result<String, AnchorSettingsError> {
        self.read(HANDED)
    }

    /// Remembers that the commands have got a checkpoint.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_handed(&self, text: &str) -> Result<(), DiskError> {
        self.write(HANDED, text)
    }

    /// Replaces the file of witnesses; the text was read and found good by the caller.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_witnesses(&self, text: &str) -> Result<(), DiskError> {
        self.write(WITNESSES, text)
    }

    fn read(&self, name: &str) -> Result<String, AnchorSettingsError> {
        let bytes = self.engine.get(name, SMALL_FILE)?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|why| self.damaged(name, 1, &why))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), DiskError> {
        self.engine.replace(name, text.as_bytes())
    }

    fn damaged(&self, name: &str, line: usize, why: &dyn std::fmt::Display) -> AnchorSettingsError {
        AnchorSettingsError::Damaged {
            path: self.engine.place(name),
            line,
            why: why.to_string(),
        }
    }
}
