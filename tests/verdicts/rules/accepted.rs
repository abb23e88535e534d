//! What is past can be closed, by the right person and for good; and a verification judges what it was asked
//! for.

use rotation_ledger::hash::Link;
use rotation_ledger::pack::PackPart;
use rotation_ledger::rule;
use rotation_ledger::rule::FindingStatus;
use rotation_ledger::rule::Rule;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::Report;
use rotation_ledger::verify::VerdictStatus;
use serde_json::Value;
use serde_json::json;

use crate::support::story::Story;
use crate::support::story::id;

const FAIL_ON: &[Verdict] = &[Verdict::Conformance, Verdict::Coverage];

/// The fields that accept what a rule holds against the one entry that it does.
pub(super) fn acceptance(story: &Story, rule: &Rule) -> Value {
    let at = story.against(rule)[0].unwrap();
    let link = Link::of(&story.entries[at as usize]);
    json!({ "rule": rule.id, "entry": at, "link": link, "reason": "approved by phone" })
}

fn unapproved(story: &mut Story, rotation: &'static str, secret: &'static str) {
    let script = story.standard(rotation, secret);
    story.play(script.without("rotation.approved"));
}

fn end(report: &Report) -> Conclusion {
    report.conclusion(false, FAIL_ON)
}

fn statuses(story: &Story, rule: &Rule) -> Vec<FindingStatus> {
    let found = story.found().into_iter();
    let of_rule = found.filter(|finding| finding.rule == rule);
    of_rule.map(|finding| finding.status).collect()
}

/// One wrong word in the first rotation must not turn every later verification red.
#[test]
fn an_accepted_finding_fails_no_more_and_is_shown_with_who_and_why() {
    let mut story = Story::new();
    unapproved(&mut story, "r", "db/orders");
    assert_eq!(end(&story.verify()), Conclusion::Findings);
    let first = story.found()[0].fingerprint();
    for rule in story.found().iter().map(|finding| finding.rule) {
        let said = acceptance(&story, rule);
        story.say("ada", "finding.accepted", said);
    }
    let report = story.verify();
    assert_eq!(end(&report), Conclusion::Passed);
    assert!(report.has_accepted());
    let line = report.line(Verdict::Conformance).unwrap();
    assert_eq!((line.status, line.failing), (VerdictStatus::Waived, 0));
    assert_eq!(line.accepted, report.findings.len() as u64);
    let shown = report.findings[0].to_json();
    assert_eq!(shown["fingerprint"], json!(first), "stays the same");
    assert_eq!(shown["status"], json!("accepted"));
    assert_eq!(shown["accepted"]["by"], json!("ada"));
    assert_eq!(shown["accepted"]["reason"], json!("approved by phone"));
    // A job goes red for what is new.
    unapproved(&mut story, "r2", "db/orders");
    assert_eq!(end(&story.verify()), Conclusion::Findings);
}

/// Whoever wrote it, or did it, cannot be the one who says that it does not matter.
#[test]
fn nobody_closes_their_own() {
    let mut story = Story::new();
    let mut fields = json!({
        "exception": "x1", "secret": "db/orders", "rules": ["C-30"], "requested_by": "sam",
        "reason": "vendor is late", "controls": "network is closed", "expires": "@1440",
    });
    story.resolve(&mut fields);
    story.say("sam", "exception.granted", fields);
    let said = acceptance(&story, rule::A05);
    story.say("sam", "finding.accepted", said.clone());
    assert_eq!(statuses(&story, rule::A05), [FindingStatus::Open]);
    assert_eq!(story.against(rule::A09).len(), 1);
    story.say("sue", "finding.accepted", said);
    assert_ne!(statuses(&story, rule::A05), [FindingStatus::Open]);
    // And that somebody tried can be closed as well, by others.
    let said = acceptance(&story, rule::A09);
    story.say("ada", "finding.accepted", said);
    assert_eq!(end(&story.verify()), Conclusion::Passed);
}

#[test]
fn where_four_eyes_are_relaxed_one_person_may() {
    let mut story = Story::new();
    let policy = json!({ "reason": "a team of one", "four_eyes": "relaxed" });
    story.say("sam", "policy.set", policy);
    story.enrol("mix", "human", &["operator", "auditor"]);
    let script = story.standard("r", "db/orders");
    let script = script.without("rotation.approved");
    story.play(script.by("replacement.generated", "mix"));
    let said = acceptance(&story, rule::S13);
    story.say("mix", "finding.accepted", said);
    assert_eq!(story.against(rule::A09), []);
    assert_ne!(statuses(&story, rule::S13), [FindingStatus::Open]);
}

