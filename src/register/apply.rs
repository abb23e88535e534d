//! An entry taken: what it changes, and what it breaks as it comes.

use std::time::Duration;

use crate::event::{
    Event, ExceptionGranted, FourEyes, IncidentDeclared, LedgerCreated, PolicySet, RotationOpened,
    RotationRecorded, ScanException, SecretRegistered, SecretRetired, SourceGap,
};
use crate::inventory::Secret;
use crate::keyring::Author;
use crate::rotation::{EntryFrame, Incident, Rotation};
use crate::rule::{self, Finding};
use crate::text::Id;

use super::{
    ALLOWED_SKEW, ArchivedSegments, Recorded, Register, ScanAllowance, SecretThread, SourceSilence,
};

impl Register {
    /// Takes an entry that its author may say, and pushes to `found` what it breaks.
    pub fn apply(&mut self, recorded: &Recorded<'_>, author: &Author, found: &mut Vec<Finding>) {
        let (told, event) = (&recorded.told(author), recorded.event);
        let subject = self.subject(event);
        let before = found.len();
        self.judge_times(told, event, found);
        self.take(told, event, found);
        let Some(subject) = subject else { return };
        let raised = found.iter_mut().skip(before);
        for finding in raised.filter(|finding| finding.secret.is_none()) {
            finding.secret = Some(subject.clone());
        }
        if let Some(threaded) = self.secrets.get_mut(&subject) {
            threaded.thread = told.sequence.saturating_add(1);
        }
    }

    fn judge_times(&self, told: &EntryFrame<'_>, event: &Event, found: &mut Vec<Finding>) {
        let late_hours = self.charter.policy.late_hours;
        let late = Duration::from_secs(u64::from(late_hours) * 3_600);
        let (rule, expected) = if told.occurred > told.recorded.plus(ALLOWED_SKEW) {
            let expected = format!("by {}, when it was recorded", told.recorded);
            (rule::T01, expected)
        } else if told.occurred.plus(late) < told.recorded && !self.is_of_before(event) {
            let expected = format!("within {late_hours} hours of {}", told.recorded);
            (rule::T02, expected)
        } else {
            return;
        };
        let finding = Finding::new(rule, expected, told.occurred.to_string()).at(told.sequence);
        found.push(match event.rotation() {
            Some(rotation) => finding.of_rotation(rotation),
            None => finding,
        });
    }

    /// Whether an event tells of a rotation that was done before there was a ledger to tell.
    fn is_of_before(&self, event: &Event) -> bool {
        matches!(event, Event::RotationRecorded(recorded) if self.began().is_some_and(|began| recorded.completed < began))
    }

    fn take(&mut self, told: &EntryFrame<'_>, event: &Event, found: &mut Vec<Finding>) {
        let keyring = &mut self.charter.keyring;
        match event {
            Event::LedgerCreated(created) => self.begin(told, created),
            Event::ActorEnrolled(enrolled) => keyring.enrol(told.sequence, enrolled),
            Event::ActorRevoked(revoked) => keyring.revoke(told.sequence, revoked),
            Event::SealingKeyReplaced(replaced) => {
                keyring.replace_sealing_key(told.sequence, told.recorded, told.author, replaced);
            }
            Event::SealingKeyRecovered(recovered) => {
                let (sequence, recorded) = (told.sequence, told.recorded);
                keyring.recover_sealing_key(sequence, recorded, told.author, recovered);
            }
            Event::PolicySet(set) => self.set_policy(told, set, found),
            Event::NamespacesSet(set) => self.charter.policy.namespaces = set.namespaces.clone(),
            Event::SecretRegistered(registered) => self.register(told, registered),
            Event::SecretUpdated(updated) => {
                self.change(&updated.secret, |secret| secret.update(updated));
            }
            Event::SecretRetired(retired) => self.retire(told, retired, found),
            Event::InventoryAttested(_) => self.charter.attested = Some(told.moment()),
            Event::RotationOpened(opened) => self.open(told, opened, found),
            Event::RotationRecorded(recorded) => self.record(told, recorded, found),
            Event::IncidentDeclared(declared) => self.declare(told, declared),
            Event::RunbookExecuted(executed) => {
                let incident = self.incidents.get_mut(&executed.incident);
                incident.map(|one| one.runbook.get_or_insert(told.moment()));
            }
            Event::PostIncidentReported(reported) => {
                let incident = self.incidents.get_mut(&reported.incident);
                incident.map(|one| one.report.get_or_insert(told.moment()));
            }
            Event::ExceptionGranted(granted) => self.except(told, granted, found),
            Event::TokenIssued(issued) => self.charter.tokens.issue(told, issued),
            Event::TokenRevoked(revoked) => self.charter.tokens.revoke(told.sequence, revoked),
            Event::EvidenceExpunged(expunged) => self.charter.expunged.push(expunged.attachment),
            Event::SegmentsArchived(archived) => {
                let before = self.charter.archived.as_ref();
                let archived = ArchivedSegments::after(before, told.sequence, archived);
                self.charter.archived = Some(archived);
            }
            Event::ScanException(excepted) => self.pass_over(told, excepted, found),
            Event::SourceGap(gap) => self.charter.gaps.push(SourceSilence::of(told, gap)),
            Event::PackExported(_)
            | Event::StoreRecovered(_)
            | Event::EntryAnnotated(_)
            | Event::EntryCorrected(_)
            | Event::FindingAccepted(_)
            | Event::EvidenceAttached(_)
            | Event::SourceObserved(_) => {}
            Event::RotationApproved(_)
            | Event::PreconditionsConfirmed(_)
            | Event::ReplacementGenerated(_)
            | Event::DualRunStarted(_)
            | Event::DualRunNotSupported(_)
            | Event::ReplacementValidated(_)
            | Event::CutoverCompleted(_)
            | Event::HealthConfirmed(_)
            | Event::SecretRevoked(_)
            | Event::RevocationVerified(_)
            | Event::RotationCompleted(_)
            | Event::RotationConfirmed(_)
            | Event::StepFailed(_)
            | Event::StepPerformed(_)
            | Event::RollbackCompleted(_)
            | Event::RotationAborted(_) => self.advance(told, event, found),
        }
    }

