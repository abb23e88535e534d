//! What stands around the entries in a store: Merkle tiles, attachments, the index.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use crate::hash::{Blake3Digest, Link, Sha256Digest};
use crate::merkle::{PartialTile, Tile};
use crate::parallel;
use crate::rule::{self, Finding};
use crate::statement::Attachment;
use crate::store::blobs::{self, ATTACHMENTS, blob_path};
use crate::store::engine::{Engine, FolderEngine};
use crate::sys::disk::{DiskError, SMALL_FILE};
use crate::verify::{Observer, Surroundings, VerdictCount, VerifiedFold};

use super::index::{self, IndexState};
use super::strays::StrayFiles;
use crate::ledger::pieces::LogBounds;
use crate::ledger::{BACKUP_FILE, FolderKind, LedgerError};

const HASH_BYTES: usize = 32;

/// The folder that is looked at, and whoever waits for it.
pub(super) struct AuditedFolder<'a> {
    pub(super) engine: FolderEngine,
    /// Is told how many entries of how many are done.
    pub(super) progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Whether to stop.
    pub(super) stop: &'a (dyn Fn() -> bool + Sync),
}

/// Looks at what the entries name while they go by, and at the folder when they are done.
pub(super) struct SurroundingsCheck<'a> {
    folder: AuditedFolder<'a>,
    /// Entries in bundles: only what is sealed has tiles.
    base: u64,
    total: u64,
    is_copy: bool,
    /// Tiles of a copy that are not there.
    missing: Vec<String>,
    findings: Vec<Finding>,
    tiles: VerdictCount,
    /// Each file as it was first named. Two entries that name one file by different digests are two.
    attachments: BTreeMap<(Blake3Digest, Sha256Digest, u64), (u64, Attachment)>,
    index: IndexState,
    /// The files of time tokens, which are held against the entries elsewhere.
    tokens: HashSet<PathBuf>,
}

impl<'a> SurroundingsCheck<'a> {
    pub(super) fn new(
        folder: AuditedFolder<'a>,
        facts: &LogBounds,
        index: IndexState,
        tokens: HashSet<PathBuf>,
    ) -> Self {
        Self {
            folder,
            base: facts.base,
            total: facts.total,
            is_copy: facts.standing == FolderKind::Copy,
            missing: Vec::new(),
            findings: Vec::new(),
            tiles: VerdictCount {
                good: 0,
                total: 0,
                what: "tiles",
            },
            attachments: BTreeMap::new(),
            index,
            tokens,
        }
    }

    /// Looks at everything but the entries themselves.
    pub(super) fn look_around(
        mut self,
        folded: &VerifiedFold,
        facts: &LogBounds,
    ) -> Result<Surroundings, LedgerError> {
        let mut around = Surroundings::default();
        self.findings.extend(facts.findings.iter().cloned());
        let attached = if self.lacks_attachments()? {
            let named = self.attachments.len();
            around.not_checked.push(format!(
                "attachments: not in this copy ({named} named by its entries)"
            ));
            None
        } else {
            self.check_attachments(&folded.expunged(), &mut around)?
        };
        for tile in self.edge(folded, facts) {
            let whole = tile.id.path();
            self.compare_tile(&tile.path(), Some(&whole), &tile.bytes, facts.base);
        }
        if let Some(first) = self.missing.first() {
            let many = self.missing.len();
            around.not_checked.push(format!(
                "{many} tiles that are not in this copy, as {first}: entries are proven without them"
            ));
        }
        let attached_files = self
            .attachments
            .keys()
            .map(|(digest, ..)| blob_path(digest))
            .map(PathBuf::from);
        let strays = StrayFiles {
            folder: &self.folder.engine,
            facts,
            accounted: attached_files.chain(self.tokens.drain()).collect(),
            broken: folded.is_broken(),
            is_backup: self.folder.engine.has(BACKUP_FILE)?,
        };
        strays.find(&mut self.findings, &mut around)?;
        self.compare_index(folded, &mut around);
        if let Some(bytes) = facts.torn {
            around.not_checked.push(format!(
                "{bytes} bytes of an interrupted write after entry {}: never acknowledged; the next append drops and records them",
                facts.total.saturating_sub(1)
            ));
        }
        if self.tiles.total > 0 {
            around.counts.push(self.tiles);
        }
        around.counts.extend(attached);
        around.findings = self.findings;
        Ok(around)
    }

    /// Whether this is a copy that was published without them.
    fn lacks_attachments(&self) -> Result<bool, DiskError> {
        Ok(self.is_copy && !self.attachments.is_empty() && !self.folder.engine.has(ATTACHMENTS)?)
    }

