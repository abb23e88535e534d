//! Each rotation selected: in one line, then how it went, the SOP's nine fields, and its entries.

use maud::Markup;
use maud::html;
use serde_json::Value;

use crate::event::Event;
use crate::evidence;
use crate::rotation::Ending;
use crate::rotation::Rotation;
use crate::text::Id;
use crate::verify::Admitted;

use super::markup::Tone;
use super::markup::instant;
use super::markup::mark;
use super::markup::minute;
use super::markup::plain_instant;
use super::markup::sheet;
use super::markup::span;
use super::markup::title;
use super::matter::Matter;
use super::timeline;

pub(super) fn section(matter: &Matter<'_>) -> Markup {
    if matter.register.is_none() {
        return html! {
            section #rotations {
                h2 { "Every rotation" }
                p { "Not shown: entries that do not verify prove nothing." }
            }
        };
    }
    html! {
        section #rotations {
            h2 { "Every rotation" }
            @if matter.rotations.is_empty() {
                p { "No rotation was selected." }
            } @else {
                (sheet("Every rotation", &overview(matter)))
                (timeline::legend())
                @for (number, rotation) in matter.rotations.iter().enumerate() {
                    (article(matter, number + 1, rotation))
                }
            }
        }
    }
}

fn overview(matter: &Matter<'_>) -> Markup {
    html! {
        table {
            caption { "In the order in which they were opened." }
            thead {
                tr {
                    th scope="col" { "Rotation" }
                    th scope="col" { "Secret" }
                    th scope="col" { "Reason" }
                    th scope="col" { "Began" }
                    th scope="col" { "Ended" }
                    th scope="col" { "Stands" }
                    th scope="col" { "Old secret" }
                    th scope="col" .number { "Findings" }
                }
            }
            tbody {
                @for (number, rotation) in matter.rotations.iter().enumerate() {
                    tr {
                        th scope="row" { a href=(format!("#rotation-{}", number + 1)) { (rotation.id.as_str()) } }
                        td { (rotation.secret.as_str()) }
                        td { (rotation.reason.word()) }
                        td { (instant(rotation.completion().map_or(rotation.opened.occurred, |completion| completion.started))) }
                        td { @if let Some(end) = rotation.ended() { (instant(end.occurred)) } @else { "open" } }
                        td { (stands(rotation)) }
                        td { (old_secret(rotation)) }
                        td.number { (matter.findings_of(&rotation.id).len()) }
                    }
                }
            }
        }
    }
}

/// How it ended, or where it stands.
fn stands(rotation: &Rotation) -> Markup {
    let (tone, word) = match &rotation.ending {
        Some(Ending::Completed(_)) => (Tone::Good, "completed"),
        Some(Ending::RolledBack(_)) => (Tone::Warn, "rolled back"),
        Some(Ending::Aborted(_)) => (Tone::Warn, "aborted"),
        None => (Tone::Warn, rotation.state().word()),
    };
    html! {
        (mark(tone, word))
        @if rotation.ending.is_some() {
            span.under { @if rotation.confirmed.is_some() { "confirmed" } @else { "not confirmed" } }
        }
    }
}

fn old_secret(rotation: &Rotation) -> Markup {
    let kept = matches!(
        rotation.ending,
        Some(Ending::RolledBack(_) | Ending::Aborted(_))
    );
    match (rotation.dead.is_some(), rotation.old_revoked.is_some()) {
        (true, _) => mark(Tone::Good, "shown dead"),
        (false, true) => mark(Tone::Bad, "revoked, not shown dead"),
        (false, false) if kept => mark(Tone::Plain, "still in use"),
        (false, false) => mark(Tone::Bad, "not revoked"),
    }
}

fn article(matter: &Matter<'_>, number: usize, rotation: &Rotation) -> Markup {
    let said = matter.said_in(rotation);
    let told = story(rotation, &said);
    let findings = matter.findings_of(&rotation.id);
    html! {
        article #(format!("rotation-{number}")) {
            h3 { (rotation.id.as_str()) " \u{b7} " (rotation.secret.as_str()) }
            p.eyebrow {
                (rotation.reason.word()) " rotation"
                @if let Some(secret) = matter.register.and_then(|register| register.secrets.get(&rotation.secret)) {
                    " of \u{201c}" bdi { (secret.secret.name.as_str()) } "\u{201d}, " (secret.secret.class.word().replace('_', " "))
                }
                @if let Some(incident) = &rotation.incident { ", in answer to incident " (incident.as_str()) }
            }
            figure {
                (timeline::drawing(number, rotation, &said, &told))
                figcaption { @for sentence in &told { (sentence) " " } }
            }
            @if !findings.is_empty() {
                p { (mark(Tone::Bad, "findings")) " " (findings.len()) " held against this rotation: "
                    @for (place, finding) in findings.iter().enumerate() {
                        @if place > 0 { ", " }
                        (finding.rule.id) " " (finding.rule.title)
                        @if let Some(exception) = &finding.waived_by { " (waived by " (exception.as_str()) ")" }
                    }
                    ". " a href="#findings" { "All findings" }
                }
            }
            (template(matter, rotation))
            (entries(matter, rotation, &said))
        }
    }
}

