//! A program of another year, which words everything otherwise: packs of yesterday pass it, and no fact in them can
//! be changed unseen, with its words or without.

use std::path::Path;

use rotation_ledger::facts::RENDERINGS;
use rotation_ledger::key::SecretKey;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackFiles;
use rotation_ledger::pack_verify::PackQuestion;
use rotation_ledger::pack_verify::examine_reworded;
use rotation_ledger::rule::RULES;
use rotation_ledger::rule::Rule;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::Report;
use rotation_ledger::verify::VerdictStatus;
use serde_json::Value;
use serde_json::json;

use crate::support::eventful::eventful;
use crate::support::shelf::Shelf;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::forged;
use crate::support::shelf::pack_key;
use crate::support::shelf::rotation;
use crate::support::shelf::trust;

/// The documents that state facts as JSON.
const STATED: [&str; 4] = [
    "findings.json",
    "pack.json",
    "rotations.json",
    "secrets.json",
];

/// What form 1 has of sentences, by the last name on the way to them.
const SENTENCES: [&str; 9] = [
    "completeness",
    "expected",
    "found",
    "next",
    "not_checked",
    "note",
    "notes",
    "sop",
    "title",
];

/// Every title, hint and sentence of a report in other words.
fn reword(report: &mut Report) {
    for finding in &mut report.findings {
        finding.rule = Box::leak(Box::new(Rule {
            id: finding.rule.id,
            verdict: finding.rule.verdict,
            sop: "chapter six",
            title: "something is the matter",
            hint: "try something else",
        }));
        finding.expected = format!("better said: {}", finding.expected);
        finding.found = format!("better said: {}", finding.found);
    }
    for line in &mut report.verdicts {
        line.note = Some("in other words".to_owned());
        for count in &mut line.counts {
            count.what = "things";
        }
    }
    for sentence in report.not_checked.iter_mut().chain(&mut report.notes) {
        sentence.insert_str(0, "better said: ");
    }
    report.notes.push("one note more".to_owned());
}

/// What the program of another year says to a pack.
fn judge(zip: &[u8]) -> Report {
    let asked = PackQuestion {
        trust: Some(trust()),
        ..PackQuestion::default()
    };
    examine_reworded(&Bag::from_zip(zip).unwrap(), asked, &reword).report
}

fn kept(form: u64) -> Vec<u8> {
    let path = format!("tests/packs/form-{form}.zip");
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Packs of yesterday: the kept ones, and one with findings and waivers of many kinds, with whose key signs each.
fn yesterdays() -> Vec<(String, Vec<u8>, SecretKey)> {
    let seed = || SecretKey::from_seed(&[7; 32]);
    let mut packs = vec![
        ("form 1".to_owned(), kept(1), seed()),
        ("form 2".to_owned(), kept(2), seed()),
    ];
    let mut story = eventful();
    story.wait_days(90);
    let mut shelf = Shelf::new(story);
    for part in [everything(), rotation("r-standard")] {
        let name = part.to_string();
        packs.push((name, shelf.export(part).bytes, pack_key()));
    }
    packs
}

#[test]
fn packs_of_yesterday_pass_and_say_what_was_not_compared() {
    for (name, pack, _) in yesterdays() {
        let report = judge(&pack);
        let broken: Vec<_> = report
            .findings
            .iter()
            .filter(|one| one.rule.verdict == Verdict::Integrity)
            .collect();
        assert_eq!(
            broken,
            Vec::<&rotation_ledger::rule::Finding>::new(),
            "{name}"
        );
        assert_eq!(
            report.line(Verdict::Integrity).unwrap().status,
            VerdictStatus::Pass
        );
        assert_eq!(report.conclusion(false, &[]), Conclusion::Passed, "{name}");
        let words = report
            .notes
            .iter()
            .find(|item| item.starts_with("the words of the pack"));
        let words = words.unwrap();
        for path in RENDERINGS {
            assert!(words.contains(path), "{name}: {words}");
        }
        // Sentences stand among the facts in form 1 alone.
        for path in ["findings.json", "pack.json"] {
            assert_eq!(words.contains(path), name == "form 1", "{name}: {words}");
        }
    }
}

/// The way to each value in a document.
fn leaves(value: &Value, way: &str, found: &mut Vec<String>) {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => return found.push(way.to_owned()),
    };
    if inside.is_empty() {
        found.push(way.to_owned());
    }
    for (name, value) in inside {
        leaves(value, &format!("{way}/{name}"), found);
    }
}

