//! An append, from a batch of submissions to their receipts.
//!
//! ```text
//! place        idempotency, authority, admission, time; sequence and links       `admit`
//! attachments  each durable before the entry that names it is written
//! entries      one write, one fdatasync for the whole batch         ← acknowledged from here on
//! re-read      leaves and root from what is stored, not from what was meant to be
//! checkpoint   signed, published in both places
//! ```
//!
//! If the power fails above the third line nothing was recorded, except attachments that nothing
//! names; below it, the next opening brings the checkpoint up.

use std::iter;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use crate::append::batch::{Batch, BatchItem, EventIds, NextEntry, UnwrittenEntry};
use crate::append::check::{self, ValidSubmission};
use crate::append::error::AppendError;
use crate::append::submission::{BatchOutcome, Receipt, Submission};
use crate::append::writer::Writer;
use crate::checkpoint::{self, Checkpoint};
use crate::entry::Entry;
use crate::hash::{LeafHash, Link, NodeHash};
use crate::key::SecretKey;
use crate::ledger::edge::Edge;
use crate::note::Origin;
use crate::register::ScanAllowance;
use crate::rule::Finding;
use crate::statement::Statement;
use crate::store::engine::{Segment, SegmentError, SegmentOutcome};
use crate::store::log::LogAppendError;
use crate::sys::disk::DiskError;
use crate::time::Timestamp;

/// How many statements of a batch are checked ahead of those that are placed.
const AT_ONCE: usize = 128;

/// How often a commit is tried where other writers are faster, or no answer comes.
const MOST_TRIES: usize = 32;

impl Writer {
    /// Appends statements as one commit: what has a receipt would survive a power cut. Stops before
    /// the first that is refused; a statement recorded before is answered with a receipt again.
    ///
    /// An error that concerns the whole commit (no room, an unknown outcome) leaves no new entry a
    /// receipt.
    pub fn append(&mut self, batch: Vec<Submission>) -> BatchOutcome {
        self.commit_all(batch, EventIds::Any)
    }

    /// The same for statements whose event ids were made a moment ago, so that no entry can have
    /// them: where the last writer left what they touch, the index need not be opened.
    pub fn append_minted(&mut self, batch: Vec<Submission>) -> BatchOutcome {
        self.commit_all(batch, EventIds::Fresh)
    }

    fn commit_all(&mut self, submissions: Vec<Submission>, ids: EventIds) -> BatchOutcome {
        let mut outcome = BatchOutcome {
            receipts: Vec::new(),
            refused: None,
        };
        if let Err(fault) = self.look_around() {
            outcome.refused = Some(fault);
            return outcome;
        }
        let mut batch;
        (batch, outcome.refused) = self.place_all(submissions, ids);
        let leaves = self.commit(&mut batch, &mut outcome.refused);
        let leaves = leaves.unwrap_or_else(|fault| {
            // What was recorded before this batch is not unsaid by it.
            let size = self.size();
            let old = batch
                .items
                .iter()
                .take_while(|item| matches!(item, BatchItem::Again(at) if *at < size));
            let old = old.count();
            batch.items.truncate(old);
            outcome.refused = Some(fault);
            Vec::new()
        });
        let (size, root) = (self.size(), self.root());
        let mut new = (size - leaves.len() as u64..).zip(leaves);
        for item in batch.items {
            let receipt = match (item, &mut new) {
                (BatchItem::Again(sequence), _) => self.receipt_again(sequence),
                (BatchItem::New(placed), new) => match new.next() {
                    Some((sequence, leaf)) => Ok(receipt(sequence, leaf, placed, (size, root))),
                    None => break,
                },
            };
            match receipt {
                Ok(receipt) => outcome.receipts.push(receipt),
                Err(fault) => {
                    outcome.refused = Some(fault);
                    break;
                }
            }
        }
        outcome
    }

    /// Whether anything can be recorded: what others put since is known, and what time it is.
    fn look_around(&mut self) -> Result<(), AppendError> {
        self.look_for_others()?;
        let doubt = self.world.clock.doubt(Some(self.edge.recorded()));
        doubt.map_or(Ok(()), |doubt| Err(doubt.into()))
    }

    /// Takes in what others put since, so that nothing is refused for what they changed.
    pub(super) fn look_for_others(&mut self) -> Result<(), AppendError> {
        if self.log.is_given_up() {
            return Err(AppendError::GivenUp);
        }
        if self.log.is_overtaken()? {
            self.catch_up()?;
        }
        Ok(())
    }

