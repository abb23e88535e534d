//! Bytes that are changed, encoded in another way, or too many.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rotation_ledger::entry::Entry;
use rotation_ledger::ledger::CHECKPOINT_FILE;
use serde_json::json;

use crate::attacks::auditor::Scene;
use crate::attacks::auditor::head_of;
use crate::attacks::auditor::honest;
use crate::attacks::sizes::sealed;
use crate::attacks::writers::copied;
use crate::support::story::Story;

/// An entry in the middle.
const TARGET: usize = 17;

fn position(haystack: &[u8], needle: &[u8]) -> usize {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap()
}

/// The honest ledger with one byte of the author's words in an entry changed.
fn reworded() -> (Story, Vec<u8>) {
    let mut story = honest();
    let head = head_of(&story);
    story.tamper(TARGET as u64, |entry| {
        let last = entry.statement.len() - 12;
        entry.statement[last] ^= 1;
    });
    (story, head)
}

attacks! {
    edit: 1, "edit a byte of an entry", "edit files", {
        "in the file", "integrity: I-17 at 17 · exit 1", || {
            let story = honest();
            let stored = story.entries[TARGET].clone();
            let scene = Scene::of(&story, &head_of(&story));
            scene.change("tail", |tail| {
                let at = position(tail, &stored);
                tail[at + stored.len() / 2] ^= 1;
            }).seen()
        };
        "the frame around it made good", "integrity: I-03 at 17, I-02 at 18, I-15 at 18, I-05 · exit 1", || {
            let (story, head) = reworded();
            Scene::of(&story, &head).seen()
        };
        "all links after it made good too", "integrity: I-03 at 17, I-15 at 18, I-05 · exit 1", || {
            let (mut story, head) = reworded();
            story.relink();
            Scene::of(&story, &head).seen()
        };
    }
    encodings: 16, "encode an entry or a checkpoint in another way", "edit files", {
        "a byte after the entry", "integrity: I-08 at 17, I-02 at 18, I-15 at 18, I-05 · exit 1", || {
            let mut story = honest();
            let head = head_of(&story);
            story.entries[TARGET].push(0);
            Scene::of(&story, &head).seen()
        };
        "a zero before the size in the checkpoint", "integrity: I-05 · exit 1", || {
            let story = honest();
            let head = String::from_utf8(head_of(&story)).unwrap();
            let size = story.entries.len().to_string();
            let padded = head.replacen(&size, &format!("0{size}"), 1);
            Scene::of(&story, padded.as_bytes()).seen()
        };
    }
    downgrade: 19, "claim an older or newer form, or nothing at all", "edit files", {
        "an entry of version 2", "integrity: I-08 at 17, I-02 at 18, I-15 at 18, I-05 · exit 1", || {
            let mut story = honest();
            let head = head_of(&story);
            story.entries[TARGET][0] = 2;
            Scene::of(&story, &head).seen()
        };
        "no entries and no checkpoint", "integrity: I-05 · exit 1", || {
            let story = Story::empty();
            let scene = Scene::of(&story, b"");
            std::fs::remove_file(scene.path(CHECKPOINT_FILE)).unwrap();
            scene.seen()
        };
        "the log removed, the checkpoint left", "refused: the folder has lost its log: the file `tail` is missing · exit 1", || {
            let story = honest();
            let scene = Scene::of(&story, &head_of(&story));
            std::fs::remove_file(scene.path("tail")).unwrap();
            scene.seen()
        };
    }
    torn: 21, "pass tampering off as a power cut", "edit files", {
        "the last entry torn, which the checkpoint covers", "integrity: I-17 at 23, I-05 · exit 1", || {
            let story = honest();
            let last = story.entries.last().unwrap().clone();
            Scene::of(&story, &head_of(&story)).change("tail", |tail| {
                let at = position(tail, &last);
                tail[at + last.len() / 2..at + last.len()].fill(0);
            }).seen()
        };
        "a real torn write, which no checkpoint covers", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself; 201 bytes of an interrupted write after entry 23 · exit 0", || {
            let mut story = honest();
            let head = head_of(&story);
            story.register("db/next", json!({}));
            let last = story.entries.last().unwrap().clone();
            Scene::of(&story, &head).change("tail", |tail| {
                let at = position(tail, &last);
                tail[at + last.len() / 2..at + last.len()].fill(0);
            }).seen()
        };
    }
    metadata: 22, "change what is derived from the entries, or add to it", "edit files", {
        "a Merkle tile", "integrity: I-13 at 0 · exit 1", || {
            let story = sealed();
            Scene::of(&story, &head_of(&story)).change("tile/0/000", |tile| tile[40] ^= 1).seen()
        };
        "a forged listing, which names files that are not there", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 0", || {
            let story = sealed();
            let scene = Scene::of(&story, &head_of(&story));
            std::fs::write(scene.path("tile/index.html"), "<a href=\"entries/999\">999</a>").unwrap();
            scene.seen()
        };
        "a tile more than there is", "integrity: I-14 · exit 1", || {
            let story = sealed();
            let scene = Scene::of(&story, &head_of(&story));
            std::fs::copy(scene.path("tile/0/000"), scene.path("tile/0/001")).unwrap();
            scene.seen()
        };
        "a tile more than there is, in a published copy", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 0", || copied(|copy| {
            std::fs::write(copy.join("tile/0/001"), [7; 8192]).unwrap();
        });
        "another tile in a published copy", "integrity: I-13 at 0 · exit 1", || copied(|copy| {
            let tile = copy.join("tile/0/000.p/7");
            let mut bytes = std::fs::read(&tile).unwrap();
            bytes[40] ^= 1;
            std::fs::remove_file(&tile).unwrap();
            std::fs::write(&tile, bytes).unwrap();
        });
    }
    resources: 25, "make the verifier eat memory or time", "hand over files", {
        "an anchor of 2 MiB", "not checked: whether entries were cut off at the end; the checkpoint anchor-0; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 4", || {
            let story = honest();
            Scene::of(&story, &head_of(&story)).anchor(&vec![b'x'; 2 << 20]).seen()
        };
        "a statement that claims to be 2^60 bytes long", "integrity: I-08 at 17, I-02 at 18, I-15 at 18, I-05 · exit 1", || {
            let mut story = honest();
            let head = head_of(&story);
            // version u16 · sequence u64 · previous [32] · subject_previous u64 · recorded i64 · length
            let length = 2 + 8 + 32 + 8 + 8;
            story.entries[TARGET][length + 7] = 0x10;
            Scene::of(&story, &head).seen()
        };
    }
    confusion: 15, "use what was signed for one purpose for another", "edit files", {
        "a statement's signature under the checkpoint", "integrity: I-05 · exit 1", || {
            let story = honest();
            let entry = Entry::decode(&story.entries[0]).unwrap();
            let head = String::from_utf8(head_of(&story)).unwrap();
            let forged = with_signature(&head, entry.signature.as_bytes());
            Scene::of(&story, forged.as_bytes()).seen()
        };
        "the checkpoint's signature under an entry", "integrity: I-03 at 17, I-15 at 18, I-05 · exit 1", || {
            let mut story = honest();
            let head = head_of(&story);
            let signature = signature_of(std::str::from_utf8(&head).unwrap());
            story.tamper(TARGET as u64, |entry| {
                entry.signature = rotation_ledger::key::Signature::from_bytes(signature);
            });
            story.relink();
            Scene::of(&story, &head).seen()
        };
    }
}

/// The last signature of a note.
fn signature_of(note: &str) -> [u8; 64] {
    let line = note.trim_end().rsplit(' ').next().unwrap();
    BASE64.decode(line).unwrap()[4..].try_into().unwrap()
}

/// A note whose last signature is another.
fn with_signature(note: &str, signature: &[u8; 64]) -> String {
    let line = note.trim_end().rsplit(' ').next().unwrap();
    let mut bytes = BASE64.decode(line).unwrap();
    bytes[4..].copy_from_slice(signature);
    note.replace(line, &BASE64.encode(bytes))
}
