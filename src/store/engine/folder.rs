//! The folder as an engine: one file for each name, the log in its tail and bundles.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::door::{Engine, PutOutcome};
use super::segment::{Meeting, Segment, SegmentError, SegmentOutcome};
use crate::store::bundle::{self, BUNDLE_ENTRIES, BundleError};
use crate::store::image;
use crate::store::log::{self, Log};
use crate::store::publish::{self, ImmutableFileError, ImmutableWriter};
use crate::sys::disk::{Disk, DiskCause, DiskError};

/// A ledger's folder on a disk. Whoever puts into it holds the writer's lock.
#[derive(Debug, Clone)]
pub struct FolderEngine {
    pub(in crate::store) disk: Arc<dyn Disk>,
    pub(in crate::store) root: PathBuf,
}

impl FolderEngine {
    /// The folder `root`. Touches nothing.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self {
            disk,
            root: root.to_owned(),
        }
    }

    /// Where a name lies, for messages.
    #[must_use]
    pub fn place(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the folder of names that begin with `name` and a slash, for people to look into before anything is
    /// in it.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn make_folder(&self, name: &str) -> Result<(), DiskError> {
        self.make(&self.place(name))
    }

    /// Makes a folder, and those above it up to the root, where they are missing. A power cut must not take
    /// away a folder in which something was put.
    fn make(&self, folder: &Path) -> Result<(), DiskError> {
        if self.disk.metadata(folder)?.is_some() {
            return Ok(());
        }
        let above = folder.parent().unwrap_or(Path::new(""));
        if above.starts_with(&self.root) {
            self.make(above)?;
        }
        self.disk.create_dir(folder)?;
        self.disk.sync_dir(match above {
            here if here == Path::new("") => Path::new("."),
            above => above,
        })
    }

    /// At most `most` entries from `from` on, of bundles and tail.
    fn entries(&self, log: &Log, from: u64, most: usize) -> Result<Vec<Vec<u8>>, BundleError> {
        let width = BUNDLE_ENTRIES as u64;
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        let mut found: Vec<Vec<u8>> = Vec::new();
        while found.len() < most {
            let next = from.saturating_add(found.len() as u64);
            let left = most - found.len();
            if let Some(place) = next.checked_sub(log.base()) {
                let tail = log.tail().skip(at(place)).take(left);
                found.extend(tail.map(<[u8]>::to_vec));
                break;
            }
            let bundle = bundle::read(&*self.disk, &self.root, next / width)?;
            found.extend(bundle.into_iter().skip(at(next % width)).take(left));
        }
        Ok(found)
    }
}

impl Engine for FolderEngine {
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, DiskError> {
        match self.disk.read_at_most(&self.place(name), most) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(fault) if fault.cause() == DiskCause::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn put_once(&self, name: &str, bytes: &[u8]) -> Result<PutOutcome, DiskError> {
        let mut writer = ImmutableWriter::new(&*self.disk, &self.root);
        match writer.write(name, bytes) {
            Ok(()) => {}
            Err(ImmutableFileError::Disk(fault)) => return Err(fault),
            Err(ImmutableFileError::Differs { .. }) => return Ok(PutOutcome::Occupied),
        }
        // Also when it was there: the process that wrote it may have ended before this line.
        writer.finish()?;
        Ok(PutOutcome::Stored)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.place(name);
        self.make(path.parent().unwrap_or(&self.root))?;
        publish::durably(&*self.disk, &path, bytes)
    }

    fn remove(&self, name: &str) -> Result<(), DiskError> {
        let path = self.place(name);
        match self.disk.remove(&path) {
            Err(fault) if fault.cause() == DiskCause::Missing => Ok(()),
            Err(fault) => Err(fault),
            Ok(()) => self.disk.sync_dir(path.parent().unwrap_or(&self.root)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, DiskError> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let listed = match image::list_files(&*self.disk, &self.root.join(folder)) {
            Err(fault) if fault.cause() == DiskCause::Missing => return Ok(Vec::new()),
            listed => listed?,
        };
        let names = listed.into_iter().filter(|found| found.is_file);
        let names = names.map(|found| Path::new(folder).join(found.path).display().to_string());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn put_segment(&self, segment: &Segment<'_>) -> Result<SegmentOutcome, SegmentError> {
        // Opened anew each time: after a failed sync only that tells what the disk has.
        let (mut log, _) = Log::open(self.disk.clone(), &self.root)?;
        let reach = segment.entries.len() + 1;
        let standing = self.entries(&log, segment.from(), reach)?;
        let written = match segment.meet(log.size(), standing)? {
            Meeting::Settled(outcome) => return Ok(outcome),
            Meeting::Continues(written) => written,
        };
        let rest = segment.entries.get(written..).unwrap_or_default();
        match log.append(log.size(), rest) {
            Ok(()) => Ok(SegmentOutcome::Stored),
            Err(log::LogAppendError::Unknown(fault)) => Ok(SegmentOutcome::Unknown(fault)),
            Err(fault) => Err(fault.into()),
        }
    }
}
