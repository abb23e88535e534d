//! What lies in a folder: whole, damaged, strange, sealed by another key.

use std::fs;

use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::merkle::TileId;
use rotation_ledger::store::blobs::blob_path;
use rotation_ledger::store::bundle::bundle_path;
use rotation_ledger::store::image::TailContents;
use serde_json::json;

use crate::OUTPUT;
use crate::agree;
use crate::attached;
use crate::grown;
use crate::remark;
use crate::support::folder::Folder;
use crate::support::second::told;
use crate::support::story::key_of;
use crate::support::story::sealing_key;
use crate::with_file;

/// Something done to a stored folder.
type Mischief = (&'static str, bool, fn(&Folder));

const MISCHIEF: &[Mischief] = &[
    ("no checkpoint", false, |f| {
        fs::remove_file(f.path("checkpoint")).unwrap()
    }),
    ("no attachment", false, |f| {
        fs::remove_file(f.path(blob_path(&Blake3Digest::of(OUTPUT)))).unwrap()
    }),
    ("no tile", false, |f| {
        fs::remove_file(f.path("tile/0/000")).unwrap()
    }),
    ("a tile more", false, |f| {
        fs::write(f.path("tile/0/001"), [0; 8192]).unwrap()
    }),
    ("a file of somebody's", false, |f| {
        fs::write(f.path("notes.txt"), "mine").unwrap()
    }),
    ("an attachment of nobody", true, |f| {
        f.attach(b"of a refused append");
    }),
    ("a file that was being written", true, |f| {
        fs::write(f.path(".new-tail"), "half").unwrap()
    }),
    ("an index that was set aside", true, |f| {
        fs::create_dir_all(f.path("index.set-aside-1")).unwrap();
        fs::write(f.path("index.set-aside-1/db"), "old").unwrap();
    }),
    (
        "a signature of somebody else beside the ledger's",
        true,
        |f| {
            f.change("checkpoint", |bytes| {
                bytes.extend_from_slice("— witness.example/a AAAAAAA=\n".as_bytes())
            });
        },
    ),
    (
        "a second signature by the sealing key, which does not hold",
        false,
        |f| {
            f.change("checkpoint", |bytes| {
                let mut line =
                    bytes[bytes.windows(3).position(|w| w == "—".as_bytes()).unwrap()..].to_vec();
                let at = line.len() - 30;
                line[at] = if line[at] == b'A' { b'B' } else { b'A' };
                bytes.extend(line);
            });
        },
    ),
    ("a write that was cut off", true, |f| {
        torn(f, b"RLf\x01\x00\x02")
    }),
    ("a write of which the first sector never came", true, |f| {
        f.change("tail", |bytes| {
            let at = (end_of(bytes) / 512 + 1) * 512;
            bytes[at..at + 40].fill(7);
        });
    }),
    ("a write that never was", false, |f| torn(f, b"\0\0\0\x01")),
    ("a whole frame out of its place", false, |f| {
        f.change("tail", |bytes| {
            let last = last_frame(bytes);
            let frame = bytes[last.clone()].to_vec();
            let at = last.end + 100;
            bytes[last.end..last.end + 4].copy_from_slice(b"RLf\x01");
            bytes[at..at + frame.len()].copy_from_slice(&frame);
            bytes[last.start + 30] ^= 1;
        });
    }),
];

fn torn(folder: &Folder, rest: &[u8]) {
    folder.change("tail", |bytes| {
        let end = end_of(bytes);
        bytes[end..end + rest.len()].copy_from_slice(rest);
    });
}

/// Where the last frame lies, in the bytes of a tail.
fn last_frame(bytes: &[u8]) -> std::ops::Range<usize> {
    let tail = TailContents::parse(bytes).unwrap();
    let last = tail.entries.last().unwrap();
    let start = bytes.windows(last.len()).position(|window| window == last);
    let start = start.unwrap();
    start - 24..start + last.len()
}

pub(crate) fn end_of(bytes: &[u8]) -> usize {
    last_frame(bytes).end
}

#[test]
fn folders_that_somebody_was_at_look_the_same_to_both() {
    let (small, sealed) = (attached(), grown(258));
    for (what, whole, mischief) in MISCHIEF {
        let folder = with_file(if what.contains("tile") {
            &sealed
        } else {
            &small
        });
        mischief(&folder);
        assert_eq!(agree(what, &folder.path("")), *whole, "{what}");
    }
}

/// A sealing key has its time: a checkpoint of before by the new one is refused by both.
#[test]
fn both_know_the_time_of_a_sealing_key() {
    let mut story = attached();
    let next = key_of("next-sealing-key");
    let before = story.entries.len();
    story.say(
        "the seal of the ledger",
        "sealing_key.replaced",
        json!({ "key": next.public(), "possession": next.prove_possession(), "reason": "30 days" }),
    );
    remark(&mut story);
    let cases = [
        (before, sealing_key(), true),
        (before, key_of("next-sealing-key"), false),
        (before + 1, sealing_key(), false),
        (before + 1, key_of("next-sealing-key"), true),
        (before + 2, next, true),
        (before + 2, key_of("eve"), false),
    ];
    for (size, key, whole) in cases {
        let folder = with_file(&story);
        fs::write(folder.path("checkpoint"), story.checkpoint_of(size, &key)).unwrap();
        assert_eq!(
            agree(&format!("of {size}"), &folder.path("")),
            whole,
            "{size}"
        );
    }
}

/// People name one in place of a lost one: where the policy demands two, with the second one's word.
#[test]
fn both_know_since_when_a_key_that_people_name_seals() {
    let mut story = attached();
    story.enrol("zoe", "human", &["security_owner"]);
    story.say(
        "sam",
        "policy.set",
        json!({ "reason": "two of us", "four_eyes": "strict" }),
    );
    let kept = story.checkpoint_of(story.entries.len(), &sealing_key());
    let stated = rotation_ledger::checkpoint::stated(&kept).unwrap();
    let next = key_of("next-sealing-key");
    let said = json!({
        "key": next.public(), "possession": next.prove_possession(), "reason": "burnt",
        "lost_since": story.now, "kept_size": stated.size, "kept_root": stated.root,
        "kept_signature": sealing_key().sign(stated.format().as_bytes()),
    });
    story.say("sam", "sealing_key.recovered", said.clone());
    let first = story.entries.len();
    story.say("zoe", "sealing_key.recovered", said);
    for (size, key, whole) in [
        (first, sealing_key(), true),
        (first, key_of("next-sealing-key"), false),
        (first + 1, sealing_key(), false),
        (first + 1, next, true),
    ] {
        let folder = with_file(&story);
        fs::write(folder.path("checkpoint"), story.checkpoint_of(size, &key)).unwrap();
        let what = format!("of {size}");
        assert_eq!(agree(&what, &folder.path("")), whole, "{what}");
    }
}

#[test]
fn both_look_for_bundles_and_tiles_in_the_same_places() {
    for index in [
        0, 9, 10, 99, 100, 255, 999, 1_000, 999_999, 1_000_000, 1_234_067,
    ] {
        let places = [
            ("entries".to_owned(), bundle_path(index)),
            ("0".to_owned(), TileId { level: 0, index }.path()),
            ("2".to_owned(), TileId { level: 2, index }.path()),
        ];
        for (kind, ours) in places {
            if let Some(theirs) = told(&format!("path {kind} {index}")) {
                assert_eq!(theirs, ours);
            }
        }
    }
}
