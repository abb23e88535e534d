//! The Merkle tree as it is stored: full tiles of what is sealed, leaves of the tail. Proofs are
//! made from it in a few reads, whatever the size of the ledger.
//!
//! Neither a tile nor the tail's header is trusted. A proof made here is checked against the root of the checkpoint that goes
//! with it before it is handed to anybody.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::hash::{LeafHash, NodeHash};
use crate::ledger::edge::Edge;
use crate::merkle::{ConsistencyProof, InclusionProof, ProofError, Subtree, TILE_WIDTH, TileId};
use crate::store::engine::Engine;
use crate::sys::disk::{DiskError, SMALL_FILE};

/// Levels of the tree that one level of tiles spans.
const TILE_LEVELS: u8 = 8;
const HASH_BYTES: usize = 32;

/// Why a stored tree gives no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredTreeError {
    /// The sizes asked for have no proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A tile cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A tile of another length.
    #[error("{path} has {found} bytes, not {}", TILE_WIDTH * HASH_BYTES)]
    Tile {
        /// The tile.
        path: String,
        /// Bytes found.
        found: usize,
    },
    /// What is stored does not lead to the root that the checkpoint states.
    #[error("what is stored does not lead to the root of the checkpoint: {0}")]
    Damaged(ProofError),
}

/// The Merkle tree of a ledger as its tiles and tail hold it.
pub struct StoredTree<'a> {
    engine: &'a dyn Engine,
    base: u64,
    tail: Vec<LeafHash>,
    tiles: RefCell<BTreeMap<TileId, Vec<u8>>>,
    /// Roots that were asked for before; the proofs of a batch share most of theirs.
    known: RefCell<BTreeMap<Subtree, NodeHash>>,
}

