//! A checkpoint held against the trust file: who signed it, and who has seen it.

use crate::checkpoint::{self, CheckpointError, CosignatureError, SignedCheckpoint};
use crate::note::{self, NoteError, NoteKey, OtherKey, SignedNote};

use super::policy::{Trust, TrustName};

/// How far a witness's clock may be ahead of the reader's, in seconds.
pub const SKEW: u64 = 60;

/// A checkpoint by a trusted log, with what the trusted witnesses say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedCheckpoint {
    /// The checkpoint, its log signature verified.
    pub checkpoint: SignedCheckpoint,
    /// The log's key.
    pub log: NoteKey,
    /// Each trusted witness, and when it cosigned, in seconds since 1970; none where it did not.
    pub witnesses: Vec<(TrustName, Option<u64>)>,
    /// Whether the witnesses that cosigned are as many as the file demands.
    pub quorum: bool,
    /// The witnesses that did not, where another key under the witness's name did.
    pub other_keys: Vec<(TrustName, OtherKey)>,
}

/// Each trusted witness with the time of its cosignature, where there is one, and whether they are enough.
pub type WitnessTimes = (Vec<(TrustName, Option<u64>)>, bool);

/// Why a checkpoint does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistrustError {
    /// No listed log signed it, or it is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A line that names a listed witness, which that witness did not make.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
}

impl Trust {
    /// Opens a checkpoint of a listed log, and counts who cosigned it by `latest` (seconds since
    /// 1970): a cosignature from the future counts for nothing. Clocks may differ by [`SKEW`].
    ///
    /// # Errors
    /// Where it is malformed, no listed log signed it, or the line of a listed log or witness does
    /// not hold.
    pub fn judge(&self, note: &[u8], latest: u64) -> Result<JudgedCheckpoint, DistrustError> {
        let keys: Vec<NoteKey> = self.logs.iter().map(|log| log.key.clone()).collect();
        // Every line of a listed log must hold: what one of them did not make refuses the whole,
        // whoever else signed it.
        let signers = note::open(note, &keys)
            .map_err(CheckpointError::from)?
            .verified;
        let mut refusal = CheckpointError::Note(NoteError::NoTrustedKey);
        let mut opened = None;
        for log in signers {
            match checkpoint::open(note, &log) {
                Ok(signed) => {
                    opened = Some((signed, log));
                    break;
                }
                // A key speaks for the log of its own name only.
                Err(fault) => refusal = fault,
            }
        }
        let (checkpoint, log) = opened.ok_or(refusal)?;
        let parsed = SignedNote::parse(note).map_err(CheckpointError::from)?;
        let (witnesses, quorum) = self.witnessed(&parsed, latest)?;
        let listed = self.witnesses.iter();
        let other_keys = listed
            .filter_map(|witness| Some((witness.name.clone(), witness.key.other_key(&parsed)?)));
        Ok(JudgedCheckpoint {
            checkpoint,
            log,
            witnesses,
            quorum,
            other_keys: other_keys.collect(),
        })
    }

    /// When each trusted witness cosigned `note` by `latest`, and whether they are as many as the
    /// file demands. Who signed it as its log is not asked.
    ///
    /// # Errors
    /// The line of a listed witness that does not hold.
    pub fn witnessed(
        &self,
        note: &SignedNote,
        latest: u64,
    ) -> Result<WitnessTimes, CosignatureError> {
        let mut cosigned = Vec::with_capacity(self.witnesses.len());
        for witness in &self.witnesses {
            let time = witness.key.cosigned(note)?;
            cosigned.push(time.filter(|time| *time <= latest.saturating_add(SKEW)));
        }
        let quorum = self
            .quorum
            .is_none_or(|quorum| self.is_met(quorum, &cosigned));
        let names = self.witnesses.iter().map(|witness| witness.name.clone());
        Ok((names.zip(cosigned).collect(), quorum))
    }
}

impl JudgedCheckpoint {
    /// The witnesses that did not cosign it.
    pub fn missing(&self) -> impl Iterator<Item = &TrustName> {
        let missing = self.witnesses.iter().filter(|(_, time)| time.is_none());
        missing.map(|(name, _)| name)
    }

    /// The lines of another key under the name of a witness that did not.
    #[must_use]
    pub fn other_key(&self, witness: &TrustName) -> Option<&OtherKey> {
        let mut others = self.other_keys.iter();
        others.find_map(|(name, other)| (name == witness).then_some(other))
    }

    /// Those that did, and when.
    pub fn cosigners(&self) -> impl Iterator<Item = (&TrustName, u64)> {
        let there = self.witnesses.iter();
        there.filter_map(|(name, time)| Some((name, (*time)?)))
    }
}
