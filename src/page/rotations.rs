//! The rotations selected: each in one line, then some in full, with the SOP's nine fields and the entries.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::Value;

use crate::event::Event;
use crate::facts;
use crate::register::Register;
use crate::rotation::{Rotation, RotationEnd};
use crate::text::Id;
use crate::verify::AdmittedEntry;

use super::files::RotationFiles;
use super::markup::{LISTED, Tone, head, instant, mark, minute, sheet, title};
use super::matter::PageModel;
use super::{story, timeline};

pub(super) fn section(matter: &PageModel<'_>) -> Markup {
    if matter.register.is_none() {
        return html! {
            section #rotations {
                h2 { "Every rotation" }
                p { "Not shown: entries that do not verify prove nothing." }
            }
        };
    }
    let told = &matter.told;
    let listed = matter.shown(LISTED).into_iter();
    let listed: Vec<_> = listed
        .filter_map(|place| matter.rotations.get(place).copied())
        .collect();
    html! {
        section #rotations {
            h2 { "Every rotation" }
            @if matter.rotations.is_empty() {
                p { "No rotation was selected." }
            } @else {
                (sheet("Every rotation", &overview(matter, &listed)))
                (left_out(matter, told.len()))
                (timeline::legend())
                (where_files_are(matter))
                @for place in told {
                    @if let Some(rotation) = matter.rotations.get(*place) { (article(matter, place + 1, rotation)) }
                }
            }
        }
    }
}

/// How many rotations are not drawn, how many not even listed, and where they are.
fn left_out(matter: &PageModel<'_>, told: usize) -> Markup {
    let all = matter.rotations.len();
    html! {
        @if all > told {
            p.note {
                "Told in full below: " (told) " of " (all) ", those with findings before the newest. The other " (all - told) " are not drawn"
                @if all > LISTED { ", and " (all - LISTED) " of them not even listed" }
                ". "
                @match matter.pack {
                    Some(_) => "All of them are in rotations.csv in the pack, and the evidence template of each completed one in the folder evidence.",
                    None => "ledger show ROTATION tells each of them, and ledger verify --all has the evidence templates.",
                }
            }
        }
    }
}

/// What has to be done for the names of files to lead to them.
fn where_files_are(matter: &PageModel<'_>) -> Markup {
    let is_elsewhere = !matter.in_pack && !matter.served;
    html! {
        @if is_elsewhere && !matter.rotations.is_empty() {
            p.note {
                "The names of attached files lead to them once they are written beside this page: "
                code { "ledger extract FOLDER|PACK --rotation ID --to attachments" }
            }
        }
    }
}

/// Rotations, each in a line, which leads to where it is told in full.
pub(super) fn overview(matter: &PageModel<'_>, rotations: &[&Rotation]) -> Markup {
    html! {
        table.cards.rotations {
            caption { "In the order in which they were opened. Findings are named by their rules; what is waived is covered by an exception." }
            (head(&[("Rotation", ""), ("Secret", ""), ("Reason", ""), ("Began", ""), ("Ended", ""), ("Stands", ""), ("Old secret", ""), ("Findings", "")]))
            tbody {
                @for rotation in rotations { (line(matter, rotation)) }
            }
        }
    }
}

fn line(matter: &PageModel<'_>, rotation: &Rotation) -> Markup {
    let began = rotation
        .completion()
        .map_or(rotation.opened.occurred, |completion| completion.started);
    html! {
        tr {
            th scope="row" .name { (matter.rotation_link(&rotation.id)) }
            td.name data-label="Secret:" { (matter.link("secrets", &rotation.secret)) }
            td data-label="Reason:" { (rotation.reason.word()) }
            td data-label="Began:" { (instant(began)) }
            td data-label="Ended:" { @if let Some(end) = rotation.ended() { (instant(end.occurred)) } @else { "open" } }
            td { (stands(matter, rotation)) }
            td data-label="Old secret:" { (old_secret(rotation)) }
            td data-label="Findings:" { (against(matter, rotation)) }
        }
    }
}

