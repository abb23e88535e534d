//! Reads all entries once. Reading, checking and folding overlap: one thread pulls stored bytes,
//! all cores check entries by themselves, and this thread puts the results in order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use rayon::prelude::*;

use crate::event::Event;
use crate::hash::Blake3Digest;
use crate::hash::LedgerId;
use crate::hash::Link;
use crate::hash::NodeHash;
use crate::keyring::Author;
use crate::merkle::Frontier;
use crate::merkle::PartialTile;
use crate::merkle::Tile;
use crate::merkle::TileBuilder;
use crate::note::KeyName;
use crate::register::Charter;
use crate::register::Register;
use crate::rotation::Told;
use crate::rule;
use crate::rule::Finding;
use crate::rule::Rule;
use crate::rule::Verdict;
use crate::statement::Attachment;
use crate::statement::EventId;
use crate::time::Timestamp;

use super::admitted::Admitted;
use super::admitted::tells_of_rotations;
use super::check::Checked;
use super::check::Content;
use super::checkpoints;
use super::checkpoints::Compared;
use super::checkpoints::Given;
use super::doubt::Doubt;
use super::links::Links;
use super::question::Question;
use super::select;
use super::select::Tallied;
use super::stamps::Stamped;
use super::stamps::Stamps;

/// Entries checked together: enough to keep all cores busy, little enough to stay in the cache.
const BATCH: usize = 1_024;
/// Batches in flight between two stages; the memory of a verification is bounded by these.
const IN_FLIGHT: usize = 2;
/// Findings of one verdict kept in full. A ledger with more than this is not mended one by one; but
/// many of one verdict must not hide a single one of another.
const KEPT_FINDINGS: usize = 10_000;

/// What the stored log offers, in order.
#[derive(Debug)]
pub enum Piece {
    /// The stored bytes of entries that follow the last piece.
    Entries(Vec<Vec<u8>>),
    /// Entries that cannot be read: how many, and why.
    Damaged {
        /// How many entries are missing here.
        count: u64,
        /// The finding that says so.
        finding: Box<Finding>,
    },
    /// Entries that are not at hand, and about which nothing is said.
    Elsewhere {
        /// How many.
        count: u64,
    },
}

/// Whoever feeds a verification is shown what only they can look further into.
pub trait Observer {
    /// A full Merkle tile, as the entries give it, over the entries from `first` to before `end`.
    fn tile(&mut self, tile: &Tile, first: u64, end: u64);
    /// A file that entry `sequence` names.
    fn attachment(&mut self, sequence: u64, attachment: &Attachment);
    /// An entry that decodes, with its link.
    fn entry(&mut self, sequence: u64, link: Link);
    /// How many entries are done.
    fn progress(&mut self, done: u64);
    /// Whether to stop.
    fn interrupted(&self) -> bool;
}

/// Everything that the entries amount to and everything held against them, before what their
/// surroundings say.
#[derive(Debug)]
pub struct Folded {
    pub(super) question: Question,
    pub(super) register: Register,
    pub(super) ledger: Option<LedgerId>,
    pub(super) size: u64,
    /// Those that were not at hand.
    pub(super) elsewhere: u64,
    pub(super) head: Link,
    pub(super) root: NodeHash,
    pub(super) tiles: TileBuilder,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) in_range: u64,
    pub(super) tally: Tally,
    pub(super) compared: Compared,
    /// Time tokens that fit the ledger.
    pub(super) stamped: Vec<Stamped>,
    pub(super) findings: Vec<Finding>,
    pub(super) findings_total: u64,
    /// Findings that were counted and not kept.
    pub(super) unlisted: BTreeMap<Verdict, u64>,
    pub(super) broken: bool,
    pub(super) charter_then: Option<Charter>,
    /// What was said about rotations, where that was asked for.
    pub(super) said: Vec<Admitted>,
    /// In the order of the ids.
    event_ids: Vec<([u8; 16], u64)>,
    pub(super) interrupted: bool,
}

impl Folded {
    /// The charter as it was at the size that the question named.
    #[must_use]
    pub const fn charter_then(&self) -> Option<&Charter> {
        self.charter_then.as_ref()
    }

