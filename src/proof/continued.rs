//! Consistency proofs that travel alone, as `ledger prove --from` prints them and packs carry them.

use std::fmt;

use crate::hash::NodeHash;
use crate::merkle::ConsistencyProof;

/// That a ledger continued from one size to another: its consistency proof and both roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The earlier size and root.
    pub old: (u64, NodeHash),
    /// The later size and root.
    pub new: (u64, NodeHash),
    /// The proof.
    pub proof: ConsistencyProof,
    /// The newest checkpoint, where it states the later size.
    pub checkpoint: Option<String>,
}

impl Continuation {
    /// Reads what [`Display`](fmt::Display) writes; none where it is anything else. Nothing is checked.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (proof, checkpoint) = match text.split_once("\n\n") {
            Some((proof, checkpoint)) => (proof, Some(checkpoint.to_owned())),
            None => (text.strip_suffix('\n')?, None),
        };
        let mut lines = proof.split('\n');
        let end = |line: &str, word: &str| {
            let (size, root) = line.strip_prefix(word)?.split_once(' ')?;
            Some((size.parse::<u64>().ok()?, NodeHash::from_base64(root)?))
        };
        let read = Self {
            old: end(lines.next()?, "old ")?,
            new: end(lines.next()?, "new ")?,
            proof: ConsistencyProof::from_hashes(
                lines.map(NodeHash::from_base64).collect::<Option<_>>()?,
            ),
            checkpoint,
        };
        (read.to_string() == text).then_some(read)
    }
}

impl fmt::Display for Continuation {
    /// As FORMAT.md has it: for people and scripts, and signed by nobody but in its checkpoint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {} {}", self.old.0, self.old.1.to_base64())?;
        writeln!(f, "new {} {}", self.new.0, self.new.1.to_base64())?;
        for hash in self.proof.hashes() {
            writeln!(f, "{}", hash.to_base64())?;
        }
        match &self.checkpoint {
            Some(checkpoint) => write!(f, "\n{checkpoint}"),
            None => Ok(()),
        }
    }
}