/// The rules of the findings against a rotation, each once.
fn against(matter: &PageModel<'_>, rotation: &Rotation) -> Markup {
    let findings = matter.findings_of(&rotation.id);
    let rules = |open: bool| {
        let findings = findings.iter().filter(|finding| finding.is_open() == open);
        findings
            .map(|finding| finding.rule.id)
            .collect::<BTreeSet<_>>()
    };
    let (standing, waived) = (rules(true), rules(false));
    html! {
        @if standing.is_empty() { "none" } @else { strong.bad { (listed(&standing)) } }
        @if !waived.is_empty() { span.under { "waived or accepted: " (listed(&waived)) } }
    }
}

/// Names of rules, none of which is broken in two.
fn listed(rules: &BTreeSet<&str>) -> Markup {
    html! {
        @for (place, rule) in rules.iter().enumerate() {
            @if place > 0 { ", " }
            a.tight href=(format!("#rule-{rule}")) { (rule) }
        }
    }
}

/// How it ended, or where it stands.
pub(super) fn standing(rotation: &Rotation) -> (Tone, &'static str) {
    match &rotation.ending {
        Some(RotationEnd::Completed(_)) => (Tone::Good, "completed"),
        Some(RotationEnd::RolledBack(_)) => (Tone::Warn, "rolled back"),
        Some(RotationEnd::Aborted(_)) => (Tone::Warn, "aborted"),
        None => (Tone::Warn, rotation.state().word()),
    }
}

pub(super) fn stands(matter: &PageModel<'_>, rotation: &Rotation) -> Markup {
    let (tone, word) = standing(rotation);
    let began = matter.register.and_then(Register::began);
    html! {
        (mark(tone, word))
        @if rotation.is_history(began) {
            span.under { "before the ledger, told afterwards" }
        } @else if rotation.ending.is_some() {
            span.under { @if rotation.confirmed.is_some() { "confirmed" } @else { "not confirmed" } }
        }
    }
}

/// Whether the old secret should be dead by now and was not shown to be.
pub(super) fn is_unproven(rotation: &Rotation) -> bool {
    let completed = matches!(rotation.ending, Some(RotationEnd::Completed(_)));
    rotation.dead.is_none() && (completed || rotation.old_revoked.is_some())
}

fn old_secret(rotation: &Rotation) -> Markup {
    html! {
        @if rotation.dead.is_some() { (mark(Tone::Good, "shown dead")) }
        @else if is_unproven(rotation) {
            (mark(Tone::Bad, "not shown dead"))
            @if rotation.old_revoked.is_some() { span.under { "revoked" } }
        }
        @else if rotation.is_open() { (mark(Tone::Plain, "not yet revoked")) }
        @else { (mark(Tone::Plain, "still in use")) }
    }
}

fn article(matter: &PageModel<'_>, number: usize, rotation: &Rotation) -> Markup {
    html! {
        article #(format!("rotation-{number}")) {
            h3 { (rotation.id.as_str()) " \u{b7} " (rotation.secret.as_str()) }
            (in_full(matter, number, rotation))
        }
    }
}

/// All about one rotation.
pub(super) fn in_full(matter: &PageModel<'_>, number: usize, rotation: &Rotation) -> Markup {
    let said = matter.said_in(rotation);
    let shown = said.get(..LISTED).unwrap_or(&said);
    let findings = matter.findings_of(&rotation.id);
    html! {
        p.eyebrow {
            (rotation.reason.word()) " rotation"
            @if let Some(secret) = matter.register.and_then(|register| register.secrets.get(&rotation.secret)) {
                " of \u{201c}" bdi { (secret.secret.name.as_str()) } "\u{201d}, " (secret.secret.class.word().replace('_', " "))
            }
            @if let Some(incident) = &rotation.incident { ", in answer to incident " (incident.as_str()) }
        }
        figure.timeline {
            (timeline::drawing(matter, number, rotation, shown))
            figcaption #(timeline::told(number)) { (story::sentences(rotation, &said)) }
        }
        @if !findings.is_empty() {
            p { (mark(Tone::Bad, "findings")) " " (findings.len()) " against this rotation: "
                @for (place, finding) in findings.iter().enumerate() {
                    @if place > 0 { ", " }
                    a href=(format!("#rule-{}", finding.rule.id)) { (finding.rule.id) } " " (finding.rule.title)
                    @if !finding.is_open() { " (" (finding.status.to_string()) ")" }
                }
                "."
            }
        }
        (template(matter, rotation))
        (EntryTable { matter, number, rotation, files: RotationFiles::of(matter, rotation) }.drawn(shown))
        @if said.len() > LISTED { p.note { "Not shown: " (said.len() - LISTED) " entries that came later; ledger show has them." } }
    }
}

