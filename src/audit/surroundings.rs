//! What stands around the entries in a store: Merkle tiles, attachments, and files that nothing
//! accounts for.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use crate::hash::Blake3Digest;
use crate::hash::Link;
use crate::hash::Sha256Digest;
use crate::merkle::Tile;
use crate::merkle::tiles_between;
use crate::rule;
use crate::rule::Finding;
use crate::statement::Attachment;
use crate::store::blobs::Blobs;
use crate::store::blobs::blob_path;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::bundle::bundle_path;
use crate::store::image::Tail;
use crate::store::image::list_files;
use crate::store::publish::TEMPORARY_PREFIX;
use crate::store::tail::TAIL_FILE;
use crate::sys::disk::Cause;
use crate::sys::disk::Disk;
use crate::sys::disk::DiskError;
use crate::sys::lock::LOCK_FILE;
use crate::verify::Count;
use crate::verify::Folded;
use crate::verify::Observer;
use crate::verify::Surroundings;

use super::AuditError;
use super::CHECKPOINT_FILE;
use super::COSIGNED_FILE;
use super::HINT_FILE;
use super::index;
use super::index::Found;
use super::pieces::Facts;

const HASH_BYTES: usize = 32;
/// The index, and what was set aside of it: rebuildable, and compared apart.
const INDEX_FOLDERS: &str = "index";

