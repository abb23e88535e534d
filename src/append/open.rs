//! Opening a ledger for writing: what must hold first, and what is healed without asking.
//!
//! The tail alone is read, so the cost does not grow with the ledger. What stands in it is chained
//! from what its header carries about the bundles, and the root so found must be the one that the
//! checkpoints state: the one in the folder, and the one kept outside it. A ledger behind or beside
//! the latter is refused; only [`recover`](crate::append::recover) goes on from there.
//!
//! Healed without asking, each recorded by an entry of the ledger itself:
//! - bytes after the last whole entry, where no checkpoint covers an entry there: an append that was
//!   cut off before it was acknowledged;
//! - one of the two checkpoints lost, while the other is intact and agrees;
//! - a tail older than the bundles that continue it ([`forward`](crate::append::forward)).
//!
//! If the power fails between the healing and the entry that records it, the entry is missing: what
//! was dropped was never acknowledged, and what was made again is as it was.

use std::time::Duration;

use crate::append::error::AppendError;
use crate::append::forward::RolledForward;
use crate::append::look::{CheckpointRelation, OpeningState};
use crate::append::submission::{Receipt, Submission};
use crate::append::writer::Writer;
use crate::checkpoint::Checkpoint;
use crate::event::{Event, RecoveryKind, StoreRecovered};
use crate::hash::Sha256Digest;
use crate::key::Signer;
use crate::ledger::head::HeadCheckpoint;
use crate::ledger::{CHECKPOINT_FILE, LedgerPlace};
use crate::statement::{self, EventId, Statement};
use crate::store::tail::TailRest;
use crate::sys::disk::{DiskError, SMALL_FILE};
use crate::sys::entropy::uuid_v7;
use crate::sys::world::World;
use crate::text::Line;

impl Writer {
    /// Opens the ledger at `place`, waiting up to `wait` for another writer of this host. Proves its end,
    /// brings the index up, heals what a power cut may have left. `place` has the sealing key and the newest
    /// checkpoint that this host knows.
    ///
    /// # Errors
    /// No ledger there, in use, damaged, or rolled back; see [`AppendError`].
    pub fn open(world: &World, place: &LedgerPlace, wait: Duration) -> Result<Self, AppendError> {
        Self::on(world, place, OpeningState::take(world, place, wait)?)
    }

    pub(super) fn on(
        world: &World,
        place: &LedgerPlace,
        mut looked: OpeningState,
    ) -> Result<Self, AppendError> {
        let forward = std::mem::replace(&mut looked.forward, Ok(None))?;
        let proven = judge(&looked)?;
        let lost = match (&looked.folder, &looked.outside) {
            (HeadCheckpoint::Lost(why), _) => Some(format!("in the folder: {why}")),
            (_, HeadCheckpoint::Lost(why)) => Some(format!("outside the folder: {why}")),
            _ => None,
        };
        let rest = looked.rest;
        let mut writer = looked.into_writer(world, place, proven)?;
        let mut events: Vec<Event> = Vec::new();
        if let Some(forward) = forward {
            writer.notices.push(forward.said());
            events.push(rolled_forward(&forward)?.into());
        }
        writer.heal(rest, lost, events)?;
        writer.seal();
        Ok(writer)
    }

    fn heal(
        &mut self,
        rest: TailRest,
        lost: Option<String>,
        mut events: Vec<Event>,
    ) -> Result<(), AppendError> {
        if rest != TailRest::Clean {
            let dropped = self.log.drop_rest()?;
            let count = dropped.len();
            self.notices.push(format!(
                "dropped {count} bytes of a write that was cut off before it was acknowledged"
            ));
            events.push(torn_write(&dropped)?.into());
        }
        // Before any entry: where a checkpoint cannot be written, each opening would append another entry that
        // says that it was.
        let unkept = match self.published.note().is_empty() {
            true => self.publish_in_folder()?,
            false => None,
        };
        let lost = lost.map(|why| format!("a checkpoint was lost, {why}"));
        match (lost, unkept) {
            (Some(reason), None) => {
                self.notices.push(format!("{reason}; it was made again"));
                events.push(lost_checkpoint(&reason)?.into());
            }
            (Some(reason), Some(fault)) => self
                .notices
                .push(format!("{reason}, and could not be made again: {fault}")),
            // Whoever appends is told by what is appended.
            (None, _) => {}
        }
        for event in events {
            self.say(event)?;
        }
        Ok(())
    }

    /// Publishes a checkpoint; returns why it is not kept outside, where it is in the folder. What this host keeps
    /// is no reason to record nothing.
    fn publish_in_folder(&mut self) -> Result<Option<DiskError>, AppendError> {
        let Err(fault) = self.try_publish() else {
            return Ok(None);
        };
        let own = self.engine.get(CHECKPOINT_FILE, SMALL_FILE)?;
        match own.as_deref() == Some(self.published.note().as_bytes()) {
            true => Ok(Some(fault)),
            false => Err(fault.into()),
        }
    }

    /// Appends what the ledger itself has to say, signed by its sealing key.
    pub(super) fn say(&mut self, event: Event) -> Result<Receipt, AppendError> {
        let submission = self.statement_now(event, &self.key)?;
        self.record_all(vec![submission])
    }

