//! The report that is read and printed: one HTML file, without scripts and without a network.

use serde_json::Value;

use crate::verify::Report;

use super::population::Row;

/// The report of a pack: what it is about, the verdicts, the rotations, the secrets. Everything in it
/// stands in the other documents too.
pub(super) fn page(report: &Report, summary: &Value, rotations: &[Value], rows: &[Row]) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => escaped(text),
        Value::Null => String::new(),
        other => escaped(&other.to_string()),
    };
    let mut body = format!(
        "<h1>Secret rotations of {}</h1>\n<p>{}, entry {}, {}</p>\n<table>\n",
        text(&summary["origin"]),
        text(&summary["selection"]),
        text(&summary["recorded_by_entry"]),
        text(&summary["exported_utc"]),
    );
    for line in &report.verdicts {
        let (verdict, status) = (line.verdict.word(), line.status.word());
        body.push_str(&format!("<tr><th>{verdict}</th><td>{status}</td></tr>\n"));
    }
    body.push_str("</table>\n<h2>Rotations</h2>\n<table>\n");
    for row in rotations {
        let cells = [
            "rotation",
            "secret",
            "reason",
            "state",
            "opened_utc",
            "completed_utc",
        ];
        let cells = cells.map(|name| format!("<td>{}</td>", text(&row[name])));
        body.push_str(&format!("<tr>{}</tr>\n", cells.concat()));
    }
    body.push_str("</table>\n<h2>Registered secrets</h2>\n<table>\n");
    for row in rows {
        let due = row.due_utc.as_deref().unwrap_or_default();
        let cells = [row.secret.as_str(), &row.class, &row.state, due];
        let cells = cells.map(|cell| format!("<td>{}</td>", escaped(cell)));
        body.push_str(&format!("<tr>{}</tr>\n", cells.concat()));
    }
    body.push_str("</table>\n<h2>Not checked</h2>\n<ul>\n");
    for item in &report.not_checked {
        body.push_str(&format!("<li>{}</li>\n", escaped(item)));
    }
    body.push_str("</ul>\n");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Secret rotations</title>\n{body}</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
