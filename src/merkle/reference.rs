//! For tests: the tree as a whole, of which the other files see parts.

use super::{Frontier, TileId};
use crate::hash::{LeafHash, NodeHash};

/// The root of the tree that holds exactly these leaves, in this order (RFC 6962, section 2.1).
pub(super) fn root_of(leaves: &[LeafHash]) -> NodeHash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}

/// The full tiles that come into being when the tree grows from `from` leaves to `to`, lowest
/// level first and from left to right within a level.
pub(super) fn tiles_between(from: u64, to: u64) -> impl Iterator<Item = TileId> {
    let full = |size: u64, level: u8| size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
    (0..8).flat_map(move |level| {
        (full(from, level)..full(to, level)).map(move |index| TileId { level, index })
    })
}
