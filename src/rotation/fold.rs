//! Takes the events of one rotation one by one: what each changes, and what it breaks. An event
//! that breaks a rule is taken all the same: a ledger that refuses to record a violation teaches
//! people not to record it.

use crate::event::CutoverCompleted;
use crate::event::DualRunNotSupported;
use crate::event::DualRunStarted;
use crate::event::Event;
use crate::event::FourEyes;
use crate::event::HealthConfirmed;
use crate::event::NegativeTest;
use crate::event::Phase;
use crate::event::PreconditionsConfirmed;
use crate::event::ReplacementGenerated;
use crate::event::ReplacementValidated;
use crate::event::RevocationVerified;
use crate::event::RollbackCompleted;
use crate::event::RotationAborted;
use crate::event::RotationApproved;
use crate::event::RotationCompleted;
use crate::event::RotationConfirmed;
use crate::event::RotationOpened;
use crate::event::RotationRecorded;
use crate::event::SecretRevoked;
use crate::event::Step;
use crate::event::TestResult;
use crate::event::Which;
use crate::rule;
use crate::rule::Finding;
use crate::rule::Rule;
use crate::text::Id;
use crate::text::Reference;
use crate::time::Timestamp;

use super::Approval;
use super::Completion;
use super::DualRun;
use super::Ending;
use super::Failed;
use super::Generated;
use super::Health;
use super::Preconditions;
use super::Revoked;
use super::Rotation;
use super::Setting;
use super::Told;

/// Collects what one entry of one rotation breaks.
struct Against<'a> {
    found: &'a mut Vec<Finding>,
    rotation: Id,
    secret: Id,
    sequence: u64,
}

impl Against<'_> {
    fn holds(
        &mut self,
        rule: &'static Rule,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.found.push(
            Finding::new(rule, expected, found)
                .at(self.sequence)
                .of_rotation(&self.rotation)
                .of_secret(&self.secret),
        );
    }
}

