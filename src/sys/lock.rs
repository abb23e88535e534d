//! The lock that keeps a ledger to one writer at a time.
//!
//! The lock is the kernel's (`flock` on the file `lock` in the ledger's folder), so it ends with the
//! process that held it, however that ended. The text in the file only tells those who wait whom
//! they wait for. Writers wait in the kernel's queue, which wakes one after the other in the order in
//! which they came. Readers share the lock for the milliseconds in which they copy the tail; they never
//! stand in the queue, so that none is before a writer in it. The file is its writer's alone: whoever reads as
//! another user does without the lock.

use std::fs;
use std::io::{self, Read, Seek, Write};
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::disk::DiskError;
use crate::time::Timestamp;

/// The name of the lock file in the ledger's folder.
pub const LOCK_FILE: &str = "lock";

#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;
/// Between two looks of a reader.
const PAUSE: Duration = Duration::from_millis(5);
/// More than a holder ever writes; a longer text is somebody else's file.
const LONGEST_HOLDER: u64 = 400;

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else held it for the whole wait. Temporary: safe to try again.
    #[error("{} is held by {holder}; waited {} s for it", path.display(), waited.as_secs())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// `pid 123, ledger append, since 2026-…` or, where nobody signed, `a reader`.
        holder: String,
        /// How long was waited.
        waited: Duration,
    },
    /// It is its writer's alone, and whoever reads does without.
    #[error("{} is another user's", .0.display())]
    NotOurs(PathBuf),
    /// The file could not be opened or locked.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The writer's lock; released when dropped, or when the process ends.
#[derive(Debug)]
pub struct WriteLock {
    file: fs::File,
    started: Timestamp,
}

/// A reader's share of the lock; released when dropped.
#[derive(Debug)]
pub struct ReadLock {
    _file: fs::File,
}

impl WriteLock {
    /// Takes the lock of the ledger in `dir`, waiting up to `wait` for others to finish, and signs
    /// with this process's id, the `command` it runs and when it `started`.
    ///
    /// # Errors
    /// Held by somebody else for all that time, or the file cannot be opened for writing.
    pub fn acquire(
        dir: &Path,
        wait: Duration,
        command: &str,
        started: Timestamp,
    ) -> Result<Self, LockError> {
        let path = dir.join(LOCK_FILE);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        options.mode(OWNER_ONLY);
        let file = options
            .open(&path)
            .map_err(|e| DiskError::new("open", &path, e))?;
        // Whoever may open a file may lock it: a stranger who only reads would hold up every writer.
        #[cfg(unix)]
        let open_to_others = file.metadata().is_ok_and(|found| found.mode() & 0o077 != 0);
        #[cfg(unix)]
        if open_to_others {
            let _ = file.set_permissions(fs::Permissions::from_mode(OWNER_ONLY));
        }
        let file = queue(file, &path, wait)?;
        let mut lock = Self { file, started };
        lock.sign(command);
        Ok(lock)
    }

    /// Tells those who wait which `command` holds it.
    pub fn sign(&mut self, command: &str) {
        let (pid, started) = (std::process::id(), self.started);
        let line = format!("pid {pid}, {command}, since {started}\n");
        // A courtesy: the lock holds without it, so a full disk does not matter.
        let _ = self
            .file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(line.as_bytes()));
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // So that nobody is told later to wait for a process that has gone. The kernel lets go of
        // the lock itself when the file is closed.
        let _ = self.file.set_len(0);
    }
}

impl ReadLock {
    /// Takes a share of the lock of the ledger in `dir`. `None` when there is no lock file: then no
    /// writer has worked here (a copy, or read-only media), and reading must not create one.
    ///
    /// # Errors
    /// A writer held it for the whole `wait`, or it is another user's.
    pub fn acquire(dir: &Path, wait: Duration) -> Result<Option<Self>, LockError> {
        let path = dir.join(LOCK_FILE);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Where there are no files, nobody writes any.
            Err(e) if e.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                return Err(LockError::NotOurs(path));
            }
            Err(e) => return Err(DiskError::new("open", &path, e).into()),
        };
        share(&file, &path, wait)?;
        Ok(Some(Self { _file: file }))
    }
}

