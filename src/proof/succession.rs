//! How whoever knows one sealing key of a ledger comes to know the next: by the entry in which the key that
//! they know names it. Nobody else's word counts for that. Witnesses are told so, and receipts carry it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::entry::Entry;
use crate::event::Event;
use crate::note::{KeyName, NoteKey};
use crate::statement::{Statement, signature_holds};

/// The most entries in one succession: five years of monthly replacements, at somebody who was away.
pub const SUCCESSION_LIMIT: usize = 64;

/// The entries by which a ledger's sealing keys named each other, as they travel (FORMAT.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealSuccession {
    /// The ledger.
    pub origin: KeyName,
    /// Stored bytes of `sealing_key.replaced`, the oldest first.
    pub entries: Vec<Vec<u8>>,
}

/// Why bytes are no succession.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// The first line is no origin.
    #[error("the first line is no origin")]
    Origin,
    /// The last line is cut off.
    #[error("the last line does not end with a line break")]
    CutOff,
    /// No entry, or more than [`SUCCESSION_LIMIT`].
    #[error("there are {found} entries; 1 to {SUCCESSION_LIMIT} are expected")]
    Count {
        /// Lines found.
        found: usize,
    },
    /// A line that is not canonical base64.
    #[error("line {line} is not canonical base64")]
    Base64 {
        /// Counted from 1.
        line: usize,
    },
}

impl SealSuccession {
    /// The body as it travels.
    #[must_use]
    pub fn format(&self) -> String {
        let mut body = format!("{}\n", self.origin);
        for entry in &self.entries {
            body.push_str(&BASE64.encode(entry));
            body.push('\n');
        }
        body
    }

    /// Reads a body, strictly: formatting it again gives the same bytes.
    ///
    /// # Errors
    /// Where the bytes are not exactly one succession.
    pub fn parse(bytes: &[u8]) -> Result<Self, SuccessionError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SuccessionError::Origin)?;
        let text = text.strip_suffix('\n').ok_or(SuccessionError::CutOff)?;
        let mut lines = text.split('\n');
        let origin = lines.next().and_then(|line| KeyName::new(line).ok());
        let origin = origin.ok_or(SuccessionError::Origin)?;
        // Counted before anything is decoded, so that a hostile body costs little.
        let found = lines.clone().count();
        if found == 0 || found > SUCCESSION_LIMIT {
            return Err(SuccessionError::Count { found });
        }
        let entries = (2..).zip(lines).map(|(line, text)| {
            let fault = SuccessionError::Base64 { line };
            BASE64.decode(text).map_err(|_| fault)
        });
        Ok(Self {
            origin,
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// The keys that those of `known` have named, and those of these, in their order.
    #[must_use]
    pub fn heirs(&self, known: &[NoteKey]) -> Vec<NoteKey> {
        let mut keys = known.to_vec();
        for entry in &self.entries {
            if let Some((_, next)) = self.named_by_one_of(&keys, entry) {
                keys.push(next);
            }
        }
        keys.split_off(known.len())
    }

    /// The keys to follow instead of `followed`: each takes the place of the one that named it. `None`
    /// where no key of `followed` names another one there.
    ///
    /// The old key is followed no longer. It was destroyed, so whoever still signs by it has stolen it.
    #[must_use]
    pub fn lead_on(&self, followed: &[NoteKey]) -> Option<Vec<NoteKey>> {
        let mut keys = followed.to_vec();
        for entry in &self.entries {
            let Some((at, next)) = self.named_by_one_of(&keys, entry) else {
                continue;
            };
            keys.remove(at);
            if !keys.contains(&next) {
                keys.insert(at, next);
            }
        }
        (keys != followed).then_some(keys)
    }

    /// Which of `keys` signed an entry that names its successor, and the successor.
    fn named_by_one_of(&self, keys: &[NoteKey], entry: &[u8]) -> Option<(usize, NoteKey)> {
        let entry = Entry::decode(entry).ok()?;
        let statement = Statement::decode(&entry.statement).ok()?;
        let Event::SealingKeyReplaced(replaced) = &statement.event else {
            return None;
        };
        let by = |key: &NoteKey| key.name() == &self.origin && *key.public() == statement.author;
        let at = keys.iter().position(by)?;
        let author = statement.author.admit().ok()?;
        let holds = signature_holds(&entry.statement, &author, &entry.signature)
            && replaced.key.possession_holds(&replaced.possession);
        let next = NoteKey::new(self.origin.clone(), replaced.key).ok()?;
        holds.then_some((at, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_parses_formats_to_the_same_bytes_and_the_rest_is_refused_by_name() {
        let whole = SealSuccession {
            origin: KeyName::new("ledger.example/prod").unwrap(),
            entries: vec![vec![1, 2, 3], vec![4]],
        };
        let body = whole.format();
        assert_eq!(SealSuccession::parse(body.as_bytes()), Ok(whole));
        for (bad, fault) in [
            ("", SuccessionError::CutOff),
            ("a\nAAAA", SuccessionError::CutOff),
            ("\nAAAA\n", SuccessionError::Origin),
            ("a b\nAAAA\n", SuccessionError::Origin),
            ("a\n", SuccessionError::Count { found: 0 }),
            ("a\nAAAA\nAAA\n", SuccessionError::Base64 { line: 3 }),
            ("a\nAAB=\n", SuccessionError::Base64 { line: 2 }),
        ] {
            assert_eq!(SealSuccession::parse(bad.as_bytes()), Err(fault), "{bad:?}");
        }
        let many = format!("a\n{}", "AAAA\n".repeat(65));
        let fault = SuccessionError::Count { found: 65 };
        assert_eq!(SealSuccession::parse(many.as_bytes()), Err(fault));
        assert_eq!(
            SealSuccession::parse(b"\xff\n"),
            Err(SuccessionError::Origin)
        );
    }
}
