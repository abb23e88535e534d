//! A ledger in a database, shown as the folder that it would be: whatever reads a ledger reads this one, by the same code
//! and with the same doubts.
//!
//! All other paths go to the disk below. What a name holds is replaced as a whole, by a file that gets its name when it
//! is written; a lock, a folder and a file that is overwritten in place are not to be had here.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::engine::DatabaseEngine;
use crate::store::engine::Engine as _;
use crate::sys::disk::{DirEntry, Disk, DiskError, FileHandle, FileKind, Metadata, RawFile};

/// A disk on which ledgers in databases can be seen.
#[derive(Debug)]
pub struct DatabaseDisk {
    below: Arc<dyn Disk>,
    shown: Mutex<BTreeMap<PathBuf, DatabaseEngine>>,
    /// Files that have no name of the ledger yet.
    begun: Mutex<BTreeMap<PathBuf, UnnamedFile>>,
}

/// The bytes of a file that is being written.
#[derive(Debug, Clone, Default)]
struct UnnamedFile(Arc<Mutex<Vec<u8>>>);

impl DatabaseDisk {
    /// Over another disk. Nothing is shown yet.
    #[must_use]
    pub fn over(below: Arc<dyn Disk>) -> Self {
        Self {
            below,
            shown: Mutex::default(),
            begun: Mutex::default(),
        }
    }

    /// Shows a ledger as the folder `dir`; the one that is shown there already, where there is one.
    pub fn show(&self, dir: &Path, open: impl FnOnce() -> DatabaseEngine) -> DatabaseEngine {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.entry(dir.to_owned()).or_insert_with(open).clone()
    }

    /// The ledger that a path leads to, and the name in it.
    fn ledger(&self, path: &Path) -> Option<(DatabaseEngine, String)> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().find_map(|(dir, engine)| {
            let name = path.strip_prefix(dir).ok()?.to_str()?;
            Some((engine.clone(), name.to_owned()))
        })
    }

    fn begun(&self, path: &Path) -> Option<UnnamedFile> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(path).cloned()
    }
}

impl UnnamedFile {
    fn bytes<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RawFile for UnnamedFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = from.saturating_add(buf.len());
        let whole = self.bytes(|bytes| bytes.get(from..end).map(<[u8]>::to_vec));
        buf.copy_from_slice(&whole.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, written: &[u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        self.bytes(|bytes| {
            let end = from.saturating_add(written.len());
            bytes.resize(bytes.len().max(end), 0);
            bytes.splice(from..end, written.iter().copied());
        });
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes(|bytes| bytes.len() as u64))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.bytes(|bytes| bytes.resize(len, 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

fn not_here(doing: &'static str, path: &Path) -> DiskError {
    let why = "the ledger is in a database, which has no such file";
    DiskError::new(
        doing,
        path,
        io::Error::new(io::ErrorKind::ReadOnlyFilesystem, why),
    )
}

/// What stands directly in a folder, by the names below it.
fn entries_of(names: &[String], folder: &str) -> Vec<DirEntry> {
    let mut found = BTreeSet::new();
    for name in names {
        let below = name.strip_prefix(folder).unwrap_or(name);
        let (name, is_folder) = match below.split_once('/') {
            Some((first, _)) => (first, true),
            None => (below, false),
        };
        found.insert((name.to_owned(), is_folder));
    }
    let entry = |(name, is_folder): (String, bool)| DirEntry {
        name: OsString::from(name),
        kind: match is_folder {
            true => FileKind::Folder,
            false => FileKind::File,
        },
    };
    found.into_iter().map(entry).collect()
}

/// How the names in a folder begin.
fn prefix(folder: &str) -> String {
    match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    }
}

impl Disk for DatabaseDisk {
    fn open(&self, path: &Path) -> Result<FileHandle, DiskError> {
        match self.ledger(path) {
            Some(_) => Err(not_here("open", path)),
            None => self.below.open(path),
        }
    }

    fn create(&self, path: &Path) -> Result<FileHandle, DiskError> {
        if self.ledger(path).is_none() {
            return self.below.create(path);
        }
        let file = UnnamedFile::default();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.insert(path.to_owned(), file.clone());
        Ok(FileHandle::new(Box::new(file), path))
    }

    fn read_at_most(&self, path: &Path, most: u64) -> Result<Vec<u8>, DiskError> {
        let Some((ledger, name)) = self.ledger(path) else {
            return self.below.read_at_most(path, most);
        };
        let missing = || DiskError::new("read", path, io::ErrorKind::NotFound.into());
        ledger.get(&name, most)?.ok_or_else(missing)
    }

    fn is_shown(&self, dir: &Path) -> bool {
        self.ledger(dir).is_some() || self.below.is_shown(dir)
    }

    fn at_one_moment(
        &self,
        dir: &Path,
        names: &[&str],
    ) -> Result<Option<Vec<Option<Vec<u8>>>>, DiskError> {
        match self.ledger(dir) {
            Some((ledger, _)) => ledger.at_one_moment(names).map(Some),
            None => self.below.at_one_moment(dir, names),
        }
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        let Some((ledger, name)) = self.ledger(dir) else {
            return self.below.list(dir);
        };
        let prefix = prefix(&name);
        Ok(entries_of(&ledger.list(&prefix)?, &prefix))
    }

    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        match self.ledger(path) {
            // A name needs no folder.
            Some(_) => Ok(()),
            None => self.below.create_dir(path),
        }
    }

    fn keep_private(&self, path: &Path) -> Result<(), DiskError> {
        match self.ledger(path) {
            Some(_) => Ok(()),
            None => self.below.keep_private(path),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let Some((ledger, name)) = self.ledger(to) else {
            return self.below.rename(from, to);
        };
        match self.begun(from) {
            Some(file) => {
                ledger.replace(&name, &file.bytes(|bytes| bytes.clone()))?;
                let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                begun.remove(from);
                Ok(())
            }
            // It has a name of the ledger already.
            None => {
                ledger.replace(&name, &self.read_at_most(from, u64::MAX)?)?;
                self.remove(from)
            }
        }
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        match self.ledger(path) {
            Some((ledger, name)) => ledger.remove(&name),
            None => self.below.remove(path),
        }
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        match self.ledger(dir) {
            Some(_) => Ok(()),
            None => self.below.sync_dir(dir),
        }
    }

    fn make_read_only(&self, path: &Path) -> Result<(), DiskError> {
        match self.ledger(path) {
            Some(_) => Ok(()),
            None => self.below.make_read_only(path),
        }
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, DiskError> {
        let Some((ledger, name)) = self.ledger(path) else {
            return self.below.metadata(path);
        };
        let folder = Metadata {
            kind: FileKind::Folder,
            len: 0,
        };
        if name.is_empty() {
            // Always there, so that a database that gives no answer is not taken for a ledger that is gone.
            return Ok(Some(folder));
        }
        if let Some(bytes) = ledger.get(&name, u64::MAX)? {
            return Ok(Some(Metadata {
                kind: FileKind::File,
                len: bytes.len() as u64,
            }));
        }
        let below = ledger.list(&prefix(&name))?;
        Ok((!below.is_empty()).then_some(folder))
    }
}
