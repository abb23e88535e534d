//! What goes into a ledger, and what comes back.

use crate::append::error::AppendError;
use crate::hash::{LeafHash, Link, NodeHash};
use crate::key::Signature;
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
    made: Option<Box<MadeHere>>,
}

/// What this process did with a statement a moment ago. The message that its author signs stands for every byte of it and of
/// the files that it names: whatever is put in their place has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MadeHere {
    message: [u8; 47],
    /// It was looked through, and nothing was found which anybody would have had to let pass.
    is_screened: bool,
    /// How a key that is in this process signed it.
    signature: Option<Signature>,
}

impl Submission {
    /// A statement as it came from somewhere, with the bytes of its attachments in its order: the writer looks
    /// through it and at its signature.
    #[must_use]
    pub const fn new(statement: SignedStatement, files: Vec<Vec<u8>>) -> Self {
        Self {
            statement,
            files,
            made: None,
        }
    }

    /// A statement that was signed a moment ago: whether after all of it was looked through without exceptions, and whether
    /// by a key in this process.
    pub(super) fn made_here(self, is_screened: bool, is_signed: bool) -> Self {
        let made = MadeHere {
            message: signed_message(self.statement.bytes()),
            is_screened,
            signature: is_signed.then_some(*self.statement.signature()),
        };
        Self {
            made: Some(Box::new(made)),
            ..self
        }
    }

    /// Whether what was looked through is the statement with this message.
    pub(super) fn was_screened(&self, message: &[u8; 47]) -> bool {
        let made = self.made.as_ref();
        made.is_some_and(|made| made.is_screened && made.message == *message)
    }

    /// Whether the statement with this message carries the signature that was made of it here.
    pub(super) fn was_signed_here(&self, message: &[u8; 47]) -> bool {
        let made = self.made.as_ref().filter(|made| made.message == *message);
        made.is_some_and(|made| made.signature == Some(*self.statement.signature()))
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
