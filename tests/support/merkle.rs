//! The tree as a whole, of which the library sees parts.

use rotation_ledger::hash::{LeafHash, NodeHash};
use rotation_ledger::merkle::{Frontier, TileId};

/// The root of the tree that holds exactly these leaves, in this order (RFC 6962, section 2.1).
pub fn root_of(leaves: &[LeafHash]) -> NodeHash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}

/// The full tiles that come into being when the tree grows from `from` leaves to `to`.
pub fn tiles_between(from: u64, to: u64) -> impl Iterator<Item = TileId> {
    let full = |size: u64, level: u8| size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
    (0..8).flat_map(move |level| {
        (full(from, level)..full(to, level)).map(move |index| TileId { level, index })
    })
}
