//! Which rotations, secrets and entries belong to a part of a ledger, and whether the record of an export
//! says so.
//!
//! A secret comes with all of its entries, since their thread (`subject_previous`) then shows a hole;
//! and with every entry that is about no secret, since these say who may speak and by which policy.

use std::collections::{BTreeSet, HashMap};

use crate::event::{Event, PackExported};
use crate::hash::Sha256Digest;
use crate::pack::{Draw, PackPart, Selection, ends};
use crate::register::Register;
use crate::rotation::Rotation;
use crate::rule::{self, Finding};
use crate::text::Id;
use crate::time::Timestamp;

use super::question::is_in;

/// The rotations and secrets of a part of a ledger.
#[derive(Debug, Clone)]
pub struct LedgerPart<'r> {
    register: &'r Register,
    /// The rotations, by their opening.
    pub rotations: Vec<&'r Rotation>,
    /// The secrets.
    pub secrets: BTreeSet<&'r Id>,
}

/// The part of a register; an open rotation lasts until `as_of`.
#[must_use]
pub fn select<'r>(register: &'r Register, part: &PackPart, as_of: Timestamp) -> LedgerPart<'r> {
    let mut rotations: Vec<&Rotation> = match part {
        PackPart::Sample(draw) => {
            let ids = match draw.listed.is_empty() {
                true => draw.drawn(population(
                    register,
                    draw.period,
                    draw.seed.entries(),
                    as_of,
                )),
                false => draw.drawn(draw.listed.iter()),
            };
            let known = ids.into_iter().filter_map(|id| register.rotations.get(id));
            known.map(AsRef::as_ref).collect()
        }
        _ => {
            let all = register.rotations.values().map(AsRef::as_ref);
            all.filter(|rotation| is_in(part, rotation, as_of))
                .collect()
        }
    };
    rotations.sort_by_key(|rotation| (rotation.opened.sequence, &rotation.id));
    let secrets = match part {
        PackPart::Everything => register.secrets.keys().collect(),
        PackPart::Secret(id) => register
            .secrets
            .get_key_value(id)
            .into_iter()
            .map(|(id, _)| id)
            .collect(),
        PackPart::Rotation(_) | PackPart::Range(..) | PackPart::Sample(_) => {
            rotations.iter().map(|rotation| &rotation.secret).collect()
        }
    };
    LedgerPart {
        register,
        rotations,
        secrets,
    }
}

/// The ids, sorted, of the rotations any part of which lies in a period, of those that were opened in the first
/// `entries` where that is said: what a sample is drawn from.
pub fn population(
    register: &Register,
    (from, to): (Timestamp, Timestamp),
    entries: Option<u64>,
    as_of: Timestamp,
) -> impl Iterator<Item = &Id> {
    let period = PackPart::Range(Some(from), Some(to));
    let all = register.rotations.values();
    let opened = all.filter(move |one| entries.is_none_or(|size| one.opened.sequence < size));
    opened
        .filter(move |rotation| is_in(&period, rotation, as_of))
        .map(|rotation| &rotation.id)
}

impl LedgerPart<'_> {
    /// Whether the entry of this event belongs to the part.
    #[must_use]
    pub fn holds(&self, event: &Event) -> bool {
        self.holds_about(self.register.subject(event).as_ref())
    }

    /// Whether an entry about this secret, or about none, belongs to the part.
    #[must_use]
    pub fn holds_about(&self, subject: Option<&Id>) -> bool {
        subject.is_none_or(|secret| self.secrets.contains(secret))
    }
}

/// The `ends_sha256` of an export: where the entries about each registered secret end.
#[must_use]
pub fn ends_sha256(register: &Register) -> Sha256Digest {
    let secrets = register.secrets.iter();
    let last = secrets.map(|(id, threaded)| (id, threaded.thread.saturating_sub(1)));
    Sha256Digest::of(ends(last).as_bytes())
}

/// How many entries there are about each secret, and about none, up to an entry.
pub(super) type SubjectCounts = HashMap<Option<Id>, u64>;

/// Holds the record of an export against the ledger as it was, every number of it: a pack may rest on it
/// that nobody can hold against the ledger any more, and an entry about no secret that was left out shows
/// in these numbers alone. What other programs record as selected is theirs to say.
pub(super) fn judge_export(
    place: u64,
    recorded: Timestamp,
    exported: &PackExported,
    register: &Register,
    before: &SubjectCounts,
) -> Option<Finding> {
    let selection: Selection = exported.selection.as_str().parse().ok()?;
    if let PackPart::Sample(draw) = &selection.part {
        let (entries, period) = (draw.seed.entries(), draw.period);
        let held: Vec<_> = population(register, period, entries, recorded).collect();
        let held = Draw::new(draw.size, period, draw.seed.clone(), &held);
        if held != **draw || entries.is_some_and(|entries| entries > place) {
            return Some(Finding::new(rule::C09, held.to_string(), draw.to_string()).at(place));
        }
    }
    let selected = select(register, &selection.part, recorded);
    let count = |about: Option<Id>| before.get(&about).copied().unwrap_or_default();
    let about_secrets = selected.secrets.iter().map(|id| count(Some((*id).clone())));
    // The record is in the pack itself.
    let entries = count(None) + about_secrets.sum::<u64>() + 1;
    let held = PackExported {
        size: place,
        entries,
        rotations: selected.rotations.len() as u64,
        secrets: selected.secrets.len() as u64,
        ends_sha256: ends_sha256(register),
        ..exported.clone()
    };
    (held != *exported)
        .then(|| Finding::new(rule::C09, counted(&held), counted(exported)).at(place))
}

fn counted(exported: &PackExported) -> String {
    format!(
        "{} entries, of which {} with {} rotations of {} secrets, ends {}",
        exported.size, exported.entries, exported.rotations, exported.secrets, exported.ends_sha256
    )
}
