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

/// Up to which point of the log an index was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Number of entries applied.
    pub size: u64,
    /// Link of the last of them; zeros where there is none.
    pub link: Link,
}

impl Applied {
    /// Of an index that nothing was applied to.
    pub const NOTHING: Self = Self {
        size: 0,
        link: Link::ZERO,
    };
}

/// A kind of keys. The numbers are the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table(pub(super) u8);

impl Table {
    /// The table of this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }
}

/// One value to be set, or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In which table.
    pub table: Table,
    /// Under which key.
    pub key: Vec<u8>,
    /// The new value; `None` removes the key.
    pub value: Option<Vec<u8>>,
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// In which condition an index was found at opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// As it was left.
    Intact,
    /// New and empty: to be rebuilt from the log. Where there was one before that could not be
    /// used, `reason` says why and `set_aside` where it is now.
    Fresh {
        /// Why the one before was not used; `None` where there was none.
        reason: Option<String>,
        /// Where the one before was put.
        set_aside: Option<PathBuf>,
    },
}
