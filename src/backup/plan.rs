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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredRun {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The place of the source among those that were given.
    pub source: usize,
}

/// A checkpoint that is known of the ledger, and who knows it.
pub struct KnownCheckpoint {
    /// Who, for people.
    pub name: String,
    /// The note.
    pub bytes: Vec<u8>,
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
    pub runs: Vec<RestoredRun>,
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

    /// What a source is called.
    #[must_use]
    pub fn source(&self, place: usize) -> &str {
        self.sources
            .get(place)
            .map_or("", |source| source.name.as_str())
    }
}

/// Finds out what can be restored. Nothing is written.
///
/// # Errors
/// No source has entry 0, or two of them are two histories.
pub fn plan<'a>(
    sources: &'a [RestoreSource],
    known: &[KnownCheckpoint],
) -> Result<RestorePlan<'a>, BackupError> {
    let parse = |known: &KnownCheckpoint| {
        let noted = StoredNote::parse(&known.bytes).ok()?;
        Some((known.name.clone(), noted))
    };
    let known: Vec<_> = known.iter().filter_map(parse).collect();
    let lying = || sources.iter().flat_map(|source| source.notes.iter());
    let all = lying().chain(known.iter().map(|(_, noted)| noted));
    let mut chain = Chain {
        sources,
        entries: EntrySurvey::wanting(all.clone().map(|noted| noted.stated.size)),
        window: vec![BTreeMap::new(); sources.len()],
        loaded: 0,
        sealed: all
            .clone()
            .map(|noted| noted.stated.size)
            .max()
            .unwrap_or(0),
        notes: all.cloned().collect(),
        runs: Vec::new(),
        remarks: Vec::new(),
    };
    while chain.step()? {}
    let Chain {
        entries,
        runs,
        mut remarks,
        ..
    } = chain;
    if entries.size() == 0 {
        return Err(BackupError::NoBeginning);
    }
    let signed = |noted: &&StoredNote| is_sealed(&entries, noted);
    check_sealed(&entries, sources)?;
    let holding = |notes: &mut dyn Iterator<Item = &StoredNote>| {
        let held = notes
            .filter(|noted| entries.has(&noted.stated))
            .filter(signed);
        held.max_by_key(|noted| noted.stated.size).cloned()
    };
    let lost = lost(&entries, sources, &known, &mut remarks);
    Ok(RestorePlan {
        sources,
        checkpoint: holding(&mut lying().chain(known.iter().map(|(_, noted)| noted))),
        cosigned: holding(&mut sources.iter().flat_map(|source| source.cosigned.iter())),
        lost,
        missing: missing(&entries, sources),
        entries,
        runs,
        remarks,
    })
}

