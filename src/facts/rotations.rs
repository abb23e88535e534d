//! What is said of each rotation of a part: a row, and the template of SOP 8 where it was completed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::register::Register;
use crate::rotation::Rotation;
use crate::text::Id;
use crate::verify::{LedgerPart, Report, select};

use super::dossier::Dossier;
use super::template::template;

/// What is said of one rotation.
pub(super) struct RotationStory {
    pub(super) id: Id,
    /// As `rotations.json` has it.
    pub(super) row: Value,
    /// The template, and the file of a pack that it stands in.
    pub(super) template: Option<(String, String)>,
}

/// What is said of each selected rotation, by their opening.
pub(super) fn told(dossier: &Dossier<'_>, register: &Register) -> Vec<RotationStory> {
    let as_of = dossier.record.entry.recorded;
    let selected = select(register, &dossier.selection.part, as_of);
    let names = names(&selected);
    let against = against(dossier.report);
    let tell = |rotation: &&Rotation| {
        let path = names
            .get(&rotation.id)
            .filter(|_| rotation.completion().is_some());
        let template = path.and_then(|path| {
            let template = template(dossier.report, &rotation.id).ok()?;
            Some((path.clone(), template.to_string()))
        });
        let path = template.as_ref().map(|(path, _)| path.clone());
        RotationStory {
            id: rotation.id.clone(),
            row: row(rotation, register, &against, path),
            template,
        }
    };
    selected.rotations.iter().map(tell).collect()
}

/// The file of each rotation's template. An id that cannot be a file's name everywhere, or is another's in
/// other case, is named by the entry that opened it.
fn names(selected: &LedgerPart<'_>) -> BTreeMap<Id, String> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for rotation in &selected.rotations {
        *seen
            .entry(rotation.id.as_str().to_ascii_lowercase())
            .or_default() += 1;
    }
    let name = |rotation: &&Rotation| {
        let id = rotation.id.as_str();
        let plain = id
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c));
        let alone = seen.get(&id.to_ascii_lowercase()) == Some(&1);
        let path = match plain && alone && !id.starts_with('.') {
            true => format!("evidence/{id}.txt"),
            false => format!("evidence/by-entry/{:09}.txt", rotation.opened.sequence),
        };
        (rotation.id.clone(), path)
    };
    selected.rotations.iter().map(name).collect()
}

/// The rules that are held against rotations and count, and those that an exception covers or somebody accepted.
pub(super) type RuleHits<'r> = BTreeMap<&'r Id, (BTreeSet<&'static str>, BTreeSet<&'static str>)>;

pub(super) fn against(report: &Report) -> RuleHits<'_> {
    let mut against = RuleHits::new();
    for finding in &report.findings {
        let Some(rotation) = &finding.rotation else {
            continue;
        };
        let (open, waived) = against.entry(rotation).or_default();
        let rules = match finding.is_open() {
            true => open,
            false => waived,
        };
        rules.insert(finding.rule.id);
    }
    against
}

pub(super) fn row(
    rotation: &Rotation,
    register: &Register,
    against: &RuleHits<'_>,
    evidence: Option<String>,
) -> Value {
    let completion = rotation.completion();
    let (findings, waived) = against.get(&rotation.id).cloned().unwrap_or_default();
    let at =
        |moment: Option<crate::rotation::EntryMoment>| moment.map(|at| at.occurred.to_seconds());
    json!({
        "rotation": rotation.id,
        "secret": rotation.secret,
        "secret_name": register.secrets.get(&rotation.secret).map(|known| &known.secret.name),
        "reason": rotation.reason.word(),
        "incident": rotation.incident,
        "state": rotation.state().word(),
        "opened_utc": rotation.opened.occurred.to_seconds(),
        "opened_by_entry": rotation.opened.sequence,
        "approved_by": rotation.approved.as_ref().map(|approval| &approval.by),
        "approved_utc": rotation.approved.as_ref().map(|approval| approval.at.occurred.to_seconds()),
        "preconditions_utc": at(rotation.preconditions.map(|confirmed| confirmed.at)),
        "generated_utc": at(rotation.generated.as_ref().map(|generated| generated.at)),
        "dual_run_utc": at(rotation.dual_run.map(|run| run.at)),
        "validated_utc": at(rotation.validated),
        "cutover_utc": at(rotation.cutover),
        "health_utc": at(rotation.health.map(|health| health.at)),
        "old_version": rotation.old_version,
        "new_version": rotation.generated.as_ref().map(|generated| &generated.version),
        "old_revoked_utc": at(rotation.old_revoked.as_ref().map(|revoked| revoked.at)),
        "revocation_verified_utc": at(rotation.dead),
        "revocation_verified_by_entry": rotation.dead.map(|dead| dead.sequence),
        "operators": rotation.operators,
        "started_utc": completion.map(|completion| completion.started.to_seconds()),
        "completed_utc": completion.map(|completion| completion.completed.to_seconds()),
        "ended_utc": at(rotation.ended()),
        "ended_by_entry": rotation.ended().map(|end| end.sequence),
        "confirmed_utc": at(rotation.confirmed),
        "confirmed_by_entry": rotation.confirmed.map(|confirmed| confirmed.sequence),
        "findings": findings,
        "waived": waived,
        "evidence": evidence,
    })
}
