//! Tiles: the tree cut into files of 256 hashes (C2SP tlog-tiles v0.1.0).
//!
//! Tile `n` of level `l` holds the roots of the perfect subtrees of 256^l leaves that begin at
//! leaf `n · 256^(l+1)`. A full tile never changes again. Partial ones, of the hashes that fill no
//! tile yet, follow from the entries: only a published copy stores them, and they are never hashed
//! upwards.

use std::fmt;

use crate::hash::{LeafHash, NodeHash};

/// Hashes in a full tile, and entries in a bundle.
pub const TILE_WIDTH: usize = 256;

/// Bytes of a full tile.
pub const TILE_BYTES: usize = TILE_WIDTH * HASH_BYTES;

const HASH_BYTES: usize = 32;
const BITS_PER_LEVEL: u32 = 8;
/// A tile of level 7 would be full at 2^64 leaves, which no ledger has: levels 0 to 7 suffice.
const LEVELS: usize = 8;

/// Which tile: its level (0 holds the leaf hashes) and its place from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaf hashes, one more for each step of 256.
    pub level: u8,
    /// Its place in the level, from 0. At level 0 it is the number of the bundle of entries.
    pub index: u64,
}

/// A full tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    id: TileId,
    bytes: Vec<u8>,
    root: NodeHash,
}

/// A tile that is not full yet: the first `width` hashes of it, 1 to 255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialTile {
    /// Which tile.
    pub id: TileId,
    /// Its hashes from left to right, 32 bytes each.
    pub bytes: Vec<u8>,
}

/// A tile whose bytes are not those of a full tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{id} is {found} bytes long; a full tile is {TILE_BYTES}")]
pub struct TileError {
    /// The tile.
    pub id: TileId,
    /// Bytes found.
    pub found: usize,
}

impl TileId {
    /// The path below the folder of the log, such as `tile/0/x001/x234/067`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, number_path(self.index))
    }

    /// The path of the tile while it has only `width` hashes, such as `tile/0/273.p/112`.
    #[must_use]
    pub fn partial_path(&self, width: usize) -> String {
        format!("{}.p/{width}", self.path())
    }

    /// The tile one level up that holds this one's root.
    const fn above(self) -> Self {
        Self {
            level: self.level + 1,
            index: self.index / TILE_WIDTH as u64,
        }
    }

    /// Whether this tile is the last one that the tile above needs.
    const fn completes_the_one_above(self) -> bool {
        self.index % TILE_WIDTH as u64 == TILE_WIDTH as u64 - 1
    }
}

