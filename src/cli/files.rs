//! Files that the command line names: read with a limit, written whole or not at all.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::store::publish::{TEMPORARY_PREFIX, finish_whole};
use crate::sys::disk::DiskError;

use super::exit::CommandError;
use super::ui::Ui;

pub(crate) use crate::store::publish::folder_of;

const ANOTHER_NAME: &str = "choose another name; nothing is written over";
/// Where a command takes it.
pub(crate) const OR_FORCE: &str = "choose another name, or replace it with --force";

/// Reads a file, and no more of it than is looked at.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, CommandError> {
    let read = File::open(path).and_then(|file| bounded(file, limit));
    read.map_err(|fault| unreadable(path, fault))
}

/// A file named on the command line, or stdin.
pub(crate) fn open_input(ui: &mut Ui, path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(ui.take_stdin());
    }
    Ok(Box::new(File::open(path)?))
}

/// The beginning of what comes in, and one byte more than the limit where there is more.
pub(crate) fn bounded(from: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more than the limit shows that there is more.
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why a file on the command line cannot be read.
pub(crate) fn unreadable(path: &Path, fault: io::Error) -> CommandError {
    CommandError::usage(DiskError::new("read", path, fault).to_string())
}

/// The whole of a file named on the command line, or of stdin.
pub(crate) fn read_input(ui: &mut Ui, path: &Path, limit: usize) -> Result<Vec<u8>, CommandError> {
    let read = open_input(ui, path).and_then(|input| bounded(input, limit));
    let name = path.display();
    let unread = |fault| CommandError::usage(format!("`{name}` cannot be read: {fault}"));
    let bytes = read.map_err(unread)?;
    match bytes.len() > limit {
        true => Err(CommandError::usage(format!(
            "`{name}` is longer than {limit} bytes"
        ))),
        false => Ok(bytes),
    }
}

/// Writes a file that is not there yet: whole, or not at all.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".ledger-")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder_of(path))?;
        file.write_all(bytes)?;
        file.persist_noclobber(path).map_err(|fault| fault.error)?;
        Ok(())
    };
    write().map_err(|fault| unwritten(path, fault, ANOTHER_NAME))
}

/// Refuses a name that [`write_new`] would refuse, before there is anything to write.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), CommandError> {
    match path.symlink_metadata() {
        Ok(_) => Err(is_there(path, ANOTHER_NAME)),
        Err(_) => Ok(()),
    }
}

/// Refuses a place in the ledger's own folder, where it would be a stray: nothing accounts for it.
pub(crate) fn keep_apart(flag: &str, path: &Path, ledger: &Path) -> Result<(), CommandError> {
    if !canonical(path).starts_with(canonical(ledger)) {
        return Ok(());
    }
    let message = format!("{flag} {} lies in the ledger's own folder", path.display());
    Err(CommandError::usage(message)
        .hint("choose a place outside of it: what is no part of a ledger is held against it"))
}

/// A folder that is new or was empty, and what is to stand in it: it appears there once all of it is written.
pub(crate) struct NewFolder {
    dir: PathBuf,
    made: bool,
    unfinished: tempfile::TempDir,
}

impl NewFolder {
    /// Makes the folder where it is missing, apart from `ledger`; `flag` named it. What is in it already is
    /// nobody's to mix with.
    pub(crate) fn begin(flag: &str, dir: &Path, ledger: &Path) -> Result<Self, CommandError> {
        keep_apart(flag, dir, ledger)?;
        let unusable = |fault| {
            let fault = DiskError::new("write into", dir, fault);
            CommandError::usage(format!("{flag}: {fault}"))
        };
        let made = match std::fs::create_dir(dir) {
            Ok(()) => true,
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => false,
            Err(fault) => return Err(unusable(fault)),
        };
        if std::fs::read_dir(dir).map_err(unusable)?.next().is_some() {
            let refused = CommandError::usage(format!("{flag} {} is not empty", dir.display()));
            return Err(refused.hint("name a new folder, or an empty one; nothing is written over"));
        }
        let unfinished = tempfile::Builder::new().prefix(".ledger-").tempdir_in(dir);
        Ok(Self {
            dir: dir.to_owned(),
            made,
            unfinished: unfinished.map_err(unusable)?,
        })
    }

