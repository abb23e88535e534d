//! What goes into a ledger, and what comes back.

use crate::append::error::AppendError;
use crate::hash::{LeafHash, Link, NodeHash};
use crate::rule::Finding;
use crate::statement::{EventId, SignedStatement, signed_message};
use crate::time::Timestamp;

/// A statement on its way into the ledger, with the files it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The statement, signed by its author.
    pub statement: SignedStatement,
    /// The bytes of its attachments, in the statement's order.
    pub files: Vec<Vec<u8>>,
    screened: Option<Screened>,
}

/// Which statement was looked through in this process, with the files that it names, and that nothing was found which
/// anybody would have had to let pass. The message that its author signs stands for every byte of both: whatever is put in
/// their place has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Screened([u8; 47]);

impl Submission {
    /// A statement as it came from somewhere, with the bytes of its attachments in its order: the writer looks
    /// through it.
    #[must_use]
    pub const fn new(statement: SignedStatement, files: Vec<Vec<u8>>) -> Self {
        Self {
            statement,
            files,
            screened: None,
        }
    }

    /// What was signed a moment ago, after everything in it was looked through without exceptions.
    pub(super) fn screened(statement: SignedStatement, files: Vec<Vec<u8>>) -> Self {
        let screened = Some(Screened(signed_message(statement.bytes())));
        Self {
            statement,
            files,
            screened,
        }
    }

    /// Whether what was looked through is the statement with this message.
    pub(super) fn was_screened(&self, message: &[u8; 47]) -> bool {
        self.screened
            .as_ref()
            .is_some_and(|seen| seen.0 == *message)
    }
}

/// What became of each submission of a batch.
#[derive(Debug)]
pub struct BatchOutcome {
    /// One receipt for each statement before the first that was refused, in their order.
    pub receipts: Vec<Receipt>,
    /// Why the next one was refused, where one was. Nothing after it was looked at.
    pub refused: Option<AppendError>,
}

/// What an append answers: the entry would survive a power cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's place.
    pub sequence: u64,
    /// The event's id.
    pub event_id: EventId,
    /// The event's name.
    pub event: &'static str,
    /// When it was recorded, by the ledger's clock.
    pub recorded: Timestamp,
    /// The entry's link.
    pub link: Link,
    /// The entry's leaf.
    pub leaf: LeafHash,
    /// The size of a checkpoint that covers the entry: the newest when the receipt was made.
    pub size: u64,
    /// The root of that checkpoint.
    pub root: NodeHash,
    /// Whether this very statement had been recorded before. The findings it caused were said then.
    pub replayed: bool,
    /// What the entry is held against.
    pub findings: Vec<Finding>,
}
