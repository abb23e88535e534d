//! What an append hands back, for people: its document, as text.

use std::path::Path;

use serde_json::Value;

use super::answer::{Answer, Talk};
use super::files::write_new;
use super::ui::Ui;

/// Writes the proof of an entry that was just recorded. What goes wrong is said: the entry is
/// recorded all the same, and `ledger prove` makes its proof again at any time.
pub(crate) fn keep(ui: &mut Ui, path: &Path, receipt: &Value) {
    let Some(proof) = receipt["proof"].as_str() else {
        return ui.warn("its receipt is not kept: it came without a proof");
    };
    if let Err(failure) = write_new(path, proof.as_bytes()) {
        let index = &receipt["sequence"];
        ui.warn(format!(
            "recorded, but its receipt is not kept: {}",
            failure.message
        ));
        ui.say(format!("next: ledger prove {index} makes it again"));
    }
}

/// The answer that a receipt alone is.
pub(crate) fn answer(receipt: &Value) -> Answer {
    add_to(Answer::new(receipt.clone()), receipt)
}

/// Adds a receipt to an answer: the entry as text, what it causes as talk.
pub(crate) fn add_to(answer: Answer, receipt: &Value) -> Answer {
    let part = |name: &str| receipt[name].as_str().unwrap_or("?");
    let recorded = part("recorded_utc");
    let mut answer = answer
        .line(format!("entry {}  {}", receipt["sequence"], part("event")))
        .line(format!("  event id  {}", part("event_id")))
        .line(format!("  recorded  {}", seconds(recorded)))
        .line(format!("  link      {}", part("link")));
    if receipt["replayed"] == true {
        answer = answer
            .say("note: this was recorded before; nothing was added, and this is its receipt");
    }
    answer.talk.extend(findings(&receipt["findings"]));
    answer
}

/// A time without its fraction, as people read it.
fn seconds(time: &str) -> String {
    let parsed = time.parse::<crate::time::Timestamp>();
    parsed.map_or_else(|_| time.to_owned(), |time| time.to_seconds())
}

/// What entries break, as a warning each: they are recorded all the same, and `verify` finds it.
pub(crate) fn findings(findings: &Value) -> impl Iterator<Item = Talk> {
    let each = findings.as_array().into_iter().flatten();
    each.flat_map(|finding| {
        let part = |name: &str| finding[name].as_str().unwrap_or_default();
        let (rule, title) = (part("rule"), part("title"));
        let (expected, found) = (part("expected"), part("found"));
        let what = format!("warning: {rule} {title}: expected {expected}, found {found}");
        let next = format!("next: {}", part("next"));
        [Talk::Tell(what), Talk::Say(next)]
    })
}
