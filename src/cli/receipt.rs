//! What an append hands back, for people and for programs.

use std::path::Path;

use serde_json::Value;

use crate::append::{Receipt, Writer};
use crate::documents;
use crate::ledger::tree::StoredTreeError;
use crate::proof::TlogProof;
use crate::rule::Finding;

use super::answer::{Answer, Talk};
use super::files::write_new;
use super::ui::Ui;

/// Receipts as JSON, each with the proof that can be checked without the ledger.
pub(crate) fn all_to_json(ui: &mut Ui, writer: &Writer, receipts: &[Receipt]) -> Vec<Value> {
    // They take their time, and people do not see them.
    let asked = if ui.json { receipts } else { &[] };
    let proofs = match writer.prove(asked) {
        Ok(proofs) => proofs,
        Err(fault) => {
            ui.warn(format!("recorded, and cannot be proven: {fault}"));
            Vec::new()
        }
    };
    let mut proofs = proofs.iter();
    receipts
        .iter()
        .map(|receipt| documents::proven(receipt, proofs.next()))
        .collect()
}

/// Writes the proof of an entry that was just recorded. What goes wrong is said: the entry is
/// recorded all the same, and `ledger prove` makes its proof again at any time.
pub(crate) fn keep(ui: &mut Ui, path: &Path, proofs: Result<Vec<TlogProof>, StoredTreeError>) {
    let proofs = match proofs {
        Ok(proofs) => proofs,
        Err(fault) => return ui.warn(format!("recorded, and cannot be proven: {fault}")),
    };
    let Some(proof) = proofs.first() else {
        return;
    };
    if let Err(failure) = write_new(path, proof.to_string().as_bytes()) {
        let index = proof.index();
        ui.warn(format!(
            "recorded, but its receipt is not kept: {}",
            failure.message
        ));
        ui.say(format!("next: ledger prove {index} makes it again"));
    }
}

/// Adds a receipt to an answer: the entry as text, what it causes as talk.
pub(crate) fn add_to(answer: Answer, receipt: &Receipt) -> Answer {
    let mut answer = answer
        .line(format!("entry {}  {}", receipt.sequence, receipt.event))
        .line(format!("  event id  {}", receipt.event_id))
        .line(format!("  recorded  {}", receipt.recorded.to_seconds()))
        .line(format!("  link      {}", receipt.link));
    if receipt.replayed {
        answer = answer
            .say("note: this was recorded before; nothing was added, and this is its receipt");
    }
    answer.talk.extend(findings(&receipt.findings));
    answer
}

/// What an entry breaks, as a warning each: it is recorded all the same, and `verify` finds it.
pub(crate) fn findings(findings: &[Finding]) -> impl Iterator<Item = Talk> {
    findings.iter().flat_map(|finding| {
        let rule = finding.rule;
        let what = format!(
            "warning: {} {}: expected {}, found {}",
            rule.id, rule.title, finding.expected, finding.found
        );
        [Talk::Tell(what), Talk::Say(format!("next: {}", rule.hint))]
    })
}
