//! Up to the cutover (SOP 3, 5 and 6, Steps 2 and 3): approval, preconditions, the replacement, the
//! dual-run window, and whether the new secret works.

use crate::event::{
    DualRunNotSupported, DualRunStarted, FourEyes, Phase, PreconditionsConfirmed,
    ReplacementGenerated, ReplacementValidated, RotationApproved, Step, TestResult,
};
use crate::rule;
use crate::text::Reference;

use super::entry::RotationEntry;
use super::facts::{Approval, DualRun, Preconditions, Replacement};
use super::state::Rotation;

impl Rotation {
    pub(super) fn approve(&mut self, entry: &mut RotationEntry<'_>, approved: &RotationApproved) {
        let person = &entry.told.author.person;
        if entry.setting.policy.four_eyes != FourEyes::Relaxed && self.operators.contains(person) {
            let found = person.as_str();
            entry.breaks(rule::A03, "an approver other than the operators", found);
        }
        // A window that is approved anew was approved before.
        let first = self.approved.is_none() && !self.is_emergency();
        if let Some(generated) = self.generated.as_ref().filter(|_| first) {
            let expected = format!("before entry {}", generated.at.sequence);
            entry.breaks(rule::S14, expected, "afterwards");
        }
        let window = match (approved.window_start, approved.window_end) {
            (Some(start), Some(end)) if start <= end => Some((start, end)),
            (None, None) if approved.no_window.is_some() => None,
            _ => {
                let expected = "a window with start and end, or why none is needed";
                entry.breaks(rule::S22, expected, "neither");
                None
            }
        };
        self.approved = Some(Approval {
            at: entry.told.moment(),
            by: person.clone(),
            window,
        });
    }

    pub(super) fn make_ready(
        &mut self,
        entry: &mut RotationEntry<'_>,
        confirmed: &PreconditionsConfirmed,
    ) {
        let four = [
            (
                confirmed.inventory.is_some(),
                rule::S20,
                "where the inventory list is",
            ),
            (
                confirmed.rollback_plan.is_some(),
                rule::S21,
                "where the rollback plan is",
            ),
            (
                confirmed.maintenance_window.is_some(),
                rule::S22,
                "the window, or why none is needed",
            ),
            (
                confirmed.access_logging.is_some(),
                rule::S23,
                "where access logging is shown",
            ),
        ];
        for (said, rule, expected) in four {
            if !said {
                entry.breaks(rule, expected, "not confirmed");
            }
        }
        self.preconditions = Some(Preconditions {
            at: entry.told.moment(),
            rollback_plan: confirmed.rollback_plan.is_some(),
        });
        self.resolve(Step::Preconditions);
    }

    pub(super) fn generate(
        &mut self,
        entry: &mut RotationEntry<'_>,
        generated: &ReplacementGenerated,
    ) {
        // SOP 7 puts speed first: an emergency is approved afterwards and has no preconditions.
        if !self.is_emergency() {
            if self.approved.is_none() {
                entry.breaks(rule::S13, "rotation.approved before it", "no approval yet");
            }
            if self.preconditions.is_none() {
                let found = "not confirmed yet";
                entry.breaks(rule::S30, "preconditions.confirmed before it", found);
            }
        }
        if !entry.setting.policy.is_prod(&generated.namespace) {
            entry.breaks(rule::S32, "a prod namespace", generated.namespace.as_str());
        }
        let replaced = self
            .old_version
            .as_ref()
            .or(entry.setting.secret.version.as_ref());
        if replaced == Some(&generated.new_version) {
            entry.breaks(rule::S33, "a new version", generated.new_version.as_str());
        }
        self.check_window(entry);
        self.generated = Some(Replacement {
            at: entry.told.moment(),
            version: generated.new_version.clone(),
        });
        self.resolve(Step::Generate);
    }

    pub(super) fn start_dual_run(
        &mut self,
        entry: &mut RotationEntry<'_>,
        started: &DualRunStarted,
    ) {
        self.need_generated(entry);
        if started.planned_end.is_none() {
            entry.breaks(rule::S34, "a planned end", "none");
        }
        self.check_window(entry);
        self.dual_run = Some(DualRun {
            at: entry.told.moment(),
            supported: true,
            planned_end: started.planned_end,
        });
        self.resolve(Step::DualRun);
    }

    pub(super) fn rule_out_dual_run(
        &mut self,
        entry: &mut RotationEntry<'_>,
        _reason: &DualRunNotSupported,
    ) {
        if entry.setting.secret.dual_run {
            entry.breaks(rule::S35, "dual-run, as the inventory says", "ruled out");
        }
        self.dual_run = Some(DualRun {
            at: entry.told.moment(),
            supported: false,
            planned_end: None,
        });
        self.resolve(Step::DualRun);
    }

    pub(super) fn validate(
        &mut self,
        entry: &mut RotationEntry<'_>,
        validated: &ReplacementValidated,
    ) {
        let passed = validated.result == TestResult::Pass;
        match validated.phase {
            Phase::PostRollback => {
                if passed {
                    self.restored = Some(entry.told.moment());
                }
            }
            Phase::PreCutover | Phase::PostCutover => {
                self.need_generated(entry);
                self.need_new_version(entry, &validated.version);
                self.last_result = Some(validated.result);
                if passed && validated.phase == Phase::PreCutover {
                    self.validated.get_or_insert(entry.told.moment());
                }
            }
        }
        if passed {
            self.resolve(Step::Validate);
        }
    }

    pub(super) fn check_window(&self, entry: &mut RotationEntry<'_>) {
        let occurred = entry.told.occurred;
        if let Some((start, end)) = self.approved.as_ref().and_then(|approval| approval.window)
            && (occurred < start || occurred > end)
        {
            let found = occurred.to_string();
            entry.breaks(rule::T05, format!("from {start} to {end}"), found);
        }
    }

    pub(super) fn need_generated(&self, entry: &mut RotationEntry<'_>) {
        if self.generated.is_none() {
            let found = "not generated yet";
            entry.breaks(rule::S31, "replacement.generated before it", found);
        }
    }

    pub(super) fn need_new_version(&self, entry: &mut RotationEntry<'_>, version: &Reference) {
        if let Some(generated) = self
            .generated
            .as_ref()
            .filter(|generated| generated.version != *version)
        {
            entry.breaks(rule::S39, generated.version.as_str(), version.as_str());
        }
    }
}
