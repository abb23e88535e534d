//! What an index is asked, and what it answers.

use std::io;
use std::path::PathBuf;

use crate::hash::Link;

/// The folder of the index in the ledger's folder.
pub const INDEX: &str = "index";

/// Memory that sled may keep pages in, for callers without a reason for another figure.
pub const DEFAULT_CACHE: u64 = 32 * 1024 * 1024;

/// Why the index did not do what it was asked. The log is not affected by any of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// sled panicked, hung, or found damage: set the index aside and rebuild it from the log.
    #[error("the index is damaged: {0}")]
    Damaged(String),
    /// Somebody else has the index open.
    #[error("the index {} is in use by another process", .0.display())]
    Busy(PathBuf),
    /// The disk refused (full, read-only, not allowed). The index is behind then, not damaged.
    #[error("cannot use the index {path}: {source}", path = .0.display(), source = .1)]
    Disk(PathBuf, io::Error),
    /// This program was built without the feature `index`.
    #[error("this program was built without one")]
    None,
}

/// Up to which entry an index was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexPosition {
    /// Number of entries applied.
    pub size: u64,
    /// Link of the last of them; zeros where there is none.
    pub link: Link,
}

impl IndexPosition {
    /// Of an index that nothing was applied to.
    pub const NOTHING: Self = Self {
        size: 0,
        link: Link::ZERO,
    };
}

/// A kind of keys in the index. The numbers are the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexTable(pub(super) u8);

impl IndexTable {
    /// The table of this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }
}

/// One value to be set in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexChange {
    /// In which table.
    pub table: IndexTable,
    /// Under which key.
    pub key: Vec<u8>,
    /// The new value.
    pub value: Vec<u8>,
}

/// A key of the index and its value.
pub type IndexPair = (Vec<u8>, Vec<u8>);
