//! The explicit way out of a refused opening: a Security Owner accepts the ledger as it is.
//!
//! What is accepted is recorded: how many entries the checkpoint kept outside had stated, under which
//! root, and why the ledger goes on without them. That checkpoint is kept beside the new one. The
//! chain and the authority of the accepting key are checked as always; nothing here mends an entry.

use std::path::PathBuf;
use std::time::Duration;

use crate::append::error::AppendError;
use crate::append::look::{CheckpointRelation, OpeningState};
use crate::append::open::statement_now;
use crate::append::submission::Receipt;
use crate::append::writer::Writer;
use crate::checkpoint::Checkpoint;
use crate::event::{RecoveryKind, StoreRecovered};
use crate::hash::Sha256Digest;
use crate::key::Signer;
use crate::ledger::LedgerPlace;
use crate::ledger::head::HeadCheckpoint;
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
    let stated: Vec<&Checkpoint> = [&looked.folder, &looked.outside]
        .into_iter()
        .filter_map(HeadCheckpoint::checkpoint)
        .collect();
    let broken = stated
        .iter()
        .filter(|stated| looked.standing(stated) != CheckpointRelation::Holds);
    let given_up = broken
        .max_by_key(|stated| stated.size)
        .map(|stated| (*stated).clone());
    if given_up.is_none() && !stated.is_empty() {
        return Err(AppendError::NothingToRecover);
    }
    // What still holds proves as much as ever; where nothing does, every entry is checked again.
    let holding = stated
        .iter()
        .filter(|stated| looked.standing(stated) == CheckpointRelation::Holds);
    let proven = holding.map(|stated| stated.size).max().unwrap_or(0);
    let kept_note = match &looked.outside {
        HeadCheckpoint::Intact(kept, bytes)
            if looked.standing(kept) != CheckpointRelation::Holds =>
        {
            Some((kept.size, bytes.clone()))
        }
        _ => None,
    };
    let rest = looked.rest;
    let writer = looked.into_writer(world, place, proven)?;
    let recovered = StoreRecovered {
        kind: if given_up.is_some() {
            RecoveryKind::Rollback
        } else {
            RecoveryKind::LostCheckpoint
        },
        reason,
        kept_size: given_up.as_ref().map(|stated| stated.size),
        kept_root: given_up.as_ref().map(|stated| stated.root),
        dropped_bytes: 0,
        dropped_sha256: None,
    };
    writer.accept(recovered, kept_note, rest, key)
}

impl Writer {
    fn accept(
        mut self,
        mut recovered: StoreRecovered,
        kept_note: Option<(u64, Vec<u8>)>,
        rest: TailRest,
        key: &dyn Signer,
    ) -> Result<Recovery, AppendError> {
        // Asked before anything is changed: who may not say it changes nothing.
        let trial = statement_now(&self.world, &self, recovered.clone().into(), key)?;
        self.check(&trial)?;
        if rest != TailRest::Clean {
            let dropped = self.log.drop_rest()?;
            recovered.dropped_bytes = dropped.len() as u64;
            recovered.dropped_sha256 = Some(Sha256Digest::of(&dropped));
        }
        let set_aside = match kept_note {
            None => None,
            Some((size, bytes)) => {
                let path = self.place.state.join(format!("head-set-aside-{size}"));
                publish::durably(&*self.world.disk, &path, &bytes)?;
                Some(path)
            }
        };
        let submission = statement_now(&self.world, &self, recovered.into(), key)?;
        let outcome = self.append(vec![submission]);
        if let Some(fault) = outcome.refused {
            return Err(fault);
        }
        // The entry is there; now the old checkpoint must not come back after a power cut.
        self.published.make_durable()?;
        let receipt = outcome
            .receipts
            .into_iter()
            .next()
            .ok_or(AppendError::NothingToRecover)?;
        let notices = std::mem::take(&mut self.notices);
        self.close();
        Ok(Recovery {
            receipt,
            set_aside,
            notices,
        })
    }
}