fn is_sentence(form: u64, path: &str, way: &str) -> bool {
    let top = path == "findings.json" && way.starts_with("/found/");
    let names = |name: &str| SENTENCES.contains(&name);
    let what = way.starts_with("/verdicts/") && way.ends_with("/what");
    form == 1
        && ["findings.json", "pack.json"].contains(&path)
        && !top
        && (what || way.split('/').any(names))
}

fn another(value: &Value) -> Value {
    match value {
        Value::Null => json!("said"),
        Value::Bool(is) => json!(!is),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(_) => json!(["said"]),
        Value::Object(_) => json!({ "said": true }),
    }
}

fn document(payload: &PackFiles, path: &str) -> Value {
    serde_json::from_slice(&payload[path]).unwrap()
}

fn is_found(zip: &[u8]) -> bool {
    let report = judge(zip);
    report
        .findings
        .iter()
        .any(|one| one.rule.id.starts_with("P-"))
}

/// By whoever holds the pack key: each value of each document in turn, laid out as the program lays it out.
#[test]
fn a_changed_fact_is_found_wherever_it_stands() {
    for (form, pack) in [(1, kept(1)), (2, kept(2))] {
        let key = SecretKey::from_seed(&[7; 32]);
        let payload = files(&pack).1;
        let (mut facts, mut sentences) = (0, 0);
        for path in STATED {
            let whole: Value = serde_json::from_slice(&payload[&format!("data/{path}")]).unwrap();
            let mut ways = Vec::new();
            leaves(&whole, "", &mut ways);
            for way in ways.iter().filter(|way| *way != "/format") {
                let mut changed = whole.clone();
                let value = changed.pointer_mut(way).unwrap();
                *value = another(value);
                let bad = forged(&pack, &key, |payload| {
                    payload.insert(path.to_owned(), format!("{changed:#}\n").into_bytes());
                });
                let sentence = is_sentence(form, path, way);
                assert_eq!(is_found(&bad), !sentence, "form {form}, {path} {way}");
                sentences += u32::from(sentence);
                facts += u32::from(!sentence);
            }
        }
        assert!(facts > 100, "form {form}: {facts}");
        assert_eq!(sentences > 10, form == 1, "form {form}: {sentences}");
    }
}

/// What a document says beside its facts: a member that the form does not have, one that is said twice, a number
/// in another form, a document with more behind it.
#[test]
fn nothing_is_said_beside_the_facts() {
    type Change = (&'static str, &'static str);
    const CHANGES: [(&str, &[Change]); 4] = [
        (
            "pack.json",
            &[
                ("{\n", "{\n  \"audited\": true,\n"),
                ("\"origin\":", "\"origin\": \"another\",\n  \"origin\":"),
                ("\"size\": 7", "\"size\": 7.0"),
                ("\"origin\"", "\"\\u006frigin\""),
            ],
        ),
        (
            "findings.json",
            &[
                ("{\n", "{\n  \"audited\": true,\n"),
                ("\"rule\":", "\"accepted_by\": \"ada\",\n      \"rule\":"),
                ("\"rule\":", "\"rule\": \"S-51\",\n      \"rule\":"),
                ("\"good\":", "\"of_all\": 9,\n          \"good\":"),
                ("\"failing\": 1", "\"failing\": 1e0"),
            ],
        ),
        (
            "rotations.json",
            &[
                ("\"state\":", "\"audited\": true,\n      \"state\":"),
                ("\"state\":", "\"state\": \"confirmed\",\n      \"state\":"),
                ("}\n", "}\n\n"),
            ],
        ),
        (
            "secrets.json",
            &[
                ("{\n", "{\n  \"audited\": true,\n"),
                ("\"state\":", "\"state\": \"retired\",\n      \"state\":"),
            ],
        ),
    ];
    for form in [1, 2] {
        let pack = kept(form);
        for (path, changes) in CHANGES {
            for (from, to) in changes {
                let bad = forged(&pack, &SecretKey::from_seed(&[7; 32]), |payload| {
                    let text = String::from_utf8(payload[path].clone()).unwrap();
                    assert!(text.contains(from), "form {form}, {path}: {from}");
                    payload.insert(path.to_owned(), text.replacen(from, to, 1).into_bytes());
                });
                assert!(is_found(&bad), "form {form}, {path}: {to}");
            }
        }
    }
}

