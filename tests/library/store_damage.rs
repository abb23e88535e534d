//! No byte of the store can change unnoticed, and no damage of the index reaches anybody.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rotation_ledger::hash::Link;
use rotation_ledger::store::bundle;
use rotation_ledger::store::image::TailContents;
use rotation_ledger::store::index;
use rotation_ledger::store::index::DEFAULT_CACHE;
use rotation_ledger::store::index::Index;
use rotation_ledger::store::index::IndexChange;
use rotation_ledger::store::index::IndexError;
use rotation_ledger::store::index::IndexPosition;
use rotation_ledger::store::index::IndexTable;
use rotation_ledger::store::log::Log;
use rotation_ledger::store::tail::TailRest;
use rotation_ledger::sys::disk::RealDisk;

const TABLE: IndexTable = IndexTable::new(1);
const KEYS: u64 = 3_000;

#[test]
fn every_flipped_byte_of_bundle_and_tail_is_damage_or_another_entry() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<Vec<u8>> = (0..260)
        .map(|i: usize| format!("entry {i}").into_bytes())
        .collect();
    let mut log = Log::create(Arc::new(RealDisk), dir.path(), b"").unwrap();
    log.append(0, &all).unwrap();
    log.seal(&[], b"frontier").unwrap();

    let stored = fs::read(dir.path().join(bundle::bundle_path(0))).unwrap();
    assert_eq!(bundle::decode_partial(0, 256, &stored).unwrap(), all[..256]);
    for at in 0..stored.len() {
        let mut flipped = stored.clone();
        flipped[at] ^= 0x10;
        let unnoticed =
            bundle::decode_partial(0, 256, &flipped).is_ok_and(|entries| entries == all[..256]);
        assert!(!unnoticed, "byte {at} of the bundle");
    }

    // Past the entries the tail is zeros; one byte in a hundred of those is enough.
    let stored = fs::read(dir.path().join("tail")).unwrap();
    let sound = TailContents::parse(&stored).unwrap();
    assert_eq!(sound.entries, all[256..]);
    for at in (0..1_000).chain((1_000..stored.len()).step_by(97)) {
        let mut flipped = stored.clone();
        flipped[at] ^= 0x10;
        let noticed =
            TailContents::parse(&flipped).map_or(true, |tail| tail.rest != TailRest::Clean);
        assert!(noticed, "byte {at} of the tail");
    }
}

#[test]
fn dropped_doubled_and_exchanged_entries_of_the_tail_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::create(Arc::new(RealDisk), dir.path(), b"").unwrap();
    log.append(0, &[b"entry a", b"entry b", b"entry c"])
        .unwrap();
    let stored = fs::read(dir.path().join("tail")).unwrap();
    let starts: Vec<usize> = stored
        .windows(4)
        .enumerate()
        .filter(|(_, window)| *window == b"RLf\x01")
        .map(|(at, _)| at)
        .collect();
    let len = starts[1] - starts[0];
    let [head, a, b, c, zeros] = [
        &stored[..starts[0]],
        &stored[starts[0]..starts[1]],
        &stored[starts[1]..starts[2]],
        &stored[starts[2]..starts[2] + len],
        &stored[starts[2] + len..],
    ];
    for forged in [
        [head, b, c, zeros].concat(),
        [head, a, c, zeros].concat(),
        [head, a, a, b, c, zeros].concat(),
        [head, b, a, c, zeros].concat(),
        [head, a, c, b, zeros].concat(),
    ] {
        let tail = TailContents::parse(&forged).unwrap();
        assert!(
            matches!(tail.rest, TailRest::Torn { .. }),
            "{:?}",
            tail.entries
        );
    }
    // Only the end can be cut off without a trace here; against that stand the checkpoints.
    let cut = TailContents::parse(&[head, a, b, zeros].concat()).unwrap();
    assert_eq!((cut.rest, cut.entries.len()), (TailRest::Clean, 2));
}

fn value(n: u64) -> Vec<u8> {
    Link::of(&n.to_le_bytes()).as_bytes().repeat(4)
}

fn applied(size: u64) -> IndexPosition {
    let link = Link::of(&size.to_le_bytes());
    IndexPosition { size, link }
}

fn fill(dir: &Path, from: u64, to: u64) {
    let (mut index, _) = Index::open(dir, DEFAULT_CACHE).unwrap();
    for n in from..to {
        let change = IndexChange {
            table: TABLE,
            key: n.to_be_bytes().to_vec(),
            value: value(n),
        };
        index.apply(&[change], applied(n + 1)).unwrap();
    }
    index.close().unwrap();
}

