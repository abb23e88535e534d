//! What is said of many secrets at once: nothing twice, nothing by halves, and no value ever.

use serde_json::{Value, json};

use crate::support::program::Program;

fn many(said: &Value, name: &str) -> usize {
    said[name].as_array().unwrap().len()
}

#[test]
fn an_inventory_is_imported_once_and_attested_by_its_list() {
    let program = Program::prepared();
    let row = |n: u32| format!("v/{n},api_key,vault:kv/v/{n},Team,api,2026-11-01\n");
    let head = "secret,class,store,owner,consumers,last_rotated\n";
    let list: String = (0..1_000).map(row).collect();
    std::fs::write(program.path("list.csv"), format!("{head}{list}")).unwrap();
    let import = "secret import list.csv --key petra.pem --yes --json";
    // The ledger has a secret that the list has not.
    let refused = program.output(&format!("{import} --attest all"));
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    let said = program.json(import);
    assert_eq!(
        (many(&said, "new"), many(&said, "receipts")),
        (1_000, 1_000)
    );
    let orders =
        "db/orders,database_credential,vault:kv/prod/db/orders,Team Data,\"api;worker\",\n";
    std::fs::write(program.path("list.csv"), format!("{head}{list}{orders}")).unwrap();
    let said = program.json(&format!("{import} --attest all"));
    let change = json!({ "secret": "db/orders", "field": "owner", "old": "Team Orders", "new": "Team Data" });
    assert_eq!(
        (&said["changed"], many(&said, "receipts")),
        (&json!([change]), 2)
    );
    let again = program.json(import);
    assert_eq!(
        (&again["unchanged"], many(&again, "receipts")),
        (&json!(1_001), 0)
    );
    let report = program.json("verify --fail-on none --json");
    let against = report["findings"].as_array().unwrap().iter();
    assert!(
        !against.clone().any(|one| one["rule"] == "C-03"),
        "{report:#}"
    );
    // One that looks like a secret spoils the whole list.
    let token = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
    std::fs::write(
        program.path("list.csv"),
        format!("{head}{}x,api_key,vault:x,{token},a,\n", row(2_000)),
    )
    .unwrap();
    let refused = program.output(import);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("line 3: the field `owner` holds") && !said.contains(token),
        "{said}"
    );
    assert_eq!(
        program.json("secret list --json")["secrets"]
            .as_array()
            .unwrap()
            .len(),
        1_001
    );
}

#[test]
fn history_is_told_once_and_shown_as_history() {
    let program = Program::prepared();
    let list = "secret,rotated_by,reason,completed,impacted_services,revoke_confirmed\n\
        db/orders,Olga,scheduled,2026-03-01T09:00:00Z,api,yes\ndb/orders,Olga,scheduled,2025-03-01T09:00:00Z,api,yes\n";
    std::fs::write(program.path("list.csv"), list).unwrap();
    let import = "secret import list.csv --history --key olga.pem --yes --json";
    let said = program.json(import);
    let ids = json!([
        "history/db/orders/2026-03-01T09:00:00Z",
        "history/db/orders/2025-03-01T09:00:00Z"
    ]);
    assert_eq!((&said["new"], many(&said, "receipts")), (&ids, 2));
    let again = program.json(import);
    assert_eq!(
        (&again["unchanged"], many(&again, "receipts")),
        (&json!(2), 0)
    );
    // It is none of what the ledger saw, and it turns no age back.
    let shown = program.json("show history/db/orders/2026-03-01T09:00:00Z --json");
    assert_eq!(shown["rotation"]["state"], "before the ledger");
    let secret = &program.json("secret list --json")["secrets"][0];
    assert_eq!(
        (&secret["generated"], &secret["version"]),
        (&json!("2026-09-01T00:00:00Z"), &json!("v7"))
    );
    let report = program.json("verify --fail-on none --json");
    let rules: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["S-50", "S-50"], "{report:#}");
    assert!(
        report["not_checked"]
            .to_string()
            .contains("2 rotations from before the ledger"),
        "{report:#}"
    );
    // What the ledger could have seen is no history.
    std::fs::write(program.path("list.csv"), list.replace("2026-03", "2036-03")).unwrap();
    let refused = program.output(import);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("line 2: it ended after the ledger began"),
        "{said}"
    );
}

#[test]
fn a_campaign_is_opened_once_and_an_emergency_of_it_goes_on_where_it_was_cut_off() {
    let program = Program::prepared();
    let row = |n: u32| format!("v/{n},api_key,vault:kv/v/{n},Vendor,api,2026-11-01,v1\n");
    let list: String = (0..400).map(row).collect();
    let head = "secret,class,store,owner,consumers,last_rotated,version\n";
    std::fs::write(program.path("list.csv"), format!("{head}{list}")).unwrap();
    assert_eq!(
        program.code("secret import list.csv --key petra.pem --yes"),
        0
    );
    let open = "campaign open q4 --filter prefix=v/1 --filter prefix=db/ --filter consumer=api --key olga.pem --yes --json";
    let said = program.json(open);
    let orders = json!([{ "secret": "db/orders", "why": "r-1 is open" }]);
    assert_eq!(
        (many(&said, "opened"), &said["passed_over"]),
        (111, &orders)
    );
    assert_eq!(many(&program.json(open), "receipts"), 0);
    let emergency =
        "emergency --filter owner=Vendor --campaign breach --revoked --why x --key olga.pem --json";
    // Some of it was recorded, when it was cut off.
    let declared = "append incident.declared --incident breach/v/7 --secret v/7 --trigger suspected_compromise --summary x --key olga.pem";
    assert_eq!(program.code(declared), 0);
    assert_eq!(many(&program.json(emergency), "receipts"), 3 * 400 - 1);
    assert_eq!(many(&program.json(emergency), "receipts"), 0);
    let shown = program.json("campaign show breach --json");
    assert_eq!(
        (&shown["rotations"], many(&shown, "table")),
        (&json!(400), 400)
    );
    // A table says nothing of a ledger that was changed.
    let tail = program.path("prod/tail");
    let mut bytes = std::fs::read(&tail).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&tail, bytes).unwrap();
    assert_ne!(program.code("campaign show breach"), 0);
}