/// Refuses what the ledger's own key sealed otherwise: another history, whoever wrote it.
fn check_sealed(entries: &EntrySurvey, sources: &[RestoreSource]) -> Result<(), BackupError> {
    for source in sources {
        for noted in source
            .notes
            .iter()
            .filter(|noted| is_sealed(entries, noted))
        {
            let size = noted.stated.size;
            if size <= entries.size() && !entries.has(&noted.stated) {
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

/// The attachments that no source has, and the entries that name them first.
fn missing(entries: &EntrySurvey, sources: &[RestoreSource]) -> Vec<(Blake3Digest, u64)> {
    let has = |digest| {
        sources
            .iter()
            .any(|source| source.attachment(digest).is_some())
    };
    let named = entries.attachments(entries.size());
    let missing = named.filter(|(digest, _, is_expunged)| !is_expunged && !has(digest));
    missing
        .map(|(digest, sequence, _)| (*digest, sequence))
        .collect()
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
    known: &[(String, StoredNote)],
    remarks: &mut Vec<String>,
) -> Option<RestoreLoss> {
    let origin = entries.origin();
    let of_it = |noted: &StoredNote| {
        origin
            .as_ref()
            .is_some_and(|o| o.as_str() == noted.stated.origin)
    };
    let mut newest: Option<(&str, &StoredNote)> = None;
    let mut counting = Vec::new();
    for source in sources {
        for noted in &source.notes {
            let stated = noted.stated.size;
            let name = &source.name;
            if is_sealed(entries, noted) {
                counting.push((name.as_str(), noted));
            } else if stated > entries.size() && of_it(noted) {
                remarks.push(format!("{name} has a checkpoint of {stated} entries, by a key that these entries do not name"));
            }
        }
    }
    counting.extend(known.iter().map(|(name, noted)| (name.as_str(), noted)));
    for (name, noted) in counting {
        if !of_it(noted) {
            remarks.push(format!(
                "{name} is a checkpoint of `{}`, and not of this ledger",
                noted.stated.origin
            ));
        } else if !entries.has(&noted.stated)
            && newest.is_none_or(|(_, newest)| newest.stated.size < noted.stated.size)
        {
            newest = Some((name, noted));
        }
    }
    newest.map(|(name, noted)| RestoreLoss {
        name: name.to_owned(),
        note: noted.bytes.clone(),
        stated: noted.stated.size,
        first: Some(entries.size()).filter(|size| *size < noted.stated.size),
    })
}

/// The entries so far, and what the sources have next.
struct Chain<'a> {
    sources: &'a [RestoreSource],
    entries: EntrySurvey,
    /// What each source has of the bundle of the next entry and of the one after it.
    window: Vec<BTreeMap<u64, Vec<u8>>>,
    /// Bundles that were loaded into the window.
    loaded: u64,
    notes: Vec<StoredNote>,
    /// The most that any of them states.
    sealed: u64,
    runs: Vec<RestoredRun>,
    remarks: Vec<String>,
}

/// An entry that would follow, and whether another names it as its previous.
struct Candidate {
    stored: StoredEntry,
    source: usize,
    is_followed: bool,
}

impl Chain<'_> {
    /// Takes the next entry; whether there was one.
    fn step(&mut self) -> Result<bool, BackupError> {
        let sequence = self.entries.size();
        self.load(sequence);
        let mut candidates = self.candidates(sequence);
        let signed = |one: &Candidate| is_signed(&one.stored);
        if let [first, others @ ..] = candidates.as_slice()
            && let Some(other) = others.iter().find(|one| signed(one))
            && signed(first)
            && other.stored.entry.statement != first.stored.entry.statement
        {
            return Err(BackupError::Parted {
                sequence,
                one: self.name(first.source),
                other: self.name(other.source),
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
        if let Some(at) = self
            .window
            .iter()
            .position(|held| held.contains_key(&sequence))
        {
            self.remarks.push(format!(
                "{}: entry {sequence} does not follow the entry before, or is damaged",
                self.name(at)
            ));
        }
        Ok(false)
    }

    /// Has the bundle of an entry and the next one in the window, and nothing before.
    fn load(&mut self, sequence: u64) {
        while self.loaded <= sequence / WIDTH + 1 {
            for (source, held) in self.sources.iter().zip(&mut self.window) {
                held.retain(|place, _| *place >= sequence);
                held.extend(source.bundle(self.loaded));
            }
            self.loaded += 1;
        }
    }

    /// The different entries that would follow, each with the first source that has it.
    fn candidates(&self, sequence: u64) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let next: Vec<Link> = self
            .at(sequence + 1)
            .map(|next| next.entry.previous)
            .collect();
        for (source, held) in self.window.iter().enumerate() {
            let Some(bytes) = held.get(&sequence) else {
                continue;
            };
            if found.iter().any(|one| one.stored.bytes == *bytes) {
                continue;
            }
            if let Ok(stored) = StoredEntry::of(sequence, bytes.clone())
                && self.entries.edge().admits(&stored.entry).is_ok()
            {
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
    fn at(&self, sequence: u64) -> impl Iterator<Item = StoredEntry> {
        let held = self
            .window
            .iter()
            .filter_map(move |held| held.get(&sequence));
        held.filter_map(move |bytes| StoredEntry::of(sequence, bytes.clone()).ok())
    }

    /// Whether the entry behind it names another, and is itself what was written: an author signs what happened, not
    /// where it lands, so that this alone shows another time or place.
    fn is_refuted(&self, stored: &StoredEntry) -> bool {
        let after: Vec<Link> = self
            .at(stored.sequence + 2)
            .map(|after| after.entry.previous)
            .collect();
        self.at(stored.sequence + 1).any(|next| {
            next.entry.previous != stored.link
                && is_signed(&next)
                && (after.is_empty() || after.contains(&next.link))
        })
    }

    /// Whether a checkpoint by the ledger's key that ends with this entry has another root.
    fn is_contradicted(&self, stored: &StoredEntry) -> bool {
        let size = stored.sequence + 1;
        let mut notes = self
            .notes
            .iter()
            .filter(|noted| noted.stated.size == size)
            .peekable();
        if notes.peek().is_none() {
            return false;
        }
        let mut trial = self.entries.clone();
        if trial.take(stored).is_err() {
            return true;
        }
        notes.any(|noted| is_sealed(&trial, noted) && !trial.has(&noted.stated))
    }

    fn name(&self, source: usize) -> String {
        self.sources
            .get(source)
            .map_or_else(String::new, |source| source.name.clone())
    }

    fn note(&mut self, sequence: u64, source: usize) {
        match self.runs.last_mut() {
            Some(run) if run.source == source => run.count += 1,
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
