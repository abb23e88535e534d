//! What keeps a backup from being made, checked or restored.

use std::path::PathBuf;

use crate::pack::ZipError;
use crate::publication::PublicationError;
use crate::sys::keyfile::KeyFileError;

/// Why there is no backup, or no more of one than before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The ledger cannot be read, or what was read not be copied.
    #[error(transparent)]
    Copy(PublicationError),
    /// The folder holds something else.
    #[error("{} is no backup of a ledger: it holds `{found}`", path.display())]
    NoBackup {
        /// The folder.
        path: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// There is no backup, or none that is whole.
    #[error("the backup in {} cannot be used: {why}", path.display())]
    Unusable {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is another ledger's.
    #[error("the backup in {} is of another ledger, `{origin}`", path.display())]
    OtherLedger {
        /// The backup.
        path: PathBuf,
        /// Its ledger.
        origin: String,
    },
    /// The ledger lost entries since, or has another history.
    #[error("{0}")]
    Contradicted(String),
    /// No source has the first entry.
    #[error("no source has entry 0, which everything else follows")]
    NoBeginning,
    /// Two sources have different entries that were both signed, or sealed.
    #[error("two histories part at entry {sequence}: {one} and {other} have different ones")]
    Parted {
        /// The entry, or the last that is sealed.
        sequence: u64,
        /// A source.
        one: String,
        /// The other.
        other: String,
    },
    /// What was written does not verify.
    #[error("what was restored does not verify: {0}")]
    NotRestored(String),
    /// The sealing key cannot be taken along, or not be had again.
    #[error("the sealing key of the backup: {0}")]
    Key(#[from] KeyFileError),
    /// It does not fit into one file.
    #[error("it does not fit into one file: {0}")]
    Zip(#[from] ZipError),
}

impl<E: Into<PublicationError>> From<E> for BackupError {
    fn from(fault: E) -> Self {
        Self::Copy(fault.into())
    }
}
