//! Feeds the entries of a pack to the verification that judges ledgers, with what the pack has around
//! them: receipts in place of tiles, consistency proofs in place of the entries that are not here.

use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::checkpoint;
use crate::checkpoint::Checkpoint;
use crate::entry::Stored;
use crate::hash::Blake3Digest;
use crate::hash::LeafHash;
use crate::hash::Link;
use crate::hash::NodeHash;
use crate::hash::Sha256Digest;
use crate::merkle::InclusionProof;
use crate::merkle::Tile;
use crate::rule;
use crate::rule::Finding;
use crate::statement::Attachment;
use crate::timetoken::SignatureCheck;
use crate::verify;
use crate::verify::Count;
use crate::verify::Keeper;
use crate::verify::Kept;
use crate::verify::Observer;
use crate::verify::Piece;
use crate::verify::Question;
use crate::verify::Report;
use crate::verify::Stamp;
use crate::verify::Surroundings;

use super::contents::Contents;
use super::record::Record;

/// What came of the entries of a pack.
pub(super) struct Judged {
    pub(super) report: Report,
    /// Those that can be read, in their order.
    pub(super) entries: Vec<Stored>,
}

/// Judges what a pack has of a ledger. `question` says as of when, for whom, and which checkpoints others
/// kept; `findings` are what was found in the pack as a file.
pub(super) fn judge(
    contents: &Contents,
    record: Option<&Record>,
    mut question: Question,
    signed: Option<&SignatureCheck<'_>>,
    findings: Vec<Finding>,
) -> Judged {
    let mut around = Surroundings {
        findings,
        ..Surroundings::default()
    };
    let stated = checkpoint::stated(&contents.checkpoint).ok();
    let size = contents
        .entries
        .last_key_value()
        .map_or(0, |(last, _)| last + 1);
    let is_part = contents.entries.len() as u64 != size;
    if let Some(stated) = stated.as_ref().filter(|stated| stated.size != size) {
        let expected = format!("a checkpoint over {size} entries");
        let found = stated.size.to_string();
        around
            .findings
            .push(Finding::new(rule::P04, expected, found));
    }
    let proven = prove(contents, stated.as_ref(), &mut around);
    question.stamps = Stamp::of(contents.tokens.clone(), signed);
    let cosigned = contents.cosigned.as_ref().map(|bytes| Kept {
        keeper: Keeper::Cosigned,
        name: "cosigned".to_owned(),
        bytes: Some(bytes.clone()),
    });
    let unproven = |size: &u64| is_part && !proven.contains_key(size);
    let own = cosigned.iter().filter_map(Kept::stated_size).chain(
        contents
            .tokens
            .iter()
            .filter_map(|token| stated_size(token.checkpoint.as_deref()?)),
    );
    for size in own.filter(unproven) {
        let expected = format!("a proof that the ledger continues that of {size} entries");
        around
            .findings
            .push(Finding::new(rule::P03, expected, "none"));
    }
    // An anchor of a size that the pack has no proof for says nothing against it.
    let (anchors, untold): (Vec<_>, Vec<_>) = std::mem::take(&mut question.kept)
        .into_iter()
        .partition(|anchor| {
            anchor
                .stated_size()
                .is_none_or(|stated| stated <= size && !unproven(&stated))
        });
    for anchor in untold {
        around.not_checked.push(format!(
            "the checkpoint {}: the pack has no proof to it",
            anchor.name
        ));
    }
    question.kept = anchors;
    question.kept.extend(cosigned);
    question.kept.push(Kept {
        keeper: Keeper::Folder,
        name: "checkpoint".to_owned(),
        bytes: Some(contents.checkpoint.clone()),
    });
    question.proven = is_part.then_some(proven);
    let mut watcher = Watcher::default();
    let folded = verify::fold(pieces(contents).into_iter(), question, &mut watcher);
    let entries: Vec<Stored> = contents
        .entries
        .iter()
        .filter_map(|(sequence, bytes)| Stored::of(*sequence, bytes.clone()).ok())
        .collect();
    watcher.check(contents, record, &folded.expunged(), &mut around);
    if let Some(record) = record {
        // An honest export of little is told from one of everything here and nowhere else.
        around.notes.push(format!(
            "selected for this pack: {} (entry {})",
            record.selection.part, record.stored.sequence
        ));
        around
            .findings
            .extend(record.differences(contents, &entries, folded.register()));
    }
    around.not_checked.push(format!(
        "everything after entry {}: the pack ends there",
        size.saturating_sub(1)
    ));
    if is_part {
        let elsewhere = size - contents.entries.len() as u64;
        around.not_checked.push(format!(
            "{elsewhere} entries that are not in the pack, and that none about no secret was left out: that takes the ledger"
        ));
        let others = contents
            .population
            .iter()
            .filter(|row| !row.entries_in_pack)
            .count();
        if others > 0 {
            around.not_checked.push(format!(
                "the rows of {others} secrets in secrets.json whose entries are not in the pack: only their ids and last entries are signed"
            ));
        }
    }
    Judged {
        report: folded.conclude(around),
        entries,
    }
}

