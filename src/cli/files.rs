//! Files that the command line names: read with a limit, written whole or not at all.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::store::publish::TEMPORARY_PREFIX;
use crate::sys::disk::DiskError;

use super::exit::CommandError;
use super::ui::Ui;

/// Reads a file, and no more of it than is looked at.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, CommandError> {
    let read = std::fs::File::open(path).and_then(|file| bounded(file, limit));
    read.map_err(|fault| unreadable(path, fault))
}

/// The beginning of what comes in, and one byte more than the limit where there is more.
pub(crate) fn bounded(from: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more than the limit shows that there is more.
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why a file on the command line cannot be read.
pub(crate) fn unreadable(path: &Path, fault: io::Error) -> CommandError {
    CommandError::usage(DiskError::new("read", path, fault).to_string())
}

/// A file named on the command line, or stdin.
pub(crate) fn read_input(ui: &mut Ui, path: &Path, limit: u64) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        ui.take_stdin().take(limit + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    let name = path.display();
    read.map_err(|fault| CommandError::usage(format!("`{name}` cannot be read: {fault}")))?;
    if bytes.len() as u64 > limit {
        return Err(CommandError::usage(format!(
            "`{name}` is longer than {limit} bytes"
        )));
    }
    Ok(bytes)
}

/// Writes a file that is not there yet: whole, or not at all.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".ledger-")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder_of(path))?;
        io::Write::write_all(&mut file, bytes)?;
        file.persist_noclobber(path).map_err(|fault| fault.error)?;
        Ok(())
    };
    write().map_err(|fault: io::Error| match fault.kind() {
        io::ErrorKind::AlreadyExists => is_there(path),
        _ => DiskError::new("write", path, fault).into(),
    })
}

/// Refuses a name that [`write_new`] would refuse, before there is anything to write.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), CommandError> {
    match path.symlink_metadata() {
        Ok(_) => Err(is_there(path)),
        Err(_) => Ok(()),
    }
}

fn is_there(path: &Path) -> CommandError {
    CommandError::usage(format!("{} is there already", path.display()))
        .hint("choose another name; nothing is written over")
}

/// Puts a file in its place whole, or not at all. Whoever is killed on the way leaves a hidden file
/// beside it, which the next export of that name removes.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Result<(), CommandError> {
    let folder = folder_of(path);
    let mut prefix = OsString::from(TEMPORARY_PREFIX);
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    let write = || -> io::Result<()> {
        for left in std::fs::read_dir(folder)?.flatten() {
            let name = left.file_name();
            if name
                .as_encoded_bytes()
                .starts_with(prefix.as_encoded_bytes())
            {
                std::fs::remove_file(left.path())?;
            }
        }
        let mut file = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // If the power fails before this line there is no file of that name, or the old one.
        let named = match force {
            true => file.persist(path),
            false => file.persist_noclobber(path),
        };
        named.map_err(|fault| fault.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|fault| match fault.kind() {
        io::ErrorKind::AlreadyExists => {
            CommandError::usage(format!("{} is there already", path.display()))
                .hint("choose another name, or replace it with --force")
        }
        _ => DiskError::new("write", path, fault).into(),
    })
}

/// The folder that a file is in, or is to be made in.
pub(crate) fn folder_of(out: &Path) -> &Path {
    match out.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
