//! Reads all entries once. Where there are threads, reading, checking and folding overlap: one thread
//! pulls stored bytes, all cores check entries by themselves, and this thread puts the results in order.

use std::iter::Fuse;

use crate::parallel;

use super::check::{AuthorSignature, CheckedEntry, KnownSignatures};
use super::folded::VerifiedFold;
use super::ledger_fold::LedgerFold;
use super::piece::{LogPiece, Observer};
use super::question::{AllSigned, VerifyQuestion};

/// Entries whose signatures share one inversion.
const GROUP: usize = 64;
/// Entries checked together: enough to keep all cores busy, little enough to stay in the cache.
const BATCH: usize = 1_024;
/// Batches in flight between two stages; the memory of a verification is bounded by these.
#[cfg(not(target_family = "wasm"))]
const IN_FLIGHT: usize = 2;

/// Reads `pieces` to their end and folds what they hold.
pub fn fold(
    pieces: impl Iterator<Item = LogPiece> + Send,
    question: VerifyQuestion,
    observer: &mut dyn Observer,
) -> VerifiedFold {
    let batches = Batches {
        pieces: pieces.fuse(),
        waiting: Vec::new(),
        gap: None,
        next: 0,
        known: match (&question.signed, &question.verified) {
            (Some(AllSigned(())), _) => (u64::MAX, AuthorSignature::Holds),
            (None, Some(seen)) => (seen.size, AuthorSignature::HeldBefore),
            (None, None) => (0, AuthorSignature::Fails),
        },
    };
    let mut folding = LedgerFold::new(question);
    each_checked(batches, |batch| {
        folding.take(batch, observer);
        observer.progress(folding.done.size);
        folding.done.interrupted = observer.interrupted();
        !folding.done.interrupted
    });
    folding.finish()
}

/// The pieces of a log, their entries in batches of about one length.
struct Batches<I: Iterator> {
    pieces: Fuse<I>,
    waiting: Vec<Vec<u8>>,
    /// What follows the entries that wait.
    gap: Option<LogPiece>,
    /// The place of the first that waits.
    next: u64,
    /// Up to where something is known of the signatures, and what.
    known: (u64, AuthorSignature),
}

/// A piece, and what is known of the signatures of its entries.
type Batch = (LogPiece, KnownSignatures);

impl<I: Iterator<Item = LogPiece>> Iterator for Batches<I> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        while self.gap.is_none() && self.waiting.len() < BATCH {
            match self.pieces.next() {
                Some(LogPiece::Entries(entries)) => self.waiting.extend(entries),
                Some(gap) => self.gap = Some(gap),
                None => break,
            }
        }
        let piece = match self.waiting.is_empty() {
            true => self.gap.take()?,
            false => LogPiece::Entries(std::mem::take(&mut self.waiting)),
        };
        let (up_to, they) = self.known;
        let of_first = up_to.saturating_sub(self.next);
        let of_first = usize::try_from(of_first).unwrap_or(usize::MAX);
        self.next = self.next.saturating_add(piece.count());
        Some((piece, KnownSignatures { of_first, they }))
    }
}

fn check((piece, known): Batch) -> LogPiece<CheckedEntry> {
    match piece {
        LogPiece::Entries(entries) => {
            let groups = parallel::groups(entries, GROUP).into_iter().enumerate();
            let checked = parallel::map(groups.collect(), |(n, group)| {
                let of_first = known.of_first.saturating_sub(n * GROUP);
                CheckedEntry::of_each(group, KnownSignatures { of_first, ..known })
            });
            LogPiece::Entries(checked.into_iter().flatten().collect())
        }
        LogPiece::Damaged { count, finding } => LogPiece::Damaged { count, finding },
        LogPiece::Missing { count, what } => LogPiece::Missing { count, what },
        LogPiece::Absent { leaves, finding } => LogPiece::Absent { leaves, finding },
        LogPiece::Elsewhere { count } => LogPiece::Elsewhere { count },
    }
}

/// Hands what `batches` hold to `take`, checked and in order, until they end or it says to stop.
#[cfg(not(target_family = "wasm"))]
fn each_checked(
    batches: impl Iterator<Item = Batch> + Send,
    take: impl FnMut(LogPiece<CheckedEntry>) -> bool,
) {
    use std::iter::from_fn;
    use std::sync::mpsc::sync_channel;
    use std::sync::{Mutex, PoisonError};
    use std::thread::{Builder, scope};

    let batches = Mutex::new(batches);
    let pull = || {
        let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.next()
    };
    scope(|scope| {
        let (raw, to_check) = sync_channel(IN_FLIGHT);
        let (checked, to_fold) = sync_channel(IN_FLIGHT);
        // Where `take` says to stop its receiver is dropped, which stops the other two.
        let checker = Builder::new().spawn_scoped(scope, move || {
            let mut done = to_check.into_iter().map(check);
            done.try_for_each(|batch| checked.send(batch))
        });
        let _ = checker.and_then(|_| {
            Builder::new().spawn_scoped(scope, move || {
                from_fn(pull).try_for_each(|batch| raw.send(batch))
            })
        });
        // What no thread pulled is pulled here: nothing where both could be made.
        let rest = from_fn(pull).map(check);
        to_fold.into_iter().chain(rest).all(take)
    });
}

/// The same where there is one thread.
#[cfg(target_family = "wasm")]
fn each_checked(
    batches: impl Iterator<Item = Batch>,
    take: impl FnMut(LogPiece<CheckedEntry>) -> bool,
) {
    batches.map(check).all(take);
}
