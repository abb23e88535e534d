//! What the SOP asks for next, in its order.

use std::fmt;

use crate::event::{self, Role, Step};
use crate::inventory::Secret;
use crate::rule;
use crate::text::Id;

use super::facts::RotationEnd;
use super::frame::{EntryMoment, Incident};
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
    /// The new version is to be revoked, since the rotation ended without it.
    RevokeNew,
    /// The restored version is to be shown to work.
    ValidateRestored,
    /// It is to be completed.
    Complete,
    /// The incident's runbook is to be executed (SOP 7).
    ExecuteRunbook,
    /// The incident is to be reported (SOP 7).
    Report,
    /// The step that failed is to be done again, or the rotation rolled back or aborted.
    Resolve(Step),
    /// Another rotation put to use what it generated: it is to be given up.
    GiveUp,
    /// It ended, and a Security Owner is to confirm that.
    Confirm,
}

impl NextStep<'_> {
    /// The events, any of which does it.
    #[must_use]
    pub fn events(&self) -> Vec<&'static str> {
        match self {
            Self::Revoke | Self::RevokeNew => vec!["secret.revoked"],
            Self::ExecuteRunbook => vec!["runbook.executed"],
            Self::Report => vec!["post_incident.reported"],
            Self::Approve => vec!["rotation.approved"],
            Self::ConfirmPreconditions => vec!["preconditions.confirmed"],
            Self::Generate => vec!["replacement.generated"],
            Self::DualRun => vec!["dual_run.started", "dual_run.not_supported"],
            Self::Validate | Self::ValidateRestored => vec!["replacement.validated"],
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
            Self::GiveUp => vec!["rotation.aborted"],
            Self::Confirm => vec!["rotation.confirmed"],
        }
    }

    /// The step of a tool that does it; none where no command does.
    #[must_use]
    pub const fn step(&self) -> Option<Step> {
        Some(match self {
            Self::Generate => Step::Generate,
            Self::DualRun => Step::DualRun,
            Self::Validate => Step::Validate,
            Self::CutOver(_) => Step::Cutover,
            Self::ConfirmHealth => Step::Health,
            Self::Revoke => Step::Revoke,
            Self::VerifyRevocation => Step::VerifyRevocation,
            _ => return None,
        })
    }

    /// Whether it is people's part, beside which tools may go on: an approval, a confirmation, a report.
    #[must_use]
    pub const fn is_for_people(&self) -> bool {
        matches!(
            self,
            Self::Approve
                | Self::ConfirmPreconditions
                | Self::ExecuteRunbook
                | Self::Report
                | Self::Confirm
        )
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
            Self::RevokeNew => f.write_str("secret.revoked of the new version"),
            Self::ValidateRestored => f.write_str("replacement.validated of the restored version"),
            _ => f.write_str(&self.events().join(" or ")),
        }
    }
}

/// Where one line of the checklist stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemStanding {
    /// It was done.
    Done(EntryMoment),
    /// Nothing stands before it: whoever may say it can do it now.
    Now,
    /// Others come first.
    Later,
}

/// One line of the SOP's checklist of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecklistItem<'a> {
    /// What is to be done.
    pub step: NextStep<'a>,
    /// Whether it was.
    pub standing: ItemStanding,
}

impl ChecklistItem<'_> {
    /// Whether it can be done now.
    #[must_use]
    pub fn is_now(&self) -> bool {
        self.standing == ItemStanding::Now
    }

    /// Whether it was done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.standing, ItemStanding::Done(_))
    }
}

impl Rotation {
    /// What the SOP asks for next; nothing once its end is confirmed. `secret` is what the inventory
    /// knows of its secret.
    #[must_use]
    pub fn next_step<'a>(&'a self, secret: Option<&'a Secret>) -> Option<NextStep<'a>> {
        let mut items = self.checklist(secret, None).into_iter();
        let next = items.find(ChecklistItem::is_now);
        next.map(|item| item.step)
    }