impl Rotation {
    fn against<'a>(&self, told: &Told<'_>, found: &'a mut Vec<Finding>) -> Against<'a> {
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

    fn approve(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        approved: &RotationApproved,
        against: &mut Against<'_>,
    ) {
        let person = &told.author.person;
        if setting.policy.four_eyes == FourEyes::Required && self.operators.contains(person) {
            against.holds(
                rule::A03,
                "an approver other than the operators",
                person.as_str(),
            );
        }
        // A window that is approved anew was approved before.
        let first = self.approved.is_none() && !self.is_emergency();
        if let Some(generated) = self.generated.as_ref().filter(|_| first) {
            against.holds(
                rule::S14,
                format!("before entry {}", generated.at.sequence),
                "afterwards",
            );
        }
        let window = match (approved.window_start, approved.window_end) {
            (Some(start), Some(end)) if start <= end => Some((start, end)),
            (None, None) if approved.no_window.is_some() => None,
            _ => {
                against.holds(
                    rule::S22,
                    "a window with start and end, or why none is needed",
                    "neither",
                );
                None
            }
        };
        self.approved = Some(Approval {
            at: told.moment(),
            by: person.clone(),
            window,
        });
    }

    fn make_ready(
        &mut self,
        told: &Told<'_>,
        confirmed: &PreconditionsConfirmed,
        against: &mut Against<'_>,
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
                against.holds(rule, expected, "not confirmed");
            }
        }
        self.preconditions = Some(Preconditions {
            at: told.moment(),
            rollback_plan: confirmed.rollback_plan.is_some(),
        });
        self.resolve(Step::Preconditions);
    }

    fn generate(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        generated: &ReplacementGenerated,
        against: &mut Against<'_>,
    ) {
        // SOP 7 puts speed first: an emergency is approved afterwards and has no preconditions.
        if !self.is_emergency() {
            if self.approved.is_none() {
                against.holds(rule::S13, "rotation.approved before it", "no approval yet");
            }
            if self.preconditions.is_none() {
                against.holds(
                    rule::S30,
                    "preconditions.confirmed before it",
                    "not confirmed yet",
                );
            }
        }
        if !is_prod(generated.namespace.as_str()) {
            against.holds(rule::S32, "a prod namespace", generated.namespace.as_str());
        }
        let replaced = self
            .old_version
            .as_ref()
            .or(setting.secret.version.as_ref());
        if replaced == Some(&generated.new_version) {
            against.holds(rule::S33, "a new version", generated.new_version.as_str());
        }
        self.check_window(told.occurred, against);
        self.generated = Some(Generated {
            at: told.moment(),
            version: generated.new_version.clone(),
        });
        self.resolve(Step::Generate);
    }

    fn start_dual_run(
        &mut self,
        told: &Told<'_>,
        started: &DualRunStarted,
        against: &mut Against<'_>,
    ) {
        self.need_generated(against);
        if started.planned_end.is_none() {
            against.holds(rule::S34, "a planned end", "none");
        }
        self.check_window(told.occurred, against);
        self.dual_run = Some(DualRun {
            at: told.moment(),
            supported: true,
            planned_end: started.planned_end,
        });
        self.resolve(Step::DualRun);
    }

    fn rule_out_dual_run(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        _reason: &DualRunNotSupported,
        against: &mut Against<'_>,
    ) {
        if setting.secret.dual_run {
            against.holds(rule::S35, "dual-run, as the inventory says", "ruled out");
        }
        self.dual_run = Some(DualRun {
            at: told.moment(),
            supported: false,
            planned_end: None,
        });
        self.resolve(Step::DualRun);
    }

    fn validate(
        &mut self,
        told: &Told<'_>,
        validated: &ReplacementValidated,
        against: &mut Against<'_>,
    ) {
        let passed = validated.result == TestResult::Pass;
        match validated.phase {
            Phase::PostRollback => {
                if passed {
                    self.restored = Some(told.moment());
                }
            }
            Phase::PreCutover | Phase::PostCutover => {
                self.need_generated(against);
                self.need_new_version(&validated.version, against);
                self.last_result = Some(validated.result);
                if passed && validated.phase == Phase::PreCutover {
                    self.validated.get_or_insert(told.moment());
                }
            }
        }
        if passed {
            self.resolve(Step::Validate);
        }
    }

    fn cut_over(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        cutover: &CutoverCompleted,
        against: &mut Against<'_>,
    ) {
        self.need_generated(against);
        self.need_new_version(&cutover.to_version, against);
        if !self.is_emergency() {
            if self.dual_run.is_none() {
                against.holds(
                    rule::S29,
                    "dual_run.started or dual_run.not_supported before it",
                    "neither",
                );
            }
            if self.validated.is_none() {
                against.holds(rule::S37, "a passing validation before it", "none");
            }
        }
        if self
            .last_result
            .is_some_and(|result| result != TestResult::Pass)
        {
            against.holds(
                rule::S38,
                "pass",
                self.last_result.map_or("", TestResult::word),
            );
        }
        if let Some(end) = self.dual_run.and_then(|dual_run| dual_run.planned_end)
            && told.occurred > end
        {
            against.holds(rule::S36, format!("by {end}"), told.occurred.to_string());
        }
        self.check_window(told.occurred, against);
        let unknown: Vec<_> = cutover
            .consumers
            .iter()
            .filter(|id| !self.all_consumers(setting.secret).any(|known| known == *id))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            against.holds(rule::S40, "consumers of the inventory", list(&unknown));
        }
        for consumer in &cutover.consumers {
            if !self.cut_over.contains(consumer) {
                self.cut_over.push(consumer.clone());
            }
        }
        self.cutover = Some(told.moment());
        self.resolve(Step::Cutover);
    }

    fn confirm_health(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        health: &HealthConfirmed,
        against: &mut Against<'_>,
    ) {
        let remaining = self.remaining(setting.secret);
        if !remaining.is_empty() {
            against.holds(
                rule::S28,
                "every consumer cut over",
                format!("not yet: {}", list(&remaining)),
            );
        }
        self.health = Some(Health {
            at: told.moment(),
            healthy: health.healthy,
        });
        if health.healthy {
            self.resolve(Step::Health);
        }
    }

    fn revoke(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        revoked: &SecretRevoked,
        against: &mut Against<'_>,
    ) {
        let new_version = self.generated.as_ref().map(|generated| &generated.version);
        match revoked.target {
            Which::Old => {
                if new_version == Some(&revoked.version) {
                    against.holds(
                        rule::S45,
                        "the old version",
                        format!("{}, the new one", revoked.version),
                    );
                } else if self
                    .old_version
                    .as_ref()
                    .is_some_and(|old| *old != revoked.version)
                {
                    let old = self.old_version.as_ref().map_or("", Reference::as_str);
                    against.holds(rule::S45, old, revoked.version.as_str());
                }
                self.judge_revocation_order(setting, told, revoked, against);
                self.old_revoked = Some(Revoked {
                    at: told.moment(),
                    effective: revoked.effective,
                    version: revoked.version.clone(),
                });
            }
            Which::New => {
                if new_version != Some(&revoked.version) {
                    let new = new_version.map_or("a generated replacement", Reference::as_str);
                    against.holds(rule::S45, new, revoked.version.as_str());
                }
                self.new_revoked = Some(told.moment());
            }
        }
        self.resolve(Step::Revoke);
    }

    fn judge_revocation_order(
        &self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        revoked: &SecretRevoked,
        against: &mut Against<'_>,
    ) {
        if self.is_emergency() {
            if let Some(incident) = setting.incident {
                let minutes = setting.policy.emergency_revoke_minutes;
                let limit = incident
                    .detected
                    .plus(std::time::Duration::from_secs(u64::from(minutes) * 60));
                if revoked.effective > limit {
                    against.holds(
                        rule::S81,
                        format!("by {limit}"),
                        revoked.effective.to_string(),
                    );
                }
            }
            return;
        }
        let remaining = self.remaining(setting.secret);
        if !remaining.is_empty() {
            against.holds(
                rule::S43,
                "every consumer cut over before",
                format!("not yet: {}", list(&remaining)),
            );
        } else if self.health.is_none() {
            against.holds(rule::S43, "health confirmed before", "not confirmed yet");
        }
        if let Some(health) = self.health.filter(|health| !health.healthy) {
            against.holds(
                rule::S42,
                "healthy services",
                format!("unhealthy in entry {}", health.at.sequence),
            );
        }
        if let Some(cutover) = self
            .cutover
            .filter(|cutover| revoked.effective < cutover.occurred)
        {
            let after = format!("effective after the cutover in entry {}", cutover.sequence);
            against.holds(rule::T03, after, revoked.effective.to_string());
        }
        if revoked.effective > told.occurred {
            against.holds(
                rule::T03,
                format!("effective by {}", told.occurred),
                revoked.effective.to_string(),
            );
        }
    }

    fn verify_revocation(
        &mut self,
        told: &Told<'_>,
        verified: &RevocationVerified,
        against: &mut Against<'_>,
    ) {
        let Some(revoked) = &self.old_revoked else {
            against.holds(rule::S48, "secret.revoked before it", "not revoked yet");
            return;
        };
        if revoked.version != verified.version {
            against.holds(
                rule::S45,
                revoked.version.as_str(),
                verified.version.as_str(),
            );
            return;
        }
        if verified.tested_at < revoked.effective || verified.tested_at > told.recorded {
            let span = format!("from {} to {}", revoked.effective, told.recorded);
            against.holds(rule::S53, span, verified.tested_at.to_string());
            return;
        }
        let hits = verified.hits.unwrap_or(0);
        match verified.test {
            NegativeTest::NetworkError => {
                against.holds(rule::S51, "auth_rejected", "network_error")
            }
            NegativeTest::StillValid => against.holds(rule::S52, "auth_rejected", "still_valid"),
            NegativeTest::AuthRejected | NegativeTest::NotPossible if hits > 0 => {
                against.holds(
                    rule::S52,
                    "no access by the old secret",
                    format!("{hits} accesses"),
                );
            }
            NegativeTest::NotPossible if !has_access_proof(verified, revoked.effective) => {
                against.holds(
                    rule::S54,
                    "why, the access log, its time after the revocation, and its hits",
                    "some are missing",
                );
            }
            NegativeTest::AuthRejected | NegativeTest::NotPossible => {
                self.dead.get_or_insert(told.moment());
                self.resolve(Step::VerifyRevocation);
            }
        }
    }

    fn complete(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        completed: &RotationCompleted,
        against: &mut Against<'_>,
    ) {
        let missing = self.missing_steps();
        if !missing.is_empty() {
            against.holds(
                rule::S25,
                "every step of the SOP",
                format!("missing: {}", missing.join(", ")),
            );
        }
        let remaining = self.remaining(setting.secret);
        if !remaining.is_empty() {
            against.holds(
                rule::C07,
                "every consumer cut over",
                format!("not cut over: {}", list(&remaining)),
            );
        }
        judge_revocation_claim(completed.revoke_confirmed, self.dead.is_some(), against);
        if sorted(&completed.impacted_services) != sorted(&self.cut_over) {
            against.holds(
                rule::S62,
                list(&sorted(&self.cut_over)),
                list(&sorted(&completed.impacted_services)),
            );
        }
        if let Some(failed) = self.failed {
            against.holds(
                rule::S70,
                "the failed step resolved",
                format!("{} failed in entry {}", failed.step, failed.at.sequence),
            );
        }
        self.ending = Some(Ending::Completed(Completion {
            at: told.moment(),
            rotated_by: signature_line(told),
            started: self.opened.occurred,
            completed: told.occurred,
            impacted_services: completed.impacted_services.clone(),
            validation_summary: completed.validation_summary.clone(),
            revoke_claimed: completed.revoke_confirmed,
            one_shot: false,
        }));
        self.resolve(Step::Evidence);
    }

    /// The facts that a completion rests on and that nobody stated.
    fn missing_steps(&self) -> Vec<&'static str> {
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
            (self.old_revoked.is_none(), "secret.revoked"),
        ]
        .into_iter()
        .filter_map(|(missing, name)| missing.then_some(name))
        .collect()
    }

    fn confirm(
        &mut self,
        setting: &Setting<'_>,
        told: &Told<'_>,
        confirmed: &RotationConfirmed,
        against: &mut Against<'_>,
    ) {
        let person = &told.author.person;
        if setting.policy.four_eyes == FourEyes::Required && self.operators.contains(person) {
            against.holds(
                rule::A04,
                "a confirmer other than the operators",
                person.as_str(),
            );
        }
        if self.outcome() != Some(confirmed.outcome) {
            let outcome = self
                .outcome()
                .map_or("an end to confirm", |outcome| outcome.word());
            against.holds(rule::S67, outcome, confirmed.outcome.word());
            return;
        }
        if let Some(incident) = setting.incident
            && (incident.runbook.is_none() || incident.report.is_none())
        {
            against.holds(
                rule::S65,
                "runbook.executed and post_incident.reported before it",
                "not both",
            );
        }
        self.confirmed = Some(told.moment());
    }

    fn roll_back(
        &mut self,
        told: &Told<'_>,
        rolled_back: &RollbackCompleted,
        against: &mut Against<'_>,
    ) {
        if !self
            .preconditions
            .is_some_and(|preconditions| preconditions.rollback_plan)
        {
            against.holds(rule::S71, "a confirmed rollback plan", "none");
        }
        if let Some(old) = self
            .old_version
            .as_ref()
            .filter(|old| **old != rolled_back.restored_version)
        {
            against.holds(
                rule::S68,
                old.as_str(),
                rolled_back.restored_version.as_str(),
            );
        }
        if let Some(revoked) = self
            .old_revoked
            .as_ref()
            .filter(|old| old.version == rolled_back.restored_version)
        {
            against.holds(
                rule::S72,
                "a version that works",
                format!("revoked in entry {}", revoked.at.sequence),
            );
        }
        self.failed = None;
        self.ending = Some(Ending::RolledBack(told.moment()));
    }

    fn abort(&mut self, told: &Told<'_>, _aborted: &RotationAborted, against: &mut Against<'_>) {
        if let Some(cutover) = self.cutover {
            against.holds(
                rule::S75,
                "before the cutover",
                format!("cutover in entry {}", cutover.sequence),
            );
        }
        self.failed = None;
        self.ending = Some(Ending::Aborted(told.moment()));
    }

    fn need_generated(&self, against: &mut Against<'_>) {
        if self.generated.is_none() {
            against.holds(
                rule::S31,
                "replacement.generated before it",
                "not generated yet",
            );
        }
    }

    fn need_new_version(&self, version: &Reference, against: &mut Against<'_>) {
        if let Some(generated) = self
            .generated
            .as_ref()
            .filter(|generated| generated.version != *version)
        {
            against.holds(rule::S39, generated.version.as_str(), version.as_str());
        }
    }

    fn check_window(&self, occurred: Timestamp, against: &mut Against<'_>) {
        if let Some((start, end)) = self.approved.as_ref().and_then(|approval| approval.window)
            && (occurred < start || occurred > end)
        {
            against.holds(
                rule::T05,
                format!("from {start} to {end}"),
                occurred.to_string(),
            );
        }
    }

    fn resolve(&mut self, step: Step) {
        if self.failed.is_some_and(|failed| failed.step == step) {
            self.failed = None;
        }
    }
}

