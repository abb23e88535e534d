//! How far what a pack has of a ledger reaches: the receipts in place of tiles, the consistency proofs in
//! place of entries that are not here, and which checkpoints can be held against it.

use std::collections::BTreeMap;

use crate::checkpoint::{self, Checkpoint};
use crate::hash::{LeafHash, NodeHash};
use crate::merkle::InclusionProof;
use crate::rule::{self, Finding};
use crate::verify::{CheckpointKeeper, LogPiece, StoredCheckpoint, Surroundings, VerdictCount};

use super::contents::UnverifiedPack;

/// How much of a ledger a pack has.
pub(super) struct Reach<'c> {
    contents: &'c UnverifiedPack,
    /// Entries of the ledger, up to the last that is here.
    size: u64,
    /// Whether some of them are elsewhere.
    is_part: bool,
    /// The roots to which the proofs of the pack lead, by size.
    proven: BTreeMap<u64, NodeHash>,
}

impl<'c> Reach<'c> {
    /// Holds each receipt and each consistency proof against the checkpoint. Whose checkpoint it is, is for
    /// the verification.
    pub(super) fn of(contents: &'c UnverifiedPack, around: &mut Surroundings) -> Self {
        let last = contents.entries.last_key_value();
        let size = last.map_or(0, |(last, _)| last + 1);
        let mut reach = Self {
            contents,
            size,
            is_part: contents.entries.len() as u64 != size,
            proven: BTreeMap::new(),
        };
        if let Ok(stated) = checkpoint::stated(&contents.checkpoint) {
            if stated.size != size {
                let expected = format!("a checkpoint over {size} entries");
                let found = stated.size.to_string();
                around
                    .findings
                    .push(Finding::new(rule::P04, expected, found));
            }
            reach.proven.insert(stated.size, stated.root);
            reach.check_receipts(&stated, around);
            reach.check_consistency(&stated, around);
        }
        reach
    }

    fn check_receipts(&self, stated: &Checkpoint, around: &mut Surroundings) {
        let contents = self.contents;
        let mut good = 0;
        for (sequence, bytes) in &contents.entries {
            let fault = match contents.receipts.get(sequence) {
                None => Some("no receipt".to_owned()),
                Some(receipt) if receipt.checkpoint().as_bytes() != contents.checkpoint => {
                    Some("a receipt under another checkpoint".to_owned())
                }
                Some(receipt) if receipt.index() != *sequence => {
                    Some(format!("a receipt of entry {}", receipt.index()))
                }
                Some(receipt) => InclusionProof::from_hashes(receipt.hashes().to_vec())
                    .check(*sequence, LeafHash::of(bytes), stated.size, stated.root)
                    .err()
                    .map(|fault| fault.to_string()),
            };
            match fault {
                None => good += 1,
                Some(fault) => around
                    .findings
                    .push(Finding::new(rule::P03, "a receipt that proves it", fault).at(*sequence)),
            }
        }
        let receipts = contents.receipts.keys();
        for sequence in receipts.filter(|at| !contents.entries.contains_key(at)) {
            let expected = format!("entry {sequence}, of which there is a receipt");
            around
                .findings
                .push(Finding::new(rule::P04, expected, "it is missing"));
        }
        around.counts.push(VerdictCount {
            good,
            total: contents.entries.len() as u64,
            what: "receipts",
        });
    }

    fn check_consistency(&mut self, stated: &Checkpoint, around: &mut Surroundings) {
        for (size, continued) in &self.contents.consistency {
            let fits = continued.old.0 == *size && continued.new == (stated.size, stated.root);
            let fault = match continued.proof.check(continued.old, continued.new) {
                Ok(()) if fits => {
                    self.proven.insert(*size, continued.old.1);
                    continue;
                }
                Ok(()) => format!("one from {} to {}", continued.old.0, continued.new.0),
                Err(fault) => fault.to_string(),
            };
            let expected = format!("a proof from {size} entries to the checkpoint");
            around
                .findings
                .push(Finding::new(rule::P03, expected, fault));
        }
    }

