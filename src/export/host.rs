//! The host that exports: its ledger, and the key that signs its packs.

use std::time::Duration;

use crate::checkpoint;
use crate::key::SecretKey;
use crate::ledger::proofs::LedgerProofs;
use crate::ledger::{CHECKPOINT_FILE, COSIGNED_FILE, EntryReader, LedgerPlace, ProvenPrefix};
use crate::note::KeyName;
use crate::pack::DrawSeed;
use crate::store::engine::FolderEngine;
use crate::sys::world::World;
use crate::time::Timestamp;

use super::error::ExportError;
use super::sample::cosigned_seed;

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

    /// The seed that a checkpoint of these entries gives; see [`cosigned_seed`].
    ///
    /// # Errors
    /// As there; it is of other entries, or the ledger keeps an earlier cosignature by that witness.
    pub fn seed(
        &self,
        bytes: &[u8],
        witness: Option<&KeyName>,
        end: Timestamp,
    ) -> Result<DrawSeed, ExportError> {
        let found = cosigned_seed(bytes, witness, end)?;
        let seed = checkpoint::stated(bytes);
        let seed = seed.map_err(|fault| ExportError::OtherSeed(fault.to_string()))?;
        let dir = &self.place.dir;
        let reader = EntryReader::open(self.world, dir, self.wait)?;
        if let Some(kept) = reader.file(COSIGNED_FILE)
            && let DrawSeed::Cosigned { at, by, .. } = &found
            && let Ok(DrawSeed::Cosigned { at: earlier, .. }) = cosigned_seed(kept, Some(by), end)
            && earlier < *at
        {
            let why = format!("the ledger keeps an earlier cosignature by {by}, of {earlier}");
            return Err(ExportError::OtherSeed(why));
        }
        let newest = String::from_utf8_lossy(reader.file(CHECKPOINT_FILE).unwrap_or_default());
        let size = checkpoint::stated(newest.as_bytes()).map_or(0, |stated| stated.size);
        if !(1..=size).contains(&seed.size) {
            let why = format!("it has {} entries, and the ledger {size}", seed.size);
            return Err(ExportError::OtherSeed(why));
        }
        let proofs = LedgerProofs::open(self.world, dir, self.wait)?;
        match proofs.continued(seed.size, &newest)?.old.1 == seed.root {
            true => Ok(found),
            false => Err(ExportError::OtherSeed("it has another root".to_owned())),
        }
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