    /// Reads and hashes each attachment again, on all cores.
    fn check_attachments(
        &mut self,
        expunged: &HashSet<Blake3Digest>,
        around: &mut Surroundings,
    ) -> Result<Option<VerdictCount>, DiskError> {
        let engine = &self.folder.engine;
        let each: Vec<_> = self.attachments.iter().collect();
        let faults = parallel::map(each, |((digest, ..), (sequence, attachment))| {
            fault(engine, digest, attachment).map(|fault| (*sequence, fault))
        });
        let total = faults.len() as u64;
        let (mut gone, mut elsewhere) = (0, 0);
        for (((digest, ..), (_, attachment)), fault) in self.attachments.iter().zip(faults) {
            let Some((sequence, fault)) = fault else {
                continue;
            };
            if expunged.contains(digest) {
                gone += 1;
                continue;
            }
            if self.is_copy && !engine.has(&blob_path(digest))? {
                elsewhere += 1;
                continue;
            }
            let expected = format!(
                "{} ({} bytes, blake3 {digest})",
                attachment.name, attachment.length
            );
            self.findings
                .push(Finding::new(rule::I09, expected, fault).at(sequence));
        }
        if gone > 0 {
            around.not_checked.push(format!(
                "{gone} attachments that were expunged: only their digests are left"
            ));
        }
        if elsewhere > 0 {
            around
                .not_checked
                .push(format!("{elsewhere} attachments that are not in this copy"));
        }
        let bad = self
            .findings
            .iter()
            .filter(|finding| finding.rule == rule::I09)
            .count() as u64;
        Ok((total > 0).then_some(VerdictCount {
            good: total - gone - elsewhere - bad,
            total,
            what: "attachments",
        }))
    }

    /// The partial tiles that must be there: those of a copy whose every entry could be read.
    fn edge(&self, folded: &VerifiedFold, facts: &LogBounds) -> Vec<PartialTile> {
        match facts.standing {
            FolderKind::Copy if folded.end().0 == facts.total => folded.partial_tiles(),
            _ => Vec::new(),
        }
    }

    /// Holds the stored bytes of a tile against what the entries give; `first` is its first entry. Of a partial one
    /// that filled up since there may be the `whole` alone, which begins with the same hashes.
    fn compare_tile(&mut self, path: &str, whole: Option<&str>, made: &[u8], first: u64) {
        self.tiles.total += 1;
        let get = |path: &str| self.folder.engine.get(path, SMALL_FILE);
        let stored = match (get(path), whole) {
            (Ok(None), Some(whole)) => get(whole).map(|bytes| {
                let begins = |mut bytes: Vec<u8>| {
                    bytes.truncate(made.len());
                    bytes
                };
                bytes.map(begins)
            }),
            (stored, _) => stored,
        };
        let fault = match stored {
            Ok(Some(bytes)) if bytes == made => {
                self.tiles.good += 1;
                return;
            }
            Ok(Some(bytes)) => {
                let same = |(stored, made): &(&[u8], &[u8])| stored == made;
                let hashes = bytes.chunks(HASH_BYTES).zip(made.chunks(HASH_BYTES));
                let differing = hashes.take_while(same).count();
                format!("another hash at place {differing} of {} bytes", bytes.len())
            }
            // Whoever was given less of a copy can tell less by it.
            Ok(None) if self.is_copy => {
                self.missing.push(path.to_owned());
                return;
            }
            Ok(None) => "missing".to_owned(),
            Err(fault) => fault.to_string(),
        };
        self.findings.push(
            Finding::new(rule::I13, format!("{path} as the entries give it"), fault).at(first),
        );
    }

    fn compare_index(&mut self, folded: &VerifiedFold, around: &mut Surroundings) {
        if !folded.is_broken() && !matches!(self.index, IndexState::Nothing) {
            self.findings
                .extend(index::warm_difference(&self.folder.engine, folded));
        }
        match std::mem::replace(&mut self.index, IndexState::Nothing) {
            IndexState::Nothing => {}
            IndexState::Note(note) => around.notes.push(note),
            // Entries that could not be read cannot be held against anything.
            IndexState::Copy(_) if folded.is_broken() => {}
            IndexState::Copy(copy) => match copy.compare(folded) {
                Ok(finding) => self.findings.extend(finding),
                Err(fault) => around.notes.push(format!(
                    "the index cannot be read ({fault}); the next append makes it again"
                )),
            },
        }
    }
}

fn fault(engine: &dyn Engine, digest: &Blake3Digest, attachment: &Attachment) -> Option<String> {
    match blobs::get(engine, digest) {
        Err(fault) => Some(fault.to_string()),
        Ok(bytes) if bytes.len() as u64 != attachment.length => {
            Some(format!("{} bytes", bytes.len()))
        }
        Ok(bytes) if Sha256Digest::of(&bytes) != attachment.sha256 => Some(format!(
            "sha256 {}, not {}",
            Sha256Digest::of(&bytes),
            attachment.sha256
        )),
        Ok(_) => None,
    }
}

impl Observer for SurroundingsCheck<'_> {
    fn tile(&mut self, tile: &Tile, first: u64, end: u64) {
        if end > self.base {
            return;
        }
        self.compare_tile(&tile.id().path(), None, tile.bytes(), first);
    }

    fn attachment(&mut self, sequence: u64, attachment: &Attachment) {
        self.attachments
            .entry((attachment.blake3, attachment.sha256, attachment.length))
            .or_insert_with(|| (sequence, attachment.clone()));
    }

    fn entry(&mut self, sequence: u64, link: Link) {
        if let IndexState::Copy(copy) = &mut self.index {
            copy.see(sequence, link);
        }
    }

    fn progress(&mut self, done: u64) {
        (self.folder.progress)(done, self.total);
    }

    fn interrupted(&self) -> bool {
        (self.folder.stop)()
    }
}
