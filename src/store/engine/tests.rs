//! What every engine promises: the folder, the one in memory, and a database where one is at hand.

use std::sync::Arc;
use std::thread;

use super::memory::MemoryEngine;
use super::{Engine, FolderEngine, PutOutcome, Segment, SegmentError, SegmentOutcome, read_bundle};
use crate::hash::Link;
use crate::store::bundle::{BUNDLE_ENTRIES, MAX_BUNDLE, bundle_path};
use crate::sys::disk::RealDisk;

/// A writer who knows the log as far as it was told.
struct Racer<'a> {
    engine: &'a dyn Engine,
    known: Vec<Vec<u8>>,
}

impl<'a> Racer<'a> {
    fn at(engine: &'a dyn Engine) -> Self {
        let known = Vec::new();
        Self { engine, known }
    }

    fn put(&self, entries: &[Vec<u8>]) -> Result<SegmentOutcome, SegmentError> {
        // Opened anew each time: the log is then the one that others left.
        let begun = self.engine.begin_log();
        let mut log = begun.unwrap_or_else(|_| self.engine.open_log().unwrap().0);
        let segment = Segment {
            position: self.known.len() as u64,
            previous: link(self.known.last()),
            entries,
        };
        log.put(&segment, &Vec::new)
    }

    /// Puts entries, and catches up as often as others were first. How often that was.
    fn put_surely(&mut self, entries: &[Vec<u8>]) -> usize {
        let mut overtaken = 0;
        loop {
            match self.put(entries).unwrap() {
                SegmentOutcome::Stored => break self.known.extend_from_slice(entries),
                SegmentOutcome::Unknown(_) => {}
                SegmentOutcome::Occupied { from, entries } => {
                    overtaken += 1;
                    self.known.truncate(usize::try_from(from).unwrap());
                    self.known.extend(entries);
                }
            }
        }
        overtaken
    }
}

fn link(last: Option<&Vec<u8>>) -> Link {
    last.map_or(Link::ZERO, |entry| Link::of(entry))
}

fn entries(who: &str, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("{who} {n}").into()).collect()
}

fn names_are_put_once(engine: &dyn Engine) {
    assert_eq!(engine.get("tile/0/000", 9).unwrap(), None);
    assert_eq!(engine.list("tile/").unwrap(), Vec::<String>::new());
    for name in ["tile/0/000", "tile/0/x001/000", "tile/00/001", "tiles/5"] {
        assert_eq!(engine.put_once(name, b"one").unwrap(), PutOutcome::Stored);
    }
    let again = engine.put_once("tile/0/000", b"one").unwrap();
    let other = engine.put_once("tile/0/000", b"two").unwrap();
    assert_eq!((again, other), (PutOutcome::Stored, PutOutcome::Occupied));
    assert_eq!(engine.get("tile/0/000", 3).unwrap().unwrap(), b"one");
    engine.get("tile/0/000", 2).unwrap_err();
    assert_eq!(
        engine.list("tile/0/").unwrap(),
        ["tile/0/000", "tile/0/x001/000"]
    );
    assert_eq!(engine.list("tile/0").unwrap().len(), 3);
    assert_eq!(engine.list("tile").unwrap().len(), 4);
}

fn what_changes_is_replaced_whole(engine: &dyn Engine) {
    // Each call is made twice: one that was cut off is made again.
    for _ in 0..2 {
        engine
            .replace("state/deep/head", b"old, and longer")
            .unwrap();
        engine.replace("state/deep/head", b"new").unwrap();
        engine.replace("top", b"").unwrap();
    }
    assert_eq!(engine.get("state/deep/head", 9).unwrap().unwrap(), b"new");
    assert_eq!(engine.get("top", 0).unwrap().unwrap(), b"");
    assert_eq!(engine.list("state/").unwrap(), ["state/deep/head"]);
    for _ in 0..2 {
        engine.remove("state/deep/head").unwrap();
        assert_eq!(engine.get("state/deep/head", 9).unwrap(), None);
    }
    assert_eq!(engine.list("state/").unwrap(), Vec::<String>::new());
}

