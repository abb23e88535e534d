//! The files of a pack that follow from its entries. Nothing here asks a clock, a disk or a ledger.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use crate::audit::Stored;
use crate::event::PackExported;
use crate::hash::Link;
use crate::keyring::LEDGER_ACTOR;
use crate::pack::Files;
use crate::pack::Selection;
use crate::register::Register;
use crate::rule::Verdict;
use crate::time::Timestamp;
use crate::verify::Report;

use super::by_hand;
use super::keys;
use super::population::Row;
use super::rotations;
use super::tables;

/// Where the population stands in a pack.
pub const POPULATION: &str = "secrets.json";

/// What says what a pack is, and in which form its documents are.
pub const SUMMARY: &str = "pack.json";

/// The form of the documents. They are made again and compared byte for byte, so it is raised with every
/// word of them that changes: then a pack of an earlier form is not taken for a forged one.
pub const FORM: u64 = 1;

const ROTATIONS: &[&str] = &[
    "rotation",
    "secret",
    "reason",
    "state",
    "opened_utc",
    "started_utc",
    "completed_utc",
    "operators",
    "approved_by",
    "old_version",
    "new_version",
    "old_revoked_utc",
    "revocation_verified_by_entry",
    "confirmed_utc",
    "incident",
    "findings",
    "waived",
    "opened_by_entry",
    "ended_by_entry",
    "evidence",
];

const SECRETS: &[&str] = &[
    "secret",
    "name",
    "class",
    "owner",
    "consumers",
    "state",
    "generated_utc",
    "max_age_days",
    "due_utc",
    "days_left",
    "rotations",
    "open_rotations",
    "exceptions",
    "registered_by_entry",
    "retired_by_entry",
    "last_entry",
    "entries_in_pack",
];

const FINDINGS: &[&str] = &[
    "rule",
    "verdict",
    "title",
    "sop",
    "entry",
    "rotation",
    "secret",
    "expected",
    "found",
    "waived_by",
];

const ATTACHED: &[&str] = &[
    "entry",
    "name",
    "media_type",
    "length",
    "sha256",
    "blake3",
    "file",
];

/// Everything that the documents of a pack are made of.
pub struct Dossier<'a> {
    /// The verification of the pack's entries, as of when it was exported.
    pub report: &'a Report,
    /// The entry that records the export.
    pub record: &'a Stored,
    /// What that entry says.
    pub exported: &'a PackExported,
    /// What was selected.
    pub selection: &'a Selection,
    /// The entries, the record among them, in their order.
    pub entries: &'a [Stored],
    /// Every registered secret.
    pub population: &'a [Row],
    /// The attached files that are in the pack, by their BLAKE3 in hex.
    pub attached: &'a BTreeSet<String>,
}

/// The documents by their path in the pack, all but the page for people, and what its `bag-info.txt` says; none where the entries
/// do not verify.
#[must_use]
pub fn documents(dossier: &Dossier<'_>) -> Option<(Files, Vec<(&'static str, String)>)> {
    let register = dossier.report.register()?.get();
    let as_of = dossier.record.entry.recorded;
    let origin = register.charter.origin.as_ref();
    let origin = origin.map(ToString::to_string).unwrap_or_default();
    let mut files = keys::files(register, dossier.selection, &origin);
    let mut rotations = Vec::new();
    for told in rotations::told(dossier, register) {
        if let Some((path, template)) = told.template {
            files.insert(path, template.into_bytes());
        }
        rotations.push(told.row);
    }
    let secrets: Vec<Value> = dossier.population.iter().map(|row| json!(row)).collect();
    let findings: Vec<Value> = dossier
        .report
        .findings
        .iter()
        .map(|one| one.to_json())
        .collect();
    let attached = attached(dossier);
    let summary = summary(dossier, &origin, &rotations);
    let mut add = |path: &str, bytes: Vec<u8>| files.insert(path.to_owned(), bytes);
    add("rotations.csv", tables::csv(ROTATIONS, &rotations));
    add(
        "rotations.json",
        tables::json(
            &json!({ "schema": "rotation-ledger/pack-rotations/1", "rotations": rotations }),
        ),
    );
    add("secrets.csv", tables::csv(SECRETS, &secrets));
    add(
        POPULATION,
        tables::json(&json!({ "schema": "rotation-ledger/pack-population/1", "secrets": secrets })),
    );
    add("findings.csv", tables::csv(FINDINGS, &findings));
    add("findings.json", tables::json(&dossier.report.to_json()));
    add("attachments.csv", tables::csv(ATTACHED, &attached));
    add("ledger/entries.ndjson", entries(dossier.entries, register));
    add(SUMMARY, tables::json(&summary));
    let by_hand = by_hand::text(&origin, dossier.record.sequence, &dossier.report.stamped);
    add("VERIFY.md", by_hand.into_bytes());
    let date = as_of.to_seconds();
    let info = vec![
        ("Bag-Software-Agent", "rotation-ledger".to_owned()),
        (
            "Bagging-Date",
            date.split('T').next().unwrap_or_default().to_owned(),
        ),
        (
            "External-Identifier",
            format!("{origin} entry {}", dossier.record.sequence),
        ),
        ("Ledger-Head", dossier.record.link.to_string()),
        ("Ledger-Id", ledger_id(dossier.report)),
        ("Ledger-Size", (dossier.record.sequence + 1).to_string()),
    ];
    Some((files, info))
}

/// The form of the documents that a pack says it has, in a [`SUMMARY`] that nobody vouches for.
#[must_use]
pub fn form_of(summary: &[u8]) -> Option<u64> {
    let summary: Value = serde_json::from_slice(summary).ok()?;
    summary.get("format")?.as_u64()
}

fn ledger_id(report: &Report) -> String {
    report.ledger.map(|id| id.to_string()).unwrap_or_default()
}

/// Each file that an entry names, whether it is in the pack or not.
fn attached(dossier: &Dossier<'_>) -> Vec<Value> {
    let mut rows = Vec::new();
    for stored in dossier.entries {
        for attachment in &stored.statement.attachments {
            let digest = attachment.blake3.to_string();
            let file = dossier.attached.contains(&digest);
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
fn entries(entries: &[Stored], register: &Register) -> Vec<u8> {
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
        Some(json!({ "verdict": verdict.word(), "status": line.status.word(), "findings": line.failing, "waived": line.waived }))
    });
    lines.collect()
}

/// What the pack is, in one document: whose ledger, which part, how much of how much, and what was
/// not checked.
fn summary(dossier: &Dossier<'_>, origin: &str, rotations: &[Value]) -> Value {
    let rows = dossier.population;
    let in_state = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let head: Link = dossier.record.link;
    let recorded: Timestamp = dossier.record.entry.recorded;
    json!({
        "schema": "rotation-ledger/pack/1",
        "format": FORM,
        "origin": origin,
        "ledger_id": dossier.report.ledger,
        "size": dossier.record.sequence + 1,
        "root": dossier.report.root,
        "head": head,
        "exported_utc": recorded,
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
        "not_checked": dossier.report.not_checked,
        "completeness": "A ledger shows that what was recorded is whole, and not that everything was recorded.",
    })
}
