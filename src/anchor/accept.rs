//! A cosignature that came by hand, as the answer to a request that was printed.

use crate::checkpoint::{Checkpoint, CheckpointError, CosignatureError};
use crate::note::{NoteError, SignedNote};
use crate::sys::disk::DiskError;

use super::round::WitnessRound;

/// Why nothing was taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// What came back is no line of a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// What was asked about is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What was asked about is another ledger.
    #[error("the request is of `{0}`")]
    OtherLedger(String),
    /// A line names a witness's key and does not hold.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
    /// Somebody else cosigned, or nobody.
    #[error("no line of a chosen witness is in it")]
    NotChosen,
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedLines {
    /// The size that was cosigned.
    pub size: u64,
    /// The witnesses by their names, and when they cosigned.
    pub witnesses: Vec<(String, u64)>,
}

impl WitnessRound<'_> {
    /// Takes what chosen witnesses signed below `request`, and keeps it as if they had been asked.
    ///
    /// # Errors
    /// Nothing in `lines` is a chosen witness's, or it is about another ledger; or the disk's refusal.
    pub fn accept(&self, request: &SignedNote, lines: &[u8]) -> Result<AcceptedLines, AcceptError> {
        let note = SignedNote::parse(&[request.to_string().as_bytes(), lines].concat())?;
        let stated = Checkpoint::parse(note.text())?;
        if stated.origin != self.newest.stated().origin {
            return Err(AcceptError::OtherLedger(stated.origin));
        }
        let book = self.settings.book();
        let mut witnesses = Vec::new();
        for witness in self.trust.witnesses() {
            let Some((time, line)) = witness.key.newest_line(&note)? else {
                continue;
            };
            let cosigned = SignedNote::parse(format!("{request}{line}").as_bytes())?;
            book.remember_newer(witness, &cosigned, &stated)?;
            witnesses.push((witness.name.to_string(), time));
        }
        if witnesses.is_empty() {
            return Err(AcceptError::NotChosen);
        }
        book.bring_up(self.trust, &self.cosigned_places())?;
        let size = stated.size;
        Ok(AcceptedLines { size, witnesses })
    }
}