fn judge_revocation_claim(claimed: bool, dead: bool, against: &mut Against<'_>) {
    if claimed && !dead {
        against.holds(
            rule::S60,
            "revocation.verified before it",
            "no proof that counts",
        );
    }
    if !claimed {
        against.holds(rule::S61, "yes", "no");
    }
}

/// Whether an access log speaks where a test could not: over a time after the revocation.
fn has_access_proof(verified: &RevocationVerified, effective: Timestamp) -> bool {
    verified.why.is_some()
        && verified.access_log.is_some()
        && verified.hits.is_some()
        && verified.access_from.is_some()
        && verified.access_to.is_some_and(|end| {
            end > effective && verified.access_from.is_none_or(|start| start < end)
        })
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

/// Whether one word of a namespace says prod: `prod`, `kv/prod/db`, `PROD-secrets`.
fn is_prod(namespace: &str) -> bool {
    namespace
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word.eq_ignore_ascii_case("prod") || word.eq_ignore_ascii_case("production"))
}

fn signature_line(told: &Told<'_>) -> String {
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

fn sorted(ids: &[Id]) -> Vec<Id> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Ids in one line, for findings and the template.
pub(super) fn list(ids: &[impl AsRef<str>]) -> String {
    if ids.is_empty() {
        return "none".to_owned();
    }
    ids.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}
