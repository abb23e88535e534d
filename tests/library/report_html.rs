//! The report as a page: it says what the JSON report says, figure by figure; other people's text
//! stays text; the same report is the same page. Pages of packs: `packs/page.rs`.

use crate::support::story;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::support::browser::Browser;
use crate::support::eventful::eventful;
use crate::support::html::is_well_formed;
use crate::support::html::is_well_formed_served;
use crate::support::html::rows;
use crate::support::html::section;
use crate::support::html::text;
use crate::support::story::Story;
use crate::support::story::merge;
use rotation_ledger::facts;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::pack::PackPart;
use rotation_ledger::page::ServedPage;
use rotation_ledger::page::notice;
use rotation_ledger::page::page;
use rotation_ledger::page::page_served;
use rotation_ledger::register::Register;
use rotation_ledger::text::Id;
use rotation_ledger::verify::Report;
use serde_json::Value;
use serde_json::json;

/// Breaks out of an element, an attribute in either quotes, a comment and a style, where it can.
const HOSTILE: &str =
    r#"'"></style></td><!--<script>alert(1)</script><a href='x' onload="b">&amp;"#;

fn register(report: &Report) -> &Register {
    report.register().unwrap().get()
}

#[test]
fn verdicts_findings_and_what_was_not_checked_are_those_of_the_json_report() {
    let report = eventful().verify();
    let (page, json) = (page(&report, &|_| None), report.to_json());
    let verdicts = rows(&page, "Each question");
    let expected = json["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 5);
    for (row, line) in verdicts.iter().zip(expected) {
        assert!(
            row[0].starts_with(line["verdict"].as_str().unwrap()),
            "{row:?}"
        );
        assert_eq!(row[1], line["status"].as_str().unwrap());
        for count in line["counts"].as_array().unwrap() {
            let words = format!(
                "{} of {} {}",
                count["good"],
                count["total"],
                count["what"].as_str().unwrap()
            );
            assert!(row[2].contains(&words), "{row:?} lacks {words}");
        }
        assert_eq!(row[3], line["failing"].to_string());
        assert_eq!(row[4], line["waived"].to_string());
    }
    let found = json["findings"].as_array().unwrap();
    assert!(
        found.len() == 3 && json["verdicts"][4]["waived"] == 1,
        "{json:#}"
    );
    let told = rows(&page, "What is held against the ledger");
    let told: Vec<_> = told.iter().filter(|row| row.len() == 4).collect();
    let mut by_rule = BTreeMap::<&str, Vec<&Value>>::new();
    let mut rules = Vec::new();
    for finding in found {
        let rule = finding["rule"].as_str().unwrap();
        if !rules.contains(&rule) {
            rules.push(rule);
        }
        by_rule.entry(rule).or_default().push(finding);
    }
    let grouped: Vec<&Value> = rules
        .iter()
        .flat_map(|rule| by_rule[rule].clone())
        .collect();
    assert_eq!(told.len(), grouped.len());
    for (row, finding) in told.iter().zip(grouped) {
        let word = |name: &str| finding[name].as_str().unwrap_or("-").to_owned();
        assert!(row[0].contains(&word("secret")), "{row:?}");
        assert_eq!(row[1..3], [word("expected"), word("found")]);
        let stands = match finding["waived_by"].as_str() {
            Some(exception) => format!("waived by {exception} until"),
            None => word("status"),
        };
        assert!(row[3].starts_with(&stands), "{row:?}");
    }
    for item in json["not_checked"].as_array().unwrap() {
        let item = item.as_str().unwrap();
        assert!(text(section(&page, "not-checked")).contains(item), "{item}");
    }
    let source = text(section(&page, "source"));
    for name in ["ledger_id", "origin", "head", "root"] {
        assert!(source.contains(json[name].as_str().unwrap()), "{name}");
    }
    let scope = text(section(&page, "scope"));
    assert!(
        scope.contains(&format!("Entries all {}, numbered", json["size"])),
        "{scope}"
    );
    assert!(source.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_registered_secret_is_there_and_the_figures_add_up() {
    let report = eventful().verify();
    let page = page(&report, &|_| None);
    let register = register(&report);
    let told = rows(&page, "The nearest");
    let ids: BTreeSet<&str> = told
        .iter()
        .map(|row| row[0].split(' ').next().unwrap())
        .collect();
    let expected: BTreeSet<&str> = register.secrets.keys().map(|id| id.as_str()).collect();
    assert_eq!((told.len(), ids), (expected.len(), expected));
    let of = |secret: &str| told.iter().find(|row| row[0].starts_with(secret)).unwrap();
    // What is overdue stands first, what is retired last.
    assert_eq!(
        told[0][3..],
        [
            "not known",
            "90 days",
            "not known",
            "age unknown exception exc-1",
            "never"
        ]
    );
    assert!(told[0][0].starts_with("db/forgotten"));
    assert!(told.last().unwrap()[0].starts_with("db/gone"));
    assert!(of("db/gone")[6].starts_with("retired by entry "));
    assert!(of("db/orders")[6].starts_with("in time 8"));
    assert_eq!(of("api/billing")[7], "never 1 open", "rolled back and open");

    let coverage = &report.to_json()["verdicts"][4]["counts"][0];
    let population = section(&page, "population");
    let figure = |what: &str| {
        let (_, after) = population
            .split_once(&format!("<dt>{what}</dt><dd>"))
            .unwrap();
        after.split('<').next().unwrap().parse::<u64>().unwrap()
    };
    let in_use = figure("in time") + figure("overdue") + figure("age unknown");
    assert_eq!(figure("in time"), coverage["good"]);
    assert_eq!(in_use, coverage["total"]);
    assert_eq!(in_use + figure("retired"), figure("registered"));
    assert_eq!(figure("registered"), register.secrets.len() as u64);
    assert_eq!(figure("never rotated"), 3);
    // Those in use are drawn, each against its limit.
    assert_eq!(population.matches("<line class=\"limit\"").count(), 6);
}

#[test]
fn every_rotation_is_told_with_its_steps_and_its_nine_fields() {
    let story = eventful();
    let report = story.verify();
    let page = page(&report, &|_| None);
    let register = register(&report);
    let told = rows(&page, "In the order");
    let ids: BTreeSet<&str> = told.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(told.len(), register.rotations.len());
    assert_eq!(
        ids,
        register.rotations.keys().map(|id| id.as_str()).collect()
    );
    let json = report.to_json();
    for (number, row) in told.iter().enumerate() {
        let rotation = &register.rotations[row[0].as_str()];
        let against = json["findings"].as_array().unwrap().iter();
        let against: BTreeSet<&str> = against
            .filter(|finding| finding["rotation"] == row[0])
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect();
        let rules = against.into_iter().collect::<Vec<_>>().join(", ");
        let wanted = if rules.is_empty() { "none" } else { &rules };
        assert_eq!(row[7], wanted, "{row:?}");
        let article = section(&page, &format!("rotation-{}", number + 1));
        let article = article.split("</article>").next().unwrap();
        assert_eq!(article.matches("<svg role=\"img\"").count(), 1);
        assert!(article.contains(&format!(
            "aria-describedby=\"rotation-{}-told\"",
            number + 1
        )));
        match facts::template(&report, &rotation.id) {
            Ok(template) => {
                let lines: Vec<Vec<String>> = template
                    .lines()
                    .map(|(name, value)| vec![name.to_owned(), value])
                    .to_vec();
                assert_eq!(rows(article, "Rotation Evidence"), lines);
            }
            Err(why) => assert!(text(article).contains(&why.to_string())),
        }
    }
    let article = section(&page, "rotation-1");
    let steps = rows(article, "What was said");
    let names = steps.iter().map(|row| row[2].as_str());
    let script = [
        "Rotation opened",
        "Rotation approved",
        "Preconditions confirmed",
        "Replacement generated",
        "Dual run started",
        "Replacement validated",
        "Cutover completed",
        "Health confirmed",
        "Secret revoked",
        "Revocation verified",
        "Rotation completed",
        "Rotation confirmed",
    ];
    for (name, said) in script.iter().zip(names) {
        assert!(said.starts_with(name), "{said}");
    }
    assert!(steps[6][2].ends_with("Remove old secret from consumers"));
    assert_eq!(steps[6][1], "6, Step 4");
    assert!(steps[9][5].contains("test auth_rejected"), "{:?}", steps[9]);
    let article = text(article.split("</article>").next().unwrap());
    assert!(
        article.contains("accepted from 2026-01-05 10:09:00 to 2026-01-05 10:31:00 , for 22 min"),
        "{article}"
    );
    assert!(
        article.contains("shown dead 11 min later by otto: auth rejected"),
        "{article}"
    );
    assert!(
        article.contains("Completed by olga; confirmed by sue."),
        "{article}"
    );
    // An incident belongs to the rotation that answers it.
    let emergency = rows(section(&page, "rotation-4"), "What was said");
    assert!(emergency[0][2].starts_with("Incident declared"));
    assert!(emergency[10][2].starts_with("Post incident reported"));
}

/// Of very many rotations all are listed, and those that somebody should look at are told in full.
#[test]
fn of_many_rotations_those_with_findings_are_told_first() {
    let mut story = Story::new();
    for secret in ["sign/b", "sign/c"] {
        story.register(secret, json!({ "dual_run": false }));
    }
    for number in 0..210 {
        let name: &'static str = format!("r-{number:03}").leak();
        // A version's name grows with each rotation.
        let secret = ["sign/bundles", "sign/b", "sign/c"][number % 3];
        let mut script = story.single_run(name, secret);
        if number == 3 {
            script = script.without("rotation.approved");
        }
        story.play(script);
    }
    let report = story.verify();
    let page = page(&report, &|_| None);
    let told = rows(&page, "In the order");
    assert_eq!(told.len(), 210);
    assert_ne!(told[3][7], "none");
    let articles: Vec<&str> = page
        .split("<article id=\"rotation-")
        .skip(1)
        .map(|article| article.split('"').next().unwrap())
        .collect();
    let mut newest: Vec<String> = (12..=210).map(|number| number.to_string()).collect();
    newest.insert(0, "4".to_owned());
    assert_eq!(articles, newest);
    let led_to = page.matches("<th class=\"name\" scope=\"row\"><a href=\"#rotation-");
    assert_eq!(led_to.count(), 200);
    let rotations = text(section(&page, "rotations"));
    assert!(
        rotations.contains("Told in full below: 200 of 210") && rotations.contains("The other 10"),
        "{rotations}"
    );
    is_well_formed(&page);
}

#[test]
fn remarks_and_corrections_stand_beside_what_they_are_about() {
    let mut story = Story::new();
    let script = story.standard("r", "db/orders");
    story.play(script);
    let at = story.last("cutover.completed");
    let link = rotation_ledger::hash::Link::of(&story.entries[at as usize]);
    story.say(
        "olga",
        "entry.corrected",
        json!({ "entry": at, "link": link, "field": "to_version", "correct": "v3", "reason": "a slip" }),
    );
    let page = page(&story.verify(), &|_| None);
    let steps = rows(&page, "What was said");
    assert!(steps[7][2].starts_with("Entry corrected"));
    assert!(steps[7][5].contains("correct v3"));
}

/// Sixty rotations of forty secrets, of which twenty have something against them, each with what a tool printed.
fn sixty() -> Story {
    let mut story = Story::new();
    let secrets: Vec<&'static str> = (0..40)
        .map(|number| &*format!("db/service-{number:02}").leak())
        .collect();
    for secret in &secrets {
        story.register(secret, json!({}));
    }
    for (number, secret) in (0..60).zip(secrets.iter().cycle()) {
        let name: &'static str = format!("rot-{number:02}").leak();
        let script = story.standard(name, secret);
        story.play(match number % 9 {
            0 => script.without("rotation.approved"),
            3 => script.without("revocation.verified"),
            6 => script.without("rotation.confirmed"),
            _ => script,
        });
        story.attach_file(PRINTED.as_bytes(), "psql.txt", "text/plain");
        let fields = json!({ "rotation": name, "description": "the old login is refused" });
        story.say("otto", "evidence.attached", fields);
        story.wait_days(1);
    }
    story.wait_days(60);
    story
}

const PRINTED: &str = "$ psql 'postgres://app:***@db/orders' -c 'select 1'\npsql: error: FATAL:  password authentication failed for user \"app\" <b>\n";

/// A stranger knows after one sentence what stands against it, and is led from there to the evidence.
#[test]
fn the_answer_is_first_and_leads_to_the_evidence() {
    let story = sixty();
    let report = story.verify();
    let read = |digest: &Blake3Digest| {
        let printed = *digest == Blake3Digest::of(PRINTED.as_bytes());
        printed.then(|| PRINTED.into())
    };
    let page = page(&report, &read);
    is_well_formed(&page);
    fits(&page, "sixty", 45);
    let words = text(page.split("<nav").next().unwrap());
    let overdue = register(&report).overdue_secrets(report.as_of).count();
    let all = register(&report).secrets.len();
    let answer = format!(
        "{overdue} of {all} secrets overdue; 7 old secrets never shown dead; 7 rotations without approval; 6 rotations never confirmed;"
    );
    assert!(words.contains(&answer), "{words} lacks {answer}");
    assert_eq!(page.matches("<article").count(), 60);
    assert_eq!(
        page.matches("<svg role=\"img\" viewBox=\"0 0 900").count(),
        62
    );
    // From a finding to its rotation and entry, and from there to the file, which is text and stays text.
    for leads in ["href=\"#rotation-1\"", "href=\"#entry-", "href=\"#rule-S-"] {
        assert!(
            section(&page, "findings").contains(leads) || page.contains(leads),
            "{leads}"
        );
    }
    let article = section(&page, "rotation-2");
    let path = "attachments/rot-01/13-evidence.attached/psql.txt";
    assert!(article.contains(&format!("href=\"{path}\" download=\"psql.txt\">{path}<")));
    assert!(article.contains("failed for user &quot;app&quot; &lt;b&gt;\n</pre>"));

    // A server has the file itself.
    let which = ServedPage::Rotation(Id::new("rot-01").unwrap());
    let served = page_served(&report, report.size, &which, &read).unwrap();
    is_well_formed_served(&served);
    let digest = Blake3Digest::of(PRINTED.as_bytes()).to_string();
    let (first, rest) = digest.split_at(2);
    assert!(served.contains(&format!(
        "href=\"/attachments/{first}/{rest}\" download=\"psql.txt\">{path}<"
    )));

    let part = PackPart::Rotation(Id::new("rot-02").unwrap());
    let one = rotation_ledger::page::page(&story.verify_part(part), &read);
    is_well_formed(&one);
    let words = text(one.split("<nav").next().unwrap());
    let answer = "Rotation rot-02 of db/service-02 completed; approved; old secret shown dead; confirmed; no finding against it.";
    assert!(words.contains(answer), "{words}");
    assert_eq!(one.matches("<article").count(), 1);
    assert!(one.find("<article") < one.find("id=\"verdicts\""));
    fits(&one, "one", 7);
}

/// Nothing of a page lies beyond the side of a screen, light or dark, and it takes so many sheets at most.
fn fits(page: &str, name: &str, most: usize) {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("LEDGER_TEST_PICTURES").map(std::path::PathBuf::from);
    let file = kept.unwrap_or(folder.path().to_owned());
    let file = file.join(format!("{name}.html"));
    std::fs::write(&file, page).unwrap();
    for (width, scheme) in [
        (1280, "light"),
        (1280, "dark"),
        (390, "light"),
        (390, "dark"),
    ] {
        browser.look(width, scheme);
        browser.go(&format!("file://{}", file.display()));
        let wide = browser.ask(
            "Math.max(...[...document.querySelectorAll('html, .sheet, pre')].map(e => e.scrollWidth - e.clientWidth))",
        );
        assert_eq!(wide, 0, "{name} at {width}");
        // A very long page is no picture.
        if most < 10 {
            browser.picture(&format!("{name}-{width}-{scheme}.png"));
        }
    }
    let sheets = browser.sheets();
    assert!((1..=most).contains(&sheets), "{name}: {sheets} sheets");
}

/// With other people's text in every place that takes any, the page differs in that text alone.
#[test]
fn hostile_text_stays_text() {
    let told_with = |text: &str| {
        let reference: String = text.split(' ').collect();
        let mut story = Story::founded();
        let mut zoe = Story::enrolment("zoe", "human", &["operator"]);
        merge(&mut zoe, json!({ "name": text }));
        story.say("sam", "actor.enrolled", zoe);
        story.register(
            "db/orders",
            json!({ "name": text, "owner": text, "store": reference, "version": reference }),
        );
        let script = story
            .standard("r", "db/orders")
            .by("replacement.generated", "zoe")
            .by("rotation.completed", "zoe")
            .with("rotation.opened", json!({ "ticket": reference }))
            .with("rotation.approved", json!({ "no_window": text }))
            .with(
                "replacement.generated",
                json!({ "new_version": "v2", "generator": reference }),
            )
            .with(
                "replacement.validated",
                json!({ "version": "v2", "summary": text }),
            )
            .with("cutover.completed", json!({ "to_version": "v2" }))
            .with("rotation.completed", json!({ "validation_summary": text }));
        story.play(script);
        story.say(
            "olga",
            "evidence.attached",
            json!({ "rotation": "r", "description": text }),
        );
        let report = story.verify();
        let served = |which| page_served(&report, report.size, &which, &|_| None).unwrap();
        // The last two digests hold for other bytes, and have to differ.
        [
            page(&report, &|_| None),
            served(ServedPage::Report),
            served(ServedPage::Home),
            served(ServedPage::Rotation(Id::new("r").unwrap())),
            served(ServedPage::Secret(Id::new("db/orders").unwrap())),
        ]
        .map(|page| {
            let page = page.replace(&report.head.to_string(), "HEAD");
            page.replace(&report.root.to_string(), "ROOT")
        })
    };
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    };
    let harmless = HOSTILE.replace(|c: char| c != ' ', "z");
    let joined = |text: &str| text.split(' ').collect::<String>();
    let least = [10, 10, 0, 5, 2];
    let pages = told_with(HOSTILE).into_iter().zip(told_with(&harmless));
    for ((hostile, as_harmless), least) in pages.zip(least) {
        assert!(hostile.matches(&escaped(HOSTILE)).count() >= least);
        assert!(!hostile.contains(HOSTILE));
        let made_harmless = hostile
            .replace(&escaped(HOSTILE), &harmless)
            .replace(&escaped(&joined(HOSTILE)), &joined(&harmless));
        assert_eq!(made_harmless, as_harmless);
        is_well_formed_served(&hostile);
    }
    let notice = notice("No", HOSTILE, true);
    assert!(notice.contains(&escaped(HOSTILE)) && !notice.contains(HOSTILE));
    is_well_formed_served(&notice);
}

#[test]
fn every_page_is_well_formed_and_asks_for_nothing() {
    let mut broken = eventful();
    broken.tamper(20, |entry| entry.sequence += 1);
    for story in [
        eventful(),
        Story::new(),
        Story::founded(),
        Story::empty(),
        broken,
    ] {
        is_well_formed(&page(&story.verify(), &|_| None));
    }
}

#[test]
fn the_same_report_is_the_same_page() {
    let story = eventful();
    assert_eq!(
        page(&story.verify(), &|_| None),
        page(&story.verify(), &|_| None)
    );
}

/// Entries that do not verify prove nothing, and the page does not tell what they said.
#[test]
fn a_broken_ledger_gets_its_verdicts_and_nothing_else() {
    let mut story = eventful();
    story.tamper(20, |entry| entry.subject_previous += 1);
    let report = story.verify();
    let page = page(&report, &|_| None);
    assert_eq!(rows(&page, "Each question")[0][1], "FAIL");
    assert!(text(&page).contains("findings stand against this ledger"));
    assert_eq!(
        page.matches("Not shown: entries that do not verify prove nothing.")
            .count(),
        2
    );
    assert!(!page.contains("r-standard") && !page.contains("db/forgotten"));
}

#[test]
fn a_period_leaves_out_what_lies_outside_it() {
    let story = eventful();
    let began = register(&story.verify()).rotations["r-open"]
        .opened
        .occurred;
    let mut question = rotation_ledger::verify::VerifyQuestion::at(story.now);
    question.part = PackPart::Range(Some(began), None);
    question.keep_said = true;
    let pieces = std::iter::once(rotation_ledger::verify::LogPiece::Entries(
        story.entries.clone(),
    ));
    let report = rotation_ledger::verify::fold(pieces, question, &mut story::Quiet)
        .conclude(rotation_ledger::verify::Surroundings::default());
    let page = page(&report, &|_| None);
    let told: Vec<_> = rows(&page, "In the order");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0][0], "r-open");
    let scope = text(section(&page, "scope"));
    assert!(
        scope.contains("had not ended before") && scope.contains("1 of 6 in the ledger"),
        "{scope}"
    );
}
