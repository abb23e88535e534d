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
use crate::ledger::edge::Edge;
use crate::merkle::{TILE_WIDTH, Tile, TileError, TileId, completed_tiles};
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::engine::Engine;
use crate::store::log::RereadError;
use crate::store::seal::SealError;
use crate::sys::disk::{DiskError, SMALL_FILE};

/// Why a bundle was not sealed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealingError {
    #[error(transparent)]
    Reread(#[from] RereadError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The tiles that whole bundles complete.
pub(super) struct NewTiles<'a> {
    engine: &'a dyn Engine,
    tiles: BTreeMap<TileId, Tile>,
}

impl<'a> NewTiles<'a> {
    /// Over bundles of the ledger in `engine`.
    pub(super) const fn over(engine: &'a dyn Engine) -> Self {
        let tiles = BTreeMap::new();
        Self { engine, tiles }
    }

    /// Takes the entries of the bundle behind `edge`, which stands behind them then.
    pub(super) fn add(&mut self, edge: &mut Edge, group: &[Vec<u8>]) -> Result<(), SealingError> {
        let bundle = edge.size() / BUNDLE_ENTRIES as u64;
        let recorded = group.last().and_then(|last| recorded_in(last));
        let leaves = edge.extend(group, recorded.unwrap_or(edge.recorded()));
        let Ok(leaves) = leaves.as_slice().try_into() else {
            return Ok(());
        };
        let made = completed_tiles(bundle, leaves, |id| match self.tiles.get(&id) {
            Some(tile) => Ok(tile.bytes().to_vec()),
            None => {
                let stored = self.engine.need(&id.path(), SMALL_FILE);
                stored.map_err(SealingError::from)
            }
        })?;
        self.tiles
            .extend(made.into_iter().map(|tile| (tile.id(), tile)));
        Ok(())
    }

    /// As files of the ledger: names and bytes.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let tiles = self.tiles.values();
        tiles
            .map(|tile| (tile.id().path(), tile.bytes().to_vec()))
            .collect()
    }
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
        let mut tiles = NewTiles::over(&*self.engine);
        for group in stored.chunks_exact(TILE_WIDTH) {
            tiles.add(&mut edge, group)?;
        }
        self.log.seal(&tiles.files(), &edge.encode())?;
        self.sealed = edge;
        Ok(())
    }
}
