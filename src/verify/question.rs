//! What a verification is asked.

use std::collections::BTreeMap;

use crate::hash::NodeHash;
use crate::pack::PackPart;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::rule::Finding;
use crate::time::{ClockDoubt, Timestamp};
use crate::trust::Trust;

use super::checkpoints::StoredCheckpoint;
use super::stamps::TokenOnFile;

/// What a verification is asked: the instant, the range, what to hold against the entries.
#[derive(Debug, Clone)]
pub struct VerifyQuestion {
    /// The instant that ages, open rotations and exceptions are judged at.
    pub as_of: Timestamp,
    /// Whether that is what a clock says, which may be wrong, and not what somebody asked for.
    pub by_clock: bool,
    /// What conformance and coverage are asked for. Integrity, authority and anchoring are always the whole
    /// ledger's.
    pub part: PackPart,
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
    /// Up to where the reader verified the ledger before.
    pub verified: Option<VerifiedBefore>,
    /// Of entries that were verified a moment ago, and are the same bytes: that each of them was signed.
    pub signed: Option<AllSigned>,
}

/// Every signature of some entries holds. Only a report of their verification says so ([`Report::all_signed`]); whoever
/// takes it to another verification feeds that with the same bytes.
///
/// [`Report::all_signed`]: super::Report::all_signed
#[derive(Debug, Clone, Copy)]
pub struct AllSigned(pub(super) ());

/// A checkpoint up to which the reader verified the ledger before, which is their word. That these are the same
/// entries is found out: the root is made again.
#[derive(Debug, Clone)]
pub struct VerifiedBefore {
    /// Where it was read from.
    pub name: String,
    /// The entries.
    pub size: u64,
    /// Their root.
    pub root: NodeHash,
}

impl VerifyQuestion {
    /// Everything, at `as_of`, with no checkpoint to hold against it.
    #[must_use]
    pub const fn at(as_of: Timestamp) -> Self {
        Self {
            as_of,
            by_clock: false,
            part: PackPart::Everything,
            kept: Vec::new(),
            stamps: Vec::new(),
            trust: None,
            charter_at: None,
            proven: None,
            keep_said: false,
            verified: None,
            signed: None,
        }
    }

    /// Why the clock that says the instant is not believed, where the newest entry was recorded at `newest`.
    pub(super) fn clock_doubt(&self, newest: Option<Timestamp>) -> Option<ClockDoubt> {
        let doubt = ClockDoubt::of(self.as_of, Some(newest?));
        doubt.filter(|_| self.by_clock)
    }

    /// Whether an instant lies in the range asked for.
    pub(super) fn holds(&self, instant: Timestamp) -> bool {
        let (from, to) = self.part.range();
        from.is_none_or(|from| instant >= from) && to.is_none_or(|to| instant <= to)
    }

    /// Whether a rotation was asked for: it, its secret, or a range in which any part of it lies.
    #[must_use]
    pub fn selects(&self, rotation: &Rotation) -> bool {
        is_in(&self.part, rotation, self.as_of)
    }

    /// Whether a finding is about what was asked for, as far as `register` tells by now.
    pub(super) fn asks_for(&self, finding: &Finding, register: &Register) -> bool {
        if !finding.rule.verdict.is_of_rotations() {
            return true;
        }
        match &self.part {
            PackPart::Everything => true,
            PackPart::Rotation(id) => finding.rotation.as_ref() == Some(id),
            PackPart::Secret(id) => finding.secret.as_ref() == Some(id),
            PackPart::Range(..) | PackPart::Sample(_) => {
                let rotation = finding.rotation.as_ref();
                let rotation = rotation.and_then(|id| register.rotations.get(id));
                rotation.is_none_or(|rotation| self.selects(rotation))
            }
        }
    }
}

/// Whether a rotation belongs to a part; an open one lasts until `as_of`.
pub(super) fn is_in(part: &PackPart, rotation: &Rotation, as_of: Timestamp) -> bool {
    match part {
        PackPart::Everything => true,
        PackPart::Rotation(id) => rotation.id == *id,
        PackPart::Secret(id) => rotation.secret == *id,
        PackPart::Range(..) | PackPart::Sample(_) => {
            let (from, to) = part.range();
            let end = rotation.ended().map_or(as_of, |end| end.occurred);
            to.is_none_or(|to| rotation.opened.occurred <= to)
                && from.is_none_or(|from| end >= from)
        }
    }
}
