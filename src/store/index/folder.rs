//! The index's folder: set aside, copied, cleaned, and marked while it is being written.
//!
//! The mark is what makes a power cut visible. sled may lose old data in one without a sign, while
//! a killed process costs it nothing; so the file `in-use` holds the boot in which the index was
//! opened for writing, durably and before the first write, and is blanked after sled has synced and
//! closed its own file. The name of an earlier boot in it means: the machine stopped in between.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::sys::disk;

/// How the names of indexes begin that were set aside, beside the index.
pub const SET_ASIDE: &str = "index.set-aside-";

/// How many of them are kept: enough to look into what happened.
const KEEP_SET_ASIDE: usize = 2;

const IN_USE: &str = "in-use";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const BOOT_ID_BYTES: usize = 36;

#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    marked: bool,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            marked: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is anything under the index's name, a file or a dangling link included.
    pub(crate) fn exists(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }

    /// Removes snapshots that a crash left half-written. They are a cache, and sled would take such
    /// a leftover for a whole one and refuse to open ever after.
    pub(crate) fn remove_half_written(&self) -> io::Result<()> {
        let listed = match fs::read_dir(&self.path) {
            // A file where the folder should be: opening it will say so.
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Ok(()),
            listed => listed?,
        };
        for found in listed {
            let found = found?;
            if found.file_name().to_string_lossy().ends_with(".generating") {
                fs::remove_file(found.path())?;
            }
        }
        Ok(())
    }

    pub(crate) fn was_in_use_before_boot(&self) -> bool {
        let Ok(mark) = fs::read(self.path.join(IN_USE)) else {
            return false;
        };
        // The zeros of a mark whose write was cut off count as well: it was about to be written.
        mark != blank() && mark != this_boot()
    }

    /// Marks the index as being written, durably. Once per opening.
    pub(crate) fn mark_in_use(&mut self) -> io::Result<()> {
        if self.marked {
            return Ok(());
        }
        let path = self.path.join(IN_USE);
        let is_new = !path.exists();
        self.write_mark(&this_boot())?.sync_data()?;
        if is_new {
            fs::File::open(&self.path)?.sync_all()?;
        }
        self.marked = true;
        Ok(())
    }

    /// Takes the mark away, after sled has closed. Not durable: a mark that comes back in a power
    /// cut costs one rebuild.
    pub(crate) fn mark_closed(&mut self) {
        if self.marked && self.write_mark(&blank()).is_ok() {
            self.marked = false;
        }
    }

    /// In place and always of one length, so that its sync has no metadata to commit.
    fn write_mark(&self, mark: &[u8]) -> io::Result<fs::File> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(self.path.join(IN_USE))?;
        file.write_all_at(mark, 0)?;
        Ok(file)
    }

    /// Renames the index to the next free name for those set aside, and removes the oldest of them.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        let beside = self.path.parent().unwrap_or(Path::new("."));
        let mut earlier = Vec::new();
        for found in fs::read_dir(beside)? {
            let found = found?;
            let name = found.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(SET_ASIDE));
            if let Some(number) = number.and_then(|n| n.parse::<u64>().ok()) {
                earlier.push((number, found.path()));
            }
        }
        earlier.sort();
        let next = earlier.last().map_or(1, |(last, _)| last.saturating_add(1));
        fs::rename(&self.path, beside.join(format!("{SET_ASIDE}{next}")))?;
        let surplus = (earlier.len() + 1).saturating_sub(KEEP_SET_ASIDE);
        for (_, path) in earlier.iter().take(surplus) {
            // Only to save space: one that cannot be removed harms nothing.
            let _ = fs::remove_dir_all(path);
        }
        Ok(())
    }

    /// Copies the files to the folder `to`, which is made. Links are left out.
    pub(crate) fn copy_to(&self, to: &Path) -> io::Result<()> {
        disk::copy_folder(&self.path, to)
    }
}

fn blank() -> Vec<u8> {
    vec![b' '; BOOT_ID_BYTES]
}

/// The id that Linux gives to each boot. Where there is none, all boots look the same, and only
/// what sled itself notices of a power cut is noticed.
fn this_boot() -> Vec<u8> {
    let mut id = fs::read(BOOT_ID).unwrap_or_default();
    id.resize(BOOT_ID_BYTES, b'-');
    id
}
