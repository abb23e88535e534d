//! From the old secret to the new (SOP 6, Steps 4 and 5): cutover, health, revocation, and the proof
//! that the old one is dead.

use crate::event::{
    CutoverCompleted, HealthConfirmed, NegativeTest, RevocationVerified, SecretRevoked, Step,
    TestResult, Which,
};
use crate::rule;
use crate::text::Reference;
use crate::time::Timestamp;

use super::entry::{RotationEntry, list};
use super::facts::{HealthCheck, RevokedVersion};
use super::state::Rotation;

impl Rotation {
    pub(super) fn cut_over(&mut self, entry: &mut RotationEntry<'_>, cutover: &CutoverCompleted) {
        self.need_generated(entry);
        self.need_new_version(entry, &cutover.to_version);
        if !self.is_emergency() {
            if self.dual_run.is_none() {
                let expected = "dual_run.started or dual_run.not_supported before it";
                entry.breaks(rule::S29, expected, "neither");
            }
            if self.validated.is_none() {
                entry.breaks(rule::S37, "a passing validation before it", "none");
            }
        }
        if self
            .last_result
            .is_some_and(|result| result != TestResult::Pass)
        {
            let found = self.last_result.map_or("", TestResult::word);
            entry.breaks(rule::S38, "pass", found);
        }
        if let Some(end) = self.dual_run.and_then(|dual_run| dual_run.planned_end)
            && entry.told.occurred > end
        {
            let found = entry.told.occurred.to_string();
            entry.breaks(rule::S36, format!("by {end}"), found);
        }
        self.check_window(entry);
        let unknown: Vec<_> = cutover
            .consumers
            .iter()
            .filter(|id| {
                !self
                    .all_consumers(entry.setting.secret)
                    .any(|known| known == *id)
            })
            .cloned()
            .collect();
        if !unknown.is_empty() {
            entry.breaks(rule::S40, "consumers of the inventory", list(&unknown));
        }
        for consumer in &cutover.consumers {
            if !self.cut_over.contains(consumer) {
                self.cut_over.push(consumer.clone());
            }
        }
        self.cutover = Some(entry.told.moment());
        self.resolve(Step::Cutover);
    }

    pub(super) fn confirm_health(
        &mut self,
        entry: &mut RotationEntry<'_>,
        health: &HealthConfirmed,
    ) {
        let remaining = self.remaining(entry.setting.secret);
        if !remaining.is_empty() {
            let found = format!("not yet: {}", list(&remaining));
            entry.breaks(rule::S28, "every consumer cut over", found);
        }
        self.health = Some(HealthCheck {
            at: entry.told.moment(),
            healthy: health.healthy,
        });
        if health.healthy {
            self.resolve(Step::Health);
        }
    }

    pub(super) fn revoke(&mut self, entry: &mut RotationEntry<'_>, revoked: &SecretRevoked) {
        let new_version = self.generated.as_ref().map(|generated| &generated.version);
        match revoked.target {
            Which::Old => {
                if new_version == Some(&revoked.version) {
                    let found = format!("{}, the new one", revoked.version);
                    entry.breaks(rule::S45, "the old version", found);
                } else if self
                    .old_version
                    .as_ref()
                    .is_some_and(|old| *old != revoked.version)
                {
                    let old = self.old_version.as_ref().map_or("", Reference::as_str);
                    entry.breaks(rule::S45, old, revoked.version.as_str());
                }
                self.judge_revocation_order(entry, revoked);
                self.old_revoked = Some(RevokedVersion {
                    at: entry.told.moment(),
                    effective: revoked.effective,
                    version: revoked.version.clone(),
                });
            }
            Which::New => {
                if new_version != Some(&revoked.version) {
                    let new = new_version.map_or("a generated replacement", Reference::as_str);
                    entry.breaks(rule::S45, new, revoked.version.as_str());
                }
                self.new_revoked = Some(entry.told.moment());
            }
        }
        self.resolve(Step::Revoke);
    }

