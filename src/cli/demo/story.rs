//! The story that `ledger demo` plays: who says what, and how many minutes after the step before.
//! Each step is a draft as `ledger append --json` takes it.

use serde_json::Value;
use serde_json::json;

use crate::hash::Sha256Digest;

/// One step: minutes since the step before, who says it, what, and a file that shows it.
pub(super) struct Step {
    pub(super) minutes: i64,
    pub(super) who: &'static str,
    pub(super) draft: Value,
    pub(super) output: Option<(&'static str, &'static str)>,
}

/// A chapter: its title and its steps.
pub(super) struct Chapter {
    pub(super) title: &'static str,
    pub(super) steps: Vec<Step>,
}

fn step(minutes: i64, who: &'static str, draft: Value) -> Step {
    Step {
        minutes,
        who,
        draft,
        output: None,
    }
}

fn shown(
    minutes: i64,
    who: &'static str,
    draft: Value,
    name: &'static str,
    text: &'static str,
) -> Step {
    Step {
        minutes,
        who,
        draft,
        output: Some((name, text)),
    }
}

/// The actors besides the founder: key, name, role.
pub(super) const ACTORS: &[(&str, &str, &str)] = &[
    ("pia", "Pia Platform", "platform_owner"),
    ("olga", "Olga Operator", "operator"),
    ("otto", "Otto Operator", "operator"),
];

/// The ids of the inventory, sorted.
const INVENTORY: &[&str] = &[
    "api/mailer",
    "db/orders",
    "ext/geocoder",
    "kms/backups",
    "sign/bundles",
];

/// The inventory, one secret of each of the SOP's five classes; `rotated` is when each was last.
pub(super) fn inventory(rotated: &str) -> Chapter {
    let secret = |id: &str,
                  name: &str,
                  class: &str,
                  store: &str,
                  consumers: &[&str],
                  dual_run: bool,
                  version: &str| {
        step(
            2,
            "pia",
            json!({
                "event": "secret.registered", "secret": id, "name": name, "class": class, "environment": "prod",
                "store": store, "owner": "platform team", "consumers": consumers, "dual_run": dual_run,
                "last_rotated": rotated, "version": version,
            }),
        )
    };
    let ids: String = INVENTORY.iter().map(|id| format!("{id}\n")).collect();
    Chapter {
        title: "inventory of five secrets, one of each class (SOP 2, 5)",
        steps: vec![
            secret(
                "api/mailer",
                "Mailer API key",
                "api_key",
                "vault:kv/prod/mailer",
                &["notifier"],
                false,
                "v12",
            ),
            secret(
                "db/orders",
                "Orders database login",
                "database_credential",
                "vault:database/prod/orders",
                &["orders-api", "billing"],
                true,
                "v41",
            ),
            secret(
                "kms/backups",
                "Backup encryption key",
                "encryption_key",
                "kms:prod/backups",
                &["backup-job"],
                true,
                "key-7",
            ),
            secret(
                "sign/bundles",
                "Bundle signing key",
                "signing_key",
                "hsm:prod/bundles",
                &["build-signer"],
                false,
                "cert-2026-08",
            ),
            secret(
                "ext/geocoder",
                "Geocoder partner key",
                "third_party",
                "vault:kv/prod/geocoder",
                &["routing"],
                true,
                "v3",
            ),
            step(
                5,
                "pia",
                json!({
                    "event": "inventory.attested", "as_of": NOW, "count": INVENTORY.len(),
                    "ids_sha256": Sha256Digest::of(ids.as_bytes()), "query": "list of all prod secrets in vault, kms and hsm",
                }),
            ),
        ],
    }
}

/// SOP 6, Steps 1 to 6, with dual-run.
pub(super) fn standard(window: (&str, &str), dual_run_end: &str) -> Chapter {
    Chapter {
        title: "standard rotation with dual-run (SOP 6)",
        steps: vec![
            step(
                60,
                "olga",
                opened(
                    "rot-1",
                    "db/orders",
                    "scheduled",
                    &["orders-api", "billing"],
                    "v41",
                ),
            ),
            step(
                30,
                "sam",
                json!({"event": "rotation.approved", "rotation": "rot-1", "window_start": window.0, "window_end": window.1}),
            ),
            step(10, "pia", preconditions("rot-1", "window approved")),
            step(
                20,
                "olga",
                generated(
                    "rot-1",
                    "v42",
                    "vault:database/prod/orders",
                    "database/prod",
                ),
            ),
            step(
                5,
                "olga",
                json!({"event": "dual_run.started", "rotation": "rot-1", "consumers": ["orders-api", "billing"], "planned_end": dual_run_end}),
            ),
            shown(
                10,
                "olga",
                validated(
                    "rot-1",
                    "v42",
                    "pre_cutover",
                    "pass",
                    "login with v42 works from both services",
                ),
                "validate.log",
                "connect orders-api as v42: ok\nconnect billing as v42: ok\n2 of 2 checks passed\n",
            ),
            step(20, "olga", cut_over("rot-1", &["orders-api"], "v42")),
            step(10, "otto", cut_over("rot-1", &["billing"], "v42")),
            step(15, "pia", healthy("rot-1", &["orders-api", "billing"])),
            step(20, "olga", revoked("rot-1", "v41", "old")),
            shown(
                5,
                "otto",
                verified("rot-1", "v41"),
                "negative-test.log",
                "connect as v41: authentication rejected\n",
            ),
            step(
                5,
                "olga",
                completed(
                    "rot-1",
                    &["billing", "orders-api"],
                    "login with the new credential passed in 2 of 2 services, old one rejected",
                ),
            ),
            step(
                60,
                "sam",
                json!({"event": "rotation.confirmed", "rotation": "rot-1", "outcome": "completed"}),
            ),
        ],
    }
}

