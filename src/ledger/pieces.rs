//! The stored log as pieces for `verify`: bundles from the first to the last, then the tail of a
//! ledger or the partial bundle of a copy.

use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::IntoIter;

use crate::hash::LeafHash;
use crate::merkle::{LogFile, TileId};
use crate::rule::{self, Finding};
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::engine::{Engine as _, FolderEngine, read_partial_bundle};
use crate::store::image::{TailContents, list_files};
use crate::store::tail::{MAX_TAIL, TAIL_FILE, TailRest};
use crate::sys::disk::{Disk, DiskCause, DiskError, SMALL_FILE};
use crate::verify::LogPiece;

use crate::ledger::ahead::{BundlesAheadError, end_of_bundles};
use crate::ledger::edge::Edge;
use crate::ledger::layout::CHECKPOINT_FILE;
use crate::ledger::standing::{FolderKind, FolderSnapshot, NEXT_CHECKPOINT};

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
const HASH_BYTES: usize = 32;

/// What is known about the log before its entries are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogBounds {
    pub(crate) standing: FolderKind,
    /// Entries in full bundles.
    pub(crate) base: u64,
    /// Entries to expect.
    pub(crate) total: u64,
    /// Of a copy: the size that a publication under way leads to.
    pub(crate) next: Option<u64>,
    /// Of a ledger that goes on in bundles which its tail does not know of: where the tail ends.
    pub(crate) behind: Option<u64>,
    /// Bytes of a write that was cut off before it was acknowledged.
    pub(crate) torn: Option<usize>,
    /// Findings about the tail itself that name no entry.
    pub(crate) findings: Vec<Finding>,
}

impl LogBounds {
    /// How many entries the tail or the checkpoint says to be in bundles: a copy has a partial one, a ledger the tail.
    pub(crate) const fn in_bundles(&self) -> u64 {
        match self.standing {
            FolderKind::Ledger => self.base,
            FolderKind::Copy => self.total,
        }
    }
}

/// The log, piece by piece. Holds the tail in memory and one bundle at a time.
///
/// The folder says which bundles there are to read. A size that the tail's header or a checkpoint
/// states says no more than where one is missing: nothing is done once for each number below it.
pub(crate) struct LogPieces {
    folder: FolderEngine,
    /// The next entry to come out of a bundle.
    at: u64,
    /// The first entry that is in none.
    end: u64,
    /// Up to where no bundle is there, while the hashes of its entries are.
    absent: u64,
    /// The bundles before that which are there, in order.
    there: Peekable<IntoIter<LogFile>>,
    then: IntoIter<LogPiece>,
    facts: LogBounds,
}

