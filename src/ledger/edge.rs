//! The right end of the ledger: everything that the next entry is built on.

use crate::entry::Entry;
use crate::hash::{LeafHash, Link, NodeHash};
use crate::merkle::Frontier;
use crate::time::Timestamp;

const LINK_BYTES: usize = 32;
const TIME_BYTES: usize = 8;

/// Chain and tree after a number of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    frontier: Frontier,
    link: Link,
    recorded: Timestamp,
}

impl Edge {
    /// Before the first entry.
    pub(crate) const fn start() -> Self {
        Self {
            frontier: Frontier::new(),
            link: Link::ZERO,
            recorded: Timestamp::YEAR_2000,
        }
    }

    /// Number of entries.
    pub(crate) const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub(crate) fn root(&self) -> NodeHash {
        self.frontier.root()
    }

    /// The tree's right edge.
    pub(crate) const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The link of the last one; zeros before the first.
    pub(crate) const fn link(&self) -> Link {
        self.link
    }

    /// When the last one was recorded. Recorded times never decrease.
    pub(crate) const fn recorded(&self) -> Timestamp {
        self.recorded
    }

    /// Whether an entry follows the last one.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admits(&self, entry: &Entry) -> Result<(), &'static str> {
        if entry.sequence != self.size() || entry.previous != self.link {
            Err("it does not follow the entry before")
        } else if entry.recorded < self.recorded {
            Err("it was recorded before the entry before")
        } else {
            Ok(())
        }
    }

    /// Takes the next entry's stored bytes.
    pub(crate) fn push(&mut self, stored: &[u8], recorded: Timestamp) -> LeafHash {
        let leaf = LeafHash::of(stored);
        self.frontier.append(leaf);
        self.link = Link::of(stored);
        self.recorded = recorded;
        leaf
    }

    /// Takes the next entry's stored bytes, where they are such.
    ///
    /// # Errors
    /// What they are instead.
    pub(crate) fn follow(&mut self, stored: &[u8]) -> Result<(), String> {
        let entry = Entry::decode(stored).map_err(|fault| fault.to_string())?;
        self.admits(&entry)?;
        self.push(stored, entry.recorded);
        Ok(())
    }

    /// Takes the stored bytes of the next entries, the last of which was recorded at `recorded`. Only
    /// its link is made: the next entry is built on that one.
    pub(crate) fn extend<E: AsRef<[u8]>>(
        &mut self,
        stored: &[E],
        recorded: Timestamp,
    ) -> Vec<LeafHash> {
        let leaves: Vec<_> = stored
            .iter()
            .map(|bytes| LeafHash::of(bytes.as_ref()))
            .collect();
        for leaf in &leaves {
            self.frontier.append(*leaf);
        }
        if let Some(last) = stored.last() {
            self.link = Link::of(last.as_ref());
            self.recorded = recorded;
        }
        leaves
    }

    /// What the tail carries about the entries in bundles:
    ///
    /// ```text
    /// carry = recorded i64 · link [32] · frontier          of entry base − 1 and of the tree before base
    /// ```
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.recorded.micros().to_le_bytes().to_vec();
        bytes.extend(self.link.as_bytes());
        bytes.extend(self.frontier.encode());
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` where it is anything else. Nothing in it is
    /// believed before a checkpoint was recomputed from it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (recorded, rest) = bytes.split_first_chunk::<TIME_BYTES>()?;
        let (link, frontier) = rest.split_first_chunk::<LINK_BYTES>()?;
        Some(Self {
            frontier: Frontier::decode(frontier).ok()?,
            link: Link::from_bytes(*link),
            recorded: Timestamp::from_micros(i64::from_le_bytes(*recorded)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_from_its_bytes_as_if_never_stored() {
        let mut kept = Edge::start();
        for i in 0..70i64 {
            let mut stored = Edge::decode(&kept.encode()).unwrap();
            assert_eq!(stored, kept);
            kept.push(&i.to_le_bytes(), Timestamp::from_micros(i));
            stored.push(&i.to_le_bytes(), Timestamp::from_micros(i));
            assert_eq!(stored.root(), kept.root());
        }
    }

    #[test]
    fn other_bytes_are_no_edge() {
        let bytes = Edge::start().encode();
        for end in 0..bytes.len() {
            assert_eq!(Edge::decode(&bytes[..end]), None);
        }
        assert_eq!(Edge::decode(&[&bytes[..], &[0]].concat()), None);
    }
}
