//! What every engine promises: the folder, and the one in memory.

use std::sync::Arc;
use std::thread;

use super::memory::MemoryEngine;
use super::{Engine, FolderEngine, PutOutcome, Segment, SegmentError, SegmentOutcome};
use crate::hash::Link;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::log::Log;
use crate::sys::disk::RealDisk;

/// A writer who knows the log as far as it was told.
struct Racer<'a> {
    engine: &'a dyn Engine,
    known: Vec<Vec<u8>>,
}

impl Racer<'_> {
    fn put(&self, entries: &[Vec<u8>]) -> Result<SegmentOutcome, SegmentError> {
        // Opened anew each time: the log is then the one that others left.
        let (mut log, _) = self.engine.open_log().unwrap();
        log.put(&Segment {
            position: self.known.len() as u64,
            previous: link(self.known.last()),
            entries,
        })
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
    let mut first = Racer {
        engine,
        known: Vec::new(),
    };
    let mut second = Racer {
        engine,
        known: Vec::new(),
    };
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

#[test]
fn the_folder_and_the_memory_keep_the_same_promises() {
    let dir = tempfile::tempdir().unwrap();
    Log::create(Arc::new(RealDisk), dir.path(), b"").unwrap();
    let folder = FolderEngine::new(Arc::new(RealDisk), dir.path());
    let memory = MemoryEngine::default();
    for engine in [&folder as &dyn Engine, &memory] {
        segments_stand_where_they_were_put(engine);
        names_are_put_once(engine);
        what_changes_is_replaced_whole(engine);
    }
}

#[test]
fn a_segment_that_was_sealed_since_is_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::create(Arc::new(RealDisk), dir.path(), b"").unwrap();
    let all = entries("entry", BUNDLE_ENTRIES + 3);
    log.append(0, &all).unwrap();
    log.seal(&[], b"").unwrap();
    let folder = FolderEngine::new(Arc::new(RealDisk), dir.path());
    let mut writer = Racer {
        engine: &folder,
        known: Vec::new(),
    };
    assert_eq!(writer.put_surely(&all), 0);
    // One that knew nothing of it catches up through bundle and tail.
    let mut late = Racer {
        engine: &folder,
        known: Vec::new(),
    };
    assert!(late.put_surely(&entries("late", 2)) > 0);
    assert_eq!(late.known[..all.len()], all);
}

#[test]
fn writers_that_race_lose_nothing_and_write_nothing_twice() {
    let engine = MemoryEngine::default();
    engine.shelf(|shelf| shelf.unanswered = 5);
    thread::scope(|scope| {
        for who in ["first", "second", "third"] {
            let engine = &engine;
            scope.spawn(move || {
                let mut racer = Racer {
                    engine,
                    known: Vec::new(),
                };
                for pair in entries(who, 100).chunks(2) {
                    racer.put_surely(pair);
                }
            });
        }
    });
    let log = engine.shelf(|shelf| std::mem::take(&mut shelf.log));
    assert_eq!(log.len(), 300);
    for who in ["first", "second", "third"] {
        let of_one = log.iter().filter(|entry| entry.starts_with(who.as_bytes()));
        assert_eq!(of_one.cloned().collect::<Vec<_>>(), entries(who, 100));
    }
}
