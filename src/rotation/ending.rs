//! How a rotation ends (SOP 6, Step 6, and SOP 3): completed and confirmed, rolled back, given up.

use crate::event::{
    FourEyes, RollbackCompleted, RotationAborted, RotationCompleted, RotationConfirmed, Step,
};
use crate::rule;

use super::entry::{RotationEntry, list, sorted};
use super::facts::{Completion, RotationEnd};
use super::frame::EntryFrame;
use super::state::Rotation;
use super::switch::judge_revocation_claim;

impl Rotation {
    pub(super) fn complete(
        &mut self,
        entry: &mut RotationEntry<'_>,
        completed: &RotationCompleted,
    ) {
        let missing = self.missing_steps(completed.revoke_confirmed);
        if !missing.is_empty() {
            let found = format!("missing: {}", missing.join(", "));
            entry.breaks(rule::S25, "every step of the SOP", found);
        }
        let remaining = self.remaining(entry.setting.secret);
        if !remaining.is_empty() {
            let found = format!("not cut over: {}", list(&remaining));
            entry.breaks(rule::C07, "every consumer cut over", found);
        }
        judge_revocation_claim(completed.revoke_confirmed, self.dead.is_some(), entry);
        if sorted(&completed.impacted_services) != sorted(&self.cut_over) {
            let found = list(&sorted(&completed.impacted_services));
            entry.breaks(rule::S62, list(&sorted(&self.cut_over)), found);
        }
        if let Some(failed) = self.failed {
            let found = format!("{} failed in entry {}", failed.step, failed.at.sequence);
            entry.breaks(rule::S70, "the failed step resolved", found);
        }
        self.ending = Some(RotationEnd::Completed(Completion {
            at: entry.told.moment(),
            rotated_by: signature_line(entry.told),
            started: self.opened.occurred,
            completed: entry.told.occurred,
            impacted_services: completed.impacted_services.clone(),
            validation_summary: completed.validation_summary.clone(),
            revoke_claimed: completed.revoke_confirmed,
            one_shot: false,
        }));
        self.resolve(Step::Evidence);
    }

    /// The facts that a completion rests on and that nobody stated. Who says that nothing was revoked is held to
    /// that alone.
    pub(super) fn missing_steps(&self, revoked: bool) -> Vec<&'static str> {
        let standard = !self.is_emergency();
        [
            (standard && self.approved.is_none(), "rotation.approved"),
            (
                standard && self.preconditions.is_none(),
                "preconditions.confirmed",
            ),
            (self.generated.is_none(), "replacement.generated"),
            (standard && self.dual_run.is_none(), "dual_run"),
            (
                standard && self.validated.is_none(),
                "replacement.validated",
            ),
            (self.cutover.is_none(), "cutover.completed"),
            (
                !self.health.is_some_and(|health| health.healthy),
                "health.confirmed",
            ),
            (revoked && self.old_revoked.is_none(), "secret.revoked"),
        ]
        .into_iter()
        .filter_map(|(missing, name)| missing.then_some(name))
        .collect()
    }

    pub(super) fn confirm(&mut self, entry: &mut RotationEntry<'_>, confirmed: &RotationConfirmed) {
        let person = &entry.told.author.person;
        if entry.setting.policy.four_eyes != FourEyes::Relaxed && self.operators.contains(person) {
            let found = person.as_str();
            entry.breaks(rule::A04, "a confirmer other than the operators", found);
        }
        if self.outcome() != Some(confirmed.outcome) {
            let outcome = self
                .outcome()
                .map_or("an end to confirm", |outcome| outcome.word());
            entry.breaks(rule::S67, outcome, confirmed.outcome.word());
            return;
        }
        if let Some(incident) = entry.setting.incident
            && (incident.runbook.is_none() || incident.report.is_none())
        {
            let expected = "runbook.executed and post_incident.reported before it";
            entry.breaks(rule::S65, expected, "not both");
        }
        self.confirmed = Some(entry.told.moment());
    }

    pub(super) fn roll_back(
        &mut self,
        entry: &mut RotationEntry<'_>,
        rolled_back: &RollbackCompleted,
    ) {
        if !self
            .preconditions
            .is_some_and(|preconditions| preconditions.rollback_plan)
        {
            entry.breaks(rule::S71, "a confirmed rollback plan", "none");
        }
        if let Some(old) = self
            .old_version
            .as_ref()
            .filter(|old| **old != rolled_back.restored_version)
        {
            let found = rolled_back.restored_version.as_str();
            entry.breaks(rule::S68, old.as_str(), found);
        }
        if let Some(revoked) = self
            .old_revoked
            .as_ref()
            .filter(|old| old.version == rolled_back.restored_version)
        {
            let found = format!("revoked in entry {}", revoked.at.sequence);
            entry.breaks(rule::S72, "a version that works", found);
        }
        self.failed = None;
        self.ending = Some(RotationEnd::RolledBack(entry.told.moment()));
    }

    pub(super) fn abort(&mut self, entry: &mut RotationEntry<'_>, _aborted: &RotationAborted) {
        self.taken_over = self.is_taken_over(entry.setting.secret);
        if let Some(cutover) = self.cutover.filter(|_| !self.taken_over) {
            let found = format!("cutover in entry {}", cutover.sequence);
            entry.breaks(rule::S75, "before the cutover", found);
        }
        self.failed = None;
        self.ending = Some(RotationEnd::Aborted(entry.told.moment()));
    }
}

pub(super) fn signature_line(told: &EntryFrame<'_>) -> String {
    let author = told.author;
    if author.person == author.actor {
        format!("{} ({})", author.name, author.actor)
    } else {
        format!(
            "{} ({}) on behalf of {}",
            author.name, author.actor, author.person
        )
    }
}
