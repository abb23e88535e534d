//! A checkpoint held against the trust file: who signed it, and who has seen it.

use crate::checkpoint::{
    self, CheckpointError, CosignatureError, CosignerKey, SignedCheckpoint, open_cosigned,
};
use crate::note::{self, NoteError, NoteKey, OtherKey, SignedNote, Vkey};
use crate::time::Timestamp;

use super::policy::{Trust, TrustName, TrustedWitness};

/// How far a witness's clock may be ahead of the reader's, in seconds.
pub const SKEW: u64 = 60;

/// A checkpoint by a trusted log, with what the trusted witnesses say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedCheckpoint {
    /// The checkpoint, its log signature verified.
    pub checkpoint: SignedCheckpoint,
    /// The log's key.
    pub log: Vkey,
    /// Who has seen it.
    pub seen: WitnessedCheckpoint,
}

/// What the trusted witnesses say of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedCheckpoint {
    /// Each trusted witness, and when it cosigned, in seconds since 1970; none where it did not.
    pub witnesses: Vec<(TrustName, Option<u64>)>,
    /// Why a witness counts as not having cosigned, where there is more to say than that.
    pub faults: Vec<(TrustName, WitnessFault)>,
    /// Whether the witnesses that cosigned are as many as the file demands.
    pub quorum: bool,
    /// Whether they would be, with those whose lines are there and cannot be judged.
    pub could_be_quorum: bool,
}

/// Why a trusted witness counts as not having cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessFault {
    /// Another key under the witness's name did.
    #[error("{0}")]
    OtherKey(OtherKey),
    /// Its line is not its own.
    #[error("{0}")]
    NotItsOwn(CosignatureError),
    /// Its line is from later than the reader's clock, one of which is wrong.
    #[error("it cosigned at {}, which is still to come: its clock or this one is wrong", Timestamp::from_unix_seconds(*.0).to_seconds())]
    Later(u64),
    /// Its line cannot be checked.
    #[error("its key is of type 0x{0:02x}, whose cosignatures are not verified here")]
    Unverified(u8),
}

/// Why a checkpoint does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistrustError {
    /// No listed log signed it, or it is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A line that names a listed log or witness, which that one did not make.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
    /// A listed log whose signatures cannot be checked here.
    #[error("it is signed by `{}` with a key of type 0x{:02x}, whose signatures are not verified here", .0.name(), .0.kind())]
    Unverified(Box<Vkey>),
}

impl DistrustError {
    /// Whether a signature is there that its owner did not make. Everything else is no more than not knowing.
    #[must_use]
    pub const fn is_forged(&self) -> bool {
        matches!(
            self,
            Self::Cosignature(_)
                | Self::Checkpoint(CheckpointError::Note(NoteError::BadSignature { .. }))
        )
    }
}

/// When a witness cosigned, or why it counts as not having done so, where there is more to say than that.
type WitnessSaid = Result<u64, Option<WitnessFault>>;

impl Trust {
    /// Opens a checkpoint of a listed log, and counts who cosigned it by `latest` (seconds since
    /// 1970): a cosignature from the future counts for nothing. Clocks may differ by [`SKEW`].
    ///
    /// # Errors
    /// Where it is malformed, no listed log signed it, or the line of a listed log does not hold. What is wrong
    /// with the lines of witnesses is in the answer.
    pub fn judge(&self, note: &[u8], latest: u64) -> Result<JudgedCheckpoint, DistrustError> {
        let (checkpoint, log) = self.opened(note)?;
        let parsed = SignedNote::parse(note).map_err(CheckpointError::from)?;
        let seen = self.witnessed(&parsed, latest);
        Ok(JudgedCheckpoint {
            checkpoint,
            log,
            seen,
        })
    }

