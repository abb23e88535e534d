//! What a rotation owes at an instant: things that only time, or their absence, brings to light.

use std::time::Duration;

use crate::policy::Policy;
use crate::rule::{self, Finding, Rule};
use crate::time::Timestamp;

use super::facts::{FailedStep, RotationEnd};
use super::frame::{Incident, RotationSetting};
use super::state::Rotation;

impl Rotation {
    /// Pushes to `found` what stands against the rotation at `as_of`.
    pub fn judge(&self, setting: &RotationSetting<'_>, as_of: Timestamp, found: &mut Vec<Finding>) {
        let policy = setting.policy;
        match (&self.ending, self.ended()) {
            (Some(ending), Some(end)) => {
                let limit = end.occurred.plus_days(policy.confirm_days);
                if self.confirmed.is_none() && as_of > limit && !self.is_one_shot() {
                    let expected = format!("rotation.confirmed by {limit}");
                    found.push(self.owes(rule::S64, end.sequence, expected, "not confirmed"));
                }
                found.extend(self.owed_by_end(ending, end.sequence));
            }
            _ => {
                let limit = self.opened.occurred.plus_days(policy.open_days);
                if as_of > limit {
                    let (begun, expected) = (self.opened.sequence, format!("ended by {limit}"));
                    found.push(self.owes(rule::C06, begun, expected, self.state().word()));
                }
                if let Some(FailedStep { at, step }) = self.failed {
                    let what = format!("{step} failed");
                    found.push(self.owes(rule::S70, at.sequence, "the failed step resolved", what));
                }
            }
        }
        found.extend(self.owed_approval(policy, as_of));
    }

    /// What its end leaves open: the proof that the old version is dead, or the way back.
    fn owed_by_end(&self, ending: &RotationEnd, sequence: u64) -> Vec<Finding> {
        let mut owed = Vec::new();
        if matches!(ending, RotationEnd::Completed(_)) {
            if self.dead.is_none() {
                let expected = "revocation.verified that counts";
                owed.push(self.owes(rule::S50, sequence, expected, "none"));
            }
            return owed;
        }
        let is_left = self.new_revoked.is_none() && !self.taken_over;
        if let Some(generated) = self.generated.as_ref().filter(|_| is_left) {
            let expected = format!("secret.revoked of {}", generated.version);
            owed.push(self.owes(rule::S74, sequence, expected, "still valid"));
        }
        if matches!(ending, RotationEnd::RolledBack(_)) && self.restored.is_none() {
            let expected = "a passing validation in phase post_rollback";
            owed.push(self.owes(rule::S73, sequence, expected, "none"));
        }
        owed
    }

    /// The approval that an emergency may have afterwards.
    fn owed_approval(&self, policy: &Policy, as_of: Timestamp) -> Option<Finding> {
        let hours = u64::from(policy.emergency_approval_hours);
        let limit = self
            .opened
            .occurred
            .plus(Duration::from_secs(hours * 3_600));
        let approved = self.approved.as_ref().map(|approval| approval.at.occurred);
        let is_late = approved.unwrap_or(as_of) > limit;
        (self.is_emergency() && !self.is_one_shot() && is_late).then(|| {
            let what = approved.map_or("not approved".to_owned(), |at| at.to_string());
            let expected = format!("approved by {limit}");
            self.owes(rule::S80, self.opened.sequence, expected, what)
        })
    }

    fn owes(
        &self,
        rule: &'static Rule,
        sequence: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        Finding::new(rule, expected, found)
            .at(sequence)
            .of_rotation(&self.id)
            .of_secret(&self.secret)
    }
}

impl Incident {
    /// Pushes to `found` what stands against the incident at `as_of`; `revoked` says whether one
    /// of its rotations revoked the suspect secret.
    pub fn judge(
        &self,
        setting: &RotationSetting<'_>,
        revoked: bool,
        as_of: Timestamp,
        found: &mut Vec<Finding>,
    ) {
        let policy = setting.policy;
        let mut hold = |rule: &'static Rule, expected: String, what: &str| {
            let finding = Finding::new(rule, expected, what)
                .at(self.declared.sequence)
                .of_secret(&self.secret);
            found.push(match self.rotations.first() {
                Some(rotation) => finding.of_rotation(rotation),
                None => finding,
            });
        };
        let revoke_by = self.revoke_by(policy);
        let is_overdue = as_of > revoke_by;
        if is_overdue && self.rotations.is_empty() {
            let expected = format!("an emergency rotation for {}", self.id);
            hold(rule::S84, expected, "none");
        } else if is_overdue && !revoked {
            let expected = format!("the suspect secret revoked by {revoke_by}");
            hold(rule::S81, expected, "not revoked");
        }
        if is_overdue && self.runbook.is_none() {
            let expected = format!("runbook.executed for {}", self.id);
            hold(rule::S82, expected, "not executed");
        }
        let report_by = self.declared.occurred.plus_days(policy.report_days);
        let reported = self.report.map(|report| report.occurred);
        if reported.unwrap_or(as_of) > report_by {
            let expected = format!("post_incident.reported by {report_by}");
            let what = reported.map_or("no report".to_owned(), |at| format!("reported {at}"));
            hold(rule::S83, expected, &what);
        }
    }
}
