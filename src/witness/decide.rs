//! What a witness answers, out of what it knows and the bytes of a request. No file, no clock.
//!
//! The checks stand in the order of C2SP tlog-witness v1.0.0, so that every witness gives the same
//! answer to the same request.

use super::request::{AddCheckpoint, RequestError};
use crate::checkpoint::{Checkpoint, CheckpointError, parse_origin};
use crate::hash::NodeHash;
use crate::merkle::ConsistencyProof;
use crate::note::{self, KeyName, NoteError, NoteKey, OtherKey};

/// What a witness knows of one log: its keys, and the checkpoint last cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLog {
    /// The keys that it trusts to sign for the origin.
    pub keys: Vec<NoteKey>,
    /// The checkpoint that it has last cosigned; none before the first.
    pub last: Option<Checkpoint>,
}

/// A checkpoint that may be cosigned, once that is remembered durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignableCheckpoint {
    /// What it states.
    pub checkpoint: Checkpoint,
    /// The text that is signed, with its final line break.
    pub text: String,
    /// The log's keys that signed it.
    pub signed_by: Vec<NoteKey>,
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignRefusal {
    /// 400: no request, or no checkpoint in it.
    #[error("{0}")]
    Malformed(String),
    /// 404: this witness does not follow that log.
    #[error("the origin of the checkpoint is not known here")]
    UnknownOrigin,
    /// 403: not signed by a key that is trusted for its origin.
    #[error("no key that is trusted for `{origin}` has signed the checkpoint{}", why(other.as_ref()))]
    NotSigned {
        /// The log.
        origin: String,
        /// The key that has, under the log's name.
        other: Option<OtherKey>,
    },
    /// 403: no key that is followed names another one.
    #[error("no key that is trusted for `{0}` names its successor there")]
    NoSuccessor(KeyName),
    /// 400: the proof is to begin beyond the checkpoint.
    #[error("the old size {old} is beyond the checkpoint's {new}")]
    OldBeyondNew {
        /// As asked.
        old: u64,
        /// As signed.
        new: u64,
    },
    /// 409: the proof does not begin where this witness stands.
    #[error("the size last cosigned is {known}, not {old}")]
    Conflict {
        /// The size last cosigned; 0 if none was.
        known: u64,
        /// As asked.
        old: u64,
    },
    /// 422: the log contradicts what it signed before, or does not show that it does not.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// What is wrong between a checkpoint and the one cosigned before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// No entries, and a root that no empty tree has.
    #[error("the checkpoint states 0 entries and a root that no empty tree has")]
    EmptyTree,
    /// A proof from nothing: there is nothing to prove.
    #[error("a proof from size 0 must be empty")]
    ProofFromNothing,
    /// The same size with another root: two signed checkpoints that show a fork by themselves.
    #[error("another root was cosigned at size {size}")]
    OtherRoot {
        /// The size of both.
        size: u64,
    },
    /// The proof does not lead from the one root to the other.
    #[error("the proof does not show that size {new} extends size {old}")]
    NotConsistent {
        /// The size last cosigned.
        old: u64,
        /// The size of the checkpoint.
        new: u64,
    },
}

/// Whether a refused request shows that the log has two histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForkEvidence {
    /// Signed by the log at a size at which it signed another root: proof of a fork.
    Fork,
    /// Signed by the log, without a proof that it extends what it signed before. The log itself
    /// would have sent one; but anybody may send a signed checkpoint and a proof of nothing.
    Unproven,
}

fn why(other: Option<&OtherKey>) -> String {
    other.map_or_else(String::new, |other| format!(": {other}"))
}

impl CosignRefusal {
    /// The status code of tlog-witness.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::OldBeyondNew { .. } => 400,
            Self::NotSigned { .. } | Self::NoSuccessor(_) => 403,
            Self::UnknownOrigin => 404,
            Self::Conflict { .. } => 409,
            Self::Contradiction(_) => 422,
        }
    }
}

impl From<RequestError> for CosignRefusal {
    fn from(fault: RequestError) -> Self {
        Self::Malformed(fault.to_string())
    }
}

/// What a request comes to, and whether it is evidence against the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessDecision {
    /// Whether to cosign.
    pub outcome: Result<CosignableCheckpoint, CosignRefusal>,
    /// What the request shows by itself, whatever is answered.
    pub evidence: Option<ForkEvidence>,
}

