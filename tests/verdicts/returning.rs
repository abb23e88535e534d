//! A reader who comes back: signatures of what they verified before are not checked again, and nobody can use that to
//! slip something in.

use rotation_ledger::key::Signature;
use rotation_ledger::rule::{self, Verdict};
use rotation_ledger::verify::{Conclusion, Report, VerdictStatus, VerifiedBefore};

use crate::support::merkle::root_of;
use crate::support::story::{Story, sealing_key};

/// What a reader keeps of the first `size` entries.
fn seen(story: &Story, size: usize) -> VerifiedBefore {
    VerifiedBefore {
        name: "seen.txt".to_owned(),
        size: size as u64,
        root: root_of(&story.leaves()[..size]),
    }
}

fn conclusion(report: &Report) -> Conclusion {
    report.conclusion(false, &[])
}

/// How many of how many signatures the report says were checked.
fn signatures(report: &Report) -> (u64, u64) {
    let line = report.line(Verdict::Integrity).unwrap();
    let counts = &mut line.counts.iter();
    let count = counts.find(|count| count.what == "signatures").unwrap();
    (count.good, count.total)
}

/// A story with one rotation, and how many entries there were before it.
fn story() -> (Story, usize) {
    let mut story = Story::new();
    let before = story.entries.len();
    let rotation = story.standard("r-1", "db/orders");
    story.play(rotation);
    (story, before)
}

fn spoil(story: &mut Story, sequence: usize) {
    story.tamper(sequence as u64, |entry| {
        let mut bytes = *entry.signature.as_bytes();
        bytes[3] ^= 1;
        entry.signature = Signature::from_bytes(bytes);
    });
    story.relink();
}

#[test]
fn whoever_comes_back_is_told_which_signatures_were_not_checked() {
    let (story, _) = story();
    let all = story.entries.len();
    let whole = story.verify();
    for size in 1..=all {
        let report = story.verify_again(seen(&story, size));
        assert_eq!(conclusion(&report), Conclusion::Passed);
        assert_eq!(report.held_before, size as u64);
        let left = (all - size) as u64;
        assert_eq!(signatures(&report), (left, left));
        let entries = match size {
            1 => "the signature of entry 0".to_owned(),
            _ => format!("the signatures of entries 0 to {}", size - 1),
        };
        let said = format!(
            "{entries}: they are the entries of seen.txt, which the reader verified before"
        );
        let (said, others): (Vec<_>, Vec<_>) =
            report.not_checked.iter().partition(|line| **line == said);
        assert_eq!(said.len(), 1, "{:?}", report.not_checked);
        assert_eq!(others, whole.not_checked.iter().collect::<Vec<_>>());
        assert_eq!(report.findings.len(), whole.findings.len());
        assert_eq!(
            report.register().unwrap().get(),
            whole.register().unwrap().get()
        );
    }
}

#[test]
fn a_signature_that_is_newer_is_checked_as_ever() {
    let (story, before) = story();
    for sequence in before..story.entries.len() {
        let mut forged = story.clone();
        spoil(&mut forged, sequence);
        let report = forged.verify_again(seen(&story, before));
        let found = report.findings.iter().find(|one| one.rule == rule::I03);
        assert_eq!(found.unwrap().sequence, Some(sequence as u64));
        assert_eq!(conclusion(&report), Conclusion::Broken);
    }
}

/// Whoever has the sealing key rewrites what the reader verified, and seals it anew.
#[test]
fn what_was_rewritten_since_is_not_what_was_verified() {
    let (story, before) = story();
    for sequence in 1..before {
        let mut forged = story.clone();
        spoil(&mut forged, sequence);
        let mut anchored = forged.clone();
        anchored
            .anchors
            .push(story.checkpoint_of(before, &sealing_key()));
        let report = anchored.verify_again(seen(&story, before));
        assert_eq!(conclusion(&report), Conclusion::Broken);
        assert!(report.findings.iter().any(|one| one.rule == rule::N02));

        // Without the signed note there is no one to accuse: the answer is not known, and nothing is verified.
        let report = forged.verify_again(seen(&story, before));
        assert_eq!(conclusion(&report), Conclusion::NotVerified);
        let line = report.line(Verdict::Integrity).unwrap();
        assert_eq!(line.status, VerdictStatus::NotChecked);
        assert!(report.register().is_none());
        let said = format!(
            "the signatures of entries 0 to {}: nobody found them to be the entries of seen.txt",
            before - 1
        );
        assert!(
            report.not_checked.contains(&said),
            "{:?}",
            report.not_checked
        );
    }
}

#[test]
fn more_than_there_is_was_never_verified() {
    let (story, before) = story();
    let known = seen(&story, story.entries.len());
    let mut cut = story.clone();
    cut.entries.truncate(before);
    let report = cut.verify_again(known);
    assert_eq!(conclusion(&report), Conclusion::NotVerified);
    assert!(report.register().is_none());
}