    fn opened(&self, note: &[u8]) -> Result<(SignedCheckpoint, Vkey), DistrustError> {
        let keys: Vec<NoteKey> = self.logs.iter().map(|log| log.key.clone()).collect();
        // Every line of a listed log must hold: what one of them did not make refuses the whole,
        // whoever else signed it.
        let mut refusal = match note::open(note, &keys) {
            Ok(opened) => {
                let mut refusal = CheckpointError::Note(NoteError::NoTrustedKey);
                for log in opened.verified {
                    match checkpoint::open(note, &log) {
                        Ok(signed) => return Ok((signed, Vkey::clone(&log))),
                        // A key speaks for the log of its own name only.
                        Err(fault) => refusal = fault,
                    }
                }
                refusal.into()
            }
            Err(fault) => DistrustError::from(CheckpointError::from(fault)),
        };
        if refusal.is_forged() {
            return Err(refusal);
        }
        for log in &self.other_logs {
            let parsed = SignedNote::parse(note).map_err(CheckpointError::from)?;
            if !log.is_named_on(&parsed) {
                continue;
            }
            if !log.is_verified_here() {
                refusal = DistrustError::Unverified(Box::new(Vkey::clone(log)));
            } else if log.cosigned(&parsed)?.is_some() {
                return Ok((open_cosigned(note, log)?, Vkey::clone(log)));
            }
        }
        Err(refusal)
    }

    /// When each trusted witness cosigned `note` by `latest`, and whether they are as many as the
    /// file demands. Who signed it as its log is not asked.
    #[must_use]
    pub fn witnessed(&self, note: &SignedNote, latest: u64) -> WitnessedCheckpoint {
        let said: Vec<_> = self
            .witnesses
            .iter()
            .map(|witness| said(witness, note, latest))
            .collect();
        let is_met = |there: &dyn Fn(&WitnessSaid) -> bool| {
            let there = |place| said.get(place).is_some_and(there);
            self.quorum.is_none_or(|quorum| self.is_met(quorum, there))
        };
        let quorum = is_met(&|said| said.is_ok());
        let could_be_quorum = is_met(&|said| {
            use WitnessFault::{Later, Unverified};
            matches!(said, Ok(_) | Err(Some(Later(_) | Unverified(_))))
        });
        let (mut witnesses, mut faults) = (Vec::new(), Vec::new());
        for (witness, said) in self.witnesses.iter().zip(said) {
            witnesses.push((witness.name.clone(), said.as_ref().ok().copied()));
            faults.extend(
                said.err()
                    .flatten()
                    .map(|fault| (witness.name.clone(), fault)),
            );
        }
        WitnessedCheckpoint {
            witnesses,
            faults,
            quorum,
            could_be_quorum,
        }
    }
}

/// When a witness cosigned a note, or why it counts as not having done so.
fn said(witness: &TrustedWitness, note: &SignedNote, latest: u64) -> WitnessSaid {
    let key: &CosignerKey = &witness.key;
    match key.cosigned(note) {
        Ok(Some(time)) if time <= latest.saturating_add(SKEW) => Ok(time),
        Ok(Some(time)) => Err(Some(WitnessFault::Later(time))),
        Ok(None) if key.is_named_on(note) => Err(Some(WitnessFault::Unverified(key.kind()))),
        Ok(None) => Err(key.other_key(note).map(WitnessFault::OtherKey)),
        // A line that anybody may have put there says nothing against the log.
        Err(fault) => Err(Some(WitnessFault::NotItsOwn(fault))),
    }
}

impl WitnessedCheckpoint {
    /// The witnesses that did not cosign it.
    pub fn missing(&self) -> impl Iterator<Item = &TrustName> {
        let missing = self.witnesses.iter().filter(|(_, time)| time.is_none());
        missing.map(|(name, _)| name)
    }

    /// Why a witness counts as not having cosigned it, where there is more to say than that.
    #[must_use]
    pub fn fault(&self, witness: &TrustName) -> Option<&WitnessFault> {
        let mut faults = self.faults.iter();
        faults.find_map(|(name, fault)| (name == witness).then_some(fault))
    }

    /// Those that did, and when.
    pub fn cosigners(&self) -> impl Iterator<Item = (&TrustName, u64)> {
        let there = self.witnesses.iter();
        there.filter_map(|(name, time)| Some((name, (*time)?)))
    }
}
