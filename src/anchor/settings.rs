//! What the ledger's operator chose, in the state folder: it is this host's business, and a copy of
//! the ledger's folder must not carry it along.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::store::publish;
use crate::sys::disk::{Disk, DiskCause, DiskError};
use crate::sys::lock::{LockError, WriteLock};
use crate::time::Timestamp;
use crate::trust::Trust;

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
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl AnchorSettings {
    /// The settings below the state folder `state`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, state: &Path) -> Self {
        Self {
            disk,
            dir: state.join(FOLDER),
        }
    }

    /// Whether anything was ever chosen. Costs one look at the disk.
    #[must_use]
    pub fn exist(&self) -> bool {
        matches!(self.disk.metadata(&self.dir), Ok(Some(_)))
    }

    /// Their folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is kept about witnesses.
    #[must_use]
    pub fn book(&self) -> CosignatureBook {
        CosignatureBook::new(self.disk.clone(), &self.dir)
    }

    /// The lock of those who ask witnesses: one at a time.
    ///
    /// # Errors
    /// Somebody asks for longer than `wait`, or the disk's refusal.
    pub fn lock(&self, now: Timestamp, wait: Duration) -> Result<WriteLock, LockError> {
        WriteLock::acquire(&self.dir, wait, "ledger witness ask", now)
    }

    /// Where each commit's checkpoint goes.
    ///
    /// # Errors
    /// The file is damaged, or the disk's refusal.
    pub fn destinations(&self) -> Result<Vec<Destination>, AnchorSettingsError> {
        let path = self.dir.join(DESTINATIONS);
        let text = self.read(&path)?;
        let mut destinations = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let destination =
                serde_json::from_str(text).map_err(|why| AnchorSettingsError::Damaged {
                    path: path.clone(),
                    line,
                    why: why.to_string(),
                })?;
            destinations.push(destination);
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
        let trust =
            Trust::parse(text.as_bytes()).map_err(|fault| AnchorSettingsError::Damaged {
                path: self.dir.join(WITNESSES),
                line: fault.line,
                why: fault.fault.to_string(),
            })?;
        Ok(Some(trust))
    }

    /// The file as it stands; empty where nobody was chosen.
    ///
    /// # Errors
    /// It is not text, or the disk's refusal.
    pub fn witness_file(&self) -> Result<String, AnchorSettingsError> {
        self.read(&self.dir.join(WITNESSES))
    }

    /// The checkpoint that was last handed to the commands.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn handed(&self) -> Result<String, AnchorSettingsError> {
        self.read(&self.dir.join(HANDED))
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

    fn read(&self, path: &Path) -> Result<String, AnchorSettingsError> {
        match self.disk.read(path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|why| AnchorSettingsError::Damaged {
                path: path.to_owned(),
                line: 1,
                why: why.to_string(),
            }),
            Err(fault) if fault.cause() == DiskCause::Missing => Ok(String::new()),
            Err(fault) => Err(fault.into()),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), DiskError> {
        self.disk.create_dir(&self.dir)?;
        publish::durably(&*self.disk, &self.dir.join(name), text.as_bytes())
    }
}
