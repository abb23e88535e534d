//! A pack, judged without its ledger, without a network, and without believing any file in it.
//!
//! | file | knows |
//! |---|---|
//! | `contents` | what a pack has of a ledger, and under which names |
//! | `judge` | how these entries are fed to the verification that judges ledgers |
//! | `record` | what the entry that records the export says, held against the pack |
//!
//! The entries are folded by the code that verifies ledgers. The documents are made again from what
//! verified, and must be in the pack byte for byte: so nothing in it that a person reads says
//! anything else than its entries do, whoever signed it.

mod contents;
mod judge;
mod record;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::facts;
use crate::facts::Dossier;
use crate::facts::Facts;
use crate::pack::Bag;
use crate::pack::BagFault;
use crate::pack::Files;
use crate::pack::Form;
use crate::pack::Selection;
use crate::page;
use crate::rule;
use crate::rule::Finding;
use crate::rule::Rule;
use crate::time::Timestamp;
use crate::timetoken::SignatureCheck;
use crate::trust::Trust;
use crate::verify::Kept;
use crate::verify::Question;
use crate::verify::Report;

pub use contents::Contents;

use judge::Judged;
use record::Record;

/// What is asked about a pack besides what stands in it.
#[derive(Default)]
pub struct Asked<'a> {
    /// The instant to judge at; that of the export where none is named.
    pub as_of: Option<Timestamp>,
    /// Whom the reader trusts, by a file that came by another road.
    pub trust: Option<Trust>,
    /// Checkpoints kept by others.
    pub anchors: Vec<Kept>,
    /// Whether an authority that the reader trusts signed a time token; none where that is not asked.
    pub signed: Option<&'a SignatureCheck<'a>>,
}

/// What came of it.
pub struct Examined {
    /// The five verdicts on what the pack has of the ledger.
    pub report: Report,
    /// What was selected for the pack, as the record of its export says.
    pub selection: Option<Selection>,
    /// The form that the pack's documents are in, where this program makes another: what they say was
    /// not looked at.
    pub other_form: Option<u64>,
}

/// The documents of a pack, and what its `bag-info.txt` says.
pub type Documents = (Files, Vec<(&'static str, String)>);

/// The documents that follow from what a pack has of a ledger, as of its export; and the report that
/// they rest on.
#[must_use]
pub fn documents(contents: &Contents) -> (Report, Option<Documents>) {
    as_of_export(contents, |dossier| {
        let facts = Facts::of(dossier)?;
        let mut files = page::renderings(dossier, &facts);
        files.extend(facts.files);
        Some((files, facts.info))
    })
}

/// The in-toto Statements that follow from it in the same way.
#[must_use]
pub fn statements(contents: &Contents) -> (Report, Option<Vec<Value>>) {
    as_of_export(contents, facts::statements)
}

fn as_of_export<T>(
    contents: &Contents,
    make: impl Fn(&Dossier<'_>) -> Option<T>,
) -> (Report, Option<T>) {
    let (record, _) = Record::of(contents);
    let as_of = record.as_ref().map(|record| record.stored.entry.recorded);
    let question = Question {
        keep_said: true,
        ..Question::at(as_of.unwrap_or(Timestamp::from_micros(0)))
    };
    let judged = judge::judge(contents, record.as_ref(), question, None, Vec::new());
    let attached: BTreeSet<String> = contents
        .attachments
        .keys()
        .map(ToString::to_string)
        .collect();
    let made = record.as_ref().and_then(|record| {
        make(&Dossier {
            report: &judged.report,
            record: &record.stored,
            exported: &record.exported,
            selection: &record.selection,
            entries: &judged.entries,
            population: &contents.population,
            attached: &attached,
        })
    });
    (judged.report, made)
}

/// Judges a pack.
#[must_use]
pub fn examine(bag: &Bag, asked: Asked<'_>) -> Examined {
    let (contents, mut findings) = Contents::of(bag);
    let form = bag.get(facts::SUMMARY).and_then(facts::form_of);
    let other_form = form.filter(|form| *form != facts::FORM);
    let documents = match other_form {
        None => documents(&contents).1,
        Some(_) => None,
    };
    let info = documents.as_ref().map(|(_, info)| info.as_slice());
    findings.extend(of_rule(rule::P01, bag.faults(info)));
    findings.extend(unaccounted(bag, &contents, documents.as_ref()));
    let (record, faults) = Record::of(&contents);
    findings.extend(faults);
    if let Some(record) = &record {
        let faults = bag.signature_faults(&record.selection.key);
        findings.extend(of_rule(rule::P02, faults));
        if record.selection.form != Form::Pack {
            let expected = "a pack whose record says that a pack was exported";
            let said = record.selection.to_string();
            findings.push(Finding::new(rule::P04, expected, said).at(record.stored.sequence));
        }
    }
    let exported = record.as_ref().map(|record| record.stored.entry.recorded);
    let question = Question {
        trust: asked.trust,
        kept: asked.anchors,
        ..Question::at(
            asked
                .as_of
                .or(exported)
                .unwrap_or(Timestamp::from_micros(0)),
        )
    };
    let Judged { mut report, .. } =
        judge::judge(&contents, record.as_ref(), question, asked.signed, findings);
    if let Some(form) = other_form {
        report.not_checked.push(format!(
            "report, tables, templates and VERIFY.md, and whether there are other files: they are in form {form}, and this program makes form {}",
            facts::FORM
        ));
    }
    Examined {
        other_form,
        report,
        selection: record.map(|record| record.selection),
    }
}

fn of_rule(rule: &'static Rule, faults: Vec<BagFault>) -> impl Iterator<Item = Finding> {
    let faults = faults.into_iter();
    faults.map(move |fault| Finding::new(rule, fault.expected, fault.found))
}

/// Files that neither hold anything of the ledger nor follow from it, and documents that say other
/// things than the entries do.
fn unaccounted(bag: &Bag, contents: &Contents, documents: Option<&Documents>) -> Vec<Finding> {
    let held = contents.files();
    let mut findings = Vec::new();
    let Some((made, _)) = documents else {
        return findings;
    };
    for (path, bytes) in bag.payload() {
        let wanted = held.get(path).or_else(|| made.get(path));
        match wanted {
            Some(wanted) if *wanted == bytes => {}
            Some(wanted) => findings.push(Finding::new(
                rule::P05,
                format!("data/{path} as the entries give it"),
                differing(wanted, bytes),
            )),
            None => findings.push(Finding::new(
                rule::P01,
                "only files that a pack has",
                format!("data/{path}"),
            )),
        }
    }
    for path in made.keys() {
        if bag.get(path).is_none() {
            let expected = format!("data/{path}");
            findings.push(Finding::new(rule::P05, expected, "it is missing"));
        }
    }
    findings
}

fn differing(wanted: &[u8], found: &[u8]) -> String {
    let same = |(one, other): &(&[u8], &[u8])| one == other;
    let lines = |bytes: &'_ [u8]| bytes.split(|byte| *byte == b'\n').count();
    let split = |byte: &u8| *byte == b'\n';
    let equal = wanted
        .split(split)
        .zip(found.split(split))
        .take_while(same)
        .count();
    format!("another text from line {} of {}", equal + 1, lines(found))
}
