//! What an engine has to be able to do.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::segment::{Segment, SegmentError, SegmentOutcome};
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::log::{LogOpenError, RereadError};
use crate::store::seal::SealError;
use crate::store::tail::TailRest;
use crate::sys::disk::DiskError;

/// What became of bytes that were to be put under a name once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// They stand there durably, by this call or by one before.
    Stored,
    /// Other bytes have the name, and keep it.
    Occupied,
}

/// The small value that says what a log holds up to its end, by its name in the ledger.
pub const END_NOTE: &str = "checkpoint";

/// Makes that value for a log that ends with a segment.
pub type EndNote<'a> = &'a dyn Fn() -> Vec<u8>;

/// Where the bytes of a ledger are kept. Names are paths below the ledger, as C2SP tlog-tiles spells them.
pub trait Engine: Send + Sync + fmt::Debug {
    /// The bytes under a name, at most `most` of them; `None` where nothing has it.
    ///
    /// # Errors
    /// More bytes than that, or the refusal of what keeps them.
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, DiskError>;

    /// Puts bytes under a name for ever.
    ///
    /// # Errors
    /// A refusal: put them again to know.
    fn put_once(&self, name: &str, bytes: &[u8]) -> Result<PutOutcome, DiskError>;

    /// Puts bytes under a name in place of those before: whoever reads, also after a power cut, finds the old
    /// ones or the new ones and never a part.
    ///
    /// # Errors
    /// A refusal: one of the two stands there.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError>;

    /// Takes away what stands under a name, where something does.
    ///
    /// # Errors
    /// A refusal: it may still stand there.
    fn remove(&self, name: &str) -> Result<(), DiskError>;

    /// The names that begin with `prefix`, sorted.
    ///
    /// # Errors
    /// The refusal of what keeps them.
    fn list(&self, prefix: &str) -> Result<Vec<String>, DiskError>;

    /// Begins an empty log where there is none.
    ///
    /// # Errors
    /// There is one, or the refusal of what is to keep it.
    fn begin_log(&self) -> Result<Box<dyn EngineLog>, LogOpenError>;

    /// Opens the log for a writer, and says what follows its last whole entry.
    ///
    /// # Errors
    /// There is no log, or none that can be read.
    fn open_log(&self) -> Result<(Box<dyn EngineLog>, TailRest), LogOpenError>;

    /// The place of a small value that every commit writes anew.
    fn slot(&self, name: &str) -> Box<dyn EngineSlot>;

    /// Whether others may put something into it at the same time, against whom no lock of this host helps.
    fn is_shared(&self) -> bool {
        false
    }

    /// A folder for what can be made again from the entries at any time, where the engine has one.
    fn scratch(&self) -> Option<&Path>;

    /// The folder to which whole bundles and attachments are said to have been moved, where some were. Nobody's word
    /// for that is needed: what is read there is held against the tree like everything else.
    fn archive(&self) -> Option<PathBuf> {
        None
    }

    /// The bytes under a name that something must have; see [`Engine::get`].
    ///
    /// # Errors
    /// Nothing has it, more bytes than that, or the refusal of what keeps them.
    fn need(&self, name: &str, most: u64) -> Result<Vec<u8>, DiskError> {
        let missing = || DiskError::new("read", Path::new(name), io::ErrorKind::NotFound.into());
        self.get(name, most)?.ok_or_else(missing)
    }
}

/// The log of an engine as one writer knows it: as it was when opened, and what this writer put since.
pub trait EngineLog: Send + fmt::Debug {
    /// Number of entries in bundles, a multiple of 256.
    fn base(&self) -> u64;

    /// What was left for the writer at the last sealing.
    fn carry(&self) -> &[u8];

    /// The entries behind the bundles in order; the first is entry [`EngineLog::base`].
    fn tail(&self) -> Box<dyn ExactSizeIterator<Item = &[u8]> + '_>;

    /// Number of entries.
    fn size(&self) -> u64 {
        self.base().saturating_add(self.tail().len() as u64)
    }

    /// How many entries fill whole bundles, and so can be sealed.
    fn sealable(&self) -> usize {
        self.tail().len() / BUNDLE_ENTRIES * BUNDLE_ENTRIES
    }

    /// Whether somebody else put entries since. Where a lock keeps others out, never.
    ///
    /// # Errors
    /// The refusal of what keeps them.
    fn is_overtaken(&self) -> Result<bool, DiskError> {
        Ok(false)
    }

    /// Puts entries at the end of the log, where it ends as their writer believes. An engine that can put two things
    /// at once puts the value of [`END_NOTE`] with them: then nobody ever finds one without the other, and of several
    /// writers none lays an older one over a newer.
    ///
    /// # Errors
    /// Nothing was written.
    fn put(
        &mut self,
        segment: &Segment<'_>,
        note: EndNote<'_>,
    ) -> Result<SegmentOutcome, SegmentError>;

    /// Reads entries of the tail back from where they are kept.
    ///
    /// # Errors
    /// Names the first that is not in the tail or not what was written.
    fn reread(&self, sequences: Range<u64>) -> Result<Vec<Vec<u8>>, RereadError>;

    /// Drops what follows the last whole entry, and returns its bytes. For a caller who has made sure that no
    /// acknowledged entry is among it.
    ///
    /// # Errors
    /// A refusal; the log must then be opened again.
    fn drop_rest(&mut self) -> Result<Vec<u8>, DiskError>;

    /// Puts whole groups of 256 entries into bundles, with the `files` that belong beside them (name, bytes).
    /// From then on `carry` is what the log carries.
    ///
    /// # Errors
    /// No entry is lost; the log must be opened again.
    fn seal(&mut self, files: &[(String, Vec<u8>)], carry: &[u8]) -> Result<(), SealError>;

    /// Lets the log go on behind the bundles before entry `base`, which stand there and continue it, and writes the
    /// `files` that belong beside them. From then on `carry` is what the log carries, and there is no tail. Only an engine
    /// that copies are laid into ever has such bundles.
    ///
    /// # Errors
    /// No entry is lost; the log must be opened again.
    fn take_in(
        &mut self,
        base: u64,
        files: &[(String, Vec<u8>)],
        carry: &[u8],
    ) -> Result<(), SealError>;

    /// Refuses further work until the log is opened again.
    fn give_up(&mut self);

    /// Whether only opening it again can tell what it holds.
    fn is_given_up(&self) -> bool;
}

/// The place of a small value that every commit writes anew, mostly without waiting until it is durable.
pub trait EngineSlot: Send + fmt::Debug {
    /// Is told that `bytes` stand there already.
    fn adopt(&mut self, bytes: &[u8]);

    /// Puts `bytes` there. A power cut may bring back what stood there before, never a mixture.
    ///
    /// # Errors
    /// A refusal: either may stand there.
    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError>;

    /// Puts `bytes` there so that they survive a power cut.
    ///
    /// # Errors
    /// A refusal: either may stand there.
    fn write_durably(&mut self, bytes: &[u8]) -> Result<(), DiskError>;
}
