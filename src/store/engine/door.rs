//! What an engine has to be able to do.

use std::fmt;

use super::segment::{Segment, SegmentError, SegmentOutcome};
use crate::sys::disk::DiskError;

/// What became of bytes that were to be put under a name once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// They stand there durably, by this call or by one before.
    Stored,
    /// Other bytes have the name, and keep it.
    Occupied,
}

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

    /// Puts entries at the end of the log, where it ends as their writer believes.
    ///
    /// # Errors
    /// Nothing was written.
    fn put_segment(&self, segment: &Segment<'_>) -> Result<SegmentOutcome, SegmentError>;
}
