//! Sizes that are said to be larger than what is there: nobody may be kept busy, or run out of memory, by a
//! number in a file. The program has two gigabytes of addresses here, and no more.

use rotation_ledger::hash::Link;
use rotation_ledger::ledger::CHECKPOINT_FILE;
use serde_json::json;

use crate::attacks::auditor::Scene;
use crate::attacks::auditor::head_of;
use crate::attacks::auditor::honest;
use crate::attacks::auditor::within;
use crate::support::story::Story;

const ADDRESSES_KIB: &str = "2097152";
const HEADER_CONTEXT: &str = "rotation-ledger 2026-11-23 tail header check v1";
/// Magic, base and length of the carry.
const FIELDS: usize = 20;
const CHECK: usize = 8;

/// A ledger with a whole bundle and some entries behind it.
pub(crate) fn sealed() -> Story {
    let mut story = honest();
    let link = Link::of(&story.entries[0]);
    while story.entries.len() < 260 {
        story.say(
            "ada",
            "entry.annotated",
            json!({ "entry": 0, "link": link, "note": "seen" }),
        );
    }
    story
}

/// Puts another base in the header of a tail, with the check that goes with it: nobody needs a key for that.
fn rebase(tail: &mut [u8], base: u64) {
    let carried = u32::from_le_bytes(*tail[16..].first_chunk().unwrap()) as usize;
    let end = FIELDS + carried;
    tail[8..16].copy_from_slice(&base.to_le_bytes());
    let mut hasher = blake3::Hasher::new_derive_key(HEADER_CONTEXT);
    hasher.update(&tail[..end]);
    let mut check = [0; CHECK];
    hasher.finalize_xof().fill(&mut check);
    tail[end..end + CHECK].copy_from_slice(&check);
}

fn rebased(base: u64) -> Scene {
    let story = sealed();
    Scene::of(&story, &head_of(&story)).change("tail", |tail| rebase(tail, base))
}

/// A checkpoint file of four gigabytes, most of which no disk has to hold.
fn endless(name: &str) -> Scene {
    let story = sealed();
    let scene = Scene::of(&story, &head_of(&story));
    let file = std::fs::File::create(scene.path(name)).unwrap();
    file.set_len(4 << 30).unwrap();
    scene
}

attacks! {
    sizes: 33, "make the verifier run away with a size that is said and not there", "edit files", {
        "a tail that continues 25.6 million entries, of which 256 are there", "integrity: I-17 at 256 · exit 1", || {
            rebased(25_600_000).bounded(ADDRESSES_KIB).seen()
        };
        "a tail that continues 2^48 entries", "integrity: I-17 at 256 · exit 1", || {
            rebased(1 << 48).bounded(ADDRESSES_KIB).seen()
        };
        "a tail that continues as many entries as there are numbers", "integrity: I-17 at 256 · exit 1", || {
            rebased(u64::MAX - 255).bounded(ADDRESSES_KIB).seen()
        };
        "a checkpoint of four gigabytes", "refused: cannot read checkpoint: it is longer than 4194304 bytes · exit 4", || {
            endless(CHECKPOINT_FILE).bounded(ADDRESSES_KIB).seen()
        };
        "a tail of four gigabytes", "refused: cannot read tail: it is longer than 134217728 bytes · exit 4", || {
            endless("tail").bounded(ADDRESSES_KIB).seen()
        };
    }
}

/// What reads without judging is not to be led on either: it ends, with an error that names the entry.
#[test]
fn no_command_is_led_on_by_a_forged_base() {
    for base in [25_600_000, 1 << 48, u64::MAX - 255] {
        let scene = rebased(base);
        let (dir, state) = (scene.path(""), tempfile::tempdir().unwrap());
        let out = state.path().join("copy").display().to_string();
        for words in [
            "log --json",
            "show 0 --json",
            "status --json",
            "due --json",
            "checkpoint --json",
            "prove inclusion 0",
            "receipts --json",
            &format!("publish {out}"),
            "append --json secret.registered",
        ] {
            let words: Vec<_> = words.split(' ').collect();
            let output = within(ADDRESSES_KIB, &dir, state.path(), &words);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                output.status.code().is_some_and(|code| code < 100),
                "{words:?}: {output:?}"
            );
            assert!(!said.contains("panicked"), "{words:?}: {said}");
        }
    }
}
