//! The one way into a ledger: a signed statement becomes an entry, durably, or is refused.
//!
//! | file | knows |
//! |---|---|
//! | `create` | how a ledger begins, and how an interrupted beginning is told from a ledger |
//! | `look`, `open` | what must hold before anything is appended, and what is healed by itself |
//! | `check` | what a submission must be before its place is looked for |
//! | `admit` | whether a submission may become the next entry |
//! | `commit` | the order of an append: place, write, sync, re-read, checkpoint, receipt |
//! | `seal` | when whole bundles leave the tail |
//! | `memory` | what the entries amount to, as far as it was needed, with the index behind it |
//! | `fold` | how the memory is brought up to the log |
//! | `edge` | the right end of chain and tree |
//! | `kept` | the newest checkpoint, in the folder and outside it |
//! | `rekey` | how a sealing key is replaced |
//! | `recover` | the explicit way out of a refused opening |
//! | `screen` | where secret material is looked for |
//! | `draft`, `attachment`, `spool` | statements on their way here |
//!
//! An append is acknowledged when it would survive a power cut, and not before. The log is the
//! truth: an index that fails, or a bundle that could not be sealed yet, never fails an append. What
//! the entries are worth is not judged here but in `verify`: late, unapproved and out of order is
//! recorded, and the receipt says which findings it caused.

pub mod attachment;
pub mod draft;

mod admit;
mod check;
mod commit;
mod create;
mod error;
mod fold;
mod look;
mod memory;
mod open;
mod recover;
mod rekey;
mod screen;
mod seal;

pub use crate::store::blobs::ATTACHMENT_LIMIT;
pub use create::{NewLedger, create};
pub use error::AppendError;
pub use recover::{Recovery, recover};
pub use screen::SecretMatch;

use crate::hash::{LeafHash, LedgerId, Link, NodeHash};
use crate::key::SecretKey;
use crate::note::Origin;
use crate::proof::TlogProof;
use crate::register::Register;
use crate::rule::Finding;
use crate::statement::{EventId, SignedStatement};
use crate::store::blobs::Blobs;
use crate::store::log::Log;
use crate::sys::lock::WriteLock;
use crate::sys::world::World;
use crate::text::Id;
use crate::time::Timestamp;

use crate::ledger::LedgerPlace;
use crate::ledger::edge::Edge;
use crate::ledger::head::HeadFiles;
use crate::ledger::tree::{StoredTree, StoredTreeError};
use crate::ledger::warm::EdgeCache;
use memory::LoadedRegister;

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

/// The single writer of a ledger. Holds its lock until it is dropped.
#[derive(Debug)]
pub struct Writer {
    world: World,
    place: LedgerPlace,
    log: Log,
    blobs: Blobs,
    ledger: LedgerId,
    origin: Origin,
    key: SecretKey,
    /// The end of everything acknowledged.
    edge: Edge,
    /// The end of what is in bundles; [`Edge::encode`] of it stands in the tail's header.
    sealed: Edge,
    published: HeadFiles,
    memory: LoadedRegister,
    notices: Vec<String>,
    /// Whether the old sealing key still has its file: the new one takes its name only when a
    /// checkpoint by the new one would survive a power cut.
    old_key_has_its_file: bool,
    /// Whether a write failed in a way that only opening again can settle.
    given_up: bool,
    /// Whether the event ids of the batch at hand were made a moment ago, so that no entry has them.
    minted: bool,
    // Last, so that it is let go of after everything else.
    _lock: WriteLock,
}

impl Writer {
    /// What happened besides what was asked for: an index set aside, a torn write dropped.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The ledger's id.
    #[must_use]
    pub const fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The name of the log in its checkpoints.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root over all entries.
    #[must_use]
    pub fn root(&self) -> NodeHash {
        self.edge.root()
    }

    /// What can be shown without the ledger: for each receipt just given, the entry's place under
    /// the newest checkpoint.
    ///
    /// # Errors
    /// What is stored does not prove it. The entries are recorded all the same.
    pub fn prove(&self, receipts: &[Receipt]) -> Result<Vec<TlogProof>, StoredTreeError> {
        let (base, tail) = (self.log.base(), self.log.tail());
        let disk = &*self.world.disk;
        let tree = StoredTree::new(disk, &self.place.dir, self.log.carry(), base, tail);
        let (size, root) = (self.size(), self.root());
        let prove = |receipt: &Receipt| {
            let path = tree.inclusion(receipt.sequence, receipt.leaf, size, root)?;
            let note = self.published.note().to_owned();
            Ok(TlogProof::new(receipt.sequence, path, note))
        };
        receipts.iter().map(prove).collect()
    }

    /// The newest checkpoint, as a signed note.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        self.published.note()
    }

    /// Everything the entries amount to. Takes time with the number of secrets and rotations.
    ///
    /// # Errors
    /// A damaged log, where the index failed and the log had to be read instead.
    pub fn register(&mut self) -> Result<Register, AppendError> {
        self.warm_up(&[])?;
        match self.memory.whole() {
            Ok(register) => Ok(register),
            Err(fault) => {
                self.renew_memory(&fault.to_string(), &[])?;
                // What was just rebuilt cannot be asked for more than this.
                self.memory.whole().or_else(|_| self.read_register())
            }
        }
    }

    /// Seals what the last append filled, replaces a sealing key that has served its time, closes the
    /// index and lets go of the ledger. Answers with
    /// the notices that closing added. Where the writer is just dropped, the next opening seals.
    pub fn close(mut self) -> Vec<String> {
        let said = self.notices.len();
        self.seal();
        self.replace_sealing_key_when_due();
        self.notices.split_off(said)
    }
}

impl Drop for Writer {
    /// Seals what fills whole bundles, leaves what is known to the next writer, and the index well
    /// closed.
    fn drop(&mut self) {
        if !self.given_up && self.log.sealable() > 0 {
            self.seal();
        }
        let memory = std::mem::replace(&mut self.memory, LoadedRegister::empty());
        if !self.given_up && memory.register().charter.origin.is_some() {
            let touched = |id: &Id| memory.is_touched(id);
            let (size, link) = (self.edge.size(), self.edge.link());
            EdgeCache::of(size, link, memory.register(), &touched)
                .write(&*self.world.disk, &self.place.dir);
        }
        memory.close();
    }
}
