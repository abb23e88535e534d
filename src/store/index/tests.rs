use super::super::terms::{DEFAULT_CACHE, INDEX};
use super::*;

const TABLE: IndexTable = IndexTable::new(1);
const OTHER: IndexTable = IndexTable::new(2);

fn open(dir: &Path) -> (Index, Option<String>) {
    Index::open(&dir.join(INDEX), DEFAULT_CACHE).unwrap()
}

fn put(key: &[u8], value: &[u8]) -> IndexChange {
    IndexChange {
        table: TABLE,
        key: key.to_vec(),
        value: value.to_vec(),
    }
}

fn at(size: u64) -> IndexPosition {
    IndexPosition {
        size,
        link: Link::of(&size.to_le_bytes()),
    }
}

/// An index with 2,000 keys, closed, as `open` or a rebuild would leave it.
fn filled(dir: &Path) {
    let (mut index, _) = open(dir);
    for n in 0..20u64 {
        let key = |i: u64| (n * 100 + i).to_be_bytes();
        let changes: Vec<_> = (0..100).map(|i| put(&key(i), &[7; 100])).collect();
        index.apply(&changes, at((n + 1) * 100)).unwrap();
    }
    index.close().unwrap();
}

#[test]
fn what_is_applied_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, renewed) = open(dir.path());
    assert_eq!(renewed, None);
    assert_eq!(index.applied().unwrap(), IndexPosition::NOTHING);
    index
        .apply(&[put(b"a", b"1"), put(b"b", b"2")], at(2))
        .unwrap();
    index.apply(&[put(b"a", b"3")], at(3)).unwrap();
    index.close().unwrap();

    let (index, renewed) = open(dir.path());
    assert_eq!(renewed, None);
    assert_eq!(index.applied().unwrap(), at(3));
    assert_eq!(index.get(TABLE, b"a").unwrap().unwrap(), b"3");
    assert_eq!(index.get(TABLE, b"b").unwrap().unwrap(), b"2");
    assert_eq!(index.get(OTHER, b"b").unwrap(), None);
}

#[test]
fn tables_and_prefixes_are_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = open(dir.path());
    let other = IndexChange {
        table: OTHER,
        ..put(b"ab", b"other")
    };
    index
        .apply(
            &[put(b"ac", b"3"), put(b"ab", b"2"), put(b"b", b"4"), other],
            at(1),
        )
        .unwrap();
    let pairs: Vec<_> = index.iterate(TABLE, b"a").map(Result::unwrap).collect();
    assert_eq!(
        pairs,
        [
            (b"ab".to_vec(), b"2".to_vec()),
            (b"ac".to_vec(), b"3".to_vec())
        ]
    );
    let before = index.at_or_before(TABLE, b"abz").unwrap().unwrap();
    assert_eq!(before.0, b"ab");
    assert_eq!(index.at_or_before(TABLE, b"aa").unwrap(), None);
    assert_eq!(index.at_or_before(OTHER, b"aa").unwrap(), None);
}

#[test]
fn only_asking_for_an_existing_one_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        Index::open_existing(&dir.path().join(INDEX), DEFAULT_CACHE)
            .unwrap()
            .is_none()
    );
    assert!(!copy(&dir.path().join(INDEX), &dir.path().join("copy")).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    filled(dir.path());
    assert!(copy(&dir.path().join(INDEX), &dir.path().join("copy")).unwrap());
    let copied = Index::open_existing(&dir.path().join("copy"), DEFAULT_CACHE)
        .unwrap()
        .unwrap();
    assert_eq!(copied.applied().unwrap(), at(2000));
}

#[test]
fn a_power_cut_while_writing_is_noticed_and_a_kill_is_not_mistaken_for_one() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mark = dir.path().join(INDEX).join("in-use");
    assert_eq!(std::fs::read(&mark).unwrap(), [b' '; 36]);

    let this_boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap();
    std::fs::write(&mark, &this_boot[..36]).unwrap();
    assert_eq!(open(dir.path()).1, None);

    std::fs::write(&mark, b"3e5c1c0e-0000-0000-0000-000000000000").unwrap();
    let (index, renewed) = open(dir.path());
    let reason = renewed.unwrap();
    assert!(dir.path().join("index.set-aside-1").exists());
    assert!(reason.contains("machine stopped"), "{reason}");
    assert_eq!(index.applied().unwrap(), IndexPosition::NOTHING);
}

#[test]
fn at_most_two_are_kept_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = open(dir.path());
    for _ in 0..4 {
        index = index.set_aside().unwrap();
    }
    drop(index);
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|found| found.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["index", "index.set-aside-3", "index.set-aside-4"]);
}

#[test]
fn two_at_once_are_refused_and_nothing_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (_held, _) = open(dir.path());
    let refusal = Index::open(&dir.path().join(INDEX), DEFAULT_CACHE).unwrap_err();
    assert!(matches!(refusal, IndexError::Busy(_)), "{refusal}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
