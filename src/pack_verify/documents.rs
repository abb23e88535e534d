//! The documents of a pack, held against those that follow from its entries: what they state is compared, how
//! they word it is not.

use crate::facts::{FactsForm, PackFacts, RENDERINGS, SUMMARY, states_the_same};
use crate::pack::{Bag, PackFiles};
use crate::rule::{self, Finding};
use crate::verify::{AllSigned, Report};

use super::decoded::DecodedPack;

/// What came of the comparison.
#[derive(Default)]
pub(super) struct Comparison {
    /// What `bag-info.txt` must say, where the entries verify.
    pub(super) info: Option<Vec<(&'static str, String)>>,
    /// What the documents say other than the entries, and files that no pack has.
    pub(super) findings: Vec<Finding>,
    /// The form of facts that this program does not know.
    pub(super) other_form: Option<u64>,
    /// The words, which nobody compares: who made the pack signed for them.
    pub(super) words: Option<String>,
    /// What was not compared.
    pub(super) not_checked: Option<String>,
    /// That every entry was found to be signed meanwhile.
    pub(super) signed: Option<AllSigned>,
}

/// Compares the documents of a pack. `reword` is told in [`examine_reworded`](super::examine_reworded).
pub(super) fn compare(
    bag: &Bag,
    pack: &DecodedPack,
    reword: &dyn Fn(&mut Report),
    progress: &dyn Fn(u64),
) -> Comparison {
    let form = match FactsForm::stated(bag.get(SUMMARY)) {
        Ok(form) => form,
        Err(other) => {
            return Comparison {
                other_form: Some(other),
                not_checked: Some(format!(
                    "what the documents state, and whether there are other files: they are in form {other}, and this program knows forms 1 to {}",
                    FactsForm::NEWEST.number()
                )),
                ..Comparison::default()
            };
        }
    };
    let mut report = pack.exported_telling(false, progress);
    reword(&mut report);
    let dossier = pack.dossier(&report, form);
    let compared = match dossier.and_then(|dossier| PackFacts::of(&dossier)) {
        Some(facts) => hold(bag, &pack.contents.files(), facts),
        // Of entries that do not verify nothing follows, and that is held against the pack by itself.
        None => Comparison::default(),
    };
    Comparison {
        signed: report.all_signed(),
        ..compared
    }
}

/// Holds every file of the payload against what a pack of these entries has.
fn hold(bag: &Bag, held: &PackFiles, facts: PackFacts) -> Comparison {
    let mut findings = Vec::new();
    let mut words = Vec::new();
    for (path, bytes) in bag.payload() {
        match held.get(path).or_else(|| facts.files.get(path)) {
            Some(made) if *made == bytes => {}
            Some(made) if facts.form == FactsForm::First && states_the_same(path, made, bytes) => {
                words.push(path);
            }
            Some(made) => findings.push(Finding::new(
                rule::P05,
                format!("data/{path} as the entries give it"),
                differing(made, bytes),
            )),
            None if !RENDERINGS.contains(&path) => {
                let (expected, found) = ("only files that a pack has", format!("data/{path}"));
                findings.push(Finding::new(rule::P01, expected, found));
            }
            None => words.push(path),
        }
    }
    let documents = facts.files.keys().map(String::as_str).chain(RENDERINGS);
    for path in documents.filter(|path| bag.get(path).is_none()) {
        let expected = format!("data/{path}");
        findings.push(Finding::new(rule::P05, expected, "it is missing"));
    }
    let names = words.join(", ");
    Comparison {
        info: Some(facts.info),
        findings,
        words: (!names.is_empty()).then(|| {
            format!(
                "the words of the pack are carried under its signature, and not compared: {names}"
            )
        }),
        ..Comparison::default()
    }
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
