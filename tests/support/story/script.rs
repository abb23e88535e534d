//! Whole rotations, line by line: without a fault as they come, and changed before they are played.

use rotation_ledger::text::Id;
use serde_json::Value;
use serde_json::json;

use super::Story;
use super::id;

/// One thing that will be said.
#[derive(Clone)]
pub struct Line {
    /// Who says it.
    pub who: &'static str,
    /// What.
    pub event: &'static str,
    /// With these fields.
    pub fields: Value,
    /// Minutes after the line before.
    pub after: i64,
}

impl Line {
    fn new(who: &'static str, event: &'static str, fields: Value) -> Self {
        Self {
            who,
            event,
            fields,
            after: 10,
        }
    }
}

/// Things that will be said one after the other.
#[derive(Clone)]
pub struct Script(pub Vec<Line>);

impl Script {
    fn of(rotation: &'static str, lines: Vec<(&'static str, &'static str, Value)>) -> Self {
        let line = |(who, event, mut fields): (_, _, Value)| {
            merge(&mut fields, json!({ "rotation": rotation }));
            Line::new(who, event, fields)
        };
        Self(lines.into_iter().map(line).collect())
    }

    fn place(&self, event: &str) -> usize {
        let place = self.0.iter().position(|line| line.event == event);
        place.unwrap_or_else(|| panic!("the script has no {event}"))
    }

    fn line(&self, event: &str) -> &Line {
        &self.0[self.place(event)]
    }

    /// Leaves out the first line of this event.
    pub fn without(mut self, event: &str) -> Self {
        self.0.remove(self.place(event));
        self
    }

    /// Leaves out everything after the first line of this event.
    pub fn until(mut self, event: &str) -> Self {
        self.0.truncate(self.place(event) + 1);
        self
    }

    /// Changes fields of the first line of this event; null leaves one out.
    pub fn with(mut self, event: &str, changes: Value) -> Self {
        let place = self.place(event);
        merge(&mut self.0[place].fields, changes);
        self
    }

    /// Lets somebody else say it.
    pub fn by(mut self, event: &str, who: &'static str) -> Self {
        let place = self.place(event);
        self.0[place].who = who;
        self
    }

    /// Lets it be said this many minutes after the line before.
    pub fn waiting(mut self, event: &str, minutes: i64) -> Self {
        let place = self.place(event);
        self.0[place].after = minutes;
        self
    }

    /// Moves the first line of one event to right after another.
    pub fn moved(mut self, event: &str, after: &str) -> Self {
        let line = self.0.remove(self.place(event));
        let place = self.place(after) + 1;
        self.0.insert(place, line);
        self
    }

    /// Adds a line after the first one of this event.
    pub fn after(
        mut self,
        event: &str,
        who: &'static str,
        said: &'static str,
        fields: Value,
    ) -> Self {
        let place = self.place(event) + 1;
        self.0.insert(place, Line::new(who, said, fields));
        self
    }

    /// Adds a line at the end.
    pub fn then(mut self, who: &'static str, said: &'static str, fields: Value) -> Self {
        self.0.push(Line::new(who, said, fields));
        self
    }
}

