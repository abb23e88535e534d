//! The right edge of a growing tree: enough to append and to know the root, and no more.

use super::proof::Subtree;
use crate::hash::{LeafHash, NodeHash};

const SIZE_BYTES: usize = 8;
const HASH_BYTES: usize = 32;

/// The perfect subtrees that a tree of `size` leaves falls into, as their roots.
///
/// There is one for each bit set in `size`, the largest first, so the whole never exceeds two
/// kilobytes however long the ledger grows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Always `size.count_ones()` hashes.
    peaks: Vec<NodeHash>,
}

/// What is wrong with the bytes of a frontier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontierError {
    /// Fewer bytes than the size alone takes.
    #[error("a frontier begins with 8 bytes of size; {0} bytes are there")]
    Short(usize),
    /// A size that appending can never have reached.
    #[error("a frontier of {0} entries is beyond any ledger")]
    Size(u64),
    /// More or fewer hashes than the size calls for.
    #[error("a frontier of {size} entries takes {needed} bytes; {found} are there")]
    Length {
        /// The size found.
        size: u64,
        /// Bytes that a frontier of that size takes.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
}

impl Frontier {
    /// The frontier of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// Adds `leaf` on the right.
    pub fn append(&mut self, leaf: LeafHash) {
        // As in adding one to a binary number: each trailing one bit is a subtree as tall as the
        // node carried so far, and joins it from the left.
        let carried = self.size.trailing_ones() as usize;
        let kept = self.peaks.len().saturating_sub(carried);
        let node = self
            .peaks
            .drain(kept..)
            .rev()
            .fold(leaf.as_node(), |right, left| NodeHash::parent(left, right));
        self.peaks.push(node);
        self.size += 1;
    }

    /// How many leaves were appended.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree at this size; SHA-256 of nothing for the empty tree.
    #[must_use]
    pub fn root(&self) -> NodeHash {
        self.peaks
            .iter()
            .copied()
            .rev()
            .reduce(|right, left| NodeHash::parent(left, right))
            .unwrap_or_else(NodeHash::empty)
    }

    /// The perfect subtrees and their roots, the largest first.
    pub fn subtrees(&self) -> impl Iterator<Item = (Subtree, NodeHash)> {
        let mut from = 0;
        let levels = (0..u64::BITS as u8).rev();
        let levels = levels.filter(|level| self.size >> level & 1 == 1);
        levels.zip(&self.peaks).map(move |(level, root)| {
            let index = from >> level;
            from += 1 << level;
            (Subtree { level, index }, *root)
        })
    }

    /// The size as 8 bytes, little-endian, then the hashes, the largest subtree's first.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.size.to_le_bytes().to_vec();
        for peak in &self.peaks {
            bytes.extend_from_slice(peak.as_bytes());
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote. Each frontier has one encoding.
    ///
    /// The hashes cannot be checked by themselves: whoever decodes compares [`root`](Self::root)
    /// with a checkpoint before relying on it.
    ///
    /// # Errors
    /// Where the bytes are not exactly one frontier.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrontierError> {
        let found = bytes.len();
        let (size, hashes) = bytes
            .split_first_chunk::<SIZE_BYTES>()
            .ok_or(FrontierError::Short(found))?;
        let size = u64::from_le_bytes(*size);
        // Half of the range is out of reach, so that appending can never overflow.
        if size > u64::MAX / 2 {
            return Err(FrontierError::Size(size));
        }
        let needed = SIZE_BYTES + size.count_ones() as usize * HASH_BYTES;
        if found != needed {
            return Err(FrontierError::Length {
                size,
                needed,
                found,
            });
        }
        let (hashes, _) = hashes.as_chunks::<HASH_BYTES>();
        let peaks = hashes.iter().copied().map(NodeHash::from_bytes).collect();
        Ok(Self { size, peaks })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reference::root_of;
    use super::*;

    /// RFC 6962, section 2.1, by its recursive definition.
    fn mth(leaves: &[LeafHash]) -> NodeHash {
        match leaves {
            [] => NodeHash::empty(),
            [leaf] => leaf.as_node(),
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                NodeHash::parent(mth(&leaves[..k]), mth(&leaves[k..]))
            }
        }
    }

    fn leaves(count: u64) -> Vec<LeafHash> {
        (0..count).map(|i| LeafHash::of(&i.to_le_bytes())).collect()
    }

    fn frontier(count: u64) -> Frontier {
        let mut frontier = Frontier::new();
        for leaf in leaves(count) {
            frontier.append(leaf);
        }
        frontier
    }

    #[test]
    fn agrees_with_the_recursive_definition_at_every_size() {
        let leaves = leaves(300);
        let mut frontier = Frontier::new();
        assert_eq!(frontier.root(), NodeHash::empty());
        for size in 1..=leaves.len() {
            frontier.append(leaves[size - 1]);
            assert_eq!(frontier.root(), mth(&leaves[..size]), "size {size}");
            assert_eq!(frontier.size(), size as u64);
        }
        assert_eq!(root_of(&leaves), frontier.root());
    }

    #[test]
    fn its_subtrees_make_up_the_tree_without_a_gap() {
        let leaves = leaves(77);
        for size in 0..=leaves.len() {
            let mut end = 0;
            for (Subtree { level, index }, root) in frontier(size as u64).subtrees() {
                let (from, to) = ((index << level) as usize, ((index + 1) << level) as usize);
                assert_eq!((from, root), (end, mth(&leaves[from..to])), "size {size}");
                end = to;
            }
            assert_eq!(end, size);
        }
    }

    #[test]
    fn order_and_count_of_leaves_change_the_root() {
        let mut swapped = leaves(70);
        swapped.swap(3, 4);
        assert_ne!(root_of(&swapped), root_of(&leaves(70)));
        assert_ne!(root_of(&leaves(69)), root_of(&leaves(70)));
    }

    #[test]
    fn goes_on_from_its_bytes_as_if_never_stored() {
        for size in 0..=65 {
            let mut kept = frontier(size);
            let mut stored = Frontier::decode(&kept.encode()).unwrap();
            assert_eq!(stored, kept);
            for leaf in leaves(9) {
                kept.append(leaf);
                stored.append(leaf);
            }
            assert_eq!(stored.root(), kept.root(), "size {size}");
        }
    }

    #[test]
    fn refuses_every_other_length() {
        let bytes = frontier(7).encode();
        assert_eq!(bytes.len(), 8 + 3 * 32);
        for end in 0..bytes.len() {
            assert!(Frontier::decode(&bytes[..end]).is_err(), "{end} bytes");
        }
        assert_eq!(
            Frontier::decode(&[&bytes[..], &[0]].concat()),
            Err(FrontierError::Length {
                size: 7,
                needed: 104,
                found: 105
            })
        );
        let beyond = [&u64::MAX.to_le_bytes()[..], &[0; 64 * 32]].concat();
        assert_eq!(
            Frontier::decode(&beyond),
            Err(FrontierError::Size(u64::MAX))
        );
    }

    proptest! {
        /// Canonical: whatever decodes, encodes to the same bytes.
        #[test]
        fn one_encoding_per_frontier(size in 0u64..1 << 20, extra in 0usize..3, fill: u8) {
            let length = 8 + size.count_ones() as usize * 32 + extra * 16;
            let mut bytes = vec![fill; length];
            bytes[..8].copy_from_slice(&size.to_le_bytes());
            match Frontier::decode(&bytes) {
                Ok(frontier) => prop_assert_eq!(frontier.encode(), bytes),
                Err(_) => prop_assert!(extra > 0),
            }
        }
    }
}
