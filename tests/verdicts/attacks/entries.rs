//! Entries that are moved, dropped, added, copied or said twice.

use rotation_ledger::checkpoint;
use rotation_ledger::checkpoint::Checkpoint;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::statement::Statement;
use serde_json::json;

use crate::attacks::auditor::Scene;
use crate::attacks::auditor::head_of;
use crate::attacks::auditor::honest;
use crate::attacks::writers::published_back;
use crate::support::merkle::root_of;
use crate::support::signed_token::SignedAuthority;
use crate::support::story::Story;
use crate::support::story::cosigned_by;
use crate::support::story::key_of;
use crate::support::story::log_line;
use crate::support::story::sealing_key;
use crate::support::story::witness_line;

/// The honest ledger after something was done to its entries, with the checkpoint of before.
fn after(change: impl FnOnce(&mut Story)) -> Scene {
    let mut story = honest();
    let head = head_of(&story);
    change(&mut story);
    Scene::of(&story, &head)
}

/// A remark by somebody who was never enrolled.
fn forged(story: &mut Story) -> u64 {
    let link = Link::of(&story.entries[0]);
    story.force(
        "eve",
        "entry.annotated",
        json!({ "entry": 0, "link": link, "note": "all is well" }),
    )
}

/// What the ledger would be without its last entries, and a checkpoint of that.
fn cut(by: usize) -> (Story, Vec<u8>, Vec<u8>) {
    let mut story = honest();
    let whole = head_of(&story);
    story.entries.truncate(story.entries.len() - by);
    let old = head_of(&story);
    (story, old, whole)
}

/// The last entries told in another way, sealed again: what the holder of the sealing key and of the
/// authors' keys can make.
fn retold() -> (Story, Vec<u8>, Vec<u8>) {
    let story = honest();
    let whole = head_of(&story);
    let mut other = Story::new();
    let script = other
        .standard("r-1", "db/orders")
        .with("revocation.verified", json!({ "tested_at": "@-1" }));
    other.play(script);
    assert_eq!(other.entries.len(), story.entries.len());
    let head = head_of(&other);
    (other, head, whole)
}

