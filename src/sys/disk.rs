//! The few file operations that the store needs, behind a trait.
//!
//! [`RealDisk`] is the file system; tests put a simulated one in its place that drops whatever was
//! not synced. Nothing here retries: in particular a [`FileHandle`] whose sync failed refuses all
//! further work, because after a failed fsync Linux may report the lost pages as clean, and a
//! second fsync would then succeed over data that never reached the disk. Stop, reopen, look.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
#[cfg(not(target_family = "wasm"))]
use std::io::Read as _;
#[cfg(not(target_family = "wasm"))]
use std::os::unix::fs::{DirBuilderExt as _, FileExt, OpenOptionsExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

/// The permission bits of a file that must not change any more.
#[cfg(not(target_family = "wasm"))]
const READ_ONLY_MODE: u32 = 0o444;

/// The longest file that [`Disk::read`] takes; no note, tile or settings file has a quarter of it.
pub const SMALL_FILE: u64 = 4 * 1024 * 1024;

/// A file operation that failed: what was tried, on which path, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", path.display())]
pub struct DiskError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// What a caller may want to tell apart about a [`DiskError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskCause {
    /// No space or no quota left, or a limit on file sizes: make room, then it is safe to try again.
    Full,
    /// A read-only file system, or permissions that do not allow it.
    ReadOnly,
    /// Nothing is there under that name.
    Missing,
    /// More bytes than any file of its name has: no file that this program wrote. Trying again is no use.
    TooLong,
    /// Anything else.
    Other,
}

impl DiskError {
    /// Says what was being done to which path when `source` came back.
    #[must_use]
    pub fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// Which of the cases that need different advice this is.
    #[must_use]
    pub fn cause(&self) -> DiskCause {
        match self.source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => DiskCause::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                DiskCause::ReadOnly
            }
            io::ErrorKind::NotFound => DiskCause::Missing,
            io::ErrorKind::InvalidData => DiskCause::TooLong,
            _ => DiskCause::Other,
        }
    }

    /// That a file is longer than `most` bytes, which is all that was to be read of it.
    #[must_use]
    pub fn too_long(path: &Path, most: u64) -> Self {
        let refusal = format!("it is longer than {most} bytes");
        let refusal = io::Error::new(io::ErrorKind::InvalidData, refusal);
        Self::new("read", path, refusal)
    }
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// An ordinary file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, device, pipe or socket: never part of a ledger, never followed.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without its folder.
    pub name: OsString,
    /// What it is.
    pub kind: FileKind,
}

/// What is known about a path without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is; symbolic links are not followed.
    pub kind: FileKind,
    /// Length in bytes.
    pub len: u64,
}

/// The file operations of the store. Paths are used as they are given.
///
/// Durability follows POSIX: bytes are durable after [`FileHandle::sync_data`], names (created,
/// renamed, removed) after [`Disk::sync_dir`] of their folder, and nothing earlier.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// Missing, not allowed, or the system's refusal.
    fn open(&self, path: &Path) -> Result<FileHandle, DiskError>;

    /// Creates a file for reading and writing, in place of whatever had its name.
    ///
    /// # Errors
    /// Not allowed, no space, or the system's refusal.
    fn create(&self, path: &Path) -> Result<FileHandle, DiskError>;

    /// Reads a whole file of at most `most` bytes. Whoever wrote the file decided how long it is: more than
    /// that is refused before it is in memory.
    ///
    /// # Errors
    /// Missing, longer, not allowed, or the system's refusal.
    fn read_at_most(&self, path: &Path, most: u64) -> Result<Vec<u8>, DiskError>;

    /// Reads a whole small file: a note, a tile, settings.
    ///
    /// # Errors
    /// Missing, longer than [`SMALL_FILE`], not allowed, or the system's refusal.
    fn read(&self, path: &Path) -> Result<Vec<u8>, DiskError> {
        self.read_at_most(path, SMALL_FILE)
    }

    /// Whether something else than files keeps what shows as the folder `dir`: then nobody locks it or keeps an index in it.
    fn is_shown(&self, _dir: &Path) -> bool {
        false
    }

    /// Some small files of the folder `dir` as they are at one moment, where the disk can tell without a lock.
    ///
    /// # Errors
    /// The system's refusal. A missing file is none.
    fn at_one_moment(
        &self,
        _dir: &Path,
        _names: &[&str],
    ) -> Result<Option<Vec<Option<Vec<u8>>>>, DiskError> {
        Ok(None)
    }

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// Missing, not allowed, or the system's refusal.
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError>;

    /// Makes a folder; one that is there already is fine.
    ///
    /// # Errors
    /// Its parent missing, not allowed, no space, or the system's refusal.
    fn create_dir(&self, path: &Path) -> Result<(), DiskError>;

    /// Lets nobody but its owner into a folder, where the disk knows owners.
    ///
    /// # Errors
    /// Missing, not allowed, or the system's refusal.
    fn keep_private(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }

    /// Gives a file a new name, replacing what had that name.
    ///
    /// # Errors
    /// Missing, not allowed, no space, or the system's refusal.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;

    /// Removes a file.
    ///
    /// # Errors
    /// Missing, not allowed, or the system's refusal.
    fn remove(&self, path: &Path) -> Result<(), DiskError>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// The system's refusal: what is durable is then unknown.
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError>;

    /// Takes the write permission of a file away from everybody (mode 0444).
    ///
    /// # Errors
    /// Missing, not allowed, or the system's refusal.
    fn make_read_only(&self, path: &Path) -> Result<(), DiskError>;

    /// Kind and length of what is under a name; `None` when nothing is.
    ///
    /// # Errors
    /// Not allowed, or the system's refusal.
    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, DiskError>;
}

