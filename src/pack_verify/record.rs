//! The entry that ends a pack: it records the export, and with it what was selected, how much of it there
//! is, where each secret's entries ended, and whose key signs the pack.

use crate::entry::StoredEntry;
use crate::event::{Event, PackExported};
use crate::facts::{SecretRow, population};
use crate::hash::Sha256Digest;
use crate::pack::{PackPart, Selection, draw_listed, ends};
use crate::register::Register;
use crate::rule::{self, Finding};
use crate::text::Id;
use crate::verify::select;

use super::contents::UnverifiedPack;

/// The record of an export, as it stands there.
#[derive(Debug, Clone)]
pub(super) struct ExportRecord {
    pub(super) stored: StoredEntry,
    pub(super) exported: PackExported,
    pub(super) selection: Selection,
}

impl ExportRecord {
    /// The last entry of a pack, where that records an export; and why it does not.
    pub(super) fn of(contents: &UnverifiedPack) -> (Option<Self>, Option<Finding>) {
        let refusal = |found: String| {
            let expected = "a pack that ends with the entry that records its export";
            (None, Some(Finding::new(rule::P04, expected, found)))
        };
        let Some((sequence, bytes)) = contents.entries.last_key_value() else {
            return refusal("no entry".to_owned());
        };
        let stored = match StoredEntry::of(*sequence, bytes.clone()) {
            Ok(stored) => stored,
            Err(fault) => return refusal(fault.to_string()),
        };
        let Event::PackExported(exported) = stored.statement.event.clone() else {
            let found = format!("entry {sequence}, {}", stored.statement.event.name());
            return refusal(found);
        };
        match exported.selection.as_str().parse::<Selection>() {
            Ok(mut selection) => {
                if let PackPart::Sample(draw) = &mut selection.part {
                    let listed = contents.drawn_from.as_deref().and_then(draw_listed);
                    draw.listed = listed.unwrap_or_default();
                }
                let record = Self {
                    stored,
                    exported,
                    selection,
                };
                (Some(record), None)
            }
            Err(fault) => refusal(fault.to_string()),
        }
    }

    /// What the record says of the pack, held against what the pack's entries amount to.
    pub(super) fn differences(
        &self,
        contents: &UnverifiedPack,
        entries: &[StoredEntry],
        register: &Register,
    ) -> Vec<Finding> {
        let place = self.stored.sequence;
        let as_of = self.stored.entry.recorded;
        let selected = select(register, &self.selection.part, as_of);
        let mut findings = Vec::new();
        let here = contents.entries.len() as u64;
        let (rotations, secrets) = (selected.rotations.len(), selected.secrets.len());
        for (said, found, what) in [
            (self.exported.size, place, "entries in the ledger before it"),
            (self.exported.entries, here, "entries in the pack"),
            (
                self.exported.rotations,
                rotations as u64,
                "rotations in the pack",
            ),
            (self.exported.secrets, secrets as u64, "secrets in the pack"),
        ] {
            if said != found {
                let expected = format!("{said} {what}, as it records");
                let finding = Finding::new(rule::P04, expected, found.to_string());
                findings.push(finding.at(place));
            }
        }
        let rows = contents.population.iter();
        let last = rows.map(|row| (&row.secret, row.last_entry));
        let digest = Sha256Digest::of(ends(last).as_bytes());
        if digest != self.exported.ends_sha256 {
            let ends = self.exported.ends_sha256;
            let expected = format!("secrets.json whose last entries hash to {ends}, as it records");
            findings.push(Finding::new(rule::P04, expected, digest.to_string()).at(place));
        }
        for stored in entries {
            if !selected.holds(&stored.statement.event) {
                let about = register.subject(&stored.statement.event);
                let about = about.map(|id| id.to_string()).unwrap_or_default();
                let expected = format!("only entries of {}", self.selection.part);
                let finding = Finding::new(rule::P04, expected, format!("one about {about}"));
                findings.push(finding.at(stored.sequence));
            }
        }
        findings.extend(self.other_rows(contents, register));
        findings
    }

    /// Rows of the population that the entries of the pack contradict.
    fn other_rows(&self, contents: &UnverifiedPack, register: &Register) -> Vec<Finding> {
        let as_of = self.stored.entry.recorded;
        let made = population(register, as_of, &|_| true);
        let mut findings = Vec::new();
        let mut hold = |expected: String, found: &str| {
            findings.push(Finding::new(rule::P05, expected, found));
        };
        let row_of = |rows: &'_ [SecretRow], secret: &Id| {
            let at = rows.binary_search_by(|row| row.secret.cmp(secret));
            at.ok().and_then(|at| rows.get(at).cloned())
        };
        for row in &made {
            let secret = &row.secret;
            match row_of(&contents.population, secret) {
                Some(found) if found == *row => {}
                Some(_) => hold(
                    format!("secrets.json with {secret} as its entries give it"),
                    "another row",
                ),
                None => hold(format!("secrets.json with {secret}"), "no row"),
            }
        }
        for row in &contents.population {
            if row.entries_in_pack && row_of(&made, &row.secret).is_none() {
                let secret = &row.secret;
                hold(
                    format!("the entries of {secret}, which secrets.json says are here"),
                    "none",
                );
            }
        }
        findings
    }
}