impl LogPieces {
    /// The pieces of the folder whose image was taken. `checkpointed` is the size that a ledger's
    /// newest checkpoint states: whatever is broken before that is no interrupted write. A copy has
    /// the size of its own checkpoint.
    ///
    /// # Errors
    /// The folder of the bundles cannot be listed.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        taken: &FolderSnapshot,
        checkpointed: Option<u64>,
    ) -> Result<Self, DiskError> {
        let mut there = bundles_in(&*disk, dir)?;
        if taken.standing == FolderKind::Ledger
            && let Some(archive) = FolderEngine::new(disk.clone(), dir).archive()
        {
            let mut archived = bundles_in(&*disk, &archive)?;
            archived.retain(|bundle| bundle.is_whole() && !there.contains(bundle));
            there.extend(archived);
        }
        let whole = there.iter().filter(|bundle| bundle.is_whole());
        let sealed = whole.filter_map(LogFile::entries).max().unwrap_or(0);
        let (facts, then) = match taken.standing {
            FolderKind::Ledger => {
                let tail = taken.image.tail.as_deref().unwrap_or_default();
                let (mut facts, mut then) = of_ledger(tail, sealed, checkpointed);
                if read_on(&FolderEngine::new(disk.clone(), dir), tail, &mut facts)? {
                    then.clear();
                }
                (facts, then)
            }
            FolderKind::Copy => (of_copy(taken, sealed), Vec::new()),
        };
        let end = match facts.behind {
            Some(_) => facts.total,
            None => facts.in_bundles(),
        };
        // A partial bundle that filled up since is read out of the whole one.
        let edge = there.iter().find_map(|bundle| bundle.edge_in(end));
        there.extend(edge.filter(|edge| !there.contains(edge)));
        there.retain(|bundle| bundle.is_sealed_in(end) || bundle.is_edge_of(end));
        there.sort_unstable_by_key(|bundle| bundle.tile.index);
        Ok(Self {
            folder: FolderEngine::new(disk, dir),
            at: 0,
            end,
            absent: 0,
            there: there.into_iter().peekable(),
            then: then.into_iter(),
            facts,
        })
    }

    /// Leaves out the bundles before the one that entry `first` is in; answers with the entry that comes next.
    pub(crate) fn begin_near(&mut self, first: u64) -> u64 {
        self.at = (first - first % WIDTH).min(self.end - self.end % WIDTH);
        let n = self.at / WIDTH;
        while self.there.next_if(|bundle| bundle.tile.index < n).is_some() {}
        self.at
    }

    pub(crate) fn facts(&self) -> LogBounds {
        self.facts.clone()
    }

    /// The bundle that the next entry is in, or the gap up to the next that is there.
    fn next_bundle(&mut self) -> LogPiece {
        let first = self.at;
        let here = |bundle: &LogFile| bundle.tile.index == first / WIDTH;
        if let Some(bundle) = self.there.next_if(here) {
            self.at = first + bundle.width;
            return self.read(bundle);
        }
        if first < self.absent {
            return self.absent_bundle(None);
        }
        let next = self.there.peek().map(|bundle| bundle.tile.index * WIDTH);
        let next = next.unwrap_or(self.end);
        let (path, fault) = gap(first, next);
        if self.facts.standing == FolderKind::Ledger && self.has_hashes(first, next) {
            self.absent = next;
            return self.absent_bundle(Some(not_there(first, next, &path, fault)));
        }
        self.at = next;
        match self.facts.standing {
            FolderKind::Ledger => damaged(first, self.at, &path, fault),
            // Whoever fetches a copy may not have all of it yet, or be given less: that changes no entry.
            FolderKind::Copy => LogPiece::Missing {
                count: self.at - first,
                what: fault,
            },
        }
    }

    /// Whether the hashes of all entries from `first` to before `end` are in tiles. Stops at the first that is not:
    /// how many there should be is only what the tail's header says.
    fn has_hashes(&self, first: u64, end: u64) -> bool {
        let mut tiles = (first / WIDTH..end / WIDTH).map(|index| TileId { level: 0, index });
        end.is_multiple_of(WIDTH)
            && tiles.all(|tile| self.folder.has(&tile.path()).unwrap_or(false))
    }

    /// The bundle that the next entry should be in, by the hashes of its entries.
    fn absent_bundle(&mut self, finding: Option<Box<Finding>>) -> LogPiece {
        let first = self.at;
        self.at += WIDTH;
        let tile = TileId {
            level: 0,
            index: first / WIDTH,
        };
        let path = tile.path();
        let bytes = self
            .folder
            .get(&path, SMALL_FILE)
            .map_err(|fault| fault.to_string());
        let hashes =
            bytes.and_then(
                |bytes| match bytes.unwrap_or_default().as_chunks::<HASH_BYTES>() {
                    (hashes, []) if hashes.len() as u64 == WIDTH => Ok(hashes
                        .iter()
                        .map(|hash| LeafHash::from_bytes(*hash))
                        .collect()),
                    _ => Err("it is no tile".to_owned()),
                },
            );
        match hashes {
            Ok(leaves) => LogPiece::Absent { leaves, finding },
            Err(fault) => damaged(first, self.at, &path, fault),
        }
    }

    /// Where archived bundles are said to lie, if anywhere.
    pub(crate) fn archive(&self) -> Option<PathBuf> {
        self.folder.archive()
    }

    fn read(&self, bundle: LogFile) -> LogPiece {
        let (n, width) = (bundle.tile.index, bundle.width);
        match read_partial_bundle(&self.folder, n, width as usize) {
            Ok(entries) => LogPiece::Entries(entries),
            Err(fault) => {
                let first = n * WIDTH;
                let path = bundle::path_of(n, width as usize);
                damaged(first, first + width, &path, fault.to_string())
            }
        }
    }
}

impl Iterator for LogPieces {
    type Item = LogPiece;

    fn next(&mut self) -> Option<LogPiece> {
        if self.at < self.end {
            return Some(self.next_bundle());
        }
        self.then.next()
    }
}

/// Where the entries from `first` to before `end` should be, of which no bundle is there, and what is said of all of
/// them together.
fn gap(first: u64, end: u64) -> (String, String) {
    let n = first / WIDTH;
    if n == (end - 1) / WIDTH {
        let path = bundle::path_of(n, (end - first) as usize);
        let fault = format!("{path} is missing");
        return (path, fault);
    }
    (
        "bundles".to_owned(),
        "none of their bundles is there".to_owned(),
    )
}

/// The entries from `first` to before `end`, which cannot be read from where they should be.
fn damaged(first: u64, end: u64, place: &str, fault: String) -> LogPiece {
    LogPiece::Damaged {
        count: end - first,
        finding: not_there(first, end, place, fault),
    }
}

