//! Puts the checked entries in order, one after the other: what each changes, and what stands against
//! it.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Event, FourEyes, SealingKeyRecovered};
use crate::hash::{LeafHash, LedgerId, Link, NodeHash};
use crate::keyring::Author;
use crate::merkle::Frontier;
use crate::note::KeyName;
use crate::proof::{builds_on_seal_of, leads_to};
use crate::register::Recorded;
use crate::rule::{self, Finding, Rule, Verdict};
use crate::statement::EventId;
use crate::text::Id;
use crate::time::Timestamp;

use super::admitted::{AdmittedEntry, tells_of_rotations};
use super::afterwards::Afterwards;
use super::authors::EntryAuthors;
use super::check::{AuthorSignature, CheckedEntry, EntryContent};
use super::checkpoints::{self, LedgerRoots};
use super::folded::{AbsentEntries, VerifiedFold};
use super::links::Links;
use super::piece::{LogPiece, Observer};
use super::question::VerifyQuestion;
use super::select::{self, SubjectCounts};
use super::stamps::TokenCheck;

/// Findings of one verdict kept in full. A ledger with more than this is not mended one by one; but
/// many of one verdict must not hide a single one of another.
const KEPT_FINDINGS: usize = 10_000;

/// The fold over the entries, one after the other.
pub(super) struct LedgerFold {
    pub(super) done: VerifiedFold,
    /// The link that the next entry must carry; unknown after damage.
    previous: Option<Link>,
    links: Links,
    frontier: Frontier,
    /// Roots at the sizes that kept checkpoints speak of.
    roots: BTreeMap<u64, NodeHash>,
    wanted: BTreeSet<u64>,
    /// Findings so far, by verdict and by whether they are about what was asked for.
    kept: BTreeMap<(Verdict, bool), usize>,
    authors: EntryAuthors,
    afterwards: Afterwards,
    stamps: TokenCheck,
    /// Entries so far, by what they are about; the record of an export is held against it.
    about: SubjectCounts,
}

impl LedgerFold {
    pub(super) fn new(mut question: VerifyQuestion) -> Self {
        let stamps = TokenCheck::new(std::mem::take(&mut question.stamps));
        let wanted: BTreeSet<u64> = question
            .kept
            .iter()
            .filter_map(|kept| kept.stated())
            .map(|stated| stated.size)
            .chain(question.verified.as_ref().map(|seen| seen.size))
            .chain(stamps.sizes())
            .collect();
        let roots = question.proven.clone().unwrap_or_default();
        let mut fold = Self {
            done: VerifiedFold::new(question),
            previous: Some(Link::ZERO),
            links: Links::default(),
            frontier: Frontier::new(),
            roots,
            wanted,
            kept: BTreeMap::new(),
            authors: EntryAuthors::default(),
            afterwards: Afterwards::default(),
            stamps,
            about: SubjectCounts::new(),
        };
        fold.keep_what_was_asked();
        fold
    }

    pub(super) fn take(&mut self, piece: LogPiece<CheckedEntry>, observer: &mut dyn Observer) {
        match piece {
            LogPiece::Entries(entries) => {
                for entry in entries {
                    self.place(entry, observer);
                }
            }
            LogPiece::Damaged { count, finding } => {
                self.hold(*finding);
                // The entries behind it are still read, for what they show; no root can be made.
                self.done.broken = true;
                self.previous = None;
                self.pass(count);
            }
            LogPiece::Missing { count, what } => {
                let (first, last) = (self.done.size, self.done.size.saturating_add(count - 1));
                let missing = format!("entries {first} to {last}: {what}");
                self.done.missing.push(missing);
                self.done.broken = true;
                self.previous = None;
                self.pass(count);
                self.done.elsewhere = self.done.elsewhere.saturating_add(count);
            }
            LogPiece::Absent { leaves, finding } => self.take_absent(&leaves, finding, observer),
            LogPiece::Elsewhere { count } => {
                self.previous = None;
                self.pass(count);
                self.done.elsewhere = self.done.elsewhere.saturating_add(count);
            }
        }
    }

    /// The root goes on over the hashes of entries that are not at hand; what they say is not known.
    fn take_absent(
        &mut self,
        leaves: &[LeafHash],
        finding: Option<Box<Finding>>,
        observer: &mut dyn Observer,
    ) {
        let first = self.done.size;
        for leaf in leaves {
            self.grow(*leaf, observer);
            self.pass(1);
            self.keep_what_was_asked();
        }
        let end = self.done.size;
        self.previous = None;
        self.done.elsewhere = self.done.elsewhere.saturating_add(end - first);
        match (finding, self.done.absent.last_mut()) {
            (Some(finding), _) => self.done.absent.push(AbsentEntries {
                first,
                end,
                finding: *finding,
            }),
            (None, Some(last)) => last.end = end,
            (None, None) => {}
        }
    }

