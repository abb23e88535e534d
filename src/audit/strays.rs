//! Files in the folder that nothing accounts for, told apart from what an interruption leaves.

use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;

use crate::hash::Blake3Digest;
use crate::merkle::partial_tiles;
use crate::merkle::tiles_between;
use crate::rule;
use crate::rule::Finding;
use crate::store::blobs::ATTACHMENTS;
use crate::store::blobs::blob_path;
use crate::store::bundle;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::image::Tail;
use crate::store::image::list_files;
use crate::store::publish::TEMPORARY_PREFIX;
use crate::store::tail::TAIL_FILE;
use crate::sys::disk::Disk;
use crate::sys::disk::DiskError;
use crate::sys::lock::LOCK_FILE;
use crate::timetoken::TIMESTAMPS;
use crate::timetoken::is_stamped;
use crate::verify::Surroundings;

use super::CHECKPOINT_FILE;
use super::COSIGNED_FILE;
use super::HINT_FILE;
use super::Standing;
use super::pieces::Facts;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
const HASH_BYTES: usize = 32;
/// The index, and what was set aside of it: rebuildable, and compared apart.
const INDEX_FOLDERS: &str = "index";

/// A folder to look through.
pub(super) struct Strays<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) dir: &'a Path,
    pub(super) facts: &'a Facts,
    /// The attachments that the entries name, and the time tokens.
    pub(super) accounted: HashSet<PathBuf>,
    /// Whether entries could not be read, so that not all they name is known.
    pub(super) broken: bool,
}

/// How many files an interruption left, of each kind.
#[derive(Default)]
struct Left {
    orphans: u64,
    temporary: u64,
    ahead: u64,
    unstamped: u64,
}

