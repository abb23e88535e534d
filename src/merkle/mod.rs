//! The RFC 6962 Merkle tree over entries: its growing edge and its tiles.
//!
//! [`Frontier`] is all that an appender keeps to know the root after every entry. The tiles are
//! the C2SP tlog-tiles form of the tree on disk: [`completed_tiles`] makes those that a new bundle
//! of entries fills, [`TileBuilder`] makes every one again for a verifier. [`InclusionProof`] and
//! [`ConsistencyProof`] are made and checked in one file. Nothing here reads or writes a file; the
//! bundles of entries themselves are made elsewhere.

mod frontier;
mod path;
mod proof;
mod tile;

pub use frontier::Frontier;
pub use frontier::FrontierError;
pub use path::LogFile;
pub use proof::CONSISTENCY_LIMIT;
pub use proof::ConsistencyProof;
pub use proof::INCLUSION_LIMIT;
pub use proof::InclusionProof;
pub use proof::ProofError;
pub use proof::Subtree;
pub use tile::PartialTile;
pub use tile::TILE_BYTES;
pub use tile::TILE_WIDTH;
pub use tile::Tile;
pub use tile::TileBuilder;
pub use tile::TileError;
pub use tile::TileId;
pub use tile::completed_tiles;
pub use tile::partial_tiles;
pub use tile::tiles_between;

use crate::hash::LeafHash;
use crate::hash::NodeHash;

/// The root of the tree that holds exactly these leaves, in this order (RFC 6962, section 2.1).
#[must_use]
pub fn root_of(leaves: &[LeafHash]) -> NodeHash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}
