//! SOP 7: an emergency, its incident and its report.

use serde_json::json;

use crate::support::story::Script;
use crate::support::story::Story;

fn emergency(story: &Story) -> Script {
    story.emergency("e", "inc", "db/orders")
}

fn declared(story: &Story) -> Script {
    emergency(story).until("incident.declared")
}

rule_tests! {
    S65 {
        raises: |s| {
            s.play(emergency(s).moved("post_incident.reported", "rotation.confirmed"));
            s.last("rotation.confirmed")
        },
        spares: |s| {
            s.play(emergency(s));
        },
    }
    S80 {
        raises: |s| {
            s.play(emergency(s).without("rotation.approved"));
            s.wait_days(3);
            s.last("rotation.opened")
        },
        spares: |s| {
            s.play(emergency(s).moved("rotation.approved", "rotation.confirmed").waiting("rotation.approved", 60 * 70));
        },
    }
    S81 {
        raises: |s| {
            s.play(emergency(s).waiting("secret.revoked", 60));
            s.last("secret.revoked")
        },
        spares: |s| {
            s.play(emergency(s).waiting("secret.revoked", 40));
        },
    }
    S82 {
        raises: |s| {
            s.play(emergency(s).without("runbook.executed"));
            s.last("incident.declared")
        },
        spares: |s| {
            s.play(emergency(s));
        },
    }
    S83 {
        raises: |s| {
            s.play(emergency(s).without("post_incident.reported"));
            s.wait_days(14);
            s.last("incident.declared")
        },
        spares: |s| {
            s.play(emergency(s).without("post_incident.reported"));
            s.wait_days(13);
        },
    }
    S84 {
        raises: |s| {
            s.play(declared(s));
            s.wait(60);
            s.last("incident.declared")
        },
        spares: |s| {
            s.play(declared(s));
            s.wait(59);
        },
    }
    S86 {
        raises: |s| {
            s.play(emergency(s).with("rotation.opened", json!({ "incident": null })));
            s.last("rotation.opened")
        },
        spares: |s| {
            s.play(emergency(s));
        },
    }
}

#[test]
fn a_suspect_secret_that_nobody_revokes_is_held_against_the_incident() {
    let mut story = Story::new();
    story.play(emergency(&story).until("rotation.opened"));
    story.wait_days(1);
    let at = Some(story.last("incident.declared"));
    assert_eq!(story.against(rotation_ledger::rule::S81), [at]);
}

#[test]
fn a_late_report_is_late_for_ever() {
    let mut story = Story::new();
    let script = emergency(&story).waiting("post_incident.reported", 15 * 24 * 60);
    story.play(script);
    let at = Some(story.last("incident.declared"));
    assert_eq!(story.against(rotation_ledger::rule::S83), [at]);
}
