//! The page of a pack: its figures are those of the other documents, and it says what was left out.

use std::collections::BTreeMap;

use rotation_ledger::export::payload;
use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackFiles;
use rotation_ledger::pack::PackPart;
use rotation_ledger::pack_verify::DecodedPack;
use rotation_ledger::pack_verify::PackQuestion;
use rotation_ledger::pack_verify::UnverifiedPack;
use rotation_ledger::pack_verify::examine;
use rotation_ledger::time::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::support::eventful::eventful;
use crate::support::html::is_well_formed;
use crate::support::html::rows;
use crate::support::html::section;
use crate::support::html::text;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::forged;
use crate::support::shelf::found;
use crate::support::shelf::pack_key;
use crate::support::shelf::rotation;
use crate::support::shelf::rules;
use crate::support::story::id;

/// A pack, its page and its other documents.
struct Opened {
    zip: Vec<u8>,
    files: PackFiles,
    page: String,
}

impl Opened {
    fn of(shelf: &mut Shelf, part: PackPart) -> Self {
        let zip = shelf.export(part).bytes;
        let (_, files) = files(&zip);
        let page = String::from_utf8(files["data/report.html"].clone()).unwrap();
        is_well_formed(&page);
        Self { zip, files, page }
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.files[&format!("data/{name}")]).unwrap()
    }

    fn section(&self, name: &str) -> String {
        text(section(&self.page, name))
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// An instant as the page shows it.
fn shown(value: &Value) -> String {
    word(value).replace('T', " ").replace('Z', "")
}

fn time(value: &Value) -> Timestamp {
    word(value).parse().unwrap()
}

#[test]
fn every_rotation_is_told_as_rotations_json_has_it() {
    let parts = [
        everything(),
        rotation("r-standard"),
        PackPart::Secret(id("api/billing")),
        PackPart::Range(None, Some(eventful().now)),
    ];
    for part in parts {
        let pack = Opened::of(&mut Shelf::new(eventful()), part.clone());
        let document = pack.json("rotations.json");
        let expected = document["rotations"].as_array().unwrap();
        let told = rows(&pack.page, "In the order");
        assert_eq!(told.len(), expected.len(), "{part}");
        assert!(!told.is_empty());
        for (place, (row, rotation)) in told.iter().zip(expected).enumerate() {
            let began = [&rotation["started_utc"], &rotation["opened_utc"]];
            let began = began.into_iter().find(|time| !time.is_null()).unwrap();
            let ended = match rotation["ended_utc"].is_null() {
                true => "open".to_owned(),
                false => shown(&rotation["ended_utc"]),
            };
            assert_eq!(row[0], word(&rotation["rotation"]));
            assert_eq!(row[1], word(&rotation["secret"]));
            assert_eq!(row[2], word(&rotation["reason"]));
            assert_eq!(row[3..5], [shown(began), ended], "{rotation:#}");
            match word(&rotation["state"]) {
                "confirmed" => assert!(row[5].ends_with(" confirmed"), "{row:?}"),
                state if rotation["ended_utc"].is_null() => assert_eq!(row[5], state),
                state => assert_eq!(row[5], format!("{state} not confirmed")),
            }
            assert_eq!(
                row[6] == "shown dead",
                !rotation["revocation_verified_utc"].is_null(),
                "{rotation:#}"
            );
            assert_eq!(
                row[6] == "not shown dead revoked",
                !rotation["old_revoked_utc"].is_null()
                    && rotation["revocation_verified_utc"].is_null()
            );
            let rules = |name: &str| {
                let rules = rotation[name].as_array().unwrap().iter();
                rules.map(word).collect::<Vec<_>>().join(", ")
            };
            let (standing, waived) = (rules("findings"), rules("waived"));
            let standing = if standing.is_empty() {
                "none"
            } else {
                &standing
            };
            match waived.as_str() {
                "" => assert_eq!(row[7], *standing),
                waived => assert_eq!(row[7], format!("{standing} waived: {waived}")),
            }
            agrees_with_its_evidence(&pack, place + 1, rotation);
        }
    }
}

/// The nine fields are those of the file in `evidence`, and the sentences name the people and times.
fn agrees_with_its_evidence(pack: &Opened, number: usize, rotation: &Value) {
    let article = section(&pack.page, &format!("rotation-{number}"));
    let article = article.split("</article>").next().unwrap();
    match rotation["evidence"].as_str() {
        Some(path) => {
            let file = String::from_utf8(pack.files[&format!("data/{path}")].clone()).unwrap();
            let lines: Vec<Vec<String>> = file
                .lines()
                .filter_map(|line| line.strip_prefix("- ")?.split_once(": "))
                .map(|(name, value)| vec![name.to_owned(), value.to_owned()])
                .collect();
            assert_eq!(lines.len(), 9);
            assert_eq!(rows(article, "Rotation Evidence"), lines);
        }
        None => assert!(text(article).contains("No evidence template"), "{rotation}"),
    }
    let told = text(article);
    if let Some(by) = rotation["approved_by"].as_str() {
        assert!(told.contains(&format!("Approved by {by}")), "{told}");
    }
    if !rotation["revocation_verified_utc"].is_null() {
        let effective = told.split("effective ").nth(1).unwrap();
        assert!(effective.contains("shown dead"), "{told}");
    }
    if !rotation["confirmed_utc"].is_null() {
        assert!(told.contains("; confirmed by "), "{told}");
    }
}

#[test]
fn verdicts_findings_and_counts_are_those_of_the_other_documents() {
    let mut story = eventful();
    story.wait_days(90);
    let mut shelf = Shelf::new(story);
    for part in [everything(), PackPart::Secret(id("sign/bundles"))] {
        let pack = Opened::of(&mut shelf, part);
        assert_eq!(
            found(&pack.zip)
                .iter()
                .filter(|(rule, _)| rule.starts_with(['P', 'I', 'A']))
                .count(),
            0
        );
        let summary = pack.json("pack.json");
        let verdicts = rows(&pack.page, "Each question");
        let expected = summary["verdicts"].as_array().unwrap();
        assert_eq!(verdicts.len(), expected.len());
        for (row, line) in verdicts.iter().zip(expected) {
            assert!(row[0].starts_with(word(&line["verdict"])), "{row:?}");
            assert_eq!(row[1..2], [word(&line["status"])], "{row:?}");
            assert_eq!(row[3], line["findings"].to_string());
            assert_eq!(row[4], line["waived"].to_string());
        }
        let bag = Bag::from_zip(&pack.zip).unwrap();
        let report = examine(&bag, PackQuestion::default()).report;
        let findings = pack.json("findings.json");
        let findings = findings["findings"].as_array().unwrap();
        assert_eq!(findings.len(), report.findings.len());
        assert!(!findings.is_empty());
        let told = rows(&pack.page, "What is held against the ledger");
        let told = told.iter().filter(|row| row.len() == 4);
        let mut told: Vec<[String; 3]> = told
            .map(|row| [row[1].clone(), row[2].clone(), row[3].clone()])
            .collect();
        let mut listed: Vec<[String; 3]> = report
            .findings
            .iter()
            .map(|one| {
                let (expected, found) = (one.expected.clone(), one.found.clone());
                [expected, found, one.status.to_string()]
            })
            .collect();
        told.sort_unstable();
        listed.sort_unstable();
        assert_eq!(told, listed);
        let not_checked = pack.section("not-checked");
        assert!(!report.not_checked.is_empty());
        for item in &report.not_checked {
            assert!(not_checked.contains(item.as_str()), "{item}");
        }
        // The figures of the population.
        let population = section(&pack.page, "population");
        let counted = &summary["secrets"];
        for (what, name) in [
            ("registered", "registered"),
            ("in time", "in_time"),
            ("overdue", "overdue"),
            ("age unknown", "age_unknown"),
            ("retired", "retired"),
            ("never rotated", "never_rotated"),
        ] {
            let figure = format!("<dt>{what}</dt><dd>{}</dd>", counted[name]);
            assert!(population.contains(&figure), "{figure}");
        }
        assert!(counted["overdue"].as_u64() > Some(1), "{counted}");
    }
}

#[test]
fn every_secret_is_listed_and_drawn_as_secrets_json_has_it() {
    let mut story = eventful();
    story.wait_days(60);
    let mut shelf = Shelf::new(story);
    for part in [everything(), rotation("r-standard")] {
        let pack = Opened::of(&mut shelf, part);
        let as_of = time(&pack.json("pack.json")["exported_utc"]);
        let document = pack.json("secrets.json");
        let expected = document["secrets"].as_array().unwrap();
        let told = rows(&pack.page, "The nearest");
        assert_eq!(told.len(), expected.len());
        let told: BTreeMap<&str, &Vec<String>> = told
            .iter()
            .map(|row| (row[0].split(' ').next().unwrap(), row))
            .collect();
        let population = pack.section("population");
        let known = |value: &Value| match value.is_null() {
            true => "not known".to_owned(),
            false => shown(value),
        };
        for secret in expected {
            let name = word(&secret["secret"]);
            let row = told[name];
            let elsewhere = row[0].ends_with("entries not in this pack");
            assert_eq!(elsewhere, secret["entries_in_pack"] == false, "{row:?}");
            assert!(row[0].contains(word(&secret["name"])));
            assert_eq!(row[1], word(&secret["class"]).replace('_', " "));
            assert_eq!(row[2], word(&secret["owner"]));
            assert_eq!(row[3], known(&secret["generated_utc"]));
            assert_eq!(row[4], format!("{} days", secret["max_age_days"]));
            assert_eq!(row[5], known(&secret["due_utc"]));
            assert!(row[6].starts_with(word(&secret["state"])), "{row:?}");
            if let Some(left) = secret["days_left"].as_i64() {
                let retired = secret["state"] == "retired";
                assert!(
                    retired || row[6].contains(&left.abs().to_string()),
                    "{row:?}"
                );
            }
            match secret["rotations"].as_u64() {
                Some(0) => assert!(row[7].starts_with("never"), "{row:?}"),
                more => assert!(row[7].starts_with(&more.unwrap().to_string()), "{row:?}"),
            }
            let drawn = match secret["generated_utc"].is_null() {
                _ if secret["state"] == "retired" => continue,
                true => format!("{name} age unknown"),
                false => {
                    let age = as_of.days_since(time(&secret["generated_utc"]));
                    format!("{name} {age} of {} days", secret["max_age_days"])
                }
            };
            assert!(population.contains(&drawn), "{drawn}: {population}");
        }
    }
}

#[test]
fn a_part_says_what_was_selected_and_what_was_not() {
    let whole = Opened::of(&mut Shelf::new(busy()), everything());
    assert!(!whole.page.contains("This page tells a part"));
    assert!(
        whole
            .section("scope")
            .contains("Rotations all 3 in the ledger")
    );
    assert!(
        whole
            .section("scope")
            .contains("Secrets all 5 that were ever")
    );

    let pack = Opened::of(&mut Shelf::new(busy()), rotation("r-1"));
    assert!(text(&pack.page).contains("This page tells a part of it: rotation r-1 ."));
    let (scope, summary) = (pack.section("scope"), pack.json("pack.json"));
    let (here, all) = (
        &summary["entries"]["in_pack"],
        &summary["entries"]["in_ledger"],
    );
    let left_out = all.as_u64().unwrap() - here.as_u64().unwrap();
    for words in [
        "Rotations 1 told below. The pack also has 1 other rotation of the same secrets",
        "Secrets 1 of 5 with their entries. The other 4 are listed",
        &format!("Entries {here} of {all}:"),
        &format!("{left_out} entries about other secrets are not in the pack"),
        "Attached files 1 file in the pack",
        &format!(
            "recorded in the ledger by entry {}",
            summary["recorded_by_entry"]
        ),
        word(&summary["pack_key"]),
    ] {
        assert!(scope.contains(words), "{words}: {scope}");
    }
    assert_eq!(pack.page.matches("<article").count(), 1);

    let mut shelf = Shelf::new(busy());
    let said = shelf.said(rotation("r-1"), true);
    let sequence = shelf.record(said);
    let zip = shelf.with(|export| export.pack(sequence)).unwrap().bytes;
    let (_, inside) = files(&zip);
    let page = String::from_utf8(inside["data/report.html"].clone()).unwrap();
    let scope = text(section(&page, "scope"));
    assert!(scope.contains("withheld: only their names"), "{scope}");
}

/// What a pack says of secrets whose entries are elsewhere is nobody's signed word, and may be anything.
#[test]
fn rows_that_nobody_signed_are_text_and_nothing_more() {
    let mut shelf = Shelf::new(busy());
    let pack = Opened::of(&mut shelf, rotation("r-1"));
    let zip = forged(&pack.zip, &pack_key(), |payload| {
        let document = payload.get_mut("secrets.json").unwrap();
        let mut rows: Value = serde_json::from_slice(document).unwrap();
        let rows_of = rows["secrets"].as_array_mut().unwrap();
        let elsewhere = |row: &&mut Value| row["entries_in_pack"] == false;
        for (place, row) in rows_of.iter_mut().filter(elsewhere).enumerate() {
            row["name"] = json!("<script>alert(1)</script>\u{202e}");
            row["state"] = json!("</td>");
            row["generated_utc"] = json!(["9999-12-31T23:59:59Z", "<b>", "-1"][place % 3]);
            row["due_utc"] = json!("\"><i>");
            row["max_age_days"] = json!([0, u32::MAX][place % 2]);
            row["days_left"] = json!([i64::MIN, i64::MAX][place % 2]);
        }
        *document = serde_json::to_vec(&rows).unwrap();
    });
    let (contents, _) = UnverifiedPack::of(&Bag::from_zip(&zip).unwrap());
    let pack = DecodedPack::of(contents);
    let (files, _) = payload(&pack, &pack.as_exported(true)).unwrap();
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    is_well_formed(&page);
    assert_eq!(page.matches("&lt;script&gt;").count(), 4);
    assert_eq!(page.matches("entries not in this pack").count(), 4);
    assert!(!page.contains('\u{202e}'));
    assert!(rules(&zip).contains(&"P-05"));
}