impl<'a> StoredTree<'a> {
    /// The tree of the ledger in `engine`, of which `base` entries are sealed and `tail` are not.
    /// `carry` is what the tail's header says of the sealed ones: it has the roots of the large subtrees
    /// to the left of the newest entries, which would else be made from up to 255 tiles for each level.
    pub fn new<'e>(
        engine: &'a dyn Engine,
        carry: &[u8],
        base: u64,
        tail: impl Iterator<Item = &'e [u8]>,
    ) -> Self {
        let edge = Edge::decode(carry).filter(|edge| edge.size() == base);
        let known = edge.iter().flat_map(|edge| edge.frontier().subtrees());
        Self {
            engine,
            base,
            tail: tail.map(LeafHash::of).collect(),
            tiles: RefCell::default(),
            known: RefCell::new(known.collect()),
        }
    }

    /// Proves that entry `index`, of leaf `leaf`, is in the tree of `size` entries and root `root`.
    ///
    /// # Errors
    /// There is no such entry, or what is stored does not prove it.
    pub fn inclusion(
        &self,
        index: u64,
        leaf: LeafHash,
        size: u64,
        root: NodeHash,
    ) -> Result<InclusionProof, StoredTreeError> {
        let proof = InclusionProof::prove(index, size, |subtree| self.node(subtree))?;
        proof
            .check(index, leaf, size, root)
            .map_err(StoredTreeError::Damaged)?;
        Ok(proof)
    }

    /// Proves that the tree of `new` entries continues that of `old`, and returns the root of the
    /// old one. `root` is that of the new one.
    ///
    /// # Errors
    /// `old` is 0 or more than `new`, or what is stored does not prove it.
    pub fn consistency(
        &self,
        old: u64,
        new: u64,
        root: NodeHash,
    ) -> Result<(NodeHash, ConsistencyProof), StoredTreeError> {
        let proof = ConsistencyProof::prove(old, new, |subtree| self.node(subtree))?;
        let old_root = self.root(old)?;
        proof
            .check((old, old_root), (new, root))
            .map_err(StoredTreeError::Damaged)?;
        Ok((old_root, proof))
    }

    /// The root of the first `size` entries.
    ///
    /// # Errors
    /// A tile cannot be read.
    pub fn root(&self, size: u64) -> Result<NodeHash, StoredTreeError> {
        let mut root = None;
        let mut end = size;
        // The complete subtrees that make up the tree, the smallest first.
        while end > 0 {
            let level = end.trailing_zeros() as u8;
            let node = self.node(Subtree {
                level,
                index: (end >> level) - 1,
            })?;
            root = Some(root.map_or(node, |right| NodeHash::parent(node, right)));
            end -= 1 << level;
        }
        Ok(root.unwrap_or_else(NodeHash::empty))
    }

    /// The first `width` hashes of a tile, full or at the right edge: the roots of the subtrees below it.
    ///
    /// # Errors
    /// There are not as many, or a tile below cannot be read.
    pub fn tile(&self, id: TileId, width: u64) -> Result<Vec<u8>, StoredTreeError> {
        let first = id.index * TILE_WIDTH as u64;
        let mut bytes = Vec::with_capacity(TILE_WIDTH * HASH_BYTES);
        for index in first..first + width {
            let level = id.level * TILE_LEVELS;
            bytes.extend_from_slice(self.node(Subtree { level, index })?.as_bytes());
        }
        Ok(bytes)
    }

    fn node(&self, subtree: Subtree) -> Result<NodeHash, StoredTreeError> {
        if let Some(known) = self.known.borrow().get(&subtree) {
            return Ok(*known);
        }
        let node = self.make(subtree)?;
        self.known.borrow_mut().insert(subtree, node);
        Ok(node)
    }

    fn make(&self, subtree: Subtree) -> Result<NodeHash, StoredTreeError> {
        let Subtree { level, index } = subtree;
        if let Some(node) = self.read_in_tile(subtree)? {
            return Ok(node);
        }
        if level == 0 {
            let place = index.checked_sub(self.base);
            let leaf = place
                .and_then(|place| usize::try_from(place).ok())
                .and_then(|place| self.tail.get(place));
            let size = self.base + self.tail.len() as u64;
            return leaf
                .map(|leaf| leaf.as_node())
                .ok_or_else(|| ProofError::Beyond { index, size }.into());
        }
        let child = |index| {
            self.node(Subtree {
                level: level - 1,
                index,
            })
        };
        Ok(NodeHash::parent(child(index * 2)?, child(index * 2 + 1)?))
    }

    /// The root of a subtree out of the tile that holds its upper nodes, where that is full.
    fn read_in_tile(&self, subtree: Subtree) -> Result<Option<NodeHash>, StoredTreeError> {
        let Subtree { level, index } = subtree;
        let (tile_level, above) = (level / TILE_LEVELS, level % TILE_LEVELS);
        let first = index << above;
        let id = TileId {
            level: tile_level,
            index: first / TILE_WIDTH as u64,
        };
        let spanned = u32::from(tile_level + 1) * u32::from(TILE_LEVELS);
        let end = (id.index + 1).checked_shl(spanned);
        if end.is_none_or(|end| end > self.base || end >> spanned != id.index + 1) {
            return Ok(None);
        }
        let at = (first % TILE_WIDTH as u64) as usize * HASH_BYTES;
        let length = HASH_BYTES << above;
        let nodes = self.with_tile(id, |bytes| {
            let hashes = bytes.get(at..at + length)?.chunks_exact(HASH_BYTES);
            hashes
                .map(|hash| Some(NodeHash::from_bytes(*hash.first_chunk()?)))
                .collect::<Option<Vec<_>>>()
        })?;
        let mut nodes = nodes.unwrap_or_default();
        while nodes.len() > 1 {
            let pairs = nodes.chunks_exact(2);
            nodes = pairs
                .filter_map(|pair| match pair {
                    [left, right] => Some(NodeHash::parent(*left, *right)),
                    _ => None,
                })
                .collect();
        }
        Ok(nodes.pop())
    }

    fn with_tile<T>(
        &self,
        id: TileId,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, StoredTreeError> {
        if let Some(bytes) = self.tiles.borrow().get(&id) {
            return Ok(take(bytes));
        }
        let path = id.path();
        let bytes = self.engine.need(&path, SMALL_FILE)?;
        if bytes.len() != TILE_WIDTH * HASH_BYTES {
            let found = bytes.len();
            return Err(StoredTreeError::Tile { path, found });
        }
        let taken = take(&bytes);
        self.tiles.borrow_mut().insert(id, bytes);
        Ok(taken)
    }
}
