//! The procedure itself, PetCare PH42-A: each line of it can be followed in a ledger, and is missed
//! where it was not.
//!
//! Each test quotes its line. What a line asks for is recordable; that it is absent or wrong is
//! found, or, for roles and scope, refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: a panic is a failing test"
)]

#[path = "support/story.rs"]
mod story;

use std::collections::BTreeMap;

use rotation_ledger::event::Event;
use rotation_ledger::event::SecretClass;
use rotation_ledger::event::VOCABULARY;
use rotation_ledger::evidence;
use rotation_ledger::evidence::NoTemplate;
use rotation_ledger::rule;
use rotation_ledger::rule::Rule;
use rotation_ledger::rule::Verdict;
use rotation_ledger::statement::Attachment;
use rotation_ledger::verify::Status;
use serde_json::Value;
use serde_json::json;
use story::Script;
use story::Story;
use story::id;

const SECRET: &str = "db/orders";

fn parse(name: &str, fields: &Value) -> Result<Event, String> {
    let fields: BTreeMap<String, Value> = serde_json::from_value(fields.clone()).unwrap();
    Event::parse(name, fields).map_err(|fault| fault.to_string())
}

fn standard(story: &Story) -> Script {
    story.standard("r", SECRET)
}

/// The story of one rotation, as `change` leaves it.
fn told(change: impl FnOnce(Script) -> Script) -> Story {
    let mut story = Story::new();
    let script = change(standard(&story));
    story.play(script);
    story
}

/// The same for an emergency.
fn emergency(change: impl FnOnce(Script) -> Script) -> Story {
    let mut story = Story::new();
    let script = change(story.emergency("r", "inc", SECRET));
    story.play(script);
    story
}

#[track_caller]
fn finds(story: &Story, rule: &Rule, event: &str) {
    let found = story.against(rule);
    assert!(
        found.contains(&Some(story.last(event))),
        "{} at {event}: {:#?}",
        rule.id,
        story.found()
    );
}

#[track_caller]
fn finds_nothing(story: &Story) {
    assert_eq!(story.found(), []);
}

#[track_caller]
fn refuses(who: &str, name: &'static str, fields: Value, story: &Story) {
    let mut story = story.clone();
    let at = story.force(who, name, fields);
    let finding = story
        .found()
        .into_iter()
        .find(|finding| finding.sequence == Some(at));
    let finding = finding.unwrap_or_else(|| panic!("{name} by {who} was taken"));
    assert_eq!(finding.rule.verdict, Verdict::Authority, "{finding:?}");
}

// 1. Purpose

/// "Define a minimum viable, regulator-grade procedure for rotating production secrets safely."
#[test]
fn sop_1_a_rotation_by_the_book_passes_every_verdict() {
    let report = told(|script| script).verify();
    for verdict in Verdict::ALL {
        assert_eq!(
            report.line(verdict).map(|line| line.status),
            Some(Status::Pass),
            "{verdict:?}"
        );
    }
}

// 2. Scope

/// "Applies to PROD-only credentials and keys"
#[test]
fn sop_2_prod_only() {
    for environment in ["staging", "PROD", "production", ""] {
        let mut fields = Story::registration("db/x");
        fields["environment"] = json!(environment);
        let refusal = parse("secret.registered", &fields).unwrap_err();
        assert!(refusal.contains("out of scope"), "{refusal}");
        let mut fields = standard(&Story::new()).0.remove(0).fields;
        fields["environment"] = json!(environment);
        assert!(parse("rotation.opened", &fields).is_err());
    }
}

#[track_caller]
fn takes_class(class: SecretClass) {
    let mut story = Story::founded();
    story.register(
        "new/secret",
        json!({ "class": class.word(), "dual_run": false }),
    );
    let script = story.single_run("r", "new/secret");
    story.play(script);
    finds_nothing(&story);
    assert_eq!(story.register.secrets["new/secret"].secret.class, class);
}

/// "API keys and service tokens"
#[test]
fn sop_2_api_keys_and_service_tokens() {
    takes_class(SecretClass::ApiKey);
}

/// "Database credentials"
#[test]
fn sop_2_database_credentials() {
    takes_class(SecretClass::DatabaseCredential);
}

/// "Encryption keys (data at rest key references)"
#[test]
fn sop_2_encryption_keys() {
    takes_class(SecretClass::EncryptionKey);
}

