//! Reads all entries once. Reading, checking and folding overlap: one thread pulls stored bytes,
//! all cores check entries by themselves, and this thread puts the results in order.

use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use rayon::prelude::*;

use super::check::Checked;
use super::folded::Folded;
use super::ledger_fold::LedgerFold;
use super::piece::Observer;
use super::piece::Piece;
use super::question::Question;

/// Entries checked together: enough to keep all cores busy, little enough to stay in the cache.
const BATCH: usize = 1_024;
/// Batches in flight between two stages; the memory of a verification is bounded by these.
const IN_FLIGHT: usize = 2;

/// Reads `pieces` to their end and folds what they hold.
pub fn fold(
    pieces: impl Iterator<Item = Piece> + Send,
    question: Question,
    observer: &mut dyn Observer,
) -> Folded {
    let mut folding = LedgerFold::new(question);
    std::thread::scope(|scope| {
        let (raw, to_check) = sync_channel::<Piece>(IN_FLIGHT);
        let (checked, to_fold) = sync_channel::<Piece<Checked>>(IN_FLIGHT);
        scope.spawn(move || read(pieces, &raw));
        scope.spawn(move || check(&to_check, &checked));
        // Leaving the loop drops the receiver, which stops the other two.
        for batch in to_fold {
            folding.take(batch, observer);
            observer.progress(folding.done.size);
            if observer.interrupted() {
                folding.done.interrupted = true;
                break;
            }
        }
    });
    folding.finish()
}

/// Hands the pieces on in batches of entries, until nobody listens any more.
fn read(pieces: impl Iterator<Item = Piece>, raw: &SyncSender<Piece>) {
    let mut waiting = Vec::with_capacity(BATCH);
    for piece in pieces {
        let gap = match piece {
            Piece::Entries(entries) => {
                waiting.extend(entries);
                None
            }
            gap => Some(gap),
        };
        if gap.is_some() || waiting.len() >= BATCH {
            let before = Piece::Entries(std::mem::take(&mut waiting));
            if std::iter::once(before)
                .chain(gap)
                .any(|piece| raw.send(piece).is_err())
            {
                return;
            }
        }
    }
    // Nobody listens any more only where the verification was interrupted.
    let _ = raw.send(Piece::Entries(waiting));
}

fn check(raw: &Receiver<Piece>, checked: &SyncSender<Piece<Checked>>) {
    for piece in raw {
        let done = match piece {
            Piece::Entries(entries) => {
                Piece::Entries(entries.par_iter().map(|bytes| Checked::of(bytes)).collect())
            }
            Piece::Damaged { count, finding } => Piece::Damaged { count, finding },
            Piece::Elsewhere { count } => Piece::Elsewhere { count },
        };
        if checked.send(done).is_err() {
            return;
        }
    }
}
