//! What stands in a folder: a ledger, or a copy of one that was published, which has no tail, no
//! lock and no index.
//!
//! A ledger that lost its tail must never pass for a copy. Its other files tell them apart: whatever
//! only a writer makes is in no copy.

use std::path::Path;
use std::time::Duration;

use crate::checkpoint;
use crate::ledger::layout::{BACKUP_FILE, CREATING, RESTORING};
use crate::ledger::warm::WARM_FILE;
use crate::store::image::LogImage;
use crate::store::index::INDEX;
use crate::store::tail::TAIL_FILE;
use crate::sys::disk::{DirEntry, Disk, FileKind};
use crate::sys::lock::LOCK_FILE;
use crate::sys::world::World;

use crate::ledger::error::{LedgerError, OpenError};
use crate::ledger::layout::{CHECKPOINT_FILE, COPY_COSIGNED, COSIGNED_FILE, HINT_FILE};

/// The checkpoint that a publication under way will end with, in the copy's folder: it stands there
/// before the first file that only it accounts for.
pub const NEXT_CHECKPOINT: &str = ".new-checkpoint";

/// Made by writers only.
const WRITERS: &[&str] = &[
    HINT_FILE,
    LOCK_FILE,
    COSIGNED_FILE,
    INDEX,
    WARM_FILE,
    CREATING,
    BACKUP_FILE,
    RESTORING,
];

/// What a folder is: a ledger, a published copy, or neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FolderKind {
    /// A ledger that is or was written to.
    #[default]
    Ledger,
    /// A copy in the form of C2SP tlog-tiles, that nothing is appended to.
    Copy,
}

/// The files of a folder that change, at one moment.
pub(crate) struct FolderSnapshot {
    pub(crate) standing: FolderKind,
    pub(crate) image: LogImage,
}

impl FolderSnapshot {
    /// The size that a file's checkpoint states, before anybody checked it.
    pub(crate) fn stated(&self, name: &str) -> Option<u64> {
        let stated = checkpoint::stated(self.image.files.get(name)?).ok()?;
        Some(stated.size)
    }
}

/// What `dir` is, by the names in it. Changes nothing: not even a lock file is made in a folder that is
/// somebody else's.
///
/// # Errors
/// No folder, nothing in it, neither ledger nor copy, or a ledger without its log.
pub(crate) fn kind_of(disk: &dyn Disk, dir: &Path) -> Result<FolderKind, OpenError> {
    let owned = || dir.to_owned();
    match disk.metadata(dir)? {
        None => return Err(OpenError::NoFolder(owned())),
        // A link to a folder is as good as the folder.
        Some(found) if found.kind == FileKind::File => {
            return Err(OpenError::NotALedger(owned()));
        }
        Some(_) => {}
    }
    let listed = disk.list(dir)?;
    let has = |name: &&str| listed.iter().any(|found| found.name == *name);
    let tiles = |found: &DirEntry| found.name == "tile" && found.kind == FileKind::Folder;
    if has(&TAIL_FILE) {
        Ok(FolderKind::Ledger)
    } else if listed.iter().all(|found| found.name == LOCK_FILE) {
        Err(OpenError::EmptyFolder(owned()))
    } else if WRITERS.iter().any(has) {
        Err(OpenError::LostLog(owned()))
    } else if listed.iter().any(tiles) {
        Ok(FolderKind::Copy)
    } else if has(&"bagit.txt") {
        Err(OpenError::Bag(owned()))
    } else if has(&CHECKPOINT_FILE) {
        Err(OpenError::LostLog(owned()))
    } else {
        Err(OpenError::NotALedger(owned()))
    }
}

/// What `dir` is, for who wants to read it.
///
/// # Errors
/// No such folder, neither ledger nor copy, or a ledger without its log.
pub fn standing(world: &World, dir: &Path) -> Result<FolderKind, LedgerError> {
    kind_of(&*world.disk, dir).map_err(|fault| match fault {
        OpenError::EmptyFolder(dir) => OpenError::NotALedger(dir).into(),
        fault => fault.into(),
    })
}

/// The files that change, at one moment.
pub(crate) fn take(
    world: &World,
    dir: &Path,
    wait: Duration,
) -> Result<FolderSnapshot, LedgerError> {
    let standing = standing(world, dir)?;
    let small: &[&str] = match standing {
        FolderKind::Ledger => &[CHECKPOINT_FILE, COSIGNED_FILE],
        FolderKind::Copy => &[CHECKPOINT_FILE, NEXT_CHECKPOINT, COPY_COSIGNED],
    };
    let image = LogImage::take(&*world.disk, dir, wait, small)?;
    Ok(FolderSnapshot { standing, image })
}
