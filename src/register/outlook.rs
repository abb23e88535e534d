//! What is open, what waits for somebody, and what has to be rotated.

use serde_json::{Value, json};

use crate::event::{self, FourEyes, Role};
use crate::inventory::{Secret, SecretAge};
use crate::rotation::{ChecklistItem, Incident, KnownFields, NextStep, Rotation};
use crate::text::Id;
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

    /// Whether a rotation ended, and nobody has anything to say about it any more.
    #[must_use]
    pub fn is_over(&self, rotation: &Rotation) -> bool {
        let is_confirmed = rotation.confirmed.is_some() || rotation.is_one_shot();
        !rotation.is_open() && is_confirmed && self.waits_for(rotation).next().is_none()
    }

    /// Every rotation there ever was.
    pub fn each_rotation(&self) -> impl Iterator<Item = &Rotation> {
        self.rotations.values().map(AsRef::as_ref)
    }

    /// What the SOP asks for next of a rotation.
    #[must_use]
    pub fn next_step<'a>(&'a self, rotation: &'a Rotation) -> Option<NextStep<'a>> {
        let secret = self.secrets.get(&rotation.secret);
        rotation.next_step(secret.map(|threaded| &threaded.secret))
    }

    /// The SOP's checklist of a rotation, and of the incident behind it.
    #[must_use]
    pub fn checklist<'a>(&'a self, rotation: &'a Rotation) -> Vec<ChecklistItem<'a>> {
        let secret = self.secrets.get(&rotation.secret);
        let incident = rotation.incident.as_ref();
        let incident = incident.and_then(|id| self.incidents.get(id));
        rotation.checklist(secret.map(|threaded| &threaded.secret), incident)
    }

    /// All that may be done now of a rotation, what is technical first wherever it may go on by itself.
    pub fn waits_for<'a>(&'a self, rotation: &'a Rotation) -> impl Iterator<Item = NextStep<'a>> {
        let items = self.checklist(rotation).into_iter();
        items.filter(ChecklistItem::is_now).map(|item| item.step)
    }

    /// The same of an incident: its runbook and report, a rotation where none answers it, and what its rotations
    /// wait for.
    #[must_use]
    pub fn incident_waits_for(&self, incident: &Incident) -> Vec<String> {
        let rotations = incident
            .rotations
            .iter()
            .filter_map(|id| self.rotations.get(id));
        let steps = rotations.flat_map(|rotation| self.waits_for(rotation));
        let name = |step: NextStep<'_>| match step {
            NextStep::CutOver(_) => step.events().concat(),
            _ => step.to_string(),
        };
        let mut waits: Vec<String> = steps.map(name).collect();
        if incident.rotations.is_empty() {
            waits.push("rotation.opened".to_owned());
            let left = [
                (NextStep::ExecuteRunbook, incident.runbook),
                (NextStep::Report, incident.report),
            ];
            let left = left.into_iter().filter(|(_, done)| done.is_none());
            waits.extend(left.map(|(step, _)| step.to_string()));
        }
        waits.sort_unstable();
        waits.dedup();
        waits
    }

    /// What need not be typed of an event about a rotation, or of the opening of one.
    #[must_use]
    pub fn known(&self, event: &str, rotation: Option<&Id>, secret: Option<&Id>) -> KnownFields {
        let rotation = rotation.and_then(|id| self.rotations.get(id));
        let id = rotation.map(|rotation| &rotation.secret).or(secret);
        let Some(secret) = id.and_then(|id| self.secret(id)) else {
            return KnownFields::new();
        };
        match (rotation, event) {
            (Some(rotation), _) => rotation.known(event, secret),
            (None, "rotation.opened") => secret.known_at_opening(),
            (None, _) => KnownFields::new(),
        }
    }

    /// The same of a rotation that is there, with the ids that name it.
    #[must_use]
    pub fn known_of(&self, rotation: &Rotation, event: &str) -> KnownFields {
        let mut known = self.known(event, Some(&rotation.id), None);
        let ids = [
            ("rotation", Some(&rotation.id)),
            ("incident", rotation.incident.as_ref()),
        ];
        let spec = event::spec(event);
        for (name, id) in ids {
            let is_there = spec.is_some_and(|spec| spec.field(name).is_some());
            if let Some(id) = id.filter(|_| is_there) {
                known.insert(name.to_owned(), json!(id));
            }
        }
        known
    }

    /// Who may say a step: in the role, and where four eyes are demanded nobody who carried the rotation out.
    #[must_use]
    pub fn people(&self, rotation: &Rotation, step: &NextStep<'_>) -> Vec<&Id> {
        let charter = &self.charter;
        let roles = step.roles();
        let is_relaxed = charter.policy.four_eyes == FourEyes::Relaxed;
        let needs_others = !is_relaxed && matches!(step, NextStep::Approve | NextStep::Confirm);
        let actors = charter.keyring.actors().map(|(_, actor)| actor);
        let may = actors.filter(|actor| {
            let has_role = |role: &Role| actor.roles.contains(role);
            let is_other = !needs_others || !rotation.operators.contains(&actor.id);
            actor.revoked.is_none() && roles.iter().any(has_role) && is_other
        });
        let mut ids: Vec<_> = may.map(|actor| &actor.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Where a rotation stands, in a word; of history that it is none of what this ledger saw.
    #[must_use]
    pub fn standing(&self, rotation: &Rotation) -> &'static str {
        match rotation.is_history(self.began()) {
            true => "before the ledger",
            false => rotation.state().word(),
        }
    }

    /// A rotation for programs, with what it waits for.
    #[must_use]
    pub fn rotation_json(&self, rotation: &Rotation) -> Value {
        json!({
            "rotation": rotation.id,
            "secret": rotation.secret,
            "reason": rotation.reason,
            "incident": rotation.incident,
            "state": self.standing(rotation),
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