    /// Whether entries could not be read, so that what they named is not known.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// The tiles of the right edge, as the entries give them, where every entry could be read.
    #[must_use]
    pub fn partial_tiles(&self) -> Vec<PartialTile> {
        if self.broken {
            Vec::new()
        } else {
            self.tiles.partial()
        }
    }

    /// The digests of attachments that were expunged by an entry.
    #[must_use]
    pub fn expunged(&self) -> HashSet<Blake3Digest> {
        self.register.charter.expunged.iter().copied().collect()
    }

    /// Everything the entries amount to. Not verified: what surrounds the entries is not known yet.
    #[must_use]
    pub const fn register(&self) -> &Register {
        &self.register
    }

    /// Every event id with its entry, in the order of the ids; of an id that is used twice, each.
    #[must_use]
    pub fn event_ids(&self) -> &[([u8; 16], u64)] {
        &self.event_ids
    }

    /// How many entries there are, and the link of the last.
    #[must_use]
    pub const fn end(&self) -> (u64, Link) {
        (self.size, self.head)
    }
}

/// How many of how many.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) whole: u64,
    pub(super) signed: u64,
    pub(super) authorised: u64,
    pub(super) attachments: u64,
    pub(super) corrections: u64,
}

/// Reads `pieces` to their end and folds what they hold.
pub fn fold(
    pieces: impl Iterator<Item = Piece> + Send,
    question: Question,
    observer: &mut dyn Observer,
) -> Folded {
    let mut folding = Folding::new(question);
    std::thread::scope(|scope| {
        let (raw, to_check) = sync_channel::<Batch<Vec<u8>>>(IN_FLIGHT);
        let (checked, to_fold) = sync_channel::<Batch<Checked>>(IN_FLIGHT);
        scope.spawn(move || read(pieces, &raw));
        scope.spawn(move || check(&to_check, &checked));
        // Leaving the loop drops the receiver, which stops the other two.
        for batch in to_fold {
            folding.take(batch, observer);
            observer.progress(folding.next);
            if observer.interrupted() {
                folding.interrupted = true;
                break;
            }
        }
    });
    folding.finish()
}

/// Entries of one kind, or the damage between them.
enum Batch<T> {
    Entries(Vec<T>),
    Damaged { count: u64, finding: Box<Finding> },
    Elsewhere { count: u64 },
}

fn read(pieces: impl Iterator<Item = Piece>, raw: &SyncSender<Batch<Vec<u8>>>) {
    let mut waiting = Vec::with_capacity(BATCH);
    for piece in pieces {
        match piece {
            Piece::Entries(entries) => waiting.extend(entries),
            Piece::Damaged { count, finding } => {
                let before = std::mem::take(&mut waiting);
                if raw.send(Batch::Entries(before)).is_err()
                    || raw.send(Batch::Damaged { count, finding }).is_err()
                {
                    return;
                }
            }
            Piece::Elsewhere { count } => {
                let before = std::mem::take(&mut waiting);
                if raw.send(Batch::Entries(before)).is_err()
                    || raw.send(Batch::Elsewhere { count }).is_err()
                {
                    return;
                }
            }
        }
        if waiting.len() >= BATCH
            && raw
                .send(Batch::Entries(std::mem::take(&mut waiting)))
                .is_err()
        {
            return;
        }
    }
    // Nobody listens any more only where the verification was interrupted.
    let _ = raw.send(Batch::Entries(waiting));
}

fn check(raw: &Receiver<Batch<Vec<u8>>>, checked: &SyncSender<Batch<Checked>>) {
    for batch in raw {
        let done = match batch {
            Batch::Entries(entries) => {
                Batch::Entries(entries.par_iter().map(|bytes| Checked::of(bytes)).collect())
            }
            Batch::Damaged { count, finding } => Batch::Damaged { count, finding },
            Batch::Elsewhere { count } => Batch::Elsewhere { count },
        };
        if checked.send(done).is_err() {
            return;
        }
    }
}