/// "Signing keys (bundle signing, tokens)"
#[test]
fn sop_2_signing_keys() {
    takes_class(SecretClass::SigningKey);
}

/// "Third-party integration secrets"
#[test]
fn sop_2_third_party_integration_secrets() {
    takes_class(SecretClass::ThirdParty);
}

#[test]
fn sop_2_there_is_no_sixth_class() {
    let mut fields = Story::registration("db/x");
    fields["class"] = json!("password");
    assert!(parse("secret.registered", &fields).is_err());
    assert_eq!(SecretClass::WORDS.len(), 5);
}

// 3. Roles

/// "Security Owner: approves rotation windows, confirms completion"
#[test]
fn sop_3_security_owner_approves_rotation_windows() {
    let window = json!({ "no_window": null, "window_start": "@0", "window_end": "@120" });
    finds_nothing(&told(|script| {
        script.with("rotation.approved", window.clone())
    }));
    finds(
        &told(|script| script.without("rotation.approved")),
        rule::S13,
        "replacement.generated",
    );
    let story = told(|script| script.until("rotation.opened"));
    for who in ["pia", "olga", "ada", "robo"] {
        refuses(
            who,
            "rotation.approved",
            json!({ "rotation": "r", "no_window": "none" }),
            &story,
        );
    }
}

/// "Security Owner: approves rotation windows, confirms completion"
#[test]
fn sop_3_security_owner_confirms_completion() {
    let mut story = told(|script| script.without("rotation.confirmed"));
    for who in ["pia", "olga", "ada", "robo"] {
        refuses(
            who,
            "rotation.confirmed",
            json!({ "rotation": "r", "outcome": "completed" }),
            &story,
        );
    }
    finds_nothing(&story);
    story.wait_days(8);
    finds(&story, rule::S64, "rotation.completed");
}

/// "Platform Owner: coordinates services impacted by rotation"
#[test]
fn sop_3_platform_owner_coordinates_services() {
    let story = told(|script| script.until("rotation.approved"));
    let confirmed = standard(&Story::new()).0.remove(2).fields;
    for who in ["olga", "ada", "robo"] {
        refuses(who, "preconditions.confirmed", confirmed.clone(), &story);
        refuses(
            who,
            "secret.registered",
            Story::registration("db/x"),
            &story,
        );
    }
}

/// "Operator: executes rotation steps and captures evidence"
#[test]
fn sop_3_operator_executes_rotation_steps() {
    let script = standard(&Story::new());
    for step in [
        "replacement.generated",
        "secret.revoked",
        "rotation.completed",
    ] {
        let mut story = Story::new();
        let place = script.0.iter().position(|line| line.event == step).unwrap();
        story.play(Script(script.0[..place].to_vec()));
        for who in ["sam", "pia", "ada"] {
            refuses(who, step, script.0[place].fields.clone(), &story);
        }
    }
}

/// One person in two of the SOP's roles is no second pair of eyes.
#[test]
fn sop_3_approver_confirmer_and_operator_are_different_people() {
    for (role, event, rule) in [
        ("rotation.approved", "rotation.completed", rule::A03),
        ("rotation.confirmed", "rotation.confirmed", rule::A04),
    ] {
        let mut story = Story::new();
        story.enrol("max", "human", &["security_owner", "operator"]);
        let script = standard(&story)
            .by("rotation.completed", "max")
            .by(role, "max");
        story.play(script);
        finds(&story, rule, event);
    }
}

// 4. Rotation frequency

/// "Standard: every 90 days"
#[test]
fn sop_4_standard_every_90_days() {
    let mut story = told(|script| script);
    let generated = story.register.secrets[SECRET].secret.generated.unwrap();
    let overdue = |story: &Story, as_of| {
        let findings = story.verify_as_of(as_of).findings;
        findings
            .iter()
            .any(|finding| finding.rule == rule::C30 && finding.secret == Some(id(SECRET)))
    };
    assert!(!overdue(&story, generated.plus_days(90)));
    assert!(overdue(&story, generated.plus_days(91)));
    story.now = generated.plus_days(91);
    let script = story.standard("late", SECRET);
    story.play(script);
    assert!(!overdue(&story, story.now), "rotated");
    finds(&story, rule::C31, "rotation.completed");
}

/// A rollback or an abort leaves the old secret in use, and its age runs on.
#[test]
fn sop_4_a_rollback_does_not_make_a_secret_young() {
    let mut story = Story::new();
    let script = story.rolled_back("r", SECRET);
    story.play(script);
    finds_nothing(&story);
    story.at("2026-03-02T00:00:01Z");
    let at = story.register.secrets[SECRET].secret.registered;
    assert!(story.findings().contains(&("C-30", Some(at))));
}

