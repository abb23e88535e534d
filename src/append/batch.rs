//! Statements that are appended as one commit: what was placed of them, and where the next goes.

use crate::append::check::ValidSubmission;
use crate::hash::Link;
use crate::register::Recorded;
use crate::rule::Finding;
use crate::statement::{EventId, Statement};
use crate::time::Timestamp;

/// Where the next entry goes.
pub(super) struct NextEntry {
    pub(super) sequence: u64,
    pub(super) previous: Link,
    pub(super) recorded: Timestamp,
}

/// What becomes of one submission of a batch.
pub(super) enum BatchItem {
    /// It is the next entry, once it is written.
    New(UnwrittenEntry),
    /// It was recorded before, as this entry, perhaps earlier in this batch.
    Again(u64),
}

/// An entry that is not written yet.
pub(super) struct UnwrittenEntry {
    pub(super) bytes: Vec<u8>,
    pub(super) link: Link,
    pub(super) recorded: Timestamp,
    pub(super) event_id: EventId,
    pub(super) event: &'static str,
    pub(super) findings: Vec<Finding>,
}

/// What is known of the event ids of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventIds {
    /// They were made a moment ago, so that no entry has them.
    Fresh,
    /// Any of them may have been recorded before.
    Any,
}

/// What was placed of a batch, and not written yet.
pub(super) struct Batch {
    pub(super) ids: EventIds,
    pub(super) next: NextEntry,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) items: Vec<BatchItem>,
    /// What the items were made of: it is placed again where another writer was first.
    pub(super) placed: Vec<ValidSubmission>,
}

impl Batch {
    /// A batch of `length` submissions, none of them placed.
    pub(super) fn begin(next: NextEntry, ids: EventIds, length: usize) -> Self {
        Self {
            ids,
            next,
            entries: Vec::with_capacity(length),
            items: Vec::with_capacity(length),
            placed: Vec::with_capacity(length),
        }
    }

    /// Takes what was placed in the next place, or answered with an entry of before.
    pub(super) fn push(&mut self, item: BatchItem, placed: ValidSubmission) {
        let item = match item {
            BatchItem::New(mut new) => {
                self.next = self.next.after(&new);
                self.entries.push(std::mem::take(&mut new.bytes));
                BatchItem::New(new)
            }
            again @ BatchItem::Again(_) => again,
        };
        self.items.push(item);
        self.placed.push(placed);
    }
}

impl NextEntry {
    /// The place after the entry that took this one.
    pub(super) const fn after(&self, placed: &UnwrittenEntry) -> Self {
        Self {
            sequence: self.sequence + 1,
            previous: placed.link,
            recorded: placed.recorded,
        }
    }

    pub(super) const fn recorded<'a>(&self, statement: &'a Statement) -> Recorded<'a> {
        statement.recorded_as(self.sequence, self.recorded)
    }
}
