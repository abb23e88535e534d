//! A stored ledger as it was at a size: its first entries, against the checkpoint that was theirs.

use std::path::Path;
use std::time::Duration;

use crate::hash::Link;
use crate::merkle::Tile;
use crate::statement::Attachment;
use crate::sys::world::World;
use crate::verify;
use crate::verify::Keeper;
use crate::verify::Kept;
use crate::verify::Observer;
use crate::verify::Piece;
use crate::verify::Question;
use crate::verify::Report;
use crate::verify::Surroundings;

use super::AuditError;
use super::pieces::Pieces;
use super::standing::take;

/// Verifies the first `size` entries of the ledger in `dir`, of which `checkpoint` is said to be the
/// checkpoint. Nothing that stands around the entries is looked at.
///
/// # Errors
/// There is no ledger to look at. Damage is not an error here but a finding.
pub fn prefix(
    world: &World,
    dir: &Path,
    wait: Duration,
    size: u64,
    checkpoint: &[u8],
) -> Result<Report, AuditError> {
    let taken = take(world, dir, wait)?;
    let pieces = Pieces::new(world.disk.clone(), dir, &taken, Some(size));
    let question = Question {
        kept: vec![Kept {
            keeper: Keeper::Folder,
            name: "checkpoint".to_owned(),
            bytes: Some(checkpoint.to_vec()),
        }],
        ..Question::at(world.clock.now())
    };
    let first = First { pieces, left: size };
    let folded = verify::fold(first, question, &mut Quiet);
    Ok(folded.conclude(Surroundings::default()))
}

/// The pieces of the first entries.
struct First {
    pieces: Pieces,
    left: u64,
}

impl Iterator for First {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.left == 0 {
            return None;
        }
        let mut piece = self.pieces.next()?;
        match &mut piece {
            Piece::Entries(entries) => {
                entries.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= entries.len() as u64;
            }
            Piece::Damaged { count, .. } | Piece::Elsewhere { count } => {
                self.left = self.left.saturating_sub(*count);
            }
        }
        Some(piece)
    }
}

struct Quiet;

impl Observer for Quiet {
    fn tile(&mut self, _: &Tile, _: u64, _: u64) {}
    fn attachment(&mut self, _: u64, _: &Attachment) {}
    fn entry(&mut self, _: u64, _: Link) {}
    fn progress(&mut self, _: u64) {}
    fn interrupted(&self) -> bool {
        false
    }
}
