//! Which entries are taken from where: those that chain on from each other, as far as any source has them.
//!
//! At each place the entry is the one that the next entry names as its previous. At the end, where none does, it is
//! one that its author signed and no checkpoint contradicts. Two that are both signed are two histories, and a person
//! decides.

use std::collections::BTreeMap;

use crate::entry::StoredEntry;
use crate::hash::{Blake3Digest, LedgerId, Link, NodeHash};
use crate::ledger::survey::EntrySurvey;
use crate::publication::StoredNote;
use crate::statement::signature_holds;
use crate::store::bundle::BUNDLE_ENTRIES;

use super::error::BackupError;
use super::sources::RestoreSource;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;

/// Entries in a row that come from one source.
pub struct RestoredRun<'a> {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Where they come from.
    pub source: &'a RestoreSource,
}

/// What is lost for good where the ledger is restored from these sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreLoss {
    /// Who knows of more.
    pub name: String,
    /// The note that says so.
    pub note: Vec<u8>,
    /// How many entries it states.
    pub stated: u64,
    /// The first that no source has; none where all are there and are others.
    pub first: Option<u64>,
}

/// What would be restored.
pub struct RestorePlan<'a> {
    pub(super) sources: &'a [RestoreSource],
    pub(super) entries: EntrySurvey,
    /// From where which entries come, in order.
    pub runs: Vec<RestoredRun<'a>>,
    /// The newest checkpoint that the entries have.
    pub(super) checkpoint: Option<StoredNote>,
    pub(super) cosigned: Option<StoredNote>,
    /// What the newest checkpoint states that no source has.
    pub lost: Option<RestoreLoss>,
    /// Attachments that no source has, and the entries that name them.
    pub missing: Vec<(Blake3Digest, u64)>,
    /// Where a source is not what the others are.
    pub remarks: Vec<String>,
}

impl RestorePlan<'_> {
    /// How many entries would be restored.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.entries.size()
    }

    /// The link of the last of them.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.entries.edge().link()
    }

    /// Their root.
    #[must_use]
    pub fn root(&self) -> NodeHash {
        self.entries.edge().root()
    }

    /// The id of the ledger.
    #[must_use]
    pub const fn ledger(&self) -> LedgerId {
        self.entries.ledger()
    }
}

/// The id of the ledger that can be restored: what is known of it is found by that.
///
/// # Errors
/// No source has entry 0, or two of them are two histories from there.
pub fn ledger_of(sources: &[RestoreSource]) -> Result<LedgerId, BackupError> {
    let mut chain = Chain::before_the_first(sources);
    match chain.step()? {
        true => Ok(chain.entries.ledger()),
        false => Err(BackupError::NoBeginning),
    }
}

/// Finds out what can be restored. Nothing is written.
///
/// # Errors
/// No source has entry 0, or two of them are two histories.
pub fn plan(sources: &[RestoreSource]) -> Result<RestorePlan<'_>, BackupError> {
    let mut chain = Chain::before_the_first(sources);
    while chain.step()? {}
    let (entries, mut remarks) = (chain.entries, chain.remarks);
    if entries.size() == 0 {
        return Err(BackupError::NoBeginning);
    }
    check_sealed(&entries, sources)?;
    let newest = |notes: &mut dyn Iterator<Item = &StoredNote>| {
        let held = notes.filter(|noted| entries.has(&noted.stated) && is_sealed(&entries, noted));
        held.max_by_key(|noted| noted.stated.size).cloned()
    };
    let has = |digest| sources.iter().any(|one| one.attachment(digest).is_some());
    let named = entries.attachments(entries.size());
    let missing = named.filter(|(digest, _, is_expunged)| !is_expunged && !has(digest));
    Ok(RestorePlan {
        sources,
        checkpoint: newest(&mut sources.iter().flat_map(|one| &one.notes)),
        cosigned: newest(&mut sources.iter().flat_map(|one| &one.cosigned)),
        lost: lost(&entries, sources, &mut remarks),
        missing: missing.map(|(digest, at, _)| (*digest, at)).collect(),
        entries,
        runs: chain.runs,
        remarks,
    })
}

