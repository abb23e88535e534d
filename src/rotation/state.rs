//! A rotation as far as its entries have told it, and where it stands.

use bincode::{Decode, Encode};

use crate::event::{Outcome, Reason, RotationOpened, RotationRecorded, TestResult};
use crate::inventory::Secret;
use crate::text::{Id, Reference};
use crate::time::Timestamp;

use super::facts::{
    Approval, Completion, DualRun, FailedStep, HealthCheck, Preconditions, Replacement,
    RevokedVersion, RotationEnd,
};
use super::frame::{EntryFrame, EntryMoment};

/// One rotation of one secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rotation {
    /// The id.
    pub id: Id,
    /// The secret.
    pub secret: Id,
    /// Scheduled, or an emergency.
    pub reason: Reason,
    /// The incident behind an emergency.
    pub incident: Option<Id>,
    /// Its opening (SOP 6, Step 1).
    pub opened: EntryMoment,
    /// The consumers named then.
    pub consumers: Vec<Id>,
    /// The version to be replaced.
    pub old_version: Option<Reference>,
    /// The approval (SOP 3).
    pub approved: Option<Approval>,
    /// The preconditions (SOP 5), and whether a rollback plan was among them.
    pub preconditions: Option<Preconditions>,
    /// The replacement (SOP 6, Step 2).
    pub generated: Option<Replacement>,
    /// Dual-run (SOP 6, Step 3).
    pub dual_run: Option<DualRun>,
    /// The first passing validation of the new version before cutover (SOP 6, Step 3).
    pub validated: Option<EntryMoment>,
    /// What the last validation before cutover came to.
    pub last_result: Option<TestResult>,
    /// The consumers cut over so far (SOP 6, Step 4).
    pub cut_over: Vec<Id>,
    /// The last cutover.
    pub cutover: Option<EntryMoment>,
    /// The last word on health (SOP 6, Step 4).
    pub health: Option<HealthCheck>,
    /// The old version's revocation (SOP 6, Step 5).
    pub old_revoked: Option<RevokedVersion>,
    /// The new version's revocation, after a failure.
    pub new_revoked: Option<EntryMoment>,
    /// The proof that the old version is dead (SOP 6, Step 5).
    pub dead: Option<EntryMoment>,
    /// A failed step that nothing resolved yet.
    pub failed: Option<FailedStep>,
    /// The passing validation of the restored version.
    pub restored: Option<EntryMoment>,
    /// How it ended.
    pub ending: Option<RotationEnd>,
    /// The confirmation of its end (SOP 3).
    pub confirmed: Option<EntryMoment>,
    /// Whether its new version was in use by another rotation when it was given up.
    pub taken_over: bool,
    /// The people who executed its steps.
    pub operators: Vec<Id>,
    /// The last step said about it.
    pub last: EntryMoment,
}

/// Where a rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RotationState {
    /// Opened (Step 1).
    Opened,
    /// Approved by a Security Owner.
    Approved,
    /// Preconditions confirmed.
    Ready,
    /// Replacement generated (Step 2).
    Generated,
    /// Consumers accept both (Step 3).
    DualRun,
    /// The new secret was shown to work (Step 3).
    Validated,
    /// Some or all consumers cut over (Step 4).
    CuttingOver,
    /// Services healthy (Step 4).
    Healthy,
    /// Old secret revoked (Step 5).
    Revoked,
    /// Old secret shown dead (Step 5).
    Dead,
    /// A step failed and nothing resolved it yet.
    Failed,
    /// Completed (Step 6), not confirmed.
    Completed,
    /// Rolled back, not confirmed.
    RolledBack,
    /// Aborted, not confirmed.
    Aborted,
    /// Its end was confirmed.
    Confirmed,
}

impl RotationState {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Approved => "approved",
            Self::Ready => "ready",
            Self::Generated => "generated",
            Self::DualRun => "dual-run",
            Self::Validated => "validated",
            Self::CuttingOver => "cutting over",
            Self::Healthy => "healthy",
            Self::Revoked => "revoked",
            Self::Dead => "old secret dead",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::Confirmed => "confirmed",
        }
    }
}

impl Rotation {
    /// The rotation that an opening begins.
    #[must_use]
    pub fn open(told: &EntryFrame<'_>, opened: &RotationOpened) -> Self {
        Self {
            id: opened.rotation.clone(),
            secret: opened.secret.clone(),
            reason: opened.reason,
            incident: opened.incident.clone(),
            opened: told.moment(),
            consumers: opened.consumers.clone(),
            old_version: opened.old_version.clone(),
            approved: None,
            preconditions: None,
            generated: None,
            dual_run: None,
            validated: None,
            last_result: None,
            cut_over: Vec::new(),
            cutover: None,
            health: None,
            old_revoked: None,
            new_revoked: None,
            dead: None,
            failed: None,
            restored: None,
            ending: None,
            confirmed: None,
            taken_over: false,
            operators: vec![told.author.person.clone()],
            last: told.moment(),
        }
    }

