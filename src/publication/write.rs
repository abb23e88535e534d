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

use crate::hash::{LeafHash, NodeHash};
use crate::ledger::survey::EntrySurvey;
use crate::ledger::{CHECKPOINT_FILE, EntryReader, NEXT_CHECKPOINT};
use crate::merkle::{Frontier, TileBuilder, partial_tiles};
use crate::store::blobs::{self, ATTACHMENT_LIMIT, ATTACHMENTS, blob_path};
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::publish::ImmutableWriter;
use crate::sys::disk::DiskError;
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
        let to = FolderEngine::at(self.world, self.to);
        let before = survey::look(&to)?;
        let published = before.as_ref().map(|noted| noted.stated.size);
        let survey = survey::read(self.world, self.ledger, self.wait, published)?;
        let chosen = survey.choose(self, before)?;
        bring_up(self, &to, &survey, chosen)
    }
}

/// Writes what is missing, and last the checkpoint.
fn bring_up(
    publication: &Publication<'_>,
    to: &FolderEngine,
    survey: &LedgerSurvey,
    chosen: PublicationPlan,
) -> Result<PublicationReport, PublicationError> {
    let size = chosen.note.stated.size;
    to.make_root()?;
    // What was announced stays until the next announcement takes its place: it accounts for files that are
    // ahead.
    to.remove_leftovers(NEXT_CHECKPOINT)?;
    let is_new = chosen.before.as_ref() != Some(&chosen.note);
    if is_new {
        announce(to, &chosen.note.bytes)?;
    }
    let mut copy = Copy {
        files: CopyWriter::new(to),
    };
    let found = copy.log(publication, size)?;
    if found != chosen.note.stated.root {
        return Err(PublicationError::Changed {
            stated: chosen.note.stated.root,
            found,
        });
    }
    let ledger = FolderEngine::at(publication.world, publication.ledger);
    for token in timestamps::list(&ledger)? {
        copy.token(&token, size)?;
    }
    let with_attachments = publication.attachments || to.has(ATTACHMENTS)?;
    if with_attachments {
        copy.attachments(publication, survey, size)?;
    }
    let mut written = copy.files.finish()?.0;
    if is_new {
        // The very bytes that were read back: written once more, a disk could bend them once more.
        to.rename(NEXT_CHECKPOINT, CHECKPOINT_FILE)?;
        written += 1;
    }
    let before = chosen.before.map(|noted| noted.stated.size);
    let mut removed = remove_earlier_edges(to, &[Some(size), before])?;
    if with_attachments {
        removed += remove_expunged(to, &survey.entries, size)?;
    }
    Ok(PublicationReport {
        checkpoint: chosen.note.stated,
        before,
        ledger: chosen.ledger,
        written,
        removed,
    })
}

/// Puts files that never change into a copy, and reads back each that was missing.
pub(crate) struct CopyWriter<'a> {
    to: &'a FolderEngine,
    writer: ImmutableWriter<'a>,
    written: u64,
    bytes: u64,
}

impl<'a> CopyWriter<'a> {
    pub(crate) fn new(to: &'a FolderEngine) -> Self {
        Self {
            to,
            writer: to.many(),
            written: 0,
            bytes: 0,
        }
    }

    /// Puts a file there, where it is missing.
    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), PublicationError> {
        if !self.writer.write(path, bytes)? {
            return Ok(());
        }
        self.written += 1;
        self.bytes += bytes.len() as u64;
        read_back(self.to, path, bytes)
    }

    /// Makes all names durable. How many files, and bytes, were missing.
    pub(crate) fn finish(self) -> Result<(u64, u64), DiskError> {
        self.writer.finish()?;
        Ok((self.written, self.bytes))
    }
}

/// A copy that is being written.
struct Copy<'a> {
    files: CopyWriter<'a>,
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
                self.files.put(&tile.id().path(), tile.bytes())?;
            }
            if bundle.len() == BUNDLE_ENTRIES || frontier.size() == size {
                self.bundle((frontier.size() - 1) / WIDTH, &bundle)?;
                bundle.clear();
            }
        }
        for tile in tiles.partial() {
            self.files.put(&tile.path(), &tile.bytes)?;
        }
        Ok(frontier.root())
    }

    fn bundle(&mut self, n: u64, entries: &[Vec<u8>]) -> Result<(), PublicationError> {
        let first = n * WIDTH;
        let bytes = bundle::encode(entries).ok_or_else(|| PublicationError::Entry {
            sequence: first,
            why: "an entry of this bundle is too long".to_owned(),
        })?;
        self.files.put(&bundle::path_of(n, entries.len()), &bytes)
    }

    /// Publishes a time token, where it is over what the copy holds.
    fn token(&mut self, token: &StoredToken, size: u64) -> Result<(), PublicationError> {
        if let Some(checkpoint) = token.checkpoint.as_ref().filter(|_| token.size <= size) {
            self.files.put(&token.checkpoint_path(), checkpoint)?;
            self.files.put(&token.response_path(), &token.response)?;
        }
        Ok(())
    }

    fn attachments(
        &mut self,
        publication: &Publication<'_>,
        survey: &LedgerSurvey,
        size: u64,
    ) -> Result<(), PublicationError> {
        let ledger = FolderEngine::at(publication.world, publication.ledger);
        for (digest, _, is_expunged) in survey.entries.attachments(size) {
            if !is_expunged {
                self.files
                    .put(&blob_path(digest), &blobs::get(&ledger, digest)?)?;
            }
        }
        Ok(())
    }
}

/// Puts the next checkpoint there. It is read back before anything relies on it.
fn announce(to: &FolderEngine, note: &[u8]) -> Result<(), PublicationError> {
    to.replace(NEXT_CHECKPOINT, note)?;
    read_back(to, NEXT_CHECKPOINT, note)
}

/// Holds what is stored against what was meant to be: what a disk made of it is what readers will get.
pub(crate) fn read_back(
    to: &FolderEngine,
    name: &str,
    bytes: &[u8],
) -> Result<(), PublicationError> {
    if to.get(name, ATTACHMENT_LIMIT)?.as_deref() == Some(bytes) {
        return Ok(());
    }
    // Never served before, and never right: the next publication writes it anew.
    to.remove(name)?;
    let path = to.place(name);
    Err(PublicationError::ReadBack(path))
}

/// Removes partial tiles and bundles of other sizes than those in `kept`.
pub(crate) fn remove_earlier_edges(
    to: &FolderEngine,
    kept: &[Option<u64>],
) -> Result<u64, DiskError> {
    let mut needed = BTreeSet::new();
    for size in kept.iter().flatten() {
        needed.extend(partial_tiles(*size).map(|(id, width)| id.partial_path(width)));
        needed.insert(bundle::path_of(size / WIDTH, (size % WIDTH) as usize));
    }
    let mut removed = 0;
    for name in to.list("tile/")? {
        if name.contains(".p/") && !needed.contains(&name) {
            to.remove(&name)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes attachments that entries say were expunged.
pub(crate) fn remove_expunged(
    to: &FolderEngine,
    entries: &EntrySurvey,
    size: u64,
) -> Result<u64, DiskError> {
    let mut removed = 0;
    for (digest, _, is_expunged) in entries.attachments(size) {
        let name = blob_path(digest);
        if is_expunged && to.has(&name)? {
            to.remove(&name)?;
            removed += 1;
        }
    }
    Ok(removed)
}