/// Puts the fields of `changes` into `fields`; null takes one out.
pub fn merge(fields: &mut Value, changes: Value) {
    let (Value::Object(fields), Value::Object(changes)) = (fields, changes) else {
        panic!("fields are objects");
    };
    for (name, value) in changes {
        if value.is_null() {
            fields.shift_remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
}

impl Story {
    fn consumers(&self, secret: &str) -> Vec<Id> {
        self.register.secrets[&id(secret)].secret.consumers.clone()
    }

    fn versions(&self, secret: &str) -> (String, String) {
        let secret = &self.register.secrets[&id(secret)].secret;
        let old = secret
            .version
            .as_ref()
            .map_or("v0", |version| version.as_str());
        (old.to_owned(), format!("{old}-next"))
    }

    /// A standard rotation with a dual-run window, SOP 6 Steps 1 to 6, without a fault.
    pub fn standard(&self, rotation: &'static str, secret: &'static str) -> Script {
        let consumers = self.consumers(secret);
        let (old, new) = self.versions(secret);
        let lines: Vec<(&'static str, &'static str, Value)> = vec![
            (
                "olga",
                "rotation.opened",
                json!({
                    "secret": secret, "environment": "prod", "reason": "scheduled", "consumers": consumers,
                    "last_rotated": "2025-12-01T00:00:00Z", "old_version": old, "ticket": "CHG-1",
                }),
            ),
            (
                "sam",
                "rotation.approved",
                json!({ "no_window": "no downtime is expected" }),
            ),
            (
                "pia",
                "preconditions.confirmed",
                json!({
                    "inventory": "wiki/inventory", "rollback_plan": "wiki/rollback",
                    "maintenance_window": "none is needed", "access_logging": "vault/audit",
                }),
            ),
            (
                "olga",
                "replacement.generated",
                json!({
                    "new_version": new, "generator": "vault-rng", "store": "vault://prod", "namespace": "kv/prod/app",
                }),
            ),
            (
                "olga",
                "dual_run.started",
                json!({ "consumers": consumers, "planned_end": "@10080" }),
            ),
            (
                "olga",
                "replacement.validated",
                json!({
                    "phase": "pre_cutover", "version": new, "result": "pass", "summary": "logged in with the new one",
                }),
            ),
            (
                "olga",
                "cutover.completed",
                json!({ "consumers": consumers, "to_version": new }),
            ),
            (
                "pia",
                "health.confirmed",
                json!({ "services": consumers, "healthy": true, "summary": "all green" }),
            ),
            (
                "olga",
                "secret.revoked",
                json!({
                    "version": old, "target": "old", "method": "revoke", "effective": "@0",
                }),
            ),
            (
                "otto",
                "revocation.verified",
                json!({ "version": old, "test": "auth_rejected", "tested_at": "@0" }),
            ),
            (
                "olga",
                "rotation.completed",
                json!({
                    "impacted_services": consumers, "validation_summary": "login passed; old one refused",
                    "revoke_confirmed": true, "pack": "binder/2026",
                }),
            ),
            (
                "sue",
                "rotation.confirmed",
                json!({ "outcome": "completed" }),
            ),
        ];
        Script::of(rotation, lines)
    }

    /// The same for a secret that supports no dual-run.
    pub fn single_run(&self, rotation: &'static str, secret: &'static str) -> Script {
        let reason = json!({ "rotation": rotation, "reason": "one slot only", "mitigation": "restart in the window" });
        self.standard(rotation, secret)
            .after("dual_run.started", "olga", "dual_run.not_supported", reason)
            .without("dual_run.started")
    }

    /// A rotation whose new version fails after the first consumer was cut over, and is rolled back.
    pub fn rolled_back(&self, rotation: &'static str, secret: &'static str) -> Script {
        let consumers = self.consumers(secret);
        let (old, new) = self.versions(secret);
        let with = |mut fields: Value| {
            merge(&mut fields, json!({ "rotation": rotation }));
            fields
        };
        self.standard(rotation, secret)
            .until("cutover.completed")
            .with("cutover.completed", json!({ "consumers": &consumers[..1] }))
            .then("olga", "replacement.validated", with(json!({
                "phase": "post_cutover", "version": new, "result": "fail", "summary": "login refused",
            })))
            .then("olga", "step.failed", with(json!({ "step": "validate", "error": "login refused" })))
            .then("olga", "rollback.completed", with(json!({
                "restored_version": old, "services": &consumers[..1], "reason": "the new one does not work",
                "disposition": "new_revoked",
            })))
            .then("olga", "replacement.validated", with(json!({
                "phase": "post_rollback", "version": old, "result": "pass", "summary": "logged in with the old one",
            })))
            .then("olga", "secret.revoked", with(json!({
                "version": new, "target": "new", "method": "delete", "effective": "@0",
            })))
            .then("sue", "rotation.confirmed", with(json!({ "outcome": "rolled_back" })))
    }

    /// An emergency, SOP 7: revoked first, then replaced, run by the book, reported and confirmed.
    pub fn emergency(
        &self,
        rotation: &'static str,
        incident: &'static str,
        secret: &'static str,
    ) -> Script {
        let standard = self.standard(rotation, secret);
        let step = |name: &str| standard.line(name).clone();
        let mut lines = vec![
            Line::new(
                "olga",
                "incident.declared",
                json!({
                    "incident": incident, "secret": secret, "trigger": "suspected_compromise", "detected": "@0",
                    "summary": "seen in a public paste",
                }),
            ),
            step("rotation.opened"),
            step("secret.revoked"),
            step("replacement.generated"),
            step("cutover.completed"),
            step("health.confirmed"),
            step("revocation.verified"),
            Line::new(
                "pia",
                "runbook.executed",
                json!({
                    "incident": incident, "runbook": "PH42-E@3", "summary": "contained",
                }),
            ),
            step("rotation.approved"),
            step("rotation.completed"),
            Line::new(
                "pia",
                "post_incident.reported",
                json!({
                    "incident": incident, "report": "wiki/pir-7", "timeline": "09:00 seen\n09:20 revoked",
                    "remediation": ["scan pastes daily"],
                }),
            ),
            step("rotation.confirmed"),
        ];
        for line in &mut lines {
            line.after = 10;
        }
        Script(lines).with(
            "rotation.opened",
            json!({ "reason": "emergency", "incident": incident }),
        )
    }
}
