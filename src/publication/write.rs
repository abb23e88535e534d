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

use crate::ledger::survey::EntrySurvey;
use crate::ledger::{CHECKPOINT_FILE, EntryReader, NEXT_CHECKPOINT};
use crate::merkle::partial_tiles;
use crate::store::blobs::{ATTACHMENTS, blob_path};
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::sys::disk::DiskError;
use crate::timestamps;

use super::copy::{CopyWriter, read_back};
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
    let reader = EntryReader::open(publication.world, publication.ledger, publication.wait)?;
    let mut copy = CopyWriter::new(to);
    copy.log(reader, size, chosen.note.stated.root)?;
    copy.right_edge()?;
    let ledger = FolderEngine::at(publication.world, publication.ledger);
    copy.tokens(&timestamps::list(&ledger)?, size)?;
    let with_attachments = publication.attachments || to.has(ATTACHMENTS)?;
    if with_attachments {
        copy.attachments(&ledger, &survey.entries, size)?;
    }
    copy.settle()?;
    let mut written = copy.written;
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

/// Puts the next checkpoint there. It is read back before anything relies on it.
fn announce(to: &FolderEngine, note: &[u8]) -> Result<(), PublicationError> {
    to.replace(NEXT_CHECKPOINT, note)?;
    read_back(to, NEXT_CHECKPOINT, note)
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