/// "Emergency: immediately upon suspected compromise or policy breach"
#[test]
fn sop_4_emergency_immediately() {
    for trigger in ["suspected_compromise", "policy_breach"] {
        finds_nothing(&emergency(|script| {
            script.with("incident.declared", json!({ "trigger": trigger }))
        }));
    }
    let mut story = emergency(|script| script.until("incident.declared"));
    story.wait(61);
    finds(&story, rule::S84, "incident.declared");
}

// 5. Preconditions

#[track_caller]
fn precondition(field: &str, rule: &Rule) {
    let mut changes = json!({});
    changes[field] = Value::Null;
    let story = told(|script| script.with("preconditions.confirmed", changes));
    finds(&story, rule, "preconditions.confirmed");
    let story = told(|script| script.without("preconditions.confirmed"));
    finds(&story, rule::S30, "replacement.generated");
}

/// "Confirm service inventory list exists"
#[test]
fn sop_5_confirm_service_inventory_list_exists() {
    precondition("inventory", rule::S20);
}

/// "Confirm rollback plan exists"
#[test]
fn sop_5_confirm_rollback_plan_exists() {
    precondition("rollback_plan", rule::S21);
}

/// "Confirm maintenance window (if needed)"
#[test]
fn sop_5_confirm_maintenance_window_if_needed() {
    precondition("maintenance_window", rule::S22);
    let not_needed = json!({ "maintenance_window": "none is needed: no restart" });
    finds_nothing(&told(|script| {
        script.with("preconditions.confirmed", not_needed)
    }));
    let outside = json!({ "no_window": null, "window_start": "@0", "window_end": "@30" });
    finds(
        &told(|script| script.with("rotation.approved", outside)),
        rule::T05,
        "cutover.completed",
    );
}

/// "Confirm logging enabled for secret access in secret store"
#[test]
fn sop_5_confirm_logging_enabled_for_secret_access() {
    precondition("access_logging", rule::S23);
}

// 6. Standard rotation steps

/// "Step 1: Identify secret to rotate - Name"
#[test]
fn sop_6_step_1_name() {
    let mut story = Story::new();
    let mut fields = standard(&story).0.remove(0).fields;
    fields["secret"] = json!("db/nobody-registered");
    story.force("olga", "rotation.opened", fields);
    finds(&story, rule::C01, "rotation.opened");
}

/// "Step 1: Identify secret to rotate - environment"
#[test]
fn sop_6_step_1_environment() {
    let mut fields = standard(&Story::new()).0.remove(0).fields;
    fields.as_object_mut().unwrap().remove("environment");
    assert!(
        parse("rotation.opened", &fields)
            .unwrap_err()
            .contains("environment")
    );
}

/// "Step 1: Identify secret to rotate - consumers"
#[test]
fn sop_6_step_1_consumers() {
    let one = json!({ "consumers": ["orders"] });
    finds(
        &told(|script| script.with("rotation.opened", one)),
        rule::S11,
        "rotation.opened",
    );
}

/// "Step 1: Identify secret to rotate - last rotated date"
#[test]
fn sop_6_step_1_last_rotated_date() {
    let mut story = Story::new();
    story.register("db/new", json!({ "last_rotated": null }));
    let unknown = json!({ "last_rotated": null });
    let script = story
        .standard("r", "db/new")
        .with("rotation.opened", unknown);
    story.play(script);
    finds(&story, rule::S10, "rotation.opened");
}

/// "Step 2: Generate replacement secret - Use approved generator and storage method"
#[test]
fn sop_6_step_2_use_approved_generator_and_storage_method() {
    let generated = standard(&Story::new()).0.remove(3).fields;
    for field in ["generator", "store", "namespace"] {
        let mut fields = generated.clone();
        fields.as_object_mut().unwrap().remove(field);
        assert!(
            parse("replacement.generated", &fields)
                .unwrap_err()
                .contains(field)
        );
    }
    finds(
        &told(|script| script.without("replacement.generated")),
        rule::S25,
        "rotation.completed",
    );
}

