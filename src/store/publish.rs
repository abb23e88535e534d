//! Ways of putting a whole file in its place, and what each of them survives.
//!
//! | function | survives a power cut | cost |
//! |---|---|---|
//! | [`in_place`] | no: old, new or torn | one write |
//! | [`durably`] | yes: old or new, never a mixture | two syncs |
//! | `ImmutableWriter` | yes, once `ImmutableWriter::finish` returns; many files share the folder syncs | one sync per file |
//!
//! New files are written under a temporary name in the ledger's own folder and renamed, so that
//! leftovers of a crash lie in one place, where [`remove_leftovers`] finds them without a search.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::NamedTempFile;

use crate::sys::disk::{Disk, DiskCause, DiskError};

/// How the names of files that are not in their place yet begin.
pub const TEMPORARY_PREFIX: &str = ".new-";

/// A file that must never change was to be written with other bytes than it has.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImmutableFileError {
    /// What is there differs from what was to be written.
    #[error("{} exists with other content", .0.display())]
    Differs(PathBuf),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Overwrites a small file in place with one write: no rename and no sync, so a power cut may leave
/// the old bytes, the new ones, or a mixture. For what can be checked and made again.
///
/// # Errors
/// The disk's refusal; the file may then hold a mixture.
pub fn in_place(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut file = match disk.open(path) {
        Err(e) if e.cause() == DiskCause::Missing => disk.create(path)?,
        opened => opened?,
    };
    file.write_at(bytes, 0)?;
    if file.size()? > bytes.len() as u64 {
        file.set_size(bytes.len() as u64)?;
    }
    Ok(())
}

/// Puts a file in its place durably, replacing one that is there: after a power cut it is the old
/// or the new one.
///
/// # Errors
/// The disk's refusal; the old file then still stands, or the new one does.
pub fn durably(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        let refusal = io::ErrorKind::InvalidInput.into();
        return Err(DiskError::new("write", path, refusal));
    };
    let temporary = folder.join(temporary_name(&name.to_string_lossy()));
    let mut file = disk.create(&temporary)?;
    file.write_at(bytes, 0)?;
    file.sync_data()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(folder)
}

/// The folder that a file is in, or is to be made in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Puts a file that was written beside its place there durably; where one is there already only by `force`.
///
/// # Errors
/// The disk's refusal, or a file that is there already.
pub fn finish_whole(file: NamedTempFile, path: &Path, force: bool) -> io::Result<()> {
    file.as_file().sync_all()?;
    // If the power fails before this line there is no file of that name, or the old one.
    let named = match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    };
    named.map_err(|fault| fault.error)?;
    File::open(folder_of(path))?.sync_all()
}

/// Whether a file of this name is one that an interrupted write leaves.
#[must_use]
pub fn is_leftover(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX)
}

/// Where [`durably`] writes a file of this name first: no two processes and no two calls write the same one,
/// for those who ask witnesses hold no lock.
fn temporary_name(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{}{process}-{number}", temporary_prefix(name))
}

/// How the names begin that [`durably`] writes a file of this name under first.
#[must_use]
pub fn temporary_prefix(name: &str) -> String {
    format!("{TEMPORARY_PREFIX}{name}~")
}

/// Removes what an interrupted `ImmutableWriter` or [`durably`] left in the ledger's folder, but for what is
/// named `kept`. Only for who holds the writer's lock.
///
/// # Errors
/// The disk's refusal.
pub fn remove_leftovers(disk: &dyn Disk, root: &Path, kept: &str) -> Result<(), DiskError> {
    for found in disk.list(root)? {
        let name = found.name.to_string_lossy();
        if is_leftover(&name) && name != kept {
            disk.remove(&root.join(found.name))?;
        }
    }
    Ok(())
}

