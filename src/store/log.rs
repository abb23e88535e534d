//! The log: opaque entries, appended durably, in order, for ever.
//!
//! The newest entries stand in the file `tail` ([`crate::store::tail`]); every 256 of them are
//! sealed into a bundle ([`crate::store::bundle`]), after which the tail is replaced by a shorter
//! one. [`Log`] is the writer's side and expects its caller to hold the writer's lock.
//!
//! An append is one write and one fdatasync. When [`Log::append`] returns `Ok`, the entries survive
//! a power cut. When it returns [`LogAppendError::Unknown`], nobody can say: the log refuses further
//! work, and opening it again tells.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::bundle::{BUNDLE_ENTRIES, MAX_ENTRY};
use crate::store::publish;
use crate::store::tail::{self, FrameSlot, MAX_CARRY, MAX_TAIL, TAIL_FILE, TailError, TailRest};
use crate::sys::disk::{Disk, DiskError, FileHandle};

/// How far ahead of the entries zeros are written: one file growth in some 400 appends.
const ZERO_STEP: usize = 256 * 1024;

/// Why a log could not be made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogOpenError {
    /// A folder without a tail is no ledger, or one that has lost its log. It is never taken for a
    /// new one.
    #[error("{} has no log: its file `tail` is missing", .0.display())]
    NoLog(PathBuf),
    /// There is a log already where one was to be made.
    #[error("{} holds a log already", .0.display())]
    Exists(PathBuf),
    /// The tail is longer than any that was ever written.
    #[error("the tail is {0} bytes long; none is ever longer than {MAX_TAIL}")]
    TooLong(u64),
    /// What should be carried for the writer is longer than a tail can hold.
    #[error("{0} bytes to carry in the tail's header; the limit is {MAX_CARRY}")]
    CarryTooLong(usize),
    /// The tail's header is damaged.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Why an append was not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogAppendError {
    /// The log has another size than the caller believed. Nothing was written.
    #[error("the log has {actual} entries, not {expected}")]
    Conflict {
        /// What the caller believed.
        expected: u64,
        /// What is so.
        actual: u64,
    },
    /// An entry is empty or too long. Nothing was written.
    #[error("entry {index} of the batch has {len} bytes; 1 to {MAX_ENTRY} are allowed")]
    BadLength {
        /// Its place in the batch, from 0.
        index: usize,
        /// Its length.
        len: usize,
    },
    /// The batch does not fit in the tail. Nothing was written: seal, or split the batch.
    #[error("the batch does not fit in the tail: it would have {0} bytes of {MAX_TAIL}")]
    TooLarge(usize),
    /// What follows the last entry has to be dropped first ([`Log::drop_rest`]). Nothing was written.
    #[error("the tail has bytes after its last whole entry, which must be dropped first")]
    RestNotDropped,
    /// There was no room for the entries, or the disk refused before one was begun. Nothing was
    /// written; the log can still be used.
    #[error(transparent)]
    Refused(DiskError),
    /// The write or its sync failed. Whether the entries are there is unknown until the log is
    /// opened again; this one refuses further work.
    #[error("whether the entries were recorded is unknown: {0}")]
    Unknown(DiskError),
    /// An earlier operation failed in a way that only opening the log again can settle.
    #[error("an earlier write to the log failed; it must be opened again")]
    GivenUp,
}

/// What a stored entry was found to be when read again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RereadError {
    /// The stored bytes are not those that were written.
    #[error("entry {0} in the tail is not what was written")]
    Differs(u64),
    /// The entry is not in the tail.
    #[error("entry {0} is not in the tail")]
    NotInTail(u64),
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The writer's side of a log. Its caller holds the writer's lock.
#[derive(Debug)]
pub struct Log {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) file: FileHandle,
    /// The tail's bytes from its header to the end of its last entry.
    pub(crate) bytes: Vec<u8>,
    pub(crate) slots: Vec<FrameSlot>,
    pub(crate) base: u64,
    pub(crate) carry: Vec<u8>,
    pub(crate) rest: TailRest,
    /// How far the file reaches; zeros from the last entry on, unless `rest` says otherwise.
    pub(crate) allocated: usize,
    /// A write failed half-way: what the file holds is unknown until it is read again.
    pub(crate) given_up: bool,
}