    /// Checks and places a batch up to the first refusal, which it returns with it. While a long one is
    /// checked on all cores, what the last commit filled is sealed, and what was checked is placed:
    /// sealing waits for the disk, checking for the processor.
    fn place_all(
        &mut self,
        submissions: Vec<Submission>,
        ids: EventIds,
    ) -> (Batch, Option<AppendError>) {
        let (ledger, length) = (self.ledger, submissions.len());
        let excepted = self.excepted();
        if length <= AT_ONCE && self.log.sealable() == 0 {
            let mut batch = Batch::begin(self.next(), ids, length);
            let refused = self.place_each(check::all(submissions, ledger, &excepted), &mut batch);
            return (batch, refused);
        }
        let rest = Mutex::new(submissions.into_iter());
        let next = || {
            let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
            let some: Vec<_> = rest.by_ref().take(AT_ONCE).collect();
            (!some.is_empty()).then(|| check::all(some, ledger, &excepted))
        };
        thread::scope(|scope| {
            let (done, checked) = mpsc::channel();
            // Nobody listens any more where a statement was refused. Without another thread this one
            // checks them all, below.
            let work = move || iter::from_fn(next).try_for_each(|some| done.send(some));
            let _ = thread::Builder::new().spawn_scoped(scope, work);
            self.seal();
            let mut batch = Batch::begin(self.next(), ids, length);
            let refused = match self.log.is_given_up() {
                true => Some(AppendError::GivenUp),
                false => checked
                    .iter()
                    .chain(iter::from_fn(next))
                    .find_map(|some| self.place_each(some, &mut batch)),
            };
            (batch, refused)
        })
    }

    fn place_each(
        &mut self,
        checked: Vec<Result<ValidSubmission, AppendError>>,
        batch: &mut Batch,
    ) -> Option<AppendError> {
        for checked in checked {
            let placed = checked.and_then(|one| Ok((self.place_surely(&one, batch)?, one)));
            match placed {
                Ok((item, one)) => batch.push(item, one),
                Err(fault) => return Some(fault),
            }
        }
        None
    }

