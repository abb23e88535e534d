//! Which bytes are a ledger, and an entry, at all: one changed after the other.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use rotation_ledger::codec;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::Event;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::statement::Statement;
use rotation_ledger::store::blobs::blob_path;
use rotation_ledger::store::tail::TAIL_FILE;

use crate::OUTPUT;
use crate::attached;
use crate::entries::update;
use crate::eventful;
use crate::folders::end_of;
use crate::grown;
use crate::ours;
use crate::support::folder::Folder;
use crate::support::sample::some;
use crate::support::samples;
use crate::support::second::Second;
use crate::support::second::told;
use crate::support::story::Story;
use crate::with_file;

fn mask(at: usize) -> u8 {
    1 << (at % 8)
}

/// Zeros that are left behind the last entry of a tail, in bytes: eight sectors, and not the quarter of
/// a megabyte that a store makes room for, which both would read again for each changed byte.
const ZEROS: usize = 4_096;

/// A story in a folder, with a short tail.
fn stored(story: &Story) -> Folder {
    let folder = with_file(story);
    folder.change(TAIL_FILE, |bytes| bytes.truncate(end_of(bytes) + ZEROS));
    folder
}

/// Changes one byte of the file `name` after the other, and insists each time that the ledger is
/// broken and that both say so of the same entry. On all cores, each with a ledger of its own.
fn flip(ledger: impl Fn() -> Folder + Sync, name: &str, places: impl IntoIterator<Item = usize>) {
    let places: Vec<usize> = places.into_iter().collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let Some(mut second) = Second::start() else {
                    return;
                };
                let folder = ledger();
                let dir = folder.path("");
                let whole = second.told(&format!("folder {}", dir.display()));
                ours(&dir).agrees("before any byte is changed", &whole);
                assert!(whole.starts_with("PASS "), "{whole}");
                let path = folder.path(name);
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
                let file = fs::File::options().read(true).write(true).open(&path);
                let file = file.unwrap();
                while let Some(at) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    second.ask(&format!("flip {name} {at} {}", mask(*at)));
                    let mut byte = [0];
                    file.read_exact_at(&mut byte, *at as u64).unwrap();
                    let changed = [byte[0] ^ mask(*at)];
                    file.write_all_at(&changed, *at as u64).unwrap();
                    let integrity = ours(&dir);
                    file.write_all_at(&byte, *at as u64).unwrap();
                    let what = format!("{name} at {at}");
                    assert!(!integrity.passes, "{what}");
                    integrity.agrees(&what, &second.answer());
                }
            });
        }
    });
}

/// All bytes of all files of a small ledger: tail, checkpoint and attached file.
#[test]
fn each_changed_byte_of_a_small_ledger_is_the_same_to_both() {
    let mut story = attached();
    story.say("pia", "secret.updated", update("db/orders"));
    let ledger = || stored(&story);
    let attached = blob_path(&Blake3Digest::of(OUTPUT));
    for (name, few) in [(TAIL_FILE, 11), ("checkpoint", 1), (&attached, 1)] {
        let length = fs::read(ledger().path(name)).unwrap().len();
        flip(ledger, name, some(0..length, few));
    }
}

/// Entry 0 alone, in a tail with all the zeros that a store makes room for.
#[test]
fn a_byte_far_behind_the_last_entry_is_the_same_to_both() {
    let mut story = Story::founded();
    story.entries.truncate(1);
    let ledger = || with_file(&story);
    let length = fs::read(ledger().path(TAIL_FILE)).unwrap().len();
    assert!(length > 10 * ZEROS, "{length}");
    flip(
        ledger,
        TAIL_FILE,
        some(0..length / 101, 23).map(|n| n * 101),
    );
}

/// All bytes of a ledger in which whole rotations, an emergency, exceptions and leavers are recorded.
#[test]
fn each_changed_byte_of_an_eventful_ledger_is_the_same_to_both() {
    let story = eventful();
    let end = end_of(&fs::read(with_file(&story).path(TAIL_FILE)).unwrap());
    flip(|| stored(&story), TAIL_FILE, some(0..end, 101));
}

/// All bytes of the tile, the checkpoint and the tail of a ledger with a bundle; of the bundle those of
/// a middle entry, and one in eleven of the others, for each is a verification of 258 entries.
#[test]
fn changed_bytes_of_bundle_tile_and_what_follows_them_are_the_same_to_both() {
    let story = grown(258);
    let ledger = || stored(&story);
    let folder = ledger();
    let length = |name: &str| fs::read(folder.path(name)).unwrap().len();
    let before = story.entries[..128].iter();
    let start: usize = before.map(|entry| entry.len() + 2).sum();
    let middle = some(start..start + 2 + story.entries[128].len(), 37);
    let others = some(0..length("tile/entries/000") / 11, 97).map(|n| n * 11);
    flip(ledger, "tile/entries/000", middle.chain(others));
    for (name, few) in [("tile/0/000", 233), ("checkpoint", 11), (TAIL_FILE, 53)] {
        flip(ledger, name, some(0..length(name), few));
    }
}

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
    let mut taken = 0;
    for bytes in &entries {
        let Some(theirs) = told(&format!("entry {}", hex::encode(bytes))) else {
            return;
        };
        let ours = Entry::decode(bytes).and_then(|entry| Statement::decode(&entry.statement));
        let expected = if ours.is_ok() { "taken" } else { "refused" };
        assert_eq!(theirs, expected, "{ours:?} of {}", hex::encode(bytes));
        taken += usize::from(ours.is_ok());
    }
    assert!(taken > 100 && taken < entries.len(), "{taken}");
}
