//! I-02 to I-18 and N-01 to N-03, as far as bytes in memory show them.

use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::key::Signature;
use rotation_ledger::statement::Statement;
use rotation_ledger::verify::Conclusion;
use serde_json::Value;
use serde_json::json;

use crate::support::story::Story;
use crate::support::story::cosigned_by;
use crate::support::story::key_of;
use crate::support::story::log_line;
use crate::support::story::sealing_key;
use crate::support::story::witness_line;

fn note() -> Value {
    note_on(0, Link::ZERO)
}

fn note_on(entry: u64, link: Link) -> Value {
    json!({ "entry": entry, "link": link, "note": "a remark" })
}

fn remark(story: &mut Story) -> u64 {
    let link = Link::of(&story.entries[0]);
    story.say("ada", "entry.annotated", note_on(0, link))
}

/// Replaces the sealing key, which seals from that entry on, and returns the new one.
fn renewed(story: &mut Story, who: &'static str) -> rotation_ledger::key::SecretKey {
    let next = key_of("next-sealing-key");
    story.say(
        who,
        "sealing_key.replaced",
        json!({ "key": next.public(), "possession": next.prove_possession(), "reason": "yearly" }),
    );
    let head = story.checkpoint_of(story.entries.len(), &next);
    story.checkpoint = Some(head);
    next
}

/// A trust file that wants two witnesses to have seen the ledger.
fn two_witnesses() -> String {
    let lines = [
        log_line(&sealing_key()),
        witness_line("w1"),
        witness_line("w2"),
    ];
    lines.concat() + "group both all w1 w2\nquorum both\n"
}

fn creation(who: &str) -> Value {
    let key = key_of(who);
    json!({
        "origin": "ledger.example/x", "sealing_key": sealing_key().public(), "actor": who, "name": who,
        "key": key.public(), "possession": key.prove_possession(),
    })
}

