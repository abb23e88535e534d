//! What a rotation owes at an instant: things that only time, or their absence, brings to light.

use std::time::Duration;

use crate::rule;
use crate::rule::Finding;
use crate::rule::Rule;
use crate::time::Timestamp;

use super::facts::Ending;
use super::frame::Incident;
use super::frame::Setting;
use super::state::Rotation;

const HOUR: u64 = 3_600;

impl Rotation {
    /// Pushes to `found` what stands against the rotation at `as_of`.
    pub fn judge(&self, setting: &Setting<'_>, as_of: Timestamp, found: &mut Vec<Finding>) {
        let policy = setting.policy;
        let mut hold = |rule: &'static Rule, sequence: u64, expected: String, what: String| {
            found.push(
                Finding::new(rule, expected, what)
                    .at(sequence)
                    .of_rotation(&self.id)
                    .of_secret(&self.secret),
            );
        };
        match (&self.ending, self.ended()) {
            (Some(ending), Some(end)) => {
                let limit = end.occurred.plus_days(policy.confirm_days);
                if self.confirmed.is_none() && as_of > limit && !self.is_one_shot() {
                    hold(
                        rule::S64,
                        end.sequence,
                        format!("rotation.confirmed by {limit}"),
                        "not confirmed".to_owned(),
                    );
                }
                match ending {
                    Ending::Completed(_) if self.dead.is_none() => {
                        hold(
                            rule::S50,
                            end.sequence,
                            "revocation.verified that counts".to_owned(),
                            "none".to_owned(),
                        );
                    }
                    Ending::Completed(_) => {}
                    Ending::RolledBack(_) | Ending::Aborted(_) => {
                        if let Some(generated) = self
                            .generated
                            .as_ref()
                            .filter(|_| self.new_revoked.is_none())
                        {
                            let version = &generated.version;
                            hold(
                                rule::S74,
                                end.sequence,
                                format!("secret.revoked of {version}"),
                                "still valid".to_owned(),
                            );
                        }
                        if matches!(ending, Ending::RolledBack(_)) && self.restored.is_none() {
                            hold(
                                rule::S73,
                                end.sequence,
                                "a passing validation in phase post_rollback".to_owned(),
                                "none".to_owned(),
                            );
                        }
                    }
                }
            }
            _ => {
                let limit = self.opened.occurred.plus_days(policy.open_days);
                if as_of > limit {
                    hold(
                        rule::C06,
                        self.opened.sequence,
                        format!("ended by {limit}"),
                        self.state().word().to_owned(),
                    );
                }
                if let Some(failed) = self.failed {
                    hold(
                        rule::S70,
                        failed.at.sequence,
                        "the failed step resolved".to_owned(),
                        format!("{} failed", failed.step),
                    );
                }
            }
        }
        if self.is_emergency() && !self.is_one_shot() {
            let limit = self.opened.occurred.plus(Duration::from_secs(
                u64::from(policy.emergency_approval_hours) * HOUR,
            ));
            let approved = self.approved.as_ref().map(|approval| approval.at.occurred);
            if approved.map_or(as_of > limit, |approved| approved > limit) {
                let what = approved.map_or_else(
                    || "not approved".to_owned(),
                    |approved| approved.to_string(),
                );
                hold(
                    rule::S80,
                    self.opened.sequence,
                    format!("approved by {limit}"),
                    what,
                );
            }
        }
    }
}

impl Incident {
    /// Pushes to `found` what stands against the incident at `as_of`; `revoked` says whether one
    /// of its rotations revoked the suspect secret.
    pub fn judge(
        &self,
        setting: &Setting<'_>,
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
        let revoke_by = self.detected.plus(Duration::from_secs(
            u64::from(policy.emergency_revoke_minutes) * 60,
        ));
        if self.rotations.is_empty() {
            if as_of > revoke_by {
                hold(
                    rule::S84,
                    format!("an emergency rotation for {}", self.id),
                    "none",
                );
            }
        } else if !revoked && as_of > revoke_by {
            hold(
                rule::S81,
                format!("the suspect secret revoked by {revoke_by}"),
                "not revoked",
            );
        }
        let report_by = self.declared.occurred.plus_days(policy.report_days);
        if self.runbook.is_none() && as_of > revoke_by {
            hold(
                rule::S82,
                format!("runbook.executed for {}", self.id),
                "not executed",
            );
        }
        match self.report {
            None if as_of > report_by => hold(
                rule::S83,
                format!("post_incident.reported by {report_by}"),
                "no report",
            ),
            Some(report) if report.occurred > report_by => {
                hold(
                    rule::S83,
                    format!("post_incident.reported by {report_by}"),
                    &format!("reported {}", report.occurred),
                );
            }
            None | Some(_) => {}
        }
    }
}
