//! SOP 6, Standard Rotation Steps 1 to 6.

use rotation_ledger::rule;
use serde_json::json;

use crate::sop::SECRET;
use crate::sop::finds;
use crate::sop::finds_nothing;
use crate::sop::parse;
use crate::sop::standard;
use crate::sop::told;
use crate::support::story::Story;

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
    // What counts as one is for a Security Owner to say.
    for (namespace, found) in [("kv/prod/app", true), ("kv/live/app", false)] {
        let mut story = Story::new();
        let live = json!({ "reason": "called live", "namespaces": ["kv/live/*"] });
        story.say("sam", "namespaces.set", live);
        let script = standard(&story);
        story.play(script.with("replacement.generated", json!({ "namespace": namespace })));
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
    let local = json!({ "rotation": "r", "effective": "2026-01-05T09:00:00" });
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
    let mut story = told(|script| script);
    story.attach_file(b"login passed", "login.txt", "text/plain");
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