/// "Step 2: Generate replacement secret - Store in PROD secret namespace only"
#[test]
fn sop_6_step_2_store_in_prod_secret_namespace_only() {
    for (namespace, found) in [
        ("kv/staging/app", true),
        ("preprod", true),
        ("kv/prod/app", false),
    ] {
        let story =
            told(|script| script.with("replacement.generated", json!({ "namespace": namespace })));
        assert_eq!(!story.against(rule::S32).is_empty(), found, "{namespace}");
    }
}

/// "Step 3: Dual-run window (if supported) - Configure consumers to accept both old and new secret
/// temporarily"
#[test]
fn sop_6_step_3_configure_consumers_to_accept_both_temporarily() {
    finds(
        &told(|script| script.without("dual_run.started")),
        rule::S29,
        "cutover.completed",
    );
    let endless = json!({ "planned_end": null });
    finds(
        &told(|script| script.with("dual_run.started", endless)),
        rule::S34,
        "dual_run.started",
    );
    let short = json!({ "planned_end": "@1" });
    finds(
        &told(|script| script.with("dual_run.started", short)),
        rule::S36,
        "cutover.completed",
    );
}

/// "Step 3: Dual-run window (if supported)"
#[test]
fn sop_6_step_3_if_supported() {
    let mut story = Story::new();
    let script = story.single_run("r", "sign/bundles");
    story.play(script);
    finds_nothing(&story);
    let script = story.single_run("r2", SECRET);
    story.play(script);
    finds(&story, rule::S35, "dual_run.not_supported");
}

/// "Step 3: Validate new secret works"
#[test]
fn sop_6_step_3_validate_new_secret_works() {
    finds(
        &told(|script| script.without("replacement.validated")),
        rule::S37,
        "cutover.completed",
    );
    let failed = json!({ "result": "fail" });
    finds(
        &told(|script| script.with("replacement.validated", failed)),
        rule::S38,
        "cutover.completed",
    );
    let other = json!({ "version": "v9" });
    finds(
        &told(|script| script.with("replacement.validated", other)),
        rule::S39,
        "replacement.validated",
    );
}

/// "Step 4: Cutover - Remove old secret from consumers"
#[test]
fn sop_6_step_4_remove_old_secret_from_consumers() {
    let one = json!({ "consumers": ["orders"] });
    finds(
        &told(|script| script.with("cutover.completed", one)),
        rule::C07,
        "rotation.completed",
    );
    finds(
        &told(|script| script.without("cutover.completed")),
        rule::S25,
        "rotation.completed",
    );
}

/// "Step 4: Cutover - Confirm service health"
#[test]
fn sop_6_step_4_confirm_service_health() {
    finds(
        &told(|script| script.without("health.confirmed")),
        rule::S43,
        "secret.revoked",
    );
    let ill = json!({ "healthy": false });
    finds(
        &told(|script| script.with("health.confirmed", ill)),
        rule::S42,
        "secret.revoked",
    );
}

/// "Step 5: Revoke old secret - Revoke or delete old secret from secret store"
#[test]
fn sop_6_step_5_revoke_or_delete_old_secret() {
    finds_nothing(&told(|script| {
        script.with("secret.revoked", json!({ "method": "delete" }))
    }));
    finds(
        &told(|script| script.without("secret.revoked")),
        rule::S25,
        "rotation.completed",
    );
    let other = json!({ "version": "v9" });
    finds(
        &told(|script| script.with("secret.revoked", other)),
        rule::S45,
        "secret.revoked",
    );
}

/// "Step 5: Revoke old secret - Confirm no consumers still access it"
#[test]
fn sop_6_step_5_confirm_no_consumers_still_access_it() {
    finds(
        &told(|script| script.without("revocation.verified")),
        rule::S50,
        "rotation.completed",
    );
    let used = json!({ "hits": 1 });
    finds(
        &told(|script| script.with("revocation.verified", used)),
        rule::S52,
        "revocation.verified",
    );
    let unknown = json!({ "test": "network_error" });
    finds(
        &told(|script| script.with("revocation.verified", unknown)),
        rule::S51,
        "revocation.verified",
    );
}

/// "Step 6: Evidence - Record rotation timestamp_utc"
#[test]
fn sop_6_step_6_record_rotation_timestamp_utc() {
    let story = told(|script| script);
    let rotation = &story.register.rotations["r"];
    let completion = rotation.completion().unwrap();
    assert_eq!(completion.started, rotation.opened.occurred);
    assert!(completion.started < completion.completed);
    let local = json!({ "rotation": "r", "effective": "2026-01-05T09:00:00+02:00" });
    assert!(parse("secret.revoked", &local).is_err(), "only UTC");
}

