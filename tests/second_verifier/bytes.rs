//! Which bytes are a ledger, and an entry, at all: one changed after the other.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rotation_ledger::codec;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::Event;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::statement::Statement;
use rotation_ledger::store::blobs::blob_path;
use rotation_ledger::store::image::list_files;
use rotation_ledger::sys::disk::RealDisk;

use crate::OUTPUT;
use crate::attached;
use crate::by_hand;
use crate::entries::update;
use crate::folders::end_of;
use crate::grown;
use crate::ours;
use crate::python;
use crate::samples;
use crate::with_file;

/// Every place where all are asked for, one in `few` otherwise.
fn some(range: std::ops::Range<usize>, few: usize) -> impl Iterator<Item = usize> {
    let all = std::env::var("LEDGER_TEST_FLIPS").is_ok_and(|asked| asked == "all");
    range.step_by(if all { 1 } else { few })
}

fn mask(at: usize) -> u8 {
    1 << (at % 8)
}

/// Changes one byte after the other, and insists each time that both say the same.
fn flip(dir: &Path, places: impl IntoIterator<Item = (String, usize)>) {
    let places: Vec<_> = places.into_iter().collect();
    let mut asked = String::new();
    for (name, at) in &places {
        writeln!(asked, "{name} {at} {}", mask(*at)).unwrap();
    }
    let script = by_hand().join("verify.py").display().to_string();
    let words = [&script, "--flips", &dir.display().to_string()];
    let Some(theirs) = python(&words, &asked) else {
        return;
    };
    assert_eq!(theirs.len(), places.len() + 1);
    assert!(theirs.last().unwrap().starts_with("PASS"), "{theirs:?}");
    let mut failed = 0;
    for ((name, at), theirs) in places.iter().zip(&theirs) {
        let path = dir.join(name);
        let before = fs::read(&path).unwrap();
        let mut bytes = before.clone();
        bytes[*at] ^= mask(*at);
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        let (passes, _) = ours(dir);
        fs::write(&path, before).unwrap();
        let agrees = theirs.starts_with(if passes { "PASS " } else { "FAIL " });
        assert!(agrees, "{name} at {at}: {theirs}, and ours: {passes}");
        failed += usize::from(!passes);
    }
    assert!(
        failed * 10 > places.len() * 9,
        "{failed} of {}",
        places.len()
    );
}

#[test]
fn each_changed_byte_of_a_ledger_is_the_same_to_both() {
    let mut story = attached();
    story.say("pia", "secret.updated", update("db/orders"));
    let folder = with_file(&story);
    let length = |name: &str| fs::read(folder.path(name)).unwrap().len();
    let end = end_of(&fs::read(folder.path("tail")).unwrap());
    let digest = blob_path(&Blake3Digest::of(OUTPUT));
    let places = some(0..end + 600, 23)
        .chain(some(end + 600..length("tail"), 20_011).step_by(7))
        .map(|at| ("tail".to_owned(), at))
        .chain(some(0..length("checkpoint"), 2).map(|at| ("checkpoint".to_owned(), at)))
        .chain((0..length(&digest)).map(|at| (digest.clone(), at)));
    flip(&folder.path(""), places);
}

#[test]
fn changed_bytes_of_bundles_and_tiles_are_the_same_to_both() {
    let folder = with_file(&grown(258));
    let all = list_files(&RealDisk, &folder.path("tile")).unwrap();
    let mut places = Vec::new();
    for found in all {
        let name = format!("tile/{}", found.path.display());
        let length = fs::read(folder.path(&name)).unwrap().len();
        // A few hundred of all when all are asked for: each is a ledger of 258 entries.
        places.extend(some(0..length / 97, 41).map(|n| (name.clone(), n * 97)));
    }
    flip(&folder.path(""), places);
}

/// Reads entries, one a line in hex, and says which it takes for one.
const READ_ENTRIES: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import verify
for line in sys.stdin:
    try:
        verify.read_entry(bytes.fromhex(line))
        print('taken')
    except verify.Bad:
        print('refused')
";

/// The strictest part: which bytes are an entry at all. Every golden event, bare and with each of its
/// words, and each of them with a byte changed.
#[test]
fn both_take_the_same_bytes_for_an_entry() {
    let mut entries = Vec::new();
    for spec in VOCABULARY {
        let path = format!("tests/golden/{}.txt", spec.name);
        let golden = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        for line in golden.lines().filter(|line| !line.starts_with('#')) {
            let (name, bytes) = line.split_once(' ').unwrap();
            let bytes = hex::decode(bytes).unwrap();
            let entry = match name {
                "statement" => continue,
                "entry" => bytes,
                _ => {
                    let event: Event = codec::decode(&bytes).unwrap();
                    samples::entry(&samples::statement(event)).encode().unwrap()
                }
            };
            let few = if name == "entry" { 7 } else { 61 };
            for at in some(0..entry.len(), few) {
                let mut changed = entry.clone();
                changed[at] ^= mask(at / 3);
                entries.push(changed);
            }
            entries.push(entry[..entry.len() - 1].to_vec());
            entries.push([&entry[..], &[0]].concat());
            entries.push(entry);
        }
    }
    let asked: String = entries
        .iter()
        .map(|bytes| hex::encode(bytes) + "\n")
        .collect();
    let place = by_hand().display().to_string();
    let Some(theirs) = python(&["-c", READ_ENTRIES, &place], &asked) else {
        return;
    };
    assert_eq!(theirs.len(), entries.len());
    let mut taken = 0;
    for (bytes, theirs) in entries.iter().zip(theirs) {
        let ours = Entry::decode(bytes).and_then(|entry| Statement::decode(&entry.statement));
        let expected = if ours.is_ok() { "taken" } else { "refused" };
        assert_eq!(theirs, expected, "{ours:?} of {}", hex::encode(bytes));
        taken += usize::from(ours.is_ok());
    }
    assert!(taken > 100 && taken < entries.len(), "{taken}");
}