    /// The SOP's checklist, in its order. What is technical comes before the people's part wherever it may go on
    /// without that: an emergency is approved afterwards (SOP 7).
    #[must_use]
    pub fn checklist<'a>(
        &'a self,
        secret: Option<&'a Secret>,
        incident: Option<&Incident>,
    ) -> Vec<ChecklistItem<'a>> {
        let approve = (NextStep::Approve, self.approved.as_ref().map(|one| one.at));
        let (ready, ran) = (self.preconditions.as_ref(), self.technical_steps(secret));
        let mut list = Checklist::default();
        if self.is_emergency() {
            list.chain(ran, true);
            list.add(approve, !self.is_one_shot());
        } else {
            let ready = (NextStep::ConfirmPreconditions, ready.map(|one| one.at));
            let is_begun = approve.1.is_some() && ready.1.is_some() || !self.is_open();
            list.add(approve, self.is_open());
            list.add(ready, self.is_open());
            list.chain(ran, is_begun);
        }
        if let Some(incident) = incident {
            list.add((NextStep::ExecuteRunbook, incident.runbook), true);
            list.add((NextStep::Report, incident.report), !self.is_open());
        }
        let is_over = !self.is_open() && !self.is_one_shot();
        list.add((NextStep::Confirm, self.confirmed), is_over);
        let mut items = list.0;
        if !self.is_open() {
            items.retain(|item| item.standing != ItemStanding::Later);
        }
        if let Some(failed) = self.failed.filter(|_| self.is_open()) {
            let at = items.iter().position(|item| !item.is_done());
            let is_behind =
                |item: &&mut ChecklistItem<'_>| item.is_now() && !item.step.is_for_people();
            for item in items.iter_mut().filter(is_behind) {
                item.standing = ItemStanding::Later;
            }
            items.insert(
                at.unwrap_or(items.len()),
                ChecklistItem {
                    step: NextStep::Resolve(failed.step),
                    standing: ItemStanding::Now,
                },
            );
        }
        items
    }

    /// Whether a Security Owner excused, since it was opened, that the old version is never shown dead. When that
    /// ends is for the verifier.
    fn need_not_revoke(&self, secret: &Secret) -> bool {
        let mut granted = secret.exceptions.iter();
        granted.any(|one| one.granted > self.opened.sequence && one.covers(rule::S50.id))
    }

    /// The steps that tools and operators do, each after the one before it. Of a rotation that ended otherwise than
    /// by its completion: what was done, and what that left open.
    fn technical_steps<'a>(
        &'a self,
        secret: Option<&'a Secret>,
    ) -> Vec<(NextStep<'a>, Option<EntryMoment>)> {
        let remaining = secret.map_or_else(Vec::new, |secret| self.remaining(secret));
        let cut_over = self.cutover.or(self.validated);
        let cut_over = cut_over.filter(|_| remaining.is_empty());
        let healthy = self.health.filter(|health| health.healthy);
        let revoke = (
            NextStep::Revoke,
            self.old_revoked.as_ref().map(|one| one.at),
        );
        let mut steps = vec![
            (
                NextStep::Generate,
                self.generated.as_ref().map(|one| one.at),
            ),
            (NextStep::DualRun, self.dual_run.map(|one| one.at)),
            (NextStep::Validate, self.validated),
            (NextStep::CutOver(remaining), cut_over),
            (NextStep::ConfirmHealth, healthy.map(|one| one.at)),
            (NextStep::VerifyRevocation, self.dead),
        ];
        // SOP 7 puts it first.
        let place = if self.is_emergency() { 0 } else { 5 };
        steps.insert(place, revoke);
        let is_excused = secret.is_some_and(|secret| self.need_not_revoke(secret));
        let is_owed =
            |step: &NextStep<'_>| matches!(step, NextStep::Revoke | NextStep::VerifyRevocation);
        steps.retain(|(step, done)| {
            // Nobody accepts a revoked secret beside the new one.
            let is_pointless = self.is_emergency() && *step == NextStep::DualRun;
            done.is_some() || !(is_pointless || is_excused && is_owed(step))
        });
        let end = (NextStep::Complete, self.ended());
        match &self.ending {
            None if secret.is_some_and(|secret| self.is_taken_over(secret)) => {
                steps.retain(|(_, done)| done.is_some());
                steps.push((NextStep::GiveUp, None));
            }
            None => steps.push(end),
            // What was left out is held against it; that the old version is dead can still be shown.
            Some(RotationEnd::Completed(_)) => {
                let is_whole = !self.is_one_shot();
                steps.retain(|(step, done)| done.is_some() || is_whole && is_owed(step));
                steps.push(end);
            }
            Some(RotationEnd::RolledBack(_) | RotationEnd::Aborted(_)) => {
                steps.retain(|(_, done)| done.is_some());
                if self.generated.is_some() && !self.taken_over {
                    steps.push((NextStep::RevokeNew, self.new_revoked));
                }
                if matches!(self.ending, Some(RotationEnd::RolledBack(_))) {
                    steps.push((NextStep::ValidateRestored, self.restored));
                }
            }
        }
        steps
    }
}