    /// The rotation that one `rotation.recorded` tells as a whole.
    #[must_use]
    pub fn record(told: &EntryFrame<'_>, recorded: &RotationRecorded) -> Self {
        let opened = RotationOpened {
            rotation: recorded.rotation.clone(),
            secret: recorded.secret.clone(),
            environment: recorded.environment,
            reason: recorded.reason,
            consumers: recorded.impacted_services.clone(),
            last_rotated: None,
            old_version: None,
            incident: None,
            ticket: None,
        };
        // When it was generated nobody said; it cannot have been before the rotation began.
        let generated = recorded.new_version.clone().map(|version| Replacement {
            at: EntryMoment {
                occurred: recorded.started,
                ..told.moment()
            },
            version,
        });
        Self {
            generated,
            ending: Some(RotationEnd::Completed(Completion {
                at: told.moment(),
                rotated_by: recorded.rotated_by.to_string(),
                started: recorded.started,
                completed: recorded.completed,
                impacted_services: recorded.impacted_services.clone(),
                validation_summary: recorded.validation_summary.clone(),
                revoke_claimed: recorded.revoke_confirmed,
                one_shot: true,
            })),
            ..Self::open(told, &opened)
        }
    }

    /// Whether it answers an emergency (SOP 7), whose order differs.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        self.reason == Reason::Emergency
    }

    /// Whether it has not ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ending.is_none()
    }

    /// Its completion, where it was completed.
    #[must_use]
    pub const fn completion(&self) -> Option<&Completion> {
        match &self.ending {
            Some(RotationEnd::Completed(completion)) => Some(completion),
            Some(RotationEnd::RolledBack(_) | RotationEnd::Aborted(_)) | None => None,
        }
    }

    /// Whether all of it rests on one `rotation.recorded`.
    #[must_use]
    pub fn is_one_shot(&self) -> bool {
        self.completion()
            .is_some_and(|completion| completion.one_shot)
    }

    /// Whether it was done before there was a ledger, and is told as history: nobody wrote it down as it happened.
    #[must_use]
    pub fn is_history(&self, began: Option<Timestamp>) -> bool {
        let completion = self.completion().filter(|completion| completion.one_shot);
        completion
            .zip(began)
            .is_some_and(|(completion, began)| completion.completed < began)
    }

    /// What its end would rightly be confirmed as.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        match &self.ending {
            Some(RotationEnd::Completed(_)) => Some(Outcome::Completed),
            Some(RotationEnd::RolledBack(_)) => Some(Outcome::RolledBack),
            Some(RotationEnd::Aborted(_)) => Some(Outcome::Aborted),
            None => None,
        }
    }

    /// Where and when its end was said.
    #[must_use]
    pub const fn ended(&self) -> Option<EntryMoment> {
        match &self.ending {
            Some(RotationEnd::Completed(completion)) => Some(completion.at),
            Some(RotationEnd::RolledBack(at) | RotationEnd::Aborted(at)) => Some(*at),
            None => None,
        }
    }

    /// Every consumer that has to be cut over: those named at the opening and those the inventory
    /// knows, since leaving one out of the opening must not hide it.
    pub fn all_consumers<'a>(&'a self, secret: &'a Secret) -> impl Iterator<Item = &'a Id> {
        let more = secret
            .consumers
            .iter()
            .filter(|id| !self.consumers.contains(id));
        self.consumers.iter().chain(more)
    }

    /// Whether the version that it generated is in use without it: another rotation put it to use.
    #[must_use]
    pub fn is_taken_over(&self, secret: &Secret) -> bool {
        let generated = self.generated.as_ref().map(|made| &made.version);
        self.completion().is_none() && generated.is_some() && generated == secret.version.as_ref()
    }

    /// The consumers not cut over yet.
    #[must_use]
    pub fn remaining<'a>(&'a self, secret: &'a Secret) -> Vec<&'a Id> {
        self.all_consumers(secret)
            .filter(|id| !self.cut_over.contains(id))
            .collect()
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> RotationState {
        if self.confirmed.is_some() {
            return RotationState::Confirmed;
        }
        match &self.ending {
            Some(RotationEnd::Completed(_)) => return RotationState::Completed,
            Some(RotationEnd::RolledBack(_)) => return RotationState::RolledBack,
            Some(RotationEnd::Aborted(_)) => return RotationState::Aborted,
            None => {}
        }
        // The furthest fact decides: an emergency reaches them in another order.
        let facts = [
            (self.failed.is_some(), RotationState::Failed),
            (self.dead.is_some(), RotationState::Dead),
            (
                self.health
                    .is_some_and(|health| healthy_and_revoked(&health, self)),
                RotationState::Revoked,
            ),
            (
                self.health.is_some_and(|health| health.healthy),
                RotationState::Healthy,
            ),
            (self.cutover.is_some(), RotationState::CuttingOver),
            (self.validated.is_some(), RotationState::Validated),
            (self.dual_run.is_some(), RotationState::DualRun),
            (self.generated.is_some(), RotationState::Generated),
            (self.preconditions.is_some(), RotationState::Ready),
            (self.approved.is_some(), RotationState::Approved),
        ];
        facts
            .into_iter()
            .find_map(|(holds, state)| holds.then_some(state))
            .unwrap_or(RotationState::Opened)
    }
}

fn healthy_and_revoked(health: &HealthCheck, rotation: &Rotation) -> bool {
    health.healthy && rotation.old_revoked.is_some()
}
