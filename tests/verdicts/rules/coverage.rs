//! The inventory, ages, what was left open, sources, exceptions and policy.

use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::pack::ends;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::VerdictStatus;
use serde_json::Value;
use serde_json::json;

use crate::rules::history;
use crate::support::story::Story;
use crate::support::story::hours;
use crate::support::story::key_of;

fn exception(expires: &str) -> Value {
    json!({
        "exception": "x1", "secret": "db/orders", "rules": ["S-13"], "requested_by": "pia",
        "reason": "vendor is late", "controls": "network is closed", "expires": expires,
    })
}

fn gap(from: &str, to: &str) -> Value {
    json!({ "source": "siem", "from": from, "to": to, "cause": "upgrade" })
}

/// What this program records of an export of everything, out of a ledger of `size` entries.
fn export(story: &Story, size: usize) -> Value {
    let secrets = story.register.secrets.iter();
    let last = secrets.map(|(id, known)| (id, known.thread - 1));
    json!({
        "selection": format!("everything; pack key {}", key_of("pack").public()), "size": size,
        "entries": size + 1, "rotations": 0, "secrets": story.register.secrets.len(),
        "ends_sha256": Sha256Digest::of(ends(last).as_bytes()),
    })
}

const NINETY_DAYS: i64 = 90 * 24 * 60;

rule_tests! {
    W02 {
        raises: |s| s.say("sam", "exception.granted", exception(&format!("@{}", NINETY_DAYS + 1))),
        spares: |s| {
            s.say("sam", "exception.granted", exception(&format!("@{NINETY_DAYS}")));
        },
    }
    C01 {
        raises: |s| {
            let opened = s.standard("r", "db/orders").0.remove(0);
            let mut fields = opened.fields;
            fields["secret"] = json!("db/unknown");
            s.force("olga", "rotation.opened", fields)
        },
        spares: |s| {
            s.register("db/unknown", json!({}));
            s.play(s.standard("r", "db/unknown").until("rotation.opened"));
        },
    }
    C02 {
        raises: |s| s.force("pia", "secret.registered", Story::registration("db/orders")),
        spares: |s| {
            s.register("db/orders2", json!({}));
        },
    }
    C03 {
        raises: |s| {
            let mut fields = s.attestation();
            fields["count"] = json!(4);
            s.say("pia", "inventory.attested", fields)
        },
        spares: |s| {
            s.say("pia", "secret.retired", json!({ "secret": "vendor/mail", "reason": "gone", "revocation": "CHG-2" }));
            let fields = s.attestation();
            assert_eq!(fields["count"], 4);
            s.say("pia", "inventory.attested", fields);
        },
    }
    C04 {
        raises: |s| {
            let fields = s.attestation();
            let at = s.say("pia", "inventory.attested", fields);
            s.wait_days(35);
            at
        },
        spares: |s| {
            let fields = s.attestation();
            s.say("pia", "inventory.attested", fields);
            s.wait_days(35).wait(-1);
        },
    }
    C05 {
        raises: |s| s.say("pia", "secret.retired", json!({ "secret": "vendor/mail", "reason": "gone" })),
        spares: |s| {
            s.say("pia", "secret.retired", json!({ "secret": "vendor/mail", "reason": "gone", "revocation": "CHG-2" }));
        },
    }
    C06 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").until("health.confirmed"));
            s.wait_days(14);
            s.last("rotation.opened")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").until("health.confirmed"));
            s.wait_days(13);
        },
    }
    C08 {
        raises: |s| {
            s.play(s.standard("r", "db/orders"));
            s.say("ada", "source.gap", gap("@-60", "@-30"))
        },
        spares: |s| {
            s.say("ada", "source.gap", gap("@-60", "@-30"));
            s.play(s.standard("r", "db/orders"));
            s.wait(60);
            s.say("ada", "source.gap", gap("@-30", "@0"));
        },
    }
    C09 {
        raises: |s| {
            let said = export(s, s.entries.len() - 1);
            s.say("ada", "pack.exported", said)
        },
        spares: |s| {
            let said = export(s, s.entries.len());
            s.say("ada", "pack.exported", said);
            // What another program records as selected is its own business.
            let mut said = export(s, 3);
            said["selection"] = json!("what the auditor asked for");
            s.say("ada", "pack.exported", said);
        },
    }
    C30 {
        raises: |s| s.register("db/old", json!({ "last_rotated": "2025-10-07T09:00:00Z" })),
        spares: |s| {
            s.register("db/old", json!({ "last_rotated": "2025-10-07T09:30:00Z" }));
        },
    }
    C31 {
        raises: |s| {
            s.register("db/old", json!({ "last_rotated": "2025-10-07T09:00:00Z" }));
            s.play(s.standard("r", "db/old"));
            s.last("rotation.completed")
        },
        spares: |s| {
            s.register("db/old", json!({ "last_rotated": "2025-10-08T09:00:00Z" }));
            // Long after it was due, and before there was a policy; the age is not turned back by it.
            s.register("db/older", json!({ "last_rotated": "2025-01-01" }));
            s.say("robo", "rotation.recorded", history("db/older"));
            s.say("robo", "rotation.recorded", history("db/old"));
            s.play(s.standard("r", "db/old"));
        },
    }
    C32 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").until("rotation.opened"));
            s.say("sam", "policy.set", json!({ "reason": "shorter", "max_age_days": 60 }))
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders"));
            s.say("sam", "policy.set", json!({ "reason": "shorter", "max_age_days": 60 }));
        },
    }
}

#[test]
fn a_secret_of_unknown_age_counts_as_overdue() {
    let mut story = Story::new();
    let at = story.register("db/new", json!({ "last_rotated": null }));
    assert_eq!(story.against(rotation_ledger::rule::C30), [Some(at)]);
}

#[test]
fn an_exception_waives_until_it_expires_and_is_shown() {
    let mut story = Story::new();
    story.play(
        story
            .standard("r", "db/orders")
            .without("rotation.approved"),
    );
    let ten_days = format!("@{}", 10 * 24 * 60);
    let mut fields = exception(&ten_days);
    fields["rules"] = json!(["S-13", "S-25"]);
    story.say("sam", "exception.granted", fields);
    let line = |story: &Story| {
        story
            .verify()
            .line(Verdict::Conformance)
            .map(|line| line.status)
    };
    assert_eq!(line(&story), Some(VerdictStatus::Waived));
    assert!(
        story
            .found()
            .iter()
            .all(|finding| finding.waived_by().is_some())
    );
    story.now = story.now.plus(hours(24 * 10));
    assert_eq!(line(&story), Some(VerdictStatus::Fail));
}

#[test]
fn what_breaks_the_ledger_cannot_be_excused() {
    let mut story = Story::new();
    for rule in ["I-02", "A-01", "N-01", "X-99"] {
        let mut fields = exception("@1440");
        fields["rules"] = json!([rule]);
        let at = story.force("sam", "exception.granted", fields);
        assert!(story.findings().contains(&("C-01", Some(at))), "{rule}");
    }
}
