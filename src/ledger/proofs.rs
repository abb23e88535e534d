//! Proofs out of a stored ledger, without reading it from end to end. Nothing is written.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::entry;
use crate::event::Event;
use crate::hash::LeafHash;
use crate::ledger::tree::{StoredTree, StoredTreeError};
use crate::merkle::ProofError;
use crate::note::{KeyName, SignedNote};
use crate::proof::{Continuation, SUCCESSION_LIMIT, SealSuccession, SuccessionEntry, TlogProof};
use crate::register::LedgerState;
use crate::store::bundle::{BUNDLE_ENTRIES, BundleError};
use crate::store::engine::{FolderEngine, read_bundle, read_partial_bundle};
use crate::store::image::TailContents;
use crate::store::tail::TailError;
use crate::sys::world::World;

use crate::ledger::error::LedgerError;
use crate::ledger::layout::{CHECKPOINT_FILE, COSIGNED_FILE};
use crate::ledger::reader::EntryReader;
use crate::ledger::standing::{FolderKind, take};
use crate::ledger::warm::EdgeCache;

/// Why a ledger gives no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoProofError {
    /// There is no ledger to make it from.
    #[error(transparent)]
    Audit(#[from] LedgerError),
    /// The ledger has no checkpoint, or none that can be read.
    #[error("the checkpoint of the ledger cannot be used: {0}")]
    Checkpoint(CheckpointError),
    /// The ledger has no checkpoint.
    #[error("the ledger has no checkpoint; the next append makes one")]
    NoCheckpoint,
    /// The tail cannot be read.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// A bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// There is no such entry, or what is stored proves nothing.
    #[error(transparent)]
    Tree(#[from] StoredTreeError),
}

/// Makes inclusion and consistency proofs of a ledger as it was when opened.
pub struct LedgerProofs {
    folder: FolderEngine,
    carry: Vec<u8>,
    base: u64,
    tail: Vec<Vec<u8>>,
    note: String,
    stated: Checkpoint,
    /// The newest one that witnesses cosigned, where the folder keeps one.
    cosigned: Option<(String, Checkpoint)>,
}

impl LedgerProofs {
    /// Takes the ledger in `dir` as it is now, waiting up to `wait` for a writer at work.
    ///
    /// # Errors
    /// No ledger there, or none with a checkpoint.
    pub fn open(world: &World, dir: &Path, wait: Duration) -> Result<Self, NoProofError> {
        let taken = take(world, dir, wait)?;
        let folder = FolderEngine::new(world.disk.clone(), dir);
        let image = taken.image;
        let note = image.files.get(CHECKPOINT_FILE);
        let note = note.ok_or(NoProofError::NoCheckpoint)?;
        let (note, stated) = read(note).map_err(NoProofError::Checkpoint)?;
        // One that cannot be used is `verify`'s to name; the newest has no cosignatures and no faults.
        let cosigned = image
            .files
            .get(COSIGNED_FILE)
            .and_then(|note| read(note).ok());
        let fits = |(_, seen): &(String, Checkpoint)| {
            seen.origin == stated.origin && seen.size <= stated.size
        };
        let cosigned = cosigned.filter(fits);
        let (carry, base, tail) = match taken.standing {
            FolderKind::Ledger => {
                let tail = TailContents::parse(image.tail.as_deref().unwrap_or_default())?;
                (tail.carry, tail.base, tail.entries)
            }
            FolderKind::Copy => {
                let (base, tail) = right_edge(&folder, stated.size)?;
                (Vec::new(), base, tail)
            }
        };
        Ok(Self {
            folder,
            carry,
            base,
            tail,
            note,
            stated,
            cosigned,
        })
    }

    /// What the newest checkpoint states.
    #[must_use]
    pub const fn newest(&self) -> &Checkpoint {
        &self.stated
    }

    /// The newest checkpoint, as a signed note.
    #[must_use]
    pub fn newest_note(&self) -> &str {
        &self.note
    }

    /// The stored bytes of an entry.
    ///
    /// # Errors
    /// There is no such entry, or it cannot be read.
    pub fn entry(&self, sequence: u64) -> Result<Vec<u8>, NoProofError> {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let found = match sequence.checked_sub(self.base) {
            Some(at) => self.tail.get(place(at)).cloned(),
            None => {
                let width = BUNDLE_ENTRIES as u64;
                let entries = read_bundle(&self.folder, sequence / width)?;
                entries.into_iter().nth(place(sequence % width))
            }
        };
        let size = self.stated.size;
        found.ok_or_else(|| {
            let index = sequence;
            StoredTreeError::from(ProofError::Beyond { index, size }).into()
        })
    }

    /// The stored bytes of entries, whose places are in order: each bundle is read once.
    ///
    /// # Errors
    /// As [`LedgerProofs::entry`].
    pub fn entries(&self, sequences: &[u64]) -> Result<BTreeMap<u64, Vec<u8>>, NoProofError> {
        let width = BUNDLE_ENTRIES as u64;
        let mut entries = BTreeMap::new();
        for together in sequences.chunk_by(|one, next| one / width == next / width) {
            let first = together.first().copied().unwrap_or_default();
            if first >= self.base {
                for sequence in together {
                    entries.insert(*sequence, self.entry(*sequence)?);
                }
                continue;
            }
            let bundle = read_bundle(&self.folder, first / width)?;
            let places = bundle.into_iter().zip(first - first % width..);
            let wanted = places.filter(|(_, at)| together.binary_search(at).is_ok());
            entries.extend(wanted.map(|(bytes, at)| (at, bytes)));
        }
        Ok(entries)
    }

    /// The receipt of an entry, and what its checkpoint states: under the newest checkpoint that witnesses cosigned, where that covers
    /// the entry and what is stored leads to it, and else under the newest.
    ///
    /// # Errors
    /// There is no such entry, or what is stored does not prove it.
    pub fn receipt(&self, sequence: u64) -> Result<(TlogProof, &Checkpoint), NoProofError> {
        let leaf = LeafHash::of(&self.entry(sequence)?);
        let tree = self.tree();
        if let Some((note, seen)) = &self.cosigned
            && sequence < seen.size
            && let Ok(path) = tree.inclusion(sequence, leaf, seen.size, seen.root)
        {
            return Ok((TlogProof::new(sequence, path, note.clone()), seen));
        }
        let path = tree.inclusion(sequence, leaf, self.stated.size, self.stated.root)?;
        Ok((
            TlogProof::new(sequence, path, self.note.clone()),
            &self.stated,
        ))
    }

    /// Who seals the ledger and who may say what, as the last writer left it beside the log, or else out of the
    /// log. Nothing of it is verified.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn charter(
        &self,
        world: &World,
        dir: &Path,
        wait: Duration,
    ) -> Result<LedgerState, LedgerError> {
        let size = self.base + self.tail.len() as u64;
        match EdgeCache::read(&self.folder).filter(|cache| cache.size == size) {
            Some(cache) => Ok(cache.into_register().charter),
            None => Ok(EntryReader::open(world, dir, wait)?.replay()?.charter),
        }
    }

    /// The entries by which the sealing keys came one after the other since one was last named that nobody
    /// before it vouches for; none where the newest is such a one.
    #[must_use]
    pub fn succession(&self, charter: &LedgerState) -> Option<SealSuccession> {
        let seals = charter.keyring.seals().iter().rev();
        let handed_on = seals.take_while(|seal| seal.handed_on);
        let mut entries = Vec::new();
        for seal in handed_on {
            let links = self.succession_link(charter, seal.entry)?;
            if entries.len() + links.len() > SUCCESSION_LIMIT {
                break;
            }
            entries.extend(links);
        }
        entries.reverse();
        let origin = KeyName::new(&self.stated.origin).ok()?;
        (!entries.is_empty()).then_some(SealSuccession { origin, entries })
    }

    /// An entry that names a sealing key and, behind it, the one that enrolled the person who says so.
    fn succession_link(&self, charter: &LedgerState, entry: u64) -> Option<Vec<SuccessionEntry>> {
        let stored = self.entry(entry).ok()?;
        let (_, statement) = entry::read(&stored).ok()?;
        let mut link = vec![SuccessionEntry::plain(stored)];
        if let Event::SealingKeyRecovered(recovered) = &statement.event {
            let enrolled = charter.keyring.holder(&statement.author)?.enrolled;
            let stored = self.entry(enrolled).ok()?;
            let leaf = LeafHash::of(&stored);
            let (size, root) = (recovered.kept_size, recovered.kept_root);
            let path = self.tree().inclusion(enrolled, leaf, size, root).ok()?;
            let path = path.hashes().to_vec();
            link.push(SuccessionEntry { stored, path });
        }
        Some(link)
    }

    /// Proves that the ledger of `new` entries continues that of `old`.
    ///
    /// # Errors
    /// `old` is 0 or more than `new`, `new` is more than there are, or what is stored does not prove
    /// it.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Continuation, NoProofError> {
        let tree = self.tree();
        if new > self.stated.size {
            let (index, size) = (new.saturating_sub(1), self.stated.size);
            return Err(StoredTreeError::from(ProofError::Beyond { index, size }).into());
        }
        // What is proven rests on the checkpoint, whichever sizes were asked for.
        let is_newest = new == self.stated.size;
        let root = if is_newest {
            self.stated.root
        } else {
            tree.consistency(new.max(1), self.stated.size, self.stated.root)?
                .0
        };
        let (old_root, proof) = tree.consistency(old, new, root)?;
        Ok(Continuation {
            old: (old, old_root),
            new: (new, root),
            proof,
            checkpoint: is_newest.then(|| self.note.clone()),
        })
    }

    /// The receipts of entries under a checkpoint that is this ledger's, the newest or an earlier one.
    ///
    /// # Errors
    /// It is no checkpoint, or what is stored does not lead to it.
    pub fn receipts(
        &self,
        wanted: &[(u64, LeafHash)],
        note: &str,
    ) -> Result<Vec<TlogProof>, NoProofError> {
        let (note, stated) = read(note.as_bytes()).map_err(NoProofError::Checkpoint)?;
        let tree = self.tree();
        let receipt = |(sequence, leaf): &(u64, LeafHash)| {
            let path = tree.inclusion(*sequence, *leaf, stated.size, stated.root)?;
            Ok(TlogProof::new(*sequence, path, note.clone()))
        };
        wanted.iter().map(receipt).collect()
    }

    /// Proves that the ledger of a checkpoint that is this ledger's continues that of `old` entries.
    ///
    /// # Errors
    /// It is no checkpoint, `old` is 0 or more than it states, or what is stored does not prove it.
    pub fn continued(&self, old: u64, note: &str) -> Result<Continuation, NoProofError> {
        let (note, stated) = read(note.as_bytes()).map_err(NoProofError::Checkpoint)?;
        let (old_root, proof) = self.tree().consistency(old, stated.size, stated.root)?;
        Ok(Continuation {
            old: (old, old_root),
            new: (stated.size, stated.root),
            proof,
            checkpoint: Some(note),
        })
    }

    pub(super) fn tree(&self) -> StoredTree<'_> {
        StoredTree::new(
            &self.folder,
            &self.carry,
            self.base,
            self.tail.iter().map(Vec::as_slice),
        )
    }
}

fn read(note: &[u8]) -> Result<(String, Checkpoint), CheckpointError> {
    let parsed = SignedNote::parse(note)?;
    let stated = Checkpoint::parse(parsed.text())?;
    Ok((parsed.to_string(), stated))
}

/// The entries of a copy that stand in no full bundle, and how many stand before them.
fn right_edge(folder: &FolderEngine, size: u64) -> Result<(u64, Vec<Vec<u8>>), BundleError> {
    let (bundles, width) = (size / BUNDLE_ENTRIES as u64, size % BUNDLE_ENTRIES as u64);
    let entries = match width as usize {
        0 => Vec::new(),
        width => read_partial_bundle(folder, bundles, width)?,
    };
    Ok((size - width, entries))
}
