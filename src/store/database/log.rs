//! The log of a database, as one of its writers knows it.

use std::ops::Range;
use std::sync::Arc;

use postgres::Client;

use super::rows::{self, LogEnd, NewRow};
use super::server::Purpose;
use super::session::Fault;
use super::tables::Tables;
use crate::hash::Link;
use crate::store::bundle::{self, MAX_ENTRY};
use crate::store::engine::{
    END_NOTE, EndNote, EngineLog, Meeting, Segment, SegmentError, SegmentOutcome,
};
use crate::store::log::{LogAppendError, LogOpenError, RereadError};
use crate::store::publish::ImmutableFileError;
use crate::store::seal::SealError;
use crate::store::tail::{MAX_TAIL, TAIL_FILE};
use crate::sys::disk::DiskError;

/// How often entries are put that others are before, without anything to be seen of those.
const MOST_TRIES: usize = 8;

/// What one writer knows of the log.
#[derive(Debug)]
pub(super) struct DatabaseLog {
    tables: Tables,
    base: u64,
    carry: Vec<u8>,
    tail: Vec<Vec<u8>>,
    given_up: bool,
}

impl DatabaseLog {
    /// The log that ends so.
    pub(super) fn of(tables: Tables, end: LogEnd) -> Result<Self, LogOpenError> {
        let mut tail = Vec::with_capacity(end.tail.len());
        for (place, (sequence, entry)) in (end.base..).zip(end.tail) {
            if sequence != place {
                let why = format!("entry {place} does not stand where it should");
                let fault = tables.fault(Fault::Unfit(why), "read", TAIL_FILE);
                return Err(LogOpenError::Disk(fault));
            }
            tail.push(entry);
        }
        let size = end.base.saturating_add(tail.len() as u64);
        tables.note(size, Vec::new());
        Ok(Self {
            tables,
            base: end.base,
            carry: end.carry,
            tail,
            given_up: false,
        })
    }
}

/// Puts segments where they belong, whoever asks for it.
struct Placing<'a>(&'a Tables);