/// The origin that a request is about: its checkpoint's first line, where it can be one. Nothing
/// vouches for it.
pub(super) fn origin_of(request: &AddCheckpoint) -> Option<&str> {
    let line = request.note.text().split('\n').next()?;
    parse_origin(line).is_ok().then_some(line)
}

/// Decides about a request for a log of which `known` is known; `None` where this witness does not
/// follow it.
#[must_use]
pub fn decide(request: &AddCheckpoint, known: Option<&KnownLog>) -> WitnessDecision {
    let refused = |refusal| WitnessDecision {
        outcome: Err(refusal),
        evidence: None,
    };
    let Some(origin) = origin_of(request) else {
        return refused(match Checkpoint::parse(request.note.text()) {
            Err(fault @ (CheckpointError::EmptyLine | CheckpointError::Missing(_))) => {
                CosignRefusal::Malformed(fault.to_string())
            }
            // Origins that cannot be written down here cannot be followed here.
            _ => CosignRefusal::UnknownOrigin,
        });
    };
    let Some(known) = known else {
        return refused(CosignRefusal::UnknownOrigin);
    };
    let (outcome, evidence) = judge(request, known, origin);
    WitnessDecision { outcome, evidence }
}

fn judge(
    request: &AddCheckpoint,
    known: &KnownLog,
    origin: &str,
) -> (
    Result<CosignableCheckpoint, CosignRefusal>,
    Option<ForkEvidence>,
) {
    let note = request.note.to_string();
    let opened = match note::open(note.as_bytes(), &known.keys) {
        Ok(opened) => opened,
        Err(fault) => {
            let origin = origin.to_owned();
            let other = match fault {
                NoteError::OtherKey(other) => Some(other),
                _ => None,
            };
            return (Err(CosignRefusal::NotSigned { origin, other }), None);
        }
    };
    let (size, root) = match Checkpoint::parse(&opened.text) {
        Ok(checkpoint) => (checkpoint.size, Some(checkpoint.root)),
        // Refused further down, in its turn.
        Err(CheckpointError::EmptyTree) => (0, None),
        Err(fault) => return (Err(CosignRefusal::Malformed(fault.to_string())), None),
    };
    let last = known.last.as_ref();
    let fork = last
        .filter(|last| last.size == size && root.is_some_and(|root| root != last.root))
        .map(|_| ForkEvidence::Fork);
    let (from, from_root) = last.map_or((0, NodeHash::empty()), |last| (last.size, last.root));
    if request.old > size {
        let (old, new) = (request.old, size);
        return (Err(CosignRefusal::OldBeyondNew { old, new }), fork);
    }
    if request.old != from {
        let (known, old) = (from, request.old);
        return (Err(CosignRefusal::Conflict { known, old }), fork);
    }
    let Some(root) = root else {
        return (Err(Contradiction::EmptyTree.into()), fork);
    };
    if let Err(contradiction) = extends(from, from_root, size, root, &request.proof) {
        let unproven = matches!(contradiction, Contradiction::NotConsistent { .. });
        let evidence = fork.or(unproven.then_some(ForkEvidence::Unproven));
        return (Err(contradiction.into()), evidence);
    }
    let accepted = CosignableCheckpoint {
        checkpoint: Checkpoint {
            origin: origin.to_owned(),
            size,
            root,
        },
        text: opened.text,
        signed_by: opened.verified,
    };
    (Ok(accepted), None)
}

fn extends(
    old: u64,
    old_root: NodeHash,
    new: u64,
    new_root: NodeHash,
    proof: &[NodeHash],
) -> Result<(), Contradiction> {
    if old == 0 {
        // Size 0 is a beginning, whether a checkpoint of it was cosigned or none.
        return match proof {
            [] => Ok(()),
            _ => Err(Contradiction::ProofFromNothing),
        };
    }
    if old == new && old_root != new_root {
        return Err(Contradiction::OtherRoot { size: new });
    }
    ConsistencyProof::from_hashes(proof.to_vec())
        .check((old, old_root), (new, new_root))
        .map_err(|_| Contradiction::NotConsistent { old, new })
}
