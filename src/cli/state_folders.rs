//! The state folders of this user, one for each ledger: found by the ledger's id, wherever its folder is moved,
//! mounted or linked to.
//!
//! ```text
//! ID/                     of a ledger: newest checkpoint, sealing key, spool; the first half of its id
//! by-path/PATH/ledger-id  the ledger that was last written to at a path, for the day that it is not there
//! by-path/PATH/spool/     what waits at a path where no ledger was seen yet
//! by-path/PATH/new/       of a ledger while it is created: its id comes with entry 0
//! PATH/                   of earlier versions, by the ledger's path; taken over when that ledger is seen
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::hash::{Blake3Digest, LedgerId};
use crate::ledger::{LedgerIdentity, LedgerPlace};
use crate::spool;
use crate::sys::disk::{Disk as _, RealDisk};
use crate::sys::keyfile;

use super::files::{keep_note, make_private};

const BY_PATH: &str = "by-path";
const NEW: &str = "new";
/// Remembers the ledger's id outside its folder.
const ID_FILE: &str = "ledger-id";
/// Hexadecimal digits of a path's digest.
const PATH_DIGITS: usize = 16;
/// Hexadecimal digits of a ledger's id.
const ID_DIGITS: usize = 32;

/// The state folders of this user, as one path leads to them.
pub(super) struct StateFolders {
    base: PathBuf,
    /// What the path is called here.
    path: String,
}

impl StateFolders {
    /// Of this user's folders in `base`, those of the one path `whole`, or of a server's address.
    pub(super) fn of(base: &Path, whole: &Path) -> Self {
        let digest = Blake3Digest::of(whole.as_os_str().as_encoded_bytes()).to_string();
        Self {
            base: base.to_owned(),
            path: digest.get(..PATH_DIGITS).unwrap_or(&digest).to_owned(),
        }
    }

    /// What is kept by the path alone.
    pub(super) fn by_path(&self) -> PathBuf {
        self.base.join(BY_PATH).join(&self.path)
    }

    /// Of a ledger that is to be created at the path.
    pub(super) fn of_new(&self) -> PathBuf {
        self.by_path().join(NEW)
    }

    pub(super) fn of_id(&self, id: LedgerId) -> PathBuf {
        let id = id.to_string();
        self.base.join(id.get(..ID_DIGITS).unwrap_or(&id))
    }

    /// Of earlier versions.
    fn of_before(&self) -> PathBuf {
        self.base.join(&self.path)
    }

    /// The ledger that was last written to at the path.
    pub(super) fn remembered(&self) -> Option<LedgerId> {
        remembered(&self.by_path()).or_else(|| remembered(&self.of_before()))
    }

    /// Of the ledger that is at the path. What earlier versions or an interrupted creation left elsewhere is brought
    /// to its place, where nobody writes to the ledger now (`is_free`).
    pub(super) fn of_present(&self, found: &LedgerIdentity, is_free: &dyn Fn() -> bool) -> PathBuf {
        let state = self.of_id(found.id);
        let mut elsewhere = vec![self.of_new(), self.of_before()];
        if !state.exists() {
            elsewhere.extend(self.all_before());
        }
        elsewhere.retain(|folder| belongs(folder, found));
        if !elsewhere.is_empty() && is_free() {
            // Of two the one that knows more comes first, and keeps its names.
            elsewhere.sort_by_key(|folder| std::cmp::Reverse(kept(folder).map(|kept| kept.size)));
            elsewhere.retain(|folder| take_over(folder, &state).is_err());
        }
        if state.exists() || elsewhere.is_empty() {
            self.take_in_waiting(found.id);
        }
        if state.exists() {
            return state;
        }
        // A ledger that this host does not know stands where another one was written to: it is held against what
        // is known of that one.
        let before = self.remembered().map(|id| self.of_id(id));
        let before = before.filter(|before| before.exists());
        elsewhere.into_iter().next().or(before).unwrap_or(state)
    }

    /// Where no ledger is to be seen, or a server: of the one that was last written to there.
    pub(super) fn of_absent(&self) -> PathBuf {
        let before = self.of_before();
        let Some(id) = self.remembered() else {
            return if before.exists() {
                before
            } else {
                self.by_path()
            };
        };
        let state = self.of_id(id);
        let is_its = remembered(&before) == Some(id);
        if is_its && take_over(&before, &state).is_err() && !state.exists() {
            return before;
        }
        self.take_in_waiting(id);
        state
    }

    /// Brings what waits by the path alone to the ledger with this id.
    fn take_in_waiting(&self, id: LedgerId) {
        if remembered(&self.by_path()).is_none_or(|noted| noted == id) {
            let _ = spool::move_over(&spool::dir(&self.by_path()), &spool::dir(&self.of_id(id)));
        }
    }

    /// The folders of earlier versions, of all paths.
    fn all_before(&self) -> Vec<PathBuf> {
        let listed = fs::read_dir(&self.base).into_iter().flatten().flatten();
        let named = listed.filter(|found| found.file_name().len() == PATH_DIGITS);
        named.map(|found| found.path()).collect()
    }
}

/// The ledger that `folder` remembers.
pub(super) fn remembered(folder: &Path) -> Option<LedgerId> {
    let text = String::from_utf8(RealDisk.read(&folder.join(ID_FILE)).ok()?).ok()?;
    text.trim().parse().ok()
}

/// Has `folder` remember a ledger. Only a help for later, and so it may fail.
pub(super) fn remember(folder: &Path, id: LedgerId) {
    if remembered(folder) != Some(id) && make_private(folder).is_ok() {
        keep_note(&folder.join(ID_FILE), format!("{id}\n").as_bytes());
    }
}

fn in_folder(folder: &Path) -> LedgerPlace {
    LedgerPlace::new(PathBuf::new(), folder.to_owned())
}

fn kept(folder: &Path) -> Option<Checkpoint> {
    in_folder(folder).kept(&RealDisk)
}

/// Whether a folder that is not named by an id has the state of this ledger: it says so, or has its first key. What
/// says otherwise is another's.
fn belongs(folder: &Path, found: &LedgerIdentity) -> bool {
    let noted = remembered(folder);
    if noted.is_some_and(|noted| noted != found.id)
        || kept(folder).is_some_and(|kept| kept.origin != found.origin.as_str())
    {
        return false;
    }
    let key = || keyfile::read(&in_folder(folder).sealing_key(), &|| Ok(None));
    noted.is_some() || key().is_ok_and(|key| key.public() == found.sealing_key)
}

/// Brings everything in `from` to the state folder `to`. A name that is taken there is not taken away from what has
/// it: the other comes beside it.
fn take_over(from: &Path, to: &Path) -> io::Result<()> {
    if !to.exists() {
        return fs::rename(from, to);
    }
    let _ = spool::move_over(&spool::dir(from), &spool::dir(to));
    for found in fs::read_dir(from)? {
        let name = found?.file_name();
        let mut place = to.join(&name);
        if place.exists() {
            let from = from.file_name().unwrap_or_default();
            let aside = format!("{}-of-{}", name.display(), from.display());
            place = to.join(aside);
        }
        fs::rename(from.join(name), place)?;
    }
    fs::remove_dir(from)
}
