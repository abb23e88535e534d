//! The documents of a pack, held against those that follow from its entries: what they state is compared, how
//! they word it is not.

use crate::facts::{Dossier, FactsForm, PackFacts, RENDERINGS, SUMMARY, states_the_same};
use crate::pack::{Bag, PackFiles};
use crate::rule::{self, Finding};
use crate::verify::Report;

use super::decoded::DecodedPack;

/// Makes what people read in a pack, by its path there.
pub type Renderer<'a> = dyn Fn(&Dossier<'_>, &PackFacts) -> PackFiles + 'a;

/// What came of the comparison.
#[derive(Default)]
pub(super) struct Comparison {
    /// What `bag-info.txt` must say, where the entries verify.
    pub(super) info: Option<Vec<(&'static str, String)>>,
    /// What the documents say other than the entries, and files that no pack has.
    pub(super) findings: Vec<Finding>,
    /// The form of facts that this program does not know.
    pub(super) other_form: Option<u64>,
    /// What was not compared.
    pub(super) not_checked: Option<String>,
}

/// Compares the documents of a pack. `render` makes the words of form 1, where somebody can; `reword` is told in
/// [`examine_reworded`](super::examine_reworded).
pub(super) fn compare(
    bag: &Bag,
    pack: &DecodedPack,
    render: Option<&Renderer<'_>>,
    reword: &dyn Fn(&mut Report),
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
    let render = render.filter(|_| form == FactsForm::First);
    let mut report = pack.as_exported(render.is_some());
    reword(&mut report);
    let made = pack.dossier(&report, form).and_then(|dossier| {
        let facts = PackFacts::of(&dossier)?;
        let words = render.map(|render| render(&dossier, &facts));
        Some((facts, words.unwrap_or_default()))
    });
    match made {
        Some((facts, words)) => hold(bag, &pack.contents.files(), facts, &words),
        // Of entries that do not verify nothing follows, and that is held against the pack by itself.
        None => Comparison::default(),
    }
}

/// Holds every file of the payload against what a pack of these entries has.
fn hold(bag: &Bag, held: &PackFiles, facts: PackFacts, words: &PackFiles) -> Comparison {
    let mut findings = Vec::new();
    let mut other_words = Vec::new();
    for (path, bytes) in bag.payload() {
        match held.get(path).or_else(|| facts.files.get(path)) {
            Some(made) if *made == bytes => {}
            Some(made) if facts.form == FactsForm::First && states_the_same(path, made, bytes) => {
                other_words.push(path);
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
            None if words.get(path).is_some_and(|made| *made == bytes) => {}
            None => other_words.push(path),
        }
    }
    let documents = facts.files.keys().map(String::as_str).chain(RENDERINGS);
    for path in documents.filter(|path| bag.get(path).is_none()) {
        let expected = format!("data/{path}");
        findings.push(Finding::new(rule::P05, expected, "it is missing"));
    }
    let names = other_words.join(", ");
    Comparison {
        info: Some(facts.info),
        findings,
        other_form: None,
        not_checked: (!names.is_empty())
            .then(|| format!("the words of the pack, carried under its signature: {names}")),
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