/// A checklist that is being written.
#[derive(Default)]
struct Checklist<'a>(Vec<ChecklistItem<'a>>);

impl<'a> Checklist<'a> {
    fn add(&mut self, (step, done): (NextStep<'a>, Option<EntryMoment>), is_free: bool) {
        let standing = match (done, is_free) {
            (Some(at), _) => ItemStanding::Done(at),
            (None, true) => ItemStanding::Now,
            (None, false) => ItemStanding::Later,
        };
        self.0.push(ChecklistItem { step, standing });
    }

    /// Steps of which each comes after the one before it.
    fn chain(&mut self, steps: Vec<(NextStep<'a>, Option<EntryMoment>)>, mut is_free: bool) {
        for step in steps {
            let is_done = step.1.is_some();
            self.add(step, is_free);
            is_free &= is_done;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::keyring::Author;
    use crate::rotation::{
        Approval, EntryFrame, EntryMoment, FailedStep, Preconditions, Replacement, RevokedVersion,
        RotationEnd,
    };
    use crate::text::{Line, Reference};
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

    /// Some entry of a rotation.
    const AT: EntryMoment = EntryMoment {
        sequence: 9,
        occurred: Timestamp::from_micros(0),
    };

    fn now(rotation: &Rotation) -> Vec<String> {
        let items = rotation.checklist(None, None).into_iter();
        let now = items.filter(|item| item.standing == ItemStanding::Now);
        now.map(|item| item.step.to_string()).collect()
    }

    #[test]
    fn nobody_waits_for_an_approval_while_a_technical_step_may_go_on() {
        let mut rotation = opened("scheduled");
        assert_eq!(
            now(&rotation),
            ["rotation.approved", "preconditions.confirmed"]
        );
        rotation.preconditions = Some(Preconditions {
            at: AT,
            rollback_plan: true,
        });
        assert_eq!(now(&rotation), ["rotation.approved"]);
        let mut rotation = opened("emergency");
        assert_eq!(now(&rotation), ["secret.revoked", "rotation.approved"]);
        rotation.old_revoked = Some(RevokedVersion {
            at: AT,
            effective: AT.occurred,
            version: Reference::new("v7").unwrap(),
        });
        assert_eq!(
            now(&rotation),
            ["replacement.generated", "rotation.approved"]
        );
        rotation.failed = Some(FailedStep {
            at: AT,
            step: Step::Generate,
        });
        let expected = ["generate again, rollback or abort", "rotation.approved"];
        assert_eq!(now(&rotation), expected);
    }

    #[test]
    fn what_a_rollback_leaves_open_is_next() {
        let mut rotation = opened("scheduled");
        rotation.generated = Some(Replacement {
            at: AT,
            version: Reference::new("v8").unwrap(),
        });
        rotation.ending = Some(RotationEnd::RolledBack(AT));
        let expected = ["secret.revoked of the new version", "rotation.confirmed"];
        assert_eq!(now(&rotation), expected);
        rotation.new_revoked = Some(AT);
        let expected = [
            "replacement.validated of the restored version",
            "rotation.confirmed",
        ];
        assert_eq!(now(&rotation), expected);
    }

    #[test]
    fn a_failed_step_comes_before_everything_and_an_end_is_confirmed() {
        let mut rotation = opened("emergency");
        let step = Step::Validate;
        rotation.failed = Some(FailedStep { at: AT, step });
        assert_eq!(next(&rotation).0, "validate again, rollback or abort");
        rotation.ending = Some(RotationEnd::Aborted(AT));
        // An emergency is approved afterwards, whatever came of it.
        assert_eq!(now(&rotation), ["rotation.approved", "rotation.confirmed"]);
        rotation.confirmed = Some(AT);
        rotation.approved = Some(Approval {
            at: AT,
            by: Id::new("sam").unwrap(),
            window: None,
        });
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
