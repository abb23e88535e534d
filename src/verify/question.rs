//! What a verification is asked.

use std::collections::BTreeMap;

use crate::hash::NodeHash;
use crate::rotation::Rotation;
use crate::time::Timestamp;
use crate::trust::Trust;

use super::checkpoints::StoredCheckpoint;
use super::stamps::TokenOnFile;

/// What a verification is asked: the instant, the range, what to hold against the entries.
#[derive(Debug, Clone)]
pub struct VerifyQuestion {
    /// The instant that ages, open rotations and exceptions are judged at.
    pub as_of: Timestamp,
    /// Rotations that ended before this are left out of conformance.
    pub from: Option<Timestamp>,
    /// Rotations that began after this are left out of conformance.
    pub to: Option<Timestamp>,
    /// Checkpoints kept somewhere, to be held against the entries.
    pub kept: Vec<StoredCheckpoint>,
    /// Time tokens kept with the ledger.
    pub stamps: Vec<TokenOnFile>,
    /// Whom the reader trusts, by a file that did not come from what is verified.
    pub trust: Option<Trust>,
    /// Whether to keep the charter as it was at a size, to hold an index of that size against it.
    pub charter_at: Option<u64>,
    /// Of a ledger of which only some entries are fed: roots by size, to which the feeder found every
    /// one of them and each root to lead. Where there are none, the entries themselves give the roots.
    pub proven: Option<BTreeMap<u64, NodeHash>>,
    /// Whether to keep what was said about rotations, entry by entry, for a report that tells them.
    pub keep_said: bool,
}

impl VerifyQuestion {
    /// Everything, at `as_of`, with no checkpoint to hold against it.
    #[must_use]
    pub const fn at(as_of: Timestamp) -> Self {
        Self {
            as_of,
            from: None,
            to: None,
            kept: Vec::new(),
            stamps: Vec::new(),
            trust: None,
            charter_at: None,
            proven: None,
            keep_said: false,
        }
    }

    /// Whether a range was asked for.
    #[must_use]
    pub const fn is_ranged(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// Whether an instant lies in the range asked for.
    pub(super) fn holds(&self, instant: Timestamp) -> bool {
        self.from.is_none_or(|from| instant >= from) && self.to.is_none_or(|to| instant <= to)
    }

    /// Whether any part of a rotation lies in the range asked for.
    #[must_use]
    pub fn selects(&self, rotation: &Rotation) -> bool {
        let end = rotation.ended().map_or(self.as_of, |end| end.occurred);
        self.to.is_none_or(|to| rotation.opened.occurred <= to)
            && self.from.is_none_or(|from| end >= from)
    }
}
