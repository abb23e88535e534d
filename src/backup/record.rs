//! What a backup says of itself, in a file that is written last.
//!
//! A folder in which a backup was begun has one of no entries, so that nothing else is taken for a backup.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::{LedgerId, Link, NodeHash, Sha256Digest};
use crate::key::PublicKey;
use crate::ledger::BACKUP_FILE;
use crate::note::Origin;
use crate::store::blobs::ATTACHMENTS;
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::publish::is_leftover;
use crate::store::tail::MAX_TAIL;
use crate::sys::disk::SMALL_FILE;
use crate::time::Timestamp;

use super::error::BackupError;

const SCHEMA: &str = "rotation-ledger/backup-record/1";

/// What a backup says of itself. It is a help against accidents: nothing in it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRecord {
    schema: String,
    /// The ledger's id.
    pub ledger: LedgerId,
    /// Its name.
    pub origin: Origin,
    /// When the backup was made.
    pub made_utc: Timestamp,
    /// How many entries it has; 0 while the first backup into the folder is not whole.
    pub size: u64,
    /// Their root.
    pub root: NodeHash,
    /// The link of the last one.
    pub link: Link,
    /// The sealing key that is in it, encrypted.
    pub sealing_key: Option<PublicKey>,
    /// The SHA-256 of each file that no entry accounts for.
    pub files: BTreeMap<String, Sha256Digest>,
    /// The SHA-256 of this text with nothing here.
    check: String,
}

impl BackupRecord {
    /// That a backup of this ledger is begun.
    pub(super) fn begun(ledger: LedgerId, origin: Origin, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            ledger,
            origin,
            made_utc: now,
            size: 0,
            root: NodeHash::empty(),
            link: Link::ZERO,
            sealing_key: None,
            files: BTreeMap::new(),
            check: String::new(),
        }
    }

    /// The record as it is written.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let text = |check: String| {
            let mut text = serde_json::to_vec_pretty(&Self {
                check,
                ..self.clone()
            })
            .unwrap_or_default();
            text.push(b'\n');
            text
        };
        let unchecked = text(String::new());
        text(Sha256Digest::of(&unchecked).to_string())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
        if read.schema != SCHEMA {
            return Err(format!("it is of the form {}", read.schema));
        }
        match read.encode() == bytes {
            true => Ok(read),
            false => Err("its bytes are not those that were written".to_owned()),
        }
    }

    /// That of the backup in a folder; none where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(folder: &FolderEngine) -> Result<Option<Self>, BackupError> {
        let Some(bytes) = folder.get(BACKUP_FILE, SMALL_FILE)? else {
            return Ok(None);
        };
        let read = Self::decode(&bytes);
        read.map(Some).map_err(|why| BackupError::Unusable {
            path: folder.place(BACKUP_FILE),
            why,
        })
    }

    /// That of the backup in a folder to which the next goes; none where it is missing or empty.
    ///
    /// # Errors
    /// It holds something else.
    pub(super) fn look(folder: &FolderEngine) -> Result<Option<Self>, BackupError> {
        if let Some(record) = Self::read(folder)? {
            return Ok(Some(record));
        }
        let names = folder.top()?.unwrap_or_default();
        match names.into_iter().find(|name| !is_leftover(name)) {
            None => Ok(None),
            Some(found) => Err(BackupError::NoBackup {
                path: folder.place(""),
                found,
            }),
        }
    }

    /// The files beside log and attachments, by their SHA-256.
    pub(super) fn files_in(
        folder: &FolderEngine,
    ) -> Result<BTreeMap<String, Sha256Digest>, BackupError> {
        let mut files = BTreeMap::new();
        for name in folder.list("")? {
            let elsewhere = ["tile", ATTACHMENTS].iter().any(|top| {
                let rest = name.strip_prefix(top);
                rest.is_some_and(|rest| rest.starts_with('/'))
            });
            if !elsewhere && name != BACKUP_FILE {
                let bytes = folder.need(&name, MAX_TAIL as u64)?;
                files.insert(name, Sha256Digest::of(&bytes));
            }
        }
        Ok(files)
    }
}