rule_tests! {
    I02 {
        raises: |s| {
            s.tamper(5, |entry| entry.signature = Signature::from_bytes([1; 64]));
            6
        },
        spares: |s| {
            s.tamper(5, |entry| entry.signature = Signature::from_bytes([1; 64]));
            s.relink();
        },
    }
    I03 {
        raises: |s| {
            let at = remark(s);
            s.tamper(at, |entry| {
                let mut bytes = *entry.signature.as_bytes();
                bytes[0] ^= 1;
                entry.signature = Signature::from_bytes(bytes);
            });
            at
        },
        spares: |s| {
            let at = remark(s);
            s.tamper(at, |entry| entry.subject_previous += 1);
        },
    }
    I04 {
        raises: |s| s.say_misplaced("ada", "secret.updated", json!({ "secret": "db/orders", "reason": "none" }), |entry| entry.sequence += 1),
        spares: |s| {
            let at = remark(s);
            s.tamper(at, |entry| entry.previous = Link::ZERO);
        },
    }
    I05 {
        raises: |s| {
            let mut other = s.clone();
            remark(&mut other);
            s.wait(5);
            remark(s);
            s.checkpoint = Some(other.checkpoint_of(other.entries.len(), &sealing_key()));
            None
        },
        spares: |s| {
            s.checkpoint = Some(s.checkpoint_of(s.entries.len() - 1, &sealing_key()));
        },
    }
    I06 {
        raises: |s| {
            let before = s.entries.len();
            let next = renewed(s, "sam");
            s.checkpoint = Some(s.checkpoint_of(before, &next));
            None
        },
        spares: |s| {
            let before = s.entries.len();
            let next = renewed(s, "sam");
            s.checkpoint = Some(s.checkpoint_of(before, &sealing_key()));
            assert_eq!(s.against(rotation_ledger::rule::I06), []);
            s.checkpoint = Some(s.checkpoint_of(before + 1, &next));
        },
    }
    I07 {
        raises: |s| {
            let said = json!({ "secret": "db/orders", "reason": "none" });
            let first = Statement::decode(&rotation_ledger::entry::Entry::decode(&s.entries[3]).unwrap().statement).unwrap();
            s.say_changed("pia", "secret.updated", said, |statement| statement.event_id = first.event_id)
        },
        spares: |s| {
            let said = json!({ "secret": "db/orders", "reason": "none" });
            s.say("pia", "secret.updated", said.clone());
            s.say("pia", "secret.updated", said);
        },
    }
    I08 {
        raises: |s| {
            let mut bytes = s.entries.last().unwrap().clone();
            bytes.push(0);
            *s.entries.last_mut().unwrap() = bytes;
            s.entries.len() as u64 - 1
        },
        spares: |s| {
            let at = s.entries.len() as u64 - 1;
            s.tamper(at, |entry| entry.sequence = u64::MAX);
        },
    }
    I10 {
        raises: |s| s.force("eve", "ledger.created", creation("eve")),
        spares: |s| {
            *s = Story::empty();
            s.say("eve", "ledger.created", creation("eve"));
        },
    }
    I11 {
        raises: |s| s.say("ada", "entry.annotated", note()),
        spares: |s| {
            remark(s);
        },
    }
    I12 {
        raises: |s| {
            let link = Link::of(&s.entries[0]);
            let elsewhere = LedgerId::from_genesis(Link::of(b"another ledger"));
            s.say_changed("ada", "entry.annotated", note_on(0, link), |statement| statement.ledger = elsewhere)
        },
        spares: |s| {
            remark(s);
        },
    }
    I15 {
        raises: |s| s.say_misplaced("pia", "secret.updated", json!({ "secret": "db/orders", "reason": "none" }), |entry| entry.subject_previous = 0),
        spares: |s| {
            let at = s.say("pia", "secret.updated", json!({ "secret": "db/orders", "reason": "none" }));
            let entry = rotation_ledger::entry::Entry::decode(&s.entries[at as usize]).unwrap();
            assert_eq!(entry.subject_previous, 1 + 8, "db/orders was registered by entry 8");
        },
    }
    I18 {
        raises: |s| {
            let at = remark(s);
            s.wait(-2);
            remark(s);
            assert_eq!(s.against(rotation_ledger::rule::T01), []);
            at + 1
        },
        spares: |s| {
            remark(s);
            s.wait(-1);
            remark(s);
        },
    }
    N01 {
        raises: |s| {
            remark(s);
            s.anchors.push(s.checkpoint_of(s.entries.len(), &sealing_key()));
            s.entries.pop();
            None
        },
        spares: |s| {
            s.anchors.push(s.checkpoint_of(s.entries.len() - 1, &sealing_key()));
        },
    }
    N02 {
        raises: |s| {
            let mut other = s.clone();
            remark(&mut other);
            s.anchors.push(other.checkpoint_of(other.entries.len(), &sealing_key()));
            s.wait(5);
            remark(s);
            None
        },
        spares: |s| {
            s.anchors.push(s.checkpoint_of(s.entries.len(), &sealing_key()));
            remark(s);
        },
    }
    N03 {
        raises: |s| {
            s.anchors.push(s.checkpoint_of(s.entries.len(), &key_of("eve")));
            None
        },
        spares: |s| {
            s.anchors.push(s.checkpoint_of(s.entries.len(), &sealing_key()));
            let next = renewed(s, "sam");
            s.anchors.push(s.checkpoint_of(s.entries.len(), &next));
        },
    }
    N04 {
        raises: |s| {
            s.trust = Some(log_line(&key_of("another ledger's seal")) + "quorum none\n");
            None
        },
        // The auditor was told once, and the ledger's own entries lead on from there.
        spares: |s| {
            s.trust = Some(log_line(&sealing_key()) + "quorum none\n");
            assert_eq!(s.against(rotation_ledger::rule::N04), []);
            renewed(s, "sam");
            assert!(s.verify().notes.iter().any(|note| note.contains("the trust file knows")));
        },
    }
    N05 {
        raises: |s| {
            s.trust = Some(two_witnesses());
            let head = s.checkpoint_of(s.entries.len(), &sealing_key());
            s.cosigned = Some(cosigned_by("w1", &head, s.now));
            let found = s.found()[0].found.clone();
            assert!(found.ends_with("nothing by w2 (never)"), "{found}");
            // An older one, kept elsewhere, tells when the missing one was last there.
            let mut once = s.clone();
            let older = s.checkpoint_of(3, &sealing_key());
            once.anchors = vec![cosigned_by("w2", &older, s.now)];
            let found = once.found()[0].found.clone();
            let there = format!("nothing by w2 (last at {}, 3 entries)", s.now.to_seconds());
            assert!(found.ends_with(&there), "{found}");
            // A successor that a person names is known only from the ledger.
            let mut other = s.clone();
            let next = renewed(&mut other, "sam");
            let head = other.checkpoint_of(other.entries.len(), &next);
            let once = cosigned_by("w1", &head, s.now);
            other.cosigned = Some(cosigned_by("w2", &once, s.now));
            assert_eq!(other.against(rotation_ledger::rule::N05), [None]);
            None
        },
        spares: |s| {
            s.trust = Some(two_witnesses());
            let head = s.checkpoint_of(s.entries.len() - 1, &sealing_key());
            let once = cosigned_by("w1", &head, s.now);
            s.cosigned = Some(cosigned_by("w2", &once, s.now));
            assert_eq!(s.against(rotation_ledger::rule::N05), []);
            // The listed key names its own successor: the trust file goes on to hold.
            let next = renewed(s, "the seal of the ledger");
            let head = s.checkpoint_of(s.entries.len(), &next);
            let once = cosigned_by("w1", &head, s.now);
            s.cosigned = Some(cosigned_by("w2", &once, s.now));
        },
    }
    N06 {
        raises: |s| {
            let mut other = s.clone();
            remark(&mut other);
            s.wait(5);
            remark(s);
            s.anchors.push(s.checkpoint_of(s.entries.len(), &sealing_key()));
            s.anchors.push(other.checkpoint_of(other.entries.len(), &sealing_key()));
            let found = s.found();
            let fork = found.iter().find(|finding| finding.rule.id == "N-06").unwrap();
            assert_eq!(fork.evidence.len(), 2, "both checkpoints are handed on");
            assert!(fork.evidence.iter().all(|note| note.contains("\u{2014} ledger.example")));
            None
        },
        // The same twice is no contradiction, and somebody else's signature no evidence.
        spares: |s| {
            s.anchors.push(s.checkpoint_of(s.entries.len(), &sealing_key()));
            s.anchors.push(s.checkpoint_of(s.entries.len(), &sealing_key()));
            let mut other = s.clone();
            remark(&mut other);
            s.anchors.push(other.checkpoint_of(other.entries.len(), &key_of("eve")));
        },
    }
    // Whoever takes the key of today cannot seal last month again, nor with one of last month today.
    N08 {
        raises: |s| {
            let before = s.entries.len();
            let next = renewed(s, "sam");
            s.anchors.push(s.checkpoint_of(before, &next));
            None
        },
        spares: |s| {
            let before = s.entries.len();
            let next = renewed(s, "sam");
            s.anchors.push(s.checkpoint_of(before, &sealing_key()));
            s.anchors.push(s.checkpoint_of(before + 1, &next));
        },
    }
}

#[test]
fn a_ledger_that_begins_with_something_else_is_none() {
    let mut story = Story::empty();
    let at = story.force(
        "sam",
        "source.gap",
        json!({
            "source": "siem", "from": "@0", "to": "@1", "cause": "upgrade",
        }),
    );
    assert_eq!(story.against(rotation_ledger::rule::I10), [Some(at)]);
}

/// Ten thousand complaints of another kind must not push the one that matters out of the list.
#[test]
fn many_findings_do_not_hide_a_broken_entry() {
    let mut story = Story::new();
    let failed = json!({ "rotation": "none", "step": "revoke", "error": "no such rotation" });
    for _ in 0..10_001 {
        story.force("olga", "step.failed", failed.clone());
    }
    let at = remark(&mut story);
    story.tamper(at, |entry| entry.subject_previous = 7);
    let report = story.verify();
    assert_eq!(
        story.against(rotation_ledger::rule::I15),
        [Some(at)],
        "entry {at} is broken"
    );
    assert!(report.register().is_none());
    assert_eq!(report.conclusion(false, &[]), Conclusion::Broken);
}