/// SOP 6 where Step 3 does not apply.
pub(super) fn single_run() -> Chapter {
    Chapter {
        title: "standard rotation without dual-run (SOP 6, Step 3: if supported)",
        steps: vec![
            step(
                600,
                "otto",
                opened(
                    "rot-2",
                    "sign/bundles",
                    "scheduled",
                    &["build-signer"],
                    "cert-2026-08",
                ),
            ),
            step(
                30,
                "sam",
                json!({"event": "rotation.approved", "rotation": "rot-2", "no_window": "no builds at night"}),
            ),
            step(
                10,
                "pia",
                preconditions("rot-2", "not needed: no builds at night"),
            ),
            step(
                20,
                "otto",
                generated("rot-2", "cert-2026-11", "hsm:prod/bundles", "hsm/prod"),
            ),
            step(
                5,
                "otto",
                json!({"event": "dual_run.not_supported", "rotation": "rot-2", "reason": "the verifier pins one key", "mitigation": "signer stopped for ten minutes"}),
            ),
            shown(
                10,
                "otto",
                validated(
                    "rot-2",
                    "cert-2026-11",
                    "pre_cutover",
                    "pass",
                    "a test bundle verifies under the new key",
                ),
                "validate.log",
                "bundle test-1: signature good\n",
            ),
            step(
                5,
                "otto",
                cut_over("rot-2", &["build-signer"], "cert-2026-11"),
            ),
            step(10, "pia", healthy("rot-2", &["build-signer"])),
            step(10, "otto", revoked("rot-2", "cert-2026-08", "old")),
            step(5, "olga", verified("rot-2", "cert-2026-08")),
            step(
                5,
                "otto",
                completed(
                    "rot-2",
                    &["build-signer"],
                    "test bundle verified, bundle by the old key refused",
                ),
            ),
            step(
                60,
                "sam",
                json!({"event": "rotation.confirmed", "rotation": "rot-2", "outcome": "completed"}),
            ),
        ],
    }
}

/// Validation fails; the plan of SOP 5 is followed.
pub(super) fn rolled_back() -> Chapter {
    Chapter {
        title: "validation fails, rolled back by the plan (SOP 5)",
        steps: vec![
            step(
                600,
                "olga",
                opened("rot-3", "api/mailer", "scheduled", &["notifier"], "v12"),
            ),
            step(
                30,
                "sam",
                json!({"event": "rotation.approved", "rotation": "rot-3", "no_window": "no downtime expected"}),
            ),
            step(
                10,
                "pia",
                preconditions("rot-3", "not needed: no downtime expected"),
            ),
            step(
                20,
                "olga",
                generated("rot-3", "v13", "vault:kv/prod/mailer", "kv/prod"),
            ),
            step(
                5,
                "olga",
                json!({"event": "dual_run.not_supported", "rotation": "rot-3", "reason": "provider allows one active key", "mitigation": "short retry window"}),
            ),
            shown(
                10,
                "olga",
                validated(
                    "rot-3",
                    "v13",
                    "pre_cutover",
                    "fail",
                    "provider refuses v13: wrong scope",
                ),
                "validate.log",
                "send test mail with v13: 403 scope mail.send missing\n",
            ),
            step(
                2,
                "olga",
                json!({"event": "step.failed", "rotation": "rot-3", "step": "validate", "error": "provider refuses v13: wrong scope", "exit_code": 1}),
            ),
            step(20, "olga", revoked("rot-3", "v13", "new")),
            step(
                5,
                "olga",
                json!({"event": "rollback.completed", "rotation": "rot-3", "restored_version": "v12", "services": ["notifier"], "reason": "v13 was issued with the wrong scope", "disposition": "new_revoked"}),
            ),
            step(
                5,
                "olga",
                validated(
                    "rot-3",
                    "v12",
                    "post_rollback",
                    "pass",
                    "test mail sent with v12",
                ),
            ),
            step(
                60,
                "sam",
                json!({"event": "rotation.confirmed", "rotation": "rot-3", "outcome": "rolled_back"}),
            ),
        ],
    }
}

