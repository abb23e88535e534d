//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2), made and checked.
//!
//! A proof does not bind the sizes it is checked with: the path of one leaf leads to the same root
//! for many of them. So sizes and roots must come from checkpoints whose signature was verified,
//! never from whoever hands over the proof (see [`SignedCheckpoint`]).
//!
//! [`SignedCheckpoint`]: crate::checkpoint::SignedCheckpoint

use crate::hash::{LeafHash, NodeHash};

/// The most hashes of an inclusion proof: one for each level of a tree of 2^64 entries.
pub const INCLUSION_LIMIT: usize = 64;

/// The most hashes of a consistency proof, as C2SP tlog-witness has it.
pub const CONSISTENCY_LIMIT: usize = 63;

/// A complete subtree: the leaves from `index · 2^level` to before `(index + 1) · 2^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtree {
    /// Its height: 0 is one leaf.
    pub level: u8,
    /// Its place among the subtrees of that height, from 0.
    pub index: u64,
}

/// That one entry stands at one place of a tree: the hashes beside its way to the root, its own
/// sibling first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof(Vec<NodeHash>);

/// That a tree continues an earlier one: what is needed to make both roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof(Vec<NodeHash>);

/// Why a proof cannot be made, or does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// There is no such entry in the tree.
    #[error("there is no entry {index} in a tree of {size}")]
    Beyond {
        /// The entry.
        index: u64,
        /// Entries of the tree.
        size: u64,
    },
    /// The later tree is the smaller one.
    #[error("a tree of {new} entries does not continue one of {old}")]
    Shrunk {
        /// Entries of the earlier tree.
        old: u64,
        /// Entries of the later tree.
        new: u64,
    },
    /// Every tree continues the empty one, so nothing would be proven.
    #[error("continuing a tree of 0 entries proves nothing")]
    EmptyOld,
    /// More or fewer hashes than the sizes call for.
    #[error("the proof has {found} hashes; {needed} are needed")]
    Length {
        /// Hashes found.
        found: usize,
        /// Hashes that the sizes call for.
        needed: usize,
    },
    /// The entry and the proof give another root.
    #[error("the entry and the proof give root {made}, not {stated}")]
    Root {
        /// The root that was made.
        made: NodeHash,
        /// The root that was stated.
        stated: NodeHash,
    },
    /// The proof does not give the root of the earlier tree.
    #[error("the proof gives the earlier tree root {made}, not {stated}")]
    OldRoot {
        /// The root that was made.
        made: NodeHash,
        /// The root that was stated.
        stated: NodeHash,
    },
    /// Two roots of one size.
    #[error("two trees of {size} entries have different roots, {old} and {new}")]
    Fork {
        /// Entries of both.
        size: u64,
        /// The one root.
        old: NodeHash,
        /// The other.
        new: NodeHash,
    },
}

/// The largest power of two below `count`, which is 2 or more.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// How many binary digits `number` has.
const fn digits(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// The root over the leaves from `from` to before `to`, a range that occurs in the recursive
/// definition: what it begins with is as complete as it is long.
fn range_root<E>(
    from: u64,
    to: u64,
    read: &mut impl FnMut(Subtree) -> Result<NodeHash, E>,
) -> Result<NodeHash, E> {
    let count = to - from;
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return read(Subtree {
            level: level as u8,
            index: from >> level,
        });
    }
    let middle = from + split(count);
    let left = range_root(from, middle, read)?;
    let right = range_root(middle, to, read)?;
    Ok(NodeHash::parent(left, right))
}

/// Goes up to where the next hash of a proof is taken in: `place` and the `last` place of the level go with
/// it. Whether that hash stands on the left.
const fn climb(place: &mut u64, last: &mut u64) -> bool {
    let is_left = *place & 1 == 1 || *place == *last;
    // At the right edge a level without a sibling is passed over.
    while is_left && *place & 1 == 0 && *place != 0 {
        *place >>= 1;
        *last >>= 1;
    }
    *place >>= 1;
    *last >>= 1;
    is_left
}

impl InclusionProof {
    /// Takes hashes for a proof. Only [`check`](Self::check) tells whether they are one.
    #[must_use]
    pub const fn from_hashes(hashes: Vec<NodeHash>) -> Self {
        Self(hashes)
    }