    /// What is not at hand is damage, but where a Security Owner had it archived.
    fn judge_absent(&mut self) {
        let archived = self.done.register.charter.archived.clone();
        for absent in std::mem::take(&mut self.done.absent) {
            let AbsentEntries { first, end, .. } = absent;
            let last = end.saturating_sub(1);
            match archived.as_ref().filter(|archived| end <= archived.before) {
                Some(archived) => self.done.missing.push(format!(
                    "entries {first} to {last}: archived to {} (entry {}), which is not at hand; roots were made over their hashes",
                    archived.place, archived.sequence
                )),
                // Whatever would allow for it was not read yet.
                None if self.done.interrupted => {}
                None => {
                    self.hold(absent.finding);
                    self.done.broken = true;
                    self.roots.retain(|size, _| *size <= first);
                }
            }
        }
    }

    /// Goes on by `count` places. What is said to be missing can be any number: behind the last size that
    /// a log can have nothing has a place.
    const fn pass(&mut self, count: u64) {
        self.done.size = self.done.size.saturating_add(count);
    }

    fn hold(&mut self, finding: Finding) {
        let verdict = finding.rule.verdict;
        let asked = self.done.question.asks_for(&finding, &self.done.register);
        let kept = self.kept.entry((verdict, asked)).or_default();
        if *kept < KEPT_FINDINGS {
            *kept += 1;
            self.done.findings_total += 1;
            self.done.findings.push(finding);
        } else if asked {
            self.done.findings_total += 1;
            *self.done.unlisted.entry(verdict).or_default() += 1;
        } else {
            self.done.outside += 1;
        }
    }

    fn against(
        &mut self,
        rule: &'static Rule,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        let sequence = self.done.size;
        self.hold(Finding::new(rule, expected, found).at(sequence));
    }

    /// Takes the entry in the next place: the chain and the tree first, for they hold whatever the
    /// bytes say; then what they say.
    fn place(&mut self, checked: CheckedEntry, observer: &mut dyn Observer) {
        let place = self.done.size;
        if place == u64::MAX {
            let found = "an entry behind the last that any can have";
            self.against(rule::I04, "a place in a log", found);
            return;
        }
        if let Ok(EntryContent { statement, .. }) = &checked.content
            && let Event::SealingKeyRecovered(recovered) = &statement.event
        {
            self.judge_succession(recovered);
        }
        self.grow(checked.leaf, observer);
        match checked.content {
            Ok(content) => self.judge(place, checked.link, content, observer),
            Err(fault) => self.against(rule::I08, "an entry", fault.to_string()),
        }
        self.previous = Some(checked.link);
        self.links.push(place, &checked.link);
        self.pass(1);
        self.keep_what_was_asked();
    }

    /// A person names a sealing key on a checkpoint that the one before sealed, and that these entries continue: else
    /// whoever has the folder could rewrite what the lost key sealed, and seal it anew.
    fn judge_succession(&mut self, recovered: &SealingKeyRecovered) {
        let charter = &self.done.register.charter;
        let size = recovered.kept_size;
        let origin = charter.origin.as_ref();
        let origin = origin.and_then(|origin| KeyName::new(origin.as_str()).ok());
        let sealed = charter.keyring.seal_at(size).zip(origin);
        let sealed =
            sealed.is_some_and(|(seal, origin)| builds_on_seal_of(recovered, &origin, &seal.key));
        // Of the second to name it the checkpoint is the same, and it was held against the entries then.
        let is_seconded = charter.keyring.is_seconded(recovered);
        if !sealed {
            let expected = format!("a checkpoint of {size} entries by the key that sealed them");
            self.against(rule::I06, expected, "another key, or another checkpoint");
        } else if !is_seconded && !self.done.broken && self.done.question.proven.is_none() {
            let tree = (self.done.size, self.frontier.root());
            if let Err(fault) = leads_to(recovered, tree) {
                let expected = format!("entries that continue the {size} of its checkpoint");
                self.against(rule::I05, expected, fault.to_string());
            }
        }
    }

