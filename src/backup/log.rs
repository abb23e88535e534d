//! How entries become the log of a ledger's folder: whole groups of 256 in bundles with their tiles, the others in
//! the tail.

use crate::entry::Entry;
use crate::hash::Link;
use crate::ledger::edge::Edge;
use crate::merkle::TileBuilder;
use crate::publication::{CopyWriter, PublicationError, read_back};
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::log::fresh_tail;
use crate::store::publish::TEMPORARY_PREFIX;
use crate::store::tail::{MAX_TAIL, encode_frame};

/// A log that is being written.
pub(super) struct LogCopy {
    edge: Edge,
    sealed: Edge,
    tiles: TileBuilder,
    /// The entries behind the last whole bundle.
    group: Vec<Vec<u8>>,
}

impl LogCopy {
    pub(super) fn new() -> Self {
        Self {
            edge: Edge::start(),
            sealed: Edge::start(),
            tiles: TileBuilder::new(),
            group: Vec::with_capacity(BUNDLE_ENTRIES),
        }
    }

    /// Takes the next entry, and writes what it completes.
    pub(super) fn push(
        &mut self,
        bytes: Vec<u8>,
        files: &mut CopyWriter<'_>,
    ) -> Result<(), PublicationError> {
        let sequence = self.edge.size();
        let fault = |why: String| PublicationError::Entry { sequence, why };
        let entry = Entry::decode(&bytes).map_err(|why| fault(why.to_string()))?;
        let admitted = self.edge.admits(&entry);
        admitted.map_err(|why| fault(why.to_owned()))?;
        let leaf = self.edge.push(&bytes, entry.recorded);
        self.group.push(bytes);
        for tile in self.tiles.append(leaf) {
            files.put(&tile.id().path(), tile.bytes())?;
        }
        if self.group.len() == BUNDLE_ENTRIES {
            let whole = bundle::encode(&self.group);
            let whole = whole.ok_or_else(|| fault("an entry is too long".to_owned()))?;
            let n = sequence / BUNDLE_ENTRIES as u64;
            files.put(&bundle::bundle_path(n), &whole)?;
            self.group.clear();
            self.sealed = self.edge.clone();
        }
        Ok(())
    }

    /// The link of the last entry.
    pub(super) const fn link(&self) -> Link {
        self.edge.link()
    }

    /// The bytes of the tail that goes with the bundles.
    pub(super) fn tail(&self) -> Result<Vec<u8>, PublicationError> {
        let base = self.sealed.size();
        let fault = |why: String| PublicationError::Entry {
            sequence: base,
            why,
        };
        let mut frames = Vec::new();
        for (sequence, entry) in (base..).zip(&self.group) {
            encode_frame(&mut frames, sequence, entry)
                .ok_or_else(|| fault("an entry is too long".to_owned()))?;
        }
        let carry = match base {
            0 => Vec::new(),
            _ => self.sealed.encode(),
        };
        fresh_tail(base, &carry, &frames).map_err(|why| fault(why.to_string()))
    }
}

/// Puts a file in the place of an earlier one, once it was read back under another name: the earlier one may be all
/// there is. Whether it was another.
pub(super) fn put_anew(
    to: &FolderEngine,
    name: &str,
    bytes: &[u8],
) -> Result<bool, PublicationError> {
    if to.get(name, MAX_TAIL as u64)?.as_deref() == Some(bytes) {
        return Ok(false);
    }
    let next = format!("{TEMPORARY_PREFIX}{name}");
    to.replace(&next, bytes)?;
    read_back(to, &next, bytes)?;
    to.rename(&next, name)?;
    Ok(true)
}
