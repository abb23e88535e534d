//! Why a ledger is not opened, and why an opened one cannot be read.

use std::path::PathBuf;

use crate::sys::disk::DiskError;
use crate::sys::lock::LockError;

/// Whom a failure is to be laid at: this decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The statement or draft cannot be recorded as it is.
    Refused,
    /// Lock, disk or network: nothing was recorded, or the same statement may be sent again.
    Temporary,
    /// The ledger itself is damaged, cut off or rolled back.
    Broken,
    /// There is no ledger that could be opened.
    CannotVerify,
    /// The caller asked for what cannot be.
    Usage,
}

/// Why a folder is not opened as a ledger, or none is created in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing there.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// Nothing in it.
    #[error("the folder {} is empty: no ledger was created in it", .0.display())]
    EmptyFolder(PathBuf),
    /// Something else in it.
    #[error("{} is not a ledger: it has no tail and no checkpoint", .0.display())]
    NotALedger(PathBuf),
    /// A BagIt bag: an evidence pack that was unzipped, or somebody else's.
    #[error("{} is a BagIt bag, not a ledger", .0.display())]
    Bag(PathBuf),
    /// Made by a newer program.
    #[error("the ledger in {} has format {found}; this program knows format 1", dir.display())]
    NewerFormat {
        /// The folder.
        dir: PathBuf,
        /// Its format.
        found: i64,
    },
    /// A copy that was published: nothing but a publication writes to it.
    #[error("{} is a published copy of a ledger: nothing is appended to it", .0.display())]
    Copy(PathBuf),
    /// A backup: nothing but the next backup writes to it.
    #[error("{} is a backup of a ledger: nothing is appended to it", .0.display())]
    Backup(PathBuf),
    /// A ledger that is not restored to its end.
    #[error("the restoring of the ledger in {} was interrupted", .0.display())]
    InterruptedRestore(PathBuf),
    /// A ledger without its log is never taken for a new one.
    #[error("{} has lost its log: the file `tail` is missing", .0.display())]
    LostLog(PathBuf),
    /// Its creation never returned a receipt.
    #[error("the creation of the ledger in {} was interrupted", .0.display())]
    InterruptedCreation(PathBuf),
    /// A ledger is created in a folder of its own.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The place outside keeps the state of another ledger.
    #[error("{} is a checkpoint of `{origin}`, not of this ledger", path.display())]
    OtherLedgersHead {
        /// The file.
        path: PathBuf,
        /// The ledger it names.
        origin: String,
    },
    /// A writer held the lock for too long.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl OpenError {
    /// Whom it is to be laid at.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::NoFolder(_)
            | Self::EmptyFolder(_)
            | Self::NotALedger(_)
            | Self::Bag(_)
            | Self::NewerFormat { .. }
            | Self::InterruptedCreation(_)
            | Self::InterruptedRestore(_) => Blame::CannotVerify,
            Self::LostLog(_) => Blame::Broken,
            Self::Copy(_) | Self::Backup(_) | Self::NotEmpty(_) => Blame::Usage,
            Self::OtherLedgersHead { .. } => Blame::Refused,
            Self::Lock(_) | Self::Disk(_) => Blame::Temporary,
        }
    }

    /// A word for programs that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoFolder(_) | Self::EmptyFolder(_) | Self::NotALedger(_) => "no-ledger",
            Self::Bag(_) => "is-a-bag",
            Self::NewerFormat { .. } => "newer-format",
            Self::Copy(_) => "is-a-copy",
            Self::Backup(_) => "is-a-backup",
            Self::InterruptedRestore(_) => "restore-interrupted",
            Self::LostLog(_) => "log-lost",
            Self::InterruptedCreation(_) => "creation-interrupted",
            Self::NotEmpty(_) => "folder-in-use",
            Self::OtherLedgersHead { .. } => "other-ledgers-head",
            Self::Lock(LockError::Disk(_)) | Self::Disk(_) => "disk-refused",
            Self::Lock(_) => "locked",
        }
    }
}

/// Why a stored ledger cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It was not opened.
    #[error(transparent)]
    Open(OpenError),
    /// A checkpoint that was to be held against it cannot be read.
    #[error("the checkpoint {} cannot be read: {source}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DiskError,
    },
    /// What is said to have been verified before cannot be that.
    #[error("the checkpoint {} cannot be one that was verified before: {why}", path.display())]
    VerifiedBefore {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Somebody else's log.
    #[error("{} is a log of `{origin}` that is in order, and no ledger: none of its entries is one of a ledger", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// What its checkpoint begins with.
        origin: String,
    },
    /// An entry cannot be read back; verifying names all of them.
    #[error("entry {sequence} cannot be read: {why}")]
    Entry {
        /// The entry.
        sequence: u64,
        /// Why.
        why: String,
    },
    /// The bundle of an entry is neither in the folder nor in the archive.
    #[error("entry {sequence} is archived, and not to be found in {}", archive.display())]
    Archived {
        /// The entry.
        sequence: u64,
        /// Where the archive is said to be.
        archive: PathBuf,
    },
}

impl LedgerError {
    /// An entry that cannot be read, and why.
    pub(crate) fn unread(sequence: u64, why: impl ToString) -> Self {
        let why = why.to_string();
        Self::Entry { sequence, why }
    }

    /// A word for programs that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Open(fault) => fault.code(),
            Self::Checkpoint { .. } => "checkpoint-unreadable",
            Self::VerifiedBefore { .. } => "not-verified-before",
            Self::Foreign { .. } => "other-log",
            Self::Entry { .. } => "ledger-damaged",
            Self::Archived { .. } => "archive-away",
        }
    }
}

impl<E: Into<OpenError>> From<E> for LedgerError {
    fn from(fault: E) -> Self {
        Self::Open(fault.into())
    }
}
