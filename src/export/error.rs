//! Why there is no pack.

use crate::hash::Sha256Digest;
use crate::key::PublicKey;
use crate::ledger::LedgerError;
use crate::ledger::proofs::NoProofError;
use crate::pack::{PackPart, ZipError};
use crate::store::blobs::BlobError;
use crate::sys::disk::DiskError;
use crate::sys::entropy::EntropyError;
use crate::sys::keyfile::KeyFileError;
use crate::text::TextError;

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Audit(#[from] LedgerError),
    /// What is stored proves nothing.
    #[error(transparent)]
    Proof(#[from] NoProofError),
    /// No rotation belongs to what was selected.
    #[error("no rotation is selected by `{0}`")]
    Nothing(PackPart),
    /// The selection does not fit the one line that records it.
    #[error("the selection cannot be recorded: {0}")]
    Selection(#[from] TextError),
    /// The seed of a sample is a checkpoint of other entries.
    #[error("the checkpoint that is to give the seed is none of this ledger's: {0}")]
    OtherSeed(String),
    /// There is no such entry, or it records no export.
    #[error("entry {0} records no export of a pack that this program makes")]
    NoRecord(u64),
    /// What the pack rested on is not kept here.
    #[error("what the pack of entry {sequence} rested on is not kept here: {why}")]
    NotKept {
        /// The record.
        sequence: u64,
        /// Why.
        why: String,
    },
    /// The pack key is another one by now.
    #[error("the pack of entry {sequence} is signed by {wanted}, and the pack key here is {found}")]
    OtherKey {
        /// The record.
        sequence: u64,
        /// The key that the record names.
        wanted: PublicKey,
        /// The key that is here.
        found: PublicKey,
    },
    /// The same bytes cannot be made again.
    #[error(
        "the pack of entry {sequence} cannot be made again byte for byte: its sha256 was {before}, and would be {now}"
    )]
    Differs {
        /// The record.
        sequence: u64,
        /// Of the pack as it was.
        before: Sha256Digest,
        /// Of what would be written now.
        now: Sha256Digest,
    },
    /// The entries are not those that the ledger's checkpoint seals.
    #[error("the ledger does not verify, and nothing was exported: {0}")]
    NotSealed(String),
    /// What would go into the pack does not verify.
    #[error("the ledger does not verify up to entry {sequence}: {why}")]
    NotVerified {
        /// The record.
        sequence: u64,
        /// The first thing that is wrong.
        why: String,
    },
    /// An attached file is gone.
    #[error(transparent)]
    Attachment(#[from] BlobError),
    /// Too much for one pack.
    #[error("what is selected is too much for one pack: {0}")]
    Zip(#[from] ZipError),
    /// The pack key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// There were no random bytes for a new pack key.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}
