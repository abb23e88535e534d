//! The explicit way out of a refused opening: a Security Owner accepts the ledger as it is.
//!
//! What is accepted is recorded: how many entries the checkpoint kept outside had stated, under which
//! root, and why the ledger goes on without them. That checkpoint is kept beside the new one. The
//! chain and the authority of the accepting key are checked as always; nothing here mends an entry.

use std::path::PathBuf;
use std::time::Duration;

use crate::append::error::AppendError;
use crate::append::forward::set_aside;
use crate::append::look::{CheckpointRelation, OpeningState};
use crate::append::open::{recovery, torn_write};
use crate::append::submission::{Receipt, Submission};
use crate::append::writer::Writer;
use crate::checkpoint::Checkpoint;
use crate::event::{RecoveryKind, StoreRecovered};
use crate::key::Signer;
use crate::ledger::head::HeadCheckpoint;
use crate::ledger::{LedgerPlace, SET_ASIDE};
use crate::store::publish;
use crate::store::tail::TailRest;
use crate::sys::world::World;
use crate::text::Line;

/// What a recovery came to.
#[derive(Debug)]
pub struct Recovery {
    /// Of the entry that records it.
    pub receipt: Receipt,
    /// Where the checkpoint that was set aside is now, if there was one.
    pub set_aside: Option<PathBuf>,
    /// What else there is to say.
    pub notices: Vec<String>,
}

/// What is accepted with a recovery, by what was found.
pub(super) struct Acceptance {
    /// Entries that a checkpoint proves. What still holds proves as much as ever; where nothing does, every
    /// entry is checked again.
    pub(super) proven: u64,
    rest: TailRest,
    recovered: Option<StoreRecovered>,
    kept_note: Option<(u64, Vec<u8>)>,
    /// Whether bundles stand beyond the tail that contradict it.
    contradicted: bool,
}

impl Acceptance {
    /// What has to be accepted of what was found, for a `reason`; perhaps nothing.
    pub(super) fn of(looked: &OpeningState, reason: Line) -> Self {
        let stated: Vec<&Checkpoint> = [&looked.folder, &looked.outside]
            .into_iter()
            .filter_map(HeadCheckpoint::checkpoint)
            .collect();
        let holds = |stated: &Checkpoint| looked.standing(stated) == CheckpointRelation::Holds;
        let broken = stated.iter().filter(|stated| !holds(stated));
        let given_up = broken.max_by_key(|stated| stated.size).copied();
        let kept_note = match &looked.outside {
            HeadCheckpoint::Intact(kept, bytes) if !holds(kept) => Some((kept.size, bytes.clone())),
            _ => None,
        };
        let contradicted = looked.forward.is_err();
        let kind = match given_up.is_some() || contradicted {
            true => RecoveryKind::Rollback,
            false => RecoveryKind::LostCheckpoint,
        };
        let needed = given_up.is_some() || stated.is_empty() || contradicted;
        let recovered = needed.then(|| StoreRecovered {
            kept_size: given_up.map(|stated| stated.size),
            kept_root: given_up.map(|stated| stated.root),
            ..recovery(kind, reason)
        });
        let holding = stated.iter().filter(|stated| holds(stated));
        Self {
            proven: holding.map(|stated| stated.size).max().unwrap_or(0),
            rest: looked.rest,
            recovered,
            kept_note,
            contradicted,
        }
    }
}

/// Accepts a ledger that is behind or beside a checkpoint of it, or has none left, as it stands.
/// `key` is a Security Owner's, by the keyring of the ledger as it stands.
///
/// # Errors
/// Nothing to recover, a chain that does not hold, no authority, or what opening may refuse.
pub fn recover(
    world: &World,
    place: &LedgerPlace,
    wait: Duration,
    key: &dyn Signer,
    reason: Line,
) -> Result<Recovery, AppendError> {
    let looked = OpeningState::take(world, place, wait)?;
    let accepted = Acceptance::of(&looked, reason);
    if accepted.recovered.is_none() {
        if matches!(looked.forward, Ok(Some(_))) {
            // Opening records by itself what it takes in.
            Writer::on(world, place, looked)?.close();
        }
        return Err(AppendError::NothingToRecover);
    }
    let writer = looked.into_writer(world, place, accepted.proven)?;
    writer.accept(accepted, Vec::new(), key)
}

impl Writer {
    /// Records what people `said` and what is accepted with it, in one commit.
    pub(super) fn accept(
        mut self,
        mut accepted: Acceptance,
        mut said: Vec<Submission>,
        key: &dyn Signer,
    ) -> Result<Recovery, AppendError> {
        // Asked before anything is changed: who may not say it changes nothing.
        for one in &said {
            self.check(one)?;
        }
        if let Some(recovered) = &accepted.recovered {
            self.check(&self.statement_now(recovered.clone().into(), key)?)?;
        }
        if accepted.contradicted {
            let aside = set_aside(&*self.engine, self.log.base())?.len();
            self.notices.push(format!(
                "{aside} files that contradicted the ledger are kept in its folder, in {SET_ASIDE}"
            ));
        }
        if accepted.rest != TailRest::Clean {
            let torn = torn_write(&self.log.drop_rest()?)?;
            match &mut accepted.recovered {
                Some(recovered) => {
                    recovered.dropped_bytes = torn.dropped_bytes;
                    recovered.dropped_sha256 = torn.dropped_sha256;
                }
                recovered @ None => *recovered = Some(torn),
            }
        }
        let set_aside = match accepted.kept_note {
            None => None,
            Some((size, bytes)) => {
                let path = self.place.state.join(format!("head-set-aside-{size}"));
                publish::durably(&*self.world.disk, &path, &bytes)?;
                Some(path)
            }
        };
        if let Some(recovered) = accepted.recovered {
            said.push(self.statement_now(recovered.into(), key)?);
        }
        let receipt = self.record_all(said)?;
        // The entry is there; now the old checkpoint must not come back after a power cut.
        self.published.make_durable()?;
        self.recovered(receipt, set_aside)
    }

    /// Lets go of a ledger that was recovered, with the receipt of the entry that says so.
    pub(super) fn recovered(
        mut self,
        receipt: Receipt,
        set_aside: Option<PathBuf>,
    ) -> Result<Recovery, AppendError> {
        let mut notices = std::mem::take(&mut self.notices);
        notices.extend(self.close());
        Ok(Recovery {
            receipt,
            set_aside,
            notices,
        })
    }
}
