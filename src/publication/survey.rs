//! What of the ledger can be published, and what stands in the copy already.

use std::path::Path;
use std::time::Duration;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::NodeHash;
use crate::ledger::survey::EntrySurvey;
use crate::ledger::{CHECKPOINT_FILE, COSIGNED_FILE, EntryReader};
use crate::note::{NOTE_LIMIT, SignedNote};
use crate::store::blobs::ATTACHMENTS;
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::publish::is_leftover;
use crate::sys::world::World;
use crate::timetoken::TIMESTAMPS;

use super::error::PublicationError;
use super::task::Publication;

/// A checkpoint and the note that it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredNote {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stated: Checkpoint,
}

impl StoredNote {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = SignedNote::parse(bytes)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            stated: Checkpoint::parse(note.text())?,
        })
    }
}

/// What is to be published, and what stands there.
pub(super) struct PublicationPlan {
    pub(super) note: StoredNote,
    pub(super) before: Option<StoredNote>,
    pub(super) ledger: u64,
}

/// What the entries of a ledger amount to, and its own checkpoints.
pub(crate) struct LedgerSurvey {
    pub(crate) entries: EntrySurvey,
    pub(crate) newest: StoredNote,
    pub(crate) cosigned: Option<StoredNote>,
}

/// What is published in `to`; nothing where that is empty, missing, or was never finished.
///
/// # Errors
/// It holds something else.
pub(super) fn look(copy: &FolderEngine) -> Result<Option<StoredNote>, PublicationError> {
    let Some(top) = copy.top()? else {
        return Ok(None);
    };
    let path = || copy.place("");
    let bytes = copy.get(CHECKPOINT_FILE, NOTE_LIMIT as u64)?;
    let begun = ["tile", ATTACHMENTS, CHECKPOINT_FILE, TIMESTAMPS];
    for name in top {
        let ours = begun.contains(&name.as_str()) || is_leftover(&name);
        // Beside a copy there may be what its web server wants; a ledger's own folder is never one.
        let a_ledgers = ["tail", "lock", "ledger.toml", "index"].contains(&name.as_str());
        if a_ledgers || (bytes.is_none() && !ours) {
            let path = path();
            return Err(PublicationError::NoCopy { path, found: name });
        }
    }
    let parse = |bytes: Vec<u8>| {
        StoredNote::parse(&bytes).map_err(|source| PublicationError::OtherLedger {
            path: path(),
            source,
        })
    };
    bytes.map(parse).transpose()
}

/// Reads the ledger in a folder from end to end, and the roots at `sizes`.
pub(crate) fn read(
    world: &World,
    dir: &Path,
    wait: Duration,
    sizes: impl IntoIterator<Item = u64>,
) -> Result<LedgerSurvey, PublicationError> {
    let reader = EntryReader::open(world, dir, wait)?;
    let own = |name: &'static str| {
        let parse = |bytes| {
            StoredNote::parse(bytes).map_err(|source| PublicationError::Unusable { name, source })
        };
        reader.file(name).map(parse).transpose()
    };
    let newest = own(CHECKPOINT_FILE)?.ok_or(PublicationError::NoCheckpoint)?;
    let cosigned = own(COSIGNED_FILE)?;
    let own = [Some(&newest), cosigned.as_ref()];
    let stated = own.into_iter().flatten().map(|noted| noted.stated.size);
    let mut entries = EntrySurvey::wanting(stated.chain(sizes));
    for stored in reader {
        let stored = stored?;
        let sequence = stored.sequence;
        let taken = entries.take(&stored);
        taken.map_err(|why| PublicationError::Entry { sequence, why })?;
    }
    Ok(LedgerSurvey {
        entries,
        newest,
        cosigned,
    })
}

/// The root at a size; where there are fewer entries, of all.
fn found_at(entries: &EntrySurvey, size: u64) -> NodeHash {
    let found = entries.root_at(size);
    found.unwrap_or_else(|| entries.edge().root())
}

impl LedgerSurvey {
    /// Holds the ledger's own checkpoints against its entries.
    pub(crate) fn check(&self) -> Result<(), PublicationError> {
        let own = [
            (CHECKPOINT_FILE, Some(&self.newest)),
            (COSIGNED_FILE, self.cosigned.as_ref()),
        ];
        for (name, noted) in own {
            let Some(noted) = noted else { continue };
            let Checkpoint { size, root, .. } = noted.stated;
            self.entries
                .check_signature(&noted.bytes, size)
                .map_err(|source| PublicationError::Unusable { name, source })?;
            if !self.entries.has(&noted.stated) {
                return Err(PublicationError::Contradicted {
                    name,
                    size,
                    stated: root,
                    found: found_at(&self.entries, size),
                });
            }
        }
        Ok(())
    }

    /// Decides what the copy will state, which is never less than it does.
    pub(super) fn choose(
        &self,
        publication: &Publication<'_>,
        before: Option<StoredNote>,
    ) -> Result<PublicationPlan, PublicationError> {
        self.check()?;
        if self.newest.stated.size == 0 {
            return Err(PublicationError::NoCheckpoint);
        }
        if let Some(before) = &before {
            self.check_published(publication, before)?;
        }
        let cosigned = self.cosigned.as_ref().filter(|_| !publication.newest);
        let wanted = cosigned.unwrap_or(&self.newest);
        let note = match &before {
            Some(before) if before.stated.size > wanted.stated.size => before,
            // The one with cosignatures, whichever of the two that is.
            Some(before) if before.stated.size == wanted.stated.size => cosigned.unwrap_or(before),
            _ => wanted,
        };
        Ok(PublicationPlan {
            note: note.clone(),
            before: before.clone(),
            ledger: self.newest.stated.size,
        })
    }

    fn check_published(
        &self,
        publication: &Publication<'_>,
        before: &StoredNote,
    ) -> Result<(), PublicationError> {
        let path = || publication.to.to_owned();
        let Checkpoint { size, root, origin } = &before.stated;
        // A ledger that was rolled back may not know yet who sealed what is published.
        let is_behind = *size > self.newest.stated.size && *origin == self.newest.stated.origin;
        if is_behind {
            return Err(PublicationError::Behind {
                path: path(),
                published: *size,
                found: self.newest.stated.size,
            });
        }
        self.entries
            .check_signature(&before.bytes, *size)
            .map_err(|source| PublicationError::OtherLedger {
                path: path(),
                source,
            })?;
        match self.entries.has(&before.stated) {
            true => Ok(()),
            false => Err(PublicationError::Beside {
                path: path(),
                size: *size,
                published: *root,
                found: found_at(&self.entries, *size),
            }),
        }
    }
}