impl Log {
    /// Makes an empty log in the folder `dir`, which exists and has none. Durable when it returns,
    /// except for the name of `dir` itself.
    ///
    /// # Errors
    /// There is a log, or the disk's refusal.
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, carry: &[u8]) -> Result<Self, LogOpenError> {
        // A folder with sealed tiles and no tail is a ledger that was damaged, not a new one.
        for name in [TAIL_FILE, "tile"] {
            if disk.metadata(&dir.join(name))?.is_some() {
                let dir = dir.to_owned();
                return Err(LogOpenError::Exists(dir));
            }
        }
        let bytes = fresh_tail(0, carry, &[])?;
        publish::durably(&*disk, &dir.join(TAIL_FILE), &bytes)?;
        Self::load(disk, dir)
    }

    /// Refuses further work until the log is opened again.
    pub const fn give_up(&mut self) {
        self.given_up = true;
    }

    /// Whether only opening it again can tell what it holds.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Opens the log in `dir` and says what follows its last whole entry. Reads the tail only, so
    /// its cost does not grow with the ledger. Removes temporary files that a crash left behind, and
    /// makes durable what it found.
    ///
    /// # Errors
    /// No log there, a damaged header, or the disk's refusal.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<(Self, TailRest), LogOpenError> {
        let mut log = Self::load(disk, dir)?;
        publish::remove_leftovers(&*log.disk, dir, "")?;
        // A process killed before its sync leaves entries, or the tail's very name, to be seen and
        // not durable. What is seen from here on is built upon, so it is made to stay first.
        log.file.sync_data()?;
        log.disk.sync_dir(dir)?;
        let rest = log.rest;
        Ok((log, rest))
    }

    /// Reads the tail as it stands.
    pub(crate) fn load(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, LogOpenError> {
        let path = dir.join(TAIL_FILE);
        let Some(found) = disk.metadata(&path)? else {
            let dir = dir.to_owned();
            return Err(LogOpenError::NoLog(dir));
        };
        if found.len > MAX_TAIL as u64 {
            return Err(LogOpenError::TooLong(found.len));
        }
        let mut bytes = disk.read_at_most(&path, MAX_TAIL as u64)?;
        let layout = tail::decode(&bytes)?;
        let file = disk.open(&path)?;
        let allocated = bytes.len();
        bytes.truncate(layout.end);
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            file,
            bytes,
            slots: layout.slots,
            base: layout.base,
            carry: layout.carry,
            rest: layout.rest,
            allocated,
            given_up: false,
        })
    }

    /// Number of entries in bundles and tail.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.base.saturating_add(self.slots.len() as u64)
    }

    /// Number of entries in bundles, a multiple of 256.
    #[must_use]
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// What the writer left for itself at the last sealing.
    #[must_use]
    pub fn carry(&self) -> &[u8] {
        &self.carry
    }

    /// The entries of the tail in order; the first is entry [`Log::base`].
    pub fn tail(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.slots.iter().map(|slot| slot.of(&self.bytes))
    }

    /// How many entries of the tail fill whole bundles, and so can be sealed.
    #[must_use]
    pub fn sealable(&self) -> usize {
        self.slots.len() / BUNDLE_ENTRIES * BUNDLE_ENTRIES
    }

    /// Appends entries, on condition that the log has `expected_size` entries. Acknowledged when
    /// they survive a power cut: one write, one fdatasync, whatever their number.
    ///
    /// # Errors
    /// After [`LogAppendError::Unknown`] the entries may be there, in part or whole; every other error
    /// means that none is.
    pub fn append<E: AsRef<[u8]>>(
        &mut self,
        expected_size: u64,
        entries: &[E],
    ) -> Result<(), LogAppendError> {
        if self.given_up {
            return Err(LogAppendError::GivenUp);
        }
        if self.rest != TailRest::Clean {
            return Err(LogAppendError::RestNotDropped);
        }
        let actual = self.size();
        if expected_size != actual {
            return Err(LogAppendError::Conflict {
                expected: expected_size,
                actual,
            });
        }
        let end = self.bytes.len();
        let slots = self.slots.len();
        let result = self
            .frame(entries)
            .and_then(|()| self.reserve())
            .and_then(|()| self.commit(end));
        if result.is_err() {
            self.bytes.truncate(end);
            self.slots.truncate(slots);
        }
        result
    }

    /// Adds the frames of `entries` to the image in memory.
    fn frame<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<(), LogAppendError> {
        for (index, entry) in entries.iter().enumerate() {
            let entry = entry.as_ref();
            let sequence = self.size();
            let slot = tail::encode_frame(&mut self.bytes, sequence, entry).ok_or(
                LogAppendError::BadLength {
                    index,
                    len: entry.len(),
                },
            )?;
            self.slots.push(slot);
        }
        if self.bytes.len() > MAX_TAIL {
            return Err(LogAppendError::TooLarge(self.bytes.len()));
        }
        Ok(())
    }

    /// Writes zeros ahead, so that a full disk is found out before an entry is begun. Their sync is
    /// the one of the entries: zeros that are lost before it were worth nothing.
    fn reserve(&mut self) -> Result<(), LogAppendError> {
        let needed = self.bytes.len();
        if needed <= self.allocated {
            return Ok(());
        }
        let wanted = needed.next_multiple_of(ZERO_STEP);
        let zeros = vec![0; wanted - self.allocated];
        if let Err(refusal) = self.file.write_at(&zeros, self.allocated as u64) {
            // Some zeros may have been written; they only make the next attempt shorter.
            match self.file.size() {
                Ok(size) => self.allocated = usize::try_from(size).unwrap_or(self.allocated),
                Err(_) => self.given_up = true,
            }
            return Err(LogAppendError::Refused(refusal));
        }
        self.allocated = wanted;
        Ok(())
    }

    /// Writes the image from `end` on to the file and syncs it.
    fn commit(&mut self, end: usize) -> Result<(), LogAppendError> {
        let frames = self.bytes.get(end..).unwrap_or_default();
        if frames.is_empty() {
            return Ok(());
        }
        let result = self
            .file
            .write_at(frames, end as u64)
            .and_then(|()| self.file.sync_data());
        result.map_err(|e| {
            self.given_up = true;
            LogAppendError::Unknown(e)
        })
    }

    /// Reads entries of the tail back from the file, so that a checkpoint can be computed from what
    /// is stored instead of what was meant to be.
    ///
    /// # Errors
    /// Names the first entry of `sequences` that is not in the tail or not what was written.
    pub fn reread(&self, sequences: Range<u64>) -> Result<Vec<Vec<u8>>, RereadError> {
        let mut slots = Vec::new();
        for sequence in sequences.clone() {
            let slot = sequence
                .checked_sub(self.base)
                .and_then(|index| self.slots.get(usize::try_from(index).ok()?))
                .ok_or(RereadError::NotInTail(sequence))?;
            slots.push(*slot);
        }
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
            return Ok(Vec::new());
        };
        let start = first.frame_start();
        let mut stored = vec![0; last.start + last.len - start];
        self.file.read_at(&mut stored, start as u64)?;
        let mut entries = Vec::with_capacity(slots.len());
        for (sequence, slot) in sequences.zip(slots) {
            let from = slot.frame_start();
            let frame = from - start..slot.start - start + slot.len;
            let written = self.bytes.get(from..slot.start + slot.len);
            if written != stored.get(frame.clone()) {
                return Err(RereadError::Differs(sequence));
            }
            let entry = stored.get(slot.start - start..frame.end);
            entries.push(entry.unwrap_or_default().to_vec());
        }
        Ok(entries)
    }

    /// Drops what follows the last whole entry: returns its bytes and leaves zeros, durably. For a
    /// caller who has made sure, from a checkpoint, that no acknowledged entry is among it.
    ///
    /// # Errors
    /// The disk's refusal; the log must then be opened again.
    pub fn drop_rest(&mut self) -> Result<Vec<u8>, DiskError> {
        let (TailRest::Torn { offset, len } | TailRest::Stray { offset, len }) = self.rest else {
            return Ok(Vec::new());
        };
        let mut dropped = vec![0; len];
        self.file.read_at(&mut dropped, offset as u64)?;
        self.given_up = true;
        self.file.write_at(&vec![0; len], offset as u64)?;
        self.file.sync_data()?;
        self.given_up = false;
        self.rest = TailRest::Clean;
        Ok(dropped)
    }
}

/// The bytes of a tail that nobody has appended to: header, frames that are there already, zeros.
pub(crate) fn fresh_tail(base: u64, carry: &[u8], frames: &[u8]) -> Result<Vec<u8>, LogOpenError> {
    let mut bytes =
        tail::encode_header(base, carry).ok_or(LogOpenError::CarryTooLong(carry.len()))?;
    bytes.extend(frames);
    let wanted = (bytes.len() + 1).next_multiple_of(ZERO_STEP);
    bytes.resize(wanted, 0);
    Ok(bytes)
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