#[test]
fn a_correction_is_shown_beside_the_finding_and_carries_an_acceptance() {
    let mut story = Story::new();
    unapproved(&mut story, "r", "db/orders");
    let said = acceptance(&story, rule::S13);
    let (entry, link) = (said["entry"].clone(), said["link"].clone());
    let correction = json!({
        "entry": entry, "link": link, "field": "approval", "correct": "INC-7", "reason": "by phone",
    });
    let corrected = story.say("olga", "entry.corrected", correction);
    let found = story.found();
    let finding = found.iter().find(|one| one.rule == rule::S13).unwrap();
    assert_eq!(finding.corrections[0].entry, corrected);
    assert!(finding.is_open(), "a correction takes nothing away");

    let mut wrong = said.clone();
    wrong["correction"] = json!(corrected - 1);
    story.say("ada", "finding.accepted", wrong);
    assert_eq!(statuses(&story, rule::S13), [FindingStatus::Open]);
    let notes = story.verify().notes.join("\n");
    assert!(notes.contains("refers to no correction"), "{notes}");

    let mut right = said;
    right["correction"] = json!(corrected);
    story.say("ada", "finding.accepted", right);
    assert_ne!(statuses(&story, rule::S13), [FindingStatus::Open]);
}

/// An acceptance closes what is there, and nothing else.
#[test]
fn what_is_not_there_or_not_to_be_accepted_stays_as_it_is() {
    let mut story = Story::new();
    unapproved(&mut story, "r", "db/orders");
    let mut beside = acceptance(&story, rule::S13);
    beside["rule"] = json!("S-14");
    story.say("ada", "finding.accepted", beside);
    assert_eq!(end(&story.verify()), Conclusion::Findings);
    let notes = story.verify().notes.join("\n");
    assert!(notes.contains("accepts S-14@"), "{notes}");

    for rule in ["C-30", "C-06", "C-04", "A-01", "I-02", "N-01", "S-999"] {
        let mut said = acceptance(&story, rule::S13);
        said["rule"] = json!(rule);
        let at = story.force("ada", "finding.accepted", said);
        let against = story.against(rule::C01);
        assert_eq!(against, [Some(at)], "{rule}");
        story.entries.pop();
    }
}

#[test]
fn a_verification_ends_by_what_it_was_asked_for() {
    let mut story = Story::new();
    unapproved(&mut story, "bad", "db/orders");
    let script = story.standard("good", "api/billing");
    story.play(script);
    let asked = |part| {
        let report = story.verify_part(part);
        (end(&report), report.findings.len(), report.outside)
    };
    let all = story.found().len();
    let (rotation, secret) = (PackPart::Rotation, PackPart::Secret);
    assert_eq!(asked(PackPart::Everything).0, Conclusion::Findings);
    assert_eq!(
        asked(rotation(id("good"))),
        (Conclusion::Passed, 0, all as u64)
    );
    assert_eq!(asked(rotation(id("bad"))), (Conclusion::Findings, all, 0));
    assert_eq!(
        asked(secret(id("api/billing"))),
        (Conclusion::Passed, 0, all as u64)
    );
    assert_eq!(
        asked(secret(id("db/orders"))),
        (Conclusion::Findings, all, 0)
    );
    // Nothing there is no success.
    assert_eq!(asked(rotation(id("goood"))).0, Conclusion::NotVerified);
    assert_eq!(asked(secret(id("db/order"))).0, Conclusion::NotVerified);
}

/// A part is no way around what breaks the whole.
#[test]
fn integrity_and_authority_are_the_whole_ledgers() {
    let mut story = Story::new();
    let script = story.standard("good", "api/billing");
    story.play(script);
    let note = json!({ "entry": 0, "link": Link::of(&story.entries[0]), "note": "a remark" });
    story.force("eve", "entry.annotated", note);
    let report = story.verify_part(PackPart::Rotation(id("good")));
    assert_eq!(end(&report), Conclusion::Broken);
}
