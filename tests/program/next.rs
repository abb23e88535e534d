//! What is left of a rotation, and the command to paste: whoever pastes what stands there, with what only they can know,
//! brings a rotation to its end without a finding.

use crate::support::program::Program;
use serde_json::Value;

/// What a person knows, by the placeholder that they find.
fn filled(command: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut flag = String::new();
    for word in command.split(' ') {
        let value = match (flag.as_str(), word) {
            (_, word) if word.starts_with("--") => word,
            ("--no-window", "TEXT") | ("--maintenance-window", "TEXT") => "none",
            (_, "TEXT") => "seen",
            ("--new-version", "REF") => "v8",
            ("--namespace", "REF") => "prod",
            (_, "REF") => "wiki/page",
            ("--planned-end", "TIME") => "2100-01-01",
            ("--access-from" | "--access-to", "TIME") => "2026-11-23",
            (_, "N") => "0",
            ("--method", _) => "delete",
            ("--test", _) => "auth_rejected",
            ("--result", _) => "pass",
            ("--healthy", _) => "yes",
            (_, word) => word,
        };
        words.push(value.to_owned());
        if word.starts_with("--") {
            word.clone_into(&mut flag);
        }
    }
    words.join(" ")
}

fn steps(program: &Program, standing: &str) -> Vec<Value> {
    let said = program.json("next r-2 --json");
    let steps = said["rotations"][0]["steps"].as_array().unwrap().clone();
    let is = |step: &Value| step["standing"] == standing;
    steps.into_iter().filter(is).collect()
}

fn key_of(who: &Value) -> String {
    format!("{}.pem", who.as_str().unwrap())
}

#[test]
fn whoever_pastes_what_is_next_brings_a_rotation_to_its_end() {
    let program = Program::prepared();
    let aborted = "append rotation.aborted --key olga.pem --rotation r-1 --reason over --disposition none_generated";
    assert_eq!(program.code(aborted), 0);
    let opened = program.output("append rotation.opened --key olga.pem --rotation r-2 --secret db/orders --reason scheduled");
    assert!(opened.status.success(), "{opened:?}");
    let said = String::from_utf8_lossy(&opened.stderr).into_owned();
    assert!(
        said.contains("from the ledger: --consumers api,worker"),
        "{said}"
    );
    let mut pasted = 0;
    while let Some(step) = steps(&program, "now").into_iter().next() {
        let who = step["who"].as_array().unwrap();
        let who = who
            .last()
            .unwrap_or_else(|| panic!("nobody may say {step:#}"));
        let command = filled(step["commands"][0].as_str().unwrap());
        let words = command.strip_prefix("ledger ").unwrap();
        let output = program.output(&format!("{words} --key {}", key_of(who)));
        assert!(output.status.success(), "{words}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("warning"), "{words}: {said}");
        pasted += 1;
    }
    assert_eq!((pasted, steps(&program, "done").len()), (11, 11));
    let report = program.json("verify --rotation r-2 --json");
    assert_eq!(
        report["findings"].as_array().unwrap().len(),
        0,
        "{report:#}"
    );
    // The next one knows by which generator, and where the value went.
    assert_eq!(program.code("append rotation.opened --key olga.pem --rotation r-3 --secret db/orders --reason scheduled"), 0);
    let output = program.output(
        "append replacement.generated --key olga.pem --rotation r-3 --new-version v9 --dry-run",
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("--generator wiki/page") && said.contains("--namespace prod"),
        "{output:?}"
    );
}

#[test]
fn what_is_typed_stands_and_what_nobody_can_know_is_asked_for_all_at_once() {
    let program = Program::prepared();
    let open = "append rotation.opened --key olga.pem --rotation r-2 --secret db/orders --reason scheduled --consumers api --json";
    let receipt = program.json(open);
    let shown = program.json(&format!("show {} --json", receipt["sequence"]));
    assert_eq!(
        shown["entries"][0]["fields"]["consumers"],
        serde_json::json!(["api"])
    );
    let output = program.output("append replacement.validated --key olga.pem --rotation r-2");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("needs --version, --result, --summary"),
        "{said}"
    );
    let output = program.output("next r-22");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("perhaps `r-2` is meant"), "{said}");
}

