//! The body of an `add-checkpoint` request (C2SP tlog-witness v1.0.0), written and read.
//!
//! ```text
//! old <size>
//! <base64 hash>          0 to 63 lines: the consistency proof from that size
//! <empty line>
//! <checkpoint, a signed note>
//! ```

use crate::hash::NodeHash;
use crate::merkle::CONSISTENCY_LIMIT;
use crate::note::{NoteError, SignedNote};
use crate::text::decimal;

/// The most bytes that a request may have.
pub const REQUEST_LIMIT: usize = 1 << 20;

/// A request to cosign a checkpoint. Nothing in it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the asker believes the witness has last cosigned.
    pub old: u64,
    /// Proof that the tree of the checkpoint extends the tree of size `old`.
    pub proof: Vec<NodeHash>,
    /// The checkpoint with the log's signature.
    pub note: SignedNote,
}

/// Why bytes are no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More bytes than [`REQUEST_LIMIT`].
    #[error("the request is {found} bytes long; the limit is {REQUEST_LIMIT}")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// The lines before the checkpoint are no text.
    #[error("the request is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first bad byte.
        at: usize,
    },
    /// The first line is not `old` and a number in its one form.
    #[error("the first line does not read `old <size>`")]
    Old,
    /// More hashes than [`CONSISTENCY_LIMIT`].
    #[error("the consistency proof has more than {CONSISTENCY_LIMIT} lines")]
    LongProof,
    /// A line of the proof is not the canonical base64 of 32 bytes.
    #[error("line {line} of the consistency proof is not the base64 of 32 bytes")]
    Hash {
        /// Counted from 1 below the first line.
        line: usize,
    },
    /// The request ends before its empty line.
    #[error("there is no empty line before the checkpoint")]
    NoSeparator,
    /// What follows the empty line is no signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl AddCheckpoint {
    /// The body as it travels.
    #[must_use]
    pub fn format(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            body.push_str(&hash.to_base64());
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.note.to_string());
        body
    }

    /// Reads a body, strictly: formatting it again gives the same bytes.
    ///
    /// # Errors
    /// Where the bytes are not exactly one request, or more than the limits.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > REQUEST_LIMIT {
            return Err(RequestError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|fault| RequestError::NotUtf8 {
            at: fault.valid_up_to(),
        })?;
        let (first, mut rest) = text.split_once('\n').ok_or(RequestError::Old)?;
        let old = first
            .strip_prefix("old ")
            .and_then(decimal)
            .ok_or(RequestError::Old)?;
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(RequestError::NoSeparator)?;
            rest = after;
            if line.is_empty() {
                break;
            }
            if proof.len() == CONSISTENCY_LIMIT {
                return Err(RequestError::LongProof);
            }
            let line_number = proof.len() + 1;
            let hash =
                NodeHash::from_base64(line).ok_or(RequestError::Hash { line: line_number })?;
            proof.push(hash);
        }
        let note = SignedNote::parse(rest.as_bytes())?;
        Ok(Self { old, proof, note })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOTE: &str = "ledger.example/prod\n1\nAA==\n\n\u{2014} ledger.example/prod AAAAAAE=\n";

    fn hash() -> String {
        NodeHash::from_bytes([7; 32]).to_base64()
    }

    fn fault(text: &str) -> RequestError {
        AddCheckpoint::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_formatted_parses_to_the_same() {
        for count in [0, 1, CONSISTENCY_LIMIT] {
            let request = AddCheckpoint {
                old: count as u64,
                proof: vec![NodeHash::from_bytes([7; 32]); count],
                note: SignedNote::parse(NOTE.as_bytes()).unwrap(),
            };
            let body = request.format();
            assert_eq!(AddCheckpoint::parse(body.as_bytes()), Ok(request));
        }
    }

    #[test]
    fn each_malformed_class_is_refused_by_name() {
        let good = format!("old 3\n{}\n\n{NOTE}", hash());
        assert!(AddCheckpoint::parse(good.as_bytes()).is_ok());
        for first in [
            "",
            "old",
            "old ",
            "old -1",
            "old +3",
            "old 03",
            "old 3 ",
            " old 3",
            "Old 3",
            "3",
            "old 0x3",
            "old 18446744073709551616",
            "old 3\r",
            "size 3",
        ] {
            let text = good.replacen("old 3", first, 1);
            assert_eq!(fault(&text), RequestError::Old, "{first:?}");
        }
        let whole = hash();
        for line in [
            &whole[..43],
            "AAAA",
            &format!("{whole} "),
            &format!("{whole}\r"),
            &format!("{}d=", &whole[..42]),
            &whole.replace('B', "-"),
            "old 3",
        ] {
            let text = good.replacen(&whole, line, 1);
            assert_eq!(fault(&text), RequestError::Hash { line: 1 }, "{line:?}");
        }
        let long = format!("old 3\n{}\n{NOTE}", format!("{whole}\n").repeat(64));
        assert_eq!(fault(&long), RequestError::LongProof);
        for text in [
            "old 3",
            "old 3\n",
            &format!("old 3\n{whole}\n"),
            &format!("old 3\n{whole}"),
        ] {
            let expected = if text == "old 3" {
                RequestError::Old
            } else {
                RequestError::NoSeparator
            };
            assert_eq!(fault(text), expected, "{text:?}");
        }
        assert!(matches!(fault("old 3\n\n"), RequestError::Note(_)));
        assert!(matches!(
            fault(&format!("old 3\n\n\n{NOTE}x")),
            RequestError::Note(_)
        ));
        assert_eq!(
            AddCheckpoint::parse(b"old 3\n\xff"),
            Err(RequestError::NotUtf8 { at: 6 })
        );
        let large = vec![b'x'; REQUEST_LIMIT + 1];
        assert_eq!(
            AddCheckpoint::parse(&large),
            Err(RequestError::TooLarge {
                found: REQUEST_LIMIT + 1
            })
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_formats_to_the_same_bytes(
            at in 0usize..140, byte: u8, keep in 0usize..140
        ) {
            let mut bytes = format!("old 3\n{}\n\n{NOTE}", hash()).into_bytes();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(keep.max(100));
            if let Ok(request) = AddCheckpoint::parse(&bytes) {
                prop_assert_eq!(request.format().into_bytes(), bytes);
            }
        }
    }
}
