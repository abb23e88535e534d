//! What keeps a witness from its work.

use std::path::PathBuf;

use crate::key::KeyError;
use crate::sys::disk::DiskError;
use crate::sys::lock::LockError;

/// Why a witness cannot do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// There is no witness in that folder.
    #[error("{} is no witness's folder: it has no file `vkey`", .0.display())]
    NoWitness(PathBuf),
    /// There is one already.
    #[error("{} is a witness's folder already", .0.display())]
    Exists(PathBuf),
    /// A file of the folder is not what was written.
    #[error("{}, line {line}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line; 1 where the file as a whole is meant.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The private key is not that of the vkey.
    #[error("the key of the witness is not that of its vkey {0}")]
    OtherKey(String),
    /// The key cannot be admitted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What was cosigned last for a log is gone or damaged: cosigning anything could go backwards.
    #[error("what was last cosigned for `{origin}` cannot be told: {} {why}", path.display())]
    StateLost {
        /// The log.
        origin: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A log that is followed already, with the same key.
    #[error("the log `{0}` is followed already, with that key")]
    Followed(String),
    /// A checkpoint to begin from that this witness has not cosigned, or of another log.
    #[error("cannot begin from that checkpoint: {0}")]
    Beginning(String),
    /// The clock stands before 1970, and a cosignature's time must not be zero.
    #[error("the clock of this machine stands before 1970")]
    Clock,
    /// Another process holds the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}