impl Strays<'_> {
    /// Names every file in the folder that nothing accounts for.
    pub(super) fn find(
        &self,
        findings: &mut Vec<Finding>,
        around: &mut Surroundings,
    ) -> Result<(), DiskError> {
        let known = self.known();
        let early = self.early();
        let mut left = Left::default();
        for found in list_files(self.disk, self.dir)? {
            let path = &found.path;
            if found.is_file && (known.contains(path) || self.accounted.contains(path)) {
                continue;
            }
            if self.is_index(path) {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if found.is_file && early.contains(path) {
                left.ahead += 1;
            } else if found.is_file && name.starts_with(TEMPORARY_PREFIX) {
                left.temporary += 1;
            } else if found.is_file && is_blob(path) {
                left.orphans += 1;
            } else if found.is_file && is_stamped(path) {
                left.unstamped += 1;
            } else if !(found.is_file && self.is_earlier_edge(path, &known)) {
                let path = path.display();
                findings.push(Finding::new(rule::I14, "no such file", path.to_string()));
            }
        }
        self.tell(&left, around);
        Ok(())
    }

    fn tell(&self, left: &Left, around: &mut Surroundings) {
        let Left {
            orphans,
            temporary,
            ahead,
            unstamped,
        } = left;
        let is_copy = self.facts.standing == Standing::Copy;
        if *ahead > 0 {
            around.notes.push(match self.facts.next {
                Some(next) => format!("{ahead} files of a publication up to {next} entries that was cut off or is under way; the checkpoint does not cover them yet"),
                None => format!("{ahead} files of a sealing that was cut off or is under way; their entries were read from the tail"),
            });
        }
        if *temporary > 0 {
            let who = if is_copy { "publication" } else { "append" };
            around.notes.push(format!(
                "{temporary} temporary files of an interrupted write; the next {who} removes them"
            ));
        }
        if *unstamped > 0 {
            let many = if *unstamped == 1 { "" } else { "s" };
            around.notes.push(format!(
                "{unstamped} checkpoint{many} in {TIMESTAMPS} without a time token: it was never stored, or removed"
            ));
        }
        // Damaged entries may have named them.
        if *orphans > 0 && !self.broken {
            around.notes.push(format!("{orphans} attachments belong to no entry: an append that was refused or interrupted leaves these"));
        }
    }

    /// What must be there.
    fn known(&self) -> HashSet<PathBuf> {
        let facts = self.facts;
        let own: &[&str] = match facts.standing {
            Standing::Ledger => &[
                TAIL_FILE,
                CHECKPOINT_FILE,
                COSIGNED_FILE,
                HINT_FILE,
                LOCK_FILE,
            ],
            Standing::Copy => &[CHECKPOINT_FILE],
        };
        let edge = self.edge(facts.total);
        let own = own.iter().map(PathBuf::from);
        sealed_files(0, self.reachable(facts.base))
            .chain(edge)
            .chain(own)
            .collect()
    }

    /// What somebody who is interrupted, or at work meanwhile, puts there before it counts. A writer
    /// seals before it shortens the tail; a publication writes its files before their checkpoint.
    fn early(&self) -> HashSet<PathBuf> {
        let facts = self.facts;
        let to = match facts.standing {
            Standing::Ledger => self.size_now().max(facts.total),
            Standing::Copy => facts.next.unwrap_or_default(),
        };
        sealed_files(facts.base, self.reachable(to))
            .chain(self.edge(to))
            .collect()
    }

    /// The partial tiles and the partial bundle of a copy of so many entries.
    fn edge(&self, size: u64) -> Vec<PathBuf> {
        if self.facts.standing == Standing::Ledger {
            return Vec::new();
        }
        let tiles = partial_tiles(size).map(|(id, width)| id.partial_path(width));
        let width = (size % WIDTH) as usize;
        let bundle = (width > 0).then(|| bundle::path_of(size / WIDTH, width));
        tiles.chain(bundle).map(PathBuf::from).collect()
    }

    /// A size that a copy's note states may be any number; no more files are named than there can
    /// be.
    fn reachable(&self, size: u64) -> u64 {
        match self.facts.standing {
            Standing::Ledger => size,
            Standing::Copy => size.min(self.facts.there.saturating_add(WIDTH * WIDTH)),
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

    fn is_index(&self, path: &Path) -> bool {
        self.facts.standing == Standing::Ledger
            && path.components().next().is_some_and(|first| {
                first
                    .as_os_str()
                    .to_string_lossy()
                    .starts_with(INDEX_FOLDERS)
            })
    }

    /// Whether it is a partial tile or bundle of an earlier size of a copy, and begins the one that
    /// stands there now. What stands there now was compared with the entries.
    fn is_earlier_edge(&self, path: &Path, known: &HashSet<PathBuf>) -> bool {
        let text = path.to_string_lossy();
        let Some((tile, width)) = text.rsplit_once(".p/") else {
            return false;
        };
        let Some(width) = (1..BUNDLE_ENTRIES).find(|one| one.to_string() == width) else {
            return false;
        };
        let mut now = (width..BUNDLE_ENTRIES)
            .rev()
            .map(|wider| format!("{tile}.p/{wider}"));
        let now = if known.contains(Path::new(tile)) {
            Some(tile.to_owned())
        } else {
            now.find(|path| known.contains(Path::new(path)))
        };
        let Some(now) = now else {
            return false;
        };
        let (Ok(now), Ok(before)) = (
            self.disk.read(&self.dir.join(now)),
            self.disk.read(&self.dir.join(path)),
        ) else {
            return false;
        };
        let whole = if tile.starts_with("tile/entries/") {
            bundle::decode_partial(0, width, &before).is_ok()
        } else {
            before.len() == width * HASH_BYTES
        };
        whole && now.starts_with(&before)
    }
}

/// Bundles and tiles of the entries from `from` to before `to`, both in whole bundles.
fn sealed_files(from: u64, to: u64) -> impl Iterator<Item = PathBuf> {
    let bundles = (from / WIDTH..to / WIDTH).map(bundle::bundle_path);
    let tiles = tiles_between(from, to).map(|tile| tile.path());
    bundles.chain(tiles).map(PathBuf::from)
}

/// Whether a path is where an attachment of some digest would be.
fn is_blob(path: &Path) -> bool {
    let text = path.to_string_lossy().replace('/', "");
    text.strip_prefix(ATTACHMENTS)
        .and_then(|digest| digest.parse::<Blake3Digest>().ok())
        .is_some_and(|digest| Path::new(&blob_path(&digest)) == path)
}
