//! What is open, what waits for somebody, and what has to be rotated.

use serde_json::{Value, json};

use crate::inventory::{Secret, SecretAge};
use crate::rotation::{Incident, NextStep, Rotation};
use crate::time::Timestamp;

use super::Register;

impl Register {
    /// The rotations that are open.
    pub fn open_rotations(&self) -> impl Iterator<Item = &Rotation> {
        self.each_rotation().filter(|rotation| rotation.is_open())
    }

    /// The rotations that ended step by step, and whose end nobody confirmed.
    pub fn unconfirmed_rotations(&self) -> impl Iterator<Item = &Rotation> {
        self.each_rotation().filter(|rotation| {
            !rotation.is_open() && rotation.confirmed.is_none() && !rotation.is_one_shot()
        })
    }

    fn each_rotation(&self) -> impl Iterator<Item = &Rotation> {
        self.rotations.values().map(AsRef::as_ref)
    }

    /// What the SOP asks for next of a rotation.
    #[must_use]
    pub fn next_step<'a>(&'a self, rotation: &'a Rotation) -> Option<NextStep<'a>> {
        let secret = self.secrets.get(&rotation.secret);
        rotation.next_step(secret.map(|threaded| &threaded.secret))
    }

    /// A rotation for programs, with what it waits for.
    #[must_use]
    pub fn rotation_json(&self, rotation: &Rotation) -> Value {
        json!({
            "rotation": rotation.id,
            "secret": rotation.secret,
            "reason": rotation.reason,
            "incident": rotation.incident,
            "state": rotation.state().word(),
            "opened": rotation.opened.occurred,
            "opened_by_entry": rotation.opened.sequence,
            "ended_by_entry": rotation.ended().map(|end| end.sequence),
            "last_entry": rotation.last.sequence,
            "waits_for": self.next_step(rotation).map(|step| step.to_string()),
        })
    }

    /// The secrets that should have been rotated by an instant.
    pub fn overdue_secrets(&self, as_of: Timestamp) -> impl Iterator<Item = &Secret> {
        let policy = &self.charter.policy;
        self.active_secrets()
            .filter(move |secret| secret.age(policy, as_of).is_overdue())
    }

    /// The secrets that are due by `horizon` as of an instant, the most urgent first: one of which nobody
    /// knows when it was generated is due.
    #[must_use]
    pub fn due_secrets(&self, as_of: Timestamp, horizon: Timestamp) -> Vec<(&Secret, SecretAge)> {
        let policy = &self.charter.policy;
        let mut secrets: Vec<_> = self
            .active_secrets()
            .map(|secret| (secret, secret.age(policy, as_of)))
            .filter(|(_, age)| age.due.is_none_or(|due| due <= horizon))
            .collect();
        secrets.sort_by(|(one, a), (other, b)| (a.due, &one.id).cmp(&(b.due, &other.id)));
        secrets
    }

    /// The incidents of which nobody has reported yet.
    pub fn unreported_incidents(&self) -> impl Iterator<Item = &Incident> {
        let incidents = self.incidents.values();
        incidents.filter(|incident| incident.report.is_none())
    }
}