/// Refuses what the ledger's own key sealed otherwise: another history, whoever wrote it.
fn check_sealed(entries: &EntrySurvey, sources: &[RestoreSource]) -> Result<(), BackupError> {
    for source in sources.iter().filter(|source| !source.is_known) {
        for noted in &source.notes {
            let size = noted.stated.size;
            let is_other = size <= entries.size() && !entries.has(&noted.stated);
            if is_other && is_sealed(entries, noted) {
                return Err(BackupError::Parted {
                    sequence: size.saturating_sub(1),
                    one: "the entries".to_owned(),
                    other: format!("the checkpoint in {}", source.name),
                });
            }
        }
    }
    Ok(())
}

/// Whether the ledger's sealing key signed it, as far as the entries name that.
fn is_sealed(entries: &EntrySurvey, noted: &StoredNote) -> bool {
    let checked = entries.check_signature(&noted.bytes, noted.stated.size);
    checked.is_ok()
}

/// What the newest checkpoint states that the entries do not have. One that lies in a source counts where a key that
/// these entries name signed it; what this host kept, or somebody hands over, counts by its name.
fn lost(
    entries: &EntrySurvey,
    sources: &[RestoreSource],
    remarks: &mut Vec<String>,
) -> Option<RestoreLoss> {
    let origin = entries.origin();
    let mut newest: Option<RestoreLoss> = None;
    let noted = sources
        .iter()
        .flat_map(|one| one.notes.iter().map(move |noted| (one, noted)));
    for (source, noted) in noted {
        let (name, stated) = (&source.name, noted.stated.size);
        let counts = source.is_known || is_sealed(entries, noted);
        let is_of_it = origin
            .as_ref()
            .is_some_and(|origin| origin.as_str() == noted.stated.origin);
        if counts && !is_of_it {
            let other = &noted.stated.origin;
            remarks.push(format!(
                "{name} is a checkpoint of `{other}`, and not of this ledger"
            ));
        } else if counts {
            let is_newer = newest.as_ref().is_none_or(|newest| newest.stated < stated);
            if is_newer && !entries.has(&noted.stated) {
                newest = Some(RestoreLoss {
                    name: name.clone(),
                    note: noted.bytes.clone(),
                    stated,
                    first: Some(entries.size()).filter(|size| *size < stated),
                });
            }
        } else if is_of_it && stated > entries.size() {
            remarks.push(format!(
                "{name} has a checkpoint of {stated} entries, by a key that these entries do not name"
            ));
        }
    }
    newest
}

/// The entries so far, and what the sources have next.
struct Chain<'a> {
    sources: &'a [RestoreSource],
    entries: EntrySurvey,
    /// What each source has of the bundle of the next entry and of the one after it.
    window: Vec<(&'a RestoreSource, BTreeMap<u64, Vec<u8>>)>,
    /// Bundles that were loaded into the window.
    loaded: u64,
    /// The most entries that any checkpoint states.
    sealed: u64,
    runs: Vec<RestoredRun<'a>>,
    remarks: Vec<String>,
}

/// An entry that would follow, and whether another names it as its previous.
struct Candidate<'a> {
    stored: StoredEntry,
    source: &'a RestoreSource,
    is_followed: bool,
}

