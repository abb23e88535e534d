//! Why something was not recorded, as one word for programs: it stays, however the sentence changes.

use crate::append::draft::DraftError;
use crate::append::error::AppendError;
use crate::statement::SignError;
use crate::store::blobs::BlobError;
use crate::sys::lock::LockError;

impl AppendError {
    /// The word. A new reason gets a new one; none changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Open(fault) => fault.code(),
            Self::StateInUse(_) => "state-in-use",
            Self::Lock(LockError::Disk(_)) => "disk-refused",
            Self::Lock(_) => "locked",
            Self::SealingKey(_) => "sealing-key-unusable",
            Self::OtherSealingKey(_) => "other-sealing-key",
            Self::ForeignSealingKey(_) => "foreign-sealing-key",
            Self::NoSealedCheckpoint => "no-sealed-checkpoint",
            Self::NeedsSecond(_) => "needs-second-owner",
            Self::NotSeconded(_) => "not-seconded",
            Self::DamagedEntry { .. } | Self::DamagedLog(_) => "ledger-damaged",
            Self::Archived(_) => "archive-away",
            Self::Ahead(_) => "bundle-contradicts",
            Self::DamagedCheckpoint { .. } | Self::NoCheckpoint { .. } => "checkpoint-damaged",
            Self::Behind { .. } => "ledger-rolled-back",
            Self::Beside(_) => "ledger-forked",
            Self::NothingToRecover => "nothing-to-recover",
            Self::Origin(_) | Self::Text(_) => "malformed-text",
            Self::Malformed(_) => "malformed-statement",
            Self::Signer(_) => "not-signed",
            Self::OtherLedger => "other-ledger",
            Self::BadSignature(_) => "bad-signature",
            Self::Denied(_) => "denied",
            Self::OutOfOrder(_) => "out-of-order",
            Self::Time { .. } => "impossible-time",
            Self::Clock(_) => "clock-doubted",
            Self::Twice { .. } => "named-twice",
            Self::NotExceptable(_) => "not-exceptable",
            Self::NoEvidence => "no-evidence",
            Self::Attachment { .. } => "attachment-mismatch",
            Self::Files { .. } => "attachment-count",
            Self::Secret(_) => "secret-material",
            Self::Conflict { .. } => "event-id-conflict",
            Self::Outgrown { .. } => "outgrown",
            Self::Blob(BlobError::Disk(_)) | Self::Disk(_) => "disk-refused",
            Self::Blob(_) => "attachment-damaged",
            Self::Entropy(_) => "no-randomness",
            Self::Unsplit(_) => "too-much-at-once",
            Self::Unknown(_) => "outcome-unknown",
            Self::GivenUp => "writer-given-up",
            Self::Overtaken(_) => "overtaken",
        }
    }
}

impl DraftError {
    /// The word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Member { .. } | Self::Event(_) => "malformed-draft",
            Self::Secret(_) => "secret-material",
            Self::NoEvidence => "no-evidence",
            Self::Sign(SignError::Codec(_)) => "malformed-statement",
            Self::Sign(SignError::Signer(_)) => "not-signed",
            Self::Entropy(_) => "no-randomness",
        }
    }
}
