//! A-01 to A-10: who may say what.

use serde_json::json;

use super::accepted::acceptance;
use crate::support::story::Story;
use crate::support::story::id;
use crate::support::story::key_of;

fn note(story: &Story) -> serde_json::Value {
    json!({ "entry": 0, "link": rotation_ledger::hash::Link::of(&story.entries[0]), "note": "a remark" })
}

fn exception(requested_by: &str) -> serde_json::Value {
    json!({
        "exception": "x1", "secret": "db/orders", "rules": ["C-30"], "requested_by": requested_by,
        "reason": "vendor is late", "controls": "network is closed", "expires": "@1440",
    })
}

rule_tests! {
    A01 {
        raises: |s| {
            s.say("sam", "actor.revoked", json!({ "actor": "otto", "reason": "left" }));
            let note = note(s);
            s.force("otto", "entry.annotated", note)
        },
        spares: |s| {
            let said = note(s);
            s.say("otto", "entry.annotated", said);
            s.say("sam", "actor.revoked", json!({ "actor": "otto", "reason": "left" }));
        },
    }
    A02 {
        raises: |s| {
            s.play(s.standard("r", "db/orders").until("rotation.opened"));
            s.force("olga", "rotation.approved", json!({ "rotation": "r", "no_window": "none" }))
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").until("rotation.approved"));
        },
    }
    A06 {
        raises: |s| {
            let fields = Story::enrolment("bot", "service", &["operator", "security_owner"]);
            s.force("sam", "actor.enrolled", fields)
        },
        spares: |s| {
            s.enrol("bot", "service", &["operator", "platform_owner"]);
        },
    }
    A07 {
        raises: |s| {
            let note = note(s);
            s.say_changed("robo", "entry.annotated", note, |statement| statement.on_behalf_of = None)
        },
        spares: |s| {
            let note = note(s);
            s.say("robo", "entry.annotated", note);
        },
    }
    A08 {
        raises: |s| {
            let before = note(s);
            s.say("otto", "entry.annotated", before);
            s.wait(60);
            let within = note(s);
            let at = s.say("otto", "entry.annotated", within);
            s.wait(60);
            let stolen = json!({ "actor": "otto", "reason": "laptop stolen", "compromised_since": "@-90" });
            s.say("sam", "actor.revoked", stolen);
            at
        },
        // Retired in good order: what was signed before stands.
        spares: |s| {
            let said = note(s);
            s.say("otto", "entry.annotated", said);
            s.say("sam", "actor.revoked", json!({ "actor": "otto", "reason": "a new key for Otto" }));
        },
    }
    A10 {
        raises: |s| {
            let mut fields = Story::enrolment("eve", "human", &["operator"]);
            fields["possession"] = json!(key_of("mallory").prove_possession());
            s.force("sam", "actor.enrolled", fields)
        },
        spares: |s| {
            s.enrol("eve", "human", &["operator"]);
        },
    }
    A03 {
        raises: |s| {
            s.enrol("max", "human", &["security_owner", "operator"]);
            s.play(
                s.standard("r", "db/orders")
                    .by("rotation.approved", "max")
                    .by("replacement.generated", "max"),
            );
            s.last("replacement.generated")
        },
        spares: |s| {
            s.enrol("max", "human", &["security_owner", "operator"]);
            s.play(s.standard("r", "db/orders").by("rotation.approved", "max"));
        },
    }
    A04 {
        raises: |s| {
            s.enrol("max", "human", &["security_owner", "operator"]);
            s.play(
                s.standard("r", "db/orders")
                    .by("revocation.verified", "max")
                    .by("rotation.confirmed", "max"),
            );
            s.last("rotation.confirmed")
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").by("rotation.confirmed", "sam"));
        },
    }
    A05 {
        raises: |s| s.say("sam", "exception.granted", exception("sam")),
        spares: |s| {
            s.say("sue", "exception.granted", exception("sam"));
        },
    }
    A09 {
        raises: |s| {
            s.enrol("mix", "human", &["operator", "auditor"]);
            let script = s.standard("r", "db/orders").without("rotation.approved");
            s.play(script.by("replacement.generated", "mix"));
            let said = acceptance(s, rotation_ledger::rule::S13);
            s.say("mix", "finding.accepted", said)
        },
        spares: |s| {
            s.play(s.standard("r", "db/orders").without("rotation.approved"));
            let said = acceptance(s, rotation_ledger::rule::S13);
            s.say("ada", "finding.accepted", said);
        },
    }
}

