//! How a campaign stands: the rotations that were opened under one name, out of what was verified.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::event::Event;
use crate::rotation::{Rotation, RotationState};
use crate::text::Id;
use crate::verify::Report;

use super::rotations::{against, row};

/// What the row of a rotation in a campaign has, in this order.
pub const CAMPAIGN_COLUMNS: &str = "secret,rotation,reason,state,opened_utc,completed_utc,confirmed_utc,\
    revoke_confirmed,findings,waived,waits_for";

/// Every campaign, with its rotations in the order of their opening. The report has to have kept what was said.
#[must_use]
pub fn campaigns(report: &Report) -> BTreeMap<&str, Vec<&Id>> {
    let mut campaigns: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for said in report.said().into_iter().flat_map(|said| said.get()) {
        if let Event::RotationOpened(opened) = &said.event
            && let Some(name) = opened.campaign()
        {
            campaigns.entry(name).or_default().push(&opened.rotation);
        }
    }
    campaigns
}

/// How a campaign stands: how many of it ended and how, what the others wait for, and a row for each; nothing where
/// there is none of this name, or the ledger did not verify.
#[must_use]
pub fn campaign(report: &Report, name: &str) -> Option<Value> {
    let register = report.register()?.get();
    let members = campaigns(report).remove(name)?;
    let members = members.into_iter();
    let rotations = members.filter_map(|id| Some(&**register.rotations.get(id)?));
    let rotations: Vec<&Rotation> = rotations.collect();
    let hits = against(report);
    let mut waits: BTreeMap<String, (u64, Vec<_>)> = BTreeMap::new();
    let mut rows = Vec::with_capacity(rotations.len());
    for rotation in &rotations {
        let mut steps = Vec::new();
        for step in register.waits_for(rotation) {
            let what = step.events().join(" or ");
            let waiting = waits.entry(what.clone());
            waiting.or_insert_with(|| (0, step.roles())).0 += 1;
            steps.push(what);
        }
        let mut row = row(rotation, register, &hits, None);
        // What its author claims is not enough.
        let is_dead = rotation.completion().map(|_| rotation.dead.is_some());
        row["revoke_confirmed"] = json!(is_dead);
        row["waits_for"] = json!(steps);
        let columns = CAMPAIGN_COLUMNS.split(',');
        let columns = columns.map(|name| (name.to_owned(), row[name].take()));
        rows.push(columns.collect::<Value>());
    }
    let count = |is: &dyn Fn(&Rotation) -> bool| rotations.iter().filter(|one| is(one)).count();
    let waits = waits.into_iter();
    let waits = waits
        .map(|(step, (many, roles))| json!({ "step": step, "rotations": many, "roles": roles }));
    let has_findings = |one: &Rotation| hits.get(&one.id).is_some_and(|(open, _)| !open.is_empty());
    Some(json!({
        "campaign": name,
        "as_of": report.as_of,
        "rotations": rotations.len(),
        "confirmed": count(&|one| one.confirmed.is_some()),
        "completed": count(&|one| one.state() == RotationState::Completed),
        "open": count(&Rotation::is_open),
        "with_findings": count(&has_findings),
        "waits_for": waits.collect::<Vec<_>>(),
        "table": rows,
    }))
}