    fn begin(&mut self, told: &EntryFrame<'_>, created: &LedgerCreated) {
        self.charter.origin = Some(created.origin.clone());
        let keyring = &mut self.charter.keyring;
        let _ = keyring.create(told.sequence, told.recorded, created);
    }

    fn change(&mut self, id: &Id, change: impl FnOnce(&mut Secret)) {
        if let Some(threaded) = self.secrets.get_mut(id) {
            change(&mut threaded.secret);
        }
    }

    fn set_policy(&mut self, told: &EntryFrame<'_>, set: &PolicySet, found: &mut Vec<Finding>) {
        if self.charter.open_rotations > 0 {
            let open = format!("{} open", self.charter.open_rotations);
            found.push(Finding::new(rule::C32, "no open rotation", open).at(told.sequence));
        }
        self.charter.policy = self.charter.policy.after(set);
        let two = self.charter.policy.four_eyes == FourEyes::Strict;
        self.charter
            .keyring
            .demand_two_to_recover(told.sequence, two);
    }

    fn register(&mut self, told: &EntryFrame<'_>, registered: &SecretRegistered) {
        let secret = Secret::register(told.sequence, registered);
        self.charter.active_secrets += 1;
        let id = secret.id.clone();
        self.secrets.insert(id, SecretThread { secret, thread: 0 });
    }

    fn retire(&mut self, told: &EntryFrame<'_>, retired: &SecretRetired, found: &mut Vec<Finding>) {
        let Some(threaded) = self.secrets.get_mut(&retired.secret) else {
            return;
        };
        threaded.secret.retired = Some(told.sequence);
        self.charter.active_secrets = self.charter.active_secrets.saturating_sub(1);
        if retired.revocation.is_none() {
            let finding = Finding::new(rule::C05, "where it is shown dead", "not said");
            found.push(finding.at(told.sequence).of_secret(&retired.secret));
        }
    }

    fn declare(&mut self, told: &EntryFrame<'_>, declared: &IncidentDeclared) {
        let incident = Incident {
            id: declared.incident.clone(),
            secret: declared.secret.clone(),
            trigger: declared.trigger,
            detected: declared.detected,
            declared: told.moment(),
            rotations: Vec::new(),
            runbook: None,
            report: None,
        };
        self.incidents.insert(incident.id.clone(), incident);
    }

    fn except(
        &mut self,
        told: &EntryFrame<'_>,
        granted: &ExceptionGranted,
        found: &mut Vec<Finding>,
    ) {
        let mut hold = |rule, expected: String, what: &str| {
            let finding = Finding::new(rule, expected, what).at(told.sequence);
            found.push(finding.of_secret(&granted.secret));
        };
        let policy = &self.charter.policy;
        let limit = told.occurred.plus_days(policy.exception_days);
        if granted.expires > limit {
            let expires = granted.expires.to_string();
            hold(rule::W02, format!("by {limit}"), &expires);
        }
        let person = &granted.requested_by;
        if policy.four_eyes != FourEyes::Relaxed && *person == told.author.person {
            let expected = "another person's request".to_owned();
            hold(rule::A05, expected, person.as_str());
        }
        self.change(&granted.secret, |secret| {
            secret.except(told.sequence, granted);
        });
    }

