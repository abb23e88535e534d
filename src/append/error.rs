//! Why something was not recorded, and who is to do what about it.

use std::path::PathBuf;

use crate::append::screen::SecretFound;
use crate::codec::CodecError;
use crate::keyring::Denial;
use crate::note::OriginError;
use crate::rule::Finding;
use crate::statement::EventId;
use crate::store::blobs::BlobError;
use crate::sys::disk::DiskError;
use crate::sys::entropy::EntropyError;
use crate::sys::keyfile::KeyFileError;
use crate::sys::lock::LockError;
use crate::text::TextError;
use crate::time::Timestamp;

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

/// Why a ledger was not created or opened, or a statement not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Nothing there.
    #[error("there is no folder {}", dir.display())]
    NoFolder {
        /// The folder.
        dir: PathBuf,
    },
    /// Nothing in it.
    #[error("the folder {} is empty: no ledger was created in it", dir.display())]
    EmptyFolder {
        /// The folder.
        dir: PathBuf,
    },
    /// Something else in it.
    #[error("{} is not a ledger", dir.display())]
    NotALedger {
        /// The folder.
        dir: PathBuf,
    },
    /// Made by a newer program.
    #[error("the ledger in {} has format {found}; this program knows format 1", dir.display())]
    NewerFormat {
        /// The folder.
        dir: PathBuf,
        /// Its format.
        found: i64,
    },
    /// A copy that was published: nothing but a publication writes to it.
    #[error("{} is a published copy of a ledger: nothing is appended to it", dir.display())]
    Copy {
        /// The folder.
        dir: PathBuf,
    },
    /// A ledger without its log is never taken for a new one.
    #[error("the ledger in {} has lost its log: its file `tail` is missing", dir.display())]
    LostLog {
        /// The folder.
        dir: PathBuf,
    },
    /// Its creation never returned a receipt.
    #[error("the creation of the ledger in {} was interrupted", dir.display())]
    InterruptedCreation {
        /// The folder.
        dir: PathBuf,
    },
    /// A ledger is created in a folder of its own.
    #[error("{} is not empty", dir.display())]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// The place outside keeps another ledger's state.
    #[error("{} keeps the newest checkpoint of a ledger already", state.display())]
    StateInUse {
        /// The folder outside.
        state: PathBuf,
    },
    /// Somebody else writes.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The key that signs checkpoints cannot be had.
    #[error("the ledger cannot seal: {0}")]
    SealingKey(#[from] KeyFileError),
    /// Another ledger's key, or one that was replaced.
    #[error("the sealing key {} is not the one that this ledger names", path.display())]
    OtherSealingKey {
        /// The key file.
        path: PathBuf,
    },
    /// An entry that is not what was acknowledged.
    #[error("entry {sequence} is damaged: {fault}")]
    DamagedEntry {
        /// The entry.
        sequence: u64,
        /// What is wrong.
        fault: String,
    },
    /// A file of the log that is not what was written.
    #[error("the log is damaged: {fault}")]
    DamagedLog {
        /// What is wrong.
        fault: String,
    },
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
        "the first {kept} entries of the ledger are not those that the checkpoint kept outside it states: history was rewritten or forked"
    )]
    Beside {
        /// Entries stated.
        kept: u64,
    },
    /// The place outside keeps the state of another ledger.
    #[error("{} is a checkpoint of `{origin}`, not of this ledger", path.display())]
    OtherLedgersHead {
        /// The file.
        path: PathBuf,
        /// The ledger it names.
        origin: String,
    },
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
    /// It names another ledger.
    #[error("the statement was made for another ledger")]
    OtherLedger,
    /// The signature is not its author's.
    #[error("the signature under the statement is not by its author {author}")]
    BadSignature {
        /// The author's key, its first digits.
        author: String,
    },
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
    /// The same thing twice in one list.
    #[error("the field `{field}` names `{item}` twice")]
    Twice {
        /// The field.
        field: &'static str,
        /// What it names.
        item: String,
    },
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
    Secret(#[from] SecretFound),
    /// The event id was used for something else.
    #[error("the event id {event_id} was used by entry {sequence} for another statement")]
    Conflict {
        /// The id.
        event_id: EventId,
        /// The entry that has it.
        sequence: u64,
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
    /// An earlier write failed half-way.
    #[error("an earlier write to this ledger failed; it must be opened again")]
    GivenUp,
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

impl AppendError {
    /// Whom it is to be laid at.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::NoFolder { .. }
            | Self::EmptyFolder { .. }
            | Self::NotALedger { .. }
            | Self::NewerFormat { .. }
            | Self::InterruptedCreation { .. } => Blame::CannotVerify,
            Self::LostLog { .. }
            | Self::DamagedEntry { .. }
            | Self::DamagedLog { .. }
            | Self::DamagedCheckpoint { .. }
            | Self::Behind { .. }
            | Self::Beside { .. }
            | Self::NoCheckpoint { .. } => Blame::Broken,
            Self::Copy { .. }
            | Self::NotEmpty { .. }
            | Self::StateInUse { .. }
            | Self::Origin(_)
            | Self::Text(_)
            | Self::NothingToRecover => Blame::Usage,
            Self::Blob(BlobError::Missing { .. } | BlobError::Mismatch { .. }) => Blame::Broken,
            Self::Lock(_)
            | Self::Blob(_)
            | Self::Disk(_)
            | Self::Entropy(_)
            | Self::Unsplit(_)
            | Self::Unknown(_)
            | Self::GivenUp => Blame::Temporary,
            Self::SealingKey(_)
            | Self::OtherSealingKey { .. }
            | Self::OtherLedgersHead { .. }
            | Self::Malformed(_)
            | Self::OtherLedger
            | Self::BadSignature { .. }
            | Self::Denied(_)
            | Self::OutOfOrder(_)
            | Self::Time { .. }
            | Self::Twice { .. }
            | Self::NoEvidence
            | Self::Attachment { .. }
            | Self::Files { .. }
            | Self::Secret(_)
            | Self::Conflict { .. } => Blame::Refused,
        }
    }

    /// What to try next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoFolder { .. } | Self::EmptyFolder { .. } | Self::NotALedger { .. } => {
                "create one with `ledger init`, or name another with --ledger"
            }
            Self::Copy { .. } => "name the ledger that it was published from with --ledger",
            Self::NewerFormat { .. } => "use the program that made it, or a newer one",
            Self::LostLog { .. } | Self::DamagedEntry { .. } | Self::DamagedLog { .. } => {
                "run `ledger verify` to see what is left, and restore the folder from a copy"
            }
            Self::InterruptedCreation { .. } => {
                "run `ledger init` again: it removes what is there and begins anew; no receipt was ever given for it"
            }
            Self::NotEmpty { .. } => "name a new folder, or an empty one",
            Self::StateInUse { .. } => {
                "a ledger was here before: find it, or name another folder outside"
            }
            Self::Lock(LockError::Held { .. }) => "try again, or wait longer with --wait",
            Self::SealingKey(KeyFileError::Missing { .. }) => {
                "the sealing key stays outside the ledger's folder: bring it from the machine that created the ledger"
            }
            Self::OtherSealingKey { .. } | Self::OtherLedgersHead { .. } => {
                "each ledger needs a state folder of its own: check --state"
            }
            Self::DamagedCheckpoint { .. }
            | Self::Behind { .. }
            | Self::Beside { .. }
            | Self::NoCheckpoint { .. } => {
                "find the newest copy of the ledger; if there is none, a Security Owner may accept this one with `ledger recover`"
            }
            Self::Denied(denial) => return Some(denial.rule.hint.to_owned()),
            Self::OutOfOrder(findings) => {
                return findings.first().map(|finding| finding.rule.hint.to_owned());
            }
            Self::Time { .. } => "check the clock of this machine and of the one that signed it",
            Self::Secret(_) => {
                "leave it out or name a reference to it; and if it was real, rotate it"
            }
            Self::Conflict { .. } => {
                "leave event_id out for a new event; keep it only to repeat the very same statement"
            }
            Self::Unknown(_) | Self::GivenUp => {
                "send the same statement again: if it was recorded, its receipt comes back"
            }
            Self::Lock(_) | Self::Disk(_) | Self::Blob(BlobError::Disk(_)) => {
                "nothing was recorded: make room or access, then send it again"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