struct Folding {
    question: Question,
    register: Register,
    ledger: Option<LedgerId>,
    /// The place of the next entry.
    next: u64,
    /// The link that the next entry must carry; unknown after damage.
    previous: Option<Link>,
    /// Every event id with its entry. Looked through at the end: sorted, they need half of what a set
    /// of them would.
    event_ids: Vec<([u8; 16], u64)>,
    links: Links,
    elsewhere: u64,
    frontier: Frontier,
    tiles: TileBuilder,
    /// Roots at the sizes that kept checkpoints speak of.
    roots: BTreeMap<u64, NodeHash>,
    wanted: BTreeSet<u64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    in_range: u64,
    tally: Tally,
    findings: Vec<Finding>,
    findings_total: u64,
    kept: BTreeMap<Verdict, usize>,
    unlisted: BTreeMap<Verdict, u64>,
    /// No root can be made beyond damage.
    broken: bool,
    charter_then: Option<Charter>,
    said: Vec<Admitted>,
    doubt: Doubt,
    stamps: Stamps,
    /// Entries so far, by what they are about; the record of an export is held against it.
    about: Tallied,
    interrupted: bool,
}

impl Folding {
    fn new(mut question: Question) -> Self {
        let stamps = Stamps::new(std::mem::take(&mut question.stamps));
        let wanted: BTreeSet<u64> = question
            .kept
            .iter()
            .filter_map(|kept| kept.stated())
            .map(|stated| stated.size)
            .chain(stamps.sizes())
            .collect();
        let roots = question.proven.clone().unwrap_or_default();
        let mut folding = Self {
            question,
            register: Register::default(),
            ledger: None,
            next: 0,
            previous: Some(Link::ZERO),
            event_ids: Vec::new(),
            links: Links::default(),
            elsewhere: 0,
            frontier: Frontier::new(),
            tiles: TileBuilder::new(),
            roots,
            wanted,
            first: None,
            last: None,
            in_range: 0,
            tally: Tally::default(),
            findings: Vec::new(),
            findings_total: 0,
            kept: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            broken: false,
            charter_then: None,
            said: Vec::new(),
            doubt: Doubt::default(),
            stamps,
            about: Tallied::new(),
            interrupted: false,
        };
        folding.keep_what_was_asked();
        folding
    }

    fn take(&mut self, batch: Batch<Checked>, observer: &mut dyn Observer) {
        match batch {
            Batch::Entries(entries) => {
                for entry in entries {
                    self.place(entry, observer);
                }
            }
            Batch::Damaged { count, finding } => {
                self.hold(*finding);
                // The entries behind it are still read, for what they show; no root can be made.
                self.broken = true;
                self.previous = None;
                self.pass(count);
            }
            Batch::Elsewhere { count } => {
                self.previous = None;
                self.pass(count);
                self.elsewhere = self.elsewhere.saturating_add(count);
            }
        }
    }

    /// Goes on by `count` places. What is said to be missing can be any number: behind the last size that
    /// a log can have nothing has a place.
    const fn pass(&mut self, count: u64) {
        self.next = self.next.saturating_add(count);
    }

    fn hold(&mut self, finding: Finding) {
        self.findings_total += 1;
        let verdict = finding.rule.verdict;
        let kept = self.kept.entry(verdict).or_default();
        if *kept < KEPT_FINDINGS {
            *kept += 1;
            self.findings.push(finding);
        } else {
            *self.unlisted.entry(verdict).or_default() += 1;
        }
    }

    fn against(
        &mut self,
        rule: &'static Rule,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        let sequence = self.next;
        self.hold(Finding::new(rule, expected, found).at(sequence));
    }

    /// Takes the entry in the next place: the chain and the tree first, for they hold whatever the
    /// bytes say; then what they say.
    fn place(&mut self, checked: Checked, observer: &mut dyn Observer) {
        let place = self.next;
        if place == u64::MAX {
            self.against(
                rule::I04,
                "a place in a log",
                "an entry behind the last that any can have",
            );
            return;
        }
        self.grow(&checked, observer);
        match checked.content {
            Ok(content) => self.judge(place, checked.link, content, observer),
            Err(fault) => self.against(rule::I08, "an entry", fault.to_string()),
        }
        self.previous = Some(checked.link);
        self.links.push(place, &checked.link);
        self.pass(1);
        self.keep_what_was_asked();
    }

