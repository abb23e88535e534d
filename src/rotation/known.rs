//! What the ledger knows already of an event about a rotation, so that nobody has to type it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::{Disposition, Phase, RotationOpened, Which};
use crate::inventory::Secret;
use crate::text::Id;

use super::facts::RotationEnd;
use super::state::Rotation;

/// Fields of an event by their names.
pub type KnownFields = BTreeMap<String, Value>;

impl Rotation {
    /// The fields of the event of this name that follow from what was said before. Whoever says it may say something
    /// else; what only a person can know is not among them.
    #[must_use]
    pub fn known(&self, event: &str, secret: &Secret) -> KnownFields {
        let new_version = self.generated.as_ref().map(|generated| &generated.version);
        let old_version = self.old_version.as_ref().or(secret.version.as_ref());
        let consumers: Vec<_> = self.all_consumers(secret).collect();
        let ended_early = matches!(
            self.ending,
            Some(RotationEnd::RolledBack(_) | RotationEnd::Aborted(_))
        );
        let fields = match event {
            "replacement.generated" => {
                let last = secret.generator.as_ref();
                json!({
                    "store": secret.store,
                    "generator": last.map(|(generator, _)| generator),
                    "namespace": last.map(|(_, namespace)| namespace),
                })
            }
            "dual_run.started" => json!({ "consumers": consumers }),
            "replacement.validated" if ended_early => {
                json!({ "phase": Phase::PostRollback, "version": old_version })
            }
            "replacement.validated" if self.cutover.is_some() => {
                json!({ "phase": Phase::PostCutover, "version": new_version })
            }
            "replacement.validated" => {
                json!({ "phase": Phase::PreCutover, "version": new_version })
            }
            "cutover.completed" => {
                json!({ "consumers": self.remaining(secret), "to_version": new_version })
            }
            "health.confirmed" => json!({ "services": self.cut_over }),
            "secret.revoked" if ended_early => {
                json!({ "target": Which::New, "version": new_version })
            }
            "secret.revoked" => json!({ "target": Which::Old, "version": old_version }),
            "revocation.verified" => {
                let revoked = self.old_revoked.as_ref().map(|revoked| &revoked.version);
                json!({ "version": revoked.or(old_version) })
            }
            "rotation.completed" => {
                json!({ "impacted_services": self.cut_over, "revoke_confirmed": self.dead.is_some() })
            }
            "rollback.completed" => {
                // One that was revoked is nothing to go back to.
                let restored = old_version.filter(|_| self.old_revoked.is_none());
                json!({ "restored_version": restored, "services": consumers })
            }
            "rotation.aborted" if self.is_taken_over(secret) => {
                json!({ "disposition": Disposition::NewRetained })
            }
            "rotation.confirmed" => json!({ "outcome": self.outcome() }),
            _ => Value::Null,
        };
        said(fields)
    }

    /// What whoever carries it out by a plan says of going back, or of taking back what was generated.
    #[must_use]
    pub fn known_of_plan(&self, event: &str) -> KnownFields {
        said(match event {
            "rollback.completed" | "rotation.aborted" => {
                let failed = self.failed.map(|failed| format!("{} failed", failed.step));
                let asked = || "whoever rotates asked for it".to_owned();
                let left = match self.generated {
                    Some(_) => Disposition::NewRetained,
                    None => Disposition::NoneGenerated,
                };
                json!({ "reason": failed.unwrap_or_else(asked), "disposition": left })
            }
            "secret.revoked" if !self.is_open() => json!({ "method": "delete" }),
            _ => Value::Null,
        })
    }
}

/// Those of the fields that say something.
fn said(fields: Value) -> KnownFields {
    let is_said =
        |value: &Value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty());
    let fields = fields.as_object().cloned().unwrap_or_default().into_iter();
    fields.filter(|(_, value)| is_said(value)).collect()
}

/// What the SOP asks for in the event of this name, although it can be said without.
#[must_use]
pub fn asked_for(event: &str) -> &'static [&'static str] {
    match event {
        "rotation.approved" => &["no_window"],
        "preconditions.confirmed" => &[
            "inventory",
            "rollback_plan",
            "maintenance_window",
            "access_logging",
        ],
        "dual_run.started" => &["planned_end"],
        "revocation.verified" => &["access_log", "access_from", "access_to", "hits"],
        _ => &[],
    }
}

/// How the ticket of an opening begins that belongs to a campaign.
const CAMPAIGN: &str = "campaign:";

/// The ticket of the openings of a campaign.
#[must_use]
pub fn campaign_ticket(name: &Id) -> String {
    format!("{CAMPAIGN}{name}")
}

impl RotationOpened {
    /// The campaign that it belongs to, where it says so.
    #[must_use]
    pub fn campaign(&self) -> Option<&str> {
        self.ticket.as_ref()?.as_str().strip_prefix(CAMPAIGN)
    }
}

impl Secret {
    /// The same of the opening of a rotation of this secret.
    #[must_use]
    pub fn known_at_opening(&self) -> KnownFields {
        let (version, generated) = (&self.version, self.generated);
        let mut known = said(json!({ "old_version": version, "last_rotated": generated }));
        known.insert("consumers".to_owned(), json!(self.consumers));
        known
    }
}
