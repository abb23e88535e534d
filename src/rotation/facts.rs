//! The facts of a rotation, as its entries state them.

use bincode::{Decode, Encode};

use crate::event::Step;
use crate::text::{Id, Line, Reference};
use crate::time::Timestamp;

use super::frame::EntryMoment;

/// A Security Owner's approval.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    /// Where and when.
    pub at: EntryMoment,
    /// The person.
    pub by: Id,
    /// The window, where one was approved.
    pub window: Option<(Timestamp, Timestamp)>,
}

/// The preconditions as they were confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Preconditions {
    /// Where and when.
    pub at: EntryMoment,
    /// Whether a rollback plan was named.
    pub rollback_plan: bool,
}

/// A generated replacement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Replacement {
    /// Where and when.
    pub at: EntryMoment,
    /// The new version.
    pub version: Reference,
}

/// A dual-run window, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct DualRun {
    /// Where and when.
    pub at: EntryMoment,
    /// Whether it is run.
    pub supported: bool,
    /// When it was to end.
    pub planned_end: Option<Timestamp>,
}

/// What was last said on the health of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct HealthCheck {
    /// Where and when.
    pub at: EntryMoment,
    /// Whether all services were healthy.
    pub healthy: bool,
}

/// A version's revocation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RevokedVersion {
    /// Where and when.
    pub at: EntryMoment,
    /// From when on it is dead.
    pub effective: Timestamp,
    /// The version.
    pub version: Reference,
}

/// A failed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FailedStep {
    /// Where and when.
    pub at: EntryMoment,
    /// The step.
    pub step: Step,
}

/// How a rotation ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RotationEnd {
    /// The new version is in use.
    Completed(Completion),
    /// The old version is in use again.
    RolledBack(EntryMoment),
    /// It was given up before the cutover.
    Aborted(EntryMoment),
}

/// The facts of the evidence template (SOP 8) that the completion brings.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Completion {
    /// Where and when it was said.
    pub at: EntryMoment,
    /// Who rotated it.
    pub rotated_by: String,
    /// When it began.
    pub started: Timestamp,
    /// When it was done.
    pub completed: Timestamp,
    /// The services that were touched.
    pub impacted_services: Vec<Id>,
    /// What was validated.
    pub validation_summary: Line,
    /// Whether its author says that the old secret is dead.
    pub revoke_claimed: bool,
    /// Whether all of it rests on one `rotation.recorded`.
    pub one_shot: bool,
}