attacks! {
    reorder: 2, "reorder entries", "edit files", {
        "two entries exchanged", "integrity: I-02 at 12, I-04 at 12, I-15 at 12, I-02 at 13, 8 more · exit 1", || after(|story| story.entries.swap(12, 15)).seen();
        "and numbered and linked anew", "integrity: I-15 at 12, I-15 at 13, I-18 at 13, I-15 at 14, 2 more · exit 1", || after(|story| {
            story.entries.swap(12, 15);
            story.relink();
        }).seen();
    }
    delete: 3, "delete an entry in the middle", "edit files", {
        "left out", "integrity: I-02 at 15, I-04 at 15, I-15 at 15, I-04 at 16, 14 more · exit 1", || after(|story| drop(story.entries.remove(15))).seen();
        "and numbered and linked anew", "integrity: I-15 at 15, I-15 at 16, I-15 at 17, I-15 at 18, 5 more · exit 1", || after(|story| {
            story.entries.remove(15);
            story.relink();
        }).seen();
    }
    insert: 4, "insert or forge an entry", "edit files", {
        "signed by nobody who was enrolled", "authority: A-01 at 24 · exit 1", || after(|story| {
            forged(story);
        }).seen();
        "an old entry once more, numbered and linked anew", "integrity: I-07 at 24, I-15 at 24, I-18 at 24 · exit 1", || after(|story| {
            let again = story.entries[15].clone();
            story.entries.push(again);
            story.relink();
        }).seen();
    }
    cut_off: 5, "cut off the end", "edit files", {
        "the entries alone", "integrity: I-05 · exit 1", || {
            let (story, _, whole) = cut(3);
            Scene::of(&story, &whole).seen()
        };
        "and an older checkpoint of the folder put back", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 0", || {
            let (story, old, _) = cut(3);
            Scene::of(&story, &old).seen()
        };
        "the same; the host kept the newest outside", "anchoring: N-01 · exit 1", || {
            let (story, old, whole) = cut(3);
            Scene::of(&story, &old).head(&whole).seen()
        };
        "the same; the auditor kept one", "anchoring: N-01 · exit 1", || {
            let (story, old, whole) = cut(3);
            Scene::of(&story, &old).anchor(&whole).seen()
        };
        "the same; the auditor demands that everything is checked", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 4", || {
            let (story, old, _) = cut(3);
            Scene::of(&story, &old).strict().seen()
        };
    }
    rewrite_end: 6, "write the end anew, as long as before", "hold the sealing key and the authors' keys", {
        "the auditor has nothing", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 0", || {
            let (story, head, _) = retold();
            Scene::of(&story, &head).seen()
        };
        "the auditor kept a checkpoint", "anchoring: N-02, N-06 · exit 1", || {
            let (story, head, whole) = retold();
            Scene::of(&story, &head).anchor(&whole).seen()
        };
    }
    rewrite_all: 7, "write everything anew", "hold all keys", {
        "the auditor has nothing", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 4", || {
            let mut story = Story::new();
            story.wait(1);
            story.register("db/extra", json!({}));
            Scene::of(&story, &head_of(&story)).strict().seen()
        };
        "the auditor's trust file demands a witness, who never saw that", "anchoring: N-02, N-05, N-06 · exit 1", || {
            let mut story = Story::new();
            let script = story.standard("r-1", "kms/records");
            story.play(script);
            let seen = cosigned_by("w1", &head_of(&honest()), story.now);
            Scene::of(&story, &head_of(&story)).cosigned(&seen).trust(&demanding_witness()).seen()
        };
        "the auditor kept a checkpoint", "anchoring: N-02, N-06 · exit 1", || {
            let kept = honest();
            let mut story = Story::new();
            let script = story.standard("r-1", "kms/records");
            story.play(script);
            Scene::of(&story, &head_of(&story)).anchor(&head_of(&kept)).seen()
        };
        "the auditor verified it before, and comes back for what is newer", "anchoring: N-02, N-06 · exit 1", || {
            let kept = honest();
            let mut story = Story::new();
            let script = story.standard("r-1", "kms/records");
            story.play(script);
            Scene::of(&story, &head_of(&story)).again(&head_of(&kept)).seen()
        };
        "the auditor comes back, and what they verified is of another ledger", "not checked: whether entries were cut off at the end; the checkpoint seen; whether the holder of the sealing key rewrote everything; the signatures of entries 0 to 23; keys are known only from the ledger itself · exit 4", || {
            let story = honest();
            let other = checkpoint::sign(&Checkpoint { origin: "staging".to_owned(), size: 24, root: root_of(&story.leaves()) }, &sealing_key());
            Scene::of(&story, &head_of(&story)).again(other.as_bytes()).seen()
        };
    }
    replay_elsewhere: 11, "copy an entry in from another ledger or environment", "edit files", {
        "a statement that was signed for another ledger", "integrity: I-12 at 24 · exit 1", || after(|story| {
            let link = Link::of(&story.entries[0]);
            let other = LedgerId::from_genesis(Link::of(b"staging"));
            story.say_changed(
                "ada",
                "entry.annotated",
                json!({ "entry": 0, "link": link, "note": "seen" }),
                |statement: &mut Statement| statement.ledger = other,
            );
        }).seen();
    }
    replay_again: 12, "let an entry count twice", "edit files, hold the sealing key", {
        "sealed again with the same event id", "integrity: I-07 at 24, I-15 at 24, I-18 at 24 · exit 1", || {
            let mut story = honest();
            let again = story.entries[15].clone();
            story.entries.push(again);
            story.relink();
            let head = head_of(&story);
            Scene::of(&story, &head).seen()
        };
    }
    own_keys: 20, "bring the trust along", "make a ledger of one's own", {
        "another founder, sealing key and history under the same name; the auditor has nothing", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 4", || {
            let mut story = Story::empty();
            let eve = key_of("eve");
            story.say("eve", "ledger.created", json!({
                "origin": crate::support::story::ORIGIN, "sealing_key": sealing_key().public(), "actor": "eve", "name": "Eve",
                "key": eve.public(), "possession": eve.prove_possession(),
            }));
            Scene::of(&story, &head_of(&story)).strict().seen()
        };
        "the auditor has the ledger's trust file", "anchoring: N-04 · exit 1", || {
            let mut story = Story::empty();
            let (eve, seal) = (key_of("eve"), key_of("next-sealing-key"));
            story.say("eve", "ledger.created", json!({
                "origin": crate::support::story::ORIGIN, "sealing_key": seal.public(), "actor": "eve", "name": "Eve",
                "key": eve.public(), "possession": eve.prove_possession(),
            }));
            let head = story.checkpoint_of(story.entries.len(), &seal);
            Scene::of(&story, &head).trust(&(log_line(&sealing_key()) + "quorum none\n")).seen()
        };
    }
    fork: 8, "show each a history of their own", "hold the sealing key and the authors' keys", {
        "two auditors hold their checkpoints together", "anchoring: N-02, N-06 · exit 1", || {
            let (other, head, whole) = retold();
            Scene::of(&other, &head).anchor(&head).anchor(&whole).seen()
        };
        "the auditor's trust file demands two witnesses, and one saw the other history", "anchoring: N-05 · exit 1", || {
            let (other, head, _) = retold();
            let seen = cosigned_by("w1", &head, other.now);
            let trust = log_line(&sealing_key()) + &witness_line("w1") + &witness_line("w2");
            let trust = trust + "group both all w1 w2\nquorum both\n";
            Scene::of(&other, &head).cosigned(&seen).trust(&trust).seen()
        };
        "a witness lies unsigned: a line in its name that it did not make, beside another's that holds", "not checked: nothing · exit 0", || {
            lies_unsigned("group any-of-them any w1 w2\nquorum any-of-them\n")
        };
        "a witness lies unsigned, and the trust file demands it", "anchoring: N-05 · exit 1", || lies_unsigned("quorum w2\n");
    }
    stale: 18, "show an old state that was true once", "hold back what is new", {
        "the auditor kept a newer checkpoint", "anchoring: N-01 · exit 1", || {
            let (story, old, whole) = cut(3);
            Scene::of(&story, &old).anchor(&whole).seen()
        };
        "the auditor kept an older one", "not checked: entries 20 to 23 are newer than the newest kept checkpoint; keys are known only from the ledger itself · exit 0", || {
            let story = honest();
            let old = story.checkpoint_of(20, &sealing_key());
            Scene::of(&story, &head_of(&story)).anchor(&old).seen()
        };
        "the auditor kept a very old one, the host the newest; everything must be checked", "not checked: entries 1 to 23 are newer than the newest checkpoint kept by somebody else · exit 4", || {
            let story = honest();
            let old = story.checkpoint_of(1, &sealing_key());
            let trust = log_line(&sealing_key()) + "quorum none\n";
            let scene = Scene::of(&story, &head_of(&story)).trust(&trust).strict();
            scene.head(&head_of(&story)).anchor(&old).seen()
        };
        "the same; the host's own is handed over as the auditor's", "not checked: whether the holder of the sealing key rewrote everything · exit 4", || {
            let story = honest();
            let trust = log_line(&sealing_key()) + "quorum none\n";
            let scene = Scene::of(&story, &head_of(&story)).trust(&trust).strict();
            scene.head(&head_of(&story)).anchor_is_head().seen()
        };
        "the ledger is stamped each day; the auditor knows by whom", "told: the newest time by another clock is 2026-01-05T11:24:00Z, 9 days old as of 2026-01-14T11:24:00Z · exit 0", || {
            let mut story = honest();
            let (size, head) = (story.entries.len() as u64, head_of(&story));
            let authority = SignedAuthority::new();
            let token = authority.response(&head, story.now);
            story.wait_days(9);
            Scene::of(&story, &head).stamped(size, &head, &token).believing(&authority).age()
        };
        "published over the newer copy that is out already", "refused: the ledger is behind what is published in copy: its checkpoint states 7 entries, the published one 10 · exit 1", published_back;
    }
}

fn demanding_witness() -> String {
    log_line(&sealing_key()) + &witness_line("w1") + "quorum w1\n"
}

/// An honest ledger, seen by one witness; under the name of another somebody wrote what that one said of another ledger.
fn lies_unsigned(quorum: &str) -> String {
    let story = honest();
    let head = head_of(&story);
    let seen = cosigned_by("w1", &head, story.now);
    let elsewhere = cosigned_by("w2", &story.checkpoint_of(3, &sealing_key()), story.now);
    let elsewhere = String::from_utf8(elsewhere).unwrap();
    let line = elsewhere.lines().last().unwrap();
    let both = [&seen[..], line.as_bytes(), b"\n"].concat();
    let trust = log_line(&sealing_key()) + &witness_line("w1") + &witness_line("w2") + quorum;
    Scene::of(&story, &head)
        .cosigned(&both)
        .trust(&trust)
        .seen()
}