    /// The roots by size, where the entries themselves do not give them.
    pub(super) fn proven(&self) -> Option<BTreeMap<u64, NodeHash>> {
        self.is_part.then(|| self.proven.clone())
    }

    /// Whether a checkpoint of so many entries can be held against the pack.
    fn tells(&self, size: u64) -> bool {
        !self.is_part || self.proven.contains_key(&size)
    }

    /// What is held against the entries: the pack's own checkpoints, and those of `anchors` that it can answer. An
    /// anchor of a size that the pack has no proof for says nothing against it; one of the pack's own does. And what
    /// is to be said of those anchors.
    pub(super) fn checkpoints(
        &self,
        anchors: Vec<StoredCheckpoint>,
        around: &mut Surroundings,
    ) -> (Vec<StoredCheckpoint>, Vec<String>) {
        let contents = self.contents;
        let notes = [
            ("cosigned", &contents.cosigned),
            ("sample/seed", &contents.seed),
        ];
        let there = notes.into_iter().filter(|(_, bytes)| bytes.is_some());
        let cosigned = there.map(|(name, bytes)| StoredCheckpoint {
            keeper: CheckpointKeeper::Cosigned,
            name: name.to_owned(),
            bytes: bytes.clone(),
        });
        let cosigned: Vec<_> = cosigned.collect();
        let stated = |note: &[u8]| Some(checkpoint::stated(note).ok()?.size);
        let stamped = contents.tokens.iter();
        let stamped = stamped.filter_map(|token| stated(token.checkpoint.as_deref()?));
        let own = cosigned
            .iter()
            .filter_map(StoredCheckpoint::stated_size)
            .chain(stamped);
        for size in own.filter(|size| !self.tells(*size)) {
            let expected = format!("a proof that the ledger continues that of {size} entries");
            around
                .findings
                .push(Finding::new(rule::P03, expected, "none"));
        }
        let comparable = |anchor: &StoredCheckpoint| {
            let size = anchor.stated_size();
            size.is_none_or(|size| size <= self.size && self.tells(size))
        };
        let (mut kept, untold): (Vec<_>, Vec<_>) = anchors.into_iter().partition(comparable);
        let untold = untold.iter().map(|anchor| {
            let name = &anchor.name;
            format!("the checkpoint {name}: the pack has no proof to it")
        });
        kept.extend(cosigned);
        kept.push(StoredCheckpoint {
            keeper: CheckpointKeeper::Folder,
            name: "checkpoint".to_owned(),
            bytes: Some(contents.checkpoint.clone()),
        });
        (kept, untold.collect())
    }

    /// The entries, and how many are not here between them.
    pub(super) fn pieces(&self) -> Vec<LogPiece> {
        let mut pieces = Vec::new();
        let mut run: Vec<Vec<u8>> = Vec::new();
        let mut next = 0;
        for (sequence, bytes) in &self.contents.entries {
            if *sequence != next {
                let count = sequence - next;
                pieces.push(LogPiece::Entries(std::mem::take(&mut run)));
                pieces.push(LogPiece::Elsewhere { count });
            }
            run.push(bytes.clone());
            next = sequence + 1;
        }
        pieces.push(LogPiece::Entries(run));
        pieces
    }

    /// Where the pack ends: nobody asked it for more.
    pub(super) fn end(&self) -> String {
        let last = self.size.saturating_sub(1);
        format!("the pack ends with entry {last}: nothing after it was looked at")
    }

    /// What is missing before that, and was not checked.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.is_part {
            return missing;
        }
        let elsewhere = self.size - self.contents.entries.len() as u64;
        missing.push(format!(
            "{elsewhere} entries that are not in the pack, and that none about no secret was left out: that takes the ledger"
        ));
        let rows = self.contents.population.iter();
        let others = rows.filter(|row| !row.entries_in_pack).count();
        if others > 0 {
            missing.push(format!(
                "the rows of {others} secrets in secrets.json whose entries are not in the pack: only their ids and last entries are signed"
            ));
        }
        missing
    }
}
