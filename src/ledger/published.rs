//! The files of a static copy (C2SP tlog-tiles) out of a ledger that is written to: whole tiles and
//! bundles stand in its folder, those of the right edge are made of its tail.

use crate::ledger::proofs::{LedgerProofs, NoProofError};
use crate::merkle::{LogFile, TILE_WIDTH};
use crate::store::bundle;

const WIDTH: u64 = TILE_WIDTH as u64;

impl LedgerProofs {
    /// The bytes of a tile or bundle, whole or as wide as asked for; none where the newest checkpoint does
    /// not cover all of it. An earlier, narrower edge is still there: whoever reads a copy may be at work on
    /// the checkpoint before.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn published(&self, file: &LogFile) -> Result<Option<Vec<u8>>, NoProofError> {
        let shift = u32::from(file.tile.level).saturating_mul(8);
        let hashes = self.newest().size.checked_shr(shift).unwrap_or(0);
        let first = file.tile.index.checked_mul(WIDTH);
        let Some(first) = first.filter(|first| {
            let end = first.checked_add(file.width);
            end.is_some_and(|end| end <= hashes)
        }) else {
            return Ok(None);
        };
        if !file.is_bundle {
            return Ok(Some(self.tree().tile(file.tile, file.width)?));
        }
        let sequences: Vec<u64> = (first..first + file.width).collect();
        let entries: Vec<_> = self.entries(&sequences)?.into_values().collect();
        Ok(bundle::encode(&entries))
    }
}
