//! Sealing: whole groups of 256 entries leave the tail for bundles.
//!
//! ```text
//! bundles and the caller's tiles   temporary file · write-protect · fsync · rename
//! their folders                    fsync, once each
//! new tail (base advanced)         temporary file · fsync · rename · fsync of the folder
//! ```
//!
//! The entries stay in the old tail until the bundles are durable, so a power cut on any line loses
//! nothing: before the last rename the log opens with the old tail and the same files are written
//! again; after it, with the new one.

use crate::store::bundle::{self, BUNDLE_ENTRIES, MAX_BUNDLE};
use crate::store::log::{Log, LogOpenError, fresh_tail};
use crate::store::publish::{self, ImmutableFileError, ImmutableWriter};
use crate::store::tail::{TAIL_FILE, TailRest};
use crate::sys::disk::DiskError;

/// Why a sealing was not finished. No entry is lost; the log must be opened again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A file exists with other bytes than belong there.
    #[error(transparent)]
    Publish(#[from] ImmutableFileError),
    /// The log could not be opened on its new tail.
    #[error(transparent)]
    Open(#[from] LogOpenError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What follows the last entry has to be dropped first, or an earlier write failed.
    #[error("the log must be put in order first: drop the rest of its tail, or open it again")]
    NotInOrder,
}

impl Log {
    /// Seals all whole groups of 256 entries in the tail: writes their bundles and the `files` that
    /// the caller wants beside them (path below the ledger's folder, bytes), then shortens the tail,
    /// which carries `carry` from now on. Does nothing when there is no whole group.
    ///
    /// # Errors
    /// A file that is there with other bytes, or the disk's refusal. Open the log again; sealing
    /// can then be repeated.
    pub fn seal(&mut self, files: &[(String, Vec<u8>)], carry: &[u8]) -> Result<(), SealError> {
        if self.given_up || self.rest != TailRest::Clean {
            return Err(SealError::NotInOrder);
        }
        let sealed = self.sealable();
        if sealed == 0 {
            return Ok(());
        }
        // From here on an error leaves the files on disk ahead of what is known here.
        self.given_up = true;
        let base = self.base + sealed as u64;
        let frames_from = match self.slots.get(sealed) {
            Some(first_kept) => first_kept.frame_start(),
            None => self.bytes.len(),
        };
        let frames = self.bytes.get(frames_from..).unwrap_or_default();
        let new_tail = fresh_tail(base, carry, frames)?;

        let mut writer = ImmutableWriter::new(&*self.disk, &self.dir);
        let first = self.base / BUNDLE_ENTRIES as u64;
        let sealed_slots = self.slots.get(..sealed).unwrap_or_default();
        for (n, group) in (first..).zip(sealed_slots.chunks(BUNDLE_ENTRIES)) {
            let entries: Vec<&[u8]> = group.iter().map(|slot| slot.of(&self.bytes)).collect();
            // An entry of the tail always fits: the tail's own limit is the same.
            let bytes = bundle::encode(&entries).ok_or(SealError::NotInOrder)?;
            writer.write(&bundle::bundle_path(n), &bytes)?;
        }
        for (path, bytes) in files {
            writer.write(path, bytes)?;
        }
        writer.finish()?;

        publish::durably(&*self.disk, &self.dir.join(TAIL_FILE), &new_tail)?;
        *self = Self::load(self.disk.clone(), &self.dir)?;
        Ok(())
    }

    /// Lets the log go on behind the bundles before entry `base`, which stand there already, and begin a new tail
    /// that carries `carry`. That they continue the log, and have what the tail has, is for the caller to know. Writes
    /// the `files` that belong beside them.
    ///
    /// # Errors
    /// A file that is there with other bytes, or the disk's refusal. Open the log again; the same can then be
    /// repeated.
    pub fn take_in(
        &mut self,
        base: u64,
        files: &[(String, Vec<u8>)],
        carry: &[u8],
    ) -> Result<(), SealError> {
        if self.given_up || self.rest != TailRest::Clean {
            return Err(SealError::NotInOrder);
        }
        self.given_up = true;
        let new_tail = fresh_tail(base, carry, &[])?;
        let mut writer = ImmutableWriter::new(&*self.disk, &self.dir);
        // Written again: whoever copied them here need not have waited for the disk, and the tail lets go of them.
        for n in self.base / BUNDLE_ENTRIES as u64..base / BUNDLE_ENTRIES as u64 {
            let path = bundle::bundle_path(n);
            let bytes = self.disk.read_at_most(&self.dir.join(&path), MAX_BUNDLE)?;
            writer.write_again(&path, &bytes)?;
        }
        for (path, bytes) in files {
            if !writer.write(path, bytes)? {
                writer.write_again(path, bytes)?;
            }
        }
        writer.finish()?;
        publish::durably(&*self.disk, &self.dir.join(TAIL_FILE), &new_tail)?;
        *self = Self::load(self.disk.clone(), &self.dir)?;
        Ok(())
    }
}
