//! The SOP's "Rotation Evidence" template (SOP 8), out of what was verified and nothing else.
//!
//! The heading, then nine lines in the SOP's order. Texts in it are single lines without control
//! characters by their types, so no summary can forge another line. It is printed only for a
//! rotation that was completed and whose entries all verified.

use std::fmt;

use crate::event::Reason;
use crate::rotation::{Rotation, RotationEnd};
use crate::rule::Verdict;
use crate::text::Id;
use crate::time::Timestamp;
use crate::verify::{Conclusion, Report};

/// The nine facts of SOP 8 about one completed, verified rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    secret_id: Id,
    rotated_by: String,
    reason: Reason,
    started: Timestamp,
    completed: Timestamp,
    impacted_services: Vec<Id>,
    validation_summary: String,
    revoke_confirmed: bool,
}

/// Why there is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTemplate {
    /// The ledger, or this rotation's part of it, did not verify.
    #[error("rotation {rotation}: no template, because {why}")]
    NotVerified {
        /// The rotation.
        rotation: Id,
        /// What did not verify.
        why: String,
    },
    /// There is no such rotation.
    #[error("there is no rotation `{0}` in this ledger")]
    Unknown(Id),
    /// It was not completed; these fields of the template have no fact behind them.
    #[error("rotation {rotation} is {state}; missing in the template: {}", missing.join(", "))]
    Incomplete {
        /// The rotation.
        rotation: Id,
        /// Where it stands.
        state: &'static str,
        /// The template's fields without a fact.
        missing: Vec<&'static str>,
    },
}

impl NoTemplate {
    /// What it comes to: a rotation that is not completed is a finding.
    #[must_use]
    pub const fn conclusion(&self) -> Conclusion {
        match self {
            Self::Incomplete { .. } => Conclusion::Findings,
            _ => Conclusion::NotVerified,
        }
    }
}

/// The template of one rotation.
///
/// # Errors
/// Where the ledger or the rotation's entries did not verify, where it is not known, or not
/// completed.
pub fn template(report: &Report, rotation: &Id) -> Result<Template, NoTemplate> {
    let not_verified = |why: String| NoTemplate::NotVerified {
        rotation: rotation.clone(),
        why,
    };
    let Some(register) = report.register() else {
        return Err(not_verified("the ledger's integrity is broken".to_owned()));
    };
    let unauthorised = report.findings.iter().find(|finding| {
        finding.rule.verdict == Verdict::Authority && finding.rotation.as_ref() == Some(rotation)
    });
    if let Some(finding) = unauthorised {
        let entry = finding.sequence.unwrap_or_default();
        return Err(not_verified(format!(
            "entry {entry} of it has no authority: {}",
            finding.found
        )));
    }
    let known = register.get().rotations.get(rotation);
    fill(known.ok_or_else(|| NoTemplate::Unknown(rotation.clone()))?)
}

/// The ids of the completed rotations that were asked for, by completion; none where nothing verified.
#[must_use]
pub fn completed(report: &Report) -> Vec<&Id> {
    let completion = |rotation: &Rotation| {
        rotation
            .completion()
            .map(|completion| completion.at.sequence)
    };
    let register = report.register().into_iter();
    let mut rotations: Vec<_> = register
        .flat_map(|register| register.get().rotations.values())
        .filter(|rotation| report.selects(rotation))
        .filter_map(|rotation| Some((completion(rotation)?, &rotation.id)))
        .collect();
    rotations.sort_unstable();
    rotations.into_iter().map(|(_, id)| id).collect()
}

fn fill(rotation: &Rotation) -> Result<Template, NoTemplate> {
    let Some(RotationEnd::Completed(completion)) = &rotation.ending else {
        let missing = vec![
            "completed_utc",
            "impacted_services",
            "validation_summary",
            "revoke_confirmed",
        ];
        return Err(NoTemplate::Incomplete {
            rotation: rotation.id.clone(),
            state: rotation.state().word(),
            missing,
        });
    };
    if completion.impacted_services.is_empty() {
        return Err(NoTemplate::Incomplete {
            rotation: rotation.id.clone(),
            state: rotation.state().word(),
            missing: vec!["impacted_services"],
        });
    }
    Ok(Template {
        secret_id: rotation.secret.clone(),
        rotated_by: completion.rotated_by.clone(),
        reason: rotation.reason,
        started: completion.started,
        completed: completion.completed,
        impacted_services: completion.impacted_services.clone(),
        validation_summary: completion.validation_summary.to_string(),
        // What the author claims is not enough: a revocation.verified has to stand behind it.
        revoke_confirmed: rotation.dead.is_some(),
    })
}

impl Template {
    /// The nine lines by name and value, in the SOP's order.
    #[must_use]
    pub fn lines(&self) -> [(&'static str, String); 9] {
        let services: Vec<_> = self.impacted_services.iter().map(Id::as_str).collect();
        let revoke_confirmed = if self.revoke_confirmed { "yes" } else { "no" };
        [
            ("secret_id", self.secret_id.to_string()),
            ("environment", "prod".to_owned()),
            ("rotated_by", self.rotated_by.clone()),
            ("rotation_reason", self.reason.to_string()),
            ("started_utc", self.started.to_seconds()),
            ("completed_utc", self.completed.to_seconds()),
            ("impacted_services", services.join(", ")),
            ("validation_summary", self.validation_summary.clone()),
            ("revoke_confirmed", revoke_confirmed.to_owned()),
        ]
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Rotation Evidence")?;
        self.lines()
            .iter()
            .try_for_each(|(name, value)| writeln!(f, "- {name}: {value}"))
    }
}
