//! What an append hands back, for people and for programs.

use serde_json::Value;
use serde_json::json;

use crate::append::Receipt;
use crate::rule::Finding;

use super::ui::Ui;

/// The receipt as JSON; `schema` is added where it stands alone.
pub(crate) fn to_json(receipt: &Receipt) -> Value {
    json!({
        "sequence": receipt.sequence,
        "event": receipt.event,
        "event_id": receipt.event_id,
        "recorded_utc": receipt.recorded,
        "link": receipt.link,
        "leaf": receipt.leaf,
        "size": receipt.size,
        "root": receipt.root,
        "replayed": receipt.replayed,
        "findings": receipt.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
    })
}

/// The receipt for people: the entry on stdout, what it causes on stderr.
pub(crate) fn print(ui: &mut Ui, receipt: &Receipt) {
    ui.line(format!("entry {}  {}", receipt.sequence, receipt.event));
    ui.line(format!("  event id  {}", receipt.event_id));
    ui.line(format!("  recorded  {}", receipt.recorded.to_seconds()));
    ui.line(format!("  link      {}", receipt.link));
    ui.flush();
    if receipt.replayed {
        ui.say("note: this was recorded before; nothing was added, and this is its receipt");
    }
    findings(ui, &receipt.findings);
}

/// What an entry breaks, as a warning each: it is recorded all the same, and `verify` finds it.
pub(crate) fn findings(ui: &mut Ui, findings: &[Finding]) {
    for finding in findings {
        let rule = finding.rule;
        ui.warn(format!(
            "{} {}: expected {}, found {}",
            rule.id, rule.title, finding.expected, finding.found
        ));
        ui.say(format!("next: {}", rule.hint));
    }
}
