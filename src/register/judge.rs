//! What stands against a whole register, and which findings an exception covers.

use crate::event::InventoryAttested;
use crate::rotation::Rotation;
use crate::rule::{self, Finding, FindingStatus};
use crate::time::Timestamp;

use super::Register;

impl Register {
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
        self.judge_ages(as_of, found);
        for rotation in self.rotations.values() {
            if let Some(setting) = self.setting(&rotation.secret, None) {
                rotation.judge(&setting, as_of, found);
                self.judge_gaps(rotation, as_of, found);
            }
        }
        for incident in self.incidents.values() {
            if let Some(setting) = self.setting(&incident.secret, Some(&incident.id)) {
                let mut rotations = incident.rotations.iter();
                let revoked = rotations.any(|id| {
                    let rotation = self.rotations.get(id);
                    rotation.is_some_and(|rotation| rotation.old_revoked.is_some())
                });
                incident.judge(&setting, revoked, as_of, found);
            }
        }
        self.judge_attestation_age(as_of, found);
    }

    fn judge_ages(&self, as_of: Timestamp, found: &mut Vec<Finding>) {
        let policy = &self.charter.policy;
        for secret in self.overdue_secrets(as_of) {
            let expected = match secret.age(policy, as_of).due {
                Some(due) => format!("rotated by {due}"),
                None => format!("a rotation every {} days", secret.max_age(policy)),
            };
            let what = match secret.generated {
                Some(generated) => format!("generated {generated}"),
                None => "never rotated, as far as is known".to_owned(),
            };
            let finding = Finding::new(rule::C30, expected, what).at(secret.registered);
            found.push(finding.of_secret(&secret.id));
        }
    }

    /// The times in which a source was not listening while the rotation was under way.
    fn judge_gaps(&self, rotation: &Rotation, as_of: Timestamp, found: &mut Vec<Finding>) {
        let begin = rotation.opened.occurred;
        let end = rotation.ended().map_or(as_of, |end| end.occurred);
        let gaps = self.charter.gaps.iter();
        for gap in gaps.filter(|gap| gap.from <= end && gap.to >= begin) {
            let during = format!("listening from {begin} to {end}");
            let what = format!("silent from {} to {}", gap.from, gap.to);
            let finding = Finding::new(rule::C08, during, what).at(gap.sequence);
            let finding = finding.of_rotation(&rotation.id);
            found.push(finding.of_secret(&rotation.secret));
        }
    }

    fn judge_attestation_age(&self, as_of: Timestamp, found: &mut Vec<Finding>) {
        let Some(attested) = self.charter.attested else {
            return;
        };
        let days = self.charter.policy.attestation_days;
        let limit = attested.occurred.plus_days(days);
        if as_of > limit {
            let expected = format!("attested again by {limit}");
            let finding = Finding::new(rule::C04, expected, "not attested since");
            found.push(finding.at(attested.sequence));
        }
    }

    /// Marks the findings that an unexpired exception covers. What breaks the ledger itself, or who
    /// may speak in it, cannot be excused.
    pub fn waive(&self, as_of: Timestamp, found: &mut [Finding]) {
        let may_be =
            |finding: &&mut Finding| finding.rule.verdict.is_of_rotations() && finding.is_open();
        for finding in found.iter_mut().filter(may_be) {
            let secret = finding.secret.as_ref().and_then(|id| self.secret(id));
            let exception = secret.and_then(|secret| secret.exception(finding.rule.id, as_of));
            if let Some(exception) = exception {
                finding.status = FindingStatus::Waived {
                    exception: exception.id.clone(),
                    until: exception.expires,
                };
            }
        }
    }
}
