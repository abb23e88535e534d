//! The first entries of a stored ledger, replayed: what they amount to, which secret each is about, and
//! the tree over them, to hold against a checkpoint.
//!
//! No author's signature is looked at: what a checkpoint of the ledger seals was checked before it was
//! sealed. Whoever takes entries from here and hands them on verifies those.

use std::path::Path;
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::hash::LeafHash;
use crate::merkle::Frontier;
use crate::note::SignedNote;
use crate::register::Register;
use crate::sys::world::World;
use crate::text::Id;

use super::AuditError;
use super::CHECKPOINT_FILE;
use super::Reader;

/// See the module.
#[derive(Debug)]
pub struct Prefix {
    /// What the entries amount to.
    pub register: Register,
    /// The secret that each is about, by its place.
    pub subjects: Vec<Option<Id>>,
    /// The ledger's newest checkpoint, when they were read.
    pub newest: Vec<u8>,
    tree: Frontier,
}

impl Prefix {
    /// Reads the first `size` entries of the ledger in `dir`, or all of them.
    ///
    /// # Errors
    /// There is no ledger, an entry cannot be read, or no writer would have placed it.
    pub fn read(
        world: &World,
        dir: &Path,
        wait: Duration,
        size: Option<u64>,
    ) -> Result<Self, AuditError> {
        let reader = Reader::open(world, dir, wait)?;
        let newest = reader.file(CHECKPOINT_FILE).unwrap_or_default().to_vec();
        let (mut subjects, mut tree) = (Vec::new(), Frontier::new());
        let register = reader.replay_first(
            size.unwrap_or(u64::MAX),
            LeafHash::of,
            &mut |leaf, register, statement| {
                tree.append(leaf);
                subjects.push(register.subject(&statement.event));
            },
        )?;
        Ok(Self {
            register,
            subjects,
            newest,
            tree,
        })
    }

    /// How many entries they are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// What `checkpoint` says otherwise about these entries and the one `after` them. Who signed it is
    /// not looked at.
    ///
    /// # Errors
    /// It is no checkpoint, or one of other entries.
    pub fn sealed_by(&self, checkpoint: &[u8], after: Option<LeafHash>) -> Result<(), String> {
        let note = SignedNote::parse(checkpoint).map_err(|fault| fault.to_string())?;
        let stated = Checkpoint::parse(note.text()).map_err(|fault| fault.to_string())?;
        let mut tree = self.tree.clone();
        after.into_iter().for_each(|leaf| tree.append(leaf));
        if stated.size != tree.size() {
            return Err(format!(
                "its checkpoint states {} entries, and there are {}",
                stated.size,
                tree.size()
            ));
        }
        match stated.root == tree.root() {
            true => Ok(()),
            false => Err("its entries give another root than its checkpoint states".to_owned()),
        }
    }
}