fn segments_stand_where_they_were_put(engine: &dyn Engine) {
    let (mut first, mut second) = (Racer::at(engine), Racer::at(engine));
    assert_eq!(first.put_surely(&entries("first", 3)), 0);
    // The same again is no second one.
    first.known.clear();
    assert_eq!(first.put_surely(&entries("first", 3)), 0);
    // Who did not see it is told by what the place is taken, and comes behind it.
    let SegmentOutcome::Occupied {
        from,
        entries: there,
    } = second.put(&entries("second", 2)).unwrap()
    else {
        panic!("a place is given twice");
    };
    assert_eq!((from, &there[..2]), (0, &entries("first", 3)[..2]));
    assert!(second.put_surely(&entries("second", 2)) > 0);
    // A segment behind an entry that does not stand there, or behind nothing, is none.
    first.known[2] = b"another".to_vec();
    let astray = first.put(&entries("first", 1)).unwrap();
    assert!(matches!(astray, SegmentOutcome::Occupied { from: 2, .. }));
    first.known.extend(entries("first", 9));
    let gap = first.put(&entries("first", 1)).unwrap_err();
    assert!(matches!(
        gap,
        SegmentError::Gap {
            position: 12,
            size: 5
        }
    ));
    // What was written in part is completed by putting all of it again.
    let whole = [entries("second", 2), entries("third", 2)].concat();
    second.known.truncate(3);
    second.put_surely(&whole);
    second.known.clear();
    second.put_surely(&[entries("first", 3), whole].concat());
    assert_eq!(second.known.len(), 7);
}

/// An engine in which nothing is.
pub(in crate::store) fn keeps_its_promises(engine: &dyn Engine) {
    segments_stand_where_they_were_put(engine);
    names_are_put_once(engine);
    what_changes_is_replaced_whole(engine);
}

/// An engine in which nothing is. What was sealed is what it was.
pub(in crate::store) fn knows_again_what_was_sealed(engine: &dyn Engine) {
    let all = entries("entry", BUNDLE_ENTRIES + 3);
    let mut writer = Racer::at(engine);
    assert_eq!(writer.put_surely(&all), 0);
    let (mut log, _) = engine.open_log().unwrap();
    log.seal(&[("tile/0/000".to_owned(), b"tile".to_vec())], b"carried")
        .unwrap();
    let (log, _) = engine.open_log().unwrap();
    assert_eq!((log.base(), log.carry()), (256, &b"carried"[..]));
    assert_eq!(log.tail().collect::<Vec<_>>(), all[BUNDLE_ENTRIES..]);
    assert_eq!(read_bundle(engine, 0).unwrap(), all[..BUNDLE_ENTRIES]);
    assert_eq!(engine.get(&bundle_path(1), MAX_BUNDLE).unwrap(), None);
    assert_eq!(
        engine.list("tile/").unwrap(),
        ["tile/0/000", "tile/entries/000"]
    );
    writer.known.clear();
    assert_eq!(writer.put_surely(&all), 0);
    // One that knew nothing of it catches up through bundle and tail.
    let mut late = Racer::at(engine);
    assert!(late.put_surely(&entries("late", 2)) > 0);
    assert_eq!(late.known[..all.len()], all);
}

/// An engine in which nothing is, and that many may write to. Those who race lose nothing and write nothing twice.
pub(in crate::store) fn lets_writers_race(engine: &dyn Engine, each: usize) {
    let names = ["first", "second", "third"];
    thread::scope(|scope| {
        for who in names {
            scope.spawn(move || {
                let mut racer = Racer::at(engine);
                for pair in entries(who, each).chunks(2) {
                    racer.put_surely(pair);
                }
            });
        }
    });
    let (log, _) = engine.open_log().unwrap();
    assert_eq!(log.size() as usize, names.len() * each);
    for who in names {
        let of_one = log.tail().filter(|entry| entry.starts_with(who.as_bytes()));
        assert_eq!(of_one.collect::<Vec<_>>(), entries(who, each));
    }
}

#[test]
fn the_folder_and_the_memory_keep_the_same_promises() {
    let dir = tempfile::tempdir().unwrap();
    let folder = FolderEngine::new(Arc::new(RealDisk), dir.path());
    for engine in [&folder as &dyn Engine, &MemoryEngine::default()] {
        keeps_its_promises(engine);
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = FolderEngine::new(Arc::new(RealDisk), dir.path());
    for engine in [&folder as &dyn Engine, &MemoryEngine::default()] {
        knows_again_what_was_sealed(engine);
    }
}

#[test]
fn writers_that_race_lose_nothing_and_write_nothing_twice() {
    let engine = MemoryEngine::default();
    engine.shelf(|shelf| shelf.unanswered = 5);
    lets_writers_race(&engine, 100);
}
