//! Two folders of one ledger on one host: which of them was written to last, and whether what is kept here kept up.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::append::AppendError;
use crate::checkpoint;
use crate::ledger::{CHECKPOINT_FILE, LedgerIdentity, LedgerPlace};
use crate::sys::disk::{Disk as _, DiskError, RealDisk};

use super::context::Context;
use super::exit::CommandError;
use super::files::{canonical, keep_note};
use super::layout::counted;

/// Remembers in the state folder through which path its ledger was written to last.
const WRITTEN_AT: &str = "written-at";

impl Context {
    /// Keeps in mind which folder of the ledger was written to last. Only a help for later, and so it may fail.
    pub(crate) fn remember_folder(&self, place: &LedgerPlace) {
        let (file, path) = (place.state.join(WRITTEN_AT), canonical(&place.dir));
        let path = path.as_os_str().as_bytes();
        if !fs::read(&file).is_ok_and(|noted| noted == path) {
            keep_note(&file, path);
        }
    }

    /// That another folder with the same ledger was written to after the one at `place`, in one sentence. A folder
    /// that was moved, or is mounted twice, is no other one.
    pub(crate) fn written_last(&self, place: &LedgerPlace) -> Option<String> {
        let noted = fs::read(place.state.join(WRITTEN_AT)).ok()?;
        let last = PathBuf::from(OsString::from_vec(noted));
        let node = |dir: &Path| Some((fs::metadata(dir).ok()?.dev(), dir.metadata().ok()?.ino()));
        if node(&last)? == node(&place.dir)? {
            return None;
        }
        let id = |dir: &Path| Some(LedgerIdentity::in_folder(&self.world, dir)?.id);
        (id(&last)? == id(&place.dir)?).then(|| {
            let entries = stated(&last.join(CHECKPOINT_FILE));
            let entries = entries.map(|size| format!(", with {}", counted(size, "entry")));
            let entries = entries.unwrap_or_default();
            format!(
                "there are two folders of this ledger: {} is the one that was written to last{entries}",
                last.display()
            )
        })
    }

    /// What whoever reads the ledger at `place` should know of what is kept here.
    pub(crate) fn doubts(&self, place: &LedgerPlace) -> Vec<String> {
        let last = self.written_last(place).into_iter();
        last.chain(lag(place)).collect()
    }

    /// Why a ledger was not opened for writing, where another folder of it may be meant.
    pub(crate) fn not_opened(&self, place: &LedgerPlace, fault: AppendError) -> CommandError {
        let is_behind = matches!(
            fault,
            AppendError::Behind { .. }
                | AppendError::Beside(_)
                | AppendError::DamagedCheckpoint { .. }
        );
        let last = self.written_last(place).filter(|_| is_behind);
        let fault = CommandError::from(fault);
        match last {
            Some(last) => fault.hint(last),
            None => fault,
        }
    }
}

/// By how much the checkpoint kept outside the folder lags behind the one in it, and why where that shows.
fn lag(place: &LedgerPlace) -> Option<String> {
    let (head, own) = (place.head(), stated(&place.dir.join(CHECKPOINT_FILE))?);
    let behind = own
        .checked_sub(stated(&head)?)
        .filter(|&behind| behind > 0)?;
    let writable = fs::File::options().write(true).open(&head);
    let why = writable.map_or_else(
        |fault| DiskError::new("write", &head, fault).to_string(),
        |_| format!("{} was not written by the last appends", head.display()),
    );
    let behind = counted(behind, "entry");
    Some(format!(
        "the checkpoint that this host keeps lags behind by {behind}, and would not tell whether these were cut off: {why}"
    ))
}

/// The size that a checkpoint states.
fn stated(path: &Path) -> Option<u64> {
    let stated = checkpoint::stated(&RealDisk.read(path).ok()?).ok()?;
    Some(stated.size)
}