fn stated_size(note: &[u8]) -> Option<u64> {
    Some(checkpoint::stated(note).ok()?.size)
}

/// The entries, and how many are not here between them.
fn pieces(contents: &Contents) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut run: Vec<Vec<u8>> = Vec::new();
    let mut next = 0;
    for (sequence, bytes) in &contents.entries {
        if *sequence != next {
            let count = sequence - next;
            pieces.push(Piece::Entries(std::mem::take(&mut run)));
            pieces.push(Piece::Elsewhere { count });
        }
        run.push(bytes.clone());
        next = sequence + 1;
    }
    pieces.push(Piece::Entries(run));
    pieces
}

/// Holds each receipt and each consistency proof against the checkpoint, and answers with the roots to
/// which they lead. Whose checkpoint it is, is for the verification.
fn prove(
    contents: &Contents,
    stated: Option<&Checkpoint>,
    around: &mut Surroundings,
) -> BTreeMap<u64, NodeHash> {
    let mut proven = BTreeMap::new();
    let Some(stated) = stated else {
        return proven;
    };
    proven.insert(stated.size, stated.root);
    let mut good = 0;
    for (sequence, bytes) in &contents.entries {
        let receipt = contents.receipts.get(sequence);
        let fault = match receipt {
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
    for sequence in contents
        .receipts
        .keys()
        .filter(|at| !contents.entries.contains_key(at))
    {
        let expected = format!("entry {sequence}, of which there is a receipt");
        around
            .findings
            .push(Finding::new(rule::P04, expected, "it is missing"));
    }
    around.counts.push(Count {
        good,
        total: contents.entries.len() as u64,
        what: "receipts",
    });
    for (size, continued) in &contents.consistency {
        let fits = continued.old.0 == *size && continued.new == (stated.size, stated.root);
        match continued.proof.check(continued.old, continued.new) {
            Ok(()) if fits => {
                proven.insert(*size, continued.old.1);
            }
            Ok(()) => around.findings.push(Finding::new(
                rule::P03,
                format!("a proof from {size} entries to the checkpoint"),
                format!("one from {} to {}", continued.old.0, continued.new.0),
            )),
            Err(fault) => around.findings.push(Finding::new(
                rule::P03,
                format!("a proof from {size} entries to the checkpoint"),
                fault.to_string(),
            )),
        }
    }
    proven
}

/// Notes the attached files that entries name.
#[derive(Default)]
struct Watcher {
    named: BTreeMap<Blake3Digest, (u64, Attachment)>,
}

impl Watcher {
    /// Hashes each file again; those that were withheld or expunged are counted.
    fn check(
        self,
        contents: &Contents,
        record: Option<&Record>,
        expunged: &HashSet<Blake3Digest>,
        around: &mut Surroundings,
    ) {
        let withheld = record.is_some_and(|record| record.selection.without_attachments);
        let (mut good, mut kept_back, mut gone) = (0, 0, 0);
        for (digest, (sequence, attachment)) in &self.named {
            let fault = match contents.attachments.get(digest) {
                None if withheld => {
                    kept_back += 1;
                    continue;
                }
                None if expunged.contains(digest) => {
                    gone += 1;
                    continue;
                }
                None => "missing".to_owned(),
                Some(bytes) if Blake3Digest::of(bytes) != *digest => {
                    format!("blake3 {}", Blake3Digest::of(bytes))
                }
                Some(bytes) if bytes.len() as u64 != attachment.length => {
                    format!("{} bytes", bytes.len())
                }
                Some(bytes) if Sha256Digest::of(bytes) != attachment.sha256 => {
                    format!("sha256 {}", Sha256Digest::of(bytes))
                }
                Some(_) => {
                    good += 1;
                    continue;
                }
            };
            let expected = format!(
                "{} ({} bytes, blake3 {digest})",
                attachment.name, attachment.length
            );
            around
                .findings
                .push(Finding::new(rule::I09, expected, fault).at(*sequence));
        }
        for digest in contents.attachments.keys() {
            if withheld || !self.named.contains_key(digest) {
                let found = format!("data/attachments/{digest}");
                around.findings.push(Finding::new(
                    rule::P01,
                    "only files that entries name",
                    found,
                ));
            }
        }
        if kept_back > 0 {
            around.not_checked.push(format!(
                "{kept_back} attached files that were withheld: only their digests are in the pack"
            ));
        }
        if gone > 0 {
            around.not_checked.push(format!(
                "{gone} attachments that were expunged: only their digests are left"
            ));
        }
        if !self.named.is_empty() {
            around.counts.push(Count {
                good,
                total: self.named.len() as u64,
                what: "attachments",
            });
        }
    }
}

impl Observer for Watcher {
    fn tile(&mut self, _: &Tile, _: u64, _: u64) {}

    fn attachment(&mut self, sequence: u64, attachment: &Attachment) {
        let named = (sequence, attachment.clone());
        self.named.entry(attachment.blake3).or_insert(named);
    }

    fn entry(&mut self, _: u64, _: Link) {}

    fn progress(&mut self, _: u64) {}

    fn interrupted(&self) -> bool {
        false
    }
}
