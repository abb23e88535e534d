//! The order in which a copy comes to be.
//!
//! ```text
//! .new-checkpoint          what this publication will end with: accounts for files that are ahead
//! bundles, tiles           those that are missing, read back; synced with their folders
//! time tokens              those over what the copy holds
//! attachments              likewise, where they are published
//! checkpoint               .new-checkpoint renamed: from here on the copy states the new size
//! earlier right edges      removed, but for that of the checkpoint before: its readers may be at work
//! ```
//!
//! Whoever reads a checkpoint finds everything that it covers, wherever this is cut off.

use std::collections::BTreeSet;
use std::path::Path;

use crate::hash::{LeafHash, NodeHash};
use crate::ledger::{CHECKPOINT_FILE, EntryReader, NEXT_CHECKPOINT};
use crate::merkle::{Frontier, TileBuilder, partial_tiles};
use crate::store::blobs::{ATTACHMENT_LIMIT, ATTACHMENTS, Blobs, blob_path};
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::image::list_files;
use crate::store::publish::{self, ImmutableWriter, TEMPORARY_PREFIX};
use crate::sys::disk::{Disk, DiskError};
use crate::timestamps;
use crate::timetoken::StoredToken;

use super::error::PublicationError;
use super::survey::{self, LedgerSurvey, PublicationPlan};
use super::task::{Publication, PublicationReport};

const WIDTH: u64 = BUNDLE_ENTRIES as u64;

impl Publication<'_> {
    /// Brings the copy up to date. It can be interrupted at any moment and repeated; somebody else
    /// must keep a second publication to the same folder out.
    ///
    /// # Errors
    /// The ledger is behind or beside what was published, it or the copy cannot be used, or the
    /// disk's refusal.
    pub fn run(&self) -> Result<PublicationReport, PublicationError> {
        let before = survey::look(&*self.world.disk, self.to)?;
        let survey = survey::read(self, before.as_ref())?;
        let chosen = survey.choose(self, before)?;
        bring_up(self, &survey, chosen)
    }
}

/// Writes what is missing, and last the checkpoint.
fn bring_up(
    publication: &Publication<'_>,
    survey: &LedgerSurvey,
    chosen: PublicationPlan,
) -> Result<PublicationReport, PublicationError> {
    let disk = &*publication.world.disk;
    let to = publication.to;
    let size = chosen.note.stated.size;
    make_folder(disk, to)?;
    remove_leftovers(disk, to)?;
    let is_new = chosen.before.as_ref() != Some(&chosen.note);
    if is_new {
        announce(disk, to, &chosen.note.bytes)?;
    }
    let mut copy = Copy {
        disk,
        to,
        writer: ImmutableWriter::new(disk, to),
        written: 0,
    };
    let found = copy.log(publication, size)?;
    if found != chosen.note.stated.root {
        return Err(PublicationError::Changed {
            stated: chosen.note.stated.root,
            found,
        });
    }
    for token in timestamps::list(disk, publication.ledger)? {
        copy.token(&token, size)?;
    }
    let with_attachments =
        publication.attachments || disk.metadata(&to.join(ATTACHMENTS))?.is_some();
    if with_attachments {
        copy.attachments(publication, survey, size)?;
    }
    let mut written = copy.written;
    copy.writer.finish()?;
    if is_new {
        disk.rename(&to.join(NEXT_CHECKPOINT), &to.join(CHECKPOINT_FILE))?;
        disk.sync_dir(to)?;
        written += 1;
    }
    let before = chosen.before.map(|noted| noted.stated.size);
    let mut removed = remove_earlier_edges(disk, to, &[Some(size), before])?;
    if with_attachments {
        removed += remove_expunged(disk, to, survey, size)?;
    }
    Ok(PublicationReport {
        checkpoint: chosen.note.stated,
        before,
        ledger: chosen.ledger,
        written,
        removed,
    })
}

/// A copy that is being written.
struct Copy<'a> {
    disk: &'a dyn Disk,
    to: &'a Path,
    writer: ImmutableWriter<'a>,
    written: u64,
}

