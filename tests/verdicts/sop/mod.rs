//! The procedure itself, PetCare PH42-A: each line of it can be followed in a ledger, and is missed
//! where it was not.
//!
//! Each test quotes its line. What a line asks for is recordable; that it is absent or wrong is
//! found, or, for roles and scope, refused.

mod emergencies;
mod frequency;
mod preconditions;
mod roles;
mod scope;
mod standard;
mod template;

use std::collections::BTreeMap;

use crate::support::story::Script;
use crate::support::story::Story;
use rotation_ledger::event::Event;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::rule::Rule;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::VerdictStatus;
use serde_json::Value;

const SECRET: &str = "db/orders";

fn parse(name: &str, fields: &Value) -> Result<Event, String> {
    let fields: BTreeMap<String, Value> = serde_json::from_value(fields.clone()).unwrap();
    Event::parse(name, fields).map_err(|fault| fault.to_string())
}

fn standard(story: &Story) -> Script {
    story.standard("r", SECRET)
}

/// The story of one rotation, as `change` leaves it.
fn told(change: impl FnOnce(Script) -> Script) -> Story {
    let mut story = Story::new();
    let script = change(standard(&story));
    story.play(script);
    story
}

/// The same for an emergency.
fn emergency(change: impl FnOnce(Script) -> Script) -> Story {
    let mut story = Story::new();
    let script = change(story.emergency("r", "inc", SECRET));
    story.play(script);
    story
}

#[track_caller]
fn finds(story: &Story, rule: &Rule, event: &str) {
    let found = story.against(rule);
    assert!(
        found.contains(&Some(story.last(event))),
        "{} at {event}: {:#?}",
        rule.id,
        story.found()
    );
}

#[track_caller]
fn finds_nothing(story: &Story) {
    assert_eq!(story.found(), []);
}

#[track_caller]
fn refuses(who: &str, name: &'static str, fields: Value, story: &Story) {
    let mut story = story.clone();
    let at = story.force(who, name, fields);
    let finding = story
        .found()
        .into_iter()
        .find(|finding| finding.sequence == Some(at));
    let finding = finding.unwrap_or_else(|| panic!("{name} by {who} was taken"));
    assert_eq!(finding.rule.verdict, Verdict::Authority, "{finding:?}");
}

/// "Define a minimum viable, regulator-grade procedure for rotating production secrets safely."
#[test]
fn sop_1_a_rotation_by_the_book_passes_every_verdict() {
    let report = told(|script| script).verify();
    for verdict in Verdict::ALL {
        assert_eq!(
            report.line(verdict).map(|line| line.status),
            Some(VerdictStatus::Pass),
            "{verdict:?}"
        );
    }
}

/// Every event says which part of the SOP it serves, in the SOP's own words.
#[test]
fn every_event_quotes_the_sop() {
    for spec in VOCABULARY {
        let section: u8 = spec.sop.split([',', ' ']).next().unwrap().parse().unwrap();
        assert!((1..=8).contains(&section), "{}", spec.name);
        assert!(!spec.quote.is_empty(), "{}", spec.name);
    }
}