    fn pass_over(
        &mut self,
        told: &EntryFrame<'_>,
        excepted: &ScanException,
        found: &mut Vec<Finding>,
    ) {
        let charter = &mut self.charter;
        let limit = told.occurred.plus_days(charter.policy.exception_days);
        if excepted.expires > limit {
            let expires = excepted.expires.to_string();
            let finding = Finding::new(rule::W02, format!("by {limit}"), expires);
            found.push(finding.at(told.sequence));
        }
        let is_other =
            |scan: &ScanAllowance| (&scan.kind, &scan.place) != (&excepted.kind, &excepted.place);
        charter.scans.retain(is_other);
        charter.scans.push(ScanAllowance {
            sequence: told.sequence,
            kind: excepted.kind.clone(),
            place: excepted.place.clone(),
            expires: excepted.expires,
        });
    }

    fn open(&mut self, told: &EntryFrame<'_>, opened: &RotationOpened, found: &mut Vec<Finding>) {
        let mut rotation = Rotation::open(told, opened);
        if let Some(setting) = self.setting(&opened.secret, opened.incident.as_ref()) {
            rotation.judge_opening(&setting, told, opened, found);
            if rotation.old_version.is_none() {
                rotation.old_version.clone_from(&setting.secret.version);
            }
        }
        let incident = opened.incident.as_ref();
        if let Some(incident) = incident.and_then(|id| self.incidents.get_mut(id)) {
            incident.rotations.push(opened.rotation.clone());
        }
        self.change(&opened.secret, |secret| {
            secret.open.push(opened.rotation.clone());
        });
        self.charter.open_rotations += 1;
        self.rotations
            .insert(rotation.id.clone(), Box::new(rotation));
    }

    /// A rotation that is told after it ended, in one entry.
    fn record(
        &mut self,
        told: &EntryFrame<'_>,
        recorded: &RotationRecorded,
        found: &mut Vec<Finding>,
    ) {
        let mut rotation = Rotation::record(told, recorded);
        if let Some(setting) = self.setting(&recorded.secret, None) {
            rotation.judge_record(&setting, told, recorded, found);
            rotation.old_version.clone_from(&setting.secret.version);
        }
        self.complete(told, &rotation, found);
        self.rotations
            .insert(rotation.id.clone(), Box::new(rotation));
    }

    /// One step of a rotation that is open, or that has ended and is confirmed now.
    fn advance(&mut self, told: &EntryFrame<'_>, event: &Event, found: &mut Vec<Finding>) {
        let Some(id) = event.rotation() else { return };
        // Taken out while its surroundings are read, and put back below.
        let Some(mut rotation) = self.rotations.remove(id) else {
            return;
        };
        let was_open = rotation.is_open();
        if let Event::ReplacementGenerated(made) = event {
            let by = (made.generator.clone(), made.namespace.clone());
            self.change(&rotation.secret, |secret| secret.generator = Some(by));
        }
        if let Some(setting) = self.setting(&rotation.secret, rotation.incident.as_ref()) {
            rotation.apply(&setting, told, event, found);
        }
        if was_open && !rotation.is_open() {
            self.charter.open_rotations = self.charter.open_rotations.saturating_sub(1);
            self.change(&rotation.secret, |secret| {
                secret.open.retain(|open| open != id);
            });
            self.complete(told, &rotation, found);
            // Most of a large ledger's rotations have ended; little is added to them after that.
            rotation.cut_over.shrink_to_fit();
            rotation.operators.shrink_to_fit();
        }
        self.rotations.insert(rotation.id.clone(), rotation);
    }

    /// Takes the new version of a completed rotation into use; other ends leave the secret's age
    /// as it is (blueprint: age runs from the generation of the version now in use).
    fn complete(&mut self, told: &EntryFrame<'_>, rotation: &Rotation, found: &mut Vec<Finding>) {
        let Some(completion) = rotation.completion() else {
            return;
        };
        let is_history = rotation.is_history(self.began());
        let Some(threaded) = self.secrets.get_mut(&rotation.secret) else {
            return;
        };
        let (secret, ended) = (&mut threaded.secret, completion.completed);
        let due = secret.age(&self.charter.policy, ended).due;
        // By whose policy was it due, before there was one?
        if let Some(due) = due.filter(|due| ended > *due && !is_history) {
            let finding = Finding::new(rule::C31, format!("by {due}"), ended.to_string());
            let finding = finding.at(told.sequence).of_rotation(&rotation.id);
            found.push(finding.of_secret(&rotation.secret));
        }
        let generated = rotation.generated.as_ref();
        let age_from = generated.map_or(completion.started, |generated| generated.at.occurred);
        // History does not turn an age back.
        if is_history && secret.generated.is_some_and(|known| known > age_from) {
            secret.rotations = secret.rotations.saturating_add(1);
            return;
        }
        secret.put_to_use(generated.map(|generated| &generated.version), age_from);
    }
}

impl SourceSilence {
    const fn of(told: &EntryFrame<'_>, gap: &SourceGap) -> Self {
        Self {
            sequence: told.sequence,
            from: gap.from,
            to: gap.to,
        }
    }
}
