//! The folder in which they wait: one file each, named by a running number, in the order they came.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::io::FdFlags;

use crate::append::Submission;
use crate::time::Timestamp;

use super::form::{self, Waiting, WaitingDraft};

const EXTENSION: &str = "json";
const OWNER_ONLY: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;
/// Where what is dropped is kept.
const DROPPED: &str = "dropped";
/// Where what was begun is kept until its end is known.
const BEGUN: &str = "begun";
/// No statement with its files is longer in base64.
pub const LONGEST: u64 = 1 << 31;

/// What is wrong with the spool or a file in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// A file is nothing that waits.
    #[error("{} is no spooled statement: {fault}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// There is no folder to keep it in.
    #[error("there is no home folder, and no state folder was named")]
    Nowhere,
    /// The system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes a signed statement durably into the spool folder `dir`, which is made where it is missing,
/// after everything that is there. Its owner alone can read it.
///
/// # Errors
/// The system's refusal.
pub fn write(dir: &Path, submission: &Submission) -> Result<PathBuf, SpoolError> {
    keep(dir, &form::encode(submission)).map(|(path, _)| path)
}

/// The same for anything that waits.
///
/// # Errors
/// The system's refusal.
pub fn write_waiting(dir: &Path, waiting: &Waiting) -> Result<PathBuf, SpoolError> {
    keep(dir, &form::encode_waiting(waiting)).map(|(path, _)| path)
}

/// What is kept while something runs whose end is still to be said: where its recorder dies, it is what is
/// left to be said.
#[derive(Debug)]
pub struct Begun {
    path: PathBuf,
    /// Locked as long as the recorder lives.
    lock: File,
}

/// Keeps `draft` for as long as its end is not known.
///
/// # Errors
/// The system's refusal.
pub fn begin(dir: &Path, draft: WaitingDraft) -> Result<Begun, SpoolError> {
    let text = form::encode_waiting(&Waiting::Draft(Box::new(draft)));
    let (path, lock) = keep(&dir.join(BEGUN), &text)?;
    // Nobody else knows the file yet but somebody who lists; they let go of it at once.
    lock.lock()
        .map_err(|source| failed("lock", &path, source))?;
    Ok(Begun { path, lock })
}

impl Begun {
    /// Lets tools that are started from now on hold on to it: as long as one of them runs, it is not abandoned,
    /// although its recorder is dead.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn share_with_children(&self) -> io::Result<()> {
        Ok(rustix::io::fcntl_setfd(&self.lock, FdFlags::empty())?)
    }

    /// Its end is recorded or waits by itself.
    ///
    /// # Errors
    /// The system's refusal; what is left has the event id of the end, so it is never recorded besides.
    pub fn end(self) -> Result<(), SpoolError> {
        remove(&self.path)
    }
}

/// Lets what was begun by a recorder that died wait with the rest.
///
/// # Errors
/// The system's refusal.
pub fn take_in_abandoned(dir: &Path) -> Result<(), SpoolError> {
    for path in abandoned(dir)? {
        let text = bytes(&path)?;
        keep(dir, &text)?;
        remove(&path)?;
    }
    Ok(())
}

/// Lets what waits in `from` wait in `to`, behind what is there. What is begun by a recorder that lives stays.
///
/// # Errors
/// The system's refusal; what was not moved waits where it is.
pub fn move_over(from: &Path, to: &Path) -> Result<(), SpoolError> {
    take_in_abandoned(from)?;
    for path in list(from)? {
        // There first: what waits twice is recorded once.
        keep(to, &bytes(&path)?)?;
        remove(&path)?;
    }
    Ok(())
}

/// What was begun and is at work: its recorder lives, or a tool that holds on to it does.
///
/// # Errors
/// The system's refusal.
pub fn at_work(dir: &Path) -> Result<Vec<WaitingDraft>, SpoolError> {
    let gone = abandoned(dir)?;
    let mut begun = list(&dir.join(BEGUN))?;
    begun.retain(|path| !gone.contains(path));
    // What ended meanwhile is not there any more.
    let drafts = begun.iter().filter_map(|path| read_waiting(path).ok());
    let drafts = drafts.filter_map(|waiting| match waiting {
        Waiting::Draft(draft) => Some(*draft),
        Waiting::Statement(_) => None,
    });
    Ok(drafts.collect())
}

/// What was begun, and whose recorder lives no more.
fn abandoned(dir: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let mut begun = list(&dir.join(BEGUN))?;
    begun.retain(|path| File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok()));
    Ok(begun)
}

fn keep(dir: &Path, text: &[u8]) -> Result<(PathBuf, File), SpoolError> {
    make(dir)?;
    let mut file = whole(dir, text)?;
    let mut number = last_number(dir)?;
    loop {
        number = number.saturating_add(1);
        let path = dir.join(format!("{number:012}.{EXTENSION}"));
        match file.persist_noclobber(&path) {
            Ok(kept) => {
                sync_folder(dir)?;
                return Ok((path, kept));
            }
            // Another process spooled meanwhile and took the number.
            Err(fault) if fault.error.kind() == io::ErrorKind::AlreadyExists => file = fault.file,
            Err(fault) => return Err(failed("write", &path, fault.error)),
        }
    }
}

/// Puts a signed statement in the place of the draft that it was.
///
/// # Errors
/// The system's refusal; the draft is there then.
pub fn replace(path: &Path, submission: &Submission) -> Result<(), SpoolError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let file = whole(dir, &form::encode(submission))?;
    file.persist(path)
        .map_err(|fault| failed("write", path, fault.error))?;
    sync_folder(dir)
}