/// A fact that was changed everywhere: in the facts, the tables, the page and the template alike.
#[test]
fn a_fact_that_was_changed_in_words_and_facts_alike_is_found() {
    for (name, pack, key) in yesterdays() {
        let (_, inside) = files(&pack);
        let payload: PackFiles = inside
            .into_iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix("data/")?.to_owned(), bytes)))
            .collect();
        let rotation = document(&payload, "rotations.json")["rotations"][0].clone();
        let completed = rotation["completed_utc"].as_str().unwrap();
        let earlier = completed.replacen("2026", "2025", 1);
        let shown = |time: &str| time.replace('T', " ").replace('Z', "");
        let changes = [
            (completed.to_owned(), earlier.clone()),
            (shown(completed), shown(&earlier)),
        ];
        let mut changed = 0;
        let bad = forged(&pack, &key, |payload| {
            for (path, bytes) in payload
                .iter_mut()
                .filter(|(path, _)| !path.starts_with("ledger/entries/"))
            {
                let Ok(mut text) = String::from_utf8(bytes.clone()) else {
                    continue;
                };
                for (from, to) in &changes {
                    text = text.replace(from, to);
                }
                changed += u32::from(text.as_bytes() != bytes);
                *bytes = text.into_bytes();
                assert!(path != "report.html" || !text_has(bytes, completed));
            }
        });
        assert!(changed > 3, "{name}: {changed}");
        let report = judge(&bad);
        let named = |path: &str| {
            let mut findings = report.findings.iter();
            findings.any(|one| one.rule.id == "P-05" && one.expected.contains(path))
        };
        assert!(
            named("data/rotations.json"),
            "{name}: {:#?}",
            report.findings
        );
        assert!(named("data/evidence/"), "{name}: {:#?}", report.findings);
        assert_eq!(report.conclusion(false, &[]), Conclusion::Broken, "{name}");
    }
}

fn text_has(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

/// No title, hint or column of this program stands in the facts of form 2.
#[test]
fn facts_have_no_sentence() {
    for (name, pack, _) in yesterdays().into_iter().skip(1) {
        let (_, inside) = files(&pack);
        for path in STATED {
            let text = String::from_utf8(inside[&format!("data/{path}")].clone()).unwrap();
            for rule in RULES {
                // "overdue" is the state of a secret too, and a fact.
                let is_sentence = rule.title.contains(' ');
                assert!(
                    !is_sentence || !text.contains(rule.title),
                    "{name}, {path}: {}",
                    rule.title
                );
                assert!(!text.contains(rule.hint), "{name}, {path}: {}", rule.hint);
            }
        }
        let findings: Value = serde_json::from_slice(&inside["data/findings.json"]).unwrap();
        for finding in findings["findings"].as_array().unwrap() {
            let members: Vec<_> = finding.as_object().unwrap().keys().collect();
            assert_eq!(
                members,
                [
                    "rule",
                    "verdict",
                    "entry",
                    "rotation",
                    "secret",
                    "waived_by"
                ]
            );
        }
    }
}