/// Writes files that never change again below a ledger's folder. Nothing counts as durable before
/// [`ImmutableWriter::finish`].
#[derive(Debug)]
pub(crate) struct ImmutableWriter<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    written: u32,
    /// Every folder that got a name, up to the root. Also those that were there already: a process
    /// killed between making a folder and syncing its parent leaves it visible and not durable.
    folders: BTreeSet<PathBuf>,
}

impl<'a> ImmutableWriter<'a> {
    pub(crate) const fn new(disk: &'a dyn Disk, root: &'a Path) -> Self {
        Self {
            disk,
            root,
            written: 0,
            folders: BTreeSet::new(),
        }
    }

    /// Writes the file at `relative` once, read-only; whether it was not there before. One that is there with
    /// the same bytes is left alone: its bytes were synced before it got its name.
    pub(crate) fn write(
        &mut self,
        relative: &str,
        bytes: &[u8],
    ) -> Result<bool, ImmutableFileError> {
        let path = self.root.join(relative);
        self.make_folders(relative)?;
        if let Some(found) = self.disk.metadata(&path)? {
            let len = bytes.len() as u64;
            return if found.len == len && self.disk.read_at_most(&path, len)? == bytes {
                Ok(false)
            } else {
                Err(ImmutableFileError::Differs(path))
            };
        }
        self.put(&path, bytes)?;
        Ok(true)
    }

    /// Writes the file at `relative`, which is there with the same bytes, so that they are durable.
    pub(crate) fn write_again(&mut self, relative: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.make_folders(relative)?;
        self.put(&self.root.join(relative), bytes)
    }

    fn put(&mut self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        let temporary = self
            .root
            .join(format!("{TEMPORARY_PREFIX}{}", self.written));
        self.written += 1;
        let mut file = self.disk.create(&temporary)?;
        file.write_at(bytes, 0)?;
        self.disk.make_read_only(&temporary)?;
        file.sync_data()?;
        self.disk.rename(&temporary, path)
    }

    /// Makes the names of everything written durable, each folder once, the innermost first.
    pub(crate) fn finish(self) -> Result<(), DiskError> {
        for folder in self.folders.iter().rev() {
            self.disk.sync_dir(folder)?;
        }
        Ok(())
    }

    fn make_folders(&mut self, relative: &str) -> Result<(), DiskError> {
        let mut folder = self.root.to_owned();
        self.folders.insert(folder.clone());
        let parents = Path::new(relative).parent().unwrap_or(Path::new(""));
        for part in parents.components() {
            folder.push(part);
            if self.folders.insert(folder.clone()) {
                self.disk.create_dir(&folder)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::disk::RealDisk;

    #[test]
    fn in_place_leaves_exactly_the_new_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        for text in ["first", "a longer one", "short"] {
            in_place(&RealDisk, &path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn durably_replaces_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.toml");
        durably(&RealDisk, &path, b"old").unwrap();
        durably(&RealDisk, &path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_file_written_once_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let write = |bytes: &[u8]| {
            let mut writer = ImmutableWriter::new(&RealDisk, dir.path());
            writer.write("a/b/c", bytes)?;
            writer.finish().map_err(ImmutableFileError::from)
        };
        write(b"same").unwrap();
        write(b"same").unwrap();
        let refusal = write(b"other").unwrap_err();
        assert!(matches!(refusal, ImmutableFileError::Differs(_)));
        assert_eq!(std::fs::read(dir.path().join("a/b/c")).unwrap(), b"same");
        let found = std::fs::metadata(dir.path().join("a/b/c")).unwrap();
        assert!(found.permissions().readonly());
    }

    #[test]
    fn leftovers_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".new-0"), b"half").unwrap();
        std::fs::write(dir.path().join("tail"), b"kept").unwrap();
        remove_leftovers(&RealDisk, dir.path(), "").unwrap();
        let names = RealDisk.list(dir.path()).unwrap();
        assert_eq!(names.len(), 1);
        assert_eq!(names[0].name, "tail");
    }
}
