//! The second verifier (`tests/by-hand/verify.py`) shares no code with the first, and agrees with it
//! about the integrity of every ledger here: whole ones of every kind of event, tampered ones, published
//! copies, and ledgers with one byte changed.
//!
//! Where python3 is missing the tests say so and prove nothing; `LEDGER_TEST_PYTHON=1`, as CI sets it,
//! makes that a failure. `LEDGER_TEST_FLIPS=all` changes every byte and not only some.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/folder.rs"]
mod folder;
#[path = "../support/samples.rs"]
mod samples;
#[path = "../support/story.rs"]
mod story;

mod bytes;
mod entries;
mod folders;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use folder::Folder;
use rotation_ledger::audit::Audit;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::Link;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::rule::Verdict;
use rotation_ledger::statement::Attachment;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::Status;
use serde_json::Value;
use serde_json::json;
use story::Story;
use story::id;
use story::sealing_key;

pub(crate) const OUTPUT: &[u8] = b"login passed\n";

pub(crate) fn by_hand() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/by-hand")
}

/// Python with these words, and `input` on stdin; the lines that it prints. Nothing where there is no
/// python3.
pub(crate) fn python(words: &[&str], input: &str) -> Option<Vec<String>> {
    let found = Command::new("python3").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        let demanded = std::env::var_os("LEDGER_TEST_PYTHON").is_some_and(|set| set == "1");
        assert!(!demanded, "python3 is not installed");
        eprintln!("python3 is not installed: nothing was tested");
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("input"), input).unwrap();
    let output = Command::new("python3")
        .arg("-B")
        .args(words)
        .stdin(fs::File::open(temp.path().join("input")).unwrap())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(str::to_owned).collect())
}

/// What the second verifier says to a folder.
fn theirs(dir: &Path) -> Option<String> {
    let script = by_hand().join("verify.py").display().to_string();
    let lines = python(&[&script, &dir.display().to_string()], "")?;
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next()
}

/// What the first one says: the verdict on integrity, and of a ledger that is broken the first entry
/// that it names.
pub(crate) fn ours(dir: &Path) -> (bool, Option<u64>) {
    let audit = Audit {
        world: &World::system(),
        dir,
        head: None,
        anchors: Vec::new(),
        trust: None,
        signed: None,
        as_of: Timestamp::from_micros(1_767_700_000_000_000),
        from: None,
        to: None,
        wait: Duration::from_secs(1),
        progress: &|_, _| {},
        interrupted: &AtomicBool::new(false),
    };
    let Ok(report) = audit.run() else {
        return (false, None);
    };
    let line = report.line(Verdict::Integrity).unwrap();
    let found = report
        .findings
        .iter()
        .filter(|finding| finding.rule.verdict == Verdict::Integrity);
    (
        line.status == Status::Pass,
        found.filter_map(|finding| finding.sequence).min(),
    )
}

/// Insists that both say the same of a folder, and of one that is broken that they name the same entry
/// first.
pub(crate) fn agree(what: &str, dir: &Path) -> bool {
    let (passes, first) = ours(dir);
    let Some(theirs) = theirs(dir) else {
        return passes;
    };
    let expected = match (passes, first) {
        (true, _) => "PASS entries ".to_owned(),
        (false, Some(first)) => format!("FAIL {first} "),
        (false, None) => "FAIL ".to_owned(),
    };
    assert!(theirs.starts_with(&expected), "{what}: {expected} {theirs}");
    passes
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
    folder.blobs().put(OUTPUT).unwrap();
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
fn eventful() -> Story {
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
    for size in [256, 257] {
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
