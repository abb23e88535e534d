//! The facts of a rotation, as its entries state them.

use bincode::{Decode, Encode};

use crate::event::Step;
use crate::text::{Id, Line, Reference};
use crate::time::Timestamp;

use super::frame::Moment;

/// A Security Owner's approval.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    /// Where and when.
    pub at: Moment,
    /// The person.
    pub by: Id,
    /// The window, where one was approved.
    pub window: Option<(Timestamp, Timestamp)>,
}

/// The preconditions as they were confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Preconditions {
    /// Where and when.
    pub at: Moment,
    /// Whether a rollback plan was named.
    pub rollback_plan: bool,
}

/// A generated replacement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Generated {
    /// Where and when.
    pub at: Moment,
    /// The new version.
    pub version: Reference,
}

/// A dual-run window, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct DualRun {
    /// Where and when.
    pub at: Moment,
    /// Whether it is run.
    pub supported: bool,
    /// When it was to end.
    pub planned_end: Option<Timestamp>,
}

/// A word on health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Health {
    /// Where and when.
    pub at: Moment,
    /// Whether all services were healthy.
    pub healthy: bool,
}

/// A version's revocation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Revoked {
    /// Where and when.
    pub at: Moment,
    /// From when on it is dead.
    pub effective: Timestamp,
    /// The version.
    pub version: Reference,
}

/// A failed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Failed {
    /// Where and when.
    pub at: Moment,
    /// The step.
    pub step: Step,
}

/// How a rotation ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Ending {
    /// The new version is in use.
    Completed(Completion),
    /// The old version is in use again.
    RolledBack(Moment),
    /// It was given up before the cutover.
    Aborted(Moment),
}

/// The facts of the evidence template (SOP 8) that the completion brings.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Completion {
    /// Where and when it was said.
    pub at: Moment,
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
