//! SOP 3, Roles: who may do what, and that they are different people.

use rotation_ledger::rule;
use serde_json::json;

use crate::sop::finds;
use crate::sop::finds_nothing;
use crate::sop::refuses;
use crate::sop::standard;
use crate::sop::told;
use crate::support::story::Script;
use crate::support::story::Story;

/// "Security Owner: approves rotation windows, confirms completion"
#[test]
fn sop_3_security_owner_approves_rotation_windows() {
    let window = json!({ "no_window": null, "window_start": "@0", "window_end": "@120" });
    finds_nothing(&told(|script| {
        script.with("rotation.approved", window.clone())
    }));
    finds(
        &told(|script| script.without("rotation.approved")),
        rule::S13,
        "replacement.generated",
    );
    let story = told(|script| script.until("rotation.opened"));
    for who in ["pia", "olga", "ada", "robo"] {
        refuses(
            who,
            "rotation.approved",
            json!({ "rotation": "r", "no_window": "none" }),
            &story,
        );
    }
}

/// "Security Owner: approves rotation windows, confirms completion"
#[test]
fn sop_3_security_owner_confirms_completion() {
    let mut story = told(|script| script.without("rotation.confirmed"));
    for who in ["pia", "olga", "ada", "robo"] {
        refuses(
            who,
            "rotation.confirmed",
            json!({ "rotation": "r", "outcome": "completed" }),
            &story,
        );
    }
    finds_nothing(&story);
    story.wait_days(8);
    finds(&story, rule::S64, "rotation.completed");
}

/// "Platform Owner: coordinates services impacted by rotation"
#[test]
fn sop_3_platform_owner_coordinates_services() {
    let story = told(|script| script.until("rotation.approved"));
    let confirmed = standard(&Story::new()).0.remove(2).fields;
    for who in ["olga", "ada", "robo"] {
        refuses(who, "preconditions.confirmed", confirmed.clone(), &story);
        refuses(
            who,
            "secret.registered",
            Story::registration("db/x"),
            &story,
        );
    }
}

/// "Operator: executes rotation steps and captures evidence"
#[test]
fn sop_3_operator_executes_rotation_steps() {
    let script = standard(&Story::new());
    for step in [
        "replacement.generated",
        "secret.revoked",
        "rotation.completed",
    ] {
        let mut story = Story::new();
        let place = script.0.iter().position(|line| line.event == step).unwrap();
        story.play(Script(script.0[..place].to_vec()));
        for who in ["sam", "pia", "ada"] {
            refuses(who, step, script.0[place].fields.clone(), &story);
        }
    }
}

/// One person in two of the SOP's roles is no second pair of eyes.
#[test]
fn sop_3_approver_confirmer_and_operator_are_different_people() {
    for (role, event, rule) in [
        ("rotation.approved", "rotation.completed", rule::A03),
        ("rotation.confirmed", "rotation.confirmed", rule::A04),
    ] {
        let mut story = Story::new();
        story.enrol("max", "human", &["security_owner", "operator"]);
        let script = standard(&story)
            .by("rotation.completed", "max")
            .by(role, "max");
        story.play(script);
        finds(&story, rule, event);
    }
}
