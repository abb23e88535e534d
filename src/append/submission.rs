//! What goes into a ledger, and what comes back.

use crate::append::error::AppendError;
use crate::hash::{LeafHash, Link, NodeHash};
use crate::rule::Finding;
use crate::statement::{EventId, SignedStatement};
use crate::time::Timestamp;

/// A statement on its way into the ledger, with the files it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The statement, signed by its author.
    pub statement: SignedStatement,
    /// The bytes of its attachments, in the statement's order.
    pub files: Vec<Vec<u8>>,
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
