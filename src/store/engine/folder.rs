//! The folder as an engine: one file for each name, the log in its tail and bundles.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundles::entries_from;
use super::door::{EndNote, Engine, EngineLog, EngineSlot, PutOutcome};
use super::segment::{Meeting, Segment, SegmentError, SegmentOutcome};
use crate::hash::Link;
use crate::store::bundle::BUNDLES;
use crate::store::log::{Log, LogAppendError, LogOpenError, RereadError};
use crate::store::publish::{self, ImmutableFileError, ImmutableWriter, is_leftover};
use crate::store::seal::SealError;
use crate::store::tail::TailRest;
use crate::sys::disk::{Disk, DiskCause, DiskError, FileHandle, SMALL_FILE};

/// The folder of the attachments in the ledger's folder.
pub const ATTACHMENTS: &str = "attachments";

/// The file in a ledger's folder that says where its archive is: a path in one line.
pub const ARCHIVED_FILE: &str = "archived";

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

    /// The bytes of a bundle or an attachment that is not in the folder itself.
    fn get_archived(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, DiskError> {
        let moves = [BUNDLES, ATTACHMENTS]
            .iter()
            .any(|top| Path::new(name).starts_with(top));
        let Some(archive) = moves.then(|| self.archive()).flatten() else {
            return Ok(None);
        };
        match self.disk.read_at_most(&archive.join(name), most) {
            Err(fault) if fault.cause() == DiskCause::Missing => Ok(None),
            found => found.map(Some),
        }
    }

    /// Makes a folder, and those above it up to the root, where they are missing. A power cut must not take
    /// away a folder in which something was put.
    pub(super) fn make(&self, folder: &Path) -> Result<(), DiskError> {
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
}

impl Engine for FolderEngine {
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, DiskError> {
        match self.disk.read_at_most(&self.place(name), most) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(fault) if fault.cause() == DiskCause::Missing => self.get_archived(name, most),
            Err(fault) => Err(fault),
        }
    }

    fn archive(&self) -> Option<PathBuf> {
        let said = self
            .disk
            .read_at_most(&self.place(ARCHIVED_FILE), SMALL_FILE);
        let said = String::from_utf8(said.ok()?).ok()?;
        let place = said.strip_suffix('\n').filter(|place| !place.is_empty())?;
        Some(self.root.join(place))
    }

    fn put_once(&self, name: &str, bytes: &[u8]) -> Result<PutOutcome, DiskError> {
        let mut writer = ImmutableWriter::new(&*self.disk, &self.root);
        match writer.write(name, bytes) {
            Ok(_) => {}
            Err(ImmutableFileError::Disk(fault)) => return Err(fault),
            Err(ImmutableFileError::Differs(_)) => return Ok(PutOutcome::Occupied),
        }
        // Also when it was there: the process that wrote it may have ended before this line.
        writer.finish()?;
        Ok(PutOutcome::Stored)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.place(name);
        self.make(path.parent().unwrap_or(&self.root))?;
        match publish::durably(&*self.disk, &path, bytes) {
            // A writer that opens the ledger clears away what is not in its place yet; once more is enough.
            Err(fault) if fault.cause() == DiskCause::Missing => {
                publish::durably(&*self.disk, &path, bytes)
            }
            result => result,
        }
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
        let listed = self.files(folder)?;
        let is_left =
            |path: &Path| is_leftover(&path.file_name().unwrap_or_default().to_string_lossy());
        let names = listed
            .into_iter()
            .filter(|found| found.is_file && !is_left(&found.path));
        let names = names.map(|found| found.path.display().to_string());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn begin_log(&self) -> Result<Box<dyn EngineLog>, LogOpenError> {
        let log = Log::create(self.disk.clone(), &self.root, b"")?;
        Ok(Box::new(FolderLog::on(self, log)))
    }

    fn open_log(&self) -> Result<(Box<dyn EngineLog>, TailRest), LogOpenError> {
        let (log, rest) = Log::open(self.disk.clone(), &self.root)?;
        Ok((Box::new(FolderLog::on(self, log)), rest))
    }

    fn slot(&self, name: &str) -> Box<dyn EngineSlot> {
        Box::new(FolderSlot {
            disk: self.disk.clone(),
            path: self.place(name),
            handle: None,
            length: 0,
        })
    }

    fn scratch(&self) -> Option<&Path> {
        Some(&self.root)
    }
}

/// The log of a folder whose lock its writer holds.
#[derive(Debug)]
struct FolderLog {
    folder: FolderEngine,
    log: Log,
    /// The link of the last entry, where this writer put it: then a segment behind it meets nothing.
    last: Option<Link>,
}

impl FolderLog {
    fn on(folder: &FolderEngine, log: Log) -> Self {
        let (folder, last) = (folder.clone(), None);
        Self { folder, log, last }
    }

    fn meet(&self, segment: &Segment<'_>) -> Result<Meeting, SegmentError> {
        if segment.position == self.log.size() && self.last == Some(segment.previous) {
            return Ok(Meeting::Continues(0));
        }
        let standing = entries_from(&self.folder, self, segment.from());
        let standing = standing.take(segment.entries.len() + 1);
        let standing = standing.map(|bytes| bytes.map(Cow::into_owned));
        segment.meet(self.log.size(), standing.collect::<Result<_, _>>()?)
    }
}

impl EngineLog for FolderLog {
    fn base(&self) -> u64 {
        self.log.base()
    }

    fn carry(&self) -> &[u8] {
        self.log.carry()
    }

    fn tail(&self) -> Box<dyn ExactSizeIterator<Item = &[u8]> + '_> {
        Box::new(self.log.tail())
    }

    fn put(
        &mut self,
        segment: &Segment<'_>,
        _: EndNote<'_>,
    ) -> Result<SegmentOutcome, SegmentError> {
        let written = match self.meet(segment)? {
            Meeting::Settled(outcome) => return Ok(outcome),
            Meeting::Continues(written) => written,
        };
        let rest = segment.entries.get(written..).unwrap_or_default();
        match self.log.append(self.log.size(), rest) {
            Ok(()) => {}
            Err(LogAppendError::Unknown(fault)) => return Ok(SegmentOutcome::Unknown(fault)),
            Err(fault) => return Err(fault.into()),
        }
        self.last = segment.entries.last().map(|last| Link::of(last));
        Ok(SegmentOutcome::Stored)
    }

    fn reread(&self, sequences: Range<u64>) -> Result<Vec<Vec<u8>>, RereadError> {
        self.log.reread(sequences)
    }

    fn drop_rest(&mut self) -> Result<Vec<u8>, DiskError> {
        self.log.drop_rest()
    }

    fn seal(&mut self, files: &[(String, Vec<u8>)], carry: &[u8]) -> Result<(), SealError> {
        self.log.seal(files, carry)
    }

    fn take_in(
        &mut self,
        base: u64,
        files: &[(String, Vec<u8>)],
        carry: &[u8],
    ) -> Result<(), SealError> {
        self.log.take_in(base, files, carry)
    }

    fn give_up(&mut self) {
        self.log.give_up();
    }

    fn is_given_up(&self) -> bool {
        self.log.is_given_up()
    }
}

/// A small file that is overwritten in place while its length stays: a rename costs more than an append. A file
/// shorter than a disk sector is then the old one or the new one after a power cut.
#[derive(Debug)]
struct FolderSlot {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Open while the file holds exactly the `length` bytes of the last value.
    handle: Option<FileHandle>,
    length: usize,
}

impl EngineSlot for FolderSlot {
    fn adopt(&mut self, bytes: &[u8]) {
        self.length = bytes.len();
        // Where it cannot be opened, the next value is written as a new file, or says why not.
        self.handle = self.disk.open(&self.path).ok();
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        match self.handle.take() {
            Some(mut handle) if self.length == bytes.len() => {
                // Not put back after an error: what the file holds is then unknown.
                handle.write_at(bytes, 0)?;
                self.handle = Some(handle);
                Ok(())
            }
            _ => self.write_durably(bytes),
        }
    }

    fn write_durably(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.handle = None;
        publish::durably(&*self.disk, &self.path, bytes)?;
        self.handle = Some(self.disk.open(&self.path)?);
        self.length = bytes.len();
        Ok(())
    }
}
