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
    /// It answered with something that it did not sign, which counts for nothing: neither as a cosignature nor
    /// against the ledger.
    #[error("answered with nothing that it signed: {0}")]
    Unsigned(String),
    /// Ledger and witness disagree about what the ledger signed before, by what the witness has signed.
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

/// Asks a witness. `prove` makes the consistency proof from a size, and `post` carries the request;
/// `contradicts` tells whether the witness shows a checkpoint, signed by it, that the ledger does not extend.
///
/// # Errors
/// Why it did not cosign.
pub fn ask(
    question: CosignQuestion<'_>,
    prove: &mut dyn FnMut(u64) -> Result<Vec<NodeHash>, String>,
    post: &mut dyn FnMut(&[u8]) -> Result<Reply, ClientError>,
    contradicts: &mut dyn FnMut() -> bool,
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
        // Anybody may answer in the witness's place that the ledger was cut short.
        let disagrees = |status, words| match contradicts() {
            true => CosignError::Disagrees {
                status,
                words,
                request,
            },
            false => CosignError::Unsigned(format!("{status} {words}")),
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
                    return Err(CosignError::Unsigned(format!(
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
    let bad = |why: String| CosignError::Unsigned(format!("200 with {why}"));
    let whole = [note.to_string().as_bytes(), body].concat();
    let answered =
        SignedNote::parse(&whole).map_err(|fault| bad(format!("no signature lines: {fault}")))?;
    let cosigned = witness
        .newest_line(&answered)
        .map_err(|fault| bad(fault.to_string()))?;
    let (time, line) =
        cosigned.ok_or_else(|| bad(format!("no cosignature by `{}`", witness.name())))?;
    if time == 0 {
        return Err(bad("a cosignature of no time".to_owned()));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{cosign, sign};
    use crate::key::SecretKey;
    use crate::note::KeyName;

    /// What a witness, or whoever answers in its place, is taken to have said.
    fn asked(
        status: u16,
        body: &str,
        contradicts: bool,
    ) -> Result<WitnessCosignature, CosignError> {
        let key = SecretKey::from_seed(&[2; 32]);
        let witness = CosignerKey::of(KeyName::new("w.example").unwrap(), &key);
        let checkpoint = Checkpoint {
            origin: "ledger.example/x".to_owned(),
            size: 7,
            root: NodeHash::from_bytes([7; 32]),
        };
        let note = sign(&checkpoint, &SecretKey::from_seed(&[1; 32]));
        let note = SignedNote::parse(note.as_bytes()).unwrap();
        let question = CosignQuestion {
            witness: &witness,
            note: &note,
            checkpoint: &checkpoint,
            believed: 0,
        };
        let reply = Reply {
            status,
            content_type: String::new(),
            body: body.as_bytes().to_vec(),
        };
        ask(
            question,
            &mut |_| Ok(Vec::new()),
            &mut |_| Ok(reply.clone()),
            &mut || contradicts,
        )
    }

    #[test]
    fn what_a_witness_did_not_sign_is_its_fault_and_counts_for_nothing() {
        let name = KeyName::new("w.example").unwrap();
        let key = SecretKey::from_seed(&[2; 32]);
        let foreign = cosign("another text\n", 1_800_000_000, &name, &key);
        let stranger = SecretKey::from_seed(&[3; 32]);
        let strangers = cosign("another text\n", 1_800_000_000, &name, &stranger);
        for (status, body) in [
            (200, ""),
            (200, "OK\n"),
            (200, "<html>\n"),
            (200, foreign.as_str()),
            (200, strangers.as_str()),
            (409, "4096\n"),
            (409, "many\n"),
            (422, "you have forked\n"),
        ] {
            let said = asked(status, body, false).unwrap_err();
            assert!(
                matches!(said, CosignError::Unsigned(_)),
                "{status} {body}: {said}"
            );
        }
        // It is another matter where the witness shows what it signed.
        for (status, body) in [(409, "4096\n"), (422, "no\n")] {
            let said = asked(status, body, true).unwrap_err();
            assert!(matches!(said, CosignError::Disagrees { .. }), "{said}");
        }
        let said = asked(503, "busy\n", true).unwrap_err();
        assert!(matches!(said, CosignError::Unreachable(_)), "{said}");
    }
}
