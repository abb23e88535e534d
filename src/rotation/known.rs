//! What the ledger knows already of an event about a rotation, so that nobody has to type it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::{Disposition, Outcome, Phase, RotationOpened, Which};
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
                vec![
                    ("store", json!(secret.store)),
                    ("generator", json!(last.map(|(generator, _)| generator))),
                    ("namespace", json!(last.map(|(_, namespace)| namespace))),
                ]
            }
            "dual_run.started" => vec![("consumers", json!(consumers))],
            "replacement.validated" if ended_early => vec![
                ("phase", json!(Phase::PostRollback)),
                ("version", json!(old_version)),
            ],
            "replacement.validated" => {
                let phase = match self.cutover {
                    Some(_) => Phase::PostCutover,
                    None => Phase::PreCutover,
                };
                vec![("phase", json!(phase)), ("version", json!(new_version))]
            }
            "cutover.completed" => vec![
                ("consumers", json!(self.remaining(secret))),
                ("to_version", json!(new_version)),
            ],
            "health.confirmed" => vec![("services", json!(self.cut_over))],
            "secret.revoked" if ended_early => vec![
                ("target", json!(Which::New)),
                ("version", json!(new_version)),
            ],
            "secret.revoked" => vec![
                ("target", json!(Which::Old)),
                ("version", json!(old_version)),
            ],
            "revocation.verified" => {
                let revoked = self.old_revoked.as_ref().map(|revoked| &revoked.version);
                vec![("version", json!(revoked.or(old_version)))]
            }
            "rotation.completed" => vec![
                ("impacted_services", json!(self.cut_over)),
                ("revoke_confirmed", json!(self.dead.is_some())),
            ],
            "rollback.completed" => vec![
                // One that was revoked is nothing to go back to.
                (
                    "restored_version",
                    json!(old_version.filter(|_| self.old_revoked.is_none())),
                ),
                ("services", json!(consumers)),
            ],
            "rotation.aborted" if self.is_taken_over(secret) => {
                vec![("disposition", json!(Disposition::NewRetained))]
            }
            "rotation.confirmed" => {
                let outcome = self.ending.as_ref().map(|ending| match ending {
                    RotationEnd::Completed(_) => Outcome::Completed,
                    RotationEnd::RolledBack(_) => Outcome::RolledBack,
                    RotationEnd::Aborted(_) => Outcome::Aborted,
                });
                vec![("outcome", json!(outcome))]
            }
            _ => Vec::new(),
        };
        let is_said =
            |value: &Value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty());
        let said = fields.into_iter().filter(|(_, value)| is_said(value));
        said.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What whoever carries it out by a plan says of going back, or of taking back what was generated.
    #[must_use]
    pub fn known_of_plan(&self, event: &str) -> KnownFields {
        let said = match event {
            "rollback.completed" | "rotation.aborted" => {
                let failed = self.failed.map(|failed| format!("{} failed", failed.step));
                let asked = || "whoever rotates asked for it".to_owned();
                let left = match self.generated {
                    Some(_) => Disposition::NewRetained,
                    None => Disposition::NoneGenerated,
                };
                vec![
                    ("reason", json!(failed.unwrap_or_else(asked))),
                    ("disposition", json!(left)),
                ]
            }
            "secret.revoked" if !self.is_open() => vec![("method", json!("delete"))],
            _ => Vec::new(),
        };
        let said = said.into_iter();
        said.map(|(name, value)| (name.to_owned(), value)).collect()
    }
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
        let version = self.version.as_ref().map(|version| json!(version));
        let generated = self.generated.map(|time| json!(time));
        let said = [
            ("consumers", Some(json!(self.consumers))),
            ("old_version", version),
            ("last_rotated", generated),
        ];
        let said = said
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        said.collect()
    }
}
