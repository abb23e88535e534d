//! Completion, confirmation, failure and rollback.

use serde_json::Value;
use serde_json::json;

use crate::support::story::Script;
use crate::support::story::Story;

fn failed(step: &str) -> Value {
    json!({ "rotation": "r", "step": step, "error": "exit 1" })
}

fn performed(step: &str) -> Value {
    json!({
        "rotation": "r", "step": step, "exit_code": 0, "duration_ms": 12,
        "command": rotation_ledger::hash::Blake3Digest::of(b"validate"),
    })
}

fn aborted() -> Value {
    json!({ "rotation": "r", "reason": "another day", "disposition": "none_generated" })
}

/// A scheduled rotation is overtaken by an emergency, which goes on with what it generated.
fn taken_over(story: &mut Story) {
    let scheduled = story.standard("s", "api/billing");
    story.play(scheduled.until("cutover.completed"));
    let emergency = story.emergency("e", "inc", "api/billing");
    story.play(emergency);
    let mut given_up = aborted();
    given_up["rotation"] = json!("s");
    given_up["disposition"] = json!("new_retained");
    story.say("olga", "rotation.aborted", given_up);
    // Nor is it left alive when the next one has replaced it.
    let next = story.standard("next", "api/billing");
    story.play(
        next.with("replacement.generated", json!({ "new_version": "v3" }))
            .with("replacement.validated", json!({ "version": "v3" }))
            .with("cutover.completed", json!({ "to_version": "v3" })),
    );
}

fn rollback(version: &str) -> Value {
    json!({
        "rotation": "r", "restored_version": version, "services": ["orders"], "reason": "trouble",
        "disposition": "new_retained",
    })
}

fn back(story: &Story) -> Script {
    story.rolled_back("r", "db/orders")
}

fn standard(story: &Story) -> Script {
    story.standard("r", "db/orders")
}

