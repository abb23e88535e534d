//! The keys that seal checkpoints: each named by the one before it or, where that one is lost, by people.
//!
//! What the lost key last sealed is the last that anybody vouches for. So whoever names another one is judged by
//! that: they were Security Owners by then, and as many as the policy of then demands. Else one of them, with the
//! ledger's folder in hand, could enrol a second self first.

use bincode::{Decode, Encode};

use crate::event::SealingKeyRecovered;
use crate::hash::NodeHash;
use crate::key::PublicKey;
use crate::text::Id;
use crate::time::Timestamp;

/// A key that seals checkpoints, from the entry that names it to the one that names the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SealingKey {
    /// The key.
    pub key: PublicKey,
    /// The entry that names it. The first checkpoint that it seals covers that entry.
    pub entry: u64,
    /// When that entry was recorded.
    pub since: Timestamp,
    /// Whether who trusts the key before it can trust this one: that key signed the entry, or a checkpoint
    /// by which the people who named it were Security Owners.
    pub handed_on: bool,
}

/// A sealing key is replaced when it has sealed for so many days.
pub const SEAL_DAYS: u32 = 30;

/// A sealing key is replaced when it has sealed so many entries.
pub const SEAL_ENTRIES: u64 = 10_000;

impl SealingKey {
    /// Whether the key has sealed for long enough, in a ledger of `size` entries at `now`. Whoever
    /// takes it then cannot seal what came before it, since the older ones are destroyed.
    #[must_use]
    pub fn is_due(&self, size: u64, now: Timestamp) -> bool {
        size.saturating_sub(self.entry) > SEAL_ENTRIES || now > self.due()
    }

    /// When it has sealed for long enough, however little.
    #[must_use]
    pub const fn due(&self) -> Timestamp {
        self.since.plus_days(SEAL_DAYS)
    }
}

/// A new sealing key that one Security Owner named, and another one has to name too.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct SealProposal {
    by: Id,
    key: PublicKey,
    kept: (u64, NodeHash),
}

/// Every key that ever sealed, and what it takes to name another one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Seals {
    pub(super) keys: Vec<SealingKey>,
    proposed: Option<SealProposal>,
    /// Since which entry two Security Owners have to name a key that takes a lost one's place, or one is enough again.
    demands: Vec<(u64, bool)>,
}

impl Seals {
    /// Remembers what the policy of entry `sequence` demands.
    pub(super) fn demand_two(&mut self, sequence: u64, two: bool) {
        let before = self.demands.last().is_some_and(|(_, two)| *two);
        if before != two {
            self.demands.push((sequence, two));
        }
    }

    /// Whether two have to name a new key, by the policy in the first `size` entries.
    pub(super) fn needs_two(&self, size: u64) -> bool {
        let mut demands = self.demands.iter();
        demands
            .rfind(|(sequence, _)| *sequence < size)
            .is_some_and(|(_, two)| *two)
    }

    /// Whether somebody named the same key on the same checkpoint, and who.
    pub(super) fn proposer(&self, recovered: &SealingKeyRecovered) -> Option<&Id> {
        let same = |proposed: &&SealProposal| {
            proposed.key == recovered.key
                && proposed.kept == (recovered.kept_size, recovered.kept_root)
        };
        self.proposed.as_ref().filter(same).map(|same| &same.by)
    }

    /// Takes what `by` says: the new key seals, or waits for another Security Owner.
    pub(super) fn recover(
        &mut self,
        (entry, since): (u64, Timestamp),
        by: &Id,
        recovered: &SealingKeyRecovered,
    ) {
        if self.needs_two(recovered.kept_size) && self.proposer(recovered).is_none() {
            self.proposed = Some(SealProposal {
                by: by.clone(),
                key: recovered.key,
                kept: (recovered.kept_size, recovered.kept_root),
            });
            return;
        }
        self.proposed = None;
        self.keys.push(SealingKey {
            key: recovered.key,
            entry,
            since,
            handed_on: true,
        });
    }
}
