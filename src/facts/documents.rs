//! The files of a pack that follow from its entries. Nothing here asks a clock, a disk or a ledger.

use serde_json::{Value, json};

use crate::entry::StoredEntry;
use crate::keyring::LEDGER_ACTOR;
use crate::pack::PackFiles;
use crate::register::Register;
use crate::rule::Verdict;
use crate::verify::Report;

use super::dossier::Dossier;
use super::form::{
    FINDINGS, FactsForm, RENDERINGS, SUMMARY, document, leave_newer_out, leave_words_out,
};
use super::{keys, rotations};

/// Where the population stands in a pack.
pub const POPULATION: &str = "secrets.json";

/// What a pack states: known facts, and whole files.
pub struct PackFacts {
    /// The form of the documents.
    pub form: FactsForm,
    /// Each selected rotation, by its opening.
    pub rotations: Vec<Value>,
    /// Every registered secret, by its id.
    pub secrets: Vec<Value>,
    /// Each file that an entry names, whether it is in the pack or not.
    pub attached: Vec<Value>,
    /// Each public key, and whose it is.
    pub keys: Vec<Value>,
    /// The files, by their path in the pack.
    pub files: PackFiles,
    /// What `bag-info.txt` says.
    pub info: Vec<(&'static str, String)>,
}

impl PackFacts {
    /// What a pack states; none where the entries do not verify.
    #[must_use]
    pub fn of(dossier: &Dossier<'_>) -> Option<Self> {
        let register = dossier.report.register()?.get();
        let (mut files, keys) = keys::files(register, dossier.selection, dossier.origin());
        let mut rotations = Vec::new();
        for told in rotations::told(dossier, register) {
            if let Some((path, template)) = told.template {
                files.insert(path, template.into_bytes());
            }
            rotations.push(told.row);
        }
        let secrets: Vec<Value> = dossier.population.iter().map(|row| json!(row)).collect();
        let mut add = |path: &str, bytes: Vec<u8>| files.insert(path.to_owned(), bytes);
        add(SUMMARY, document(&summary(dossier, &rotations)));
        let schema = "rotation-ledger/pack-rotations/1";
        add(
            "rotations.json",
            document(&json!({ "schema": schema, "rotations": rotations })),
        );
        let schema = "rotation-ledger/pack-population/1";
        add(
            POPULATION,
            document(&json!({ "schema": schema, "secrets": secrets })),
        );
        add(FINDINGS, document(&findings(dossier)));
        add("ledger/entries.ndjson", entries(dossier.entries, register));
        Some(Self {
            form: dossier.form,
            rotations,
            secrets,
            attached: attached(dossier),
            keys,
            files,
            info: info(dossier),
        })
    }
}

fn info(dossier: &Dossier<'_>) -> Vec<(&'static str, String)> {
    let sequence = dossier.record.sequence;
    let date = dossier.record.entry.recorded.to_seconds();
    let date = date.split('T').next().unwrap_or_default().to_owned();
    let ledger = dossier.report.ledger.map(|id| id.to_string());
    let named = format!("{} entry {sequence}", dossier.origin());
    vec![
        ("Bag-Software-Agent", "rotation-ledger".to_owned()),
        ("Bagging-Date", date),
        ("External-Identifier", named),
        ("Ledger-Head", dossier.record.link.to_string()),
        ("Ledger-Id", ledger.unwrap_or_default()),
        ("Ledger-Size", (sequence + 1).to_string()),
    ]
}

/// What the verification found; in form 1 with its sentences, as `ledger verify --json` has it.
fn findings(dossier: &Dossier<'_>) -> Value {
    let mut found = dossier.report.to_json();
    leave_newer_out(&mut found);
    if dossier.form == FactsForm::Second {
        leave_words_out(FINDINGS, &mut found);
        found["schema"] = json!("rotation-ledger/pack-findings/1");
    }
    found
}

/// Each file that an entry names, whether it is in the pack or not.
fn attached(dossier: &Dossier<'_>) -> Vec<Value> {
    let mut rows = Vec::new();
    for stored in dossier.entries {
        for attachment in &stored.statement.attachments {
            let digest = &attachment.blake3;
            let file = dossier.attached.contains_key(digest);
            let file = file.then(|| format!("attachments/{digest}"));
            rows.push(json!({
                "entry": stored.sequence, "name": attachment.name, "media_type": attachment.media_type,
                "length": attachment.length, "sha256": attachment.sha256, "blake3": attachment.blake3, "file": file,
            }));
        }
    }
    rows
}

/// The entries, one JSON object a line, as `ledger log --json` has them.
fn entries(entries: &[StoredEntry], register: &Register) -> Vec<u8> {
    let keyring = &register.charter.keyring;
    let mut lines = String::new();
    for stored in entries {
        let author = &stored.statement.author;
        let actor = match keyring.holder(author) {
            Some(actor) => actor.id.to_string(),
            None if keyring.seals().iter().any(|seal| seal.key == *author) => {
                LEDGER_ACTOR.to_owned()
            }
            None => format!("key {}", author.short()),
        };
        let secret = register.subject(&stored.statement.event);
        lines.push_str(&stored.to_json(&actor, secret.as_ref()).to_string());
        lines.push('\n');
    }
    lines.into_bytes()
}

/// The five verdicts, a line each.
pub(super) fn verdicts(report: &Report) -> Vec<Value> {
    let lines = Verdict::ALL.into_iter().filter_map(|verdict| {
        let line = report.line(verdict)?;
        let mut row = json!({ "verdict": verdict.word(), "status": line.status.word(), "findings": line.failing, "waived": line.waived });
        // Packs of before this could be said have no such member.
        if line.accepted > 0 {
            row["accepted"] = json!(line.accepted);
        }
        Some(row)
    });
    lines.collect()
}

/// What the pack is, in one document: whose ledger, which part, and how much of how much.
fn summary(dossier: &Dossier<'_>, rotations: &[Value]) -> Value {
    let rows = dossier.population;
    let in_state = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let mut summary = json!({
        "schema": format!("rotation-ledger/pack/{}", dossier.form.number()),
        "format": dossier.form.number(),
        "origin": dossier.origin(),
        "ledger_id": dossier.report.ledger,
        "size": dossier.record.sequence + 1,
        "root": dossier.report.root,
        "head": dossier.record.link,
        "exported_utc": dossier.record.entry.recorded,
        "exported_by_key": dossier.record.statement.author,
        "recorded_by_entry": dossier.record.sequence,
        "recipient": dossier.exported.recipient,
        "selection": dossier.selection.part.to_string(),
        "attachments_withheld": dossier.selection.without_attachments,
        "pack_key": dossier.selection.key,
        "entries": { "in_pack": dossier.entries.len(), "in_ledger": dossier.record.sequence + 1,
                     "first": dossier.entries.first().map(|stored| stored.sequence),
                     "last": dossier.record.sequence },
        "rotations": { "in_pack": rotations.len() },
        "secrets": { "registered": rows.len(),
                     "in_pack": rows.iter().filter(|row| row.entries_in_pack).count(),
                     "in_time": in_state("in time"), "overdue": in_state("overdue"),
                     "age_unknown": in_state("age unknown"), "retired": in_state("retired"),
                     "never_rotated": rows.iter().filter(|row| row.rotations == 0).count() },
        "verdicts": verdicts(dossier.report),
    });
    match dossier.form {
        FactsForm::First => {
            let said = "A ledger shows that what was recorded is whole, and not that everything was recorded.";
            summary["not_checked"] = json!(dossier.report.not_checked);
            summary["completeness"] = json!(said);
        }
        FactsForm::Second => summary["renderings"] = json!(RENDERINGS),
    }
    summary
}