    /// Records all of it in one commit. The receipt is that of the first.
    pub(super) fn record_all(&mut self, said: Vec<Submission>) -> Result<Receipt, AppendError> {
        let outcome = self.append(said);
        match (outcome.receipts.into_iter().next(), outcome.refused) {
            (Some(receipt), None) => Ok(receipt),
            (_, Some(fault)) => Err(fault),
            (None, None) => Err(AppendError::GivenUp),
        }
    }

    /// An event that happens now, signed by `key`.
    pub(super) fn statement_now(
        &self,
        event: Event,
        key: &dyn Signer,
    ) -> Result<Submission, AppendError> {
        let now = self.world.clock.now();
        let statement = Statement {
            version: statement::VERSION,
            ledger: self.ledger,
            event_id: EventId::from_bytes(uuid_v7(now, &*self.world.entropy)?),
            occurred: now,
            author: key.public(),
            on_behalf_of: None,
            event,
            attachments: Vec::new(),
        };
        Ok(Submission::new(statement.sign(key)?, Vec::new()))
    }
}

/// How many entries the two checkpoints prove.
///
/// # Errors
/// One of them does not hold, or neither can be read.
fn judge(looked: &OpeningState) -> Result<u64, AppendError> {
    let mut proven = None;
    if let Some(stated) = looked.folder.checkpoint() {
        judge_own(looked, stated)?;
        proven = Some(stated.size);
    }
    if let Some(kept) = looked.outside.checkpoint() {
        match looked.standing(kept) {
            CheckpointRelation::Holds => proven = proven.max(Some(kept.size)),
            CheckpointRelation::Ahead => return Err(behind(looked, kept)),
            CheckpointRelation::Beside => return Err(AppendError::Beside(kept.size)),
        }
    }
    match (proven, &looked.folder, &looked.outside) {
        (Some(size), ..) => Ok(size),
        (None, HeadCheckpoint::Lost(folder), HeadCheckpoint::Lost(outside)) => {
            Err(AppendError::NoCheckpoint { folder, outside })
        }
        (None, ..) => Err(AppendError::NoCheckpoint {
            folder: "",
            outside: "",
        }),
    }
}

/// The folder's own checkpoint: where it does not hold, something in the folder was changed.
fn judge_own(looked: &OpeningState, stated: &Checkpoint) -> Result<(), AppendError> {
    let damaged = |fault: String| {
        Err(AppendError::DamagedCheckpoint {
            stated: stated.size,
            fault,
        })
    };
    match looked.standing(stated) {
        CheckpointRelation::Holds => Ok(()),
        CheckpointRelation::Beside => damaged("the entries do not have its root".to_owned()),
        CheckpointRelation::Ahead if looked.rest != TailRest::Clean => Err(damaged_end(looked)),
        CheckpointRelation::Ahead => damaged(format!("the log has {}", looked.edge.size())),
    }
}

/// The checkpoint outside states more entries than there are: cut off, or damaged where they stood.
fn behind(looked: &OpeningState, kept: &Checkpoint) -> AppendError {
    if looked.rest == TailRest::Clean {
        AppendError::Behind {
            size: looked.edge.size(),
            kept: kept.size,
        }
    } else {
        damaged_end(looked)
    }
}

fn damaged_end(looked: &OpeningState) -> AppendError {
    let fault =
        "a checkpoint covers it, and its bytes in the tail are not what was written".to_owned();
    AppendError::DamagedEntry {
        sequence: looked.edge.size(),
        fault,
    }
}

/// What is said of a recovery where no checkpoint was given up and no bytes were dropped.
pub(super) const fn recovery(kind: RecoveryKind, reason: Line) -> StoreRecovered {
    StoreRecovered {
        kind,
        reason,
        kept_size: None,
        kept_root: None,
        dropped_bytes: 0,
        dropped_sha256: None,
    }
}

/// What is said about a checkpoint that was made again.
fn lost_checkpoint(reason: &str) -> Result<StoreRecovered, AppendError> {
    let reason = line(reason)?;
    Ok(recovery(RecoveryKind::LostCheckpoint, reason))
}

/// What is said about bytes that were dropped.
pub(super) fn torn_write(dropped: &[u8]) -> Result<StoreRecovered, AppendError> {
    let reason = line("bytes after the last whole entry, covered by no checkpoint")?;
    Ok(StoreRecovered {
        dropped_bytes: dropped.len() as u64,
        dropped_sha256: Some(Sha256Digest::of(dropped)),
        ..recovery(RecoveryKind::TornWrite, reason)
    })
}

/// What is said about entries that were taken in from bundles.
pub(super) fn rolled_forward(forward: &RolledForward) -> Result<StoreRecovered, AppendError> {
    let mut told = torn_write(&forward.dropped)?;
    told.kind = RecoveryKind::RolledForward;
    told.reason = line(&forward.said())?;
    told.dropped_sha256 = told.dropped_sha256.filter(|_| told.dropped_bytes > 0);
    Ok(told)
}

/// A text of this program as one line.
pub(super) fn line(text: &str) -> Result<Line, AppendError> {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(Line::LIMIT / 4)
        .collect();
    Ok(Line::new(plain.trim())?)
}
