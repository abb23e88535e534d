//! The stored log as pieces for `verify`: bundles from the first to the last, then the tail.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::rule;
use crate::rule::Finding;
use crate::store::bundle;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::image::Image;
use crate::store::image::Tail;
use crate::store::tail::Rest;
use crate::sys::disk::Disk;
use crate::verify::Piece;

/// What the tail says about the log, before the entries are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Entries in bundles.
    pub(super) base: u64,
    /// Entries to expect.
    pub(super) total: u64,
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
    /// The pieces of the ledger whose image was taken. `checkpointed` is the size that its newest
    /// checkpoint states: whatever is broken before that is no interrupted write.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        image: &Image,
        checkpointed: Option<u64>,
    ) -> Self {
        let tail = Tail::parse(image.tail.as_deref().unwrap_or_default());
        let mut facts = Facts::default();
        let then = match tail {
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
        let bundles = 0..facts.base / BUNDLE_ENTRIES as u64;
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

    fn bundle(&self, n: u64) -> Piece {
        match bundle::read(&*self.disk, &self.dir, n) {
            Ok(entries) => Piece::Entries(entries),
            Err(fault) => {
                let first = n * BUNDLE_ENTRIES as u64;
                let last = first + BUNDLE_ENTRIES as u64 - 1;
                let expected = format!("entries {first} to {last} in {}", bundle::bundle_path(n));
                let finding = Finding::new(rule::I17, expected, fault.to_string()).at(first);
                Piece::Damaged {
                    count: BUNDLE_ENTRIES as u64,
                    finding: Box::new(finding),
                }
            }
        }
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        self.bundles
            .next()
            .map(|n| self.bundle(n))
            .or_else(|| self.then.next())
    }
}

fn count_bundles(disk: &dyn Disk, dir: &Path) -> u64 {
    let there = |n: &u64| {
        disk.metadata(&dir.join(bundle::bundle_path(*n)))
            .is_ok_and(|found| found.is_some())
    };
    let bundles = (0..).take_while(there).count();
    (bundles * BUNDLE_ENTRIES) as u64
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