    /// The hashes, the leaf's sibling first.
    #[must_use]
    pub fn hashes(&self) -> &[NodeHash] {
        &self.0
    }

    /// Proves that entry `index` is in the tree of `size` entries; `read` hands out the roots of
    /// complete subtrees, and is asked for at most two for each level.
    ///
    /// # Errors
    /// Where there is no such entry, or what `read` reports.
    pub fn prove<E: From<ProofError>>(
        index: u64,
        size: u64,
        mut read: impl FnMut(Subtree) -> Result<NodeHash, E>,
    ) -> Result<Self, E> {
        if index >= size {
            return Err(ProofError::Beyond { index, size }.into());
        }
        let mut hashes = Vec::new();
        let (mut from, mut to) = (0, size);
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                hashes.push(range_root(middle, to, &mut read)?);
                to = middle;
            } else {
                hashes.push(range_root(from, middle, &mut read)?);
                from = middle;
            }
        }
        hashes.reverse();
        Ok(Self(hashes))
    }

    /// Whether `leaf` is entry `index` of the tree that has `size` entries and the root `root`
    /// (RFC 9162, section 2.1.3.2). Size and root must be a verified checkpoint's.
    ///
    /// # Errors
    /// Says what does not fit. The length is looked at before anything is hashed.
    pub fn check(
        &self,
        index: u64,
        leaf: LeafHash,
        size: u64,
        root: NodeHash,
    ) -> Result<(), ProofError> {
        if index >= size {
            return Err(ProofError::Beyond { index, size });
        }
        // Below `inner` the way to the root has a sibling at every level; above it, the tree's right
        // edge, only where the way comes from the right.
        let inner = digits(index ^ (size - 1));
        let border = index.checked_shr(inner).unwrap_or(0).count_ones();
        let (found, needed) = (self.0.len(), (inner + border) as usize);
        if found != needed {
            return Err(ProofError::Length { found, needed });
        }
        let (mut place, mut last) = (index, size - 1);
        let mut made = leaf.as_node();
        for hash in &self.0 {
            made = match climb(&mut place, &mut last) {
                true => NodeHash::parent(*hash, made),
                false => NodeHash::parent(made, *hash),
            };
        }
        if last != 0 || made != root {
            return Err(ProofError::Root { made, stated: root });
        }
        Ok(())
    }
}

impl ConsistencyProof {
    /// Takes hashes for a proof. Only [`check`](Self::check) tells whether they are one.
    #[must_use]
    pub const fn from_hashes(hashes: Vec<NodeHash>) -> Self {
        Self(hashes)
    }

    /// The hashes in the order of RFC 6962.
    #[must_use]
    pub fn hashes(&self) -> &[NodeHash] {
        &self.0
    }

    /// Proves that the tree of `new` entries continues the one of `old`; `read` is as for
    /// [`InclusionProof::prove`]. Equal sizes have an empty proof.
    ///
    /// # Errors
    /// Where `old` is 0 or more than `new`, or what `read` reports.
    pub fn prove<E: From<ProofError>>(
        old: u64,
        new: u64,
        mut read: impl FnMut(Subtree) -> Result<NodeHash, E>,
    ) -> Result<Self, E> {
        check_sizes(old, new)?;
        let mut hashes = Vec::new();
        let (mut from, mut to) = (0, new);
        while old != to {
            let middle = from + split(to - from);
            if old <= middle {
                hashes.push(range_root(middle, to, &mut read)?);
                to = middle;
            } else {
                hashes.push(range_root(from, middle, &mut read)?);
                from = middle;
            }
        }
        // Where the earlier tree is a subtree by itself, the verifier knows its root already.
        if from != 0 {
            hashes.push(range_root(from, to, &mut read)?);
        }
        hashes.reverse();
        Ok(Self(hashes))
    }

