//! What a verification is fed with, and what it shows to whoever feeds it.

use crate::hash::{LeafHash, Link};
use crate::merkle::Tile;
use crate::rule::Finding;
use crate::statement::Attachment;

/// A run of stored entries, damage, or entries that are elsewhere.
#[derive(Debug)]
pub enum LogPiece<T = Vec<u8>> {
    /// Entries that follow the last piece.
    Entries(Vec<T>),
    /// Entries that cannot be read: how many, and why.
    Damaged {
        /// How many entries are missing here.
        count: u64,
        /// The finding that says so.
        finding: Box<Finding>,
    },
    /// Entries that whoever made the copy has not handed over, or not yet: nobody can tell what they say.
    Missing {
        /// How many.
        count: u64,
        /// What is not there.
        what: String,
    },
    /// A whole bundle that is not at hand, while the hashes of its entries are: it may have been archived.
    Absent {
        /// The hashes of its entries.
        leaves: Vec<LeafHash>,
        /// What is held against the ledger where it was not; nothing where that was said with the one before.
        finding: Option<Box<Finding>>,
    },
    /// Entries that are not at hand, and about which nothing is said.
    Elsewhere {
        /// How many.
        count: u64,
    },
}

impl<T> LogPiece<T> {
    /// How many entries it stands for.
    pub(super) const fn count(&self) -> u64 {
        match self {
            Self::Entries(entries) => entries.len() as u64,
            Self::Absent { leaves, .. } => leaves.len() as u64,
            Self::Damaged { count, .. }
            | Self::Missing { count, .. }
            | Self::Elsewhere { count } => *count,
        }
    }
}

/// Whoever feeds a verification is shown what only they can look further into.
pub trait Observer {
    /// A full Merkle tile, as the entries give it, over the entries from `first` to before `end`.
    fn tile(&mut self, tile: &Tile, first: u64, end: u64);
    /// A file that entry `sequence` names.
    fn attachment(&mut self, sequence: u64, attachment: &Attachment);
    /// An entry that decodes, with its link.
    fn entry(&mut self, sequence: u64, link: Link);
    /// How many entries are done.
    fn progress(&mut self, done: u64);
    /// Whether to stop.
    fn interrupted(&self) -> bool;
}
