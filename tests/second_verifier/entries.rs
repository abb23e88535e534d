//! Entries that somebody moved, changed, dropped or forged, and entries that count for nothing.

use rotation_ledger::entry::Entry;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::key::Signature;
use rotation_ledger::statement::Statement;
use serde_json::Value;
use serde_json::json;

use crate::agree;
use crate::attached;
use crate::attachment;
use crate::exception;
use crate::remark;
use crate::support::story::Story;
use crate::support::story::id;
use crate::support::story::key_of;
use crate::with_file;

/// What somebody does to a ledger.
type Deed = (&'static str, fn(&mut Story));

/// Entries that nobody may say, or that do not fit: recorded all the same, they leave the ledger whole,
/// and the thread of their secret is that of the entries that were taken.
const NOT_TAKEN: &[Deed] = &[
    ("nobody's", |s| {
        s.force("eve", "secret.updated", update("db/orders"));
    }),
    ("out of role", |s| {
        s.force("ada", "secret.updated", update("db/orders"));
    }),
    ("of a secret that nobody registered", |s| {
        s.force("pia", "secret.updated", update("db/none"));
    }),
    ("registered twice", |s| {
        s.force("pia", "secret.registered", Story::registration("db/orders"));
    }),
    ("of a secret that was retired", |s| {
        s.say(
            "pia",
            "secret.retired",
            json!({ "secret": "db/orders", "reason": "gone" }),
        );
        s.force("pia", "secret.updated", update("db/orders"));
        s.force("pia", "secret.registered", Story::registration("db/orders"));
    }),
    ("after the key was revoked", |s| {
        s.say(
            "sam",
            "actor.revoked",
            json!({ "actor": "pia", "reason": "left" }),
        );
        s.force("pia", "secret.updated", update("db/orders"));
    }),
    ("of a rotation that nobody opened", |s| {
        s.force(
            "olga",
            "dual_run.started",
            json!({ "rotation": "r-9", "consumers": ["orders"] }),
        );
    }),
    ("of another secret's rotation", |s| {
        let script = s.standard("r-1", "db/orders").until("rotation.opened");
        s.play(script);
        let fields =
            json!({ "rotation": "r-1", "secret": "kms/records", "description": "a login" });
        s.force("olga", "evidence.attached", fields);
    }),
    ("a rotation opened twice", |s| {
        let script = s.standard("r-1", "db/orders").until("rotation.opened");
        s.play(script);
        let again = json!({
            "rotation": "r-1", "secret": "kms/records", "environment": "prod", "reason": "scheduled", "consumers": ["records"],
        });
        s.force("olga", "rotation.opened", again);
    }),
    ("a service for nobody", |s| {
        let fields = update("db/orders");
        s.say(
            "sam",
            "actor.enrolled",
            Story::enrolment("bot", "service", &["platform_owner"]),
        );
        s.say_changed("bot", "secret.updated", fields, |_| {});
    }),
    ("a service for a service", |s| {
        let fields = update("db/orders");
        s.say(
            "sam",
            "actor.enrolled",
            Story::enrolment("bot", "service", &["platform_owner"]),
        );
        s.say_changed("bot", "secret.updated", fields, |said| {
            said.on_behalf_of = Some(id("robo"))
        });
    }),
    ("a person for another", |s| {
        s.say_changed("pia", "secret.updated", update("db/orders"), |said| {
            said.on_behalf_of = Some(id("olga"));
        });
    }),
    ("an exception that ended before", |s| {
        let mut fields = exception("db/orders", "x-1");
        fields["expires"] = json!("@-1");
        s.force("sam", "exception.granted", fields);
    }),
    ("an exception from what nothing excuses", |s| {
        let mut fields = exception("db/orders", "x-1");
        fields["rules"] = json!(["I-03"]);
        s.force("sam", "exception.granted", fields);
    }),
    ("an exception granted twice", |s| {
        s.say("sam", "exception.granted", exception("db/orders", "x-1"));
        s.force("sam", "exception.granted", exception("db/orders", "x-1"));
    }),
    ("enrolled without possession", |s| {
        let mut fields = Story::enrolment("bob", "human", &["platform_owner"]);
        fields["possession"] = json!("5a".repeat(64));
        s.force("sam", "actor.enrolled", fields);
        s.force("bob", "secret.updated", update("db/orders"));
    }),
    ("enrolled twice", |s| {
        s.force(
            "sam",
            "actor.enrolled",
            Story::enrolment("pia", "human", &["operator"]),
        );
        s.say("pia", "secret.updated", update("db/orders"));
    }),
    ("enrolled with a role twice", |s| {
        let roles = &["platform_owner", "platform_owner"];
        s.force(
            "sam",
            "actor.enrolled",
            Story::enrolment("bob", "human", roles),
        );
        s.force("bob", "secret.updated", update("db/orders"));
    }),
    ("enrolled as the ledger", |s| {
        s.force(
            "sam",
            "actor.enrolled",
            Story::enrolment("bob", "human", &["ledger"]),
        );
        s.force(
            "sam",
            "actor.enrolled",
            Story::enrolment("ledger", "human", &["operator"]),
        );
        s.force("bob", "store.recovered", recovery());
    }),
    ("a service as owner", |s| {
        s.force(
            "sam",
            "actor.enrolled",
            Story::enrolment("bot", "service", &["security_owner"]),
        );
    }),
    ("the last owner revoked", |s| {
        s.say(
            "sam",
            "actor.revoked",
            json!({ "actor": "sue", "reason": "left" }),
        );
        s.force(
            "sam",
            "actor.revoked",
            json!({ "actor": "sam", "reason": "left" }),
        );
        s.say("sam", "exception.granted", exception("db/orders", "x-1"));
    }),
    ("the sealing key as a person", |s| {
        s.force(
            "the seal of the ledger",
            "secret.updated",
            update("db/orders"),
        );
        s.say("the seal of the ledger", "store.recovered", recovery());
    }),
];

pub(crate) fn update(secret: &str) -> Value {
    json!({ "secret": secret, "reason": "none" })
}

fn recovery() -> Value {
    json!({ "kind": "torn_write", "reason": "power", "dropped_bytes": 0 })
}

/// The same question of the entry that follows, whose thread shows what was taken.
#[test]
fn what_is_not_taken_leaves_the_ledger_whole_for_both() {
    for (what, deed) in NOT_TAKEN {
        let mut story = attached();
        deed(&mut story);
        for who in ["pia", "sue"] {
            story.force(who, "secret.updated", update("db/orders"));
            story.force(who, "secret.updated", update("kms/records"));
        }
        assert!(agree(what, &with_file(&story).path("")), "{what}");
    }
}

/// Changes that anybody sees who looks.
const TAMPERED: &[Deed] = &[
    ("an entry dropped", |s| drop(s.entries.remove(9))),
    ("an entry dropped, and linked anew", |s| {
        s.entries.remove(8);
        s.relink();
    }),
    ("an entry doubled", |s| {
        s.entries.insert(9, s.entries[9].clone())
    }),
    ("two exchanged", |s| s.entries.swap(9, 10)),
    ("a byte behind an entry", |s| s.entries[9].push(0)),
    ("another signature", |s| {
        s.tamper(9, |entry| entry.signature = Signature::from_bytes([1; 64]));
        s.relink();
    }),
    ("another sequence", |s| {
        s.tamper(9, |entry| entry.sequence = 8)
    }),
    ("another thread", |s| {
        let last = s.say("pia", "secret.updated", update("db/orders"));
        s.tamper(last, |entry| entry.subject_previous += 1);
    }),
    ("another thread of a remark", |s| {
        let last = remark(s);
        s.tamper(last, |entry| entry.subject_previous = 1);
    }),
    ("recorded before the entry before", |s| {
        s.wait(-60);
        remark(s);
    }),
    ("an event id used before", |s| {
        let first = Statement::decode(&Entry::decode(&s.entries[3]).unwrap().statement).unwrap();
        s.say_changed("pia", "secret.updated", update("db/orders"), |said| {
            said.event_id = first.event_id
        });
    }),
    ("made for another ledger", |s| {
        let other = LedgerId::from_genesis(Link::of(b"another ledger"));
        s.say_changed("pia", "secret.updated", update("db/orders"), |said| {
            said.ledger = other
        });
    }),
    ("created twice", |s| {
        let eve = key_of("eve");
        let fields = json!({
            "origin": "ledger.example/eve", "sealing_key": key_of("its seal").public(), "actor": "eve", "name": "Eve",
            "key": eve.public(), "possession": eve.prove_possession(),
        });
        s.force("eve", "ledger.created", fields);
    }),
    ("a remark on another entry", |s| {
        let link = Link::of(&s.entries[1]);
        s.say(
            "ada",
            "entry.annotated",
            json!({ "entry": 0, "link": link, "note": "seen" }),
        );
    }),
    ("a remark on what is not there yet", |s| {
        let link = Link::of(&s.entries[1]);
        s.force(
            "ada",
            "entry.annotated",
            json!({ "entry": 99, "link": link, "note": "seen" }),
        );
    }),
    ("one file by two digests", |s| {
        let mut other = attachment();
        other.sha256 = Sha256Digest::of(b"another");
        s.attach.push(other);
        s.say(
            "olga",
            "evidence.attached",
            json!({ "secret": "db/orders", "description": "a login" }),
        );
    }),
    ("one file of two lengths", |s| {
        let mut other = attachment();
        other.length += 1;
        s.attach.push(other);
        s.say(
            "olga",
            "evidence.attached",
            json!({ "secret": "db/orders", "description": "a login" }),
        );
    }),
    ("an entry that was never signed counts for no thread", |s| {
        let at = s.say("pia", "secret.updated", update("db/orders"));
        s.tamper(at, |entry| entry.signature = Signature::from_bytes([1; 64]));
        s.relink();
    }),
];

#[test]
fn tampered_ledgers_fail_both_at_the_same_entry() {
    for (what, deed) in TAMPERED {
        let mut story = attached();
        deed(&mut story);
        assert!(!agree(what, &with_file(&story).path("")), "{what}");
    }
}
