//! The newest checkpoint in its two places: in the folder, and outside it.
//!
//! Both are written after every commit, in place and without a sync: a rename costs more than the
//! append itself. A power cut may therefore bring back an older one, which the ledger extends. It
//! does not leave a mixture of two: a note is shorter than a disk sector, and where the new one has
//! another length than the old one, it is written aside and renamed.

use std::path::Path;

use crate::checkpoint::{self, Checkpoint};
use crate::ledger::error::OpenError;
use crate::note::NoteKey;
use crate::store::engine::EngineSlot;
use crate::sys::disk::DiskError;

/// What one of the two places holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeadCheckpoint {
    /// A checkpoint signed by the ledger's key, and its bytes.
    Intact(Checkpoint, Vec<u8>),
    /// Nothing that could be used, and why.
    Lost(&'static str),
}

impl HeadCheckpoint {
    /// The checkpoint that was `found` at `path`. Where it has the very bytes of one that was `read_before`,
    /// the same holds of it.
    ///
    /// # Errors
    /// A whole checkpoint of another ledger. One that is missing, cut short or not signed by any of `keys` is
    /// [`HeadCheckpoint::Lost`].
    pub(crate) fn of(
        found: Option<Vec<u8>>,
        path: &Path,
        keys: &[NoteKey],
        read_before: Option<&Self>,
    ) -> Result<Self, OpenError> {
        let Some(bytes) = found else {
            return Ok(Self::Lost("it is missing"));
        };
        if bytes.is_empty() {
            return Ok(Self::Lost("it is empty"));
        }
        if let Some(same @ Self::Intact(_, before)) = read_before
            && *before == bytes
        {
            return Ok(same.clone());
        }
        for key in keys {
            if let Ok(signed) = checkpoint::open(&bytes, key) {
                return Ok(Self::Intact(signed.checkpoint().clone(), bytes));
            }
        }
        if let Ok(stated) = checkpoint::stated(&bytes)
            && keys.iter().all(|key| key.name().as_str() != stated.origin)
        {
            return Err(OpenError::OtherLedgersHead {
                path: path.to_owned(),
                origin: stated.origin.to_string(),
            });
        }
        // In few words and without its content: this is recorded, and it could hold anything.
        Ok(Self::Lost(
            "it is damaged, or not signed by the ledger's key",
        ))
    }

    /// Its bytes, where it can be used.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Intact(_, bytes) => Some(bytes),
            Self::Lost(_) => None,
        }
    }

    pub(crate) const fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Intact(checkpoint, _) => Some(checkpoint),
            Self::Lost(_) => None,
        }
    }
}

/// The newest checkpoint, and its two places.
#[derive(Debug)]
pub(crate) struct PublishedHead {
    note: String,
    places: [Box<dyn EngineSlot>; 2],
}

impl PublishedHead {
    /// For the checkpoint in the ledger and the one outside. Nothing is written yet.
    pub(crate) const fn new(places: [Box<dyn EngineSlot>; 2]) -> Self {
        let note = String::new();
        Self { note, places }
    }

    /// The newest note.
    pub(crate) fn note(&self) -> &str {
        &self.note
    }

    /// Takes the note that both places hold already, so that it is not written again.
    pub(crate) fn adopt(&mut self, note: String) {
        for place in &mut self.places {
            place.adopt(note.as_bytes());
        }
        self.note = note;
    }

    /// Writes `note` to both places.
    ///
    /// # Errors
    /// A refusal. Both were tried.
    pub(crate) fn publish(&mut self, note: String) -> Result<(), DiskError> {
        let results = self
            .places
            .each_mut()
            .map(|place| place.write(note.as_bytes()));
        self.note = note;
        results.into_iter().collect()
    }

    /// Makes the newest note durable in both places: after a power cut it is there.
    ///
    /// # Errors
    /// A refusal. Both were tried.
    pub(crate) fn make_durable(&mut self) -> Result<(), DiskError> {
        let note = self.note.as_bytes();
        let results = self
            .places
            .each_mut()
            .map(|place| place.write_durably(note));
        results.into_iter().collect()
    }
}