/// What waits in `dir`, the oldest first. A missing folder holds none.
///
/// # Errors
/// The system's refusal.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let listed = match fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("list", dir, source)),
    };
    let mut paths = Vec::new();
    for found in listed {
        let path = found.map_err(|source| failed("list", dir, source))?.path();
        if number_of(&path).is_some() {
            paths.push(path);
        }
    }
    paths.sort_by_key(|path| number_of(path));
    Ok(paths)
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Files.
    pub waiting: usize,
    /// Since when the oldest does, where the system knows.
    pub since: Option<Timestamp>,
}

/// The folder in which things wait, of the ledger whose state is in `state`.
#[must_use]
pub fn dir(state: &Path) -> PathBuf {
    state.join("spool")
}

/// How much waits in `dir`; nothing where it is empty or cannot be listed.
#[must_use]
pub fn backlog(dir: &Path) -> Option<Backlog> {
    let mut files = list(dir).ok()?;
    files.extend(abandoned(dir).unwrap_or_default());
    let since = |path: &PathBuf| {
        let written = fs::metadata(path).and_then(|found| found.modified()).ok()?;
        let age = written.duration_since(UNIX_EPOCH).ok()?;
        Some(Timestamp::from_micros(i64::try_from(age.as_micros()).ok()?))
    };
    Some(Backlog {
        waiting: files.len(),
        since: files.iter().filter_map(since).min(),
    })
    .filter(|backlog| backlog.waiting > 0)
}

/// Reads what waits in a file. Nothing in it is believed: appending checks it.
///
/// # Errors
/// It is nothing of the kind, or the system's refusal.
pub fn read_waiting(path: &Path) -> Result<Waiting, SpoolError> {
    form::decode_waiting(&bytes(path)?).map_err(|fault| SpoolError::Content {
        path: path.to_owned(),
        fault,
    })
}

/// Removes one that has its receipt.
///
/// # Errors
/// The system's refusal; delivering it once more then does no harm.
pub fn remove(path: &Path) -> Result<(), SpoolError> {
    fs::remove_file(path).map_err(|source| failed("remove", path, source))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Sets one aside that is not to be delivered, into a folder of its own beside it, under a name that
/// nothing has there.
///
/// # Errors
/// The system's refusal; it waits as before then.
pub fn set_aside(path: &Path) -> Result<PathBuf, SpoolError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let kept = dir.join(DROPPED);
    make(&kept)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut tries = 1..u32::MAX;
    let mut to = kept.join(format!("{stem}.{EXTENSION}"));
    // A link and not a renaming: what was dropped before under that number stays.
    loop {
        match fs::hard_link(path, &to) {
            Ok(()) => break,
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
                let next = tries.next().unwrap_or(u32::MAX);
                to = kept.join(format!("{stem}-{next}.{EXTENSION}"));
            }
            Err(source) => return Err(failed("keep", &to, source)),
        }
    }
    sync_folder(&kept)?;
    remove(path)?;
    Ok(to)
}

/// The number by which a file of the spool is named.
#[must_use]
pub fn number_of(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let named = path
        .extension()
        .is_some_and(|extension| extension == EXTENSION);
    stem.parse().ok().filter(|_| named)
}

fn bytes(path: &Path) -> Result<Vec<u8>, SpoolError> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut text))
        .map_err(|source| failed("read", path, source))?;
    Ok(text)
}

fn make(dir: &Path) -> Result<(), SpoolError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(OWNER_ONLY_FOLDER);
    builder
        .create(dir)
        .map_err(|source| failed("make", dir, source))
}

/// A file of its own in `dir`, durable and without a name that counts.
fn whole(dir: &Path, text: &[u8]) -> Result<tempfile::NamedTempFile, SpoolError> {
    tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(OWNER_ONLY))
        .tempfile_in(dir)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.as_file().sync_all()?;
            Ok(file)
        })
        .map_err(|source| failed("write into", dir, source))
}

fn last_number(dir: &Path) -> Result<u64, SpoolError> {
    Ok(list(dir)?
        .last()
        .and_then(|path| number_of(path))
        .unwrap_or(0))
}

fn sync_folder(dir: &Path) -> Result<(), SpoolError> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| failed("sync", dir, source))
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> SpoolError {
    SpoolError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Signature;
    use crate::statement::SignedStatement;

    fn submission(byte: u8) -> Submission {
        let statement =
            SignedStatement::from_parts(vec![byte; 3], Signature::from_bytes([byte; 64]));
        Submission::new(statement, vec![vec![byte], b"file".to_vec()])
    }

    #[test]
    fn comes_back_as_it_was_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("spool");
        assert!(list(&spool).unwrap().is_empty());
        for byte in 0..12 {
            let path = write(&spool, &submission(byte)).unwrap();
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                OWNER_ONLY
            );
        }
        let read: Vec<_> = list(&spool)
            .unwrap()
            .iter()
            .map(|path| read_waiting(path).unwrap())
            .collect();
        let written = |byte| Waiting::Statement(submission(byte));
        assert_eq!(read, (0..12).map(written).collect::<Vec<_>>());
        let first = list(&spool).unwrap().remove(0);
        remove(&first).unwrap();
        assert_eq!(read_waiting(&list(&spool).unwrap()[0]).unwrap(), written(1));
    }

    #[test]
    fn other_files_are_not_taken_for_statements() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("000000000001.json", "{}"),
            ("000000000002.json", "{\"schema\":\"x\"}"),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        fs::write(dir.path().join(".new-1"), "half").unwrap();
        fs::write(dir.path().join("notes.txt"), "").unwrap();
        let found = list(dir.path()).unwrap();
        assert_eq!(found.len(), 2);
        for path in found {
            assert!(matches!(
                read_waiting(&path),
                Err(SpoolError::Content { .. })
            ));
        }
    }
}
