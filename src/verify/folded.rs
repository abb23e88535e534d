//! What the entries came to, when all of them were read.

use std::collections::{BTreeMap, HashSet};

use crate::hash::{Blake3Digest, LedgerId, Link, NodeHash};
use crate::merkle::{PartialTile, TileBuilder};
use crate::register::{LedgerState, Register};
use crate::rule::{Finding, Verdict};
use crate::time::Timestamp;

use super::admitted::AdmittedEntry;
use super::checkpoints::CheckpointComparison;
use super::question::VerifyQuestion;
use super::stamps::FittingToken;

/// Everything that the entries amount to and all that is held against them.
#[derive(Debug)]
pub struct VerifiedFold {
    pub(super) question: VerifyQuestion,
    pub(super) register: Register,
    pub(super) ledger: Option<LedgerId>,
    /// Entries so far, and so the place of the next.
    pub(super) size: u64,
    /// Those that were not at hand.
    pub(super) elsewhere: u64,
    /// What should be at hand and is not.
    pub(super) missing: Vec<String>,
    pub(super) head: Link,
    pub(super) root: NodeHash,
    pub(super) tiles: TileBuilder,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) in_range: u64,
    pub(super) tally: EntryTally,
    pub(super) compared: CheckpointComparison,
    /// Time tokens over checkpoints of the ledger.
    pub(super) stamped: Vec<FittingToken>,
    /// What is kept as a time token and says nothing, and why.
    pub(super) unfit_tokens: Vec<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) findings_total: u64,
    /// Findings that were counted and not kept.
    pub(super) unlisted: BTreeMap<Verdict, u64>,
    /// Findings about other rotations and secrets than those that were asked for.
    pub(super) outside: u64,
    /// Acceptances that accept nothing, and why.
    pub(super) idle_acceptances: Vec<String>,
    /// Who named a sealing key in place of one that was lost.
    pub(super) successions: Vec<String>,
    /// From which entry on four eyes were relaxed, and the entry that ended it.
    pub(super) relaxed: Vec<(u64, Option<u64>)>,
    /// No root can be made beyond damage.
    pub(super) broken: bool,
    /// Bundles that are not at hand, while their hashes are.
    pub(super) absent: Vec<AbsentEntries>,
    pub(super) charter_then: Option<LedgerState>,
    /// What was said about rotations, where that was asked for.
    pub(super) said: Vec<AdmittedEntry>,
    /// Every event id with its entry, in the order of the ids at the end: sorted, they need half of what
    /// a set of them would.
    pub(super) event_ids: Vec<([u8; 16], u64)>,
    pub(super) interrupted: bool,
    /// Whether the reader who verified the ledger before found the same entries again.
    pub(super) returned: Option<bool>,
}

impl VerifiedFold {
    /// Nothing yet.
    pub(super) fn new(question: VerifyQuestion) -> Self {
        Self {
            question,
            register: Register::default(),
            ledger: None,
            size: 0,
            elsewhere: 0,
            missing: Vec::new(),
            head: Link::ZERO,
            root: NodeHash::empty(),
            tiles: TileBuilder::new(),
            first: None,
            last: None,
            in_range: 0,
            tally: EntryTally::default(),
            compared: CheckpointComparison::default(),
            stamped: Vec::new(),
            unfit_tokens: Vec::new(),
            findings: Vec::new(),
            findings_total: 0,
            unlisted: BTreeMap::new(),
            outside: 0,
            idle_acceptances: Vec::new(),
            successions: Vec::new(),
            relaxed: Vec::new(),
            broken: false,
            absent: Vec::new(),
            charter_then: None,
            said: Vec::new(),
            event_ids: Vec::new(),
            interrupted: false,
            returned: None,
        }
    }

    /// The charter as it was at the size that the question named.
    #[must_use]
    pub const fn charter_then(&self) -> Option<&LedgerState> {
        self.charter_then.as_ref()
    }

    /// Whether entries could not be read, so that what they named is not known.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken || !self.missing.is_empty()
    }

    /// The tiles of the right edge, as the entries give them, where every entry could be read.
    #[must_use]
    pub fn partial_tiles(&self) -> Vec<PartialTile> {
        if self.broken {
            Vec::new()
        } else {
            self.tiles.partial()
        }
    }

    /// The digests of attachments that were expunged by an entry.
    #[must_use]
    pub fn expunged(&self) -> HashSet<Blake3Digest> {
        self.register.charter.expunged.iter().copied().collect()
    }

    /// Everything the entries amount to. Not verified: what surrounds the entries is not known yet.
    #[must_use]
    pub const fn register(&self) -> &Register {
        &self.register
    }

    /// Every event id with its entry, in the order of the ids; of an id that is used twice, each.
    #[must_use]
    pub fn event_ids(&self) -> &[([u8; 16], u64)] {
        &self.event_ids
    }

    /// How many entries there are, and the link of the last.
    #[must_use]
    pub const fn end(&self) -> (u64, Link) {
        (self.size, self.head)
    }
}

/// Entries that are not at hand, while their hashes are.
#[derive(Debug)]
pub(super) struct AbsentEntries {
    pub(super) first: u64,
    /// The entry behind the last of them.
    pub(super) end: u64,
    /// What is held against the ledger where nobody archived them.
    pub(super) finding: Finding,
}

/// How many of how many.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct EntryTally {
    pub(super) whole: u64,
    pub(super) signed: u64,
    /// Those whose signatures the reader checked before, and nobody now.
    pub(super) held_before: u64,
    pub(super) authorised: u64,
    pub(super) attachments: u64,
    pub(super) corrections: u64,
}
