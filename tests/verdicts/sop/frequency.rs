//! SOP 4, Rotation Frequency: 90 days, and immediately.

use rotation_ledger::rule;
use serde_json::json;

use crate::sop::SECRET;
use crate::sop::emergency;
use crate::sop::finds;
use crate::sop::finds_nothing;
use crate::sop::told;
use crate::support::story::Story;
use crate::support::story::id;

/// "Standard: every 90 days"
#[test]
fn sop_4_standard_every_90_days() {
    let mut story = told(|script| script);
    let generated = story.register.secrets[SECRET].secret.generated.unwrap();
    let overdue = |story: &Story, as_of| {
        let findings = story.verify_as_of(as_of).findings;
        findings
            .iter()
            .any(|finding| finding.rule == rule::C30 && finding.secret == Some(id(SECRET)))
    };
    assert!(!overdue(&story, generated.plus_days(90)));
    assert!(overdue(&story, generated.plus_days(91)));
    story.now = generated.plus_days(91);
    let script = story.standard("late", SECRET);
    story.play(script);
    assert!(!overdue(&story, story.now), "rotated");
    finds(&story, rule::C31, "rotation.completed");
}

/// An instant before the newest entry can be asked about, and the report says what that means.
#[test]
fn sop_4_an_instant_in_the_past_is_said_to_be_one() {
    let story = told(|script| script);
    let says = |as_of: &str| {
        let notes = story.verify_as_of(as_of.parse().unwrap()).notes;
        notes
            .iter()
            .any(|note| note.contains("before the newest entry"))
    };
    assert!(says("2026-01-05T10:00:00Z"));
    assert!(!says("2027-01-05T10:00:00Z"));
}

/// A rollback or an abort leaves the old secret in use, and its age runs on.
#[test]
fn sop_4_a_rollback_does_not_make_a_secret_young() {
    let mut story = Story::new();
    let script = story.rolled_back("r", SECRET);
    story.play(script);
    finds_nothing(&story);
    story.at("2026-03-02T00:00:01Z");
    let at = story.register.secrets[SECRET].secret.registered;
    assert!(story.findings().contains(&("C-30", Some(at))));
}

/// "Emergency: immediately upon suspected compromise or policy breach"
#[test]
fn sop_4_emergency_immediately() {
    for trigger in ["suspected_compromise", "policy_breach"] {
        finds_nothing(&emergency(|script| {
            script.with("incident.declared", json!({ "trigger": trigger }))
        }));
    }
    let mut story = emergency(|script| script.until("incident.declared"));
    story.wait(61);
    finds(&story, rule::S84, "incident.declared");
}
