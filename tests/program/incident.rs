//! An incident told from its entries: in order, by one or by hundreds of secrets, and reported.

use rotation_ledger::time::Timestamp;
use serde_json::{Value, json};

use crate::support::program::Program;

fn events(timeline: &Value) -> Vec<&str> {
    let lines = timeline.as_array().unwrap().iter();
    lines.map(|line| line["event"].as_str().unwrap()).collect()
}

fn failure(program: &Program, words: &str) -> (Option<i32>, String) {
    let output = program.output(words);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn what_happened_is_told_in_order_and_reported_as_it_is_told() {
    let program = Program::prepared();
    let now: Timestamp = program.json("status --json")["as_of"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let noticed = Timestamp::from_micros(now.micros() - 40 * 60_000_000);
    for words in [
        "append rotation.aborted --key olga.pem --rotation r-1 --reason over --disposition none_generated".to_owned(),
        format!("emergency db/orders --revoked --at {noticed} --why leaked --incident inc-7 --rotation r-7 --key olga.pem"),
        "append runbook.executed --key petra.pem --incident inc-7 --runbook PH42-E@3 --summary contained".to_owned(),
        "append entry.annotated --key olga.pem --entry 8 --note seen".to_owned(),
    ] {
        assert_eq!(program.code(&words), 0, "{words}");
    }
    let told = program.json("incident show inc-7 --json");
    let timeline = told["timeline"].as_array().unwrap();
    // Revoked before it was declared, whatever was recorded first; then the rest of that day.
    assert_eq!(timeline[0]["event"], "secret.revoked", "{told:#}");
    assert_eq!(
        (
            timeline[0]["after_s"].as_i64(),
            timeline[0]["what"].as_str()
        ),
        (Some(0), Some("v7, revoke"))
    );
    let last = [
        "incident.declared",
        "rotation.opened",
        "runbook.executed",
        "entry.annotated",
    ];
    assert_eq!(events(&told["timeline"])[timeline.len() - 4..], last);
    let is_open = |step: &str| {
        told["open"]
            .as_array()
            .unwrap()
            .contains(&json!({ "step": step, "incidents": 1 }))
    };
    assert!(
        is_open("replacement.generated") && is_open("rotation.approved"),
        "{told:#}"
    );
    assert!(
        !told["open"].to_string().contains("dual_run"),
        "it is dead: {told:#}"
    );

    let words = "incident report inc-7 --report wiki/pir-7 --remediation scan --key petra.pem";
    let said = program.json(&format!("{words} --json"));
    let entry =
        &program.json(&format!("show {} --json", said["receipts"][0]["sequence"]))["entries"][0];
    assert_eq!(entry["fields"]["timeline"], said["timeline"]);
    assert_eq!(entry["fields"]["remediation"], json!(["scan"]));
    let lines: Vec<&str> = said["timeline"].as_str().unwrap().lines().collect();
    assert_eq!(lines.len(), timeline.len());
    assert!(
        lines[0].contains("+0 s") && lines[0].ends_with("secret.revoked: v7, revoke"),
        "{lines:?}"
    );
    let (code, talk) = failure(&program, words);
    assert_eq!(
        (code, talk.contains("inc-7 was reported in entry")),
        (Some(5), true),
        "{talk}"
    );
    let (code, talk) = failure(&program, "incident show inc-77");
    assert_eq!(
        (code, talk.contains("perhaps `inc-7` is meant")),
        (Some(4), true),
        "{talk}"
    );
}

#[test]
fn a_breach_of_hundreds_is_told_in_a_few_lines() {
    const MANY: usize = 350;
    let program = Program::prepared();
    let draft = |n| {
        let secret = format!("v/{n}");
        json!({
            "event": "secret.registered", "secret": secret, "name": "key", "class": "api_key", "environment": "prod",
            "store": "vault:kv/prod", "owner": "Team", "consumers": ["api"], "dual_run": false, "version": secret,
        })
    };
    let drafts: Vec<_> = (0..MANY).map(|n| draft(n).to_string()).collect();
    let list: Vec<_> = (0..MANY).map(|n| format!("v/{n}")).collect();
    std::fs::write(program.path("drafts"), drafts.join("\n")).unwrap();
    std::fs::write(program.path("list"), list.join("\n")).unwrap();
    assert_eq!(program.code("append --key petra.pem --json drafts"), 0);
    let emergency = "emergency --secrets list --revoked --why breach --key olga.pem";
    assert_eq!(program.code(emergency), 0);
    let listed = program.output("incident list").stdout;
    assert_eq!(String::from_utf8(listed).unwrap().lines().count(), 2);
    let breach = &program.json("incident list --json")["incidents"][0];
    let one = breach["incidents"][7].as_str().unwrap();
    let told = program.json(&format!("incident show {one} --together --json"));
    let lines = told["timeline"].as_array().unwrap();
    assert!(
        lines.iter().all(|line| line["entries"] == MANY),
        "{lines:#?}"
    );
    let words = format!(
        "incident report {one} --together --report wiki/pir --remediation x --key petra.pem --json"
    );
    let said = program.json(&words);
    assert_eq!(said["receipts"].as_array().unwrap().len(), MANY);
    assert_eq!(said["timeline"].as_str().unwrap().lines().count(), 3);
    assert_eq!(lines.len(), 3);
}