    /// Whether `submission` would be recorded, and what it would be held against. Records nothing.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn check(&mut self, submission: &Submission) -> Result<Vec<Finding>, AppendError> {
        self.look_around()?;
        let mut found = Vec::new();
        for checked in check::all(vec![submission.clone()], self.ledger, &self.excepted()) {
            found.extend(self.try_surely(&checked?)?);
        }
        Ok(found)
    }

    /// What Security Owners let the secret scan pass now.
    fn excepted(&self) -> Vec<ScanAllowance> {
        let charter = &self.memory.register().charter;
        charter.scans_at(self.world.clock.now()).cloned().collect()
    }

    /// Where the next entry goes.
    pub(super) fn next(&self) -> NextEntry {
        NextEntry {
            sequence: self.size(),
            previous: self.edge.link(),
            // A clock that steps back must not make the ledger look as if it had been reordered.
            recorded: self.world.clock.now().max(self.edge.recorded()),
        }
    }

    /// Writes the entries that were placed, and a checkpoint over them. When it returns their leaves,
    /// they are durable. Where another writer was first, they are placed again behind its entries, up to the
    /// first that is `refused` now.
    fn commit(
        &mut self,
        batch: &mut Batch,
        refused: &mut Option<AppendError>,
    ) -> Result<Vec<LeafHash>, AppendError> {
        let mut tries = 1..MOST_TRIES;
        while !batch.entries.is_empty() {
            let segment = Segment {
                position: self.size(),
                previous: self.edge.link(),
                entries: &batch.entries,
            };
            let (origin, edge, key) = (&self.origin, &self.edge, &self.key);
            let note = || {
                let mut edge = edge.clone();
                edge.extend(segment.entries, edge.recorded());
                signed_checkpoint(origin, &edge, key).into_bytes()
            };
            match self.log.put(&segment, &note) {
                Ok(SegmentOutcome::Stored) => return self.acknowledge(batch.entries.len()),
                Ok(SegmentOutcome::Occupied { .. }) => {
                    self.catch_up()?;
                    if tries.next().is_none() {
                        return Err(AppendError::Overtaken(MOST_TRIES));
                    }
                    let again = std::mem::take(&mut batch.placed);
                    *batch = Batch::begin(self.next(), EventIds::Any, again.len());
                    let again = again.into_iter().map(Ok).collect();
                    *refused = self.place_each(again, batch).or(refused.take());
                }
                Ok(SegmentOutcome::Unknown(fault)) => {
                    // The same again settles it, where the engine can still be asked.
                    if self.log.is_given_up() || tries.next().is_none() {
                        self.log.give_up();
                        return Err(AppendError::Unknown(fault.to_string()));
                    }
                }
                Err(fault) => return Err(self.not_written(fault)),
            }
        }
        Ok(Vec::new())
    }

    /// Takes the last `count` entries as recorded: they are durable. What cannot be read back cannot be
    /// vouched for.
    fn acknowledge(&mut self, count: usize) -> Result<Vec<LeafHash>, AppendError> {
        let first = self.size();
        let stored = self
            .log
            .reread(first..first + count as u64)
            .map_err(|fault| {
                self.log.give_up();
                AppendError::Unknown(fault.to_string())
            })?;
        let recorded = stored.last().and_then(|last| recorded_in(last));
        let recorded = recorded.unwrap_or(self.edge.recorded());
        let leaves = self.edge.extend(&stored, recorded);
        self.adopt_next_key();
        self.publish();
        Ok(leaves)
    }

    /// What a failed write of the log means, with the memory put back to what is stored.
    fn not_written(&mut self, fault: SegmentError) -> AppendError {
        let fault = match fault {
            SegmentError::Refused(LogAppendError::Refused(refusal)) => AppendError::Disk(refusal),
            // Over 64 MiB in one batch: nothing was written, and a smaller one will be.
            SegmentError::Refused(
                LogAppendError::TooLarge(_) | LogAppendError::BadLength { .. },
            ) => AppendError::Unsplit(fault.to_string()),
            other => {
                self.log.give_up();
                return AppendError::Unknown(other.to_string());
            }
        };
        if self.reload_memory().is_err() {
            self.log.give_up();
        }
        fault
    }

    /// Signs a checkpoint over everything stored and writes it to its two places. The entries are
    /// durable already: a failure here is said, and made good by the next commit or opening.
    fn publish(&mut self) {
        if let Err(fault) = self.try_publish() {
            self.notices.push(format!(
                "the entries are recorded, but no checkpoint over them could be kept in one of its places: {fault}"
            ));
        }
    }

    /// The same for who can still refuse.
    pub(super) fn try_publish(&mut self) -> Result<(), DiskError> {
        let note = signed_checkpoint(&self.origin, &self.edge, &self.key);
        self.published.publish(note)?;
        self.let_go_of_old_key()
    }

    pub(super) fn receipt_again(&self, sequence: u64) -> Result<Receipt, AppendError> {
        let bytes = self.stored(sequence)?;
        let entry = Entry::decode(&bytes)?;
        let statement = Statement::decode(&entry.statement)?;
        Ok(Receipt {
            sequence,
            event_id: statement.event_id,
            event: statement.event.name(),
            recorded: entry.recorded,
            link: Link::of(&bytes),
            leaf: LeafHash::of(&bytes),
            size: self.size(),
            root: self.root(),
            replayed: true,
            findings: Vec::new(),
        })
    }

    /// The stored bytes of an entry, from the tail or its bundle.
    pub(super) fn stored(&self, sequence: u64) -> Result<Vec<u8>, AppendError> {
        if sequence < self.log.base() {
            return self.source().entry(sequence);
        }
        // From the file, not from memory: a receipt speaks of what is stored.
        let damaged = |fault: String| AppendError::DamagedEntry { sequence, fault };
        let reread = self.log.reread(sequence..sequence.saturating_add(1));
        let found = reread.map_err(|fault| damaged(fault.to_string()))?.pop();
        found.ok_or_else(|| damaged("it is missing".to_owned()))
    }
}

/// A checkpoint over everything up to `edge`, as a signed note.
pub(super) fn signed_checkpoint(origin: &Origin, edge: &Edge, key: &SecretKey) -> String {
    let checkpoint = Checkpoint {
        origin: origin.as_str().to_owned(),
        size: edge.size(),
        root: edge.root(),
    };
    checkpoint::sign(&checkpoint, key)
}

/// The receipt of an entry under the checkpoint of this size and root.
fn receipt(
    sequence: u64,
    leaf: LeafHash,
    placed: UnwrittenEntry,
    (size, root): (u64, NodeHash),
) -> Receipt {
    Receipt {
        sequence,
        event_id: placed.event_id,
        event: placed.event,
        recorded: placed.recorded,
        link: placed.link,
        leaf,
        size,
        root,
        replayed: false,
        findings: placed.findings,
    }
}

/// When an entry was recorded, by its stored bytes.
pub(super) fn recorded_in(stored: &[u8]) -> Option<Timestamp> {
    // version u16 · sequence u64 · previous [32] · subject_previous u64 · recorded i64
    let bytes = stored.get(50..58)?.first_chunk::<8>()?;
    Some(Timestamp::from_micros(i64::from_le_bytes(*bytes)))
}