rule_tests! {
    S25 {
        raises: |s| {
            s.play(standard(s).without("health.confirmed"));
            s.last("rotation.completed")
        },
        spares: |s| {
            s.play(s.emergency("e", "inc", "db/orders"));
            // What cannot be revoked is held against it as that.
            s.play(
                s.standard("r", "db/orders")
                    .without("secret.revoked")
                    .without("revocation.verified")
                    .with("rotation.completed", json!({ "revoke_confirmed": false })),
            );
        },
    }
    S50 {
        raises: |s| {
            s.play(standard(s).without("revocation.verified"));
            s.last("rotation.completed")
        },
        spares: |s| {
            s.play(standard(s).moved("revocation.verified", "rotation.confirmed"));
        },
    }
    S60 {
        raises: |s| {
            s.play(standard(s).moved("revocation.verified", "rotation.confirmed"));
            s.last("rotation.completed")
        },
        spares: |s| {
            s.play(standard(s));
        },
    }
    S61 {
        raises: |s| {
            s.play(standard(s).with("rotation.completed", json!({ "revoke_confirmed": false })));
            s.last("rotation.completed")
        },
        spares: |s| {
            s.play(standard(s));
        },
    }
    S62 {
        raises: |s| {
            s.play(standard(s).with("rotation.completed", json!({ "impacted_services": ["orders"] })));
            s.last("rotation.completed")
        },
        spares: |s| {
            s.play(standard(s).with("rotation.completed", json!({ "impacted_services": ["reports", "orders"] })));
        },
    }
    S64 {
        raises: |s| {
            s.play(standard(s).without("rotation.confirmed"));
            s.wait_days(7);
            s.last("rotation.completed")
        },
        spares: |s| {
            s.play(standard(s).without("rotation.confirmed"));
            s.wait_days(7).wait(-1);
        },
    }
    S67 {
        raises: |s| {
            s.play(standard(s).with("rotation.confirmed", json!({ "outcome": "rolled_back" })));
            s.last("rotation.confirmed")
        },
        spares: |s| {
            s.play(back(s));
        },
    }
    S68 {
        raises: |s| {
            s.play(back(s).with("rollback.completed", json!({ "restored_version": "v7" })));
            s.last("rollback.completed")
        },
        spares: |s| {
            s.play(back(s));
        },
    }
    S70 {
        raises: |s| {
            s.play(standard(s).until("replacement.validated").then("olga", "step.failed", failed("cutover")));
            s.last("step.failed")
        },
        spares: |s| {
            s.play(
                standard(s)
                    .until("replacement.validated")
                    .then("olga", "step.failed", failed("cutover"))
                    .then("olga", "step.performed", performed("cutover")),
            );
        },
    }
    S71 {
        raises: |s| {
            s.play(back(s).with("preconditions.confirmed", json!({ "rollback_plan": null })));
            s.last("rollback.completed")
        },
        spares: |s| {
            s.play(back(s).with("preconditions.confirmed", json!({ "inventory": null })));
        },
    }
    S72 {
        raises: |s| {
            s.play(standard(s).until("secret.revoked").then("olga", "rollback.completed", rollback("v1")));
            s.last("rollback.completed")
        },
        spares: |s| {
            s.play(standard(s).until("health.confirmed").then("olga", "rollback.completed", rollback("v1")));
        },
    }
    S73 {
        raises: |s| {
            let mut script = back(s);
            script.0.retain(|line| line.fields["phase"] != "post_rollback");
            s.play(script);
            s.last("rollback.completed")
        },
        spares: |s| {
            s.play(back(s));
        },
    }
    S74 {
        raises: |s| {
            s.play(back(s).without("secret.revoked"));
            s.last("rollback.completed")
        },
        spares: |s| {
            s.play(standard(s).until("preconditions.confirmed").then("olga", "rotation.aborted", aborted()));
            taken_over(s);
        },
    }
    S75 {
        raises: |s| {
            s.play(standard(s).until("cutover.completed").then("olga", "rotation.aborted", aborted()));
            s.last("rotation.aborted")
        },
        spares: |s| {
            s.play(standard(s).until("replacement.validated").then("olga", "rotation.aborted", aborted()));
            taken_over(s);
        },
    }
    S90 {
        raises: |s| {
            let late = standard(s).0.remove(6);
            s.play(standard(s).then("olga", "cutover.completed", late.fields));
            s.last("cutover.completed")
        },
        spares: |s| {
            // Whoever shows it dead by a tool, and late, says both.
            let late = standard(s).moved("revocation.verified", "rotation.confirmed");
            s.play(late.then("olga", "step.performed", performed("verify_revocation")));
        },
    }
    C07 {
        raises: |s| {
            s.play(standard(s).with("cutover.completed", json!({ "consumers": ["orders"] })));
            s.last("rotation.completed")
        },
        spares: |s| {
            // The inventory learned during the rotation that there is one less.
            s.play(
                standard(s)
                    .with("rotation.opened", json!({ "consumers": ["orders"] }))
                    .with("cutover.completed", json!({ "consumers": ["orders"] }))
                    .after("rotation.opened", "pia", "secret.updated", json!({
                        "secret": "db/orders", "reason": "reports has its own", "consumers": ["orders"],
                    })),
            );
        },
    }
}

#[test]
fn a_failed_step_is_resolved_by_its_own_success_only() {
    let mut story = Story::new();
    let script = standard(&story)
        .until("replacement.validated")
        .then("olga", "step.failed", failed("cutover"))
        .then("olga", "step.performed", performed("health"));
    story.play(script);
    assert_eq!(
        story.against(rotation_ledger::rule::S70),
        [Some(story.last("step.failed"))]
    );
}

/// A grace period is time that passes; what no vendor revokes is excused, in an emergency too.
#[test]
fn an_old_version_may_live_for_a_while_and_where_nobody_can_revoke_it() {
    let mut story = Story::new();
    let graced = standard(&story).waiting("secret.revoked", 13 * 24 * 60);
    story.play(graced);
    let mut excused = json!({
        "exception": "x", "secret": "vendor/mail", "rules": ["S-50", "S-61", "S-81"], "requested_by": "olga",
        "reason": "the vendor has no call", "controls": "their gateway lets our network in alone",
        "expires": "@100000",
    });
    story.resolve(&mut excused);
    let script = story.emergency("e", "inc", "vendor/mail");
    let script = script
        .without("secret.revoked")
        .without("revocation.verified");
    let script = script.with("rotation.completed", json!({ "revoke_confirmed": false }));
    story.play(script.after("rotation.opened", "sam", "exception.granted", excused));
    story.wait_days(1);
    let mut rules: Vec<_> = story
        .found()
        .iter()
        .map(|one| (one.rule.id, one.is_open()))
        .collect();
    rules.sort_unstable();
    assert_eq!(rules, [("S-50", false), ("S-61", false), ("S-81", false)]);
}
