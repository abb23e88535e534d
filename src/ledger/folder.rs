//! What a ledger's folder looks like before anything in it is opened, and the hint for people in it.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::hash::LedgerId;
use crate::ledger::error::OpenError;
use crate::ledger::layout::{BACKUP_FILE, CHECKPOINT_FILE, CREATING, HINT_FILE, RESTORING};
use crate::ledger::standing::{FolderKind, kind_of};
use crate::note::NoteKey;
use crate::store::engine::Engine;
use crate::store::log::Log;
use crate::store::publish::{TEMPORARY_PREFIX, temporary_prefix};
use crate::store::tail::TAIL_FILE;
use crate::sys::disk::{Disk, DiskCause, DiskError, SMALL_FILE};
use crate::sys::lock::LOCK_FILE;

const FORMAT: i64 = 1;

#[derive(Deserialize)]
struct LedgerTomlFormat {
    format: i64,
}

/// What [`HINT_FILE`] says: it is written for people, and read for the format alone.
pub(crate) fn describe(ledger: &LedgerId, key: &NoteKey) -> String {
    let origin = key.name();
    format!(
        "# a hint for people; nothing in it is trusted\nformat = {FORMAT}\norigin = \"{origin}\"\nledger = \"{ledger}\"\nsealing_key = \"{key}\"\n"
    )
}

/// Whether the hint is there; makes it again where it is not, or is not what it should be.
pub(crate) fn restore_description(engine: &dyn Engine, wanted: &str) -> Result<bool, DiskError> {
    let wanted = wanted.as_bytes();
    if engine.get(HINT_FILE, SMALL_FILE)?.as_deref() == Some(wanted) {
        return Ok(false);
    }
    engine.replace(HINT_FILE, wanted)?;
    Ok(true)
}

/// Whether a writer can open a ledger in `dir`.
///
/// # Errors
/// As [`kind_of`]; a published copy, a backup, a ledger of a newer format, or one half created or restored.
pub(crate) fn look(disk: &dyn Disk, dir: &Path) -> Result<(), OpenError> {
    let kind = kind_of(disk, dir);
    if let Ok(FolderKind::Ledger) | Err(OpenError::LostLog(_)) = kind {
        let has = |name: &str| Ok::<_, DiskError>(disk.metadata(&dir.join(name))?.is_some());
        if has(CREATING)? {
            return Err(OpenError::InterruptedCreation(dir.into()));
        }
        if has(RESTORING)? {
            return Err(OpenError::InterruptedRestore(dir.into()));
        }
        // Appended to, it would be another history beside the ledger's, and no backup any more.
        if has(BACKUP_FILE)? {
            return Err(OpenError::Backup(dir.into()));
        }
        check_format(disk, dir)?;
    }
    match kind? {
        FolderKind::Ledger => Ok(()),
        FolderKind::Copy => Err(OpenError::Copy(dir.into())),
    }
}

fn check_format(disk: &dyn Disk, dir: &Path) -> Result<(), OpenError> {
    let text = match disk.read(&dir.join(HINT_FILE)) {
        Err(fault) if fault.cause() == DiskCause::Missing => return Ok(()),
        text => text?,
    };
    match toml::from_str::<LedgerTomlFormat>(&String::from_utf8_lossy(&text)) {
        Ok(LedgerTomlFormat { format: found }) if found > FORMAT => Err(OpenError::NewerFormat {
            dir: dir.into(),
            found,
        }),
        _ => Ok(()),
    }
}

/// Makes the folder where it is missing, with its parents, and the name of each durable.
pub(crate) fn make(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    if disk.metadata(dir)?.is_some() {
        return Ok(());
    }
    if let Some(parent) = dir.parent().filter(|parent| *parent != Path::new("")) {
        make(disk, parent)?;
    }
    disk.create_dir(dir)?;
    match dir.parent() {
        Some(parent) if parent != Path::new("") => disk.sync_dir(parent),
        _ => disk.sync_dir(Path::new(".")),
    }
}

/// Whether `dir` holds what an interrupted creation left; `false` where it is empty.
///
/// # Errors
/// Anything else is there, or the disk's refusal.
pub(crate) fn is_clear(disk: &Arc<dyn Disk>, dir: &Path) -> Result<bool, OpenError> {
    let names = names(&**disk, dir)?;
    let interrupted = names.iter().any(|name| name == CREATING);
    // A marker alone proves little: a log with more than its first entry is somebody's ledger.
    let has_more = || Log::open(disk.clone(), dir).is_ok_and(|(log, _)| log.size() > 1);
    // Without the marker: nothing, or the marker itself half-written.
    let begun = temporary_prefix(CREATING);
    let expected = |name: &String| {
        if interrupted {
            is_leftover(name)
        } else {
            name == LOCK_FILE || name.starts_with(&begun)
        }
    };
    if names.iter().all(expected) && !(interrupted && has_more()) {
        return Ok(interrupted);
    }
    Err(OpenError::NotEmpty(dir.to_owned()))
}

/// Removes what an interrupted creation left, except its marker.
///
/// # Errors
/// The disk's refusal.
pub(crate) fn clear(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    let names = names(disk, dir)?;
    names
        .iter()
        .filter(|name| is_leftover(name) && *name != CREATING && *name != LOCK_FILE)
        .try_for_each(|name| disk.remove(&dir.join(name)))
}

fn is_leftover(name: &str) -> bool {
    [LOCK_FILE, CREATING, HINT_FILE, CHECKPOINT_FILE, TAIL_FILE].contains(&name)
        || name.starts_with(TEMPORARY_PREFIX)
}

fn names(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, DiskError> {
    let listed = disk.list(dir)?;
    Ok(listed
        .into_iter()
        .map(|found| found.name.to_string_lossy().into_owned())
        .collect())
}
