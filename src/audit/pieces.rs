//! The stored log as pieces for `verify`: bundles from the first to the last, then the tail of a
//! ledger or the partial bundle of a copy.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::rule;
use crate::rule::Finding;
use crate::store::bundle;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::image::Tail;
use crate::store::tail::Rest;
use crate::sys::disk::Disk;
use crate::verify::Piece;

use super::CHECKPOINT_FILE;
use super::NEXT_CHECKPOINT;
use super::Standing;
use super::standing::Taken;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
/// A checkpoint can state any size: bundles are looked for one by one as long as most are there.
const MOST_MISSING: u64 = 1_024;

/// What is known about the log before its entries are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) standing: Standing,
    /// Entries in bundles.
    pub(super) base: u64,
    /// Entries to expect.
    pub(super) total: u64,
    /// Of a copy: entries in bundles that are there one after the other.
    pub(super) there: u64,
    /// Of a copy: the size that a publication under way leads to.
    pub(super) next: Option<u64>,
    /// Bytes of a write that was cut off before it was acknowledged.
    pub(super) torn: Option<usize>,
    /// Findings about the tail itself that name no entry.
    pub(super) findings: Vec<Finding>,
}

/// The log, piece by piece. Holds the tail in memory and one bundle at a time.
pub(super) struct Pieces {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    bundles: std::ops::Range<u64>,
    then: std::vec::IntoIter<Piece>,
    facts: Facts,
}

impl Pieces {
    /// The pieces of the folder whose image was taken. `checkpointed` is the size that a ledger's
    /// newest checkpoint states: whatever is broken before that is no interrupted write. A copy has
    /// the size of its own checkpoint.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        taken: &Taken,
        checkpointed: Option<u64>,
    ) -> Self {
        match taken.standing {
            Standing::Ledger => {
                let tail = taken.image.tail.as_deref().unwrap_or_default();
                Self::of_ledger(disk, dir, tail, checkpointed)
            }
            Standing::Copy => Self::of_copy(disk, dir, taken),
        }
    }

    fn of_copy(disk: Arc<dyn Disk>, dir: &Path, taken: &Taken) -> Self {
        let there = count_bundles(&*disk, dir);
        let total = taken.stated(CHECKPOINT_FILE).unwrap_or(there);
        let (wanted, width) = (total / WIDTH, (total % WIDTH) as usize);
        let read = wanted.min(there / WIDTH + MOST_MISSING);
        let then = if read < wanted {
            let first = read * WIDTH;
            let expected = format!("entries {first} to {} in bundles", total - 1);
            let finding = Finding::new(rule::I17, expected, "none of their files").at(first);
            vec![Piece::Damaged {
                count: total - first,
                finding: Box::new(finding),
            }]
        } else if width > 0 {
            vec![bundle_piece(&*disk, dir, wanted, width)]
        } else {
            Vec::new()
        };
        let facts = Facts {
            standing: Standing::Copy,
            base: wanted * WIDTH,
            total,
            there,
            next: taken.stated(NEXT_CHECKPOINT),
            ..Facts::default()
        };
        Self {
            disk,
            dir: dir.to_owned(),
            bundles: 0..read,
            then: then.into_iter(),
            facts,
        }
    }

    fn of_ledger(disk: Arc<dyn Disk>, dir: &Path, tail: &[u8], checkpointed: Option<u64>) -> Self {
        let mut facts = Facts::default();
        let then = match Tail::parse(tail) {
            Ok(tail) => {
                facts.base = tail.base;
                after_bundles(tail, checkpointed, &mut facts)
            }
            Err(fault) => {
                // Without a header no entry of the tail has a place; the bundles can still be read.
                facts.base = count_bundles(&*disk, dir);
                facts.total = facts.base;
                let finding = Finding::new(rule::I17, "the header of the tail", fault.to_string());
                vec![Piece::Damaged {
                    count: 0,
                    finding: Box::new(finding.at(facts.base)),
                }]
            }
        };
        let bundles = 0..facts.base / WIDTH;
        Self {
            disk,
            dir: dir.to_owned(),
            bundles,
            then: then.into_iter(),
            facts,
        }
    }

    pub(super) fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

fn bundle_piece(disk: &dyn Disk, dir: &Path, n: u64, width: usize) -> Piece {
    match bundle::read_partial(disk, dir, n, width) {
        Ok(entries) => Piece::Entries(entries),
        Err(fault) => {
            let first = n * WIDTH;
            let last = first + width as u64 - 1;
            let path = bundle::path_of(n, width);
            let expected = format!("entries {first} to {last} in {path}");
            let finding = Finding::new(rule::I17, expected, fault.to_string()).at(first);
            Piece::Damaged {
                count: width as u64,
                finding: Box::new(finding),
            }
        }
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        self.bundles
            .next()
            .map(|n| bundle_piece(&*self.disk, &self.dir, n, BUNDLE_ENTRIES))
            .or_else(|| self.then.next())
    }
}

fn count_bundles(disk: &dyn Disk, dir: &Path) -> u64 {
    let there = |n: &u64| {
        disk.metadata(&dir.join(bundle::bundle_path(*n)))
            .is_ok_and(|found| found.is_some())
    };
    let bundles = (0..).take_while(there).count();
    bundles as u64 * WIDTH
}

fn after_bundles(tail: Tail, checkpointed: Option<u64>, facts: &mut Facts) -> Vec<Piece> {
    let end = tail.base + tail.entries.len() as u64;
    facts.total = end + tail.later.len() as u64;
    let mut pieces = vec![Piece::Entries(tail.entries)];
    let at_risk = checkpointed.is_some_and(|size| size > end) || !tail.later.is_empty();
    match tail.rest {
        Rest::Clean => {}
        // An entry that a checkpoint covers was whole once; one that others follow, too.
        Rest::Torn { offset, .. } | Rest::Stray { offset, .. } if at_risk => {
            let first_later = tail.later.first().map(|(sequence, _)| *sequence);
            let count = first_later.map_or(0, |later| later.saturating_sub(end));
            let expected = format!("entry {end} in the tail");
            let finding = Finding::new(
                rule::I17,
                expected,
                format!("a damaged frame at byte {offset}"),
            );
            pieces.push(Piece::Damaged {
                count,
                finding: Box::new(finding.at(end)),
            });
            pieces.push(Piece::Entries(
                tail.later.into_iter().map(|(_, bytes)| bytes).collect(),
            ));
        }
        Rest::Torn { len, .. } => facts.torn = Some(len),
        Rest::Stray { offset, len } => {
            let found = format!("{len} bytes at byte {offset}");
            facts.findings.push(Finding::new(
                rule::I14,
                format!("zeros in the tail after entry {}", end.saturating_sub(1)),
                found,
            ));
        }
    }
    pieces
}