    fn grow(&mut self, leaf: LeafHash, observer: &mut dyn Observer) {
        if self.done.broken || self.done.question.proven.is_some() {
            return;
        }
        self.frontier.append(leaf);
        for tile in self.done.tiles.append(leaf) {
            let under = 256_u64.saturating_pow(u32::from(tile.id().level) + 1);
            let first = tile.id().index.saturating_mul(under);
            observer.tile(&tile, first, first.saturating_add(under));
        }
    }

    fn keep_what_was_asked(&mut self) {
        if self.done.question.charter_at == Some(self.done.size) {
            self.done.charter_then = Some(self.done.register.charter.clone());
        }
        if !self.done.broken
            && self.done.question.proven.is_none()
            && self.wanted.contains(&self.done.size)
        {
            self.roots.insert(self.done.size, self.frontier.root());
        }
    }

    fn judge(
        &mut self,
        place: u64,
        link: Link,
        content: EntryContent,
        observer: &mut dyn Observer,
    ) {
        let chained = self.judge_place(place, &content);
        if place == 0 {
            self.done.ledger = Some(LedgerId::from_genesis(link));
        }
        let statement = &content.statement;
        let subject = self.done.register.subject(&statement.event);
        self.judge_frame(place, &content, subject.as_ref());
        self.judge_target(place, &statement.event);
        for attachment in &statement.attachments {
            self.done.tally.attachments += 1;
            observer.attachment(place, attachment);
        }
        let recorded = statement.recorded_as(place, content.recorded);
        match self.done.register.author(&recorded) {
            Ok(author) => {
                self.done.tally.authorised += 1;
                if content.signed != AuthorSignature::Fails {
                    self.fold(&recorded, &author);
                    self.note(&recorded, &author);
                    self.keep_said(place, &content, author);
                }
            }
            Err(denial) => {
                // What it names may have been opened by entries that are not at hand; that is not the author's part.
                let is_untold =
                    !self.done.absent.is_empty() && denial.rule.verdict.is_of_rotations();
                self.done.tally.authorised += u64::from(is_untold);
                let mut finding =
                    Finding::new(denial.rule, denial.expected, denial.message).at(place);
                finding.rotation = statement.event.rotation().cloned();
                finding.secret.clone_from(&subject);
                self.hold(finding);
            }
        }
        *self.about.entry(subject).or_default() += 1;
        if chained && content.signed != AuthorSignature::Fails {
            self.done.tally.whole += 1;
        }
        observer.entry(place, link);
    }

    /// Holds against the entry what stands around its event: the signature, the ledger's id, its times, and
    /// the thread of what it is about.
    fn judge_frame(&mut self, place: u64, content: &EntryContent, subject: Option<&Id>) {
        let statement = &content.statement;
        match content.signed {
            AuthorSignature::Holds => self.done.tally.signed += 1,
            AuthorSignature::HeldBefore => self.done.tally.held_before += 1,
            AuthorSignature::Fails => {
                let expected = format!("a signature by {}", statement.author.short());
                self.against(rule::I03, expected, "another");
            }
        }
        let named = if place == 0 {
            Some(LedgerId::ZERO)
        } else {
            self.done.ledger
        };
        if let Some(named) = named.filter(|named| *named != statement.ledger) {
            self.against(rule::I12, named.to_string(), statement.ledger.to_string());
        }
        self.done
            .event_ids
            .push((*statement.event_id.as_bytes(), place));
        self.note_time(content.recorded);
        self.stamps
            .see(place, content.recorded, &statement.attachments);
        let thread = self.done.register.thread(subject);
        // Beyond damage nobody knows what the entries before were about.
        let knows_all = !self.done.broken && self.done.absent.is_empty();
        if knows_all && content.subject_previous != thread {
            let found = content.subject_previous.to_string();
            self.against(rule::I15, thread.to_string(), found);
        }
    }

    fn judge_place(&mut self, place: u64, content: &EntryContent) -> bool {
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
        if let Some(last) = self.done.last.filter(|last| recorded < *last) {
            let found = recorded.to_string();
            self.against(rule::I18, format!("not before {last}"), found);
        }
        self.done.first.get_or_insert(recorded);
        self.done.last = Some(recorded);
        self.done.in_range += u64::from(self.done.question.holds(recorded));
    }

    fn judge_target(&mut self, place: u64, event: &Event) {
        let Some((entry, link)) = event.about() else {
            return;
        };
        self.done.tally.corrections += u64::from(matches!(event, Event::EntryCorrected(_)));
        let stored = self.links.at(entry);
        if self.done.elsewhere > 0 && stored.is_none() {
            return;
        }
        if entry < place && stored != Some(Links::half(&link)) {
            let found = link.to_string();
            self.against(rule::I11, format!("the link of entry {entry}"), found);
        }
    }