#[test]
fn nobody_unknown_speaks() {
    let mut story = Story::new();
    let said = note(&story);
    let at = story.force("eve", "entry.annotated", said);
    assert_eq!(story.against(rotation_ledger::rule::A01), [Some(at)]);
}

/// Otherwise a Security Owner who operates could let the steps count as somebody else's, and
/// approve them.
#[test]
fn a_person_speaks_for_nobody_else() {
    let mut story = Story::new();
    let said = note(&story);
    let at = story.say_changed("olga", "entry.annotated", said, |statement| {
        statement.on_behalf_of = Some(id("otto"));
    });
    assert_eq!(story.against(rotation_ledger::rule::A07), [Some(at)]);
    let said = note(&story);
    story.say_changed("olga", "entry.annotated", said, |statement| {
        statement.on_behalf_of = Some(id("olga"));
    });
    assert_eq!(story.against(rotation_ledger::rule::A07), [Some(at)]);
}

#[test]
fn relaxed_eyes_are_said_in_the_report() {
    let mut story = Story::new();
    story.enrol("max", "human", &["security_owner", "operator"]);
    story.say(
        "sam",
        "policy.set",
        json!({ "reason": "we are two", "four_eyes": "relaxed" }),
    );
    let mut script = story.standard("r", "db/orders");
    for line in &mut script.0 {
        if line.event != "preconditions.confirmed" && line.event != "health.confirmed" {
            line.who = "max";
        }
    }
    story.play(script);
    let report = story.verify();
    assert_eq!(report.findings, []);
    let says = |story: &Story, words: &str| {
        let notes = story.verify().notes;
        assert!(notes.iter().any(|note| note.contains(words)), "{notes:?}");
    };
    says(&story, "four eyes are relaxed since entry");
    // Nobody hides it by setting the policy anew before the auditor comes.
    let strict = json!({ "reason": "we are three" });
    story.say("sam", "policy.set", strict);
    says(&story, "four eyes were relaxed from entry");
}

/// A ledger whose founder's key also seals could never be spoken in: each word would be the ledger's.
#[test]
fn the_sealing_key_is_nobodys_own() {
    let mut story = Story::empty();
    let sam = key_of("sam");
    let at = story.force("sam", "ledger.created", json!({
        "origin": "ledger.example/x", "sealing_key": sam.public(), "actor": "sam", "name": "Sam",
        "key": sam.public(), "possession": sam.prove_possession(),
    }));
    assert_eq!(story.against(rotation_ledger::rule::A10), [Some(at)]);
}

#[test]
fn a_sealing_key_is_replaced_whatever_actors_are_called() {
    let mut story = Story::new();
    story.enrol("sealing-key", "human", &["operator"]);
    let next = key_of("next-sealing-key");
    story.say(
        "sam",
        "sealing_key.replaced",
        json!({
            "key": next.public(), "possession": next.prove_possession(), "reason": "yearly",
        }),
    );
}

/// Whoever looks into a stolen key wants to know what it spoke about.
#[test]
fn a_doubtful_entry_is_named_with_its_secret_and_rotation() {
    let mut story = Story::new();
    let script = story.standard("r", "db/orders");
    story.play(script);
    let stolen =
        json!({ "actor": "olga", "reason": "laptop stolen", "compromised_since": "@-9999999" });
    story.say("sam", "actor.revoked", stolen);
    let report = story.verify();
    let doubtful =
        |finding: &&rotation_ledger::rule::Finding| finding.rule == rotation_ledger::rule::A08;
    let doubted: Vec<_> = report.findings.iter().filter(doubtful).collect();
    assert!(doubted.len() > 3, "{doubted:#?}");
    for finding in doubted {
        let named = (finding.secret.as_ref(), finding.rotation.as_ref());
        let (secret, rotation) = (named.0.unwrap(), named.1.unwrap());
        assert_eq!((secret.as_str(), rotation.as_str()), ("db/orders", "r"));
    }
}