/// What a caller does with an index of which it knows nothing: open it, read it all, write to it;
/// and when it is said to be damaged, set it aside. Returns whether it was found damaged.
fn use_it(dir: &Path, what: &str) -> bool {
    let (mut index, renewed) = Index::open(dir, DEFAULT_CACHE).unwrap();
    if renewed.is_some() {
        let aside = dir.parent().unwrap().join("index.set-aside-1");
        assert!(aside.exists(), "{what}");
        assert_eq!(index.applied().unwrap(), IndexPosition::NOTHING, "{what}");
        assert_eq!(index.iterate(TABLE, &[]).count(), 0, "{what}");
        return true;
    }
    let marker = index.applied().unwrap();
    let mut found = Vec::new();
    let mut damage = None;
    for pair in index.iterate(TABLE, &[]) {
        match pair {
            Ok((key, stored)) => {
                let n = u64::from_be_bytes(key.try_into().unwrap());
                assert_eq!(stored, value(n), "{what}: another value");
                found.push(n);
            }
            Err(IndexError::Damaged(reason)) => damage = Some(reason),
            Err(e) => panic!("{what}: {e}"),
        }
    }
    if let Some(reason) = damage {
        assert!(!reason.is_empty(), "{what}");
        return set_aside(index, what);
    }
    // Behind is allowed, since the marker says so and the caller catches up from the log.
    assert!(
        found.into_iter().eq(0..marker.size),
        "{what}: not what the marker says"
    );
    match index.apply(&[], marker).and_then(|()| index.flush()) {
        Ok(()) => {}
        Err(IndexError::Damaged(_)) => return set_aside(index, what),
        Err(e) => panic!("{what}: {e}"),
    }
    marker.size < KEYS
}

fn set_aside(index: Index, what: &str) -> bool {
    let fresh = index.set_aside().unwrap();
    assert_eq!(fresh.applied().unwrap(), IndexPosition::NOTHING, "{what}");
    true
}

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 0x40;
}

/// In one state sled has never written a snapshot, in the other it has, and half the keys came after.
fn states(dir: &Path) -> [PathBuf; 2] {
    let [without, with] = [dir.join("without"), dir.join("with")];
    fill(&without, 0, KEYS);
    fill(&with, 0, KEYS / 2);
    fill(&with, KEYS / 2, KEYS);
    [without, with]
}

#[test]
fn a_damaged_index_never_panics_and_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut damaged = 0;
    let mut trials = 0;
    for state in states(dir.path()) {
        let files: Vec<PathBuf> = fs::read_dir(&state)
            .unwrap()
            .map(|found| found.unwrap())
            .filter(|found| found.file_type().unwrap().is_file())
            .map(|found| found.file_name().into())
            .collect();
        for file in files {
            let whole = fs::read(state.join(&file)).unwrap();
            let mut broken: Vec<(String, Option<Vec<u8>>)> = vec![("deleted".to_owned(), None)];
            for part in 0..10 {
                let at = whole.len() * part / 10;
                let mut flipped = whole.clone();
                flip(&mut flipped, at);
                broken.push((format!("flipped at {at}"), Some(flipped)));
                broken.push((format!("cut at {at}"), Some(whole[..at].to_vec())));
                let mut zeroed = whole.clone();
                let end = (at + 4096).min(whole.len());
                zeroed[at..end].fill(0);
                broken.push((format!("zeros at {at}"), Some(zeroed)));
            }
            for (how, bytes) in broken {
                let what = format!("{}/{} {how}", state.display(), file.display());
                let trial = tempfile::tempdir().unwrap();
                let copy = trial.path().join("index");
                assert!(index::copy(&state, &copy).unwrap());
                match bytes {
                    Some(bytes) => fs::write(copy.join(&file), bytes).unwrap(),
                    None => fs::remove_file(copy.join(&file)).unwrap(),
                }
                trials += 1;
                damaged += usize::from(use_it(&copy, &what));
                // Whatever it was, from now on there is one that works.
                let (index, _) = Index::open(&copy, DEFAULT_CACHE).unwrap();
                index.applied().unwrap();
            }
        }
    }
    assert!(
        damaged * 5 > trials,
        "only {damaged} of {trials} were found out"
    );
}

#[test]
fn what_is_no_index_at_all_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    fs::write(&path, b"a file").unwrap();
    assert!(use_it(&path, "a file"));
    fs::remove_dir_all(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("db"), vec![0xA5; 100_000]).unwrap();
    assert!(use_it(&path, "garbage"));
}

#[test]
fn a_half_written_snapshot_is_removed_without_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    fill(&path, 0, 100);
    fs::write(path.join("snap.7FFFFFFFFFFFFFFF.generating"), b"half").unwrap();
    let (index, renewed) = Index::open(&path, DEFAULT_CACHE).unwrap();
    assert_eq!(renewed, None);
    assert_eq!(index.applied().unwrap(), applied(100));
}
