//! Files in the folder that nothing accounts for, told apart from what an interruption leaves.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::hash::Blake3Digest;
use crate::merkle::LogFile;
use crate::pack::is_litter;
use crate::rule::{self, Finding};
use crate::store::blobs::{ATTACHMENTS, blob_path};
use crate::store::bundle::{self, BUNDLE_ENTRIES, MAX_BUNDLE};
use crate::store::engine::{ARCHIVED_FILE, Engine as _, FolderEngine};
use crate::store::image::TailContents;
use crate::store::publish::is_leftover;
use crate::store::tail::{MAX_TAIL, TAIL_FILE};
use crate::sys::disk::DiskError;
use crate::sys::lock::LOCK_FILE;
use crate::timetoken::{TIMESTAMPS, is_stamped};
use crate::verify::Surroundings;

use crate::ledger::pieces::LogBounds;
use crate::ledger::{
    BACKUP_FILE, BACKUP_KEY, CHECKPOINT_FILE, COPY_COSIGNED, COSIGNED_FILE, FolderKind, HINT_FILE,
    RESTORING, SET_ASIDE,
};

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
const HASH_BYTES: usize = 32;
/// The index, and what was set aside of it: rebuildable, and compared apart.
const INDEX_FOLDERS: &str = "index";

/// A folder to look through.
pub(super) struct StrayFiles<'a> {
    pub(super) folder: &'a FolderEngine,
    pub(super) facts: &'a LogBounds,
    /// The attachments that the entries name, and the time tokens.
    pub(super) accounted: HashSet<PathBuf>,
    /// Whether entries could not be read, so that not all they name is known.
    pub(super) broken: bool,
    /// Whether it is a backup: what makes it one stands beside its log.
    pub(super) is_backup: bool,
}

/// How many files an interruption left, of each kind.
#[derive(Default)]
struct LeftoverCounts {
    orphans: u64,
    temporary: u64,
    ahead: u64,
    unstamped: u64,
    litter: Vec<String>,
    aside: Vec<String>,
    extra: Vec<String>,
}

