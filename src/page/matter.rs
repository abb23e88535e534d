//! What a page tells: the rotations selected, what was said about each, what is held against each,
//! and every registered secret.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::facts::{self, Dossier, SecretRow};
use crate::hash::Blake3Digest;
use crate::pack::PackPart;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::rule::Finding;
use crate::statement::Attachment;
use crate::text::Id;
use crate::verify::{self, AdmittedEntry, Report};

use super::markup::path;

/// The rotations that are told in full: with more, a page would not open where it is read.
const TOLD: usize = 200;

/// Gives the bytes of an attached file, held against their digest; none where they are not here.
pub type FileReader<'a> = dyn Fn(&Blake3Digest) -> Option<Vec<u8>> + 'a;

/// A report, looked up the ways in which a page needs it.
pub(super) struct PageModel<'a> {
    pub(super) report: &'a Report,
    /// Which part of the ledger is told.
    pub(super) part: PackPart,
    /// The pack that the page is about; none where it is about a ledger.
    pub(super) pack: Option<&'a Dossier<'a>>,
    /// Whether the page is one of the pack's own files.
    pub(super) in_pack: bool,
    /// Whether a server shows it: then a rotation and a secret have pages of their own.
    pub(super) served: bool,
    /// What the entries amount to, where integrity passed.
    pub(super) register: Option<&'a Register>,
    /// Every registered secret, the nearest to its limit or beyond it first.
    pub(super) secrets: Vec<Cow<'a, SecretRow>>,
    /// The rotations that are told, by their opening.
    pub(super) rotations: Vec<&'a Rotation>,
    /// The places of those that are told in full.
    pub(super) told: Vec<usize>,
    /// The numbers of their articles.
    numbers: BTreeMap<&'a Id, usize>,
    /// The number of the article that an entry stands in.
    entries: BTreeMap<u64, usize>,
    /// The secrets of the part that is told.
    asked: BTreeSet<&'a Id>,
    /// Where attached files are, but for those of a pack.
    files: Option<&'a FileReader<'a>>,
    by_rotation: BTreeMap<&'a Id, Vec<&'a AdmittedEntry>>,
    by_incident: BTreeMap<&'a Id, Vec<&'a AdmittedEntry>>,
    /// Remarks and corrections, by the entry that they are about.
    by_entry: BTreeMap<u64, Vec<&'a AdmittedEntry>>,
    findings: BTreeMap<&'a Id, Vec<&'a Finding>>,
}

impl<'a> PageModel<'a> {
    /// What a page about a ledger tells: the period that the report was asked for.
    pub(super) fn of_ledger(report: &'a Report, files: &'a FileReader<'a>) -> Self {
        let part = report.part.clone();
        let rows = report
            .register()
            .map(|register| facts::population(register.get(), report.as_of, &|_| true));
        let rows = rows.into_iter().flatten().map(Cow::Owned);
        Self {
            files: Some(files),
            ..Self::new(report, part, None, rows.collect())
        }
    }

    /// The same on a page of a server.
    pub(super) fn served(report: &'a Report, files: &'a FileReader<'a>) -> Self {
        Self {
            served: true,
            ..Self::of_ledger(report, files)
        }
    }

    /// What a page about a pack tells: what was selected for it, or what was asked for of that.
    pub(super) fn of_pack(pack: &'a Dossier<'a>) -> Self {
        let part = match &pack.report.part {
            PackPart::Everything => pack.selection.part.clone(),
            asked => asked.clone(),
        };
        let rows = pack.population.iter().map(Cow::Borrowed);
        Self::new(pack.report, part, Some(pack), rows.collect())
    }

    /// The same in a page that goes into the pack.
    pub(super) fn in_pack(pack: &'a Dossier<'a>) -> Self {
        Self {
            in_pack: true,
            ..Self::of_pack(pack)
        }
    }

