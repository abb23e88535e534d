//! What keeps a copy from being brought up to date.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::hash::NodeHash;
use crate::ledger::LedgerError;
use crate::store::publish::ImmutableFileError;
use crate::sys::disk::DiskError;

/// Why nothing, or not everything, was published. The copy's checkpoint is then the one before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicationError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Audit(#[from] LedgerError),
    /// An entry that no writer would have placed, or whose attachment cannot be read.
    #[error("entry {sequence} cannot be copied: {why}")]
    Entry {
        /// The entry.
        sequence: u64,
        /// Why.
        why: String,
    },
    /// The ledger has no checkpoint over any entry.
    #[error("the ledger has no checkpoint to copy; the next append makes one")]
    NoCheckpoint,
    /// A checkpoint of the ledger that is malformed, or not by its sealing key.
    #[error("{name} of the ledger cannot be copied: {source}")]
    Unusable {
        /// Its name.
        name: &'static str,
        /// Why.
        source: CheckpointError,
    },
    /// A checkpoint of the ledger that its entries contradict.
    #[error(
        "{name} of the ledger states root {stated} at {size} entries; the entries give {found}"
    )]
    Contradicted {
        /// Its name.
        name: &'static str,
        /// The size stated.
        size: u64,
        /// The root stated.
        stated: NodeHash,
        /// The root of the entries; where there are fewer, of all.
        found: NodeHash,
    },
    /// The folder holds something else.
    #[error("{} is no copy of a ledger: it holds `{found}`", path.display())]
    NoCopy {
        /// The folder.
        path: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// What is published is no checkpoint of this ledger.
    #[error("the checkpoint published in {} is not this ledger's: {source}", path.display())]
    OtherLedger {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// The ledger was rolled back since.
    #[error(
        "the ledger is behind what is published in {}: its checkpoint states {found} entries, the published one {published}",
        path.display()
    )]
    Behind {
        /// The copy.
        path: PathBuf,
        /// The size published.
        published: u64,
        /// The size of the ledger's checkpoint.
        found: u64,
    },
    /// The ledger was rewritten or forked since.
    #[error(
        "the ledger is beside what is published in {}: at {size} entries its root is {found}, the published one {published}",
        path.display()
    )]
    Beside {
        /// The copy.
        path: PathBuf,
        /// The size published.
        size: u64,
        /// The root published.
        published: NodeHash,
        /// The root of the ledger's entries.
        found: NodeHash,
    },
    /// A file of the copy has other bytes than belong there.
    #[error("{} exists with other content than belongs there; it was left as it is", .0.display())]
    Differs(PathBuf),
    /// What was written is not what was read back.
    #[error("{} does not hold what was written to it; nothing was published", .0.display())]
    ReadBack(PathBuf),
    /// The entries changed between the first reading and the second.
    #[error("the entries changed while they were copied: their root is {found}, not {stated}")]
    Changed {
        /// The root that the checkpoint states.
        stated: NodeHash,
        /// The root of what is in the copy.
        found: NodeHash,
    },
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl From<ImmutableFileError> for PublicationError {
    fn from(fault: ImmutableFileError) -> Self {
        match fault {
            ImmutableFileError::Differs(path) => Self::Differs(path),
            ImmutableFileError::Disk(fault) => Self::Disk(fault),
        }
    }
}
