//! I-09, I-13, I-14 and I-17: what only a folder shows.

use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::rule;
use rotation_ledger::rule::Rule;
use serde_json::json;

use crate::support::folder::Folder;
use crate::support::story::Story;

/// The rules that this file has a pair for.
pub(crate) const COVERED: &[&Rule] = &[rule::I09, rule::I13, rule::I14, rule::I17];

const OUTPUT: &[u8] = b"login passed\n";

/// A ledger with one attachment, and where it is named.
fn attached() -> (Story, u64) {
    let mut story = Story::new();
    let at = story.attach_login(OUTPUT);
    (story, at)
}

/// A ledger with a sealed bundle.
fn sealed() -> Story {
    let mut story = Story::new();
    story.grow(260);
    story
}

#[test]
fn i09_raises() {
    let (story, at) = attached();
    let folder = Folder::of(&story);
    assert_eq!(folder.against(rule::I09), [Some(at)], "missing");
    let digest = folder.attach(OUTPUT);
    folder.change(
        &rotation_ledger::store::blobs::blob_path(&digest),
        |bytes| bytes[0] ^= 1,
    );
    assert_eq!(folder.against(rule::I09), [Some(at)], "another");
}

#[test]
fn i09_spares() {
    let (mut story, _) = attached();
    let folder = Folder::of(&story);
    folder.attach(OUTPUT);
    assert_eq!(folder.verify().findings, []);

    story.say(
        "sam",
        "evidence.expunged",
        json!({
            "attachment": Blake3Digest::of(OUTPUT), "reason": "privacy", "note": "named a customer",
        }),
    );
    assert_eq!(
        Folder::of(&story).against(rule::I09),
        [],
        "gone, and said so"
    );
}

#[test]
fn i13_raises() {
    let folder = Folder::of(&sealed());
    folder.change("tile/0/000", |bytes| bytes[40] ^= 1);
    assert_eq!(folder.against(rule::I13), [Some(0)]);
    std::fs::remove_file(folder.path("tile/0/000")).unwrap();
    assert_eq!(folder.against(rule::I13), [Some(0)]);
}

#[test]
fn i13_spares() {
    assert_eq!(Folder::of(&sealed()).verify().findings, []);
}

#[test]
fn i14_raises() {
    let folder = Folder::of(&Story::new());
    std::fs::write(folder.path("notes.txt"), "mine").unwrap();
    assert_eq!(folder.against(rule::I14), [None]);
}

#[test]
fn i14_spares() {
    let folder = Folder::of(&Story::new());
    folder.attach(b"of an append that was interrupted");
    let report = folder.verify();
    assert_eq!(report.findings, []);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("1 attachments")),
        "{:?}",
        report.notes
    );
}

#[test]
fn i17_raises() {
    let folder = Folder::of(&sealed());
    std::fs::remove_file(folder.path("tile/entries/000")).unwrap();
    assert_eq!(folder.against(rule::I17), [Some(0)]);

    let story = Story::new();
    let folder = Folder::of(&story);
    let second_last = story.entries[story.entries.len() - 2].clone();
    folder.change("tail", |bytes| {
        let at = bytes
            .windows(second_last.len())
            .position(|window| window == second_last)
            .unwrap();
        bytes[at] ^= 1;
    });
    assert_eq!(
        folder.against(rule::I17),
        [Some(story.entries.len() as u64 - 2)]
    );
}

#[test]
fn i17_spares() {
    // A write that was cut off before it was acknowledged is no damage.
    let mut story = Story::new();
    let checkpoint =
        story.checkpoint_of(story.entries.len(), &crate::support::story::sealing_key());
    story.register("db/next", json!({}));
    let last = story.entries.last().unwrap().clone();
    let folder = Folder::of(&story);
    std::fs::write(folder.path("checkpoint"), checkpoint).unwrap();
    folder.change("tail", |bytes| {
        let at = bytes
            .windows(last.len())
            .position(|window| window == last)
            .unwrap();
        bytes[at + last.len() / 2..at + last.len()].fill(0);
    });
    let report = folder.verify();
    assert_eq!(report.findings, []);
    assert!(
        report
            .not_checked
            .iter()
            .any(|line| line.contains("interrupted write")),
        "{:?}",
        report.not_checked
    );
}