/// "Step 6: Evidence - Record impacted services list"
#[test]
fn sop_6_step_6_record_impacted_services_list() {
    let one = json!({ "impacted_services": ["orders"] });
    finds(
        &told(|script| script.with("rotation.completed", one)),
        rule::S62,
        "rotation.completed",
    );
}

/// "Step 6: Evidence - Capture validation output"
#[test]
fn sop_6_step_6_capture_validation_output() {
    let mut fields = standard(&Story::new()).0.remove(10).fields;
    fields.as_object_mut().unwrap().remove("validation_summary");
    assert!(
        parse("rotation.completed", &fields)
            .unwrap_err()
            .contains("validation_summary")
    );
    let output = b"login passed";
    let mut story = told(|script| script);
    story.attach.push(Attachment {
        blake3: rotation_ledger::hash::Blake3Digest::of(output),
        sha256: rotation_ledger::hash::Sha256Digest::of(output),
        length: 12,
        media_type: id("text/plain"),
        name: "login.txt".parse().unwrap(),
    });
    story.say(
        "olga",
        "evidence.attached",
        json!({ "rotation": "r", "description": "the login" }),
    );
    finds_nothing(&story);
}

/// "Step 6: Evidence - Store evidence in appropriate evidence pack (PH42-E audit binder later)"
#[test]
fn sop_6_step_6_store_evidence_in_evidence_pack() {
    let mut story =
        told(|script| script.with("rotation.completed", json!({ "pack": "binder/2026-Q1" })));
    story.say(
        "ada",
        "pack.exported",
        json!({
            "selection": "rotation r", "size": 30, "entries": 12, "rotations": 1, "secrets": 1,
            "ends_sha256": rotation_ledger::hash::Sha256Digest::of(b"db/orders 30\n"),
        }),
    );
    finds_nothing(&story);
}

// 7. Emergency rotation steps

/// "Immediately revoke suspect secret"
#[test]
fn sop_7_immediately_revoke_suspect_secret() {
    finds_nothing(&emergency(|script| script));
    finds(
        &emergency(|script| script.waiting("secret.revoked", 90)),
        rule::S81,
        "secret.revoked",
    );
    let mut story = emergency(|script| script.until("rotation.opened"));
    story.wait(90);
    finds(&story, rule::S81, "incident.declared");
}

/// "Generate and deploy replacement"
#[test]
fn sop_7_generate_and_deploy_replacement() {
    finds(
        &emergency(|script| script.without("replacement.generated")),
        rule::S31,
        "cutover.completed",
    );
    finds(
        &emergency(|script| script.without("cutover.completed")),
        rule::C07,
        "rotation.completed",
    );
}

/// "Execute incident response runbook (PH42-E)"
#[test]
fn sop_7_execute_incident_response_runbook() {
    finds(
        &emergency(|script| script.without("runbook.executed")),
        rule::S82,
        "incident.declared",
    );
}

/// "Produce post-incident report with timeline and remediation"
#[test]
fn sop_7_produce_post_incident_report_with_timeline_and_remediation() {
    let script = Story::new().emergency("r", "inc", SECRET);
    let reported = script
        .0
        .iter()
        .find(|line| line.event == "post_incident.reported")
        .unwrap();
    for field in ["timeline", "remediation", "report"] {
        let mut fields = reported.fields.clone();
        fields.as_object_mut().unwrap().remove(field);
        assert!(
            parse("post_incident.reported", &fields)
                .unwrap_err()
                .contains(field)
        );
    }
    let mut story = emergency(|script| script.without("post_incident.reported"));
    finds(&story, rule::S65, "rotation.confirmed");
    story.wait_days(15);
    finds(&story, rule::S83, "incident.declared");
}

// 8. Minimum evidence template

fn template(story: &Story, rotation: &str) -> Result<String, NoTemplate> {
    evidence::template(&story.verify(), &id(rotation)).map(|template| template.to_string())
}

/// "Rotation Evidence - secret_id: - environment: prod - rotated_by: - rotation_reason: scheduled |
/// emergency - started_utc: - completed_utc: - impacted_services: - validation_summary: -
/// revoke_confirmed: yes | no"
#[test]
fn sop_8_template_is_exactly_nine_fields_in_order() {
    let story = told(|script| script);
    assert_eq!(
        template(&story, "r").unwrap(),
        "Rotation Evidence\n\
         - secret_id: db/orders\n\
         - environment: prod\n\
         - rotated_by: olga (olga)\n\
         - rotation_reason: scheduled\n\
         - started_utc: 2026-01-05T09:22:00Z\n\
         - completed_utc: 2026-01-05T11:12:00Z\n\
         - impacted_services: orders, reports\n\
         - validation_summary: login passed; old one refused\n\
         - revoke_confirmed: yes\n"
    );
}