fn not_there(first: u64, end: u64, place: &str, fault: String) -> Box<Finding> {
    let expected = format!("entries {first} to {} in {place}", end - 1);
    Box::new(Finding::new(rule::I17, expected, fault).at(first))
}

/// The bundles in the folder, whole and partial.
fn bundles_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<LogFile>, DiskError> {
    let folder = Path::new(bundle::BUNDLES);
    match list_files(disk, &dir.join(folder)) {
        Ok(found) => {
            let files = found.iter().map(|found| folder.join(&found.path));
            Ok(files.filter_map(|path| LogFile::parse(&path)).collect())
        }
        Err(fault) if fault.cause() == DiskCause::Missing => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

/// What the checkpoints of a copy say of it. `sealed` entries end the last bundle that is there.
fn of_copy(taken: &FolderSnapshot, sealed: u64) -> LogBounds {
    let total = taken.stated(CHECKPOINT_FILE).unwrap_or(sealed);
    LogBounds {
        standing: FolderKind::Copy,
        base: total - total % WIDTH,
        total,
        next: taken.stated(NEXT_CHECKPOINT),
        ..LogBounds::default()
    }
}

/// What the tail of a ledger says of it, and its pieces.
fn of_ledger(tail: &[u8], sealed: u64, checkpointed: Option<u64>) -> (LogBounds, Vec<LogPiece>) {
    let mut facts = LogBounds::default();
    let pieces = match TailContents::parse(tail) {
        Ok(tail) => {
            facts.base = tail.base;
            after_bundles(tail, checkpointed, &mut facts)
        }
        Err(fault) => {
            // Without a header no entry of the tail has a place; the bundles can still be read.
            facts.base = sealed;
            facts.total = sealed;
            let finding = Finding::new(rule::I17, "the header of the tail", fault.to_string());
            vec![LogPiece::Damaged {
                count: 0,
                finding: Box::new(finding.at(sealed)),
            }]
        }
    };
    (facts, pieces)
}

/// Whether the log goes on in bundles beyond the tail, as the next writer will find it; that is the log then. What
/// stands there and does not continue it is a finding.
fn read_on(folder: &FolderEngine, tail: &[u8], facts: &mut LogBounds) -> Result<bool, DiskError> {
    let Ok(TailContents {
        base,
        carry,
        entries,
        ..
    }) = TailContents::parse(tail)
    else {
        return Ok(false);
    };
    let sealed = match base {
        0 => Some(Edge::start()),
        _ => Edge::decode(&carry).filter(|sealed| sealed.size() == base),
    };
    let Some(sealed) = sealed else {
        return Ok(false);
    };
    let end = end_of_bundles(folder, &sealed, &entries);
    let behind = base + entries.len() as u64;
    // A writer at work seals what the image shows, and more. An older tail stays as it is.
    let is_at_rest = || Ok(folder.get(TAIL_FILE, MAX_TAIL as u64)?.as_deref() == Some(tail));
    match end {
        Ok(end) if end.size() > behind && is_at_rest()? => {
            facts.total = end.size();
            facts.behind = Some(behind);
            facts.torn = None;
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(BundlesAheadError::Disk(fault)) => Err(fault),
        Err(fault) => {
            let expected = format!("bundles that continue its {behind} entries");
            let finding = Finding::new(rule::I14, expected, fault.to_string());
            facts.findings.extend(is_at_rest()?.then_some(finding));
            Ok(false)
        }
    }
}

fn after_bundles(
    tail: TailContents,
    checkpointed: Option<u64>,
    facts: &mut LogBounds,
) -> Vec<LogPiece> {
    let end = tail.base + tail.entries.len() as u64;
    facts.total = end + tail.later.len() as u64;
    let mut pieces = vec![LogPiece::Entries(tail.entries)];
    let at_risk = checkpointed.is_some_and(|size| size > end) || !tail.later.is_empty();
    match tail.rest {
        TailRest::Clean => {}
        // An entry that a checkpoint covers was whole once; one that others follow, too.
        TailRest::Torn { offset, .. } | TailRest::Stray { offset, .. } if at_risk => {
            let first_later = tail.later.first().map(|(sequence, _)| *sequence);
            let count = first_later.map_or(0, |later| later.saturating_sub(end));
            let expected = format!("entry {end} in the tail");
            let finding = Finding::new(
                rule::I17,
                expected,
                format!("a damaged frame at byte {offset}"),
            );
            pieces.push(LogPiece::Damaged {
                count,
                finding: Box::new(finding.at(end)),
            });
            pieces.push(LogPiece::Entries(
                tail.later.into_iter().map(|(_, bytes)| bytes).collect(),
            ));
        }
        TailRest::Torn { len, .. } => facts.torn = Some(len),
        TailRest::Stray { offset, len } => {
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
