//! One incident, or several that were declared in one go: then they are one story.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cli::layout::counted;
use crate::register::{Recorded, Register};
use crate::rotation::Incident;
use crate::text::Id;

pub(super) struct Breach<'r> {
    pub(super) register: &'r Register,
    pub(super) first: &'r Incident,
    pub(super) incidents: Vec<&'r Incident>,
    ids: BTreeSet<&'r Id>,
    secrets: BTreeSet<&'r Id>,
    rotations: BTreeSet<&'r Id>,
    /// What they wait for, and how many of them do.
    pub(super) open: BTreeMap<String, usize>,
}

impl<'r> Breach<'r> {
    pub(super) fn of(register: &'r Register, incidents: Vec<&'r Incident>) -> Option<Self> {
        let mut open = BTreeMap::new();
        let each = incidents.iter();
        let waits = each
            .clone()
            .flat_map(|one| register.incident_waits_for(one));
        waits.for_each(|step| *open.entry(step).or_default() += 1);
        Some(Self {
            register,
            first: incidents.first()?,
            ids: each.clone().map(|one| &one.id).collect(),
            secrets: each.clone().map(|one| &one.secret).collect(),
            rotations: each.flat_map(|one| &one.rotations).collect(),
            incidents,
            open,
        })
    }

    pub(super) fn is_of_many(&self) -> bool {
        self.incidents.len() > 1
    }

    /// Its name, and how many others it is told with.
    pub(super) fn name(&self) -> String {
        match self.incidents.len() - 1 {
            0 => self.first.id.to_string(),
            others => format!("{} and {}", self.first.id, counted(others as u64, "other")),
        }
    }

    pub(super) fn secret(&self) -> String {
        match self.secrets.len() {
            1 => self.first.secret.to_string(),
            many => counted(many as u64, "secret"),
        }
    }

    /// What is open, a line each.
    pub(super) fn open(&self) -> impl Iterator<Item = String> {
        let all = self.incidents.len();
        self.open.iter().map(move |(step, many)| match all {
            1 => step.clone(),
            _ => format!("{step}, {many} of {all}"),
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let open = self.open.iter();
        let open = open.map(|(step, many)| json!({ "step": step, "incidents": many }));
        json!({
            "incidents": self.ids,
            "secrets": self.secrets,
            "trigger": self.first.trigger,
            "detected_utc": self.first.detected,
            "declared_utc": self.first.declared.occurred,
            "rotations": self.rotations,
            "open": open.collect::<Vec<_>>(),
        })
    }

    /// The last entry that belongs to it; none while it waits for something.
    pub(super) fn end(&self) -> Option<u64> {
        let reports = self.incidents.iter().filter_map(|one| one.report);
        let known = &self.register.rotations;
        let rotations = self.rotations.iter().filter_map(|id| known.get(*id));
        let ends = reports.chain(rotations.filter_map(|rotation| rotation.confirmed));
        let last = ends.map(|at| at.sequence).max();
        last.filter(|_| self.open.is_empty())
    }

    /// Whether an entry is about the incident or its rotations, or about the secret while it was open.
    pub(super) fn is_told_by(&self, recorded: &Recorded<'_>, end: Option<u64>) -> bool {
        let event = recorded.event;
        let is_among = |ids: &BTreeSet<&Id>, id: Option<&Id>| id.is_some_and(|id| ids.contains(id));
        let is_since = recorded.occurred >= self.first.detected
            && end.is_none_or(|end| recorded.sequence <= end);
        is_among(&self.ids, event.incident())
            || is_among(&self.rotations, event.rotation())
            || is_since && is_among(&self.secrets, self.register.subject(event).as_ref())
    }
}
