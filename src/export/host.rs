//! The host that exports: its ledger, and the key that signs its packs.

use std::time::Duration;

use crate::key::SecretKey;
use crate::ledger::{LedgerPlace, ProvenPrefix};
use crate::store::engine::FolderEngine;
use crate::sys::world::World;

use super::error::ExportError;

/// The file of the pack key in the state folder.
pub const PACK_KEY: &str = "pack.pem";

/// Exports of one ledger.
pub struct Export<'a> {
    /// Disk, clock and chance.
    pub world: &'a World,
    /// The ledger, and where its host keeps the pack key.
    pub place: &'a LedgerPlace,
    /// How long to wait for a writer at work.
    pub wait: Duration,
}

impl Export<'_> {
    /// The ledger's files.
    pub(super) fn ledger(&self) -> FolderEngine {
        FolderEngine::at(self.world, &self.place.dir)
    }

    /// What this host keeps of it elsewhere.
    pub(super) fn state(&self) -> FolderEngine {
        FolderEngine::at(self.world, &self.place.state)
    }

    /// The key that signs this host's packs; made where there is none yet. It is a key of its own, since the
    /// raw signature that openssl checks has no context that would keep it from being taken for another.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub fn key(&self) -> Result<SecretKey, ExportError> {
        let path = self.place.state.join(PACK_KEY);
        self.world.key_in(&path)
    }

    /// The entries of the ledger, held against its newest checkpoint.
    ///
    /// # Errors
    /// They cannot be read, or the first of them are not those that it seals.
    pub fn entries(&self) -> Result<ProvenPrefix, ExportError> {
        let whole = ProvenPrefix::read(self.world, &self.place.dir, self.wait, None)?;
        match &whole.newest {
            Ok(()) => Ok(whole),
            Err(why) => Err(ExportError::NotSealed(why.clone())),
        }
    }
}
