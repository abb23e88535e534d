//! Takes the events of one rotation one by one: what each changes, and what it breaks. An event
//! that breaks a rule is taken all the same: a ledger that refuses to record a violation teaches
//! people not to record it.

use crate::event::Event;
use crate::event::FourEyes;
use crate::event::Phase;
use crate::event::RotationOpened;
use crate::event::RotationRecorded;
use crate::event::Step;
use crate::rule;
use crate::rule::Finding;

use super::Ending;
use super::Failed;
use super::Rotation;
use super::Setting;
use super::Told;
use super::against::Against;
use super::ending::sorted;

impl Rotation {
    pub(super) fn against<'a>(&self, told: &Told<'_>, found: &'a mut Vec<Finding>) -> Against<'a> {
        Against {
            found,
            rotation: self.id.clone(),
            secret: self.secret.clone(),
            sequence: told.sequence,
        }
    }

    /// Holds against the rotation what its opening breaks (SOP 6, Step 1).
    pub fn judge_opening(
        &self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        opened: &RotationOpened,
        found: &mut Vec<Finding>,
    ) {
        let mut against = self.against(told, found);
        if opened.last_rotated.is_none() && setting.secret.generated.is_none() {
            against.holds(
                rule::S10,
                "a last rotated date",
                "neither the opening nor the inventory has one",
            );
        }
        if sorted(&opened.consumers) != sorted(&setting.secret.consumers) {
            against.holds(
                rule::S11,
                list(&sorted(&setting.secret.consumers)),
                list(&sorted(&opened.consumers)),
            );
        }
        if let Some(open) = setting.secret.open.first() {
            against.holds(
                rule::S12,
                "no other open rotation",
                format!("{open} is open"),
            );
        }
        if self.is_emergency() && setting.incident.is_none() {
            against.holds(rule::S86, "the incident it answers", "none is named");
        }
    }

    /// Holds against the rotation what its one-shot record breaks (SOP 8).
    pub fn judge_record(
        &self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        recorded: &RotationRecorded,
        found: &mut Vec<Finding>,
    ) {
        let mut against = self.against(told, found);
        if recorded.started > recorded.completed {
            against.holds(
                rule::T03,
                format!("completed after {}", recorded.started),
                recorded.completed.to_string(),
            );
        }
        if let Some(open) = setting.secret.open.first() {
            against.holds(
                rule::S12,
                "no other open rotation",
                format!("{open} is open"),
            );
        }
        // What is claimed here cannot have been proven before it; S-50 holds it until it is.
        if !recorded.revoke_confirmed {
            against.holds(rule::S61, "yes", "no");
        }
    }

    /// Takes one event of this rotation, and pushes what it breaks to `found`.
    pub fn apply(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        event: &Event,
        found: &mut Vec<Finding>,
    ) {
        let mut against = self.against(told, found);
        if told.occurred < self.last.occurred {
            let before = format!(
                "not before {} (entry {})",
                self.last.occurred, self.last.sequence
            );
            against.holds(rule::T03, before, told.occurred.to_string());
        } else {
            self.last = told.moment();
        }
        if self.is_said_too_late(event) {
            let end = self.ended().map_or(0, |end| end.sequence);
            against.holds(
                rule::S90,
                format!("before its end in entry {end}"),
                event.name(),
            );
            return;
        }
        if is_operators_step(event) {
            self.take_operator(setting, told, &mut against);
        }
        match event {
            Event::RotationApproved(approved) => {
                self.approve(setting, told, approved, &mut against)
            }
            Event::PreconditionsConfirmed(confirmed) => {
                self.make_ready(told, confirmed, &mut against)
            }
            Event::ReplacementGenerated(generated) => {
                self.generate(setting, told, generated, &mut against)
            }
            Event::DualRunStarted(started) => self.start_dual_run(told, started, &mut against),
            Event::DualRunNotSupported(reason) => {
                self.rule_out_dual_run(setting, told, reason, &mut against)
            }
            Event::ReplacementValidated(validated) => self.validate(told, validated, &mut against),
            Event::CutoverCompleted(cutover) => self.cut_over(setting, told, cutover, &mut against),
            Event::HealthConfirmed(health) => {
                self.confirm_health(setting, told, health, &mut against)
            }
            Event::SecretRevoked(revoked) => self.revoke(setting, told, revoked, &mut against),
            Event::RevocationVerified(verified) => {
                self.verify_revocation(told, verified, &mut against)
            }
            Event::RotationCompleted(completed) => {
                self.complete(setting, told, completed, &mut against)
            }
            Event::RotationConfirmed(confirmed) => {
                self.confirm(setting, told, confirmed, &mut against)
            }
            Event::StepFailed(failed) => {
                self.failed = Some(Failed {
                    at: told.moment(),
                    step: failed.step,
                })
            }
            Event::StepPerformed(performed) => self.resolve(performed.step),
            Event::RollbackCompleted(rolled_back) => {
                self.roll_back(told, rolled_back, &mut against)
            }
            Event::RotationAborted(aborted) => self.abort(told, aborted, &mut against),
            Event::LedgerCreated(_)
            | Event::ActorEnrolled(_)
            | Event::ActorRevoked(_)
            | Event::PolicySet(_)
            | Event::SealingKeyReplaced(_)
            | Event::PackExported(_)
            | Event::StoreRecovered(_)
            | Event::SecretRegistered(_)
            | Event::SecretUpdated(_)
            | Event::SecretRetired(_)
            | Event::InventoryAttested(_)
            | Event::RotationOpened(_)
            | Event::RotationRecorded(_)
            | Event::IncidentDeclared(_)
            | Event::RunbookExecuted(_)
            | Event::PostIncidentReported(_)
            | Event::EntryAnnotated(_)
            | Event::EntryCorrected(_)
            | Event::ExceptionGranted(_)
            | Event::EvidenceAttached(_)
            | Event::EvidenceExpunged(_)
            | Event::SourceObserved(_)
            | Event::SourceGap(_) => {}
        }
    }

    /// After the end only its confirmation, the death of a version and the proof that a restored
    /// one works still belong to the rotation.
    fn is_said_too_late(&self, event: &Event) -> bool {
        let still_belongs = match event {
            Event::RotationConfirmed(_) => self.confirmed.is_none(),
            Event::SecretRevoked(_) | Event::RevocationVerified(_) => true,
            Event::RotationApproved(_) => self.is_emergency() && self.approved.is_none(),
            Event::ReplacementValidated(validated) => {
                validated.phase == Phase::PostRollback
                    && matches!(self.ending, Some(Ending::RolledBack(_)))
            }
            _ => false,
        };
        !self.is_open() && !still_belongs
    }

    fn take_operator(&mut self, setting: &Setting<'_>, told: &Told<'_>, against: &mut Against<'_>) {
        let person = &told.author.person;
        if self.operators.contains(person) {
            return;
        }
        self.operators.push(person.clone());
        let approver = self.approved.as_ref().map(|approval| &approval.by);
        if setting.policy.four_eyes == FourEyes::Required && approver == Some(person) {
            against.holds(
                rule::A03,
                "an operator other than the approver",
                person.as_str(),
            );
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

/// Ids in one line, for findings and the template.
pub(super) fn list(ids: &[impl AsRef<str>]) -> String {
    if ids.is_empty() {
        return "none".to_owned();
    }
    ids.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}