/// Looks at what the entries name while they go by, and at the folder when they are done.
pub(super) struct Watcher<'a> {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Entries in bundles: only what is sealed has tiles.
    base: u64,
    total: u64,
    progress: &'a (dyn Fn(u64, u64) + Sync),
    stop: &'a (dyn Fn() -> bool + Sync),
    findings: Vec<Finding>,
    tiles: Count,
    attachments: BTreeMap<Blake3Digest, (u64, Attachment)>,
    index: Found,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        facts: &Facts,
        progress: &'a (dyn Fn(u64, u64) + Sync),
        stop: &'a (dyn Fn() -> bool + Sync),
        index: Found,
    ) -> Self {
        Self {
            disk,
            dir: dir.to_owned(),
            base: facts.base,
            total: facts.total,
            progress,
            stop,
            findings: Vec::new(),
            tiles: Count {
                good: 0,
                total: 0,
                what: "tiles",
            },
            attachments: BTreeMap::new(),
            index,
        }
    }

    /// Looks at everything but the entries themselves.
    pub(super) fn look_around(
        mut self,
        folded: &Folded,
        facts: &Facts,
    ) -> Result<Surroundings, AuditError> {
        let mut around = Surroundings::default();
        self.findings.extend(facts.findings.iter().cloned());
        let attached = self.check_attachments(&folded.expunged(), &mut around);
        self.find_strays(folded, facts, &mut around)?;
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

    /// Reads and hashes each attachment again, on all cores.
    fn check_attachments(
        &mut self,
        expunged: &HashSet<Blake3Digest>,
        around: &mut Surroundings,
    ) -> Option<Count> {
        let blobs = Blobs::new(self.disk.clone(), &self.dir);
        let faults: Vec<Option<(u64, String)>> = self
            .attachments
            .par_iter()
            .map(|(digest, (sequence, attachment))| {
                fault(&blobs, digest, attachment).map(|fault| (*sequence, fault))
            })
            .collect();
        let total = faults.len() as u64;
        let mut gone = 0;
        for ((digest, (_, attachment)), fault) in self.attachments.iter().zip(faults) {
            let Some((sequence, fault)) = fault else {
                continue;
            };
            if expunged.contains(digest) {
                gone += 1;
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
        let bad = self
            .findings
            .iter()
            .filter(|finding| finding.rule == rule::I09)
            .count() as u64;
        (total > 0).then_some(Count {
            good: total - gone - bad,
            total,
            what: "attachments",
        })
    }

    fn compare_index(&mut self, folded: &Folded, around: &mut Surroundings) {
        if !folded.is_broken() {
            self.findings
                .extend(index::warm_difference(&*self.disk, &self.dir, folded));
        }
        match std::mem::replace(&mut self.index, Found::Note(String::new())) {
            Found::Note(note) => around.notes.push(note),
            // Entries that could not be read cannot be held against anything.
            Found::Copy(_) if folded.is_broken() => {}
            Found::Copy(copy) => match copy.compare(folded) {
                Ok(finding) => self.findings.extend(finding),
                Err(fault) => around.notes.push(format!(
                    "the index cannot be read ({fault}); the next append makes it again"
                )),
            },
        }
    }

    /// How many entries the log has by now: a writer may have gone on since the image was taken.
    fn size_now(&self) -> u64 {
        let tail = self
            .disk
            .read(&self.dir.join(TAIL_FILE))
            .ok()
            .and_then(|bytes| Tail::parse(&bytes).ok());
        tail.map_or(0, |tail| tail.base + tail.entries.len() as u64)
    }

    /// Names every file in the folder that nothing accounts for.
    fn find_strays(
        &mut self,
        folded: &Folded,
        facts: &Facts,
        around: &mut Surroundings,
    ) -> Result<(), DiskError> {
        let sealed = sealed_files(0, facts.base);
        // A writer seals before it shortens the tail: killed in between, or at work meanwhile, it
        // leaves bundles of entries that were read from the tail.
        let early: HashSet<PathBuf> =
            sealed_files(facts.base, self.size_now().max(facts.total)).collect();
        let own = [
            TAIL_FILE,
            CHECKPOINT_FILE,
            COSIGNED_FILE,
            HINT_FILE,
            LOCK_FILE,
        ]
        .map(str::to_owned);
        let known: HashSet<PathBuf> = sealed.chain(own.map(PathBuf::from)).collect();
        let attached: HashSet<PathBuf> = self
            .attachments
            .keys()
            .map(|digest| PathBuf::from(blob_path(digest)))
            .collect();
        let mut orphans = 0;
        let mut leftovers = 0;
        let mut ahead = 0;
        for found in list_files(&*self.disk, &self.dir)? {
            let first = found
                .path
                .components()
                .next()
                .map(|part| part.as_os_str().to_string_lossy().into_owned());
            let name = found
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if found.is_file && (known.contains(&found.path) || attached.contains(&found.path)) {
                continue;
            }
            if first
                .as_deref()
                .is_some_and(|first| first.starts_with(INDEX_FOLDERS))
            {
                continue;
            }
            if found.is_file && early.contains(&found.path) {
                ahead += 1;
            } else if found.is_file && name.starts_with(TEMPORARY_PREFIX) {
                leftovers += 1;
            } else if found.is_file && is_blob(&found.path) {
                orphans += 1;
            } else {
                let path = found.path.display();
                self.findings
                    .push(Finding::new(rule::I14, "no such file", path.to_string()));
            }
        }
        if ahead > 0 {
            around.notes.push(format!("{ahead} files of a sealing that was cut off or is under way; their entries were read from the tail"));
        }
        if leftovers > 0 {
            around.notes.push(format!(
                "{leftovers} temporary files of an interrupted write; the next append removes them"
            ));
        }
        // Damaged entries may have named them.
        if orphans > 0 && !folded.is_broken() {
            around.notes.push(format!("{orphans} attachments belong to no entry: an append that was refused or interrupted leaves these"));
        }
        Ok(())
    }
}

/// Bundles and tiles of the entries from `from` to before `to`, both in whole bundles.
fn sealed_files(from: u64, to: u64) -> impl Iterator<Item = PathBuf> {
    let width = BUNDLE_ENTRIES as u64;
    let bundles = (from / width..to / width).map(bundle_path);
    let tiles = tiles_between(from, to).map(|tile| tile.path());
    bundles.chain(tiles).map(PathBuf::from)
}

/// Whether a path is where an attachment of some digest would be.
fn is_blob(path: &Path) -> bool {
    let text = path.to_string_lossy().replace('/', "");
    text.strip_prefix(crate::store::blobs::ATTACHMENTS)
        .and_then(|digest| digest.parse::<Blake3Digest>().ok())
        .is_some_and(|digest| Path::new(&blob_path(&digest)) == path)
}

fn fault(blobs: &Blobs, digest: &Blake3Digest, attachment: &Attachment) -> Option<String> {
    match blobs.get(digest) {
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

impl Observer for Watcher<'_> {
    fn tile(&mut self, tile: &Tile, first: u64, end: u64) {
        if end > self.base {
            return;
        }
        self.tiles.total += 1;
        let path = tile.id().path();
        let fault = match self.disk.read(&self.dir.join(&path)) {
            Ok(bytes) if bytes == tile.bytes() => {
                self.tiles.good += 1;
                return;
            }
            Ok(bytes) => {
                let same = |(stored, made): &(&[u8], &[u8])| stored == made;
                let hashes = bytes
                    .chunks(HASH_BYTES)
                    .zip(tile.bytes().chunks(HASH_BYTES));
                let differing = hashes.take_while(same).count();
                format!("another hash at place {differing} of {} bytes", bytes.len())
            }
            Err(fault) if fault.cause() == Cause::Missing => "missing".to_owned(),
            Err(fault) => fault.to_string(),
        };
        self.findings.push(
            Finding::new(rule::I13, format!("{path} as the entries give it"), fault).at(first),
        );
    }

    fn attachment(&mut self, sequence: u64, attachment: &Attachment) {
        self.attachments
            .entry(attachment.blake3)
            .or_insert_with(|| (sequence, attachment.clone()));
    }

    fn entry(&mut self, sequence: u64, link: Link) {
        if let Found::Copy(copy) = &mut self.index {
            copy.see(sequence, link);
        }
    }

    fn progress(&mut self, done: u64) {
        (self.progress)(done, self.total);
    }

    fn interrupted(&self) -> bool {
        (self.stop)()
    }
}
