//! What keeps a backup from being made, checked or restored.

use std::path::PathBuf;

use crate::ledger::{LedgerError, OpenError};
use crate::pack::ZipError;
use crate::publication::PublicationError;
use crate::store::publish::ImmutableFileError;
use crate::sys::disk::DiskError;
use crate::sys::keyfile::KeyFileError;

/// Why there is no backup, or no more of one than before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The ledger cannot be read, or what was read not be copied.
    #[error(transparent)]
    Copy(#[from] PublicationError),
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
    /// The ledger lost entries since.
    #[error(
        "the ledger has {found} entries, and {} states {stated}: it was cut off or set back",
        path.display()
    )]
    Behind {
        /// Who states more.
        path: PathBuf,
        /// The entries stated.
        stated: u64,
        /// The entries there are.
        found: u64,
    },
    /// The ledger has another history.
    #[error(
        "the first {stated} entries of the ledger are not those that {} states: it was rewritten or forked",
        path.display()
    )]
    Beside {
        /// Who states others.
        path: PathBuf,
        /// Their number.
        stated: u64,
    },
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

impl From<LedgerError> for BackupError {
    fn from(fault: LedgerError) -> Self {
        PublicationError::from(fault).into()
    }
}

impl From<OpenError> for BackupError {
    fn from(fault: OpenError) -> Self {
        LedgerError::from(fault).into()
    }
}

impl From<DiskError> for BackupError {
    fn from(fault: DiskError) -> Self {
        PublicationError::from(fault).into()
    }
}

impl From<ImmutableFileError> for BackupError {
    fn from(fault: ImmutableFileError) -> Self {
        PublicationError::from(fault).into()
    }
}
