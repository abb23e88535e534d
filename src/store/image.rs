//! The reader's side: what stands in a ledger's folder, damage and all.
//!
//! An [`LogImage`] is one moment of the files that a writer changes: the tail, and small files that go
//! with it. It is taken in the milliseconds of a shared lock, so that verifying a ledger for minutes
//! keeps no writer waiting; bundles and tiles never change and are read afterwards. Beside a writer
//! that keeps its lock for months it is taken without one: two readings that agree are one moment.
//! Nothing is written here and nothing is repaired: damage is described, with its place, for the
//! verifier.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::store::tail::{self, MAX_TAIL, TAIL_FILE, TailError, TailRest};
use crate::sys::disk::{Disk, DiskCause, DiskError, FileKind};
use crate::sys::lock::{LOCK_FILE, LockError, ReadLock};

/// Deeper than any path of a ledger; a folder nested further is not walked into.
const MAX_DEPTH: usize = 16;

/// No commit leaves the files as they are for so long, half written.
const AT_REST: Duration = Duration::from_millis(500);
/// Between two attempts to read beside a writer: a commit takes about as long.
const PAUSE: Duration = Duration::from_millis(2);

/// The files that a writer changes, at one moment.
#[derive(Debug, PartialEq, Eq)]
pub struct LogImage {
    /// The bytes of `tail`; `None` where there is no such file.
    pub tail: Option<Vec<u8>>,
    /// The other files that were asked for, by the name they were asked for, where they exist.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What the bytes of a tail say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailContents {
    /// Number of entries in bundles.
    pub base: u64,
    /// What the writer carries for itself.
    pub carry: Vec<u8>,
    /// The whole entries from the beginning, without a gap: `base`, `base + 1`, …
    pub entries: Vec<Vec<u8>>,
    /// What follows them. Where that is torn or stray, the damaged entry, if one was there, is
    /// number `base + entries.len()`.
    pub rest: TailRest,
    /// Whole entries that were found beyond the damage, with their sequences. The tail of a ledger
    /// at rest has none; if the first one continues without a gap, bytes were put in between.
    pub later: Vec<(u64, Vec<u8>)>,
}

impl LogImage {
    /// Takes the image of the ledger in `dir`, with the small files `names` (paths below it), while
    /// no writer is at work, or between two commits of one that is.
    ///
    /// # Errors
    /// A writer held the lock for the whole `wait` and changed the files all the time, or a file cannot be
    /// read. A missing file is not an error here.
    pub fn take(
        disk: &dyn Disk,
        dir: &Path,
        wait: Duration,
        names: &[&str],
    ) -> Result<Self, LockError> {
        let wanted: Vec<&str> = names.iter().copied().chain([TAIL_FILE]).collect();
        if let Some(mut files) = disk.at_one_moment(dir, &wanted)? {
            let tail = files.pop().flatten();
            let there = names.iter().zip(files);
            let there = there.filter_map(|(name, file)| Some(((*name).to_owned(), file?)));
            let files = there.collect();
            return Ok(Self { tail, files });
        }
        // Asked for where somebody is waited for, and not where there is no clock to ask.
        let mut begun = None;
        loop {
            let lock = match ReadLock::acquire(dir, Duration::ZERO) {
                Ok(lock) => lock,
                Err(LockError::Disk(fault)) => return Err(fault.into()),
                Err(held) => match Self::without_lock(disk, dir, names, &held)? {
                    Some(image) => return Ok(image),
                    None if begun.get_or_insert_with(Instant::now).elapsed() >= wait => {
                        return Err(held);
                    }
                    None => {
                        thread::sleep(PAUSE);
                        continue;
                    }
                },
            };
            let image = Self::read(disk, dir, names)?;
            // Where there was no lock file, the first writer ever may have come in the meantime.
            if lock.is_some() || disk.metadata(&dir.join(LOCK_FILE))?.is_none() {
                return Ok(image);
            }
        }
    }

