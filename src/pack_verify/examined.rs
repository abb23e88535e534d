//! A pack, judged: what was found in it as a file, in its documents, and in its entries.

use crate::facts::{Dossier, FactsForm};
use crate::pack::{Bag, BagFault, PackPart, SelectionForm};
use crate::rule::{self, Finding, Rule, Verdict};
use crate::time::Timestamp;
use crate::timetoken::TsaAuthorities;
use crate::trust::Trust;
use crate::verify::{Conclusion, Report, StoredCheckpoint, VerifyQuestion};

use super::contents::UnverifiedPack;
use super::decoded::DecodedPack;
use super::documents::compare;

/// What is asked about a pack besides what stands in it.
#[derive(Default)]
pub struct PackQuestion<'a> {
    /// The instant to judge at; that of the export where none is named.
    pub as_of: Option<Timestamp>,
    /// What conformance and coverage are asked for.
    pub part: PackPart,
    /// Whom the reader trusts, by a file that came by another road.
    pub trust: Option<Trust>,
    /// Checkpoints kept by others.
    pub anchors: Vec<StoredCheckpoint>,
    /// Whose time tokens the reader believes; nobody's where none is named.
    pub authorities: Option<&'a TsaAuthorities>,
    /// Whether to keep what was said about rotations, for a page.
    pub keep_said: bool,
    /// Told how many of how many entries are done: each is judged twice, as of the export and as was asked.
    pub progress: Option<&'a dyn Fn(u64, u64)>,
}

/// What the verification of a pack found.
pub struct PackReport {
    /// The five verdicts on what the pack has of the ledger.
    pub report: Report,
    /// The form that the pack's facts are in, where this program does not know it: what they state was not
    /// looked at.
    pub other_form: Option<u64>,
    is_trusted: bool,
    pack: DecodedPack,
}

impl PackReport {
    /// What the verification comes to, where findings of `fail_on` are a failure and, if `strict`, whatever
    /// was not checked.
    ///
    /// Whoever makes up a ledger can make up a pack of it: without a trust file it proves nothing. And
    /// whoever signs packs can name any form, to have what they state pass unread.
    #[must_use]
    pub fn conclusion(&self, strict: bool, fail_on: &[Verdict]) -> Conclusion {
        let conclusion = self.report.conclusion(strict, fail_on);
        match self.is_trusted && self.other_form.is_none() {
            true => conclusion,
            false => conclusion.max(Conclusion::NotVerified),
        }
    }

    /// What a page about this verification is made of; none where no entry records the export.
    #[must_use]
    pub fn dossier(&self) -> Option<Dossier<'_>> {
        self.pack.dossier(&self.report, FactsForm::NEWEST)
    }
}

/// Judges a pack.
#[must_use]
pub fn examine(bag: &Bag, asked: PackQuestion<'_>) -> PackReport {
    examine_reworded(bag, asked, &|_| {})
}

/// The same by a program that words its findings otherwise: `reword` changes every sentence of the report out of
/// which the facts are made again. It is how a test is a program of another year.
#[doc(hidden)]
#[must_use]
pub fn examine_reworded(
    bag: &Bag,
    asked: PackQuestion<'_>,
    reword: &dyn Fn(&mut Report),
) -> PackReport {
    let (contents, mut findings) = UnverifiedPack::of(bag);
    let pack = DecodedPack::of(contents);
    let size = pack.contents().entries.last_key_value();
    let size = size.map_or(0, |(last, _)| last + 1);
    let tell = |done| {
        if let Some(progress) = asked.progress {
            progress(done, 2 * size);
        }
    };
    let compared = compare(bag, &pack, reword, &tell);
    findings.extend(of_rule(rule::P01, bag.faults(compared.info.as_deref())));
    findings.extend(compared.findings);
    findings.extend(pack.no_record.clone());
    if let Some(record) = &pack.record {
        let faults = bag.signature_faults(&record.selection.key);
        findings.extend(of_rule(rule::P02, faults));
        if record.selection.form != SelectionForm::Pack {
            let expected = "a pack whose record says that a pack was exported";
            let said = record.selection.to_string();
            findings.push(Finding::new(rule::P04, expected, said).at(record.stored.sequence));
        }
    }
    let is_trusted = asked.trust.is_some();
    let question = VerifyQuestion {
        trust: asked.trust,
        kept: asked.anchors,
        keep_said: asked.keep_said,
        part: asked.part,
        signed: compared.signed,
        ..VerifyQuestion::at(asked.as_of.unwrap_or_else(|| pack.exported()))
    };
    let again = |done| tell(size + done);
    let mut report = pack.judge(question, asked.authorities, findings, &again);
    report.not_checked.extend(compared.not_checked);
    report.notes.extend(compared.words);
    report.notes.extend(bag.remarks.iter().cloned());
    PackReport {
        report,
        other_form: compared.other_form,
        is_trusted,
        pack,
    }
}

fn of_rule(rule: &'static Rule, faults: Vec<BagFault>) -> impl Iterator<Item = Finding> {
    let faults = faults.into_iter();
    faults.map(move |fault| Finding::new(rule, fault.expected, fault.found))
}