    /// Writes a file below it. Each part of `path` has to be a harmless name.
    pub(crate) fn add(&self, path: &str, bytes: &[u8]) -> Result<(), CommandError> {
        write_below(&self.unfinished.path().join(path), bytes)
            .map_err(|fault| DiskError::new("write", &self.dir.join(path), fault).into())
    }

    /// Lets everything appear.
    pub(crate) fn finish(self) -> Result<(), CommandError> {
        let moved = || -> io::Result<()> {
            for found in std::fs::read_dir(self.unfinished.path())? {
                let found = found?;
                std::fs::rename(found.path(), self.dir.join(found.file_name()))?;
            }
            Ok(())
        };
        moved().map_err(|fault| DiskError::new("write", &self.dir, fault).into())
    }
}

impl Drop for NewFolder {
    /// Where nothing came of it, a folder that was made for it goes, too; one with anything in it stays.
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.unfinished.path());
        if self.made {
            let _ = std::fs::remove_dir(&self.dir);
        }
    }
}

/// Writes a file that is not there yet, with the folders that lead to it.
pub(super) fn write_below(place: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder_of(place))?;
    File::create_new(place)?.write_all(bytes)
}

/// How the names begin under which [`begin_whole`] writes first.
pub(crate) fn unfinished_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(TEMPORARY_PREFIX);
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

/// Puts a file in its place whole, or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Result<(), CommandError> {
    let write = || {
        let mut file = begin_whole(path, 0o644)?;
        file.write_all(bytes)?;
        finish_whole(file, path, force)
    };
    write().map_err(|fault| unwritten(path, fault, OR_FORCE))
}

/// Begins a file that is put in its place by `finish_whole`. Whoever is killed on the way leaves a hidden file
/// beside it, which the next one of that name removes.
pub(super) fn begin_whole(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let (folder, prefix) = (folder_of(path), unfinished_prefix(path));
    for left in std::fs::read_dir(folder)?.flatten() {
        let (name, own) = (left.file_name(), prefix.as_encoded_bytes());
        if name.as_encoded_bytes().starts_with(own) {
            std::fs::remove_file(left.path())?;
        }
    }
    tempfile::Builder::new()
        .prefix(&prefix)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
}

/// Says why a file was not written, with a `hint` for where it is there already.
pub(super) fn unwritten(path: &Path, fault: io::Error, hint: &str) -> CommandError {
    match fault.kind() {
        io::ErrorKind::AlreadyExists => is_there(path, hint),
        _ => DiskError::new("write", path, fault).into(),
    }
}

/// Refuses a file that is there.
pub(crate) fn is_there(path: &Path, hint: &str) -> CommandError {
    CommandError::usage(format!("{} is there already", path.display())).hint(hint)
}

/// The one path of what may not be there yet: its folder's, and its name.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Makes a folder, and those above it, that nobody else can look into.
pub(crate) fn make_private(dir: &Path) -> Result<(), CommandError> {
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700);
    private.create(dir).map_err(|fault| {
        let message = format!("cannot make {}: {fault}", dir.display());
        CommandError::temporary(message)
    })
}

/// Keeps a short note of this host's own, which no umask opens to others. Only a help for later, and so it may fail.
pub(crate) fn keep_note(path: &Path, bytes: &[u8]) {
    let mut own = File::options();
    own.write(true).create(true).truncate(true).mode(0o600);
    let _ = own.open(path).and_then(|mut file| file.write_all(bytes));
}

/// This program's folder among this user's: under what the variable names, or below their home.
pub(crate) fn own_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let named = std::env::var_os(variable).map(PathBuf::from);
    let home = || std::env::home_dir().filter(absolute);
    let base = named.filter(absolute);
    let base = base.or_else(|| Some(home()?.join(below_home)))?;
    Some(base.join("rotation-ledger"))
}

/// Whether a program is there: in `dir` where it is named by a path, else where programs are.
pub(crate) fn is_program(name: &str, dir: &Path) -> bool {
    if name.contains('/') {
        return dir.join(name).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
