//! What the SOP asks for next, in its order.

use std::fmt;

use crate::event::{self, Role, Step};
use crate::inventory::Secret;
use crate::text::Id;

use super::state::Rotation;

/// The next thing that the SOP asks for of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep<'a> {
    /// The old version is to be revoked: in an emergency before anything else (SOP 7).
    Revoke,
    /// A Security Owner is to approve it.
    Approve,
    /// The preconditions are to be confirmed.
    ConfirmPreconditions,
    /// The replacement is to be generated.
    Generate,
    /// Dual-run is to be started, or ruled out.
    DualRun,
    /// The replacement is to be shown to work.
    Validate,
    /// These consumers are still to be cut over.
    CutOver(Vec<&'a Id>),
    /// The services are to be found healthy.
    ConfirmHealth,
    /// The old version is to be shown dead.
    VerifyRevocation,
    /// It is to be completed.
    Complete,
    /// The step that failed is to be done again, or the rotation rolled back or aborted.
    Resolve(Step),
    /// It ended, and a Security Owner is to confirm that.
    Confirm,
}

impl NextStep<'_> {
    /// The events, any of which does it.
    #[must_use]
    pub fn events(&self) -> Vec<&'static str> {
        match self {
            Self::Revoke => vec!["secret.revoked"],
            Self::Approve => vec!["rotation.approved"],
            Self::ConfirmPreconditions => vec!["preconditions.confirmed"],
            Self::Generate => vec!["replacement.generated"],
            Self::DualRun => vec!["dual_run.started", "dual_run.not_supported"],
            Self::Validate => vec!["replacement.validated"],
            Self::CutOver(_) => vec!["cutover.completed"],
            Self::ConfirmHealth => vec!["health.confirmed"],
            Self::VerifyRevocation => vec!["revocation.verified"],
            Self::Complete => vec!["rotation.completed"],
            Self::Resolve(step) => {
                let again = step.event().into_iter();
                again
                    .chain(["rollback.completed", "rotation.aborted"])
                    .collect()
            }
            Self::Confirm => vec!["rotation.confirmed"],
        }
    }

    /// The roles in which it can be said.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let specs = self.events().into_iter().filter_map(event::spec);
        let mut roles: Vec<Role> = specs.flat_map(|spec| spec.roles).copied().collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}

impl fmt::Display for NextStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(step) => write!(f, "{step} again, rollback or abort"),
            Self::CutOver(consumers) => {
                let names: Vec<_> = consumers.iter().map(|id| id.as_str()).collect();
                write!(f, "cutover.completed of {}", names.join(", "))
            }
            _ => f.write_str(&self.events().join(" or ")),
        }
    }
}

impl Rotation {
    /// What the SOP asks for next; nothing once its end is confirmed. `secret` is what the inventory
    /// knows of its secret.
    #[must_use]
    pub fn next_step<'a>(&'a self, secret: Option<&'a Secret>) -> Option<NextStep<'a>> {
        if self.confirmed.is_some() {
            return None;
        }
        if !self.is_open() {
            return Some(NextStep::Confirm);
        }
        if let Some(failed) = self.failed {
            return Some(NextStep::Resolve(failed.step));
        }
        if self.is_emergency() && self.old_revoked.is_none() {
            return Some(NextStep::Revoke);
        }
        let remaining = secret.map_or_else(Vec::new, |secret| self.remaining(secret));
        let healthy = self.health.is_some_and(|health| health.healthy);
        let steps = [
            (self.approved.is_some(), NextStep::Approve),
            (self.preconditions.is_some(), NextStep::ConfirmPreconditions),
            (self.generated.is_some(), NextStep::Generate),
            (self.dual_run.is_some(), NextStep::DualRun),
            (self.validated.is_some(), NextStep::Validate),
            (remaining.is_empty(), NextStep::CutOver(remaining)),
            (healthy, NextStep::ConfirmHealth),
            (self.old_revoked.is_some(), NextStep::Revoke),
            (self.dead.is_some(), NextStep::VerifyRevocation),
        ];
        let missing = steps.into_iter().find(|(done, _)| !done);
        Some(missing.map_or(NextStep::Complete, |(_, step)| step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::keyring::Author;
    use crate::rotation::{EntryFrame, EntryMoment, FailedStep, RotationEnd};
    use crate::text::Line;
    use crate::time::Timestamp;

    fn opened(reason: &str) -> Rotation {
        let fields = serde_json::json!({
            "rotation": "r-41", "secret": "db/orders", "environment": "prod",
            "reason": reason, "consumers": ["api", "worker"], "incident": "inc-1",
        });
        let fields = fields.as_object().unwrap().clone().into_iter().collect();
        let Ok(Event::RotationOpened(event)) = Event::parse("rotation.opened", fields) else {
            panic!("an opening")
        };
        let author = Author {
            actor: Id::new("olga").unwrap(),
            name: Line::new("Olga").unwrap(),
            person: Id::new("olga").unwrap(),
        };
        let now = Timestamp::from_micros(0);
        Rotation::open(
            &EntryFrame {
                sequence: 4,
                occurred: now,
                recorded: now,
                author: &author,
            },
            &event,
        )
    }

    fn next(rotation: &Rotation) -> (String, Vec<Role>) {
        let step = rotation.next_step(None).unwrap();
        (step.to_string(), step.roles())
    }

    #[test]
    fn a_scheduled_rotation_is_approved_first_and_an_emergency_revoked() {
        let owner = vec![Role::SecurityOwner];
        let expected = ("rotation.approved".to_owned(), owner);
        assert_eq!(next(&opened("scheduled")), expected);
        let (step, roles) = next(&opened("emergency"));
        assert_eq!(step, "secret.revoked");
        assert!(roles.contains(&Role::Operator), "{roles:?}");
    }

    #[test]
    fn a_failed_step_comes_before_everything_and_an_end_is_confirmed() {
        let at = EntryMoment {
            sequence: 9,
            occurred: Timestamp::from_micros(0),
        };
        let mut rotation = opened("emergency");
        let step = Step::Validate;
        rotation.failed = Some(FailedStep { at, step });
        assert_eq!(next(&rotation).0, "validate again, rollback or abort");
        rotation.ending = Some(RotationEnd::Aborted(at));
        assert_eq!(next(&rotation).0, "rotation.confirmed");
        rotation.confirmed = Some(at);
        assert_eq!(rotation.next_step(None), None);
    }

    #[test]
    fn every_step_is_done_by_events_that_are() {
        for step in Step::WORDS {
            let step = NextStep::Resolve(step.parse().unwrap());
            assert!(
                step.events()
                    .into_iter()
                    .all(|name| event::spec(name).is_some())
            );
        }
    }
}
