//! What the ledger's operator chose, in the state folder: it is this host's business, and a copy of
//! the ledger's folder must not carry it along.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::checkpoint::CosignerKey;
use crate::note::NoteKeyError;
use crate::store::publish;
use crate::sys::disk::Cause;
use crate::sys::disk::Disk;
use crate::sys::disk::DiskError;

use super::Destination;

/// The folder below the state folder. Where it is not, nothing is configured.
const FOLDER: &str = "anchoring";
const DESTINATIONS: &str = "destinations";
/// Whom to ask, and how many of them are enough: a C2SP tlog-policy.
const WITNESSES: &str = "witnesses";

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
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

/// A witness to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessLine {
    /// What the operator calls it.
    pub name: String,
    /// Its key.
    pub key: CosignerKey,
    /// Where it is asked: the submission prefix, without `/add-checkpoint`.
    pub url: String,
}

/// The witnesses of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WitnessList {
    /// In the order of the file.
    pub witnesses: Vec<WitnessLine>,
}

impl WitnessList {
    /// Whether cosignatures by these witnesses are enough.
    #[must_use]
    pub fn is_quorum(&self, names: &[&str]) -> bool {
        self.witnesses
            .iter()
            .all(|witness| names.contains(&&*witness.name))
    }

    /// The file: every witness has to cosign.
    #[must_use]
    pub fn format(&self) -> String {
        let mut text = String::new();
        let mut group = "group all-of-them all".to_owned();
        for WitnessLine { name, key, url } in &self.witnesses {
            text.push_str(&format!("witness {name} {key} {url}\n"));
            group.push_str(&format!(" {name}"));
        }
        format!("{text}{group}\nquorum all-of-them\n")
    }
}

/// The settings of one ledger.
#[derive(Debug)]
pub struct Settings {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Settings {
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

    /// Where each commit's checkpoint goes.
    ///
    /// # Errors
    /// The file is damaged, or the disk's refusal.
    pub fn destinations(&self) -> Result<Vec<Destination>, SettingsError> {
        let path = self.dir.join(DESTINATIONS);
        let text = self.read(&path)?;
        let mut destinations = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let destination = serde_json::from_str(text).map_err(|why| SettingsError::Damaged {
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

    /// Whom to ask.
    ///
    /// # Errors
    /// The file is damaged, or the disk's refusal.
    pub fn witnesses(&self) -> Result<WitnessList, SettingsError> {
        let path = self.dir.join(WITNESSES);
        let text = self.read(&path)?;
        let mut list = WitnessList::default();
        for (line, text) in (1..).zip(text.lines()) {
            let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
            if words.next() != Some("witness") {
                continue;
            }
            let damaged = |why: String| SettingsError::Damaged {
                path: path.clone(),
                line,
                why,
            };
            let (Some(name), Some(vkey)) = (words.next(), words.next()) else {
                return Err(damaged(
                    "a line reads `witness <name> <vkey> <url>`".to_owned(),
                ));
            };
            let key = vkey
                .parse()
                .map_err(|fault: NoteKeyError| damaged(fault.to_string()))?;
            // One without a url is asked by hand; its cosignatures count all the same.
            list.witnesses.push(WitnessLine {
                name: name.to_owned(),
                key,
                url: words.next().unwrap_or_default().to_owned(),
            });
        }
        Ok(list)
    }

    /// Replaces the file of witnesses; the text was read and found good by the caller.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_witnesses(&self, text: &str) -> Result<(), DiskError> {
        self.write(WITNESSES, text)
    }

    pub(super) fn read(&self, path: &Path) -> Result<String, SettingsError> {
        match self.disk.read(path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|why| SettingsError::Damaged {
                path: path.to_owned(),
                line: 1,
                why: why.to_string(),
            }),
            Err(fault) if fault.cause() == Cause::Missing => Ok(String::new()),
            Err(fault) => Err(fault.into()),
        }
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), DiskError> {
        self.disk.create_dir(&self.dir)?;
        publish::durably(&*self.disk, &self.dir.join(name), text.as_bytes())
    }
}