/// An open file, as a [`Disk`] provides it to a [`FileHandle`].
pub trait RawFile: Send + fmt::Debug {
    /// Fills `buf` from `offset`; fewer bytes in the file are an error.
    ///
    /// # Errors
    /// `UnexpectedEof`, or the system's refusal.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, growing the file where needed.
    ///
    /// # Errors
    /// The system's refusal; a part may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// The system's refusal.
    fn size(&self) -> io::Result<u64>;

    /// Cuts or extends (with zeros) the file.
    ///
    /// # Errors
    /// The system's refusal.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes bytes and length durable.
    ///
    /// # Errors
    /// The system's refusal: what is durable is then unknown.
    fn sync_data(&self) -> io::Result<()>;
}

/// An open file that is given up after a failed sync.
#[derive(Debug)]
pub struct FileHandle {
    file: Box<dyn RawFile>,
    path: PathBuf,
    sync_failed: bool,
}

impl FileHandle {
    /// Wraps an open file; `path` is what errors will name.
    #[must_use]
    pub fn new(file: Box<dyn RawFile>, path: &Path) -> Self {
        Self {
            file,
            path: path.to_owned(),
            sync_failed: false,
        }
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// The file is shorter, a sync failed before, or the system's refusal.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<(), DiskError> {
        self.usable("read")?;
        self.named("read", self.file.read_exact_at(buf, offset))
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// A sync failed before, or the system's refusal; a part may have been written.
    pub fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        self.usable("write")?;
        self.named("write", self.file.write_all_at(bytes, offset))
    }

    /// Length in bytes.
    ///
    /// # Errors
    /// A sync failed before, or the system's refusal.
    pub fn size(&self) -> Result<u64, DiskError> {
        self.usable("measure")?;
        self.named("measure", self.file.size())
    }

    /// Cuts or extends (with zeros) the file.
    ///
    /// # Errors
    /// A sync failed before, or the system's refusal.
    pub fn set_size(&mut self, size: u64) -> Result<(), DiskError> {
        self.usable("resize")?;
        self.named("resize", self.file.set_len(size))
    }

    /// Makes bytes and length durable (fdatasync). After an error the handle is given up.
    ///
    /// # Errors
    /// A sync failed before, or the system's refusal.
    pub fn sync_data(&mut self) -> Result<(), DiskError> {
        self.usable("sync")?;
        let result = self.file.sync_data();
        self.sync_failed = result.is_err();
        self.named("sync", result)
    }

    fn usable(&self, doing: &'static str) -> Result<(), DiskError> {
        if self.sync_failed {
            let refusal = io::Error::other("an earlier sync of this file failed; reopen it");
            return Err(DiskError::new(doing, &self.path, refusal));
        }
        Ok(())
    }

    fn named<T>(&self, doing: &'static str, result: io::Result<T>) -> Result<T, DiskError> {
        result.map_err(|e| DiskError::new(doing, &self.path, e))
    }
}

/// The file system of this machine.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[cfg(not(target_family = "wasm"))]
impl RawFile for fs::File {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buf, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
}

#[cfg(not(target_family = "wasm"))]
fn kind_of(file_type: fs::FileType) -> FileKind {
    if file_type.is_file() {
        FileKind::File
    } else if file_type.is_dir() {
        FileKind::Folder
    } else {
        FileKind::Other
    }
}

