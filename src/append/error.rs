//! Why something was not recorded, and who is to do what about it.

use std::path::PathBuf;

use crate::append::screen::SecretMatch;
use crate::codec::CodecError;
use crate::event::SealingKeyRecovered;
use crate::key::SignerError;
use crate::keyring::Denial;
use crate::ledger::{Blame, BundlesAheadError, OpenError};
use crate::note::OriginError;
use crate::rule::Finding;
use crate::statement::{EventId, SignError};
use crate::store::blobs::BlobError;
use crate::store::bundle::BundleError;
use crate::sys::disk::{DiskCause, DiskError};
use crate::sys::entropy::EntropyError;
use crate::sys::keyfile::KeyFileError;
use crate::sys::lock::LockError;
use crate::text::{Id, TextError};
use crate::time::{ClockDoubt, Timestamp};

/// Why a ledger was not created or opened, or a statement not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// There is no ledger that could be opened, or no room for one.
    #[error(transparent)]
    Open(OpenError),
    /// The place outside keeps another ledger's state.
    #[error("{} keeps the newest checkpoint of a ledger already", .0.display())]
    StateInUse(PathBuf),
    /// Somebody else writes.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The key that signs checkpoints cannot be had.
    #[error("the ledger cannot seal: {0}")]
    SealingKey(#[from] KeyFileError),
    /// Another ledger's key, or one that was replaced.
    #[error("the sealing key {} is not the one that this ledger names", .0.display())]
    OtherSealingKey(PathBuf),
    /// What lies in the sealing key's place is a key that this ledger never named.
    #[error("{} is a key that this ledger never named: it may be another ledger's", .0.display())]
    ForeignSealingKey(PathBuf),
    /// Nothing is left by which who names a sealing key could be held against what the lost one sealed.
    #[error("there is no checkpoint of these entries that a sealing key of the ledger signed")]
    NoSealedCheckpoint,
    /// One Security Owner is not enough to name a sealing key. It is what the second one has to say.
    #[error("the policy demands that two Security Owners name a new sealing key")]
    NeedsSecond(Box<SealingKeyRecovered>),
    /// What the second Security Owner signed is of another key or checkpoint, or their own first word again.
    #[error("the second statement {0}")]
    NotSeconded(&'static str),
    /// An entry that is not what was acknowledged.
    #[error("entry {sequence} is damaged: {fault}")]
    DamagedEntry {
        /// The entry.
        sequence: u64,
        /// What is wrong.
        fault: String,
    },
    /// A file of the log that is not what was written.
    #[error("the log is damaged: {0}")]
    DamagedLog(String),
    /// A bundle that is neither in the folder nor in the archive.
    #[error(transparent)]
    Archived(BundleError),
    /// A bundle beyond the tail that does not continue the log.
    #[error(transparent)]
    Ahead(BundlesAheadError),
    /// The checkpoint in the folder states other entries than there are.
    #[error("the checkpoint in the folder states {stated} entries, and {fault}")]
    DamagedCheckpoint {
        /// Entries stated.
        stated: u64,
        /// What is so.
        fault: String,
    },
    /// The ledger is an old copy of itself.
    #[error(
        "the ledger has {size} entries, but the checkpoint kept outside it states {kept}: entries were cut off, or a backup was restored"
    )]
    Behind {
        /// Entries there.
        size: u64,
        /// Entries stated.
        kept: u64,
    },
    /// The ledger has another history than it had.
    #[error(
        "the first {0} entries of the ledger are not those that the checkpoint kept outside it states: history was rewritten or forked"
    )]
    Beside(u64),
    /// Neither checkpoint can be read, so nothing shows where the ledger ended.
    #[error(
        "neither the checkpoint in the folder ({folder}) nor the one kept outside ({outside}) can be used"
    )]
    NoCheckpoint {
        /// What is wrong with the one in the folder.
        folder: &'static str,
        /// What is wrong with the one outside.
        outside: &'static str,
    },
    /// Nothing to recover from.
    #[error("the ledger needs no recovery")]
    NothingToRecover,
    /// The name is no origin.
    #[error("the origin {0}")]
    Origin(#[from] OriginError),
    /// A text is not what it must be.
    #[error("the text {0}")]
    Text(#[from] TextError),
    /// The bytes are no statement or entry, or too many.
    #[error("the statement cannot be recorded: {0}")]
    Malformed(#[from] CodecError),
    /// Who keeps the key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// It names another ledger.
    #[error("the statement was made for another ledger")]
    OtherLedger,
    /// The signature is not its author's.
    #[error("the signature under the statement is not by its author {0}")]
    BadSignature(String),
    /// It may not be said, or not now.
    #[error("{0}")]
    Denied(Denial),
    /// The policy demands the SOP's order.
    #[error("the policy refuses what breaks the SOP's order: {}", describe(.0))]
    OutOfOrder(Vec<Finding>),
    /// It happened before there was anything to record.
    #[error("the statement says that it happened at {occurred}; {expected}")]
    Time {
        /// What it says.
        occurred: Timestamp,
        /// What could be.
        expected: String,
    },
    /// The clock of this host cannot be right: what is recorded by it could never be taken back.
    #[error("{0}")]
    Clock(#[from] ClockDoubt),
    /// The same thing twice in one list.
    #[error("the field `{field}` names `{item}` twice")]
    Twice {
        /// The field.
        field: &'static str,
        /// What it names.
        item: String,
    },
    /// An exception from the secret scan for what it knows no kind of.
    #[error("`{0}` is no kind of secret material that could be let pass")]
    NotExceptable(Id),
    /// `evidence.attached` without any.
    #[error("evidence.attached needs a file: attach at least one")]
    NoEvidence,
    /// The file is not what the statement names.
    #[error("attachment `{name}` {fault}")]
    Attachment {
        /// Its name.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// More or fewer files than attachments.
    #[error("the statement names {named} attachments; {given} files came with it")]
    Files {
        /// Attachments named.
        named: usize,
        /// Files given.
        given: usize,
    },
    /// Secret material: it must not be stored.
    #[error(transparent)]
    Secret(#[from] SecretMatch),
    /// The event id was used for something else.
    #[error("the event id {event_id} was used by entry {sequence} for another statement")]
    Conflict {
        /// The id.
        event_id: EventId,
        /// The entry that has it.
        sequence: u64,
    },
    /// What it says of the whole ledger was true of a shorter one.
    #[error("it speaks of {said} entries, and there are {now}: others recorded meanwhile")]
    Outgrown {
        /// What it says.
        said: u64,
        /// How many there are.
        now: u64,
    },
    /// An attachment cannot be stored.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The disk refused; nothing was recorded.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Too much for one write; nothing was recorded.
    #[error("nothing was recorded: {0}; send fewer statements at once")]
    Unsplit(String),
    /// The write failed half-way: only opening the ledger again tells.
    #[error("whether it was recorded is unknown: {0}")]
    Unknown(String),
    /// Others were first, each time.
    #[error("nothing was recorded: other writers were faster, {0} times")]
    Overtaken(usize),
    /// An earlier write failed half-way.
    #[error("an earlier write to this ledger failed; it must be opened again")]
    GivenUp,
}

impl From<BundlesAheadError> for AppendError {
    fn from(fault: BundlesAheadError) -> Self {
        match fault {
            BundlesAheadError::Disk(fault) => fault.into(),
            fault => Self::Ahead(fault),
        }
    }
}

impl From<OpenError> for AppendError {
    fn from(fault: OpenError) -> Self {
        match fault {
            OpenError::Lock(fault) => Self::Lock(fault),
            OpenError::Disk(fault) => Self::Disk(fault),
            fault => Self::Open(fault),
        }
    }
}

fn describe(findings: &[Finding]) -> String {
    let each = findings.iter().map(|f| {
        format!(
            "{} {} (expected {}, found {})",
            f.rule.id, f.rule.title, f.expected, f.found
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

impl From<SignError> for AppendError {
    fn from(fault: SignError) -> Self {
        match fault {
            SignError::Codec(fault) => fault.into(),
            SignError::Signer(fault) => fault.into(),
        }
    }
}

impl AppendError {
    /// Whom it is to be laid at.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Disk(fault) if fault.cause() == DiskCause::TooLong => Blame::CannotVerify,
            Self::Open(fault) => fault.blame(),
            Self::DamagedEntry { .. }
            | Self::DamagedLog(_)
            | Self::Ahead(_)
            | Self::DamagedCheckpoint { .. }
            | Self::Behind { .. }
            | Self::Beside(_)
            | Self::NoCheckpoint { .. } => Blame::Broken,
            Self::StateInUse(_)
            | Self::Origin(_)
            | Self::Text(_)
            | Self::Signer(_)
            | Self::NothingToRecover => Blame::Usage,
            Self::Blob(BlobError::Missing(_) | BlobError::Mismatch { .. }) => Blame::Broken,
            Self::Lock(_)
            | Self::Blob(_)
            | Self::Disk(_)
            | Self::Entropy(_)
            | Self::Unsplit(_)
            | Self::Archived(_)
            | Self::Unknown(_)
            | Self::Overtaken(_)
            | Self::GivenUp => Blame::Temporary,
            Self::SealingKey(_)
            | Self::OtherSealingKey(_)
            | Self::ForeignSealingKey(_)
            | Self::NoSealedCheckpoint
            | Self::NeedsSecond(_)
            | Self::NotSeconded(_)
            | Self::Malformed(_)
            | Self::OtherLedger
            | Self::BadSignature(_)
            | Self::Denied(_)
            | Self::OutOfOrder(_)
            | Self::Time { .. }
            | Self::Clock(_)
            | Self::Twice { .. }
            | Self::NotExceptable(_)
            | Self::NoEvidence
            | Self::Attachment { .. }
            | Self::Files { .. }
            | Self::Secret(_)
            | Self::Conflict { .. }
            | Self::Outgrown { .. } => Blame::Refused,
        }
    }
}
