//! How the files of a ledger are put into another folder: what never changes once, the rest anew, and each is read
//! back.

use crate::entry::StoredEntry;
use crate::hash::NodeHash;
use crate::ledger::EntryReader;
use crate::ledger::edge::Edge;
use crate::ledger::survey::EntrySurvey;
use crate::merkle::TileBuilder;
use crate::store::blobs::{self, blob_path};
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::log::fresh_tail;
use crate::store::publish::{ImmutableWriter, TEMPORARY_PREFIX};
use crate::store::tail::{MAX_TAIL, encode_frame};
use crate::sys::disk::DiskError;
use crate::timetoken::StoredToken;

use super::error::PublicationError;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
/// No file of a ledger is longer.
const LONGEST: u64 = MAX_TAIL as u64;

/// A folder that gets files of a ledger.
pub(crate) struct CopyWriter<'a> {
    to: &'a FolderEngine,
    writer: ImmutableWriter<'a>,
    tiles: TileBuilder,
    /// The right end of the entries that were put there.
    edge: Edge,
    /// That of their whole bundles.
    sealed: Edge,
    /// The entries behind the last whole bundle.
    group: Vec<Vec<u8>>,
    /// Files that were missing or others.
    pub(crate) written: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl<'a> CopyWriter<'a> {
    pub(crate) fn new(to: &'a FolderEngine) -> Self {
        Self {
            to,
            writer: to.many(),
            tiles: TileBuilder::new(),
            edge: Edge::start(),
            sealed: Edge::start(),
            group: Vec::with_capacity(BUNDLE_ENTRIES),
            written: 0,
            bytes: 0,
        }
    }

    /// Puts a file that never changes there, where it is missing.
    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), PublicationError> {
        if !self.writer.write(path, bytes)? {
            return Ok(());
        }
        self.count(bytes);
        read_back(self.to, path, bytes)
    }

    /// Takes the next entry, and puts the bundle and the tiles there that it completes.
    pub(crate) fn entry(&mut self, stored: StoredEntry) -> Result<(), PublicationError> {
        let (sequence, recorded) = (self.edge.size(), stored.entry.recorded);
        let admitted = self.edge.admits(&stored.entry);
        admitted.map_err(|why| not_copied(sequence, why))?;
        let leaf = self.edge.push(&stored.bytes, recorded);
        self.group.push(stored.bytes);
        for tile in self.tiles.append(leaf) {
            self.put(&tile.id().path(), tile.bytes())?;
        }
        if self.group.len() == BUNDLE_ENTRIES {
            self.bundle()?;
            self.group.clear();
            self.sealed = self.edge.clone();
        }
        Ok(())
    }

    /// Puts the bundle of the entries behind the last whole one there.
    fn bundle(&mut self) -> Result<(), PublicationError> {
        let first = self.sealed.size();
        let bytes = bundle::encode(&self.group).ok_or_else(|| too_long(first))?;
        self.put(&bundle::path_of(first / WIDTH, self.group.len()), &bytes)
    }

    /// Takes the first `size` entries of a ledger, whose root is `stated`.
    pub(crate) fn log(
        &mut self,
        reader: EntryReader,
        size: u64,
        stated: NodeHash,
    ) -> Result<(), PublicationError> {
        for stored in reader.take(usize::try_from(size).unwrap_or(usize::MAX)) {
            self.entry(stored?)?;
        }
        match self.edge.root() {
            found if found == stated => Ok(()),
            found => Err(PublicationError::Changed { stated, found }),
        }
    }

    /// The right end of the entries that were taken.
    pub(crate) const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Puts the entries that no whole bundle holds there as a copy has them.
    pub(super) fn right_edge(&mut self) -> Result<(), PublicationError> {
        if !self.group.is_empty() {
            self.bundle()?;
        }
        for tile in self.tiles.partial() {
            self.put(&tile.path(), &tile.bytes)?;
        }
        Ok(())
    }

    /// The same entries as a ledger has them: the bytes of its tail.
    pub(crate) fn tail(&self) -> Result<Vec<u8>, PublicationError> {
        let base = self.sealed.size();
        let mut frames = Vec::new();
        for (sequence, entry) in (base..).zip(&self.group) {
            encode_frame(&mut frames, sequence, entry).ok_or_else(|| too_long(sequence))?;
        }
        let carry = match base {
            0 => Vec::new(),
            _ => self.sealed.encode(),
        };
        fresh_tail(base, &carry, &frames).map_err(|why| not_copied(base, why))
    }

    /// Puts those of the time tokens there that are over no more than `size` entries.
    pub(crate) fn tokens<'t>(
        &mut self,
        tokens: impl IntoIterator<Item = &'t StoredToken>,
        size: u64,
    ) -> Result<(), PublicationError> {
        for token in tokens {
            if let Some(checkpoint) = token.checkpoint.as_ref().filter(|_| token.size <= size) {
                self.put(&token.checkpoint_path(), checkpoint)?;
                self.put(&token.response_path(), &token.response)?;
            }
        }
        Ok(())
    }

    /// Puts the attachments of a ledger there that its first `size` entries name.
    pub(crate) fn attachments(
        &mut self,
        ledger: &FolderEngine,
        entries: &EntrySurvey,
        size: u64,
    ) -> Result<(), PublicationError> {
        for (digest, sequence, is_expunged) in entries.attachments(size) {
            if !is_expunged {
                let bytes = blobs::get(ledger, digest).map_err(|why| not_copied(sequence, why))?;
                self.put(&blob_path(digest), &bytes)?;
            }
        }
        Ok(())
    }

    /// Makes everything durable that never changes.
    pub(crate) fn settle(&mut self) -> Result<(), DiskError> {
        std::mem::replace(&mut self.writer, self.to.many()).finish()
    }

    /// Puts files in the place of earlier ones, in this order, each once it was read back under another name: the
    /// earlier one may be all there is.
    pub(crate) fn put_anew<const N: usize>(
        &mut self,
        files: [(&str, Option<Vec<u8>>); N],
    ) -> Result<(), PublicationError> {
        for (name, bytes) in files {
            let Some(bytes) = bytes else { continue };
            if self.to.get(name, LONGEST)?.as_ref() != Some(&bytes) {
                let next = format!("{TEMPORARY_PREFIX}{name}");
                self.to.replace(&next, &bytes)?;
                read_back(self.to, &next, &bytes)?;
                self.to.rename(&next, name)?;
                self.count(&bytes);
            }
        }
        Ok(())
    }

    const fn count(&mut self, bytes: &[u8]) {
        self.written += 1;
        self.bytes += bytes.len() as u64;
    }
}

fn not_copied(sequence: u64, why: impl ToString) -> PublicationError {
    let why = why.to_string();
    PublicationError::Entry { sequence, why }
}

fn too_long(sequence: u64) -> PublicationError {
    not_copied(sequence, "an entry is too long")
}

/// Holds what is stored against what was meant to be: what a disk made of it is what readers will get.
pub(super) fn read_back(
    to: &FolderEngine,
    name: &str,
    bytes: &[u8],
) -> Result<(), PublicationError> {
    if to.get(name, LONGEST)?.as_deref() == Some(bytes) {
        return Ok(());
    }
    // Never served before, and never right: the next publication writes it anew.
    to.remove(name)?;
    let path = to.place(name);
    Err(PublicationError::ReadBack(path))
}