#[cfg(not(target_family = "wasm"))]
impl Disk for RealDisk {
    fn open(&self, path: &Path) -> Result<FileHandle, DiskError> {
        let file = fs::OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|e| DiskError::new("open", path, e))?;
        Ok(FileHandle::new(Box::new(file), path))
    }

    fn create(&self, path: &Path) -> Result<FileHandle, DiskError> {
        // Whatever had the name loses it: a link that somebody planted there is not followed.
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o644);
        let file = match fs::remove_file(path) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            _ => options.open(path),
        };
        let file = file.map_err(|e| DiskError::new("create", path, e))?;
        Ok(FileHandle::new(Box::new(file), path))
    }

    fn read_at_most(&self, path: &Path, most: u64) -> Result<Vec<u8>, DiskError> {
        let found = self.metadata(path)?;
        // Reading a planted pipe would wait for ever, and a link could lead anywhere.
        if found.is_some_and(|found| found.kind != FileKind::File) {
            let refusal = io::Error::other("not an ordinary file");
            return Err(DiskError::new("read", path, refusal));
        }
        // Before memory is taken for it: a file may have grown to any length without filling a disk.
        let expected = found.map_or(0, |found| found.len);
        if expected > most {
            return Err(DiskError::too_long(path, most));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
        // It may have grown since it was measured.
        fs::File::open(path)
            .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
            .map_err(|e| DiskError::new("read", path, e))?;
        if bytes.len() as u64 > most {
            return Err(DiskError::too_long(path, most));
        }
        Ok(bytes)
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        let listed = || -> io::Result<Vec<DirEntry>> {
            let mut names = Vec::new();
            for found in fs::read_dir(dir)? {
                let found = found?;
                names.push(DirEntry {
                    name: found.file_name(),
                    kind: kind_of(found.file_type()?),
                });
            }
            names.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(names)
        };
        listed().map_err(|e| DiskError::new("list", dir, e))
    }

    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        // Whatever the umask lets through, nobody else writes into a ledger.
        match fs::DirBuilder::new().mode(0o755).create(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result.map_err(|e| DiskError::new("make the folder", path, e)),
        }
    }

    fn keep_private(&self, path: &Path) -> Result<(), DiskError> {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(|e| DiskError::new("keep others out of", path, e))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        fs::rename(from, to).map_err(|e| DiskError::new("give a file the name", to, e))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_file(path).map_err(|e| DiskError::new("remove", path, e))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        fs::File::open(dir)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| DiskError::new("sync the folder", dir, e))
    }

    fn make_read_only(&self, path: &Path) -> Result<(), DiskError> {
        fs::set_permissions(path, fs::Permissions::from_mode(READ_ONLY_MODE))
            .map_err(|e| DiskError::new("write-protect", path, e))
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, DiskError> {
        match fs::symlink_metadata(path) {
            Ok(found) => Ok(Some(Metadata {
                kind: kind_of(found.file_type()),
                len: found.len(),
            })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(DiskError::new("look at", path, e)),
        }
    }
}

/// Copies a folder of the real file system to `to`, which is made. Links and devices are left out.
///
/// # Errors
/// The first thing that could not be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for found in fs::read_dir(from)? {
        let found = found?;
        let target = to.join(found.file_name());
        let kind = found.file_type()?;
        if kind.is_dir() {
            copy_folder(&found.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(found.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct SyncFails;

    impl RawFile for SyncFails {
        fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
            Ok(())
        }
        fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
            Ok(())
        }
        fn size(&self) -> io::Result<u64> {
            Ok(0)
        }
        fn set_len(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn sync_data(&self) -> io::Result<()> {
            Err(io::Error::other("lost"))
        }
    }

    #[test]
    fn a_handle_whose_sync_failed_refuses_further_work() {
        let mut handle = FileHandle::new(Box::new(SyncFails), Path::new("tail"));
        handle.write_at(b"x", 0).unwrap();
        handle.sync_data().unwrap_err();
        let refusal = handle.write_at(b"x", 0).unwrap_err();
        assert!(refusal.to_string().contains("earlier sync"), "{refusal}");
        handle.read_at(&mut [0], 0).unwrap_err();
        handle.size().unwrap_err();
        handle.set_size(0).unwrap_err();
    }

    #[test]
    fn errors_keep_what_a_caller_must_tell_apart() {
        let error = |kind: io::ErrorKind| DiskError::new("write", Path::new("t"), kind.into());
        assert_eq!(error(io::ErrorKind::StorageFull).cause(), DiskCause::Full);
        assert_eq!(error(io::ErrorKind::QuotaExceeded).cause(), DiskCause::Full);
        assert_eq!(
            error(io::ErrorKind::ReadOnlyFilesystem).cause(),
            DiskCause::ReadOnly
        );
        let missing = RealDisk.read(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(missing.cause(), DiskCause::Missing);
        assert!(missing.to_string().contains("/nowhere/at/all"));
    }

    #[test]
    fn links_are_named_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let names = RealDisk.list(dir.path()).unwrap();
        assert_eq!(names[0].kind, FileKind::Other);
        let found = RealDisk.metadata(&dir.path().join("link")).unwrap();
        assert_eq!(found.unwrap().kind, FileKind::Other);
        RealDisk.read(&dir.path().join("link")).unwrap_err();
    }
}