    fn new(
        report: &'a Report,
        part: PackPart,
        pack: Option<&'a Dossier<'a>>,
        mut secrets: Vec<Cow<'a, SecretRow>>,
    ) -> Self {
        let register = report.register().map(|register| register.get());
        let selected = register.map(|register| verify::select(register, &part, report.as_of));
        let (rotations, asked) = selected.map_or_else(Default::default, |selected| {
            (selected.rotations, selected.secrets)
        });
        // An unknown age counts as overdue, and comes first.
        secrets.sort_by(|one, other| standing(one).cmp(&standing(other)));
        let mut matter = Self {
            report,
            part,
            pack,
            in_pack: false,
            served: false,
            register,
            secrets,
            rotations,
            told: Vec::new(),
            numbers: BTreeMap::new(),
            entries: BTreeMap::new(),
            asked,
            files: None,
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
        matter.tell(matter.shown(TOLD));
        matter
    }

    /// Tells these rotations in full, and no other.
    fn tell(&mut self, places: Vec<usize>) {
        let (mut numbers, mut entries) = (BTreeMap::new(), BTreeMap::new());
        for place in &places {
            let Some(rotation) = self.rotations.get(*place) else {
                continue;
            };
            numbers.insert(&rotation.id, place + 1);
            // Only what is shown can be led to: steps, and what was said about them.
            for step in self.said_in(rotation) {
                let about = self.said_about(step.sequence);
                for admitted in std::iter::once(&step).chain(about) {
                    entries.entry(admitted.sequence).or_insert(place + 1);
                }
            }
        }
        (self.told, self.numbers, self.entries) = (places, numbers, entries);
    }

    /// The same of one rotation or none; answers with the number of its article.
    pub(super) fn tell_only(&mut self, id: Option<&Id>) -> Option<usize> {
        let place = self.rotations.iter().position(|one| Some(&one.id) == id);
        self.tell(place.into_iter().collect());
        place.map(|place| place + 1)
    }

    fn sort_in(&mut self, admitted: &'a AdmittedEntry) {
        let event = &admitted.event;
        // An opening names its incident too, and belongs to the rotation.
        let place = match (event.about(), event.rotation(), event.incident()) {
            (Some((entry, _)), ..) => self.by_entry.entry(entry).or_default(),
            (None, Some(rotation), _) => self.by_rotation.entry(rotation).or_default(),
            (None, None, Some(incident)) => self.by_incident.entry(incident).or_default(),
            (None, None, None) => return,
        };
        place.push(admitted);
    }

    /// The name of a rotation, which leads to where it is told in full.
    pub(super) fn rotation_link(&self, id: &Id) -> Markup {
        html! {
            @match self.numbers.get(id) {
                Some(number) => a href=(format!("#rotation-{number}")) { (id.as_str()) },
                None => (self.link("rotations", id)),
            }
        }
    }

    /// The id of an entry's place on the page, where it has one; with the article that asks, where that is there.
    pub(super) fn entry_id(&self, sequence: u64, within: Option<usize>) -> Option<String> {
        let number = self.entries.get(&sequence)?;
        within
            .is_none_or(|within| within == *number)
            .then(|| format!("entry-{sequence}"))
    }

    /// Where a file can be had: in the pack that the page lies in, from the server that shows it, or under its
    /// name to read, beside the page, where whoever has the ledger put it.
    pub(super) fn leads_to(&self, file: &Attachment, path: &str) -> Option<String> {
        let digest = file.blake3.to_string();
        if let Some(pack) = self.pack {
            let href = if self.in_pack {
                format!("attachments/{digest}")
            } else {
                path.to_owned()
            };
            return pack.attached.contains_key(&file.blake3).then_some(href);
        }
        let gone = |register: &Register| register.charter.expunged.contains(&file.blake3);
        let (first, rest) = digest.split_at_checked(2)?;
        match (self.register.is_some_and(gone), self.served) {
            (true, _) => None,
            (false, true) => Some(format!("/attachments/{first}/{rest}")),
            (false, false) => Some(path.to_owned()),
        }
    }

    /// The bytes of a file, where they are here.
    pub(super) fn bytes_of(&self, digest: &Blake3Digest) -> Option<Cow<'_, [u8]>> {
        match (self.pack, self.files) {
            (Some(pack), _) => pack
                .attached
                .get(digest)
                .map(|bytes| Cow::Borrowed(&**bytes)),
            (None, read) => read?(digest).map(Cow::Owned),
        }
    }

