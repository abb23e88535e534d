//! The SOP's order and facts, Steps 1 to 5, and times.

use rotation_ledger::time::Timestamp;
use serde_json::json;

use crate::rules::history;
use crate::support::story::hours;

fn window(start: &str, end: &str) -> serde_json::Value {
    json!({ "no_window": null, "window_start": start, "window_end": end })
}

fn update() -> serde_json::Value {
    json!({ "secret": "db/orders", "reason": "none" })
}

fn no_test() -> serde_json::Value {
    json!({
        "test": "not_possible", "why": "the vendor has no test", "access_log": "vault/audit",
        "access_from": "@-1", "access_to": "@0", "hits": 0,
    })
}

rule_tests! {
    T01 {
        raises: |s| {
            let later = s.now.plus(hours(1));
            s.say_changed("pia", "secret.updated", update(), |statement| statement.occurred = later)
        },
        spares: |s| {
            let later = Timestamp::from_micros(s.now.micros() + 300_000_000);
            s.say_changed("pia", "secret.updated", update(), |statement| statement.occurred = later);
        },
    }
    T02 {
        raises: |s| {
            let earlier = Timestamp::from_micros(s.now.micros() - 72 * 3_600_000_000 - 1);
            s.say_changed("pia", "secret.updated", update(), |statement| statement.occurred = earlier)
        },
        spares: |s| {
            let earlier = Timestamp::from_micros(s.now.micros() - 72 * 3_600_000_000);
            s.say_changed("pia", "secret.updated", update(), |statement| statement.occurred = earlier);
            // Nobody could tell a ledger that there was not.
            s.say_changed("robo", "rotation.recorded", history("db/orders"), |statement| statement.occurred = earlier);
        },
    }
    T03 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").until("rotation.approved"));
            let opened = Timestamp::from_micros(s.now.micros() - 60 * 60_000_000);
            let last = s.standard("r", "db/orders").0.remove(2);
            s.say_changed("pia", "preconditions.confirmed", last.fields, |statement| statement.occurred = opened)
        },
        spares: |s| {
            s.register("db/new", json!({}));
            s.play(s.standard("r", "db/orders").until("preconditions.confirmed").waiting("rotation.approved", -1));
            // An emergency revokes before anybody has the time to declare and to open it.
            s.play(s.emergency("e", "inc", "db/new").until("rotation.opened"));
            let revoked = s.emergency("e", "inc", "db/new").0.into_iter().find(|said| said.event == "secret.revoked").unwrap();
            let earlier = Timestamp::from_micros(s.now.micros() - 5 * 60_000_000);
            let mut fields = revoked.fields;
            fields["effective"] = json!(earlier);
            s.say_changed("olga", "secret.revoked", fields, |statement| statement.occurred = earlier);
        },
    }
    T05 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").until("replacement.generated").with("rotation.approved", window("@0", "@15")));
            s.last("replacement.generated")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("rotation.approved", window("@0", "@60")));
        },
    }
    S10 {
        raises: |s| {
            s.register("db/new", json!({ "last_rotated": null }));
            s.play(s.standard("r", "db/new").with("rotation.opened", json!({ "last_rotated": null })));
            s.last("rotation.opened")
        },
        spares: |s| {
            s.register("db/new", json!({ "last_rotated": null }));
            s.play(s.standard("r", "db/new"));
            s.play(s.standard("r2", "db/orders").with("rotation.opened", json!({ "last_rotated": null })));
        },
    }
    S11 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("rotation.opened", json!({ "consumers": ["orders"] })));
            s.last("rotation.opened")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("rotation.opened", json!({ "consumers": ["reports", "orders"] })));
        },
    }
    S12 {
        raises: |s| {
            s.play(s.standard("r1", "db/orders").until("rotation.opened"));
            s.play(s.standard("r2", "db/orders").until("rotation.opened"));
            s.last("rotation.opened")
        },
        spares: |s| {
            s.play(s.standard("r1", "db/orders"));
            s.play(s.standard("r2", "db/orders").until("rotation.opened"));
            s.play(s.standard("r3", "api/billing").until("rotation.opened"));
            // SOP 7 waits for nothing.
            s.play(s.emergency("e", "inc", "api/billing").until("rotation.opened"));
            s.say("robo", "rotation.recorded", history("db/orders"));
        },
    }
    S13 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").without("rotation.approved"));
            s.last("replacement.generated")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").moved("rotation.approved", "preconditions.confirmed"));
            s.play(s.emergency("e", "inc", "api/billing"));
        },
    }
    S14 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").moved("rotation.approved", "replacement.generated"));
            s.last("rotation.approved")
        },
        spares: |s| {
            // A window may be approved anew after the replacement was generated.
            let again = json!({ "rotation": "r", "window_start": "@-60", "window_end": "@600" });
            s.play(s.standard("r", "db/orders").after("replacement.generated", "sue", "rotation.approved", again));
        },
    }
    S20 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("preconditions.confirmed", json!({ "inventory": null })));
            s.last("preconditions.confirmed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("preconditions.confirmed", json!({ "rollback_plan": null })));
        },
    }
    S21 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("preconditions.confirmed", json!({ "rollback_plan": null })));
            s.last("preconditions.confirmed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("preconditions.confirmed", json!({ "access_logging": null })));
        },
    }
    S22 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("preconditions.confirmed", json!({ "maintenance_window": null })));
            s.last("preconditions.confirmed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("rotation.approved", window("@0", "@600")));
        },
    }
    S23 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("preconditions.confirmed", json!({ "access_logging": null })));
            s.last("preconditions.confirmed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("preconditions.confirmed", json!({ "inventory": null })));
        },
    }
    S28 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("cutover.completed", json!({ "consumers": ["orders"] })));
            s.last("health.confirmed")
        },
        spares: |s| {
            let rest = json!({ "rotation": "r", "consumers": ["reports"], "to_version": "v1-next" });
            s.play(
                s.standard("r", "db/orders")
                    .with("cutover.completed", json!({ "consumers": ["orders"] }))
                    .after("cutover.completed", "olga", "cutover.completed", rest),
            );
        },
    }
    S29 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").without("dual_run.started"));
            s.last("cutover.completed")
        },
        spares: |s| {
            s.play(s.single_run("r", "sign/bundles"));
        },
    }
    S30 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").moved("preconditions.confirmed", "replacement.generated"));
            s.last("replacement.generated")
        },
        spares: |s| {
            s.play(s.emergency("e", "inc", "api/billing"));
        },
    }
    S31 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").moved("replacement.generated", "dual_run.started"));
            s.last("dual_run.started")
        },
        spares: |s| {
            s.play(s.single_run("r", "sign/bundles").moved("replacement.generated", "dual_run.not_supported"));
        },
    }
    S32 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("replacement.generated", json!({ "namespace": "kv/nonprod/app" })));
            s.last("replacement.generated")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("replacement.generated", json!({ "namespace": "PROD-secrets" })));
        },
    }
    S33 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("replacement.generated", json!({ "new_version": "v1" })));
            s.last("replacement.generated")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("replacement.generated", json!({ "new_version": "v0" })));
        },
    }
    S34 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("dual_run.started", json!({ "planned_end": null })));
            s.last("dual_run.started")
        },
        spares: |s| {
            s.play(s.single_run("r", "sign/bundles"));
        },
    }
    S35 {
        raises: |s| {
            s.play(s.single_run("r", "db/orders"));
            s.last("dual_run.not_supported")
        },
        spares: |s| {
            s.play(s.single_run("r", "sign/bundles"));
        },
    }
    S36 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("dual_run.started", json!({ "planned_end": "@5" })));
            s.last("cutover.completed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("dual_run.started", json!({ "planned_end": "@22" })));
        },
    }
    S37 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("replacement.validated", json!({ "phase": "post_cutover" })));
            s.last("cutover.completed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders"));
        },
    }
    S38 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("replacement.validated", json!({ "result": "inconclusive" })));
            s.last("cutover.completed")
        },
        spares: |s| {
            let again = s.standard("r", "db/orders").0.remove(5);
            s.play(
                s.standard("r", "db/orders")
                    .with("replacement.validated", json!({ "result": "fail" }))
                    .after("replacement.validated", "olga", "replacement.validated", again.fields),
            );
        },
    }
    S39 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("cutover.completed", json!({ "to_version": "v7" })));
            s.last("cutover.completed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", json!({ "version": "v7" })));
        },
    }
    S40 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("cutover.completed", json!({ "consumers": ["orders", "reports", "stranger"] })));
            s.last("cutover.completed")
        },
        spares: |s| {
            // Named at the opening is known, even where the inventory does not know it.
            s.play(
                s.standard("r", "db/orders")
                    .with("rotation.opened", json!({ "consumers": ["orders", "reports", "batch"] }))
                    .with("cutover.completed", json!({ "consumers": ["orders", "reports", "batch"] })),
            );
        },
    }
    S42 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("health.confirmed", json!({ "healthy": false })));
            s.last("secret.revoked")
        },
        spares: |s| {
            let again = s.standard("r", "db/orders").0.remove(7);
            s.play(
                s.standard("r", "db/orders")
                    .with("health.confirmed", json!({ "healthy": false }))
                    .after("health.confirmed", "pia", "health.confirmed", again.fields),
            );
        },
    }
    S43 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").moved("health.confirmed", "secret.revoked"));
            s.last("secret.revoked")
        },
        spares: |s| {
            s.play(s.emergency("e", "inc", "db/orders"));
        },
    }
    S45 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").until("secret.revoked").with("secret.revoked", json!({ "version": "v1-next" })));
            s.last("secret.revoked")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("rotation.opened", json!({ "old_version": null })));
        },
    }
    S48 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").moved("revocation.verified", "health.confirmed"));
            s.last("revocation.verified")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders"));
        },
    }
    S51 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", json!({ "test": "network_error" })));
            s.last("revocation.verified")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders"));
        },
    }
    S52 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", json!({ "hits": 3 })));
            s.last("revocation.verified")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", json!({ "hits": 0 })));
        },
    }
    S53 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", json!({ "tested_at": "@-12" })));
            s.last("revocation.verified")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", json!({ "tested_at": "@-11" })));
        },
    }
    S54 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", no_test()).with("revocation.verified", json!({ "hits": null })));
            s.last("revocation.verified")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").with("revocation.verified", no_test()));
        },
    }
}

#[test]
fn what_still_works_is_not_dead() {
    let mut story = crate::support::story::Story::new();
    story.play(
        story
            .standard("r", "db/orders")
            .with("revocation.verified", json!({ "test": "still_valid" })),
    );
    let at = Some(story.last("revocation.verified"));
    assert_eq!(story.against(rotation_ledger::rule::S52), [at]);
}

/// An access log that ends before the revocation says nothing about the time after it.
#[test]
fn an_access_log_of_the_time_before_proves_nothing() {
    let mut story = crate::support::story::Story::new();
    let before = json!({ "access_from": "@-60", "access_to": "@-30" });
    let script = story
        .standard("r", "db/orders")
        .with("revocation.verified", no_test())
        .with("revocation.verified", before);
    story.play(script);
    assert_eq!(
        story.against(rotation_ledger::rule::S54),
        [Some(story.last("revocation.verified"))]
    );
}
