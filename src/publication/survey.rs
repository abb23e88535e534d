//! What of the ledger can be published, and what stands in the copy already.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::hash::{Blake3Digest, LeafHash, NodeHash};
use crate::ledger::{CHECKPOINT_FILE, COSIGNED_FILE, EntryReader};
use crate::merkle::Frontier;
use crate::note::{NOTE_LIMIT, NoteError, NoteKey, Origin, SignedNote};
use crate::register::Register;
use crate::store::blobs::ATTACHMENTS;
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::publish::is_leftover;
use crate::timetoken::TIMESTAMPS;

use super::error::PublicationError;
use super::task::Publication;

/// A checkpoint and the note that it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredNote {
    pub(super) bytes: Vec<u8>,
    pub(super) stated: Checkpoint,
}

impl StoredNote {
    fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
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

/// What the entries amount to, as far as a publication asks.
pub(super) struct LedgerSurvey {
    register: Register,
    roots: BTreeMap<u64, NodeHash>,
    root: NodeHash,
    newest: StoredNote,
    cosigned: Option<StoredNote>,
    /// Attachments and the entries that name them first.
    attachments: BTreeMap<Blake3Digest, u64>,
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

/// Reads the ledger from end to end.
pub(super) fn read(
    publication: &Publication<'_>,
    before: Option<&StoredNote>,
) -> Result<LedgerSurvey, PublicationError> {
    let reader = EntryReader::open(publication.world, publication.ledger, publication.wait)?;
    let own = |name: &'static str| {
        let parse = |bytes| {
            StoredNote::parse(bytes).map_err(|source| PublicationError::Unusable { name, source })
        };
        reader.file(name).map(parse).transpose()
    };
    let newest = own(CHECKPOINT_FILE)?.ok_or(PublicationError::NoCheckpoint)?;
    let cosigned = match publication.newest {
        true => None,
        false => own(COSIGNED_FILE)?,
    };
    let wanted: BTreeSet<u64> = [Some(&newest), cosigned.as_ref(), before]
        .into_iter()
        .flatten()
        .map(|noted| noted.stated.size)
        .collect();
    let mut register = Register::default();
    let mut roots = BTreeMap::new();
    let mut attachments = BTreeMap::new();
    let mut frontier = Frontier::new();
    for stored in reader {
        let stored = stored?;
        let sequence = stored.sequence;
        frontier.append(LeafHash::of(&stored.bytes));
        if wanted.contains(&frontier.size()) {
            roots.insert(frontier.size(), frontier.root());
        }
        for attachment in &stored.statement.attachments {
            attachments.entry(attachment.blake3).or_insert(sequence);
        }
        let recorded = stored
            .statement
            .recorded_as(sequence, stored.entry.recorded);
        register
            .place(&recorded)
            .map_err(|denial| PublicationError::Entry {
                sequence,
                why: denial.message,
            })?;
    }
    Ok(LedgerSurvey {
        register,
        roots,
        root: frontier.root(),
        newest,
        cosigned,
        attachments,
    })
}

impl LedgerSurvey {
    /// Decides what the copy will state, which is never less than it does.
    pub(super) fn choose(
        &self,
        publication: &Publication<'_>,
        before: Option<StoredNote>,
    ) -> Result<PublicationPlan, PublicationError> {
        self.check_own(CHECKPOINT_FILE, &self.newest)?;
        if self.newest.stated.size == 0 {
            return Err(PublicationError::NoCheckpoint);
        }
        if let Some(cosigned) = &self.cosigned {
            self.check_own(COSIGNED_FILE, cosigned)?;
        }
        if let Some(before) = &before {
            self.check_published(publication, before)?;
        }
        let wanted = self.cosigned.as_ref().unwrap_or(&self.newest);
        let note = match &before {
            Some(before) if before.stated.size > wanted.stated.size => before,
            // The one with cosignatures, whichever of the two that is.
            Some(before) if before.stated.size == wanted.stated.size => {
                self.cosigned.as_ref().unwrap_or(before)
            }
            _ => wanted,
        };
        Ok(PublicationPlan {
            note: note.clone(),
            before: before.clone(),
            ledger: self.newest.stated.size,
        })
    }

    /// The attachments that entries before `size` name, and whether they were expunged.
    pub(super) fn attachments(&self, size: u64) -> impl Iterator<Item = (&Blake3Digest, bool)> {
        let expunged: BTreeSet<_> = self.register.charter.expunged.iter().collect();
        self.attachments
            .iter()
            .filter(move |(_, sequence)| **sequence < size)
            .map(move |(digest, _)| (digest, expunged.contains(digest)))
    }

    fn check_own(&self, name: &'static str, noted: &StoredNote) -> Result<(), PublicationError> {
        self.check_signature(noted)
            .map_err(|source| PublicationError::Unusable { name, source })?;
        let Checkpoint { size, root, .. } = noted.stated;
        match self.roots.get(&size) {
            Some(found) if *found == root => Ok(()),
            found => Err(PublicationError::Contradicted {
                name,
                size,
                stated: root,
                found: found.copied().unwrap_or(self.root),
            }),
        }
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
        self.check_signature(before)
            .map_err(|source| PublicationError::OtherLedger {
                path: path(),
                source,
            })?;
        match self.roots.get(size) {
            Some(found) if found == root => Ok(()),
            found => Err(PublicationError::Beside {
                path: path(),
                size: *size,
                published: *root,
                found: found.copied().unwrap_or(self.root),
            }),
        }
    }

    /// Whether the sealing key of its time signed it.
    fn check_signature(&self, noted: &StoredNote) -> Result<(), CheckpointError> {
        let charter = &self.register.charter;
        let origin = charter.origin.as_ref();
        let key = origin
            .and_then(|origin| Origin::new(origin.as_str()).ok())
            .zip(charter.keyring.seal_at(noted.stated.size))
            .and_then(|(origin, seal)| NoteKey::new(origin, seal.key).ok());
        let key = key.ok_or(NoteError::NoTrustedKey)?;
        checkpoint::open(&noted.bytes, &key).map(drop)
    }
}
