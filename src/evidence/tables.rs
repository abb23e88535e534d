//! Rows as JSON and as CSV (RFC 4180, with line feeds). A cell that a spreadsheet would take for a
//! formula is led by an apostrophe: ids and names come from whoever writes to the ledger.

use serde_json::Value;

const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// One JSON document, indented, so that a person can read it and a difference shows its line.
pub(super) fn json(value: &Value) -> Vec<u8> {
    let mut text = format!("{value:#}");
    text.push('\n');
    text.into_bytes()
}

/// Rows with these columns; a list is written with semicolons.
pub(super) fn csv(columns: &[&str], rows: &[Value]) -> Vec<u8> {
    let mut text = columns.join(",");
    text.push('\n');
    for row in rows {
        let cells = columns.iter().map(|column| cell(&row[*column]));
        text.push_str(&cells.collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text.into_bytes()
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

fn plain(value: &Value) -> String {
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
        let csv = csv(&["a", "b", "c", "d", "e", "f", "g"], &[row]);
        assert_eq!(
            String::from_utf8(csv).unwrap(),
            "a,b,c,d,e,f,g\nplain,\"two, \"\"three\"\"\",'=HYPERLINK(1),x; y,-3,,yes\n"
        );
    }
}
