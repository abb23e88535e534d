//! The pages of a server: what is next and who may say it, what falls due, one rotation with its template, one
//! secret; out of what verified and nothing else.

use rotation_ledger::facts;
use rotation_ledger::page::{ServedPage, page_served};
use rotation_ledger::text::Id;
use rotation_ledger::verify::Report;

use crate::support::eventful::eventful;
use crate::support::html::{is_well_formed_served, rows, section, text};
use crate::support::story::Story;

fn served(report: &Report, which: &ServedPage) -> String {
    page_served(report, report.size, which, &|_| None).unwrap()
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn rotation(text: &str) -> ServedPage {
    ServedPage::Rotation(id(text))
}

fn secret(text: &str) -> ServedPage {
    ServedPage::Secret(id(text))
}

#[test]
fn home_says_of_each_rotation_that_waits_what_is_next_and_who_may_say_it() {
    let report = eventful().verify();
    let register = report.register().unwrap().get();
    let home = served(&report, &ServedPage::Home);
    let told = rows(&home, "Emergencies first");
    let waiting = register
        .open_rotations()
        .chain(register.unconfirmed_rotations());
    assert_eq!(told.len(), waiting.count());
    assert!(!told.is_empty());
    for row in &told {
        let rotation = &register.rotations[row[0].as_str()];
        let step = register.next_step(rotation).unwrap();
        assert_eq!(row[1], rotation.secret.as_str());
        let roles: Vec<_> = step
            .roles()
            .iter()
            .map(|role| role.word().replace('_', " "))
            .collect();
        let words = format!("{step} , by: {}", roles.join(", "));
        assert!(row[4].starts_with(&words), "{row:?} lacks {words}");
    }
    let due: Vec<_> = rows(&home, "The nearest")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    for secret in register.overdue_secrets(report.as_of) {
        assert!(
            due.iter().any(|row| row.starts_with(secret.id.as_str())),
            "{due:?}"
        );
    }
    assert!(due.len() < register.secrets.len(), "not all are due");
    // What the verification says, and what it does not.
    assert_eq!(rows(&home, "Each question").len(), 5);
    for item in &report.not_checked {
        assert!(
            text(section(&home, "not-checked")).contains(item.as_str()),
            "{item}"
        );
    }
    let whole = text(&home);
    assert!(
        whole.contains(&format!("which read all {} entries", report.size)),
        "{whole}"
    );
    assert!(!whole.contains("not verified yet"));
    let later = page_served(&report, report.size + 2, &ServedPage::Home, &|_| None).unwrap();
    assert!(text(&later).contains("2 entries were recorded since and not verified yet"));
}

#[test]
fn a_rotation_has_its_template_to_the_letter_where_it_verified() {
    let report = eventful().verify();
    let register = report.register().unwrap().get();
    let mut templates = 0;
    for id in register.rotations.keys() {
        let page = served(&report, &ServedPage::Rotation(id.clone()));
        is_well_formed_served(&page);
        assert!(page.contains("<svg role=\"img\""));
        let copy = page.split_once("<pre class=\"copy\" tabindex=\"0\">");
        match facts::template(&report, id) {
            Ok(template) => {
                templates += 1;
                let copy = copy.unwrap().1.split_once("</pre>").unwrap().0;
                assert_eq!(copy, template.to_string());
            }
            Err(why) => {
                assert!(copy.is_none());
                assert!(text(&page).contains(&why.to_string()));
            }
        }
        let against = report
            .findings
            .iter()
            .filter(|one| one.rotation.as_ref() == Some(id));
        let listed = page.contains("<section id=\"findings\">");
        assert_eq!(listed, against.count() > 0, "{id}");
    }
    assert!(templates > 0);
    assert_eq!(
        page_served(&report, 0, &rotation("r-of-nobody"), &|_| None),
        None
    );
    assert_eq!(
        page_served(&report, 0, &secret("db/of-nobody"), &|_| None),
        None
    );
}

#[test]
fn a_secret_has_its_own_rotations() {
    let report = eventful().verify();
    let page = served(&report, &secret("db/orders"));
    is_well_formed_served(&page);
    assert_eq!(rows(&page, "The nearest").len(), 1);
    let register = report.register().unwrap().get();
    let own = register
        .rotations
        .values()
        .filter(|one| one.secret == id("db/orders"));
    assert_eq!(rows(&page, "In the order").len(), own.count());
}

/// A slash, a number sign or two dots in an id lead nowhere else.
#[test]
fn links_lead_to_what_they_name() {
    let mut story = Story::new();
    let script = story.standard("../r#1", "db/orders");
    story.play(script);
    let report = story.verify();
    let page = served(&report, &secret("db/orders"));
    assert!(page.contains("href=\"/rotations/..%2Fr%231\""), "{page}");
    assert!(page.contains("href=\"/secrets/db%2Forders\""));
}

/// Entries that do not verify prove nothing: there is no template, no rotation and no secret.
#[test]
fn a_broken_ledger_has_its_verdicts_and_nothing_else() {
    let mut story = eventful();
    story.tamper(20, |entry| entry.subject_previous += 1);
    let report = story.verify();
    for which in [
        ServedPage::Home,
        rotation("r-standard"),
        secret("db/orders"),
    ] {
        let page = served(&report, &which);
        is_well_formed_served(&page);
        assert_eq!(rows(&page, "Each question")[0][1], "FAIL");
        assert!(!page.contains("<pre class") && !page.contains("<section id=\"next\">"));
        assert!(text(&page).contains("Entries that do not verify prove nothing"));
    }
}