    /// The image for who does not get the lock. Where it is another user's, files that stay as they are for a
    /// while are those of a writer at rest, whole or torn.
    fn without_lock(
        disk: &dyn Disk,
        dir: &Path,
        names: &[&str],
        held: &LockError,
    ) -> Result<Option<Self>, DiskError> {
        if let Some(image) = Self::beside_writer(disk, dir, names) {
            return Ok(Some(image));
        }
        if !matches!(held, LockError::NotOurs(_)) {
            return Ok(None);
        }
        let image = Self::read(disk, dir, names)?;
        thread::sleep(AT_REST);
        Ok((Self::read(disk, dir, names)? == image).then_some(image))
    }

    /// The image while somebody else holds the lock: the files only ever grow or are replaced, so two
    /// readings that agree, with a tail that is whole, are what they were at one moment. Else it is read in
    /// the middle of a commit.
    fn beside_writer(disk: &dyn Disk, dir: &Path, names: &[&str]) -> Option<Self> {
        let image = Self::read(disk, dir, names).ok()?;
        let layout = tail::decode(image.tail.as_deref()?).ok()?;
        let again = Self::read(disk, dir, names).ok()?;
        (layout.rest == TailRest::Clean && image == again).then_some(image)
    }

    /// Reads the same files without a lock, for who holds it or needs none.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn read(disk: &dyn Disk, dir: &Path, names: &[&str]) -> Result<Self, DiskError> {
        let mut files = BTreeMap::new();
        for name in names {
            if let Some(bytes) = if_there(disk.read(&dir.join(name)))? {
                files.insert((*name).to_owned(), bytes);
            }
        }
        let tail = if_there(disk.read_at_most(&dir.join(TAIL_FILE), MAX_TAIL as u64))?;
        Ok(Self { tail, files })
    }
}

fn if_there(read: Result<Vec<u8>, DiskError>) -> Result<Option<Vec<u8>>, DiskError> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.cause() == DiskCause::Missing => Ok(None),
        Err(e) => Err(e),
    }
}

impl TailContents {
    /// Reads the bytes of a tail, and past damage where that is possible.
    ///
    /// # Errors
    /// The header is damaged; no entry can then be given its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, TailError> {
        let layout = tail::decode(bytes)?;
        let entries: Vec<_> = layout.slots.iter().map(|s| s.of(bytes).to_vec()).collect();
        let next = layout.base.saturating_add(entries.len() as u64);
        let later = match layout.rest {
            TailRest::Clean => Vec::new(),
            TailRest::Torn { offset, .. } | TailRest::Stray { offset, .. } => {
                tail::find_later(bytes, offset, next)
                    .into_iter()
                    .map(|(sequence, slot)| (sequence, slot.of(bytes).to_vec()))
                    .collect()
            }
        };
        Ok(Self {
            base: layout.base,
            carry: layout.carry,
            entries,
            rest: layout.rest,
            later,
        })
    }
}

/// Something in the ledger's folder that is not a folder itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its path below the ledger's folder.
    pub path: PathBuf,
    /// Whether it is an ordinary file. A link or device is not, and belongs in no ledger.
    pub is_file: bool,
}

