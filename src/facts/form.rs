//! The forms that the documents of packs have had, and what in them is words.
//!
//! A fact is made again from the entries and compared, for as long as there are verifiers; a sentence, a title
//! or a column may be worded better by the next one, and accuses nobody.

use serde_json::{Map, Value};

/// What says what a pack is, and in which form its documents are.
pub const SUMMARY: &str = "pack.json";

/// What the verification found when the pack was exported.
pub(super) const FINDINGS: &str = "findings.json";

/// What people read in a pack: words, carried under its signatures and never compared in form 2.
pub const RENDERINGS: [&str; 7] = [
    "VERIFY.md",
    "attachments.csv",
    "findings.csv",
    "keys/keys.csv",
    "report.html",
    "rotations.csv",
    "secrets.csv",
];

/// The form that the documents of a pack are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactsForm {
    /// Sentences stand among the facts, in [`SUMMARY`] and `findings.json`.
    First,
    /// No sentence stands in a document of facts.
    Second,
}

impl FactsForm {
    /// The form that is exported.
    pub const NEWEST: Self = Self::Second;

    /// The `format` of [`SUMMARY`].
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    /// The form that a pack says it has, in a [`SUMMARY`] that nobody vouches for. One that says nothing is
    /// held against the newest, which it is not.
    ///
    /// # Errors
    /// The number of a form that this program does not know.
    pub fn stated(summary: Option<&[u8]>) -> Result<Self, u64> {
        let stated = || {
            let summary: Value = serde_json::from_slice(summary?).ok()?;
            summary.get("format")?.as_u64()
        };
        match stated() {
            None | Some(2) => Ok(Self::Second),
            Some(1) => Ok(Self::First),
            Some(other) => Err(other),
        }
    }
}

/// Whether a document of form 1 states what `made` states, in whichever words. A document in another than its
/// one layout does not: it could say a thing twice, and each reader would believe another of the two.
#[must_use]
pub fn states_the_same(path: &str, made: &[u8], found: &[u8]) -> bool {
    let facts = |bytes: &[u8]| {
        let mut read: Value = serde_json::from_slice(bytes).ok()?;
        let is_laid_out = document(&read) == bytes;
        leave_words_out(path, &mut read);
        is_laid_out.then(|| document(&read))
    };
    let has_words = [SUMMARY, FINDINGS].contains(&path);
    has_words && facts(found).is_some_and(|found| facts(made) == Some(found))
}

/// Takes the sentences out of a document of form 1.
pub(super) fn leave_words_out(path: &str, document: &mut Value) {
    if path == SUMMARY {
        remove(document.as_object_mut(), &["not_checked", "completeness"]);
        return;
    }
    remove(document.as_object_mut(), &["not_checked", "notes"]);
    for finding in rows(document, "findings") {
        let words = ["title", "sop", "expected", "found", "next"];
        remove(finding.as_object_mut(), &words);
    }
    for verdict in rows(document, "verdicts") {
        remove(verdict.as_object_mut(), &["note"]);
        for count in rows(verdict, "counts") {
            remove(count.as_object_mut(), &["what"]);
        }
    }
}

/// Takes out of a report what reports have had only since these forms were fixed, and what they say of
/// acceptances where nothing was accepted: so a pack of before states to the byte what it always did.
pub(super) fn leave_newer_out(report: &mut Value) {
    let newer = ["findings_outside", "anchored", "signatures_held_before"];
    remove(report.as_object_mut(), &newer);
    remove(
        report.get_mut("requested").and_then(Value::as_object_mut),
        &["rotation", "secret"],
    );
    for verdict in rows(report, "verdicts") {
        if verdict["accepted"] == 0 {
            remove(verdict.as_object_mut(), &["accepted"]);
        }
    }
    for finding in rows(report, "findings") {
        let newer = ["fingerprint", "status", "waived_until", "corrections"];
        remove(finding.as_object_mut(), &newer);
        if finding["accepted"].is_null() {
            remove(finding.as_object_mut(), &["accepted"]);
        }
    }
}

fn rows<'v>(value: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> {
    let rows = value.get_mut(name).and_then(Value::as_array_mut);
    rows.into_iter().flatten()
}

fn remove(object: Option<&mut Map<String, Value>>, names: &[&str]) {
    if let Some(object) = object {
        object.retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// One JSON document, indented, so that a person can read it and a difference shows its line.
pub(super) fn document(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(title: &str, entry: u64) -> Value {
        json!({
            "found": { "entries": 7 },
            "verdicts": [{ "verdict": "integrity", "counts": [{ "what": title, "good": 7, "total": 7 }], "note": title }],
            "findings": [{ "rule": "S-50", "title": title, "sop": title, "entry": entry, "expected": title, "found": title, "next": title }],
            "not_checked": [title], "notes": [title],
        })
    }

    #[test]
    fn other_words_state_the_same_and_other_facts_do_not() {
        let made = document(&findings("a title", 4));
        let same = |found: &[u8]| states_the_same(FINDINGS, &made, found);
        assert!(same(&document(&findings("a better one", 4))));
        assert!(!same(&document(&findings("a title", 5))));
        // The object of this name says how much was found, and is no sentence.
        let mut other = findings("a title", 4);
        other["found"] = json!("a title");
        assert!(!same(&document(&other)));
        let mut more = findings("a title", 4);
        more["findings"][0]["accepted_by"] = json!("x");
        assert!(
            !same(&document(&more)),
            "a member that the form does not have"
        );
        let text = String::from_utf8(made.clone()).unwrap();
        for (from, to) in [
            ("\"entry\": 4", "\"entry\": 5, \"entry\": 4"),
            ("\"entry\": 4", "\"entry\": 4.0"),
            ("\"entry\": 4", "\"entry\":  4"),
            ("S-50", "\\u0053-50"),
        ] {
            assert!(text.contains(from));
            assert!(!same(text.replacen(from, to, 1).as_bytes()), "{to}");
        }
        // Documents without a sentence are compared as bytes, and not here.
        assert!(!states_the_same("secrets.json", &made, &made));
    }

    #[test]
    fn a_form_is_known_by_its_number() {
        let stated = |summary: &str| FactsForm::stated(Some(summary.as_bytes()));
        for form in [FactsForm::First, FactsForm::Second] {
            assert_eq!(
                stated(&json!({ "format": form.number() }).to_string()),
                Ok(form)
            );
        }
        assert_eq!(stated("{\"format\": 3}"), Err(3));
        for odd in ["", "{}", "[]", "{\"format\": \"1\"}", "{\"format\": 1.5}"] {
            assert_eq!(stated(odd), Ok(FactsForm::NEWEST), "{odd}");
        }
        assert_eq!(FactsForm::stated(None), Ok(FactsForm::NEWEST));
    }
}