    /// The secrets of the part that is told, whose entries are here.
    pub(super) fn asked_secrets(&self) -> impl Iterator<Item = &SecretRow> {
        let rows = self.secrets.iter().map(AsRef::as_ref);
        rows.filter(|row: &&SecretRow| row.entries_in_pack && self.asked.contains(&row.secret))
    }

    /// A name, which leads to its page where it has one.
    pub(super) fn link(&self, kind: &str, id: &Id) -> Markup {
        html! {
            @match self.served {
                true => a href=(path(kind, id)) { (id.as_str()) },
                false => (id.as_str()),
            }
        }
    }

    /// The name in the ledger's checkpoints.
    pub(super) fn origin(&self) -> &'a str {
        self.report.origin.as_ref().map_or("unknown", Id::as_str)
    }

    /// What the verdicts are about.
    pub(super) const fn whose(&self) -> &'static str {
        match self.is_part() {
            true => "this part of the ledger",
            false => "this ledger",
        }
    }

    /// Whether entries are left out of what the page is about: then much is known from the ledger only.
    pub(super) const fn is_part(&self) -> bool {
        self.report.elsewhere > 0
    }

    /// The places of the rotations that are shown where not all can be: those with findings, then the
    /// newest; in the order of `rotations`.
    pub(super) fn shown(&self, most: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.rotations.len()).collect();
        places.sort_by_key(|place| {
            let rotation = self.rotations.get(*place);
            let findings = rotation.map_or(0, |rotation| self.findings_of(&rotation.id).len());
            (findings == 0, Reverse(*place))
        });
        places.truncate(most);
        places.sort_unstable();
        places
    }

    /// What was said in a rotation and about the incident behind it, in the order of the ledger.
    pub(super) fn said_in(&self, rotation: &Rotation) -> Vec<&'a AdmittedEntry> {
        let own = self.by_rotation.get(&rotation.id);
        let incident = rotation.incident.as_ref();
        let behind = incident.and_then(|id| self.by_incident.get(id));
        let mut said: Vec<&AdmittedEntry> =
            own.into_iter().chain(behind).flatten().copied().collect();
        said.sort_by_key(|admitted| admitted.sequence);
        said
    }

    /// The same with all that was said about one of these, or about that.
    pub(super) fn told_of(&self, rotation: &Rotation) -> Vec<&'a AdmittedEntry> {
        let mut told = self.said_in(rotation);
        let mut next = 0;
        while let Some(admitted) = told.get(next) {
            told.extend(self.said_about(admitted.sequence));
            next += 1;
        }
        told.sort_by_key(|admitted| admitted.sequence);
        told
    }

    /// Remarks on an entry, and corrections of it.
    pub(super) fn said_about(&self, sequence: u64) -> &[&'a AdmittedEntry] {
        self.by_entry.get(&sequence).map_or(&[], Vec::as_slice)
    }

    /// What is held against a rotation.
    pub(super) fn findings_of(&self, rotation: &Id) -> &[&'a Finding] {
        self.findings.get(rotation).map_or(&[], Vec::as_slice)
    }
}

/// The order of secrets: in use before retired, what has least time left first.
fn standing(row: &SecretRow) -> (bool, i64, &Id) {
    let left = row.days_left.unwrap_or(i64::MIN);
    (row.retired_by_entry.is_some(), left, &row.secret)
}
