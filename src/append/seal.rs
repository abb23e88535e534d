//! Whole bundles leave the tail, with the Merkle tiles that they complete.
//!
//! ```text
//! checkpoint   made durable in both places, so that none is ever older than what is sealed
//! bundles      and tiles, from the stored bytes; then the shorter tail           `store::seal`
//! index        brought to the same entries
//! ```
//!
//! It is done at the next append, while that one's signatures are checked, or when the ledger is
//! closed or opened. The entries were acknowledged before and stay where they are until the bundles are durable. So
//! nothing that goes wrong here fails an append: it is said, and done again later.

use std::collections::BTreeMap;

use crate::append::commit::recorded_in;
use crate::append::writer::Writer;
use crate::merkle::{TILE_WIDTH, Tile, TileError, TileId, completed_tiles};
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::log::RereadError;
use crate::store::seal::SealError;
use crate::sys::disk::{DiskError, SMALL_FILE};

/// Why a bundle was not sealed.
#[derive(Debug, thiserror::Error)]
enum SealingError {
    #[error(transparent)]
    Reread(#[from] RereadError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Writer {
    /// Seals what fills whole bundles, if anything does. What goes wrong becomes a notice.
    pub(super) fn seal(&mut self) {
        // Without a checkpoint yet, none would vouch for what is sealed.
        let vouched = !self.published.note().is_empty();
        if self.log.is_given_up() || self.log.sealable() == 0 || !vouched {
            return;
        }
        if let Err(fault) = self.try_seal() {
            self.notices.push(format!(
                "every entry is recorded, but sealing was put off: {fault}"
            ));
            if self.catch_up().is_err() {
                self.log.give_up();
            }
            return;
        }
        if self.warm_up(&[]).is_err() {
            self.log.give_up();
            return;
        }
        if let Err(fault) = self.memory.store(self.edge.size(), self.edge.link())
            && self.renew_memory(&fault.to_string(), &[]).is_err()
        {
            self.log.give_up();
        }
    }

    fn try_seal(&mut self) -> Result<(), SealingError> {
        self.published.make_durable()?;
        let base = self.log.base();
        let stored = self.log.reread(base..base + self.log.sealable() as u64)?;
        let mut edge = self.sealed.clone();
        let mut tiles: BTreeMap<TileId, Tile> = BTreeMap::new();
        let first = base / BUNDLE_ENTRIES as u64;
        for (bundle, group) in (first..).zip(stored.chunks_exact(TILE_WIDTH)) {
            let recorded = group.last().and_then(|last| recorded_in(last));
            let leaves = edge.extend(group, recorded.unwrap_or(edge.recorded()));
            let Ok(leaves) = leaves.as_slice().try_into() else {
                continue;
            };
            let made = completed_tiles(bundle, leaves, |id| match tiles.get(&id) {
                Some(tile) => Ok(tile.bytes().to_vec()),
                None => {
                    let stored = self.engine.need(&id.path(), SMALL_FILE);
                    stored.map_err(SealingError::from)
                }
            })?;
            tiles.extend(made.into_iter().map(|tile| (tile.id(), tile)));
        }
        let files: Vec<_> = tiles
            .values()
            .map(|tile| (tile.id().path(), tile.bytes().to_vec()))
            .collect();
        self.log.seal(&files, &edge.encode())?;
        self.sealed = edge;
        Ok(())
    }
}
