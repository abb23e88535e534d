//! A ledger with something of everything that a report tells.

use serde_json::json;

use super::story::Story;

/// A ledger with every way in which a rotation can end, something overdue and something excused.
pub(crate) fn eventful() -> Story {
    let mut story = Story::new();
    story.register(
        "db/forgotten",
        json!({ "last_rotated": null, "version": null }),
    );
    story.register("db/gone", json!({}));
    story.say(
        "pia",
        "secret.retired",
        json!({ "secret": "db/gone", "reason": "no longer used" }),
    );
    let standard = story.standard("r-standard", "db/orders");
    story.play(standard);
    let single = story.single_run("r-single", "sign/bundles");
    story.play(single);
    let back = story.rolled_back("r-back", "api/billing");
    story.play(back);
    let emergency = story.emergency("r-emergency", "inc-1", "kms/records");
    story.play(emergency);
    story.say("robo", "rotation.recorded", json!({
        "rotation": "r-recorded", "secret": "vendor/mail", "environment": "prod", "rotated_by": "rotator 2.1",
        "reason": "scheduled", "started": "@-30", "completed": "@-1", "impacted_services": ["notify"],
        "validation_summary": "ping passed", "revoke_confirmed": true, "new_version": "v2",
    }));
    let open = story
        .standard("r-open", "api/billing")
        .until("dual_run.started");
    story.play(open);
    story.say(
        "sam",
        "exception.granted",
        json!({
            "exception": "exc-1", "secret": "db/forgotten", "rules": ["C-30"], "requested_by": "pia",
            "reason": "the vendor is slow", "controls": "an allow list", "expires": "@100000",
        }),
    );
    story
}
