//! The second verifier (`tests/by-hand/verify.py`) shares no code with the first, and agrees with it
//! about the integrity of every ledger here: whole ones of every kind of event, tampered ones, and
//! ledgers with one byte changed. Agreeing is to give the same verdict, and where ours names an entry,
//! to name the same one first.
//!
//! It runs where `LEDGER_TEST_PYTHON` says with what (`support/second.rs`). Some bytes are
//! changed, drawn by a seed; `LEDGER_TEST_FLIPS=all` changes every one (`support/sample.rs`), but of the bundle
//! of 256 entries one in eleven, and every byte of a middle entry.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod bytes;
mod entries;
mod folders;
mod signatures;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::folder::Folder;
use crate::support::folder::audit_of;
use crate::support::second::Integrity;
use crate::support::story::Story;
use crate::support::story::id;
use crate::support::story::sealing_key;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::Link;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::rule::Verdict;
use rotation_ledger::statement::Attachment;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::VerdictStatus;
use serde_json::Value;
use serde_json::json;

pub(crate) const OUTPUT: &[u8] = b"login passed\n";

/// What the first one says of a ledger.
pub(crate) fn ours(dir: &Path) -> Integrity {
    let as_of = Timestamp::from_micros(1_767_700_000_000_000);
    let Ok(report) = audit_of(&World::system(), dir, as_of).run() else {
        return Integrity::of(false, []);
    };
    let line = report.line(Verdict::Integrity).unwrap();
    let found = report.findings.iter();
    let found = found.filter(|finding| finding.rule.verdict == Verdict::Integrity);
    let found = found.map(|finding| (finding.rule.id, finding.sequence));
    Integrity::of(line.status == VerdictStatus::Pass, found)
}

/// Insists that both say the same of a ledger, and says whether it is whole.
pub(crate) fn agree(what: &str, dir: &Path) -> bool {
    let ours = ours(dir);
    ours.agrees_about(what, dir);
    ours.passes
}

/// A ledger in which a file is attached, and kept.
pub(crate) fn attached() -> Story {
    let mut story = Story::new();
    story.attach.push(attachment());
    story.say(
        "olga",
        "evidence.attached",
        json!({ "secret": "db/orders", "description": "a login" }),
    );
    story
}

pub(crate) fn attachment() -> Attachment {
    Attachment {
        blake3: Blake3Digest::of(OUTPUT),
        sha256: Sha256Digest::of(OUTPUT),
        length: OUTPUT.len() as u64,
        media_type: id("text/plain"),
        name: "login.txt".parse().unwrap(),
    }
}

pub(crate) fn with_file(story: &Story) -> Folder {
    let folder = Folder::of(story);
    folder.attach(OUTPUT);
    folder
}

pub(crate) fn remark(story: &mut Story) -> u64 {
    let link = Link::of(&story.entries[0]);
    story.say(
        "ada",
        "entry.annotated",
        json!({ "entry": 0, "link": link, "note": "seen" }),
    )
}

pub(crate) fn grown(size: usize) -> Story {
    let mut story = attached();
    while story.entries.len() < size {
        remark(&mut story);
    }
    story
}

/// Everything that people do with secrets, an incident and an exception among it.
pub(crate) fn eventful() -> Story {
    let mut story = attached();
    let rotation = story.standard("r-1", "db/orders");
    story.play(rotation);
    let rotation = story.single_run("r-2", "sign/bundles");
    story.play(rotation);
    let rotation = story.rolled_back("r-3", "kms/records");
    story.play(rotation);
    let rotation = story.emergency("r-4", "inc-1", "api/billing");
    story.play(rotation);
    story.say("sam", "exception.granted", exception("db/orders", "x-1"));
    story.say("sam", "exception.granted", exception("kms/records", "x-1"));
    story.say(
        "sam",
        "actor.revoked",
        json!({ "actor": "otto", "reason": "left" }),
    );
    story.say(
        "pia",
        "secret.retired",
        json!({ "secret": "vendor/mail", "reason": "gone" }),
    );
    remark(&mut story);
    story
}

pub(crate) fn exception(secret: &str, name: &str) -> Value {
    json!({
        "exception": name, "secret": secret, "rules": ["S-50", "A-03"], "requested_by": "pia", "reason": "no way",
        "controls": "watched", "expires": "@600",
    })
}

#[test]
fn whole_ledgers_pass_both() {
    assert!(agree("new", &Folder::of(&Story::new()).path("")));
    assert!(agree("eventful", &with_file(&eventful()).path("")));
    for size in [256, 257, 520] {
        assert!(agree(
            &format!("{size} entries"),
            &with_file(&grown(size)).path("")
        ));
    }
    let mut story = attached();
    let expunged =
        json!({ "attachment": Blake3Digest::of(OUTPUT), "reason": "privacy", "note": "a name" });
    story.say("sam", "evidence.expunged", expunged);
    assert!(agree("expunged", &Folder::of(&story).path("")));
    // The checkpoint of before the last entries, as a power cut leaves it.
    let folder = with_file(&grown(40));
    fs::write(
        folder.path("checkpoint"),
        grown(40).checkpoint_of(37, &sealing_key()),
    )
    .unwrap();
    assert!(agree("an older checkpoint", &folder.path("")));
}

/// What everybody sees first.
#[test]
fn the_demonstration_passes_both() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ledger"))
        .args(["demo", "--dir"])
        .arg(folder.path().join("demo"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(agree("demo", &folder.path().join("demo/ledger")));
    assert!(!agree("tampered", &folder.path().join("demo/tampered")));
}
