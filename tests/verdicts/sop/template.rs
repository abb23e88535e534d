//! SOP 8, Minimum Evidence Template: nine fields, in order, out of what verified.

use rotation_ledger::facts;
use rotation_ledger::facts::NoTemplate;
use rotation_ledger::rule;
use serde_json::json;

use crate::sop::SECRET;
use crate::sop::emergency;
use crate::sop::finds;
use crate::sop::parse;
use crate::sop::standard;
use crate::sop::told;
use crate::support::story::Story;
use crate::support::story::id;

fn template(story: &Story, rotation: &str) -> Result<String, NoTemplate> {
    facts::template(&story.verify(), &id(rotation)).map(|template| template.to_string())
}

/// "Rotation Evidence - secret_id: - environment: prod - rotated_by: - rotation_reason: scheduled |
/// emergency - started_utc: - completed_utc: - impacted_services: - validation_summary: -
/// revoke_confirmed: yes | no"
#[test]
fn sop_8_template_is_exactly_nine_fields_in_order() {
    let story = told(|script| script);
    assert_eq!(
        template(&story, "r").unwrap(),
        "Rotation Evidence\n\
         - secret_id: db/orders\n\
         - environment: prod\n\
         - rotated_by: olga (olga)\n\
         - rotation_reason: scheduled\n\
         - started_utc: 2026-01-05T09:22:00Z\n\
         - completed_utc: 2026-01-05T11:12:00Z\n\
         - impacted_services: orders, reports\n\
         - validation_summary: login passed; old one refused\n\
         - revoke_confirmed: yes\n"
    );
}

/// "rotation_reason: scheduled | emergency"
#[test]
fn sop_8_rotation_reason_is_one_of_two_words() {
    let story = emergency(|script| script);
    assert!(
        template(&story, "r")
            .unwrap()
            .contains("\n- rotation_reason: emergency\n")
    );
    let mut fields = standard(&Story::new()).0.remove(0).fields;
    fields["reason"] = json!("because");
    assert!(parse("rotation.opened", &fields).is_err());
}

/// "revoke_confirmed: yes | no"
#[test]
fn sop_8_revoke_confirmed_says_yes_only_with_proof() {
    let story = told(|script| script.without("revocation.verified"));
    assert!(
        template(&story, "r")
            .unwrap()
            .ends_with("\n- revoke_confirmed: no\n"),
        "claimed, not shown"
    );
    finds(&story, rule::S60, "rotation.completed");
    let no = json!({ "revoke_confirmed": false });
    finds(
        &told(|script| script.with("rotation.completed", no)),
        rule::S61,
        "rotation.completed",
    );
}

/// "rotated_by:"
#[test]
fn sop_8_rotated_by_names_the_person_behind_a_service() {
    let story = told(|script| script.by("rotation.completed", "robo"));
    assert!(
        template(&story, "r")
            .unwrap()
            .contains("\n- rotated_by: robo (robo) on behalf of olga\n")
    );
}

/// "Minimum Evidence Template (paste-ready)", for a tool that can say it only once.
#[test]
fn sop_8_one_record_fills_the_template_and_proves_the_least() {
    let mut story = Story::new();
    story.say("robo", "rotation.recorded", json!({
        "rotation": "r", "secret": SECRET, "environment": "prod", "rotated_by": "rotator 2.1",
        "reason": "scheduled", "started": "@-30", "completed": "@-1", "impacted_services": ["orders", "reports"],
        "validation_summary": "ping passed", "revoke_confirmed": true, "new_version": "v2",
    }));
    let text = template(&story, "r").unwrap();
    assert!(text.contains("\n- rotated_by: rotator 2.1\n"), "{text}");
    assert!(
        text.ends_with("\n- revoke_confirmed: no\n"),
        "a word is no proof: {text}"
    );
    finds(&story, rule::S50, "rotation.recorded");
    let not_checked = story.verify().not_checked;
    assert!(
        not_checked
            .iter()
            .any(|line| line.contains("minimum evidence only")),
        "{not_checked:?}"
    );
    assert_eq!(
        story.register.secrets[SECRET].secret.version,
        Some("v2".parse().unwrap())
    );
}

/// A template is evidence only where the ledger verifies and the rotation is complete.
#[test]
fn sop_8_no_template_without_verified_and_complete_entries() {
    let mut story = told(|script| script);
    assert!(matches!(
        template(&story, "other"),
        Err(NoTemplate::Unknown(_))
    ));
    let at = story.last("rotation.completed");
    story.tamper(at, |entry| entry.subject_previous = 0);
    assert!(matches!(
        template(&story, "r"),
        Err(NoTemplate::NotVerified { .. })
    ));
    let story = told(|script| script.until("secret.revoked"));
    match template(&story, "r") {
        Err(NoTemplate::Incomplete { missing, .. }) => assert!(missing.contains(&"completed_utc")),
        other => panic!("{other:?}"),
    }
    let mut story = told(|script| script);
    story.force(
        "ada",
        "step.failed",
        json!({ "rotation": "r", "step": "revoke", "error": "no" }),
    );
    assert!(matches!(
        template(&story, "r"),
        Err(NoTemplate::NotVerified { .. })
    ));
}