impl StrayFiles<'_> {
    /// Names every file in the folder that nothing accounts for.
    pub(super) fn find(
        &self,
        findings: &mut Vec<Finding>,
        around: &mut Surroundings,
    ) -> Result<(), DiskError> {
        let now = self.facts.in_bundles();
        let soon = self.soon();
        let mut left = LeftoverCounts::default();
        for found in self.folder.files("")? {
            let path = &found.path;
            let in_log = LogFile::parse(path);
            let stands_in = |size| in_log.is_some_and(|file| self.has(&file, size));
            if found.is_file
                && (stands_in(now) || self.is_own(path) || self.accounted.contains(path))
            {
                continue;
            }
            let edge = in_log.and_then(|file| file.edge_in(now));
            let stands_for = |edge: LogFile| Ok::<_, DiskError>(!self.folder.has(&edge.path())?);
            if self.is_index(path) || edge.map(stands_for).transpose()? == Some(true) {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_next_tile = self.is_backup && in_log.is_some_and(|file| !file.is_bundle);
            if found.is_file && (stands_in(soon) || is_next_tile && stands_in(now + WIDTH)) {
                left.ahead += 1;
            } else if found.is_file && is_leftover(&name) {
                left.temporary += 1;
            } else if found.is_file && is_blob(path) {
                left.orphans += 1;
            } else if found.is_file && is_stamped(path) {
                left.unstamped += 1;
            } else if found.is_file && path.starts_with(SET_ASIDE) {
                left.aside.push(path.display().to_string());
            } else if found.is_file && is_litter(path) {
                left.litter.push(path.display().to_string());
            } else if !(found.is_file
                && in_log.is_some_and(|file| self.is_earlier_edge(path, file)))
            {
                let path = path.display().to_string();
                match self.facts.standing {
                    FolderKind::Ledger => {
                        findings.push(Finding::new(rule::I14, "no such file", path));
                    }
                    // Whoever serves a copy may serve more, and whoever reads it asks for nothing else.
                    FolderKind::Copy => left.extra.push(path),
                }
            }
        }
        self.tell(&left, around);
        let notes = &mut around.notes;
        if self.is_backup {
            notes.push("this is a backup: nothing is appended to it".to_owned());
        }
        if self.folder.has(RESTORING)? {
            notes.push("restoring the ledger into this folder was not finished: the same once more goes on".to_owned());
        }
        Ok(())
    }

    fn tell(&self, left: &LeftoverCounts, around: &mut Surroundings) {
        let LeftoverCounts {
            orphans,
            temporary,
            ahead,
            unstamped,
            litter,
            aside,
            extra,
        } = left;
        let is_copy = self.facts.standing == FolderKind::Copy;
        if *ahead > 0 {
            around.notes.push(match self.facts.next {
                Some(next) => format!("{ahead} files of a publication up to {next} entries that was cut off or is under way; the checkpoint does not cover them yet"),
                None if self.is_backup => format!("{ahead} files of a newer backup that was cut off or is under way"),
                None if self.facts.behind.is_some() => format!("the tail ends before entry {}, and bundles go on to entry {}: an older copy of it lies here, and the next append takes them in", self.facts.behind.unwrap_or_default(), self.facts.total.saturating_sub(1)),
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
        if let Some(first) = aside.first() {
            let many = aside.len();
            around.notes.push(format!(
                "{many} files that contradicted the log and were set aside, as {first}: no part of it, and nothing reads them"
            ));
        }
        if let Some(first) = litter.first() {
            let many = litter.len();
            around.notes.push(format!(
                "{many} files that systems, editors and web servers leave in folders, as {first}: no part of the log, and nothing reads them"
            ));
        }
        if let Some(first) = extra.first() {
            let many = extra.len();
            around.notes.push(format!(
                "{many} files that the checkpoint does not speak of, as {first}: no part of what was verified, and nothing reads them"
            ));
        }
        // Damaged entries may have named them.
        if *orphans > 0 && !self.broken {
            around.notes.push(format!("{orphans} attachments belong to no entry: an append that was refused or interrupted leaves these"));
        }
    }

    /// Whether a folder with so many entries in bundles has this file; a copy also has its right edge.
    fn has(&self, file: &LogFile, size: u64) -> bool {
        match self.facts.standing {
            FolderKind::Ledger => file.is_sealed_in(size),
            FolderKind::Copy => file.is_sealed_in(size) || file.is_edge_of(size),
        }
    }

    /// Whether it is one of the files that stand beside the log.
    fn is_own(&self, path: &Path) -> bool {
        let own: &[&str] = match self.facts.standing {
            FolderKind::Ledger => &[
                TAIL_FILE,
                CHECKPOINT_FILE,
                COSIGNED_FILE,
                HINT_FILE,
                ARCHIVED_FILE,
                LOCK_FILE,
            ],
            FolderKind::Copy => &[CHECKPOINT_FILE, COPY_COSIGNED],
        };
        let beside: &[&str] = match self.is_backup {
            true => &[BACKUP_FILE, BACKUP_KEY],
            false => &[RESTORING],
        };
        let own = own.iter().chain(beside);
        own.into_iter().any(|name| Path::new(name) == path)
    }

    /// The size that somebody who is interrupted, or at work meanwhile, writes files for before it counts. A
    /// writer seals before it shortens the tail; a publication writes its files before their checkpoint. A backup puts
    /// each tile before its bundle.
    fn soon(&self) -> u64 {
        match self.facts.standing {
            FolderKind::Ledger => self.size_now().max(self.facts.total),
            FolderKind::Copy => self.facts.next.unwrap_or_default(),
        }
    }

    /// How many entries the log has by now: a writer may have gone on since the image was taken.
    fn size_now(&self) -> u64 {
        let tail = self.folder.get(TAIL_FILE, MAX_TAIL as u64);
        let tail = tail.ok().flatten();
        let tail = tail.and_then(|bytes| TailContents::parse(&bytes).ok());
        tail.map_or(0, |tail| tail.base + tail.entries.len() as u64)
    }

    fn is_index(&self, path: &Path) -> bool {
        self.facts.standing == FolderKind::Ledger
            && path.components().next().is_some_and(|first| {
                first
                    .as_os_str()
                    .to_string_lossy()
                    .starts_with(INDEX_FOLDERS)
            })
    }

    /// Whether it is a partial tile or bundle of an earlier size of a copy, and begins the one that
    /// stands there now. What stands there now was compared with the entries.
    fn is_earlier_edge(&self, path: &Path, file: LogFile) -> bool {
        let wider = (file.width + 1..=WIDTH).map(|width| LogFile { width, ..file });
        let now = wider
            .rev()
            .find(|wider| self.has(wider, self.facts.in_bundles()));
        let Some(now) = now.filter(|_| !file.is_whole()) else {
            return false;
        };
        let read = |name: &str| self.folder.get(name, MAX_BUNDLE).ok().flatten();
        let (Some(now), Some(before)) = (read(&now.path()), read(&path.to_string_lossy())) else {
            return false;
        };
        let width = file.width as usize;
        let whole = if file.is_bundle {
            bundle::decode_partial(0, width, &before).is_ok()
        } else {
            before.len() == width * HASH_BYTES
        };
        whole && now.starts_with(&before)
    }
}

/// Whether a path is where an attachment of some digest would be.
fn is_blob(path: &Path) -> bool {
    let text = path.to_string_lossy().replace('/', "");
    text.strip_prefix(ATTACHMENTS)
        .and_then(|digest| digest.parse::<Blake3Digest>().ok())
        .is_some_and(|digest| Path::new(&blob_path(&digest)) == path)
}
