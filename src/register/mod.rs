//! Everything the entries amount to, so far: keyring, policy, inventory, rotations, incidents.
//!
//! One pure fold. `verify` folds a whole ledger in memory; `append` loads only the parts that an
//! event touches ([`Register::parts`]) and folds that. What may be recorded at all is
//! decided in [`Register::author`]; what is recorded and wrong is found in [`Register::apply`] as it
//! comes and in [`Register::judge`] at an instant.

mod admission;
mod outlook;
mod recorded;
mod tokens;

pub use recorded::Recorded;
pub use tokens::{TokenStanding, Tokens, TransportToken};

use std::collections::BTreeMap;
use std::time::Duration;

use bincode::{Decode, Encode};

use crate::event::{Event, FourEyes, InventoryAttested, RotationOpened, SourceGap};
use crate::hash::{Blake3Digest, Sha256Digest};
use crate::inventory::Secret;
use crate::keyring::{Author, Denial, Keyring};
use crate::policy::Policy;
use crate::rotation::{EntryFrame, EntryMoment, Incident, Rotation, RotationSetting};
use crate::rule::{self, Finding, Verdict};
use crate::text::Id;
use crate::time::Timestamp;

/// How far two clocks may differ before one of them is wrong.
pub const ALLOWED_SKEW: Duration = Duration::from_secs(300);

/// What the ledger as a whole stands on: keyring, policy, origin; small, and loaded for each append.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct LedgerState {
    /// The name of the log in its checkpoints; none before entry 0.
    pub origin: Option<Id>,
    /// Who may say what.
    pub keyring: Keyring,
    /// The policy in force.
    pub policy: Policy,
    /// Rotations that are open.
    pub open_rotations: u64,
    /// Secrets that are registered and not retired.
    pub active_secrets: u64,
    /// The last attestation of the inventory.
    pub attested: Option<EntryMoment>,
    /// Times in which a source was not listening.
    pub gaps: Vec<SourceSilence>,
    /// Attached files that were removed.
    pub expunged: Vec<Blake3Digest>,
    /// Who may talk to a server of this ledger.
    pub tokens: Tokens,
}

/// A time in which a source was not listening.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SourceSilence {
    /// The entry.
    pub sequence: u64,
    /// Start of the gap.
    pub from: Timestamp,
    /// End of the gap.
    pub to: Timestamp,
}

/// The parts of a register that an event may touch, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterParts {
    /// A secret.
    pub secret: Option<Id>,
    /// A rotation; it leads to its secret and incident.
    pub rotation: Option<Id>,
    /// An incident; it leads to its secret.
    pub incident: Option<Id>,
}

/// A secret, and how many entries there are about it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SecretThread {
    /// The secret.
    pub secret: Secret,
    /// 1 + the sequence of the last entry about it.
    pub thread: u64,
}

/// Everything the entries amount to, or the parts of it that were loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Register {
    /// What the ledger as a whole stands on.
    pub charter: LedgerState,
    /// Secrets, by id.
    pub secrets: BTreeMap<Id, SecretThread>,
    /// Rotations, by id. Boxed: a map that grows in the order of its keys keeps half of its room for
    /// values empty.
    pub rotations: BTreeMap<Id, Box<Rotation>>,
    /// Incidents, by id.
    pub incidents: BTreeMap<Id, Incident>,
}

impl Register {
    /// The parts that `event` names; whoever holds only some of the register loads these first,
    /// and what they lead to.
    #[must_use]
    pub fn parts(event: &Event) -> RegisterParts {
        RegisterParts {
            secret: event.secret().cloned(),
            rotation: event.rotation().cloned(),
            incident: event.incident().cloned(),
        }
    }

    /// The secret that an event is about, if it is about one: named itself, or by its rotation or
    /// incident.
    #[must_use]
    pub fn subject(&self, event: &Event) -> Option<Id> {
        let by_rotation = || {
            self.rotations
                .get(event.rotation()?)
                .map(|rotation| rotation.secret.clone())
        };
        let by_incident = || {
            self.incidents
                .get(event.incident()?)
                .map(|incident| incident.secret.clone())
        };
        event
            .secret()
            .cloned()
            .or_else(by_rotation)
            .or_else(by_incident)
    }

    /// What the next entry about `subject` carries as `subject_previous`.
    #[must_use]
    pub fn thread(&self, subject: Option<&Id>) -> u64 {
        subject
            .and_then(|id| self.secrets.get(id))
            .map_or(0, |threaded| threaded.thread)
    }

