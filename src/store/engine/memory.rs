//! An engine in memory, for tests: it keeps the promises of the door, and any number of writers may be at its log.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::door::{EndNote, Engine, EngineLog, EngineSlot, PutOutcome};
use super::segment::{Meeting, Segment, SegmentError, SegmentOutcome};
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::log::{LogAppendError, LogOpenError, RereadError};
use crate::store::publish::ImmutableFileError;
use crate::store::seal::SealError;
use crate::store::tail::TailRest;
use crate::sys::disk::DiskError;

/// A ledger in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryEngine(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) named: BTreeMap<String, Vec<u8>>,
    pub(crate) log: Vec<Vec<u8>>,
    sealed: usize,
    carry: Vec<u8>,
    /// How many puts from now on get no answer; every second of them does not reach the log.
    pub(crate) unanswered: usize,
}

impl MemoryEngine {
    pub(crate) fn shelf<T>(&self, work: impl FnOnce(&mut Shelf) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine for MemoryEngine {
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, DiskError> {
        let found = self.shelf(|shelf| shelf.named.get(name).cloned());
        match found {
            Some(bytes) if bytes.len() as u64 > most => {
                Err(DiskError::too_long(Path::new(name), most))
            }
            found => Ok(found),
        }
    }

    fn put_once(&self, name: &str, bytes: &[u8]) -> Result<PutOutcome, DiskError> {
        self.shelf(|shelf| {
            let there = shelf.named.entry(name.to_owned());
            let there = there.or_insert_with(|| bytes.to_vec());
            Ok(if there == bytes {
                PutOutcome::Stored
            } else {
                PutOutcome::Occupied
            })
        })
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.shelf(|shelf| shelf.named.insert(name.to_owned(), bytes.to_vec()));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), DiskError> {
        self.shelf(|shelf| shelf.named.remove(name));
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, DiskError> {
        let begins = |name: &&String| name.starts_with(prefix);
        Ok(self.shelf(|shelf| shelf.named.keys().filter(begins).cloned().collect()))
    }

    fn begin_log(&self) -> Result<Box<dyn EngineLog>, LogOpenError> {
        match self.shelf(|shelf| shelf.log.is_empty()) {
            true => Ok(self.open_log()?.0),
            false => Err(LogOpenError::Exists("memory".into())),
        }
    }

    fn open_log(&self) -> Result<(Box<dyn EngineLog>, TailRest), LogOpenError> {
        let log = self.shelf(|shelf| MemoryLog {
            engine: self.clone(),
            base: shelf.sealed as u64,
            carry: shelf.carry.clone(),
            tail: shelf.log[shelf.sealed..].to_vec(),
            given_up: false,
        });
        Ok((Box::new(log), TailRest::Clean))
    }

    fn slot(&self, name: &str) -> Box<dyn EngineSlot> {
        Box::new(MemorySlot(self.clone(), name.to_owned()))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn scratch(&self) -> Option<&Path> {
        None
    }
}

/// What one writer knows of the log.
#[derive(Debug)]
struct MemoryLog {
    engine: MemoryEngine,
    base: u64,
    carry: Vec<u8>,
    tail: Vec<Vec<u8>>,
    given_up: bool,
}

impl EngineLog for MemoryLog {
    fn base(&self) -> u64 {
        self.base
    }

    fn carry(&self) -> &[u8] {
        &self.carry
    }

    fn tail(&self) -> Box<dyn ExactSizeIterator<Item = &[u8]> + '_> {
        Box::new(self.tail.iter().map(Vec::as_slice))
    }

    fn is_overtaken(&self) -> Result<bool, DiskError> {
        Ok(self.size() < self.engine.shelf(|shelf| shelf.log.len() as u64))
    }

    fn put(
        &mut self,
        segment: &Segment<'_>,
        _: EndNote<'_>,
    ) -> Result<SegmentOutcome, SegmentError> {
        if self.given_up {
            return Err(LogAppendError::GivenUp.into());
        }
        let outcome = self.engine.shelf(|shelf| {
            let from = segment.from() as usize;
            let reach = segment.entries.len() + 1;
            let standing = shelf.log.iter().skip(from).take(reach).cloned().collect();
            let written = match segment.meet(shelf.log.len() as u64, standing)? {
                Meeting::Settled(outcome) => return Ok(outcome),
                Meeting::Continues(written) => written,
            };
            let silent = shelf.unanswered > 0;
            shelf.unanswered = shelf.unanswered.saturating_sub(1);
            if !silent || shelf.unanswered.is_multiple_of(2) {
                shelf.log.extend_from_slice(&segment.entries[written..]);
            }
            let silence = io::ErrorKind::TimedOut.into();
            let silence = DiskError::new("write", Path::new("log"), silence);
            Ok::<_, SegmentError>(match silent {
                true => SegmentOutcome::Unknown(silence),
                false => SegmentOutcome::Stored,
            })
        })?;
        let place = segment.position.checked_sub(self.base);
        if let (SegmentOutcome::Stored, Some(place)) = (&outcome, place) {
            self.tail.truncate(place as usize);
            self.tail.extend_from_slice(segment.entries);
        }
        Ok(outcome)
    }

    fn reread(&self, sequences: Range<u64>) -> Result<Vec<Vec<u8>>, RereadError> {
        let one = |sequence: u64| {
            let place = sequence.checked_sub(self.base);
            let known = place.and_then(|place| self.tail.get(place as usize));
            let known = known.ok_or(RereadError::NotInTail(sequence))?;
            let stored = self
                .engine
                .shelf(|shelf| shelf.log[sequence as usize].clone());
            match stored == *known {
                true => Ok(stored),
                false => Err(RereadError::Differs(sequence)),
            }
        };
        sequences.map(one).collect()
    }

    fn drop_rest(&mut self) -> Result<Vec<u8>, DiskError> {
        Ok(Vec::new())
    }

    fn seal(&mut self, files: &[(String, Vec<u8>)], carry: &[u8]) -> Result<(), SealError> {
        let first = self.base / BUNDLE_ENTRIES as u64;
        let sealed: Vec<_> = self.tail.drain(..self.sealable()).collect();
        let bundles = (first..).zip(sealed.chunks(BUNDLE_ENTRIES));
        let bundles = bundles.map(|(n, group)| (bundle::bundle_path(n), bundle::encode(group)));
        let bundles = bundles.map(|(name, bytes)| (name, bytes.unwrap_or_default()));
        for (name, bytes) in bundles.chain(files.iter().cloned()) {
            if self.engine.put_once(&name, &bytes)? == PutOutcome::Occupied {
                let path = name.into();
                return Err(ImmutableFileError::Differs(path).into());
            }
        }
        self.base += sealed.len() as u64;
        self.carry = carry.to_vec();
        self.engine.shelf(|shelf| {
            // Who fell behind seals again what others sealed.
            if shelf.sealed < self.base as usize {
                shelf.sealed = self.base as usize;
                shelf.carry = self.carry.clone();
            }
        });
        Ok(())
    }

    fn take_in(&mut self, _: u64, _: &[(String, Vec<u8>)], _: &[u8]) -> Result<(), SealError> {
        Err(SealError::NotInOrder)
    }

    fn give_up(&mut self) {
        self.given_up = true;
    }

    fn is_given_up(&self) -> bool {
        self.given_up
    }
}

#[derive(Debug)]
struct MemorySlot(MemoryEngine, String);

impl EngineSlot for MemorySlot {
    fn adopt(&mut self, _: &[u8]) {}

    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.replace(&self.1, bytes)
    }

    fn write_durably(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.replace(&self.1, bytes)
    }
}