    fn grow(&mut self, checked: &Checked, observer: &mut dyn Observer) {
        if self.broken || self.question.proven.is_some() {
            return;
        }
        self.frontier.append(checked.leaf);
        for tile in self.tiles.append(checked.leaf) {
            let under = 256_u64.saturating_pow(u32::from(tile.id().level) + 1);
            let first = tile.id().index.saturating_mul(under);
            observer.tile(&tile, first, first.saturating_add(under));
        }
    }

    fn keep_what_was_asked(&mut self) {
        if self.question.charter_at == Some(self.next) {
            self.charter_then = Some(self.register.charter.clone());
        }
        if !self.broken && self.question.proven.is_none() && self.wanted.contains(&self.next) {
            self.roots.insert(self.next, self.frontier.root());
        }
    }

    fn judge(&mut self, place: u64, link: Link, content: Content, observer: &mut dyn Observer) {
        let chained = self.judge_place(place, &content);
        if place == 0 {
            self.ledger = Some(LedgerId::from_genesis(link));
        }
        let statement = &content.statement;
        if content.signed {
            self.tally.signed += 1;
        } else {
            self.against(
                rule::I03,
                format!("a signature by {}", statement.author.short()),
                "another",
            );
        }
        let named = if place == 0 {
            Some(LedgerId::ZERO)
        } else {
            self.ledger
        };
        if let Some(named) = named.filter(|named| *named != statement.ledger) {
            self.against(rule::I12, named.to_string(), statement.ledger.to_string());
        }
        self.event_ids.push((*statement.event_id.as_bytes(), place));
        self.note_time(content.recorded);
        self.stamps
            .see(place, content.recorded, &statement.attachments);
        let subject = self.register.subject(&statement.event);
        let thread = self.register.thread(subject.as_ref());
        // Beyond damage nobody knows what the entries before were about.
        if !self.broken && content.subject_previous != thread {
            self.against(
                rule::I15,
                thread.to_string(),
                content.subject_previous.to_string(),
            );
        }
        self.judge_target(place, &statement.event);
        for attachment in &statement.attachments {
            self.tally.attachments += 1;
            observer.attachment(place, attachment);
        }
        let behalf = statement.on_behalf_of.as_ref();
        match self.register.author(
            place,
            statement.occurred,
            &statement.author,
            behalf,
            &statement.event,
        ) {
            Ok(author) => {
                self.tally.authorised += 1;
                if content.signed {
                    self.fold(place, &content, &author);
                    self.doubt.note(
                        &statement.author,
                        place,
                        content.recorded,
                        &statement.event,
                        &self.register,
                    );
                    self.keep_said(place, &content, author);
                }
            }
            Err(denial) => {
                let mut finding =
                    Finding::new(denial.rule, denial.expected, denial.message).at(place);
                finding.rotation = statement.event.rotation().cloned();
                finding.secret.clone_from(&subject);
                self.hold(finding);
            }
        }
        *self.about.entry(subject).or_default() += 1;
        if chained && content.signed {
            self.tally.whole += 1;
        }
        observer.entry(place, link);
    }

    fn judge_place(&mut self, place: u64, content: &Content) -> bool {
        let mut holds = true;
        if content.sequence != place {
            self.against(rule::I04, place.to_string(), content.sequence.to_string());
            holds = false;
        }
        if let Some(previous) = self
            .previous
            .filter(|previous| *previous != content.previous)
        {
            let before = place.checked_sub(1).map_or_else(
                || "zeros".to_owned(),
                |before| format!("{previous}, the link of entry {before}"),
            );
            self.against(rule::I02, before, content.previous.to_string());
            holds = false;
        }
        holds
    }

    fn note_time(&mut self, recorded: Timestamp) {
        if let Some(last) = self.last.filter(|last| recorded < *last) {
            self.against(
                rule::I18,
                format!("not before {last}"),
                recorded.to_string(),
            );
        }
        self.first.get_or_insert(recorded);
        self.last = Some(recorded);
        self.in_range += u64::from(self.question.holds(recorded));
    }

