//! The index as sled keeps it.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::hash::Link;

use super::folder::Folder;
use super::guard::{GuardError, guarded, guarded_within};
use super::terms::{IndexChange, IndexError, IndexPair, IndexPosition, IndexTable};

/// Far longer than opening or flushing ever takes; only a call that never returns exceeds it.
const LIMIT: Duration = Duration::from_secs(60);

const BUSY_LIMIT: Duration = Duration::from_secs(2);
const BUSY_PAUSE: Duration = Duration::from_millis(5);

const MARKER_KEY: [u8; 1] = [0];
const MARKER_BYTES: usize = 40;
const TABLE_KEY: u8 = 1;
impl IndexPosition {
    fn encode(self) -> [u8; MARKER_BYTES] {
        let mut bytes = [0; MARKER_BYTES];
        let (size, link) = bytes.split_at_mut(8);
        size.copy_from_slice(&self.size.to_le_bytes());
        link.copy_from_slice(self.link.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (size, link) = bytes.split_first_chunk()?;
        Some(Self {
            size: u64::from_le_bytes(*size),
            link: Link::from_bytes(link.try_into().ok()?),
        })
    }
}

impl IndexTable {
    fn key(self, key: &[u8]) -> Vec<u8> {
        [&[TABLE_KEY, self.0], key].concat()
    }
}

/// An open index.
#[derive(Debug)]
pub struct Index {
    /// `None` only while it is being closed.
    db: Option<sled::Db>,
    folder: Folder,
    cache_bytes: u64,
}

impl Index {
    /// Opens the index in the folder `dir`, or makes one, with at most `cache_bytes` of cache. One
    /// that cannot be used is set aside, and a fresh one made: the second answer is why. Needs the writer's
    /// lock: opening writes.
    ///
    /// # Errors
    /// In use by somebody else, the disk's refusal, or damage in the fresh one too.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<(Self, Option<String>), IndexError> {
        let folder = Folder::new(dir);
        if !folder.exists() {
            return Ok((Self::make(folder, cache_bytes)?, None));
        }
        match Self::open_there(folder, cache_bytes) {
            Ok(index) => Ok((index, None)),
            Err(IndexError::Damaged(reason)) => {
                Ok((Self::replace(Folder::new(dir), cache_bytes)?, Some(reason)))
            }
            Err(other) => Err(other),
        }
    }

    /// Opens the index in `dir` only if there is one, and sets nothing aside. Opening writes to it,
    /// as sled knows no other way: an index under examination is looked at in a copy
    /// ([`copy`]).
    ///
    /// # Errors
    /// As [`Index::open`], and damage.
    pub fn open_existing(dir: &Path, cache_bytes: u64) -> Result<Option<Self>, IndexError> {
        let folder = Folder::new(dir);
        if !folder.exists() {
            return Ok(None);
        }
        Self::open_there(folder, cache_bytes).map(Some)
    }