/// The SOP's nine fields, or why there are none.
fn template(matter: &PageModel<'_>, rotation: &Rotation) -> Markup {
    match facts::template(matter.report, &rotation.id) {
        // One piece, to be selected at once and pasted into the binder.
        Ok(template) if matter.served => html! {
            h2 { "Evidence template" }
            pre.copy tabindex="0" { (template.to_string()) }
        },
        Ok(template) => html! {
            table.template {
                caption { "Rotation Evidence, the nine fields of SOP 8" }
                tbody {
                    @for (name, value) in template.lines() {
                        tr { th scope="row" { (name) } td { (value) } }
                    }
                }
            }
        },
        Err(why) => html! { p.note { "No evidence template (SOP 8): " (why.to_string()) "." } },
    }
}

/// The entries of one rotation.
struct EntryTable<'p> {
    matter: &'p PageModel<'p>,
    number: usize,
    rotation: &'p Rotation,
    files: RotationFiles,
}

impl EntryTable<'_> {
    fn drawn(&self, said: &[&AdmittedEntry]) -> Markup {
        let table = html! {
            table.cards.entries {
                caption {
                    "What was said, entry by entry, at the times that the authors state. When it was recorded is added where that was another minute."
                }
                (head(&[("Entry", "number"), ("SOP", ""), ("Step", "wide"), ("Who", "middling"), ("When", ""), ("What was said", "")]))
                tbody {
                    @for admitted in said {
                        (self.entry(admitted))
                        @for remark in self.matter.said_about(admitted.sequence) { (self.entry(remark)) }
                    }
                }
            }
        };
        sheet(&format!("Entries of rotation {}", self.rotation.id), &table)
    }

    fn entry(&self, admitted: &AdmittedEntry) -> Markup {
        let author = &admitted.author;
        let id = self.matter.entry_id(admitted.sequence, Some(self.number));
        let spec = admitted.event.spec();
        html! {
            tr {
                td.number id=[id] data-label="Entry" { (admitted.sequence) }
                td.tight data-label="SOP" { (spec.map_or("", |spec| spec.sop)) }
                th scope="row" {
                    (title(&admitted.event))
                    @if let Some(spec) = spec { span.under.quote { (spec.quote) } }
                }
                td.name {
                    (author.name.as_str())
                    @if author.name.as_str() != author.actor.as_str() { span.under { (author.actor.as_str()) } }
                    @if author.person != author.actor { span.under { "for " (author.person.as_str()) } }
                }
                td {
                    (instant(admitted.occurred))
                    @if minute(admitted.recorded) != minute(admitted.occurred) {
                        span.under { "recorded " (instant(admitted.recorded)) }
                    }
                }
                td {
                    dl.said {
                        @for (name, value) in fields(self.rotation, &admitted.event) { dt { (name) } dd { (value) } }
                        (self.files.of_entry(self.matter, admitted.sequence, &admitted.attachments))
                    }
                }
            }
        }
    }
}

/// The fields of an event in words; without the rotation and the environment, which are those of all.
fn fields(rotation: &Rotation, event: &Event) -> Vec<(String, String)> {
    let Value::Object(fields) = event.to_fields() else {
        return Vec::new();
    };
    let known = |name: &str, value: &Value| match name {
        "rotation" => value.as_str() == Some(rotation.id.as_str()),
        "secret" => value.as_str() == Some(rotation.secret.as_str()),
        "environment" => true,
        _ => false,
    };
    fields
        .into_iter()
        .filter(|(name, value)| !known(name, value))
        .map(|(name, value)| (name.replace('_', " "), words(&value)))
        .collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        // Texts of several words would run into one another on one line.
        Value::Array(values) => {
            let apart = match values
                .iter()
                .all(|value| value.as_str().is_none_or(|text| Id::new(text).is_ok()))
            {
                true => ", ",
                false => "\n",
            };
            values.iter().map(words).collect::<Vec<_>>().join(apart)
        }
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
