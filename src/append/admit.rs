//! Whether a checked submission may become the next entry, and what that entry is.
//!
//! Only what is malformed, unauthorised, out of scope, in conflict or of an impossible time is
//! refused, and, where the policy says so, what breaks the SOP's order. All else is recorded.

use crate::append::batch::{Batch, BatchItem, EventIds, NextEntry, UnwrittenEntry};
use crate::append::check::ValidSubmission;
use crate::append::error::AppendError;
use crate::append::fold::MemoryError;
use crate::append::memory;
use crate::append::writer::Writer;
use crate::entry::Entry;
use crate::event::{Event, FourEyes, Sequencing};
use crate::hash::Link;
use crate::keyring::{Author, Denial};
use crate::register::ALLOWED_SKEW;
use crate::rule::{self, Finding, Verdict};
use crate::statement::{EventId, Statement};
use crate::store::blobs;
use crate::sys::keyfile;
use crate::time::Timestamp;

/// What admission found about a submission, nothing changed yet.
enum AdmissionResult {
    /// It may be the next entry.
    Admitted { author: Author, thread: u64 },
    /// It was recorded before, as this entry.
    Again(u64),
}

/// An export counts what is there: where others recorded meanwhile, its numbers would be held against it for
/// ever.
fn check_counted(event: &Event, now: u64) -> Result<(), AppendError> {
    match event {
        Event::PackExported(exported) if exported.size != now => Err(AppendError::Outgrown {
            said: exported.size,
            now,
        }),
        _ => Ok(()),
    }
}

impl Writer {
    /// Places a submission after what was placed of its batch.
    pub(super) fn place_surely(
        &mut self,
        checked: &ValidSubmission,
        batch: &Batch,
    ) -> Result<BatchItem, AppendError> {
        self.despite_the_index(batch, |writer| writer.place(checked, batch))
    }

    /// What a submission would be held against as the next entry.
    pub(super) fn try_surely(
        &mut self,
        checked: &ValidSubmission,
    ) -> Result<Vec<Finding>, AppendError> {
        let batch = Batch::begin(self.next(), EventIds::Any, 0);
        self.despite_the_index(&batch, |writer| match writer.try_on(checked, &batch)? {
            AdmissionResult::Again(_) => Ok(Vec::new()),
            AdmissionResult::Admitted { author, .. } => {
                Ok(writer.foresee(checked, &batch.next, &author))
            }
        })
    }

    /// The statement that was recorded with this event id, where one was: whoever says it again without
    /// a time of their own takes that one's, and says the same.
    ///
    /// # Errors
    /// The log is damaged, or cannot be read.
    pub fn said_before(&mut self, id: &EventId) -> Result<Option<Statement>, AppendError> {
        self.look_for_others()?;
        self.warm_up(&[])?;
        let batch = Batch::begin(self.next(), EventIds::Any, 0);
        let found =
            self.despite_the_index(&batch, |writer| Ok(writer.memory.sequence_of(id)?))?;
        let Some(sequence) = found else {
            return Ok(None);
        };
        let entry = Entry::decode(&self.stored(sequence)?)?;
        Ok(Some(Statement::decode(&entry.statement)?))
    }

    /// Does `work`; where the index fails meanwhile, it is made again from the log and from the
    /// entries placed so far, and where that one fails too, everything is kept in memory.
    fn despite_the_index<T>(
        &mut self,
        batch: &Batch,
        mut work: impl FnMut(&mut Self) -> Result<T, MemoryError>,
    ) -> Result<T, AppendError> {
        let mut fault = match work(self) {
            Ok(done) => return Ok(done),
            Err(MemoryError::Append(fault)) => return Err(fault),
            Err(MemoryError::Index(fault)) => fault,
        };
        for renew in [Self::renew_memory, Self::forget_index] {
            renew(self, &fault.to_string(), &batch.entries)?;
            fault = match work(self) {
                Ok(done) => return Ok(done),
                Err(MemoryError::Append(fault)) => return Err(fault),
                Err(MemoryError::Index(fault)) => fault,
            };
        }
        // Without an index nothing can fail in it.
        Err(AppendError::DamagedLog(fault.to_string()))
    }