#[test]
fn an_emergency_is_one_command_for_one_secret_and_for_many() {
    let program = Program::prepared();
    let aborted = "append rotation.aborted --key olga.pem --rotation r-1 --reason over --disposition none_generated";
    assert_eq!(program.code(aborted), 0);
    // It was revoked before anybody wrote it down.
    let earlier = rotation_ledger::time::Timestamp::from_micros(
        program.json("status --json")["as_of"]
            .as_str()
            .unwrap()
            .parse::<rotation_ledger::time::Timestamp>()
            .unwrap()
            .micros()
            - 600_000_000,
    );
    let words =
        format!("emergency db/orders --revoked --at {earlier} --why leaked --key olga.pem --json");
    let said = program.json(&words);
    assert_eq!(said["receipts"].as_array().unwrap().len(), 3, "{said:#}");
    let findings = |receipts: &Value| -> usize {
        let each = receipts.as_array().unwrap().iter();
        each.map(|receipt| receipt["findings"].as_array().unwrap().len())
            .sum()
    };
    assert_eq!(findings(&said["receipts"]), 0, "{said:#}");
    let report = program.json("verify --fail-on none --json");
    assert_eq!(
        report["findings"].as_array().unwrap().len(),
        0,
        "{report:#}"
    );
    // A vendor's breach.
    let registered: String = (0..350)
        .map(|n| format!(
            "{{\"event\":\"secret.registered\",\"secret\":\"v/{n}\",\"name\":\"key {n}\",\"class\":\"api_key\",\"environment\":\"prod\",\"store\":\"vault:kv/prod\",\"owner\":\"Team\",\"consumers\":[\"api\"],\"dual_run\":false,\"version\":\"1\",\"last_rotated\":\"2026-10-01T00:00:00Z\"}}\n"
        ))
        .collect();
    std::fs::write(program.path("drafts"), registered).unwrap();
    assert_eq!(program.code("append --key petra.pem --json drafts"), 0);
    let list: String = (0..350).map(|n| format!("v/{n}\n")).collect();
    std::fs::write(program.path("list"), list).unwrap();
    let said =
        program.json("emergency --secrets list --revoked --why breach --key olga.pem --json");
    assert_eq!(said["receipts"].as_array().unwrap().len(), 3 * 350);
    assert_eq!(findings(&said["receipts"]), 0);
    // What cannot be said of one secret is said of none.
    let before = program.json("status --json")["entries"].clone();
    std::fs::write(program.path("list"), "v/1\nv/9999\n").unwrap();
    let output = program.output("emergency --secrets list --revoked --why breach --key olga.pem");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert_eq!(program.json("status --json")["entries"], before);
}

#[test]
fn a_tool_that_ended_well_says_what_it_found() {
    let program = Program::prepared();
    let made = "append replacement.generated --key olga.pem --rotation r-1 --new-version v8 --generator openssl --namespace prod";
    assert_eq!(program.code(made), 0);
    let ran = program
        .output("run --key olga.pem --rotation r-1 --step validate --field summary=seen -- true");
    assert!(ran.status.success(), "{ran:?}");
    let shown = program.json("show r-1 --json");
    let last = shown["entries"].as_array().unwrap().last().unwrap();
    let expected = serde_json::json!({
        "rotation": "r-1", "phase": "pre_cutover", "version": "v8", "result": "pass", "summary": "seen",
    });
    assert_eq!(last["fields"], expected, "{shown:#}\n{ran:?}");
    // One that ended badly found nothing.
    let ran = program
        .output("run --key olga.pem --rotation r-1 --step validate --field summary=seen -- false");
    assert_eq!(ran.status.code(), Some(1));
    let shown = program.json("show r-1 --json");
    let last = shown["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(last["event"], "step.failed");
}