/// "rotation_reason: scheduled | emergency"
#[test]
fn sop_8_rotation_reason_is_one_of_two_words() {
    let story = emergency(|script| script);
    assert!(
        template(&story, "r")
            .unwrap()
            .contains("\n- rotation_reason: emergency\n")
    );
    let mut fields = standard(&Story::new()).0.remove(0).fields;
    fields["reason"] = json!("because");
    assert!(parse("rotation.opened", &fields).is_err());
}

/// "revoke_confirmed: yes | no"
#[test]
fn sop_8_revoke_confirmed_says_yes_only_with_proof() {
    let story = told(|script| script.without("revocation.verified"));
    assert!(
        template(&story, "r")
            .unwrap()
            .ends_with("\n- revoke_confirmed: no\n"),
        "claimed, not shown"
    );
    finds(&story, rule::S60, "rotation.completed");
    let no = json!({ "revoke_confirmed": false });
    finds(
        &told(|script| script.with("rotation.completed", no)),
        rule::S61,
        "rotation.completed",
    );
}

/// "rotated_by:"
#[test]
fn sop_8_rotated_by_names_the_person_behind_a_service() {
    let story = told(|script| script.by("rotation.completed", "robo"));
    assert!(
        template(&story, "r")
            .unwrap()
            .contains("\n- rotated_by: robo (robo) on behalf of olga\n")
    );
}

/// "Minimum Evidence Template (paste-ready)", for a tool that can say it only once.
#[test]
fn sop_8_one_record_fills_the_template_and_proves_the_least() {
    let mut story = Story::new();
    story.say("robo", "rotation.recorded", json!({
        "rotation": "r", "secret": SECRET, "environment": "prod", "rotated_by": "rotator 2.1",
        "reason": "scheduled", "started": "@-30", "completed": "@-1", "impacted_services": ["orders", "reports"],
        "validation_summary": "ping passed", "revoke_confirmed": true, "new_version": "v2",
    }));
    let text = template(&story, "r").unwrap();
    assert!(text.contains("\n- rotated_by: rotator 2.1\n"), "{text}");
    assert!(
        text.ends_with("\n- revoke_confirmed: no\n"),
        "a word is no proof: {text}"
    );
    finds(&story, rule::S60, "rotation.recorded");
    let not_checked = story.verify().not_checked;
    assert!(
        not_checked
            .iter()
            .any(|line| line.contains("minimum evidence only")),
        "{not_checked:?}"
    );
    assert_eq!(
        story.register.secrets[SECRET].secret.version,
        Some("v2".parse().unwrap())
    );
}

/// A template is evidence only where the ledger verifies and the rotation is complete.
#[test]
fn sop_8_no_template_without_verified_and_complete_entries() {
    let mut story = told(|script| script);
    assert!(matches!(
        template(&story, "other"),
        Err(NoTemplate::Unknown(_))
    ));
    let at = story.last("rotation.completed");
    story.tamper(at, |entry| entry.subject_previous = 0);
    assert!(matches!(
        template(&story, "r"),
        Err(NoTemplate::NotVerified { .. })
    ));
    let story = told(|script| script.until("secret.revoked"));
    match template(&story, "r") {
        Err(NoTemplate::Incomplete { missing, .. }) => assert!(missing.contains(&"completed_utc")),
        other => panic!("{other:?}"),
    }
    let mut story = told(|script| script);
    story.force(
        "ada",
        "step.failed",
        json!({ "rotation": "r", "step": "revoke", "error": "no" }),
    );
    assert!(matches!(
        template(&story, "r"),
        Err(NoTemplate::NotVerified { .. })
    ));
}

/// Every event says which part of the SOP it serves, in the SOP's own words.
#[test]
fn every_event_quotes_the_sop() {
    for spec in VOCABULARY {
        let section: u8 = spec.sop.split([',', ' ']).next().unwrap().parse().unwrap();
        assert!((1..=8).contains(&section), "{}", spec.name);
        assert!(!spec.quote.is_empty(), "{}", spec.name);
    }
}