    fn fold(&mut self, recorded: &Recorded<'_>, author: &Author) {
        let (place, event) = (recorded.sequence, recorded.event);
        let mut found = Vec::new();
        self.done.register.apply(recorded, author, &mut found);
        // What is registered is known only from all entries.
        if let Event::InventoryAttested(attested) = event
            && self.done.question.proven.is_none()
        {
            self.done
                .register
                .judge_attestation(place, attested, &mut found);
        }
        if let Event::SealingKeyRecovered(recovered) = event {
            self.done.successions.push(format!(
                "entry {place}: {} ({}) named a sealing key, since the one before is lost since {}: {}",
                author.actor,
                author.name,
                recovered.lost_since.to_seconds(),
                recovered.reason
            ));
        }
        if let Event::PolicySet(set) = event {
            let is_relaxed = set.four_eyes == Some(FourEyes::Relaxed);
            match (is_relaxed, self.done.relaxed.last_mut()) {
                (true, None | Some((_, Some(_)))) => self.done.relaxed.push((place, None)),
                (false, Some((_, end @ None))) => *end = Some(place),
                _ => {}
            }
        }
        if let Event::PackExported(exported) = event
            && self.done.question.proven.is_none()
        {
            found.extend(select::judge_export(
                place,
                recorded.recorded,
                exported,
                &self.done.register,
                &self.about,
            ));
        }
        for finding in found {
            self.hold(finding);
        }
    }

    /// Remembers what only later entries make sense of: who wrote this one, and what it says of an earlier one.
    fn note(&mut self, recorded: &Recorded<'_>, author: &Author) {
        let (place, event) = (recorded.sequence, recorded.event);
        let at = (place, recorded.recorded);
        self.authors
            .note(recorded.key, at, (event, author), &self.done.register);
        if event
            .about()
            .is_some_and(|(entry, _)| self.links.at(entry).is_some())
        {
            self.afterwards.note(place, event, author);
        }
    }

    fn keep_said(&mut self, place: u64, content: &EntryContent, author: Author) {
        let statement = &content.statement;
        if self.done.question.keep_said && tells_of_rotations(&statement.event) {
            self.done.said.push(AdmittedEntry {
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
        let mut ids = std::mem::take(&mut self.done.event_ids);
        ids.sort_unstable();
        self.hold_pairs_of(&ids);
        self.done.event_ids = ids;
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

    pub(super) fn finish(mut self) -> VerifiedFold {
        self.find_event_ids_used_twice();
        self.judge_absent();
        let as_of = self.done.question.as_of;
        let mut late = Vec::new();
        self.done.register.judge(as_of, &mut late);
        late.extend(self.authors.findings(&self.done.register));
        for finding in late {
            self.hold(finding);
        }
        let (held, register) = (&mut self.done.findings, &self.done.register);
        let before = held.len();
        let afterwards = std::mem::take(&mut self.afterwards);
        self.done.idle_acceptances = afterwards.settle(held, register, &self.authors);
        self.done.findings_total += (held.len() - before) as u64;
        let charter = &self.done.register.charter;
        let origin = charter.origin.as_ref();
        let given = LedgerRoots {
            roots: &self.roots,
            size: self.done.size,
            origin: origin.and_then(|origin| KeyName::new(origin.as_str()).ok()),
            seals: charter.keyring.seals(),
            as_of,
        };
        let mut compared = checkpoints::compare(
            &self.done.question.kept,
            &given,
            self.done.question.trust.as_ref(),
            self.done.interrupted,
        );
        // What was not read yet is not held against a token that covers it.
        let stamps = match self.done.interrupted {
            false => std::mem::take(&mut self.stamps).conclude(&given),
            true => Default::default(),
        };
        compared.findings.extend(stamps.findings);
        self.done.findings_total += compared.findings.len() as u64;
        if let Some(seen) = &self.done.question.verified {
            let root = self.roots.get(&seen.size).copied();
            self.done.returned = Some(root == Some(seen.root));
        }
        let root = match &self.done.question.proven {
            Some(proven) => proven.get(&self.done.size).copied(),
            None => Some(self.frontier.root()),
        };
        VerifiedFold {
            head: self.previous.unwrap_or(Link::ZERO),
            root: root.unwrap_or_else(NodeHash::empty),
            broken: self.done.broken || self.done.interrupted,
            compared,
            stamped: stamps.fitting,
            unfit_tokens: stamps.unfit,
            ..self.done
        }
    }
}
