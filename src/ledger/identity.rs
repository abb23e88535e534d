//! Which ledger a folder has, by its first entry: that stays the same wherever the folder is moved, mounted or
//! copied to.

use std::path::Path;

use crate::entry::Entry;
use crate::event::Event;
use crate::hash::{LedgerId, Link};
use crate::key::PublicKey;
use crate::ledger::layout::CREATING;
use crate::ledger::standing::{FolderKind, kind_of};
use crate::note::Origin;
use crate::statement::Statement;
use crate::store::engine::{FolderEngine, read_bundle};
use crate::store::image::TailContents;
use crate::store::tail::{MAX_TAIL, TAIL_FILE};
use crate::sys::world::World;

/// What entry 0 says of the ledger that it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerIdentity {
    /// The link of entry 0.
    pub id: LedgerId,
    /// The ledger's name in every checkpoint.
    pub origin: Origin,
    /// Its first sealing key.
    pub sealing_key: PublicKey,
}

impl LedgerIdentity {
    /// By the stored bytes of entry 0.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn of(genesis: &[u8]) -> Result<Self, String> {
        let entry = Entry::decode(genesis).map_err(|fault| fault.to_string())?;
        let statement = Statement::decode(&entry.statement).map_err(|fault| fault.to_string())?;
        let Event::LedgerCreated(created) = statement.event else {
            return Err("it is not ledger.created".to_owned());
        };
        Ok(Self {
            id: LedgerId::from_genesis(Link::of(genesis)),
            origin: Origin::try_from(created.origin).map_err(|fault| fault.to_string())?,
            sealing_key: created.sealing_key,
        })
    }

    /// Of the ledger in `dir`; none where there is none, or one whose creation was cut off. Waits for nobody:
    /// entry 0 never changes.
    #[must_use]
    pub fn in_folder(world: &World, dir: &Path) -> Option<Self> {
        let disk = &*world.disk;
        let is_ledger = kind_of(disk, dir).ok()? == FolderKind::Ledger;
        if !is_ledger || disk.metadata(&dir.join(CREATING)).ok()?.is_some() {
            return None;
        }
        let tail = disk.read_at_most(&dir.join(TAIL_FILE), MAX_TAIL as u64);
        let tail = tail.ok().and_then(|bytes| TailContents::parse(&bytes).ok());
        let in_tail = tail.filter(|tail| tail.base == 0);
        let genesis = match in_tail.and_then(|tail| tail.entries.into_iter().next()) {
            Some(genesis) => genesis,
            None => read_bundle(&FolderEngine::at(world, dir), 0)
                .ok()?
                .into_iter()
                .next()?,
        };
        Self::of(&genesis).ok()
    }
}
