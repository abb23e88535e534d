//! Tables for spreadsheets: rows as CSV (RFC 4180, with line feeds). A cell that a spreadsheet would take for
//! a formula is led by an apostrophe: ids and names come from whoever writes to the ledger.

use serde_json::Value;

use crate::facts::{Dossier, PackFacts};
use crate::pack::PackFiles;
use crate::rule::Finding;

const ROTATIONS: &str = "rotation,secret,reason,state,opened_utc,started_utc,completed_utc,operators,approved_by,\
    old_version,new_version,old_revoked_utc,revocation_verified_by_entry,confirmed_utc,\
    incident,findings,waived,opened_by_entry,ended_by_entry,evidence";

const SECRETS: &str = "secret,name,class,owner,consumers,state,generated_utc,max_age_days,due_utc,days_left,\
    rotations,open_rotations,exceptions,registered_by_entry,retired_by_entry,last_entry,\
    entries_in_pack";

const FINDINGS: &str =
    "rule,verdict,title,sop,entry,rotation,secret,expected,found,waived_by,fingerprint,status";

const ATTACHED: &str = "entry,name,media_type,length,sha256,blake3,file";

const KEYS: &str = "file,key,holder,name,kind,roles,since_entry,revoked_by_entry";

const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The tables of a pack, by their path in it.
pub(super) fn files(pack: &Dossier<'_>, facts: &PackFacts) -> PackFiles {
    let findings = pack.report.findings.iter().map(Finding::to_json).collect();
    let register = pack.report.register().map(|register| register.get());
    let told = |mut row: Value| {
        let id = row["rotation"].as_str().unwrap_or_default();
        let known = register.and_then(|register| Some((register, register.rotations.get(id)?)));
        if let Some((register, rotation)) = known {
            row["state"] = Value::from(register.standing(rotation));
        }
        row
    };
    let rotations = facts.rotations.iter().cloned().map(told).collect();
    let tables = [
        ("rotations.csv", ROTATIONS, &rotations),
        ("secrets.csv", SECRETS, &facts.secrets),
        ("findings.csv", FINDINGS, &findings),
        ("attachments.csv", ATTACHED, &facts.attached),
        ("keys/keys.csv", KEYS, &facts.keys),
    ];
    let table = |(path, columns, rows): (&str, &str, &Vec<Value>)| {
        (path.to_owned(), csv(columns, rows).into_bytes())
    };
    tables.into_iter().map(table).collect()
}

/// Rows with these columns; a list is written with semicolons.
#[must_use]
pub fn csv(columns: &str, rows: &[Value]) -> String {
    let mut text = format!("{columns}\n");
    for row in rows {
        let cells = columns.split(',').map(|column| cell(&row[column]));
        text.push_str(&cells.collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}

fn cell(value: &Value) -> String {
    let text = plain(value);
    let is_text = matches!(value, Value::String(_) | Value::Array(_));
    let text = match text.starts_with(FORMULAS) && is_text {
        true => format!("'{text}"),
        false => text,
    };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// A value as a cell of a table has it.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        let row = json!({
            "a": "plain", "b": "two, \"three\"", "c": "=HYPERLINK(1)", "d": ["x", "y"], "e": -3, "f": null, "g": true,
        });
        let csv = csv("a,b,c,d,e,f,g", &[row]);
        assert_eq!(
            csv,
            "a,b,c,d,e,f,g\nplain,\"two, \"\"three\"\"\",'=HYPERLINK(1),x; y,-3,,yes\n"
        );
    }
}
