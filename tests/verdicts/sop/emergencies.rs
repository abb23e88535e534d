//! SOP 7, Emergency Rotation Steps.

use rotation_ledger::rule;

use crate::sop::SECRET;
use crate::sop::emergency;
use crate::sop::finds;
use crate::sop::finds_nothing;
use crate::sop::parse;
use crate::support::story::Story;

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