    /// Sets this index aside, because a call said it is damaged or the log says that it lies, and
    /// makes a fresh one.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn set_aside(mut self) -> Result<Self, IndexError> {
        let (folder, cache_bytes) = (self.folder.clone(), self.cache_bytes);
        // It is being given up, so what it says about closing is of no interest.
        let _ = self.shut();
        Self::replace(folder, cache_bytes)
    }

    fn replace(folder: Folder, cache_bytes: u64) -> Result<Self, IndexError> {
        folder.set_aside().map_err(|e| refused(&folder, e))?;
        Self::make(folder, cache_bytes)
    }

    fn make(folder: Folder, cache_bytes: u64) -> Result<Self, IndexError> {
        // What sled makes inside has the modes of the umask, so nobody else is let in where that is wide.
        let mut builder = std::fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o755).create(folder.path());
        made.map_err(|e| refused(&folder, e))?;
        let mut index = Self::connect(folder, cache_bytes)?;
        // From now on an index without this marker is one that has lost its content.
        index.apply(&[], IndexPosition::NOTHING)?;
        index.flush()?;
        Ok(index)
    }

    fn open_there(folder: Folder, cache_bytes: u64) -> Result<Self, IndexError> {
        folder
            .remove_half_written()
            .map_err(|e| refused(&folder, e))?;
        if folder.was_in_use_before_boot() {
            let reason = "it was being written when the machine stopped".to_owned();
            return Err(IndexError::Damaged(reason));
        }
        let index = Self::connect(folder, cache_bytes)?;
        // sled opens a truncated file as an empty one, without a word.
        index.applied()?;
        Ok(index)
    }

    fn connect(folder: Folder, cache_bytes: u64) -> Result<Self, IndexError> {
        let config = sled::Config::new()
            .path(folder.path())
            .cache_capacity(cache_bytes)
            .flush_every_ms(None);
        let start = Instant::now();
        loop {
            let config = config.clone();
            let opened = guarded_within(LIMIT, move || config.open());
            match opened.map_err(|trouble| judge(&folder, trouble)) {
                Ok(db) => {
                    return Ok(Self {
                        db: Some(db),
                        folder,
                        cache_bytes,
                    });
                }
                // sled's own threads may keep its lock for a moment after the index was closed.
                Err(IndexError::Busy(_)) if start.elapsed() < BUSY_LIMIT => {
                    thread::sleep(BUSY_PAUSE);
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn call<T>(
        &self,
        call: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, IndexError> {
        let closed = || IndexError::Damaged("it is closed".to_owned());
        let db = self.db.as_ref().ok_or_else(closed)?;
        guarded(|| call(db)).map_err(|trouble| judge(&self.folder, trouble))
    }

    /// Up to which point of the log it was brought.
    ///
    /// # Errors
    /// Damage; also when the marker is not there, since every index is made with one.
    pub fn applied(&self) -> Result<IndexPosition, IndexError> {
        let stored = self.call(|db| db.get(MARKER_KEY))?;
        stored
            .and_then(|bytes| IndexPosition::decode(&bytes))
            .ok_or_else(|| IndexError::Damaged("its content is gone".to_owned()))
    }

    /// The value under a key.
    ///
    /// # Errors
    /// Damage, or the disk's refusal.
    pub fn get(&self, table: IndexTable, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let stored = self.call(|db| db.get(table.key(key)))?;
        Ok(stored.map(|value| value.to_vec()))
    }

    /// The last key of the table that is not after `key`, and its value.
    ///
    /// # Errors
    /// Damage, or the disk's refusal.
    pub fn at_or_before(
        &self,
        table: IndexTable,
        key: &[u8],
    ) -> Result<Option<IndexPair>, IndexError> {
        let range = table.key(&[])..=table.key(key);
        self.call(|db| db.range(range).next_back().transpose())
            .map(|found| found.map(pair))
    }

    /// The same without copying the value.
    pub(super) fn key_at_or_before(
        &self,
        table: IndexTable,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, IndexError> {
        let range = table.key(&[])..=table.key(key);
        self.call(|db| db.range(range).next_back().transpose())
            .map(|found| found.map(|(key, _)| without_table(&key)))
    }

    /// Sets values, and records up to which point of the log this brings the index: all
    /// of it or, after a crash, nothing.
    ///
    /// # Errors
    /// Damage, or the disk's refusal; the index is then behind the log.
    pub fn apply(
        &mut self,
        changes: &[IndexChange],
        applied: IndexPosition,
    ) -> Result<(), IndexError> {
        self.folder
            .mark_in_use()
            .map_err(|e| refused(&self.folder, e))?;
        let mut batch = sled::Batch::default();
        for change in changes {
            batch.insert(change.table.key(&change.key), change.value.as_slice());
        }
        batch.insert(&MARKER_KEY, applied.encode().as_slice());
        self.call(|db| db.apply_batch(batch))
    }

    /// The pairs of a table whose keys begin with `prefix`, in the order of the keys, one at a time.
    /// It ends after the first error.
    pub fn iterate<'a>(
        &'a self,
        table: IndexTable,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<IndexPair, IndexError>> + use<'a> {
        let mut failed = None;
        let mut stored = match self.call(|db| Ok(db.scan_prefix(table.key(prefix)))) {
            Ok(stored) => Some(stored),
            Err(e) => {
                failed = Some(e);
                None
            }
        };
        std::iter::from_fn(move || {
            if let Some(e) = failed.take() {
                return Some(Err(e));
            }
            let iterator = stored.as_mut()?;
            match guarded(|| iterator.next().transpose()) {
                Ok(found) => found.map(|found| Ok(pair(found))),
                Err(trouble) => {
                    stored = None;
                    Some(Err(judge(&self.folder, trouble)))
                }
            }
        })
    }

    /// Hands everything to the operating system. Not a promise against a power cut: none is needed.
    ///
    /// # Errors
    /// Damage, or the disk's refusal.
    pub fn flush(&mut self) -> Result<(), IndexError> {
        let Some(db) = self.db.clone() else {
            return Ok(());
        };
        guarded_within(LIMIT, move || db.flush().map(drop))
            .map_err(|trouble| judge(&self.folder, trouble))
    }

    /// Flushes and closes it.
    ///
    /// # Errors
    /// Damage, or the disk's refusal; the index is then behind the log, or will be set aside.
    pub fn close(mut self) -> Result<(), IndexError> {
        self.shut()
    }

    fn shut(&mut self) -> Result<(), IndexError> {
        let Some(db) = self.db.take() else {
            return Ok(());
        };
        let closed = guarded_within(LIMIT, move || {
            let flushed = db.flush();
            // The last handle to go syncs sled's file for good.
            drop(db);
            flushed.map(drop)
        });
        closed.map_err(|trouble| judge(&self.folder, trouble))?;
        self.folder.mark_closed();
        Ok(())
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // Who wants to know calls `close`; an index that was not closed well is found at opening.
        let _ = self.shut();
    }
}

/// Copies the index in `dir`, file by file and without opening it, to the folder `to`, which is
/// made: for an examination that must not touch the original. `false` when there is none.
///
/// # Errors
/// The disk's refusal.
pub fn copy(dir: &Path, to: &Path) -> Result<bool, IndexError> {
    let folder = Folder::new(dir);
    if !folder.exists() {
        return Ok(false);
    }
    folder.copy_to(to).map_err(|e| refused(&folder, e))?;
    Ok(true)
}

fn pair((key, value): (sled::IVec, sled::IVec)) -> IndexPair {
    (without_table(&key), value.to_vec())
}

/// The caller's part of a stored key; see [`IndexTable::key`].
fn without_table(key: &[u8]) -> Vec<u8> {
    key.get(2..).unwrap_or_default().to_vec()
}

/// Tells damage from a disk that refuses and from an index in use. An unknown error counts as
/// damage: the worst that follows is a rebuild.
fn judge(folder: &Folder, trouble: GuardError) -> IndexError {
    let GuardError::Sled(sled::Error::Io(e)) = trouble else {
        return IndexError::Damaged(trouble.to_string());
    };
    match e.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::OutOfMemory => refused(folder, e),
        // sled has no kind for the refusal of its lock, only this text.
        _ if e.to_string().contains("could not acquire lock") => {
            IndexError::Busy(folder.path().to_owned())
        }
        _ => IndexError::Damaged(e.to_string()),
    }
}

fn refused(folder: &Folder, e: io::Error) -> IndexError {
    IndexError::Disk(folder.path().to_owned(), e)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
