//! Takes the events of one rotation one by one: what each changes, and what it breaks. An event
//! that breaks a rule is taken all the same: a ledger that refuses to record a violation teaches
//! people not to record it.

use crate::event::{Event, FourEyes, Phase, RotationOpened, RotationRecorded, Step, Which};
use crate::rule::{self, Finding};

use super::entry::{RotationEntry, list, sorted};
use super::facts::{FailedStep, RotationEnd};
use super::frame::{EntryFrame, RotationSetting};
use super::state::Rotation;

impl Rotation {
    /// Holds against the rotation what its opening breaks (SOP 6, Step 1).
    pub fn judge_opening(
        &self,
        setting: &RotationSetting<'_>,
        told: &EntryFrame<'_>,
        opened: &RotationOpened,
        found: &mut Vec<Finding>,
    ) {
        let mut entry = RotationEntry::new(self, setting, told, found);
        if opened.last_rotated.is_none() && setting.secret.generated.is_none() {
            let found = "neither the opening nor the inventory has one";
            entry.breaks(rule::S10, "a last rotated date", found);
        }
        if sorted(&opened.consumers) != sorted(&setting.secret.consumers) {
            let found = list(&sorted(&opened.consumers));
            entry.breaks(rule::S11, list(&sorted(&setting.secret.consumers)), found);
        }
        // An emergency waits for nothing (SOP 7), and takes the place of what is under way.
        if let Some(open) = setting.secret.open.first().filter(|_| !self.is_emergency()) {
            let found = format!("{open} is open");
            entry.breaks(rule::S12, "no other open rotation", found);
        }
        if self.is_emergency() && setting.incident.is_none() {
            entry.breaks(rule::S86, "the incident it answers", "none is named");
        }
    }

    /// Holds against the rotation what its one-shot record breaks (SOP 8).
    pub fn judge_record(
        &self,
        setting: &RotationSetting<'_>,
        told: &EntryFrame<'_>,
        recorded: &RotationRecorded,
        found: &mut Vec<Finding>,
    ) {
        let mut entry = RotationEntry::new(self, setting, told, found);
        if recorded.started > recorded.completed {
            let expected = format!("completed after {}", recorded.started);
            entry.breaks(rule::T03, expected, recorded.completed.to_string());
        }
        let open = setting.secret.open.first();
        if let Some(open) = open.filter(|_| !self.is_history(setting.began)) {
            let found = format!("{open} is open");
            entry.breaks(rule::S12, "no other open rotation", found);
        }
        // What is claimed here cannot have been proven before it; S-50 holds it until it is.
        if !recorded.revoke_confirmed {
            entry.breaks(rule::S61, "yes", "no");
        }
    }

    /// An emergency revokes first (SOP 7): before anybody had the time to declare it and to open a rotation.
    fn revokes_first(&self, event: &Event) -> bool {
        self.is_emergency()
            && matches!(event, Event::SecretRevoked(revoked) if revoked.target == Which::Old)
    }

    /// Takes one event of this rotation, and pushes what it breaks to `found`.
    pub fn apply(
        &mut self,
        setting: &RotationSetting<'_>,
        told: &EntryFrame<'_>,
        event: &Event,
        found: &mut Vec<Finding>,
    ) {
        let mut entry = RotationEntry::new(self, setting, told, found);
        if told.occurred >= self.last.occurred {
            self.last = told.moment();
        } else if !self.revokes_first(event) {
            let before = format!(
                "not before {} (entry {})",
                self.last.occurred, self.last.sequence
            );
            entry.breaks(rule::T03, before, told.occurred.to_string());
        }
        if self.is_said_too_late(event) {
            let end = self.ended().map_or(0, |end| end.sequence);
            let found = event.name();
            entry.breaks(rule::S90, format!("before its end in entry {end}"), found);
            return;
        }
        if is_operators_step(event) {
            self.take_operator(&mut entry);
        }
        match event {
            Event::RotationApproved(approved) => self.approve(&mut entry, approved),
            Event::PreconditionsConfirmed(confirmed) => self.make_ready(&mut entry, confirmed),
            Event::ReplacementGenerated(generated) => self.generate(&mut entry, generated),
            Event::DualRunStarted(started) => self.start_dual_run(&mut entry, started),
            Event::DualRunNotSupported(reason) => self.rule_out_dual_run(&mut entry, reason),
            Event::ReplacementValidated(validated) => self.validate(&mut entry, validated),
            Event::CutoverCompleted(cutover) => self.cut_over(&mut entry, cutover),
            Event::HealthConfirmed(health) => self.confirm_health(&mut entry, health),
            Event::SecretRevoked(revoked) => self.revoke(&mut entry, revoked),
            Event::RevocationVerified(verified) => self.verify_revocation(&mut entry, verified),
            Event::RotationCompleted(completed) => self.complete(&mut entry, completed),
            Event::RotationConfirmed(confirmed) => self.confirm(&mut entry, confirmed),
            Event::StepFailed(failed) => {
                self.failed = Some(FailedStep {
                    at: told.moment(),
                    step: failed.step,
                })
            }
            Event::StepPerformed(performed) => self.resolve(performed.step),
            Event::RollbackCompleted(rolled_back) => self.roll_back(&mut entry, rolled_back),
            Event::RotationAborted(aborted) => self.abort(&mut entry, aborted),
            // The register hands a rotation its own steps alone, and there each event has its place.
            _ => {}
        }
    }

    /// After the end only its confirmation, the death of a version and the proof that a restored
    /// one works still belong to the rotation.
    fn is_said_too_late(&self, event: &Event) -> bool {
        let is_rolled_back = matches!(self.ending, Some(RotationEnd::RolledBack(_)));
        let is_owed = |step: Step| match step {
            Step::Revoke | Step::VerifyRevocation => true,
            Step::Validate | Step::Rollback => is_rolled_back,
            _ => false,
        };
        let still_belongs = match event {
            Event::StepPerformed(performed) => is_owed(performed.step),
            Event::StepFailed(failed) => is_owed(failed.step),
            Event::RotationConfirmed(_) => self.confirmed.is_none(),
            Event::SecretRevoked(_) | Event::RevocationVerified(_) => true,
            Event::RotationApproved(_) => self.is_emergency() && self.approved.is_none(),
            Event::ReplacementValidated(validated) => {
                validated.phase == Phase::PostRollback && is_rolled_back
            }
            _ => false,
        };
        !self.is_open() && !still_belongs
    }

    fn take_operator(&mut self, entry: &mut RotationEntry<'_>) {
        let person = &entry.told.author.person;
        if self.operators.contains(person) {
            return;
        }
        self.operators.push(person.clone());
        let approver = self.approved.as_ref().map(|approval| &approval.by);
        if entry.setting.policy.four_eyes != FourEyes::Relaxed && approver == Some(person) {
            let found = person.as_str();
            entry.breaks(rule::A03, "an operator other than the approver", found);
        }
    }

    pub(super) fn resolve(&mut self, step: Step) {
        if self.failed.is_some_and(|failed| failed.step == step) {
            self.failed = None;
        }
    }
}

const fn is_operators_step(event: &Event) -> bool {
    matches!(
        event,
        Event::ReplacementGenerated(_)
            | Event::DualRunStarted(_)
            | Event::DualRunNotSupported(_)
            | Event::ReplacementValidated(_)
            | Event::CutoverCompleted(_)
            | Event::SecretRevoked(_)
            | Event::RevocationVerified(_)
            | Event::RotationCompleted(_)
            | Event::StepFailed(_)
            | Event::StepPerformed(_)
            | Event::RollbackCompleted(_)
            | Event::RotationAborted(_)
    )
}