/// Everything in the ledger's folder, in the order of the paths, so that an auditor can name what
/// does not belong there. Links are listed, not followed.
///
/// # Errors
/// A folder cannot be read, or they are nested deeper than any ledger's.
pub fn list_files(disk: &dyn Disk, dir: &Path) -> Result<Vec<Found>, DiskError> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        if folder.components().count() > MAX_DEPTH {
            let refusal = std::io::Error::other("folders are nested too deep");
            return Err(DiskError::new("list", &dir.join(folder), refusal));
        }
        for named in disk.list(&dir.join(&folder))? {
            let path = folder.join(&named.name);
            if named.kind == FileKind::Folder {
                folders.push(path);
            } else {
                let is_file = named.kind == FileKind::File;
                found.push(Found { path, is_file });
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::Log;
    use crate::sys::disk::RealDisk;
    use crate::sys::lock::WriteLock;
    use crate::sys::world::World;
    use std::sync::Arc;

    #[test]
    fn an_image_shows_what_was_appended() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(Arc::new(RealDisk), dir.path(), b"carry").unwrap();
        log.append(0, &[b"one", b"two"]).unwrap();
        std::fs::write(dir.path().join("checkpoint"), b"note").unwrap();
        let names = ["checkpoint", "ledger.toml"];
        let image = LogImage::take(&RealDisk, dir.path(), Duration::ZERO, &names).unwrap();
        assert_eq!(image.files["checkpoint"], b"note");
        assert!(!image.files.contains_key("ledger.toml"));
        let tail = TailContents::parse(&image.tail.unwrap()).unwrap();
        assert_eq!(tail.entries, [b"one", b"two"]);
        assert_eq!((tail.base, tail.carry.as_slice()), (0, &b"carry"[..]));
        assert_eq!((tail.rest, tail.later), (TailRest::Clean, vec![]));
    }

    #[test]
    fn a_writer_at_rest_keeps_no_reader_waiting_and_one_at_work_does() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(Arc::new(RealDisk), dir.path(), b"").unwrap();
        log.append(0, &[b"one"]).unwrap();
        let now = World::system().clock.now();
        let held = WriteLock::acquire(dir.path(), Duration::ZERO, "ledger serve", now);
        let take = || LogImage::take(&RealDisk, dir.path(), Duration::from_millis(20), &[]);
        let tail = take().unwrap().tail.unwrap();
        assert_eq!(TailContents::parse(&tail).unwrap().entries, [b"one"]);
        let mut half = tail.clone();
        let end = half.windows(3).position(|w| w == b"one").unwrap();
        half[end] = b'O';
        std::fs::write(dir.path().join(TAIL_FILE), &half).unwrap();
        let refused = take().unwrap_err().to_string();
        assert!(refused.contains("ledger serve"), "{refused}");
        drop(held);
        assert_eq!(take().unwrap().tail.unwrap(), half);
    }

    #[test]
    fn a_missing_tail_is_told_and_nothing_is_created() {
        let dir = tempfile::tempdir().unwrap();
        let image = LogImage::take(&RealDisk, dir.path(), Duration::ZERO, &[]).unwrap();
        assert!(image.tail.is_none());
        assert!(list_files(&RealDisk, dir.path()).unwrap().is_empty());
    }

    #[test]
    fn damage_names_its_entry_and_what_lies_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(Arc::new(RealDisk), dir.path(), b"").unwrap();
        log.append(0, &[b"one", b"two", b"six"]).unwrap();
        let mut bytes = std::fs::read(dir.path().join(TAIL_FILE)).unwrap();
        let at = bytes.windows(3).position(|w| w == b"two").unwrap();
        bytes[at] = b'T';
        let tail = TailContents::parse(&bytes).unwrap();
        assert_eq!(tail.entries, [b"one"]);
        assert!(matches!(tail.rest, TailRest::Torn { .. }));
        assert_eq!(tail.later, [(2, b"six".to_vec())]);
    }

    #[test]
    fn every_file_is_listed_once_and_links_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("tile/entries")).unwrap();
        std::fs::write(dir.path().join("tile/entries/000"), b"x").unwrap();
        std::fs::write(dir.path().join("tail"), b"x").unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("tile/root")).unwrap();
        let found: Vec<_> = list_files(&RealDisk, dir.path())
            .unwrap()
            .into_iter()
            .map(|f| (f.path.display().to_string(), f.is_file))
            .collect();
        let expected = [
            ("tail", true),
            ("tile/entries/000", true),
            ("tile/root", false),
        ];
        assert_eq!(found, expected.map(|(p, f)| (p.to_owned(), f)));
    }
}
