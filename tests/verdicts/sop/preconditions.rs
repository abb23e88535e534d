//! SOP 5, Preconditions: four things confirmed before anything is generated.

use rotation_ledger::rule;
use rotation_ledger::rule::Rule;
use serde_json::Value;
use serde_json::json;

use crate::sop::finds;
use crate::sop::finds_nothing;
use crate::sop::told;

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