    fn secret(&self, id: &Id) -> Option<&Secret> {
        self.secrets.get(id).map(|threaded| &threaded.secret)
    }

    /// Takes an entry as it was recorded, without asking what it breaks or whether it is signed.
    ///
    /// # Errors
    /// No writer would have placed it; nothing is taken.
    pub fn place(&mut self, recorded: &Recorded<'_>) -> Result<(), Denial> {
        let author = self.author(recorded)?;
        self.apply(recorded, &author, &mut Vec::new());
        Ok(())
    }

    /// Takes an entry that its author may say, and pushes to `found` what it breaks.
    pub fn apply(&mut self, recorded: &Recorded<'_>, author: &Author, found: &mut Vec<Finding>) {
        let (told, event) = (&recorded.told(author), recorded.event);
        let subject = self.subject(event);
        let before = found.len();
        self.judge_times(told, event, found);
        match event {
            Event::LedgerCreated(created) => {
                self.charter.origin = Some(created.origin.clone());
                let _ = self
                    .charter
                    .keyring
                    .create(told.sequence, told.recorded, created);
            }
            Event::ActorEnrolled(enrolled) => self.charter.keyring.enrol(told.sequence, enrolled),
            Event::ActorRevoked(revoked) => self.charter.keyring.revoke(told.sequence, revoked),
            Event::SealingKeyReplaced(replaced) => {
                self.charter.keyring.replace_sealing_key(
                    told.sequence,
                    told.recorded,
                    told.author,
                    replaced,
                );
            }
            Event::PolicySet(set) => {
                if self.charter.open_rotations > 0 {
                    let open = format!("{} open", self.charter.open_rotations);
                    found.push(Finding::new(rule::C32, "no open rotation", open).at(told.sequence));
                }
                self.charter.policy = self.charter.policy.after(set);
            }
            Event::SecretRegistered(registered) => {
                let secret = Secret::register(told.sequence, registered);
                self.charter.active_secrets += 1;
                self.secrets
                    .insert(secret.id.clone(), SecretThread { secret, thread: 0 });
            }
            Event::SecretUpdated(updated) => {
                if let Some(threaded) = self.secrets.get_mut(&updated.secret) {
                    threaded.secret.update(updated);
                }
            }
            Event::SecretRetired(retired) => {
                if let Some(threaded) = self.secrets.get_mut(&retired.secret) {
                    threaded.secret.retired = Some(told.sequence);
                    self.charter.active_secrets = self.charter.active_secrets.saturating_sub(1);
                    if retired.revocation.is_none() {
                        let finding = Finding::new(rule::C05, "where it is shown dead", "not said");
                        found.push(finding.at(told.sequence).of_secret(&retired.secret));
                    }
                }
            }
            Event::InventoryAttested(_) => self.charter.attested = Some(told.moment()),
            Event::RotationOpened(opened) => self.open(told, opened, found),
            Event::RotationRecorded(recorded) => {
                let mut rotation = Rotation::record(told, recorded);
                if let Some(secret) = self.secret(&recorded.secret) {
                    let setting = RotationSetting {
                        policy: &self.charter.policy,
                        secret,
                        incident: None,
                    };
                    rotation.judge_record(&setting, told, recorded, found);
                    rotation.old_version.clone_from(&secret.version);
                }
                self.complete(told, &rotation, found);
                self.rotations
                    .insert(rotation.id.clone(), Box::new(rotation));
            }
            Event::IncidentDeclared(declared) => {
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
            Event::RunbookExecuted(executed) => {
                if let Some(incident) = self.incidents.get_mut(&executed.incident) {
                    incident.runbook.get_or_insert(told.moment());
                }
            }
            Event::PostIncidentReported(reported) => {
                if let Some(incident) = self.incidents.get_mut(&reported.incident) {
                    incident.report.get_or_insert(told.moment());
                }
            }
            Event::ExceptionGranted(granted) => {
                let mut hold = |rule, expected: String, what: &str| {
                    found.push(
                        Finding::new(rule, expected, what)
                            .at(told.sequence)
                            .of_secret(&granted.secret),
                    );
                };
                let policy = &self.charter.policy;
                let limit = told.occurred.plus_days(policy.exception_days);
                if granted.expires > limit {
                    hold(
                        rule::W02,
                        format!("by {limit}"),
                        &granted.expires.to_string(),
                    );
                }
                if policy.four_eyes == FourEyes::Required
                    && granted.requested_by == told.author.person
                {
                    hold(
                        rule::A05,
                        "another person's request".to_owned(),
                        granted.requested_by.as_str(),
                    );
                }
                if let Some(threaded) = self.secrets.get_mut(&granted.secret) {
                    threaded.secret.except(told.sequence, granted);
                }
            }
            Event::TokenIssued(issued) => self.charter.tokens.issue(told, issued),
            Event::TokenRevoked(revoked) => self.charter.tokens.revoke(told.sequence, revoked),
            Event::EvidenceExpunged(expunged) => self.charter.expunged.push(expunged.attachment),
            Event::SourceGap(gap) => self.take_gap(told, gap),
            Event::PackExported(_)
            | Event::StoreRecovered(_)
            | Event::EntryAnnotated(_)
            | Event::EntryCorrected(_)
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
        if let Some(subject) = subject {
            for finding in found
                .iter_mut()
                .skip(before)
                .filter(|finding| finding.secret.is_none())
            {
                finding.secret = Some(subject.clone());
            }
            if let Some(threaded) = self.secrets.get_mut(&subject) {
                threaded.thread = told.sequence.saturating_add(1);
            }
        }
    }

    fn judge_times(&self, told: &EntryFrame<'_>, event: &Event, found: &mut Vec<Finding>) {
        let mut hold = |rule, expected: String| {
            let finding = Finding::new(rule, expected, told.occurred.to_string()).at(told.sequence);
            found.push(match event.rotation() {
                Some(rotation) => finding.of_rotation(rotation),
                None => finding,
            });
        };
        let late = Duration::from_secs(u64::from(self.charter.policy.late_hours) * 3_600);
        if told.occurred > told.recorded.plus(ALLOWED_SKEW) {
            hold(
                rule::T01,
                format!("by {}, when it was recorded", told.recorded),
            );
        } else if told.occurred.plus(late) < told.recorded {
            hold(
                rule::T02,
                format!(
                    "within {} hours of {}",
                    self.charter.policy.late_hours, told.recorded
                ),
            );
        }
    }

    fn open(&mut self, told: &EntryFrame<'_>, opened: &RotationOpened, found: &mut Vec<Finding>) {
        let mut rotation = Rotation::open(told, opened);
        if let Some(secret) = self.secret(&opened.secret) {
            let incident = opened
                .incident
                .as_ref()
                .and_then(|id| self.incidents.get(id));
            let setting = RotationSetting {
                policy: &self.charter.policy,
                secret,
                incident,
            };
            rotation.judge_opening(&setting, told, opened, found);
            if rotation.old_version.is_none() {
                rotation.old_version.clone_from(&secret.version);
            }
        }
        if let Some(incident) = opened
            .incident
            .as_ref()
            .and_then(|id| self.incidents.get_mut(id))
        {
            incident.rotations.push(opened.rotation.clone());
        }
        if let Some(threaded) = self.secrets.get_mut(&opened.secret) {
            threaded.secret.open.push(opened.rotation.clone());
        }
        self.charter.open_rotations += 1;
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
        if let Some(secret) = self.secret(&rotation.secret) {
            let incident = rotation
                .incident
                .as_ref()
                .and_then(|id| self.incidents.get(id));
            let setting = RotationSetting {
                policy: &self.charter.policy,
                secret,
                incident,
            };
            rotation.apply(&setting, told, event, found);
        }
        if was_open && !rotation.is_open() {
            self.charter.open_rotations = self.charter.open_rotations.saturating_sub(1);
            if let Some(threaded) = self.secrets.get_mut(&rotation.secret) {
                threaded.secret.open.retain(|open| open != id);
            }
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
        let Some(threaded) = self.secrets.get_mut(&rotation.secret) else {
            return;
        };
        let due = threaded
            .secret
            .age(&self.charter.policy, completion.completed)
            .due;
        if let Some(due) = due.filter(|due| completion.completed > *due) {
            let finding = Finding::new(
                rule::C31,
                format!("by {due}"),
                completion.completed.to_string(),
            );
            found.push(
                finding
                    .at(told.sequence)
                    .of_rotation(&rotation.id)
                    .of_secret(&rotation.secret),
            );
        }
        let generated = rotation.generated.as_ref();
        let age_from = generated.map_or(completion.started, |generated| generated.at.occurred);
        threaded
            .secret
            .put_to_use(generated.map(|generated| &generated.version), age_from);
    }

    fn take_gap(&mut self, told: &EntryFrame<'_>, gap: &SourceGap) {
        self.charter.gaps.push(SourceSilence {
            sequence: told.sequence,
            from: gap.from,
            to: gap.to,
        });
    }

    /// The ids of the secrets that are not retired, sorted.
    pub fn active_secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets
            .values()
            .map(|threaded| &threaded.secret)
            .filter(|secret| secret.retired.is_none())
    }

    /// SHA-256 of the sorted ids of the secrets not retired, one a line: what an attestation of the
    /// inventory carries (SOP 5). Only of a whole register.
    #[must_use]
    pub fn population_digest(&self) -> Sha256Digest {
        let mut ids = String::new();
        for secret in self.active_secrets() {
            ids.push_str(secret.id.as_str());
            ids.push('\n');
        }
        Sha256Digest::of(ids.as_bytes())
    }

    /// Holds an attestation against the inventory as it stands, which takes a whole register.
    pub fn judge_attestation(
        &self,
        sequence: u64,
        attested: &InventoryAttested,
        found: &mut Vec<Finding>,
    ) {
        let count = self.charter.active_secrets;
        let digest = self.population_digest();
        if attested.count != count || attested.ids_sha256 != digest {
            let expected = format!("{count} secrets, ids {digest}");
            let claimed = format!("{} secrets, ids {}", attested.count, attested.ids_sha256);
            found.push(Finding::new(rule::C03, expected, claimed).at(sequence));
        }
    }

    /// Pushes to `found` what stands against a whole register at `as_of`: what is overdue, left
    /// open, unconfirmed, unproven.
    pub fn judge(&self, as_of: Timestamp, found: &mut Vec<Finding>) {
        let policy = &self.charter.policy;
        for secret in self.active_secrets() {
            let age = secret.age(policy, as_of);
            if age.is_overdue() {
                let expected = age.due.map_or_else(
                    || format!("a rotation every {} days", secret.max_age(policy)),
                    |due| format!("rotated by {due}"),
                );
                let what = secret.generated.map_or_else(
                    || "never rotated, as far as is known".to_owned(),
                    |generated| format!("generated {generated}"),
                );
                found.push(
                    Finding::new(rule::C30, expected, what)
                        .at(secret.registered)
                        .of_secret(&secret.id),
                );
            }
        }
        for rotation in self.rotations.values() {
            let Some(secret) = self.secret(&rotation.secret) else {
                continue;
            };
            let setting = RotationSetting {
                policy,
                secret,
                incident: None,
            };
            rotation.judge(&setting, as_of, found);
            for gap in &self.charter.gaps {
                let end = rotation.ended().map_or(as_of, |end| end.occurred);
                if gap.from <= end && gap.to >= rotation.opened.occurred {
                    let during = format!("listening from {} to {end}", rotation.opened.occurred);
                    let what = format!("silent from {} to {}", gap.from, gap.to);
                    let finding = Finding::new(rule::C08, during, what).at(gap.sequence);
                    found.push(
                        finding
                            .of_rotation(&rotation.id)
                            .of_secret(&rotation.secret),
                    );
                }
            }
        }
        for incident in self.incidents.values() {
            let Some(secret) = self.secret(&incident.secret) else {
                continue;
            };
            let setting = RotationSetting {
                policy,
                secret,
                incident: Some(incident),
            };
            let revoked = incident
                .rotations
                .iter()
                .filter_map(|id| self.rotations.get(id))
                .any(|rotation| rotation.old_revoked.is_some());
            incident.judge(&setting, revoked, as_of, found);
        }
        self.judge_attestation_age(as_of, found);
    }

    fn judge_attestation_age(&self, as_of: Timestamp, found: &mut Vec<Finding>) {
        if let Some(attested) = self.charter.attested {
            let limit = attested
                .occurred
                .plus_days(self.charter.policy.attestation_days);
            if as_of > limit {
                let finding = Finding::new(
                    rule::C04,
                    format!("attested again by {limit}"),
                    "not attested since",
                );
                found.push(finding.at(attested.sequence));
            }
        }
    }

    /// Marks the findings that an unexpired exception covers. What breaks the ledger itself, or who
    /// may speak in it, cannot be excused.
    pub fn waive(&self, as_of: Timestamp, found: &mut [Finding]) {
        for finding in found {
            if !matches!(
                finding.rule.verdict,
                Verdict::Conformance | Verdict::Coverage
            ) {
                continue;
            }
            let secret = finding.secret.as_ref().and_then(|id| self.secret(id));
            finding.waived_by = secret
                .and_then(|secret| secret.exception(finding.rule.id, as_of))
                .map(|exception| exception.id.clone());
        }
    }
}
