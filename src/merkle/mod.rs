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

pub use frontier::{Frontier, FrontierError};
pub use path::LogFile;
pub use proof::{
    CONSISTENCY_LIMIT, ConsistencyProof, INCLUSION_LIMIT, InclusionProof, ProofError, Subtree,
};
pub use tile::{
    PartialTile, TILE_BYTES, TILE_WIDTH, Tile, TileBuilder, TileError, TileId, completed_tiles,
    partial_tiles,
};

#[cfg(test)]
mod reference;