    fn place(
        &mut self,
        checked: &ValidSubmission,
        batch: &Batch,
    ) -> Result<BatchItem, MemoryError> {
        let next = &batch.next;
        let (author, thread) = match self.try_on(checked, batch)? {
            AdmissionResult::Admitted { author, thread } => (author, thread),
            AdmissionResult::Again(sequence) => return Ok(BatchItem::Again(sequence)),
        };
        let ValidSubmission {
            submission,
            statement,
        } = checked;
        let signed = submission.statement.clone();
        let entry = Entry::place(next.sequence, next.previous, thread, next.recorded, signed);
        let bytes = entry.encode().map_err(AppendError::from)?;
        for file in &submission.files {
            blobs::put(&*self.engine, file).map_err(AppendError::from)?;
        }
        let mut findings = Vec::new();
        let recorded = next.recorded(statement);
        self.memory.take(&recorded, &author, &mut findings);
        self.memory.register().waive(next.recorded, &mut findings);
        self.memory.remember(statement.event_id, next.sequence);
        Ok(BatchItem::New(UnwrittenEntry {
            link: Link::of(&bytes),
            bytes,
            recorded: next.recorded,
            event_id: statement.event_id,
            event: statement.event.name(),
            findings,
        }))
    }

    fn try_on(
        &mut self,
        checked: &ValidSubmission,
        batch: &Batch,
    ) -> Result<AdmissionResult, MemoryError> {
        let next = &batch.next;
        let statement = &checked.statement;
        let event = &statement.event;
        let is_new = batch.ids == EventIds::Fresh && self.memory.has_all_of(event);
        if !is_new {
            self.warm_up(&batch.entries)?;
        }
        if let Some(sequence) = self.memory.sequence_of(&statement.event_id)? {
            let entry = Entry::decode(&self.stored_or_placed(sequence, batch)?);
            // The same id over other words is a conflict.
            return match entry {
                Ok(entry) if statement.is_again(&entry.statement) => {
                    Ok(AdmissionResult::Again(sequence))
                }
                _ => Err(AppendError::Conflict {
                    event_id: statement.event_id,
                    sequence,
                }
                .into()),
            };
        }
        self.check_time(statement)?;
        self.memory.load(event)?;
        let register = self.memory.register();
        let author = register
            .author(&next.recorded(statement))
            .map_err(AppendError::Denied)?;
        let thread = register.thread(register.subject(event).as_ref());
        self.check_named_entry(event, &author, batch)?;
        self.check_next_key(event, next.sequence)?;
        check_counted(event, next.sequence)?;
        if self.memory.register().charter.policy.sequencing == Sequencing::Refuse {
            let mut found = self.foresee(checked, next, &author);
            found.retain(breaks_the_order);
            if !found.is_empty() {
                return Err(AppendError::OutOfOrder(found).into());
            }
        }
        Ok(AdmissionResult::Admitted { author, thread })
    }

    /// What an admitted event would be held against, without taking it.
    fn foresee(
        &self,
        checked: &ValidSubmission,
        next: &NextEntry,
        author: &Author,
    ) -> Vec<Finding> {
        let recorded = next.recorded(&checked.statement);
        let mut scratch = self.memory.scratch(recorded.event);
        let mut found = Vec::new();
        memory::judged_apply(&mut scratch, &recorded, author, &mut found);
        scratch.waive(next.recorded, &mut found);
        found
    }

    fn check_time(&self, statement: &Statement) -> Result<(), AppendError> {
        let occurred = statement.occurred;
        let latest = self.world.clock.now().plus(ALLOWED_SKEW);
        if occurred < Timestamp::YEAR_2000 {
            let expected = format!("not before {}", Timestamp::YEAR_2000);
            return Err(AppendError::Time { occurred, expected });
        }
        if occurred > latest {
            let expected = format!("not after {latest}, five minutes from now");
            return Err(AppendError::Time { occurred, expected });
        }
        Ok(())
    }