    /// Whether the tree of `new` entries continues that of `old` entries (RFC 9162, section
    /// 2.1.4.2); each is a size and a root, and both must be a verified checkpoint's.
    ///
    /// # Errors
    /// Says what does not fit: an earlier tree without entries proves nothing and is refused, and two
    /// trees of one size have one root and an empty proof. The length is looked at before anything
    /// is hashed.
    pub fn check(&self, old: (u64, NodeHash), new: (u64, NodeHash)) -> Result<(), ProofError> {
        let ((old, old_root), (new, new_root)) = (old, new);
        check_sizes(old, new)?;
        let (found, needed) = (self.0.len(), consistency_length(old, new));
        if found != needed {
            return Err(ProofError::Length { found, needed });
        }
        if old == new {
            return if old_root == new_root {
                Ok(())
            } else {
                Err(ProofError::Fork {
                    size: old,
                    old: old_root,
                    new: new_root,
                })
            };
        }
        let known = old.is_power_of_two().then_some(old_root);
        let mut hashes = known.into_iter().chain(self.0.iter().copied());
        let Some(first) = hashes.next() else {
            return Err(ProofError::Length { found, needed });
        };
        let (mut place, mut last) = (old - 1, new - 1);
        while place & 1 == 1 {
            place >>= 1;
            last >>= 1;
        }
        let (mut made_old, mut made_new) = (first, first);
        for hash in hashes {
            if climb(&mut place, &mut last) {
                made_old = NodeHash::parent(hash, made_old);
                made_new = NodeHash::parent(hash, made_new);
            } else {
                made_new = NodeHash::parent(made_new, hash);
            }
        }
        if made_old != old_root {
            return Err(ProofError::OldRoot {
                made: made_old,
                stated: old_root,
            });
        }
        if last != 0 || made_new != new_root {
            return Err(ProofError::Root {
                made: made_new,
                stated: new_root,
            });
        }
        Ok(())
    }
}

const fn check_sizes(old: u64, new: u64) -> Result<(), ProofError> {
    if old == 0 {
        return Err(ProofError::EmptyOld);
    }
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    Ok(())
}

/// How many hashes prove that a tree of `new` entries continues one of `old`, 0 < old ≤ new.
const fn consistency_length(old: u64, new: u64) -> usize {
    if old == new {
        return 0;
    }
    let inner = digits((old - 1) ^ (new - 1));
    let border = match (old - 1).checked_shr(inner) {
        Some(left) => left.count_ones(),
        None => 0,
    };
    let first = if old.is_power_of_two() { 0 } else { 1 };
    (inner - old.trailing_zeros() + border + first) as usize
}

#[cfg(test)]
mod tests {
    use super::super::reference::root_of;
    use super::*;

    fn leaves(count: u64) -> Vec<LeafHash> {
        (0..count).map(|i| LeafHash::of(&i.to_le_bytes())).collect()
    }

    fn reader(leaves: &[LeafHash]) -> impl FnMut(Subtree) -> Result<NodeHash, ProofError> {
        move |subtree| {
            let width = 1usize << subtree.level;
            let from = subtree.index as usize * width;
            Ok(root_of(&leaves[from..from + width]))
        }
    }

    fn inclusion(index: u64, leaves: &[LeafHash]) -> InclusionProof {
        InclusionProof::prove(index, leaves.len() as u64, reader(leaves)).unwrap()
    }

    fn consistency(old: u64, leaves: &[LeafHash]) -> ConsistencyProof {
        ConsistencyProof::prove(old, leaves.len() as u64, reader(leaves)).unwrap()
    }

    /// One hash fewer, one more at each end, two swapped, one bit of each flipped.
    fn mutations(hashes: &[NodeHash]) -> Vec<Vec<NodeHash>> {
        let extra = NodeHash::from_bytes([9; 32]);
        let mut all = vec![
            [hashes, &[extra]].concat(),
            [&[extra], hashes].concat(),
            [hashes, hashes, &[extra]].concat(),
        ];
        for place in 0..hashes.len() {
            let mut fewer = hashes.to_vec();
            fewer.remove(place);
            all.push(fewer);
            for bit in [0, 255] {
                let mut flipped = hashes.to_vec();
                let mut bytes = *flipped[place].as_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                flipped[place] = NodeHash::from_bytes(bytes);
                all.push(flipped);
            }
            if place > 0 {
                let mut swapped = hashes.to_vec();
                swapped.swap(place - 1, place);
                all.push(swapped);
            }
        }
        all
    }

