//! How whoever knows one sealing key of a ledger comes to know the next: by the entry in which the key that
//! they know names it. Where that key was lost, by the entry in which a Security Owner names the next, on a
//! checkpoint that the key had sealed; the entry that enrolled them is proven to be under that checkpoint.
//! Nobody else's word counts. Witnesses are told so, and receipts carry it.
//!
//! Whoever is told so has not the other entries: that the Security Owner was not revoked meanwhile, and that a second
//! one agreed where the policy demands it, only `verify` finds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::checkpoint::Checkpoint;
use crate::entry::{self, Entry};
use crate::event::{Event, Role, SealingKeyRecovered};
use crate::hash::{LeafHash, NodeHash};
use crate::key::PublicKey;
use crate::merkle::{ConsistencyProof, INCLUSION_LIMIT, InclusionProof, ProofError};
use crate::note::{KeyName, NoteKey};
use crate::statement::{Statement, signature_holds};

/// The most entries in one succession: five years of monthly replacements, at somebody who was away.
pub const SUCCESSION_LIMIT: usize = 64;

/// The entries by which a ledger's sealing keys named each other, as they travel (FORMAT.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealSuccession {
    /// The ledger.
    pub origin: KeyName,
    /// The entries that name keys, the oldest first, and before each that a person said the one that enrolled them.
    pub entries: Vec<SuccessionEntry>,
}

/// One entry of a succession.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessionEntry {
    /// Its stored bytes.
    pub stored: Vec<u8>,
    /// Of an enrolment: the way to the root of the checkpoint that the next entry builds on. Of others nothing.
    pub path: Vec<NodeHash>,
}

impl SuccessionEntry {
    /// An entry without a path.
    #[must_use]
    pub const fn plain(stored: Vec<u8>) -> Self {
        let path = Vec::new();
        Self { stored, path }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let stored = BASE64.decode(words.next()?).ok()?;
        // One more than can be is enough to refuse it.
        let words = words.take(INCLUSION_LIMIT + 1);
        let path: Vec<_> = words.map(NodeHash::from_base64).collect::<Option<_>>()?;
        (path.len() <= INCLUSION_LIMIT).then_some(Self { stored, path })
    }
}

/// Whether the checkpoint on which a person names a new sealing key was sealed by `key`.
#[must_use]
pub fn builds_on_seal_of(
    recovered: &SealingKeyRecovered,
    origin: &KeyName,
    key: &PublicKey,
) -> bool {
    let kept = Checkpoint {
        origin: origin.to_string(),
        size: recovered.kept_size,
        root: recovered.kept_root,
    };
    let kept = kept.format();
    key.admit()
        .is_ok_and(|key| key.accepts(kept.as_bytes(), &recovered.kept_signature))
}

/// Whether the tree of these size and root continues the checkpoint on which a person names a new sealing key.
///
/// # Errors
/// What does not fit.
pub fn leads_to(recovered: &SealingKeyRecovered, tree: (u64, NodeHash)) -> Result<(), ProofError> {
    let way = ConsistencyProof::from_hashes(recovered.consistency.clone().unwrap_or_default());
    way.check((recovered.kept_size, recovered.kept_root), tree)
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
    /// A line that is not canonical base64 of an entry, with hashes behind an enrolment.
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
            body.push_str(&BASE64.encode(&entry.stored));
            for hash in &entry.path {
                body.push(' ');
                body.push_str(&hash.to_base64());
            }
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
            SuccessionEntry::parse(text).ok_or(SuccessionError::Base64 { line })
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
        for at in 0..self.entries.len() {
            if let Some((_, next)) = self.named_after_one_of(&keys, at) {
                keys.push(next);
            }
        }
        keys.split_off(known.len())
    }

    /// The keys to follow instead of `followed`: each takes the place of the one before it. `None`
    /// where no key of `followed` leads to another one there.
    ///
    /// The old key is followed no longer. It was destroyed or lost, so whoever still signs by it has stolen it.
    #[must_use]
    pub fn lead_on(&self, followed: &[NoteKey]) -> Option<Vec<NoteKey>> {
        let mut keys = followed.to_vec();
        for at in 0..self.entries.len() {
            let Some((at, next)) = self.named_after_one_of(&keys, at) else {
                continue;
            };
            keys.remove(at);
            if !keys.contains(&next) {
                keys.insert(at, next);
            }
        }
        (keys != followed).then_some(keys)
    }

    /// Which of `keys` comes before the one that entry `at` of these names, and that one.
    fn named_after_one_of(&self, keys: &[NoteKey], at: usize) -> Option<(usize, NoteKey)> {
        let (entry, statement) = entry::read(&self.entries.get(at)?.stored).ok()?;
        let (next, possession) = match &statement.event {
            Event::SealingKeyReplaced(replaced) => (replaced.key, &replaced.possession),
            Event::SealingKeyRecovered(recovered) => (recovered.key, &recovered.possession),
            _ => return None,
        };
        let is_before = |key: &NoteKey| match &statement.event {
            Event::SealingKeyRecovered(recovered) => {
                builds_on_seal_of(recovered, &self.origin, key.public())
            }
            _ => *key.public() == statement.author,
        };
        let own = |key: &NoteKey| key.name() == &self.origin && is_before(key);
        let before = keys.iter().position(own)?;
        if let Event::SealingKeyRecovered(recovered) = &statement.event {
            self.enrols(at.checked_sub(1)?, &statement.author, recovered)?;
        }
        let author = statement.author.admit().ok()?;
        let holds = signature_holds(&entry.statement, &author, &entry.signature)
            && next.possession_holds(possession);
        let next = NoteKey::new(self.origin.clone(), next).ok()?;
        holds.then_some((before, next))
    }

    /// Whether entry `at` of these made the holder of `key` a Security Owner, under the checkpoint that
    /// `recovered` builds on.
    fn enrols(&self, at: usize, key: &PublicKey, recovered: &SealingKeyRecovered) -> Option<()> {
        let SuccessionEntry { stored, path } = self.entries.get(at)?;
        let entry = Entry::decode(stored).ok()?;
        let enrolled = match Statement::decode(&entry.statement).ok()?.event {
            Event::LedgerCreated(created) => created.key == *key,
            Event::ActorEnrolled(enrolled) => {
                enrolled.key == *key && enrolled.roles.contains(&Role::SecurityOwner)
            }
            _ => false,
        };
        let path = InclusionProof::from_hashes(path.clone());
        let (leaf, size) = (LeafHash::of(stored), recovered.kept_size);
        let held = path.check(entry.sequence, leaf, size, recovered.kept_root);
        (enrolled && held.is_ok()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_parses_formats_to_the_same_bytes_and_the_rest_is_refused_by_name() {
        let whole = SealSuccession {
            origin: KeyName::new("ledger.example/prod").unwrap(),
            entries: vec![
                SuccessionEntry::plain(vec![1, 2, 3]),
                SuccessionEntry {
                    stored: vec![4],
                    path: vec![NodeHash::empty()],
                },
            ],
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
            ("a\nAAAA AAAA\n", SuccessionError::Base64 { line: 2 }),
            ("a\nAAAA \n", SuccessionError::Base64 { line: 2 }),
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