/// The rotation in sentences: approval, dual-run, revocation and its proof, its end.
fn story(rotation: &Rotation, said: &[&Admitted]) -> Vec<String> {
    let who = |sequence: u64| {
        let admitted = said.iter().find(|admitted| admitted.sequence == sequence);
        admitted.map_or("somebody", |admitted| admitted.author.actor.as_str())
    };
    let mut told = Vec::new();
    match &rotation.approved {
        Some(approval) => told.push(format!(
            "Approved by {}{}.",
            approval.by,
            approval
                .window
                .map_or_else(String::new, |(start, end)| format!(
                    " for the window {} to {}",
                    plain_instant(start),
                    plain_instant(end)
                ))
        )),
        None if rotation.is_one_shot() => {
            told.push("Told by one entry after it was done: minimum evidence only.".to_owned());
        }
        None => told.push("Not approved.".to_owned()),
    }
    if let Some(run) = rotation.dual_run {
        let planned = run.planned_end.map_or_else(String::new, |end| {
            format!(" (planned end {})", plain_instant(end))
        });
        told.push(match (run.supported, timeline::dual_run_end(rotation)) {
            (false, _) => "The secret supports no dual-run.".to_owned(),
            (true, Some(end)) => format!(
                "Old and new secret were both accepted from {} to {}, for {}{planned}.",
                plain_instant(run.at.occurred),
                plain_instant(end),
                span(run.at.occurred, end)
            ),
            (true, None) => format!(
                "Old and new secret are both accepted since {}{planned}.",
                plain_instant(run.at.occurred)
            ),
        });
    }
    if let Some(revoked) = &rotation.old_revoked {
        let mut sentence = format!(
            "The old secret ({}) was revoked by {}, effective {}",
            revoked.version,
            who(revoked.at.sequence),
            plain_instant(revoked.effective)
        );
        match rotation.dead {
            Some(dead) => sentence.push_str(&format!(
                ", and shown dead {} later by {}: {}.",
                span(revoked.effective, dead.occurred),
                who(dead.sequence),
                proof(said, dead.sequence)
            )),
            None => sentence.push_str(", and not shown dead."),
        }
        told.push(sentence);
    }
    let ended = match &rotation.ending {
        Some(Ending::Completed(completion)) => Some(("Completed", completion.at)),
        Some(Ending::RolledBack(at)) => Some(("Rolled back to the old secret", *at)),
        Some(Ending::Aborted(at)) => Some(("Aborted before the cutover", *at)),
        None => None,
    };
    told.push(match (ended, rotation.confirmed) {
        (Some((what, at)), Some(confirmed)) => format!(
            "{what} by {}; confirmed by {}.",
            who(at.sequence),
            who(confirmed.sequence)
        ),
        (Some((what, at)), None) => {
            format!("{what} by {}; not confirmed.", who(at.sequence))
        }
        (None, _) => format!("Still open: {}.", rotation.state().word()),
    });
    told
}

/// What the proof of a revocation was.
fn proof(said: &[&Admitted], sequence: u64) -> String {
    let admitted = said.iter().find(|admitted| admitted.sequence == sequence);
    match admitted.map(|admitted| &admitted.event) {
        Some(Event::RevocationVerified(verified)) => format!(
            "{}, tried at {}",
            verified.test.word().replace('_', " "),
            plain_instant(verified.tested_at)
        ),
        _ => "proven".to_owned(),
    }
}

/// The SOP's nine fields, or why there are none.
fn template(matter: &Matter<'_>, rotation: &Rotation) -> Markup {
    match evidence::template(matter.report, &rotation.id) {
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

fn entries(matter: &Matter<'_>, rotation: &Rotation, said: &[&Admitted]) -> Markup {
    let table = html! {
        table {
            caption {
                "What was said, entry by entry, at the times that the authors state. When it was recorded is added where that was another minute."
            }
            thead {
                tr {
                    th scope="col" .number { "Entry" }
                    th scope="col" { "SOP" }
                    th scope="col" .wide { "Step" }
                    th scope="col" .middling { "Who" }
                    th scope="col" { "When" }
                    th scope="col" { "What was said" }
                }
            }
            tbody {
                @for admitted in said {
                    (entry(rotation, admitted))
                    @for remark in matter.said_about(admitted.sequence) { (entry(rotation, remark)) }
                }
            }
        }
    };
    sheet(&format!("Entries of rotation {}", rotation.id), &table)
}

fn entry(rotation: &Rotation, admitted: &Admitted) -> Markup {
    let author = &admitted.author;
    html! {
        tr {
            td.number { (admitted.sequence) }
            td.tight { (admitted.event.spec().map_or("", |spec| spec.sop)) }
            th scope="row" { (title(&admitted.event)) }
            td {
                (author.name.as_str())
                span.under {
                    (author.actor.as_str())
                    @if author.person != author.actor { ", for " (author.person.as_str()) }
                }
            }
            td {
                (instant(admitted.occurred))
                @if minute(admitted.recorded) != minute(admitted.occurred) {
                    span.under { "recorded " (instant(admitted.recorded)) }
                }
            }
            td {
                dl.said {
                    @for (name, value) in fields(rotation, &admitted.event) { dt { (name) } dd { (value) } }
                    @for file in &admitted.attachments {
                        dt { "file" }
                        dd {
                            (file.name.as_str()) ", " (file.media_type.as_str()) ", " (file.length) " bytes, sha256 "
                            span.hash { (file.sha256.to_string()) }
                        }
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
