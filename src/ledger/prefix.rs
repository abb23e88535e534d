//! The first entries of a stored ledger, replayed: what they amount to, which secret each is about, and
//! the tree over them, to hold against a checkpoint.
//!
//! No author's signature is looked at: what a checkpoint of the ledger seals was checked before it was
//! sealed. Whoever takes entries from here and hands them on verifies those.

use std::path::Path;
use std::time::Duration;

use crate::checkpoint::{self, Checkpoint};
use crate::hash::{LeafHash, NodeHash};
use crate::merkle::Frontier;
use crate::register::Register;
use crate::sys::world::World;
use crate::text::Id;

use crate::ledger::error::LedgerError;
use crate::ledger::layout::CHECKPOINT_FILE;
use crate::ledger::reader::EntryReader;

/// The entries up to a checkpoint, held against its root.
#[derive(Debug)]
pub struct ProvenPrefix {
    /// What the entries amount to.
    pub register: Register,
    /// The secret that each is about, by its place.
    pub subjects: Vec<Option<Id>>,
    /// What the ledger's newest checkpoint says otherwise about the first of them. Those behind it are for the
    /// writer, who checks them like new ones before they are sealed.
    pub newest: Result<(), String>,
    tree: Frontier,
}

impl ProvenPrefix {
    /// Reads the first `size` entries of the ledger in `dir`, or all of them.
    ///
    /// # Errors
    /// There is no ledger, an entry cannot be read, or no writer would have placed it.
    pub fn read(
        world: &World,
        dir: &Path,
        wait: Duration,
        size: Option<u64>,
    ) -> Result<Self, LedgerError> {
        let reader = EntryReader::open(world, dir, wait)?;
        let note = reader.file(CHECKPOINT_FILE).unwrap_or_default();
        let stated = checkpoint::stated(note).map_err(|fault| fault.to_string());
        let newest = stated.as_ref().map_or(0, |stated| stated.size);
        let (mut subjects, mut tree, mut then) = (Vec::new(), Frontier::new(), None);
        let register = reader.replay_first(
            size.unwrap_or(u64::MAX),
            LeafHash::of,
            &mut |leaf, register, recorded| {
                tree.append(leaf);
                if tree.size() == newest {
                    then = Some(tree.root());
                }
                subjects.push(register.subject(recorded.event));
            },
        )?;
        Ok(Self {
            register,
            newest: stated.and_then(|stated| differs(&stated, then, tree.size())),
            subjects,
            tree,
        })
    }

    /// How many entries they are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// What the checkpoint in `note` says otherwise about these entries and the one `after` them. Who signed it is
    /// not looked at.
    ///
    /// # Errors
    /// It is no checkpoint, or one of other entries.
    pub fn sealed_by(&self, note: &[u8], after: Option<LeafHash>) -> Result<(), String> {
        let mut tree = self.tree.clone();
        after.into_iter().for_each(|leaf| tree.append(leaf));
        let stated = checkpoint::stated(note).map_err(|fault| fault.to_string())?;
        let root = (stated.size == tree.size()).then(|| tree.root());
        differs(&stated, root, tree.size())
    }
}

/// Holds a checkpoint against the root of as many entries, where there are as many.
fn differs(stated: &Checkpoint, root: Option<NodeHash>, size: u64) -> Result<(), String> {
    match root {
        Some(root) if root == stated.root => Ok(()),
        Some(_) => Err("its entries give another root than its checkpoint states".to_owned()),
        None => Err(format!(
            "its checkpoint states {} entries, and there are {size}",
            stated.size
        )),
    }
}
