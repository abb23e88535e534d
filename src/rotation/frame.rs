//! What an entry about a rotation stands in: who says it and when, and what it is judged by.

use std::time::Duration;

use bincode::{Decode, Encode};

use crate::event::Trigger;
use crate::inventory::Secret;
use crate::keyring::Author;
use crate::policy::Policy;
use crate::text::Id;
use crate::time::Timestamp;

/// Where and when something was said: an entry, and the time that it states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct EntryMoment {
    /// The entry.
    pub sequence: u64,
    /// When it happened, as its author says.
    pub occurred: Timestamp,
}

/// An entry's frame: who says it, where and when.
#[derive(Debug, Clone, Copy)]
pub struct EntryFrame<'a> {
    /// The entry.
    pub sequence: u64,
    /// When it happened, as its author says.
    pub occurred: Timestamp,
    /// When it was recorded, by the ledger's clock.
    pub recorded: Timestamp,
    /// Who says it.
    pub author: &'a Author,
}

impl EntryFrame<'_> {
    /// Where and when.
    #[must_use]
    pub const fn moment(&self) -> EntryMoment {
        EntryMoment {
            sequence: self.sequence,
            occurred: self.occurred,
        }
    }
}

/// An incident (SOP 7).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Incident {
    /// The id.
    pub id: Id,
    /// The suspect secret.
    pub secret: Id,
    /// What started it.
    pub trigger: Trigger,
    /// When it was noticed.
    pub detected: Timestamp,
    /// Its declaration.
    pub declared: EntryMoment,
    /// The rotations that answer it.
    pub rotations: Vec<Id>,
    /// The runbook's execution.
    pub runbook: Option<EntryMoment>,
    /// The post-incident report.
    pub report: Option<EntryMoment>,
}

impl Incident {
    /// What those that were declared in one go have in common: what befell many secrets at once is one story.
    #[must_use]
    pub const fn declaration(&self) -> (Timestamp, Timestamp, Trigger) {
        (self.declared.occurred, self.detected, self.trigger)
    }

    /// Until when the suspect secret is to be revoked.
    #[must_use]
    pub fn revoke_by(&self, policy: &Policy) -> Timestamp {
        let minutes = u64::from(policy.emergency_revoke_minutes);
        self.detected.plus(Duration::from_secs(minutes * 60))
    }
}

/// What a rotation is judged by besides its own entries: policy, secret, incident.
#[derive(Debug, Clone, Copy)]
pub struct RotationSetting<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The secret, as the inventory knows it.
    pub secret: &'a Secret,
    /// The incident behind an emergency.
    pub incident: Option<&'a Incident>,
    /// When the ledger began.
    pub began: Option<Timestamp>,
}
