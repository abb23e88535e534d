//! The past, closed: what `ledger accept` takes, what it refuses, and what a verification ends with then.

use serde_json::Value;

use crate::support::program::Program;

/// A ledger with one rotation that nobody approved, and the fingerprint of that.
fn unapproved() -> (Program, String) {
    let program = Program::prepared();
    assert_eq!(program.code("key generate --out mira.pem"), 0);
    let enrol = "actor enroll --actor mira --name Mira --kind human --role operator --role auditor \
                 --public mira.pem.pub --key alice.pem";
    assert_eq!(program.code(enrol), 0);
    program.say("rotation.opened --rotation r-9 --secret db/orders --reason scheduled --consumers api,worker");
    program.say_by("mira", "replacement.generated --rotation r-9 --new-version v8 --store vault:kv/prod/db/orders --generator vault --namespace prod/db");
    let report = program.json("verify --json");
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|one| one["rule"] == "S-13").unwrap();
    let named = finding["fingerprint"].as_str().unwrap().to_owned();
    (program, named)
}

impl Program {
    fn say(&self, words: &str) {
        self.say_by("olga", words);
    }

    fn say_by(&self, who: &str, words: &str) {
        let output = self.output(&format!("append {words} --key {who}.pem"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words}: {said}");
    }
}

fn rule<'r>(report: &'r Value, named: &str) -> &'r Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|one| one["fingerprint"] == named);
    found.unwrap()
}

#[test]
fn a_finding_is_accepted_by_its_fingerprint_and_fails_no_more() {
    let (program, named) = unapproved();
    assert_eq!(
        program.code("verify --rotation r-9 --quiet"),
        3,
        "no template"
    );
    let accept = |who: &str, what: &str| {
        let output = program.output(&format!(
            "accept {what} --reason approved-by-phone --key {who}.pem"
        ));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), said)
    };
    // Whoever did it cannot, in whichever role, and nothing is accepted that is not there.
    let (code, said) = accept("olga", &named);
    assert_eq!(code, 5, "{said}");
    let (code, said) = accept("mira", &named);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("which you carried out"), "{said}");
    let (code, said) = accept("alice", "S-14@0");
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("as `S-14@0`"), "{said}");
    let before = program.events().len();
    let (code, said) = accept("alice", &named);
    assert_eq!(code, 0, "{said}");
    assert_eq!(program.events()[before..], ["finding.accepted"]);
    let (code, said) = accept("alice", &named);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("accepted by alice"), "{said}");

    let report = program.json("verify --json");
    let accepted = rule(&report, &named);
    assert_eq!(accepted["status"], "accepted");
    assert_eq!(accepted["accepted"]["reason"], "approved-by-phone");
    let open: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["status"] == "open")
        .map(|one| one["fingerprint"].as_str().unwrap().to_owned())
        .collect();
    if !open.is_empty() {
        assert_eq!(program.code("verify --quiet"), 3);
        let (code, said) = accept("alice", &open.join(" "));
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(program.code("verify --quiet"), 0);
    assert_eq!(program.code("verify --quiet --fail-on accepted"), 3);
    assert_eq!(program.code("verify --quiet --secret db/orders"), 0);
    assert_eq!(program.code("verify --quiet --secret db/order"), 4);
    // A pack says the same, and its documents are what its entries give.
    assert_eq!(program.code("export --out whole.zip --key alice.pem"), 0);
    let pack = program.json("verify whole.zip --json");
    assert_eq!(rule(&pack, &named)["status"], "accepted");
    let findings = pack["findings"].as_array().unwrap();
    assert!(
        findings.iter().all(|one| one["status"] == "accepted"),
        "{pack:#}"
    );
    let text = program.output("verify").stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("accepted by alice, entry"), "{text}");
}