impl Placing<'_> {
    /// How the segment meets what stands there now, by what a server says that others have written to as well.
    fn meet(&self, segment: &Segment<'_>) -> Result<Meeting, SegmentError> {
        let from = segment.from();
        let reach = from.saturating_add(segment.entries.len() as u64 + 1);
        let unread = |fault: DiskError| SegmentError::Bundle(fault.into());
        let size = self.0.ends().map_err(unread)?;
        let standing = self.0.entries(from, reach.min(size)).map_err(unread)?;
        segment.meet(size, standing.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Puts the entries from place `written` of the segment on.
    fn insert(&self, segment: &Segment<'_>, written: usize, note: &[u8]) -> Result<(), Fault> {
        let (before, rest) = segment.entries.split_at(written.min(segment.entries.len()));
        let previous = before
            .last()
            .map_or(segment.previous, |last| Link::of(last));
        let link = rest.last().map_or(previous, |last| Link::of(last));
        let position = segment.position + before.len() as u64;
        let row = NewRow {
            position,
            next: position + rest.len() as u64,
            previous: *previous.as_bytes(),
            link: *link.as_bytes(),
            entries: bundle::encode(rest).unwrap_or_default(),
            note: note.to_vec(),
        };
        let row = Arc::new(row);
        self.0
            .database
            .ask(Purpose::Writing, move |client| row.put(client))
    }

    fn put_surely(
        &self,
        segment: &Segment<'_>,
        note: &[u8],
    ) -> Result<SegmentOutcome, SegmentError> {
        let unknown = |fault: Fault| {
            let fault = self.0.fault(fault, "write", TAIL_FILE);
            Ok(SegmentOutcome::Unknown(fault))
        };
        let mut written = 0;
        for _ in 0..MOST_TRIES {
            match self.insert(segment, written, note) {
                Ok(()) => return Ok(SegmentOutcome::Stored),
                Err(fault) if fault.is_conflict() => {}
                Err(fault) if fault.may_pass() => return unknown(fault),
                Err(fault) => {
                    let refusal = self.0.fault(fault, "write", TAIL_FILE);
                    return Err(LogAppendError::Refused(refusal).into());
                }
            }
            match self.meet(segment)? {
                Meeting::Continues(there) => written = there,
                // It may stand there by an attempt whose end nobody waited for.
                Meeting::Settled(SegmentOutcome::Stored) => {
                    return match self.0.database.settle() {
                        Ok(()) => Ok(SegmentOutcome::Stored),
                        Err(fault) => unknown(fault),
                    };
                }
                Meeting::Settled(outcome) => return Ok(outcome),
            }
        }
        unknown(Fault::Unfit("others were always before".to_owned()))
    }
}

/// Puts entries where they stood in another ledger, behind what was put so before.
pub(super) fn lay(tables: &Tables, position: u64, entries: &[Vec<u8>]) -> Result<(), DiskError> {
    let before = tables.entries(position.saturating_sub(1), position)?;
    let previous = before
        .last()
        .map_or(Link::ZERO, |(_, entry)| Link::of(entry));
    let segment = Segment {
        position,
        previous,
        entries,
    };
    let note = tables.ask("read", END_NOTE, rows::note)?;
    let put = Placing(tables).put_surely(&segment, &note.unwrap_or_default());
    let why = match put {
        Ok(SegmentOutcome::Stored) => return Ok(()),
        Ok(SegmentOutcome::Unknown(fault)) => return Err(fault),
        Ok(SegmentOutcome::Occupied { from, .. }) => format!("another entry {from} stands there"),
        Err(fault) => fault.to_string(),
    };
    Err(tables.fault(Fault::Unfit(why), "write", TAIL_FILE))
}

/// Whether rows can hold the entries.
fn measure(entries: &[Vec<u8>], tail: &[Vec<u8>]) -> Result<(), LogAppendError> {
    let is_bad = |entry: &Vec<u8>| !(1..=MAX_ENTRY).contains(&entry.len());
    if let Some(index) = entries.iter().position(is_bad) {
        let len = entries.get(index).map_or(0, Vec::len);
        return Err(LogAppendError::BadLength { index, len });
    }
    let bytes = entries.iter().chain(tail).map(Vec::len).sum();
    match bytes > MAX_TAIL / 2 {
        // What is not sealed is read at each opening, with as much again around it.
        true => Err(LogAppendError::TooLarge(bytes)),
        false => Ok(()),
    }
}

impl EngineLog for DatabaseLog {
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
        Ok(self.size() < self.tables.ends()?)
    }

    fn put(
        &mut self,
        segment: &Segment<'_>,
        note: EndNote<'_>,
    ) -> Result<SegmentOutcome, SegmentError> {
        if self.given_up {
            return Err(LogAppendError::GivenUp.into());
        }
        measure(segment.entries, &self.tail)?;
        let note = note();
        let outcome = Placing(&self.tables).put_surely(segment, &note)?;
        let place = segment.position.checked_sub(self.base);
        if let (SegmentOutcome::Stored, Some(place)) = (&outcome, place) {
            self.tail
                .truncate(usize::try_from(place).unwrap_or(usize::MAX));
            self.tail.extend_from_slice(segment.entries);
            self.tables.note(self.size(), note);
        }
        Ok(outcome)
    }

    fn reread(&self, sequences: Range<u64>) -> Result<Vec<Vec<u8>>, RereadError> {
        let stored = self.tables.entries(sequences.start, sequences.end)?;
        let mut stored = stored.into_iter();
        let one = |sequence: u64| {
            let place = sequence.checked_sub(self.base);
            let place = place.and_then(|place| usize::try_from(place).ok());
            let known = place.and_then(|place| self.tail.get(place));
            let known = known.ok_or(RereadError::NotInTail(sequence))?;
            match stored.next() {
                Some((at, stored)) if at == sequence && stored == *known => Ok(stored),
                _ => Err(RereadError::Differs(sequence)),
            }
        };
        sequences.map(one).collect()
    }

    fn drop_rest(&mut self) -> Result<Vec<u8>, DiskError> {
        Ok(Vec::new())
    }

    /// The entries stay in their rows, out of which whoever asks for a bundle gets one: there are never two copies that
    /// could differ. What is put is how far they can be asked for so.
    fn seal(&mut self, files: &[(String, Vec<u8>)], carry: &[u8]) -> Result<(), SealError> {
        if self.given_up {
            return Err(SealError::NotInOrder);
        }
        let sealed = self.sealable();
        if sealed == 0 {
            return Ok(());
        }
        let base = self.base + sealed as u64;
        let put = Arc::new((files.to_vec(), carry.to_vec()));
        let differs = self.tables.put(TAIL_FILE, move |client: &mut Client| {
            let (files, carry) = &*put;
            let mut all = client.transaction()?;
            for (name, bytes) in files {
                let there = rows::put_once(&mut all, name, bytes)?;
                if there.is_some_and(|there| there != *bytes) {
                    return Ok(Some(name.clone()));
                }
            }
            rows::put_generation(&mut all, TAIL_FILE, base, carry)?;
            all.commit()?;
            Ok(None)
        })?;
        if let Some(name) = differs {
            return Err(ImmutableFileError::Differs(name.into()).into());
        }
        self.tail.drain(..sealed);
        self.base = base;
        self.carry = carry.to_vec();
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