    pub(super) fn judge_revocation_order(
        &self,
        entry: &mut RotationEntry<'_>,
        revoked: &SecretRevoked,
    ) {
        if self.is_emergency() {
            if let Some(incident) = entry.setting.incident {
                let limit = incident.revoke_by(entry.setting.policy);
                if revoked.effective > limit {
                    let found = revoked.effective.to_string();
                    entry.breaks(rule::S81, format!("by {limit}"), found);
                }
            }
            return;
        }
        let remaining = self.remaining(entry.setting.secret);
        if !remaining.is_empty() {
            let found = format!("not yet: {}", list(&remaining));
            entry.breaks(rule::S43, "every consumer cut over before", found);
        } else if self.health.is_none() {
            entry.breaks(rule::S43, "health confirmed before", "not confirmed yet");
        }
        if let Some(health) = self.health.filter(|health| !health.healthy) {
            let found = format!("unhealthy in entry {}", health.at.sequence);
            entry.breaks(rule::S42, "healthy services", found);
        }
        if let Some(cutover) = self
            .cutover
            .filter(|cutover| revoked.effective < cutover.occurred)
        {
            let after = format!("effective after the cutover in entry {}", cutover.sequence);
            entry.breaks(rule::T03, after, revoked.effective.to_string());
        }
        if revoked.effective > entry.told.occurred {
            let expected = format!("effective by {}", entry.told.occurred);
            entry.breaks(rule::T03, expected, revoked.effective.to_string());
        }
    }

    pub(super) fn verify_revocation(
        &mut self,
        entry: &mut RotationEntry<'_>,
        verified: &RevocationVerified,
    ) {
        let Some(revoked) = &self.old_revoked else {
            entry.breaks(rule::S48, "secret.revoked before it", "not revoked yet");
            return;
        };
        if revoked.version != verified.version {
            let found = verified.version.as_str();
            entry.breaks(rule::S45, revoked.version.as_str(), found);
            return;
        }
        if verified.tested_at < revoked.effective || verified.tested_at > entry.told.recorded {
            let span = format!("from {} to {}", revoked.effective, entry.told.recorded);
            entry.breaks(rule::S53, span, verified.tested_at.to_string());
            return;
        }
        let hits = verified.hits.unwrap_or(0);
        match verified.test {
            NegativeTest::NetworkError => entry.breaks(rule::S51, "auth_rejected", "network_error"),
            NegativeTest::StillValid => entry.breaks(rule::S52, "auth_rejected", "still_valid"),
            NegativeTest::AuthRejected | NegativeTest::NotPossible if hits > 0 => {
                let found = format!("{hits} accesses");
                entry.breaks(rule::S52, "no access by the old secret", found);
            }
            NegativeTest::NotPossible if !has_access_proof(verified, revoked.effective) => {
                let expected = "why, the access log, its time after the revocation, and its hits";
                entry.breaks(rule::S54, expected, "some are missing");
            }
            NegativeTest::AuthRejected | NegativeTest::NotPossible => {
                self.dead.get_or_insert(entry.told.moment());
                self.resolve(Step::VerifyRevocation);
            }
        }
    }
}

/// Whether an access log speaks where a test could not: over a time after the revocation.
pub(super) fn has_access_proof(verified: &RevocationVerified, effective: Timestamp) -> bool {
    verified.why.is_some()
        && verified.access_log.is_some()
        && verified.hits.is_some()
        && verified.access_from.is_some()
        && verified.access_to.is_some_and(|end| {
            end > effective && verified.access_from.is_none_or(|start| start < end)
        })
}

pub(super) fn judge_revocation_claim(claimed: bool, dead: bool, entry: &mut RotationEntry<'_>) {
    if claimed && !dead {
        let found = "no proof that counts";
        entry.breaks(rule::S60, "revocation.verified before it", found);
    }
    if !claimed {
        entry.breaks(rule::S61, "yes", "no");
    }
}