impl<'a> Chain<'a> {
    fn before_the_first(sources: &'a [RestoreSource]) -> Self {
        let stated = sources
            .iter()
            .flat_map(|one| &one.notes)
            .map(|noted| noted.stated.size);
        Self {
            sources,
            entries: EntrySurvey::wanting(stated.clone()),
            window: sources.iter().map(|one| (one, BTreeMap::new())).collect(),
            loaded: 0,
            sealed: stated.max().unwrap_or(0),
            runs: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Takes the next entry; whether there was one.
    fn step(&mut self) -> Result<bool, BackupError> {
        let sequence = self.entries.size();
        self.load(sequence);
        let mut candidates = self.candidates(sequence);
        let signed = |one: &Candidate<'_>| is_signed(&one.stored);
        if let [first, others @ ..] = candidates.as_slice()
            && let Some(other) = others.iter().find(|one| signed(one))
            && signed(first)
            && other.stored.entry.statement != first.stored.entry.statement
        {
            return Err(BackupError::Parted {
                sequence,
                one: first.source.name.clone(),
                other: other.source.name.clone(),
            });
        }
        // What is followed comes first; an entry at the end rests on its author and on the checkpoints.
        candidates.sort_by_key(|one| !one.is_followed);
        for one in &candidates {
            // What the ledger sealed was signed when it was; behind that anybody can write what follows itself.
            let holds = (one.is_followed && sequence < self.sealed)
                || (signed(one)
                    && !self.is_refuted(&one.stored)
                    && !self.is_contradicted(&one.stored));
            if holds && self.entries.take(&one.stored).is_ok() {
                self.note(sequence, one.source);
                return Ok(true);
            }
        }
        if let Some((source, _)) = self
            .window
            .iter()
            .find(|(_, held)| held.contains_key(&sequence))
        {
            self.remarks.push(format!(
                "{}: entry {sequence} does not follow the entry before, or is damaged",
                source.name
            ));
        }
        Ok(false)
    }

    /// Has the bundle of an entry and the next one in the window, and nothing before.
    fn load(&mut self, sequence: u64) {
        while self.loaded <= sequence / WIDTH + 1 {
            for (source, held) in &mut self.window {
                held.retain(|place, _| *place >= sequence);
                held.extend(source.bundle(self.loaded));
            }
            self.loaded += 1;
        }
    }

    /// The different entries that would follow, each with the first source that has it.
    fn candidates(&self, sequence: u64) -> Vec<Candidate<'a>> {
        let mut found: Vec<Candidate<'a>> = Vec::new();
        let next = self.named_at(sequence + 1);
        for (source, stored) in self.at(sequence) {
            let is_new = found.iter().all(|one| one.stored.bytes != stored.bytes);
            if is_new && self.entries.edge().admits(&stored.entry).is_ok() {
                found.push(Candidate {
                    is_followed: next.contains(&stored.link),
                    stored,
                    source,
                });
            }
        }
        found
    }

    /// What the sources have at a place, as far as it can be an entry.
    fn at(&self, sequence: u64) -> impl Iterator<Item = (&'a RestoreSource, StoredEntry)> {
        self.window.iter().filter_map(move |(source, held)| {
            let bytes = held.get(&sequence)?.clone();
            Some((*source, StoredEntry::of(sequence, bytes).ok()?))
        })
    }

    /// What the entries at a place name as their previous.
    fn named_at(&self, sequence: u64) -> Vec<Link> {
        let named = self.at(sequence).map(|(_, stored)| stored.entry.previous);
        named.collect()
    }

    /// Whether the entry behind it names another, and is itself what was written: an author signs what happened, not
    /// where it lands, so that this alone shows another time or place.
    fn is_refuted(&self, stored: &StoredEntry) -> bool {
        let after = self.named_at(stored.sequence + 2);
        self.at(stored.sequence + 1).any(|(_, next)| {
            next.entry.previous != stored.link
                && is_signed(&next)
                && (after.is_empty() || after.contains(&next.link))
        })
    }

    /// Whether a checkpoint by the ledger's key that ends with this entry has another root.
    fn is_contradicted(&self, stored: &StoredEntry) -> bool {
        let notes = self.sources.iter().flat_map(|one| &one.notes);
        let notes = notes.filter(|noted| noted.stated.size == stored.sequence + 1);
        let notes: Vec<_> = notes.collect();
        if notes.is_empty() {
            return false;
        }
        let mut trial = self.entries.clone();
        trial.take(stored).is_err()
            || notes
                .iter()
                .any(|noted| is_sealed(&trial, noted) && !trial.has(&noted.stated))
    }

    fn note(&mut self, sequence: u64, source: &'a RestoreSource) {
        match self.runs.last_mut() {
            Some(run) if std::ptr::eq(run.source, source) => run.count += 1,
            _ => self.runs.push(RestoredRun {
                first: sequence,
                count: 1,
                source,
            }),
        }
    }
}

/// Whether its author signed what it says.
fn is_signed(stored: &StoredEntry) -> bool {
    let author = stored.statement.author.admit();
    author.is_ok_and(|author| {
        signature_holds(&stored.entry.statement, &author, &stored.entry.signature)
    })
}
