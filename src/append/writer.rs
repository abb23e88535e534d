//! The single writer of a ledger: what it holds, and how it lets go.

use std::sync::Arc;

use crate::append::error::AppendError;
use crate::append::memory::LoadedRegister;
use crate::append::submission::Receipt;
use crate::hash::{LedgerId, NodeHash};
use crate::key::SecretKey;
use crate::ledger::LedgerPlace;
use crate::ledger::edge::Edge;
use crate::ledger::head::PublishedHead;
use crate::ledger::tree::{StoredTree, StoredTreeError};
use crate::ledger::warm::EdgeCache;
use crate::note::Origin;
use crate::proof::TlogProof;
use crate::register::{Register, Tokens};
use crate::store::engine::{Engine, EngineLog};
use crate::sys::lock::WriteLock;
use crate::sys::world::World;
use crate::text::Id;

/// A writer of a ledger: the single one of a folder, whose lock it holds until it is dropped; of an engine that
/// many may write to, one that catches up with the others.
#[derive(Debug)]
pub struct Writer {
    pub(super) world: World,
    pub(super) place: LedgerPlace,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) log: Box<dyn EngineLog>,
    pub(super) ledger: LedgerId,
    pub(super) origin: Origin,
    pub(super) key: SecretKey,
    /// The end of everything acknowledged.
    pub(super) edge: Edge,
    /// The end of what is in bundles; [`Edge::encode`] of it stands in the tail's header.
    pub(super) sealed: Edge,
    pub(super) published: PublishedHead,
    pub(super) memory: LoadedRegister,
    pub(super) notices: Vec<String>,
    /// Whether the old sealing key still has its file: the new one takes its name only when a
    /// checkpoint by the new one would survive a power cut.
    pub(super) old_key_has_its_file: bool,
    // Last, so that it is let go of after everything else.
    pub(super) lock: WriteLock,
}

impl Writer {
    /// What happened besides what was asked for: an index set aside, a torn write dropped.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Tells those who wait for the ledger's lock who holds it.
    pub fn hold_as(&mut self, who: &str) {
        self.lock.sign(who);
    }

    /// The ledger's id.
    #[must_use]
    pub const fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Who may talk to whoever serves the ledger.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.memory.register().charter.tokens
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
        let tree = self.tree();
        let (size, root) = (self.size(), self.root());
        let prove = |receipt: &Receipt| {
            let path = tree.inclusion(receipt.sequence, receipt.leaf, size, root)?;
            let note = self.published.note().to_owned();
            Ok(TlogProof::new(receipt.sequence, path, note))
        };
        receipts.iter().map(prove).collect()
    }

    /// The tree over what is stored.
    pub(super) fn tree(&self) -> StoredTree<'_> {
        let (base, tail) = (self.log.base(), self.log.tail());
        StoredTree::new(&*self.engine, self.log.carry(), base, tail)
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
    /// index and lets go of the ledger. Answers with the notices that nobody asked for yet. Where the writer
    /// is just dropped, the next opening seals.
    pub fn close(mut self) -> Vec<String> {
        self.rest();
        self.take_notices()
    }

    /// What is done when nobody waits: seals what the last append filled, replaces a sealing key that has
    /// served its time.
    pub fn rest(&mut self) {
        self.seal();
        self.replace_sealing_key_when_due();
    }

    /// The notices since they were last asked for.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}

impl Drop for Writer {
    /// Seals what fills whole bundles, leaves what is known to the next writer, and the index well
    /// closed.
    fn drop(&mut self) {
        if !self.log.is_given_up() && self.log.sealable() > 0 {
            self.seal();
        }
        let memory = std::mem::replace(&mut self.memory, LoadedRegister::empty());
        if !self.log.is_given_up()
            && memory.register().charter.origin.is_some()
            && let Some(dir) = self.engine.scratch()
        {
            let touched = |id: &Id| memory.is_touched(id);
            let (size, link) = (self.edge.size(), self.edge.link());
            EdgeCache::of(size, link, memory.register(), &touched).write(&*self.world.disk, dir);
        }
        memory.close();
    }
}