/// SOP 7: revoke first.
pub(super) fn emergency(detected: &str) -> Chapter {
    Chapter {
        title: "emergency: revoked at once, then replaced (SOP 7)",
        steps: vec![
            step(
                600,
                "otto",
                json!({"event": "incident.declared", "incident": "inc-9", "secret": "ext/geocoder", "trigger": "suspected_compromise", "detected": detected, "summary": "partner reports calls from an unknown network"}),
            ),
            step(
                2,
                "otto",
                with(
                    opened("rot-4", "ext/geocoder", "emergency", &["routing"], "v3"),
                    "incident",
                    "inc-9",
                ),
            ),
            step(3, "otto", revoked("rot-4", "v3", "old")),
            step(
                10,
                "otto",
                generated("rot-4", "v4", "vault:kv/prod/geocoder", "kv/prod"),
            ),
            step(10, "otto", cut_over("rot-4", &["routing"], "v4")),
            step(5, "pia", healthy("rot-4", &["routing"])),
            shown(
                5,
                "olga",
                verified("rot-4", "v3"),
                "negative-test.log",
                "GET /geocode with v3: 401 key disabled\n",
            ),
            step(
                10,
                "otto",
                completed(
                    "rot-4",
                    &["routing"],
                    "routing healthy on the new key, old key rejected by the partner",
                ),
            ),
            step(
                20,
                "otto",
                json!({"event": "runbook.executed", "incident": "inc-9", "runbook": "PH42-E/3", "summary": "access logs of 30 days reviewed, no misuse of data found"}),
            ),
            step(
                30,
                "sam",
                json!({"event": "rotation.approved", "rotation": "rot-4", "no_window": "emergency"}),
            ),
            step(
                900,
                "sam",
                json!({"event": "post_incident.reported", "incident": "inc-9", "report": "PH42-E/reports/inc-9", "timeline": "reported by the partner\nrevoked within five minutes\nreplaced within fifteen", "remediation": ["restrict the key to our network", "alert on calls from elsewhere"]}),
            ),
            step(
                10,
                "sam",
                json!({"event": "rotation.confirmed", "rotation": "rot-4", "outcome": "completed"}),
            ),
        ],
    }
}

fn opened(rotation: &str, secret: &str, reason: &str, consumers: &[&str], old: &str) -> Value {
    json!({"event": "rotation.opened", "rotation": rotation, "secret": secret, "environment": "prod", "reason": reason, "consumers": consumers, "old_version": old})
}

fn preconditions(rotation: &str, window: &str) -> Value {
    json!({"event": "preconditions.confirmed", "rotation": rotation, "inventory": "wiki/secrets-inventory", "rollback_plan": "wiki/rollback#keep-old-version", "maintenance_window": window, "access_logging": "vault/audit-device/file"})
}

fn generated(rotation: &str, version: &str, store: &str, namespace: &str) -> Value {
    json!({"event": "replacement.generated", "rotation": rotation, "new_version": version, "generator": "approved/openssl-rand", "store": store, "namespace": namespace})
}

fn validated(rotation: &str, version: &str, phase: &str, result: &str, summary: &str) -> Value {
    json!({"event": "replacement.validated", "rotation": rotation, "version": version, "phase": phase, "result": result, "summary": summary})
}

fn cut_over(rotation: &str, consumers: &[&str], version: &str) -> Value {
    json!({"event": "cutover.completed", "rotation": rotation, "consumers": consumers, "to_version": version})
}

fn healthy(rotation: &str, services: &[&str]) -> Value {
    json!({"event": "health.confirmed", "rotation": rotation, "services": services, "healthy": true, "summary": "error rate and latency as before"})
}

/// Revoked at the moment of the step; the player fills in `effective`.
fn revoked(rotation: &str, version: &str, target: &str) -> Value {
    json!({"event": "secret.revoked", "rotation": rotation, "version": version, "target": target, "method": "revoke", "effective": NOW})
}

/// Tried at the moment of the step; the player fills in `tested_at`.
fn verified(rotation: &str, version: &str) -> Value {
    json!({"event": "revocation.verified", "rotation": rotation, "version": version, "test": "auth_rejected", "tested_at": NOW})
}

fn completed(rotation: &str, services: &[&str], summary: &str) -> Value {
    json!({"event": "rotation.completed", "rotation": rotation, "impacted_services": services, "validation_summary": summary, "revoke_confirmed": true})
}

fn with(mut draft: Value, field: &str, value: &str) -> Value {
    if let Some(draft) = draft.as_object_mut() {
        draft.insert(field.to_owned(), Value::from(value));
    }
    draft
}

/// Stands for the time of the step that carries it.
pub(super) const NOW: &str = "now";