    /// A remark or correction names its entry by sequence and link; a wrong link would stand in the
    /// ledger for ever as a remark on something else.
    fn check_named_entry(
        &mut self,
        event: &Event,
        author: &Author,
        batch: &Batch,
    ) -> Result<(), MemoryError> {
        let Some((entry, link)) = event.about() else {
            return Ok(());
        };
        let bytes = self.stored_or_placed(entry, batch)?;
        let there = Link::of(&bytes);
        if there != link {
            let message = format!("entry {entry} has the link {there}, not {link}");
            let denial = Denial::new(rule::I11, format!("link {there}"), message);
            return Err(AppendError::Denied(denial).into());
        }
        match event {
            Event::FindingAccepted(_) => self.check_acceptance(author, &bytes, batch),
            _ => Ok(()),
        }
    }

    /// Nobody accepts what they wrote or carried out themselves. Of a finding that is not about the rotation of
    /// the entry it is held against, only `verify` knows that.
    fn check_acceptance(
        &mut self,
        author: &Author,
        about: &[u8],
        batch: &Batch,
    ) -> Result<(), MemoryError> {
        let entry = Entry::decode(about).map_err(AppendError::from)?;
        let statement = Statement::decode(&entry.statement).map_err(AppendError::from)?;
        self.warm_up(&batch.entries)?;
        self.memory.load(&statement.event)?;
        let register = self.memory.register();
        let charter = &register.charter;
        if charter.policy.four_eyes == FourEyes::Relaxed {
            return Ok(());
        }
        let wrote = statement.on_behalf_of.as_ref().or_else(|| {
            let holder = charter.keyring.holder(&statement.author);
            holder.map(|actor| &actor.id)
        });
        let rotation = statement.event.rotation();
        let rotation = rotation.and_then(|id| register.rotations.get(id));
        let carried_out = rotation.filter(|one| one.operators.contains(&author.person));
        let message = match carried_out {
            Some(rotation) => {
                format!(
                    "it is about rotation `{}`, which you carried out",
                    rotation.id
                )
            }
            None if wrote == Some(&author.person) => {
                format!("`{}` wrote the entry that is accepted", author.person)
            }
            None => return Ok(()),
        };
        let denial = Denial::new(rule::A09, "somebody else", message);
        Err(AppendError::Denied(denial).into())
    }

    /// The new sealing key must be at hand before an entry names it, or nothing could be sealed
    /// after that entry.
    fn check_next_key(&self, event: &Event, sequence: u64) -> Result<(), AppendError> {
        let named = match event {
            Event::SealingKeyReplaced(replaced) => replaced.key,
            Event::SealingKeyRecovered(recovered) => {
                self.check_succession(recovered, sequence)?;
                recovered.key
            }
            _ => return Ok(()),
        };
        let path = self.place.next_sealing_key();
        let key = keyfile::read(&path, &|| Ok(None))?;
        if key.public() == named {
            Ok(())
        } else {
            Err(AppendError::OtherSealingKey(path))
        }
    }

    /// The bytes of an entry that is stored, or placed before in the same batch.
    fn stored_or_placed(&self, sequence: u64, batch: &Batch) -> Result<Vec<u8>, AppendError> {
        match sequence.checked_sub(self.size()) {
            None => self.stored(sequence),
            Some(place) => {
                let placed = usize::try_from(place)
                    .ok()
                    .and_then(|place| batch.entries.get(place));
                placed.cloned().ok_or_else(|| AppendError::DamagedEntry {
                    sequence,
                    fault: "it is missing".to_owned(),
                })
            }
        }
    }
}

/// The findings for which a policy of `sequencing: refuse` refuses an event: the SOP's order, its
/// times, and four eyes.
fn breaks_the_order(finding: &Finding) -> bool {
    let family = finding.rule.id.get(..2);
    finding.rule.verdict == Verdict::Conformance
        && finding.is_open()
        && matches!(family, Some("S-" | "T-" | "A-"))
}
