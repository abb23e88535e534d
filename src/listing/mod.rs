//! Lists of secrets as other systems print them, and what the inventory lacks of one. Metadata alone: whatever a list
//! has besides is passed over, so that no value of a secret is kept.
//!
//! | file | knows |
//! |---|---|
//! | `listed` | a row as a list tells it, and what cannot be taken of a list |
//! | `table` | CSV and JSON with an event's own fields |
//! | `systems` | what AWS, Vault, OpenBao and Kubernetes print |
//! | `plan` | what is to be recorded, so that the ledger says what the list says |

mod listed;
mod plan;
mod systems;
mod table;

use crate::event::EventSpec;

pub use listed::{Fields, ListForm, ListedRow, Listing};
pub use plan::{FieldChange, ListPlan};

/// Reads a list of what `spec` registers or records; `prefix` goes before the name of each secret in it.
#[must_use]
pub fn read(spec: &'static EventSpec, form: ListForm, bytes: &[u8], prefix: &str) -> Listing {
    let mut listing = Listing {
        rows: Vec::new(),
        skipped: Default::default(),
        faults: Vec::new(),
        prefix: prefix.to_owned(),
        spec,
    };
    let json = || serde_json::from_slice(bytes).map_err(|fault| table::unread(&fault));
    let read = match form {
        ListForm::Csv => table::csv(&mut listing, bytes),
        ListForm::Json => json().map(|list| table::json(&mut listing, &list)),
        ListForm::Aws => json().map(|list| systems::aws(&mut listing, &list)),
        ListForm::Vault => json().map(|list| systems::vault(&mut listing, &list)),
        ListForm::Kubernetes => systems::kubernetes(&mut listing, bytes),
    };
    listing.faults.extend(read.err());
    if listing.rows.is_empty() && listing.skipped.is_empty() && listing.faults.is_empty() {
        listing.faults.push("nothing is listed in it".to_owned());
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Register;
    use crate::text::Line;
    use serde_json::json;

    /// What becomes of a list in an empty ledger: the registrations, what was passed over, or the faults.
    fn planned(
        form: ListForm,
        text: &str,
        defaults: serde_json::Value,
    ) -> Result<Vec<serde_json::Value>, Vec<String>> {
        let spec = crate::event::spec("secret.registered").unwrap();
        let listing = read(spec, form, text.as_bytes(), "p/");
        let defaults = defaults.as_object().unwrap().clone().into_iter().collect();
        let plan = ListPlan::of_secrets(
            listing,
            &Register::default(),
            &defaults,
            &Line::new("why").unwrap(),
        )?;
        let said = plan
            .events
            .iter()
            .map(|(_, event)| serde_json::to_value(event).unwrap()["fields"].clone());
        Ok(said.chain([json!(plan.skipped)]).collect())
    }

    #[test]
    fn each_system_says_what_it_knows_and_tags_say_the_rest() {
        let defaults = || json!({ "class": "api_key", "owner": "Team", "consumers": ["a"], "store": "vault:{}" });
        let registered = |own: serde_json::Value| {
            let mut fields = json!({ "class": "api_key", "environment": "prod", "owner": "Team", "consumers": ["a"], "dual_run": false });
            fields
                .as_object_mut()
                .unwrap()
                .extend(own.as_object().unwrap().clone());
            fields
        };
        for (form, text, expected) in [
            (
                ListForm::Csv,
                "\u{feff}Secret;name;consumers;dual run;environment\nx;\"A; b\";b, c;yes;prod\n;;;;\ny;;;;test\n",
                json!([{ "secret": "p/x", "name": "A; b", "store": "vault:p/x", "consumers": ["b", "c"], "dual_run": true }, { "outside of prod": 1 }]),
            ),
            (
                ListForm::Json,
                r#"[{"secret": "x", "max_age_days": 30, "dual_run": false, "owner": null, "consumers": ["q"]}]"#,
                json!([{ "secret": "p/x", "name": "p/x", "store": "vault:p/x", "consumers": ["q"], "max_age_days": 30 }, {}]),
            ),
            (
                ListForm::Aws,
                r#"{"SecretList": [{"Name": "x", "ARN": "arn:aws:x", "LastRotatedDate": "2026-07-01T01:00:00+02:00", "LastChangedDate": 1, "Tags": [{"Key": "rotation-ledger/max_age_days", "Value": "7"}], "SecretVersionsToStages": {"a1": ["AWSPREVIOUS"], "b2": ["AWSCURRENT"]}}, {"Name": "y", "DeletedDate": 1.5}]}"#,
                json!([{ "secret": "p/x", "name": "p/x", "store": "arn:aws:x", "last_rotated": "2026-06-30T23:00:00Z", "version": "b2", "max_age_days": 7 }, { "to be deleted": 1 }]),
            ),
            (
                ListForm::Vault,
                r#"{"x": {"data": {"current_version": 2, "versions": {"2": {"created_time": "2026-07-01T09:00:00.5Z"}}, "custom_metadata": {"rotation-ledger/max_age_days": "9"}}}, "y/": {"data": {}}}"#,
                json!([{ "secret": "p/x", "name": "p/x", "store": "vault:p/x", "last_rotated": "2026-07-01T09:00:00Z", "version": "2", "max_age_days": 9 }, { "folders, to be listed by themselves": 1 }]),
            ),
            (
                ListForm::Kubernetes,
                r#"{"items": [{"metadata": {"name": "x", "namespace": "n", "annotations": {"rotation-ledger/dual_run": "yes", "other": "hunter2"}}, "data": {"a": "hunter2"}}, {"metadata": {"name": "r", "namespace": "n"}, "type": "helm.sh/release.v1"}]}"#,
                json!([{ "secret": "p/n/x", "name": "p/n/x", "store": "vault:p/n/x", "dual_run": true }, { "releases of Helm": 1 }]),
            ),
        ] {
            let [own, skipped] = [0, 1].map(|at| expected[at].clone());
            assert_eq!(
                planned(form, text, defaults()),
                Ok(vec![registered(own), skipped]),
                "{form:?}"
            );
        }
    }

    #[test]
    fn all_faults_are_said_at_once_and_no_value_is() {
        for (form, text, faults) in [
            (
                ListForm::Csv,
                "secret,Password\nx,hunter2\n",
                &["line 1: `password` would hold values"][..],
            ),
            (
                ListForm::Csv,
                "secret,colour\nx,hunter2\n",
                &["line 1: `colour` is not known here"],
            ),
            (
                ListForm::Csv,
                "name,class\nx,hunter2\n",
                &["line 1: no column is called `secret`"],
            ),
            (
                ListForm::Csv,
                "secret,class,name\nx,hunter2,a\n,api_key,a\nhunter 2,api_key,a\ny,api_key,\ny,api_key,\n",
                &[
                    "line 2: `class`",
                    "line 3: it has no name",
                    "line 4: `secret`",
                    "line 2: p/x has no class, store",
                    "line 5: p/y has no store",
                    "line 6: `p/y` stands there twice",
                ],
            ),
            (
                ListForm::Json,
                r#"[{"secret": "x", "value": "hunter2"}, "hunter2"]"#,
                &["item 1: `value`"],
            ),
            (
                ListForm::Json,
                r#"{"hunter2": 1}"#,
                &["nothing is listed in it"],
            ),
            (
                ListForm::Aws,
                "hunter2",
                &["line 1, column 1: not the JSON"],
            ),
            (
                ListForm::Kubernetes,
                r#"{"items": ["hunter2"]}"#,
                &["line 1, column 20: not the JSON"],
            ),
        ] {
            let said = planned(form, text, json!({})).unwrap_err();
            assert!(
                said.iter()
                    .zip(faults)
                    .all(|(said, fault)| said.starts_with(fault)),
                "{said:#?}"
            );
            assert_eq!(said.len(), faults.len(), "{said:#?}");
            assert!(!said.join("").contains("hunter2"), "{said:?}");
        }
    }
}