/// A number as tlog-tiles spells it: groups of three digits, all but the last with an `x` before
/// them (`1234067` is `x001/x234/067`).
pub(super) fn number_path(n: u64) -> String {
    let mut path = format!("{:03}", n % 1000);
    let mut rest = n / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl Tile {
    fn new(id: TileId, nodes: &[NodeHash; TILE_WIDTH]) -> Self {
        let mut bytes = Vec::with_capacity(TILE_BYTES);
        for node in nodes {
            bytes.extend_from_slice(node.as_bytes());
        }
        Self {
            id,
            bytes,
            root: perfect_root(nodes),
        }
    }

    /// Takes the stored bytes of a tile.
    ///
    /// # Errors
    /// Where they are not as long as a full tile. Any bytes of that length are some tile, so only
    /// the entries can tell whether it is the right one.
    pub fn decode(id: TileId, bytes: &[u8]) -> Result<Self, TileError> {
        let fault = || TileError {
            id,
            found: bytes.len(),
        };
        let (hashes, []) = bytes.as_chunks::<HASH_BYTES>() else {
            return Err(fault());
        };
        let hashes = <&[_; TILE_WIDTH]>::try_from(hashes).map_err(|_| fault())?;
        Ok(Self::new(id, &hashes.map(NodeHash::from_bytes)))
    }

    /// Which tile it is.
    #[must_use]
    pub const fn id(&self) -> TileId {
        self.id
    }

    /// Its 8,192 bytes: the hashes from left to right.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialTile {
    /// The path below the folder of the log.
    #[must_use]
    pub fn path(&self) -> String {
        self.id.partial_path(self.bytes.len() / HASH_BYTES)
    }
}

/// The root over hashes that stand at the same height. Their number is a power of two.
fn perfect_root(nodes: &[NodeHash; TILE_WIDTH]) -> NodeHash {
    let mut row = nodes.to_vec();
    while let (pairs @ [_, ..], []) = row.as_chunks::<2>() {
        row = pairs
            .iter()
            .map(|[left, right]| NodeHash::parent(*left, *right))
            .collect();
    }
    let [root, ..] = row[..] else {
        return NodeHash::empty();
    };
    root
}

/// The partial tiles of a tree of `size` leaves, with their widths, lowest level first: one for
/// each level at which some hashes fill no tile, and none that is empty.
pub fn partial_tiles(size: u64) -> impl Iterator<Item = (TileId, usize)> {
    (0..LEVELS as u8).filter_map(move |level| {
        let hashes = size >> (BITS_PER_LEVEL * u32::from(level));
        let width = (hashes % TILE_WIDTH as u64) as usize;
        let index = hashes / TILE_WIDTH as u64;
        (width > 0).then_some((TileId { level, index }, width))
    })
}

/// The full tiles that the entries of one bundle complete, lowest level first.
///
/// There is always the tile of level 0; every 256th bundle also completes one of level 1, every
/// 65,536th one of level 2. `read` fetches the bytes of an earlier tile of the level below: it is
/// asked only for tiles that this function returned for earlier bundles. The answer depends on
/// nothing but the entries, so a seal cut short by a power failure is simply made again; writing
/// in the order returned keeps every tile after the ones it is made from.
///
/// # Errors
/// What `read` reports, or a tile it read that is not as long as a full tile.
pub fn completed_tiles<E: From<TileError>>(
    bundle: u64,
    leaves: &[LeafHash; TILE_WIDTH],
    mut read: impl FnMut(TileId) -> Result<Vec<u8>, E>,
) -> Result<Vec<Tile>, E> {
    let id = TileId {
        level: 0,
        index: bundle,
    };
    let mut newest = Tile::new(id, &leaves.map(LeafHash::as_node));
    let mut tiles = Vec::new();
    while newest.id.completes_the_one_above() {
        let id = newest.id.above();
        let first = id.index * TILE_WIDTH as u64;
        // The tile just made is the last of the 256; the others come from the disk.
        let mut nodes = [newest.root; TILE_WIDTH];
        for (node, index) in nodes.iter_mut().zip(first..newest.id.index) {
            let earlier = TileId {
                level: newest.id.level,
                index,
            };
            *node = Tile::decode(earlier, &read(earlier)?)?.root;
        }
        tiles.push(std::mem::replace(&mut newest, Tile::new(id, &nodes)));
    }
    tiles.push(newest);
    Ok(tiles)
}

/// Makes every full tile again from the leaves, so that a verifier can compare the stored ones.
///
/// It holds at most 256 hashes for each level, whatever the size of the ledger.
#[derive(Debug, Clone, Default)]
pub struct TileBuilder {
    levels: [Level; LEVELS],
}

/// The right edge of one level: how many tiles are full, and the hashes of the next.
#[derive(Debug, Clone, Default)]
struct Level {
    full: u64,
    nodes: Vec<NodeHash>,
}

impl TileBuilder {
    /// A builder that has seen no leaf.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next leaf and returns the tiles that it completes, lowest level first: none for
    /// most leaves, one or more for every 256th.
    pub fn append(&mut self, leaf: LeafHash) -> Vec<Tile> {
        let mut tiles = Vec::new();
        let mut node = leaf.as_node();
        for (level, edge) in (0..).zip(&mut self.levels) {
            edge.nodes.push(node);
            let Ok(nodes) = <&[_; TILE_WIDTH]>::try_from(&edge.nodes[..]) else {
                break;
            };
            let id = TileId {
                level,
                index: edge.full,
            };
            let tile = Tile::new(id, nodes);
            edge.full += 1;
            edge.nodes.clear();
            node = tile.root;
            tiles.push(tile);
        }
        tiles
    }

    /// The partial tiles of the tree so far, lowest level first: those that [`partial_tiles`] names.
    #[must_use]
    pub fn partial(&self) -> Vec<PartialTile> {
        let edges = (0..).zip(&self.levels);
        let begun = edges.filter(|(_, edge)| !edge.nodes.is_empty());
        begun
            .map(|(level, edge)| PartialTile {
                id: TileId {
                    level,
                    index: edge.full,
                },
                bytes: edge
                    .nodes
                    .iter()
                    .flat_map(|node| *node.as_bytes())
                    .collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::reference::{root_of, tiles_between};
    use super::*;

    fn leaf(i: u64) -> LeafHash {
        LeafHash::of(&i.to_le_bytes())
    }

    fn bundle(n: u64) -> [LeafHash; TILE_WIDTH] {
        std::array::from_fn(|i| leaf(n * 256 + i as u64))
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Fault {
        Tile(TileError),
        Missing(TileId),
    }

    impl From<TileError> for Fault {
        fn from(fault: TileError) -> Self {
            Self::Tile(fault)
        }
    }

    /// Seals bundles one after the other as a ledger does; the disk is a map.
    fn sealed(bundles: u64) -> BTreeMap<TileId, Vec<u8>> {
        let mut disk = BTreeMap::new();
        for n in 0..bundles {
            let tiles = completed_tiles(n, &bundle(n), |id| {
                disk.get(&id).cloned().ok_or(Fault::Missing(id))
            })
            .unwrap();
            for tile in tiles {
                disk.insert(tile.id(), tile.bytes().to_vec());
            }
        }
        disk
    }

    #[test]
    fn sealing_and_rebuilding_make_the_same_tiles() {
        let mut rebuilt = BTreeMap::new();
        let mut builder = TileBuilder::new();
        for i in 0..66_000 {
            for tile in builder.append(leaf(i)) {
                rebuilt.insert(tile.id(), tile.bytes().to_vec());
            }
        }
        assert_eq!(rebuilt, sealed(257));
        let ids: Vec<_> = tiles_between(0, 66_000).collect();
        assert_eq!(ids, rebuilt.keys().copied().collect::<Vec<_>>());
        assert_eq!(ids.len(), 258);
    }

    #[test]
    fn a_tile_holds_the_roots_that_the_specification_says() {
        let disk = sealed(256);
        let leaves: Vec<_> = (0..65_536).map(leaf).collect();
        let above = Tile::decode(
            TileId { level: 1, index: 0 },
            &disk[&TileId { level: 1, index: 0 }],
        )
        .unwrap();
        assert_eq!(above.root, root_of(&leaves));
        for i in [0, 1, 255] {
            let hash = &above.bytes()[i * 32..][..32];
            assert_eq!(hash, root_of(&leaves[i * 256..][..256]).as_bytes());
        }
        let first = &disk[&TileId { level: 0, index: 0 }];
        assert_eq!(first[32..64], *leaves[1].as_bytes());
    }

    /// The sizes that tlog-tiles gives as examples, and their neighbours.
    #[test]
    fn the_right_edge_is_what_the_specification_says() {
        let named = |size| {
            partial_tiles(size)
                .map(|(id, width)| id.partial_path(width))
                .collect::<Vec<_>>()
        };
        assert_eq!(named(0), Vec::<String>::new());
        assert_eq!(named(255), ["tile/0/000.p/255"]);
        assert_eq!(named(256), ["tile/1/000.p/1"]);
        assert_eq!(named(257), ["tile/0/001.p/1", "tile/1/000.p/1"]);
        let at_70_000 = ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"];
        assert_eq!(named(70_000), at_70_000);
        let mut builder = TileBuilder::new();
        for i in 0..66_000 {
            builder.append(leaf(i));
            if i % 251 == 0 || i % 256 > 253 {
                let made: Vec<_> = builder.partial().iter().map(PartialTile::path).collect();
                assert_eq!(made, named(i + 1), "{}", i + 1);
            }
        }
    }

    #[test]
    fn one_changed_leaf_changes_every_tile_above_it() {
        let mut honest = TileBuilder::new();
        let mut forged = TileBuilder::new();
        let mut different = Vec::new();
        for i in 0..65_536 {
            let other = if i == 300 { leaf(u64::MAX) } else { leaf(i) };
            for (left, right) in honest.append(leaf(i)).iter().zip(forged.append(other)) {
                if *left != right {
                    different.push(right.id());
                }
            }
        }
        let expected = [TileId { level: 0, index: 1 }, TileId { level: 1, index: 0 }];
        assert_eq!(different, expected);
    }

    #[test]
    fn a_missing_or_short_earlier_tile_stops_the_seal() {
        let mut disk = sealed(255);
        let hurt = TileId {
            level: 0,
            index: 17,
        };
        disk.insert(hurt, vec![0; TILE_BYTES - 1]);
        let seal = |disk: &BTreeMap<TileId, Vec<u8>>| {
            completed_tiles(255, &bundle(255), |id| {
                disk.get(&id).cloned().ok_or(Fault::Missing(id))
            })
        };
        let short = Fault::Tile(TileError {
            id: hurt,
            found: TILE_BYTES - 1,
        });
        assert_eq!(seal(&disk), Err(short));
        disk.remove(&hurt);
        assert_eq!(seal(&disk), Err(Fault::Missing(hurt)));
    }

    #[test]
    fn a_bundle_that_ends_three_levels_reads_each_of_them() {
        let zeros = vec![0; TILE_BYTES];
        let mut asked = Vec::new();
        let tiles = completed_tiles::<TileError>((1 << 16) - 1, &bundle(0), |id| {
            asked.push(id);
            Ok(zeros.clone())
        })
        .unwrap();
        let ids: Vec<_> = tiles.iter().map(|tile| tile.id().path()).collect();
        assert_eq!(ids, ["tile/0/x065/535", "tile/1/255", "tile/2/000"]);
        assert_eq!(asked.len(), 2 * 255);
        assert_eq!(asked.first().unwrap().path(), "tile/0/x065/280");
        assert_eq!(asked.last().unwrap().path(), "tile/1/254");
    }

    #[test]
    fn growth_names_each_tile_once() {
        let at_once: Vec<_> = tiles_between(0, 200_000).collect();
        let mut in_steps: Vec<_> = [0, 1, 255, 256, 70_000, 131_072, 200_000]
            .windows(2)
            .flat_map(|step| tiles_between(step[0], step[1]))
            .collect();
        in_steps.sort();
        assert_eq!(at_once, in_steps);
        assert_eq!(at_once.len(), 781 + 3);
        assert_eq!(tiles_between(256, 511).count(), 0);
        assert_eq!(
            tiles_between(u64::MAX - 1, u64::MAX).count(),
            0,
            "no shift overflows"
        );
    }
}