impl Copy<'_> {
    /// Puts the first `size` entries and their tiles there. Returns the root of what the copy holds.
    fn log(
        &mut self,
        publication: &Publication<'_>,
        size: u64,
    ) -> Result<NodeHash, PublicationError> {
        let reader = EntryReader::open(publication.world, publication.ledger, publication.wait)?;
        let mut frontier = Frontier::new();
        let mut tiles = TileBuilder::new();
        let mut bundle = Vec::with_capacity(BUNDLE_ENTRIES);
        for stored in reader.take(usize::try_from(size).unwrap_or(usize::MAX)) {
            let stored = stored?;
            let leaf = LeafHash::of(&stored.bytes);
            bundle.push(stored.bytes);
            frontier.append(leaf);
            for tile in tiles.append(leaf) {
                self.put(&tile.id().path(), tile.bytes())?;
            }
            if bundle.len() == BUNDLE_ENTRIES || frontier.size() == size {
                self.bundle((frontier.size() - 1) / WIDTH, &bundle)?;
                bundle.clear();
            }
        }
        for tile in tiles.partial() {
            self.put(&tile.path(), &tile.bytes)?;
        }
        Ok(frontier.root())
    }

    fn bundle(&mut self, n: u64, entries: &[Vec<u8>]) -> Result<(), PublicationError> {
        let first = n * WIDTH;
        let bytes = bundle::encode(entries).ok_or_else(|| PublicationError::Entry {
            sequence: first,
            why: "an entry of this bundle is too long".to_owned(),
        })?;
        self.put(&bundle::path_of(n, entries.len()), &bytes)
    }

    /// Publishes a time token, where it is over what the copy holds.
    fn token(&mut self, token: &StoredToken, size: u64) -> Result<(), PublicationError> {
        if let Some(checkpoint) = token.checkpoint.as_ref().filter(|_| token.size <= size) {
            self.put(&token.checkpoint_path(), checkpoint)?;
            self.put(&token.response_path(), &token.response)?;
        }
        Ok(())
    }

    fn attachments(
        &mut self,
        publication: &Publication<'_>,
        survey: &LedgerSurvey,
        size: u64,
    ) -> Result<(), PublicationError> {
        let blobs = Blobs::new(publication.world.disk.clone(), publication.ledger);
        for (digest, is_expunged) in survey.attachments(size) {
            if !is_expunged {
                self.put(&blob_path(digest), &blobs.get(digest)?)?;
            }
        }
        Ok(())
    }

    /// Puts a file there, where it is missing, and reads it back: what a disk made of it is what
    /// readers will get.
    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), PublicationError> {
        let file = self.to.join(path);
        let is_there = self.disk.metadata(&file)?.is_some();
        self.writer.write(path, bytes)?;
        if is_there {
            return Ok(());
        }
        self.written += 1;
        if self.disk.read_at_most(&file, ATTACHMENT_LIMIT)? == bytes {
            return Ok(());
        }
        // Never served before, and never right: the next publication writes it anew.
        self.disk.remove(&file)?;
        Err(PublicationError::ReadBack { path: file })
    }
}

fn make_folder(disk: &dyn Disk, to: &Path) -> Result<(), DiskError> {
    if disk.metadata(to)?.is_some() {
        return Ok(());
    }
    disk.create_dir(to)?;
    match to.parent() {
        Some(parent) if parent != Path::new("") => disk.sync_dir(parent),
        _ => disk.sync_dir(Path::new(".")),
    }
}

/// Removes what an interrupted publication left half-written. What it announced stays until the
/// next announcement takes its place, for it accounts for the files that are ahead.
fn remove_leftovers(disk: &dyn Disk, to: &Path) -> Result<(), DiskError> {
    for found in disk.list(to)? {
        let name = found.name.to_string_lossy();
        if name.starts_with(TEMPORARY_PREFIX) && name != NEXT_CHECKPOINT {
            disk.remove(&to.join(found.name))?;
        }
    }
    Ok(())
}

/// Puts the next checkpoint there. It is read back before anything relies on it.
fn announce(disk: &dyn Disk, to: &Path, note: &[u8]) -> Result<(), PublicationError> {
    let path = to.join(NEXT_CHECKPOINT);
    publish::durably(disk, &path, note)?;
    if disk.read(&path)? == note {
        return Ok(());
    }
    disk.remove(&path)?;
    Err(PublicationError::ReadBack { path })
}

/// Removes partial tiles and bundles of other sizes than those in `kept`.
fn remove_earlier_edges(
    disk: &dyn Disk,
    to: &Path,
    kept: &[Option<u64>],
) -> Result<u64, DiskError> {
    let mut needed = BTreeSet::new();
    for size in kept.iter().flatten() {
        needed.extend(partial_tiles(*size).map(|(id, width)| id.partial_path(width)));
        needed.insert(bundle::path_of(size / WIDTH, (size % WIDTH) as usize));
    }
    let mut removed = 0;
    for found in list_files(disk, to)? {
        let path = found.path.to_string_lossy();
        let is_edge = path.starts_with("tile/") && path.contains(".p/");
        if found.is_file && is_edge && !needed.contains(&*path) {
            disk.remove(&to.join(&found.path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn remove_expunged(
    disk: &dyn Disk,
    to: &Path,
    survey: &LedgerSurvey,
    size: u64,
) -> Result<u64, DiskError> {
    let mut removed = 0;
    for (digest, is_expunged) in survey.attachments(size) {
        let file = to.join(blob_path(digest));
        if is_expunged && disk.metadata(&file)?.is_some() {
            disk.remove(&file)?;
            removed += 1;
        }
    }
    Ok(removed)
}
