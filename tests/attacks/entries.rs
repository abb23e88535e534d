//! Entries that are moved, dropped, added, copied or said twice.

use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::statement::Statement;
use serde_json::json;

use crate::auditor::Scene;
use crate::auditor::head_of;
use crate::auditor::honest;
use crate::story::Story;
use crate::story::key_of;
use crate::story::sealing_key;

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
    let script = other.standard("r-1", "db/orders").with(
        "revocation.verified",
        json!({ "test": "reference_not_found" }),
    );
    other.play(script);
    assert_eq!(other.entries.len(), story.entries.len());
    let head = head_of(&other);
    (other, head, whole)
}

attacks! {
    reorder: 2, "reorder entries", "edit files", {
        "two entries exchanged", "", || after(|story| story.entries.swap(12, 15)).seen();
        "and numbered and linked anew", "", || after(|story| {
            story.entries.swap(12, 15);
            story.relink();
        }).seen();
    }
    delete: 3, "delete an entry in the middle", "edit files", {
        "left out", "", || after(|story| drop(story.entries.remove(15))).seen();
        "and numbered and linked anew", "", || after(|story| {
            story.entries.remove(15);
            story.relink();
        }).seen();
    }
    insert: 4, "insert or forge an entry", "edit files", {
        "signed by nobody who was enrolled", "", || after(|story| {
            forged(story);
        }).seen();
        "an old entry once more, numbered and linked anew", "", || after(|story| {
            let again = story.entries[15].clone();
            story.entries.push(again);
            story.relink();
        }).seen();
    }
    cut_off: 5, "cut off the end", "edit files", {
        "the entries alone", "", || {
            let (story, _, whole) = cut(3);
            Scene::of(&story, &whole).seen()
        };
        "and an older checkpoint of the folder put back", "", || {
            let (story, old, _) = cut(3);
            Scene::of(&story, &old).seen()
        };
        "the same; the host kept the newest outside", "", || {
            let (story, old, whole) = cut(3);
            Scene::of(&story, &old).head(&whole).seen()
        };
        "the same; the auditor kept one", "", || {
            let (story, old, whole) = cut(3);
            Scene::of(&story, &old).anchor(&whole).seen()
        };
        "the same; the auditor demands that everything is checked", "", || {
            let (story, old, _) = cut(3);
            Scene::of(&story, &old).strict().seen()
        };
    }
    rewrite_end: 6, "write the end anew, as long as before", "hold the sealing key and the authors' keys", {
        "the auditor has nothing", "", || {
            let (story, head, _) = retold();
            Scene::of(&story, &head).seen()
        };
        "the auditor kept a checkpoint", "", || {
            let (story, head, whole) = retold();
            Scene::of(&story, &head).anchor(&whole).seen()
        };
    }
    rewrite_all: 7, "write everything anew", "hold all keys", {
        "the auditor has nothing", "", || {
            let mut story = Story::new();
            story.wait(1);
            story.register("db/extra", json!({}));
            Scene::of(&story, &head_of(&story)).strict().seen()
        };
        "the auditor kept a checkpoint", "", || {
            let kept = honest();
            let mut story = Story::new();
            let script = story.standard("r-1", "kms/records");
            story.play(script);
            Scene::of(&story, &head_of(&story)).anchor(&head_of(&kept)).seen()
        };
    }
    replay_elsewhere: 11, "copy an entry in from another ledger or environment", "edit files", {
        "a statement that was signed for another ledger", "", || after(|story| {
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
        "sealed again with the same event id", "", || {
            let mut story = honest();
            let again = story.entries[15].clone();
            story.entries.push(again);
            story.relink();
            let head = head_of(&story);
            Scene::of(&story, &head).seen()
        };
    }
    own_keys: 20, "bring the trust along", "make a ledger of one's own", {
        "another founder, sealing key and history under the same name; the auditor has nothing", "", || {
            let mut story = Story::empty();
            let eve = key_of("eve");
            story.say("eve", "ledger.created", json!({
                "origin": crate::story::ORIGIN, "sealing_key": sealing_key().public(), "actor": "eve", "name": "Eve",
                "key": eve.public(), "possession": eve.prove_possession(),
            }));
            Scene::of(&story, &head_of(&story)).strict().seen()
        };
    }
}
