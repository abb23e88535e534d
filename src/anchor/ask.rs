//! The dialogue with one witness (C2SP tlog-witness), from the ledger's side.

use crate::checkpoint::{Checkpoint, CosignerKey};
use crate::hash::NodeHash;
use crate::http::{ClientError, Reply};
use crate::note::SignedNote;
use crate::text::decimal;
use crate::witness::AddCheckpoint;

/// Questions to one witness: its size may move while it is asked.
const TRIES: usize = 3;
/// What is shown of a witness's words.
const WORDS: usize = 200;

/// A witness's cosignature of a checkpoint, with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessCosignature {
    /// When, in seconds since 1970.
    pub time: u64,
    /// The checkpoint with the log's signature and this witness's.
    pub note: SignedNote,
}

/// Why a witness gave no cosignature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// Nobody answered, or not in a way that means anything.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// Nobody knows where to ask it: requests are carried to it by hand.
    #[error("not reached: it has no url")]
    NoUrl,
    /// The witness does not follow this ledger, or not with this key, or does not understand it.
    #[error("refused with {status}: {words}")]
    Refused {
        /// The status code.
        status: u16,
        /// What it said.
        words: String,
    },
    /// Ledger and witness disagree about what the ledger signed before.
    #[error("disagrees ({status}): {words}")]
    Disagrees {
        /// The status code.
        status: u16,
        /// What it said, or what follows from it.
        words: String,
        /// The request that it refused.
        request: String,
    },
    /// The ledger cannot prove what it was asked to prove.
    #[error("no proof can be made: {0}")]
    NoProof(String),
}

impl CosignError {
    /// Whether the witness does not follow this ledger, or not with this key: what its operator has to
    /// settle, and nobody else can.
    #[must_use]
    pub const fn is_unfollowed(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 403 | 404,
                ..
            }
        )
    }
}

/// What a witness is asked to cosign.
#[derive(Debug, Clone, Copy)]
pub struct CosignQuestion<'a> {
    /// The witness.
    pub witness: &'a CosignerKey,
    /// The checkpoint with the log's signature.
    pub note: &'a SignedNote,
    /// What it states.
    pub checkpoint: &'a Checkpoint,
    /// The size that the witness is thought to have cosigned last; it says where that is wrong.
    pub believed: u64,
}

/// Asks a witness. `prove` makes the consistency proof from a size, and `post` carries the request.
///
/// # Errors
/// Why it did not cosign.
pub fn ask(
    question: CosignQuestion<'_>,
    prove: &mut dyn FnMut(u64) -> Result<Vec<NodeHash>, String>,
    post: &mut dyn FnMut(&[u8]) -> Result<Reply, ClientError>,
) -> Result<WitnessCosignature, CosignError> {
    let size = question.checkpoint.size;
    let mut old = question.believed.min(size);
    for _ in 0..TRIES {
        let proof = match old {
            0 => Vec::new(),
            _ if old == size => Vec::new(),
            _ => prove(old).map_err(CosignError::NoProof)?,
        };
        let note = question.note.clone();
        let request = AddCheckpoint { old, proof, note }.format();
        let reply = post(request.as_bytes())
            .map_err(|fault| CosignError::Unreachable(fault.to_string()))?;
        let words = words(&reply.body);
        let disagrees = |status, words| CosignError::Disagrees {
            status,
            words,
            request,
        };
        match reply.status {
            200 => return accept(question.witness, question.note, &reply.body),
            409 => match parse_size(&reply) {
                Some(known) if known <= size => old = known,
                Some(known) => {
                    let words =
                        format!("it has cosigned size {known}, and this ledger ends at {size}");
                    return Err(disagrees(409, words));
                }
                None => {
                    return Err(CosignError::Unreachable(format!(
                        "409 without a size: {words}"
                    )));
                }
            },
            422 => return Err(disagrees(422, words)),
            status @ (400 | 403 | 404 | 405 | 413) => {
                return Err(CosignError::Refused { status, words });
            }
            status => return Err(CosignError::Unreachable(format!("{status} {words}"))),
        }
    }
    Err(CosignError::Unreachable("its size keeps moving".to_owned()))
}

/// Takes the line of this witness out of an answer. Lines of others mean nothing here, and one in
/// its name that does not hold makes the answer worthless.
fn accept(
    witness: &CosignerKey,
    note: &SignedNote,
    body: &[u8],
) -> Result<WitnessCosignature, CosignError> {
    let bad = |why: String| CosignError::Unreachable(format!("200 with {why}"));
    let whole = [note.to_string().as_bytes(), body].concat();
    let answered =
        SignedNote::parse(&whole).map_err(|fault| bad(format!("no signature lines: {fault}")))?;
    let cosigned = witness
        .newest_line(&answered)
        .map_err(|fault| bad(fault.to_string()))?;
    let (time, line) =
        cosigned.ok_or_else(|| bad(format!("no cosignature by `{}`", witness.name())))?;
    let note = SignedNote::parse(format!("{note}{line}").as_bytes());
    Ok(WitnessCosignature {
        time,
        note: note.map_err(|fault| bad(fault.to_string()))?,
    })
}

/// The body of a 409: a number in its one form and a line break.
fn parse_size(reply: &Reply) -> Option<u64> {
    let text = std::str::from_utf8(&reply.body).ok()?;
    decimal(text.strip_suffix('\n').unwrap_or(text))
}

/// A stranger's words, fit for a line on a screen.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    let shown = line.chars().take(WORDS);
    shown
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .collect()
}