    #[test]
    fn every_inclusion_proof_holds_and_none_of_its_mutations() {
        for size in 1..=70 {
            let leaves = leaves(size);
            let root = root_of(&leaves);
            for index in 0..size {
                let leaf = leaves[index as usize];
                let proof = inclusion(index, &leaves);
                assert_eq!(proof.check(index, leaf, size, root), Ok(()));
                for hashes in mutations(proof.hashes()) {
                    let bad = InclusionProof::from_hashes(hashes);
                    assert!(
                        bad.check(index, leaf, size, root).is_err(),
                        "{index} in {size}"
                    );
                }
                let other = LeafHash::of(b"another entry");
                assert!(proof.check(index, other, size, root).is_err());
                let other = NodeHash::from_bytes([7; 32]);
                assert!(proof.check(index, leaf, size, other).is_err());
                for wrong in (0..size + 2).filter(|wrong| *wrong != index) {
                    assert!(
                        proof.check(wrong, leaf, size, root).is_err(),
                        "{wrong} for {index} in {size}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_consistency_proof_holds_and_none_of_its_mutations() {
        let all = leaves(70);
        for new in 1..=70 {
            let leaves = &all[..new as usize];
            let root = root_of(leaves);
            for old in 1..=new {
                let before = (old, root_of(&leaves[..old as usize]));
                let proof = consistency(old, leaves);
                assert_eq!(proof.check(before, (new, root)), Ok(()), "{old} to {new}");
                for hashes in mutations(proof.hashes()) {
                    let bad = ConsistencyProof::from_hashes(hashes);
                    assert!(bad.check(before, (new, root)).is_err(), "{old} to {new}");
                }
                let other = NodeHash::from_bytes([7; 32]);
                assert!(proof.check((old, other), (new, root)).is_err());
                assert!(proof.check(before, (new, other)).is_err());
                if old < new {
                    assert!(proof.check((new, root), before).is_err());
                }
            }
        }
    }

    #[test]
    fn edges_are_refused_by_name() {
        let root = root_of(&leaves(3));
        let none = ConsistencyProof::from_hashes(Vec::new());
        assert_eq!(
            none.check((0, NodeHash::empty()), (3, root)),
            Err(ProofError::EmptyOld)
        );
        assert_eq!(
            none.check((4, root), (3, root)),
            Err(ProofError::Shrunk { old: 4, new: 3 })
        );
        assert!(matches!(
            none.check((3, NodeHash::empty()), (3, root)),
            Err(ProofError::Fork { size: 3, .. })
        ));
        assert_eq!(
            none.check((1, root), (3, root)),
            Err(ProofError::Length {
                found: 0,
                needed: 2
            })
        );
        let none = InclusionProof::from_hashes(Vec::new());
        assert_eq!(
            none.check(0, leaves(1)[0], 0, NodeHash::empty()),
            Err(ProofError::Beyond { index: 0, size: 0 })
        );
        // The largest sizes there can be: no arithmetic overflows, and the length is all that is said.
        for (index, size) in [(0, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 63, u64::MAX)] {
            assert!(matches!(
                none.check(index, leaves(1)[0], size, root),
                Err(ProofError::Length { found: 0, needed }) if needed <= INCLUSION_LIMIT
            ));
        }
        let none = ConsistencyProof::from_hashes(Vec::new());
        for old in [1, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1] {
            assert!(
                matches!(
                    none.check((old, root), (u64::MAX, root)),
                    Err(ProofError::Length { found: 0, .. })
                ),
                "{old}"
            );
        }
    }

    /// What the module's first lines warn of: with one root, one path leads there for many sizes.
    #[test]
    fn a_proof_does_not_bind_the_size() {
        let leaves = leaves(70);
        let root = root_of(&leaves);
        let proof = inclusion(40, &leaves);
        let held = (41..200).filter(|size| proof.check(40, leaves[40], *size, root).is_ok());
        assert_eq!(held.collect::<Vec<_>>(), (65..=128).collect::<Vec<_>>());
    }

    #[test]
    fn few_subtrees_are_read() {
        for size in [1 << 20, (1 << 20) + 1, (1 << 20) - 1, 987_654] {
            let mut reads = 0;
            let count = |_| -> Result<NodeHash, ProofError> {
                reads += 1;
                Ok(NodeHash::empty())
            };
            InclusionProof::prove(size / 3, size, count).unwrap();
            assert!(reads <= 40, "{reads} reads at {size}");
        }
    }
}
