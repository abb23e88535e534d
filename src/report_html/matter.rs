//! What a page tells: the rotations selected, what was said about each, what is held against each.

use std::collections::BTreeMap;

use crate::event::Event;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::rule::Finding;
use crate::text::Id;
use crate::verify::Admitted;
use crate::verify::Report;

use super::Selection;

/// A report, looked up the ways in which a page needs it.
pub(super) struct Matter<'a> {
    pub(super) report: &'a Report,
    pub(super) selection: &'a Selection,
    /// What the entries amount to, where integrity passed.
    pub(super) register: Option<&'a Register>,
    /// The rotations that are told, by their opening.
    pub(super) rotations: Vec<&'a Rotation>,
    by_rotation: BTreeMap<&'a Id, Vec<&'a Admitted>>,
    by_incident: BTreeMap<&'a Id, Vec<&'a Admitted>>,
    /// Remarks and corrections, by the entry that they are about.
    by_entry: BTreeMap<u64, Vec<&'a Admitted>>,
    findings: BTreeMap<&'a Id, Vec<&'a Finding>>,
}

impl<'a> Matter<'a> {
    pub(super) fn new(report: &'a Report, selection: &'a Selection) -> Self {
        let register = report.register().map(|register| register.get());
        let chosen = |rotation: &Rotation| match &selection.rotations {
            Some(ids) => ids.contains(&rotation.id),
            None => report.selects(rotation),
        };
        let mut rotations: Vec<&Rotation> = register
            .iter()
            .flat_map(|register| register.rotations.values())
            .map(AsRef::as_ref)
            .filter(|rotation| chosen(rotation))
            .collect();
        rotations.sort_by_key(|rotation| rotation.opened.sequence);
        let mut matter = Self {
            report,
            selection,
            register,
            rotations,
            by_rotation: BTreeMap::new(),
            by_incident: BTreeMap::new(),
            by_entry: BTreeMap::new(),
            findings: BTreeMap::new(),
        };
        for admitted in report.said().iter().flat_map(|said| said.get()) {
            matter.sort_in(admitted);
        }
        for finding in &report.findings {
            if let Some(rotation) = &finding.rotation {
                matter.findings.entry(rotation).or_default().push(finding);
            }
        }
        matter
    }

    fn sort_in(&mut self, admitted: &'a Admitted) {
        let place = match &admitted.event {
            Event::EntryAnnotated(annotated) => self.by_entry.entry(annotated.entry).or_default(),
            Event::EntryCorrected(corrected) => self.by_entry.entry(corrected.entry).or_default(),
            // An opening names its incident too, and belongs to the rotation.
            event => match (event.rotation(), event.incident()) {
                (Some(rotation), _) => self.by_rotation.entry(rotation).or_default(),
                (None, Some(incident)) => self.by_incident.entry(incident).or_default(),
                (None, None) => return,
            },
        };
        place.push(admitted);
    }

    /// The name in the ledger's checkpoints.
    pub(super) fn origin(&self) -> &'a str {
        self.report.origin.as_ref().map_or("unknown", Id::as_str)
    }

    /// What was said in a rotation and about the incident behind it, in the order of the ledger.
    pub(super) fn said_in(&self, rotation: &Rotation) -> Vec<&'a Admitted> {
        let own = self.by_rotation.get(&rotation.id);
        let incident = rotation.incident.as_ref();
        let behind = incident.and_then(|id| self.by_incident.get(id));
        let mut said: Vec<&Admitted> = own.into_iter().chain(behind).flatten().copied().collect();
        said.sort_by_key(|admitted| admitted.sequence);
        said
    }

    /// Remarks on an entry, and corrections of it.
    pub(super) fn said_about(&self, sequence: u64) -> &[&'a Admitted] {
        self.by_entry.get(&sequence).map_or(&[], Vec::as_slice)
    }

    /// What is held against a rotation.
    pub(super) fn findings_of(&self, rotation: &Id) -> &[&'a Finding] {
        self.findings.get(rotation).map_or(&[], Vec::as_slice)
    }
}