/// Has `file` locked after those who came before.
fn queue(file: fs::File, path: &Path, wait: Duration) -> Result<fs::File, LockError> {
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(fs::TryLockError::Error(e)) => return Err(refused(path, e)),
        Err(fs::TryLockError::WouldBlock) if wait.is_zero() => return Err(held(path, wait)),
        Err(fs::TryLockError::WouldBlock) => {}
    }
    let (done, locked) = mpsc::channel();
    // The kernel's queue knows no limit of time, so a thread stands in it. Where nobody waits for that
    // any more, the file is closed, and the lock let go of, as soon as it has it.
    let waiting = move || drop(done.send(file.lock().map(|()| file)));
    let thread = thread::Builder::new().spawn(waiting);
    thread.map_err(|e| refused(path, e))?;
    let locked = locked.recv_timeout(wait).map_err(|_| held(path, wait))?;
    locked.map_err(|e| refused(path, e))
}

/// Shares the lock of `file` when no writer has it.
fn share(file: &fs::File, path: &Path, wait: Duration) -> Result<(), LockError> {
    let start = Instant::now();
    loop {
        match file.try_lock_shared() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::Error(e)) => return Err(refused(path, e)),
            Err(fs::TryLockError::WouldBlock) if start.elapsed() >= wait => {
                return Err(held(path, wait));
            }
            Err(fs::TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
}

fn refused(path: &Path, fault: io::Error) -> LockError {
    DiskError::new("lock", path, fault).into()
}

fn held(path: &Path, waited: Duration) -> LockError {
    LockError::Held {
        path: path.to_owned(),
        holder: holder(path),
        waited,
    }
}

/// Who signed the lock file, in printable characters.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = fs::File::open(path)
        .and_then(|file| file.take(LONGEST_HOLDER).read_to_string(&mut text))
        .is_ok();
    let line: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if read && !line.is_empty() {
        line
    } else {
        "a reader".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::YEAR_2000;

    fn write_lock(dir: &Path, wait_ms: u64) -> Result<WriteLock, LockError> {
        WriteLock::acquire(dir, Duration::from_millis(wait_ms), "ledger append", NOW)
    }

    #[test]
    fn a_second_writer_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = write_lock(dir.path(), 0).unwrap();
        let refusal = write_lock(dir.path(), 10).unwrap_err().to_string();
        let me = format!(
            "pid {}, ledger append, since 2000-01-01",
            std::process::id()
        );
        assert!(refusal.contains(&me), "{refusal}");
        drop(held);
        // Whoever gave up may have it for a moment still.
        write_lock(dir.path(), 10_000).unwrap();
    }

    #[test]
    fn waiting_long_enough_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = write_lock(dir.path(), 0).unwrap();
        let path = dir.path().to_owned();
        let waiting = thread::spawn(move || write_lock(&path, 10_000).is_ok());
        thread::sleep(Duration::from_millis(30));
        assert!(!waiting.is_finished());
        drop(held);
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn writers_get_it_in_the_order_in_which_they_came() {
        let dir = tempfile::tempdir().unwrap();
        let held = write_lock(dir.path(), 0).unwrap();
        let (went, order) = mpsc::channel();
        thread::scope(|scope| {
            for number in 0..8 {
                let (went, dir) = (went.clone(), dir.path());
                scope.spawn(move || {
                    let _lock = write_lock(dir, 10_000).unwrap();
                    went.send(number).unwrap();
                });
                thread::sleep(Duration::from_millis(20));
            }
            drop(held);
        });
        let order: Vec<_> = order.try_iter().collect();
        assert_eq!(order, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn whoever_gave_up_waiting_holds_up_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let held = write_lock(dir.path(), 0).unwrap();
        for _ in 0..4 {
            write_lock(dir.path(), 1).unwrap_err();
        }
        drop(held);
        drop(write_lock(dir.path(), 10_000).unwrap());
    }

    #[test]
    fn readers_share_it_and_shut_the_writer_out() {
        let dir = tempfile::tempdir().unwrap();
        drop(write_lock(dir.path(), 0).unwrap());
        let one = ReadLock::acquire(dir.path(), Duration::ZERO).unwrap();
        let two = ReadLock::acquire(dir.path(), Duration::ZERO).unwrap();
        assert!(one.is_some() && two.is_some());
        let refusal = write_lock(dir.path(), 0).unwrap_err().to_string();
        assert!(refusal.contains("a reader"), "{refusal}");
        drop((one, two));
        let _held = write_lock(dir.path(), 0).unwrap();
        ReadLock::acquire(dir.path(), Duration::ZERO).unwrap_err();
    }

    #[test]
    fn a_reader_creates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            ReadLock::acquire(dir.path(), Duration::ZERO)
                .unwrap()
                .is_none()
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