    fn judge_target(&mut self, place: u64, event: &Event) {
        let (entry, link) = match event {
            Event::EntryAnnotated(annotated) => (annotated.entry, annotated.link),
            Event::EntryCorrected(corrected) => {
                self.tally.corrections += 1;
                (corrected.entry, corrected.link)
            }
            _ => return,
        };
        let stored = self.links.at(entry);
        if self.elsewhere > 0 && stored.is_none() {
            return;
        }
        if entry < place && stored != Some(Links::half(&link)) {
            self.against(
                rule::I11,
                format!("the link of entry {entry}"),
                link.to_string(),
            );
        }
    }

    fn fold(&mut self, place: u64, content: &Content, author: &Author) {
        let statement = &content.statement;
        let told = Told {
            sequence: place,
            occurred: statement.occurred,
            recorded: content.recorded,
            author,
        };
        let mut found = Vec::new();
        self.register.apply(&told, &statement.event, &mut found);
        // What is registered is known only from all entries.
        if let Event::InventoryAttested(attested) = &statement.event
            && self.question.proven.is_none()
        {
            self.register.judge_attestation(place, attested, &mut found);
        }
        if let Event::PackExported(exported) = &statement.event
            && self.question.proven.is_none()
        {
            found.extend(select::judge_export(
                place,
                content.recorded,
                exported,
                &self.register,
                &self.about,
            ));
        }
        for finding in found {
            self.hold(finding);
        }
    }

    fn keep_said(&mut self, place: u64, content: &Content, author: Author) {
        let statement = &content.statement;
        if self.question.keep_said && tells_of_rotations(&statement.event) {
            self.said.push(Admitted {
                sequence: place,
                occurred: statement.occurred,
                recorded: content.recorded,
                author,
                event: statement.event.clone(),
                attachments: statement.attachments.clone(),
            });
        }
    }

    fn find_event_ids_used_twice(&mut self) {
        let mut ids = std::mem::take(&mut self.event_ids);
        ids.sort_unstable();
        self.hold_pairs_of(&ids);
        self.event_ids = ids;
    }

    fn hold_pairs_of(&mut self, sorted: &[([u8; 16], u64)]) {
        for pair in sorted.windows(2) {
            if let [(first, _), (second, at)] = pair
                && first == second
            {
                let id = EventId::from_bytes(*second).to_string();
                self.hold(Finding::new(rule::I07, "an event id of its own", id).at(*at));
            }
        }
    }

    fn finish(mut self) -> Folded {
        self.find_event_ids_used_twice();
        let as_of = self.question.as_of;
        let mut late = Vec::new();
        self.register.judge(as_of, &mut late);
        late.extend(self.doubt.findings(&self.register));
        for finding in late {
            self.hold(finding);
        }
        let charter = &self.register.charter;
        let origin = charter.origin.as_ref();
        let given = Given {
            roots: &self.roots,
            size: self.next,
            origin: origin.and_then(|origin| KeyName::new(origin.as_str()).ok()),
            seals: charter.keyring.seals(),
            as_of,
        };
        let mut compared = checkpoints::compare(
            &self.question.kept,
            &given,
            self.question.trust.as_ref(),
            self.interrupted,
        );
        // What was not read yet is not held against a token that covers it.
        let (unfit, stamped) = match self.interrupted {
            false => std::mem::take(&mut self.stamps).conclude(&given),
            true => Default::default(),
        };
        compared.findings.extend(unfit);
        self.findings_total += compared.findings.len() as u64;
        let root = match &self.question.proven {
            Some(proven) => proven.get(&self.next).copied(),
            None => Some(self.frontier.root()),
        };
        Folded {
            question: self.question,
            register: self.register,
            ledger: self.ledger,
            size: self.next,
            elsewhere: self.elsewhere,
            head: self.previous.unwrap_or(Link::ZERO),
            root: root.unwrap_or_else(NodeHash::empty),
            tiles: self.tiles,
            first: self.first,
            last: self.last,
            in_range: self.in_range,
            tally: self.tally,
            compared,
            stamped,
            findings: self.findings,
            findings_total: self.findings_total,
            unlisted: self.unlisted,
            broken: self.broken || self.interrupted,
            charter_then: self.charter_then,
            said: self.said,
            event_ids: self.event_ids,
            interrupted: self.interrupted,
        }
    }
}
