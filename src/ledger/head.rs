//! The newest checkpoint in its two places: in the folder, and outside it.
//!
//! Both are written after every commit, in place and without a sync: a rename costs more than the
//! append itself. A power cut may therefore bring back an older one, which the ledger extends. It
//! does not leave a mixture of two: a note is shorter than a disk sector, and where the new one has
//! another length than the old one, it is written aside and renamed.

use std::path::{Path, PathBuf};

use crate::checkpoint::{self, Checkpoint};
use crate::ledger::error::OpenError;
use crate::note::NoteKey;
use crate::store::publish;
use crate::sys::disk::{Disk, DiskCause, DiskError, FileHandle};

/// What one of the two places holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeadCheckpoint {
    /// A checkpoint signed by the ledger's key, and its bytes.
    Intact(Checkpoint, Vec<u8>),
    /// Nothing that could be used, and why.
    Lost(&'static str),
}

impl HeadCheckpoint {
    /// Reads the checkpoint at `path`. Where it has the very bytes of one that was `read_before`, the
    /// same holds of it.
    ///
    /// # Errors
    /// A whole checkpoint of another ledger, or the disk's refusal. One that is missing, cut short
    /// or not signed by any of `keys` is [`HeadCheckpoint::Lost`].
    pub(crate) fn read(
        disk: &dyn Disk,
        path: &Path,
        keys: &[NoteKey],
        read_before: Option<&Self>,
    ) -> Result<Self, OpenError> {
        let bytes = match disk.read(path) {
            Ok(bytes) => bytes,
            Err(fault) if fault.cause() == DiskCause::Missing => {
                return Ok(Self::Lost("it is missing"));
            }
            Err(fault) => return Err(fault.into()),
        };
        if bytes.is_empty() {
            return Ok(Self::Lost("it is empty"));
        }
        if let Some(same @ Self::Intact(_, before)) = read_before
            && *before == bytes
        {
            return Ok(same.clone());
        }
        for key in keys {
            if let Ok(signed) = checkpoint::open(&bytes, key) {
                return Ok(Self::Intact(signed.checkpoint().clone(), bytes));
            }
        }
        if let Ok(stated) = checkpoint::stated(&bytes)
            && keys.iter().all(|key| *key.name() != stated.origin)
        {
            return Err(OpenError::OtherLedgersHead {
                path: path.to_owned(),
                origin: stated.origin.to_string(),
            });
        }
        // In few words and without its content: this is recorded, and it could hold anything.
        Ok(Self::Lost(
            "it is damaged, or not signed by the ledger's key",
        ))
    }

    pub(crate) const fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Intact(checkpoint, _) => Some(checkpoint),
            Self::Lost(_) => None,
        }
    }
}

/// The two files, open for writing.
#[derive(Debug)]
pub(crate) struct HeadFiles {
    note: String,
    files: [HeadFile; 2],
}

#[derive(Debug)]
struct HeadFile {
    path: PathBuf,
    /// Open while the file holds exactly the `length` bytes of the last note.
    handle: Option<FileHandle>,
    length: usize,
}

impl HeadFiles {
    /// For the checkpoint in the folder and the one outside. Nothing is written yet.
    pub(crate) fn new(checkpoint: PathBuf, head: PathBuf) -> Self {
        let file = |path| HeadFile {
            path,
            handle: None,
            length: 0,
        };
        Self {
            note: String::new(),
            files: [file(checkpoint), file(head)],
        }
    }

    /// The newest note.
    pub(crate) fn note(&self) -> &str {
        &self.note
    }

    /// Takes the note that both files hold already, so that they are not written again.
    pub(crate) fn adopt(&mut self, disk: &dyn Disk, note: String) {
        for file in &mut self.files {
            file.length = note.len();
            // Where it cannot be opened, the next note is written as a new file, or says why not.
            file.handle = disk.open(&file.path).ok();
        }
        self.note = note;
    }

    /// Writes `note` to both places, in place where it has the length of the one before.
    ///
    /// # Errors
    /// The disk's refusal. Both were tried.
    pub(crate) fn publish(&mut self, disk: &dyn Disk, note: String) -> Result<(), DiskError> {
        let results = self
            .files
            .each_mut()
            .map(|file| file.write(disk, note.as_bytes()));
        self.note = note;
        results.into_iter().collect()
    }

    /// Makes the newest note durable in both places: after a power cut it is there.
    ///
    /// # Errors
    /// The disk's refusal. Both were tried.
    pub(crate) fn make_durable(&mut self, disk: &dyn Disk) -> Result<(), DiskError> {
        let note = self.note.as_bytes();
        let results = self
            .files
            .each_mut()
            .map(|file| file.write_durably(disk, note));
        results.into_iter().collect()
    }
}

impl HeadFile {
    fn write(&mut self, disk: &dyn Disk, note: &[u8]) -> Result<(), DiskError> {
        match self.handle.take() {
            Some(mut handle) if self.length == note.len() => {
                // Not put back after an error: what the file holds is then unknown.
                handle.write_at(note, 0)?;
                self.handle = Some(handle);
                Ok(())
            }
            _ => self.write_durably(disk, note),
        }
    }

    fn write_durably(&mut self, disk: &dyn Disk, note: &[u8]) -> Result<(), DiskError> {
        self.handle = None;
        publish::durably(disk, &self.path, note)?;
        self.handle = Some(disk.open(&self.path)?);
        self.length = note.len();
        Ok(())
    }
}
