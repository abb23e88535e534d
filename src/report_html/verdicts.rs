//! The five verdicts, what is held against the ledger, what was waived, and what was not checked.

use maud::Markup;
use maud::html;

use crate::rule::Finding;
use crate::rule::Rule;
use crate::text::Id;
use crate::verify::Report;
use crate::verify::Status;
use crate::verify::VerdictLine;

use super::markup::Tone;
use super::markup::instant;
use super::markup::mark;
use super::markup::sheet;
use super::matter::Matter;

/// What such a chain can show at all; always said beside what was not checked.
const PRINCIPLE: &str = "A chain shows that what was recorded is whole. It does not show that everything was recorded, nor that something happened because somebody said so: entries are signed claims.";

pub(super) fn section(matter: &Matter<'_>) -> Markup {
    let report = matter.report;
    html! {
        section #verdicts {
            h2 { "The five verdicts" }
            (sheet("The five verdicts", &table(report)))
            h3 #findings { "Findings" }
            (findings(report))
            (waivers(matter))
            h3 #not-checked { "What was not checked" }
            @if report.not_checked.is_empty() {
                p { "Nothing of what this program checks was left out." }
            } @else {
                ul { @for item in &report.not_checked { li { (item) } } }
            }
            p.principle { strong { "Mind: " } (PRINCIPLE) }
            @if !report.notes.is_empty() {
                h3 #notes { "Good to know" }
                ul { @for note in &report.notes { li { (note) } } }
            }
        }
    }
}

/// Good, bad, or neither, as the verdicts are told apart.
pub(super) const fn tone(status: Status) -> Tone {
    match status {
        Status::Pass => Tone::Good,
        Status::Fail => Tone::Bad,
        Status::Waived => Tone::Warn,
        Status::NotChecked => Tone::Plain,
    }
}

fn table(report: &Report) -> Markup {
    html! {
        table {
            caption { "Each question is answered by itself; none makes up for another." }
            thead {
                tr {
                    th scope="col" { "Verdict" }
                    th scope="col" { "Answer" }
                    th scope="col" { "What was looked at" }
                    th scope="col" .number { "Findings" }
                    th scope="col" .number { "Waived" }
                }
            }
            tbody {
                @for line in &report.verdicts {
                    tr {
                        th scope="row" {
                            (line.verdict.word())
                            span.under { (line.verdict.question()) }
                        }
                        td { (mark(tone(line.status), line.status.word())) }
                        td { (looked_at(line)) }
                        td.number { (line.failing) }
                        td.number { (line.waived) }
                    }
                }
            }
        }
    }
}

fn looked_at(line: &VerdictLine) -> Markup {
    html! {
        @for count in &line.counts {
            div { (count.good) " of " (count.total) " " (count.what) }
        }
        @if let Some(note) = &line.note { div { (note) } }
    }
}

fn findings(report: &Report) -> Markup {
    if report.findings.is_empty() {
        return html! { p { "None." } };
    }
    let mut groups: Vec<(&Rule, Vec<&Finding>)> = Vec::new();
    for finding in &report.findings {
        match groups.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, group)) => group.push(finding),
            None => groups.push((finding.rule, vec![finding])),
        }
    }
    let listed = report.findings.len() as u64;
    let table = html! {
        table {
            caption { "What is held against the ledger, by rule. A waived finding is covered by an exception that had not expired." }
            thead {
                tr {
                    th scope="col" { "About" }
                    th scope="col" { "Expected" }
                    th scope="col" { "Found" }
                    th scope="col" { "Waived by" }
                }
            }
            @for (rule, group) in &groups {
                tbody.group {
                    tr { th scope="rowgroup" colspan="4" { (heading(rule)) } }
                    @for finding in group { (row(finding)) }
                }
            }
        }
    };
    html! {
        (sheet("Findings", &table))
        @if report.findings_total > listed {
            p { "And " (report.findings_total - listed) " more findings, which were counted and not kept." }
        }
    }
}

fn heading(rule: &Rule) -> Markup {
    html! {
        (rule.id) " \u{b7} " (rule.title)
        span.under {
            (rule.verdict.word())
            @if rule.sop != "-" { ", SOP " (rule.sop) }
            ". What to do: " (rule.hint)
        }
    }
}

fn row(finding: &Finding) -> Markup {
    html! {
        tr {
            td {
                @if let Some(sequence) = finding.sequence { div { "entry " (sequence) } }
                @if let Some(rotation) = &finding.rotation { div { "rotation " (rotation.as_str()) } }
                @if let Some(secret) = &finding.secret { div { "secret " (secret.as_str()) } }
                @if finding.sequence.is_none() && finding.rotation.is_none() && finding.secret.is_none() {
                    "the ledger"
                }
            }
            td { (finding.expected) }
            td {
                (finding.found)
                @for note in &finding.evidence { pre { (note) } }
            }
            td { (finding.waived_by.as_ref().map_or("-", Id::as_str)) }
        }
    }
}

/// Every exception, whether or not it covers a finding now.
fn waivers(matter: &Matter<'_>) -> Markup {
    let as_of = matter.report.as_of;
    let granted: Vec<_> = matter
        .register
        .iter()
        .flat_map(|register| register.secrets.values())
        .flat_map(|threaded| {
            let secret = &threaded.secret;
            secret
                .exceptions
                .iter()
                .map(|exception| (&secret.id, exception))
        })
        .collect();
    if granted.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            caption { "Exceptions that a Security Owner granted. One in force waives findings of its rules; they are shown all the same." }
            thead {
                tr {
                    th scope="col" { "Exception" }
                    th scope="col" { "Secret" }
                    th scope="col" { "Rules" }
                    th scope="col" { "Granted in" }
                    th scope="col" { "Expires" }
                    th scope="col" { "Then" }
                }
            }
            tbody {
                @for (secret, exception) in granted {
                    tr {
                        th scope="row" { (exception.id.as_str()) }
                        td { (secret.as_str()) }
                        td { (list(&exception.rules)) }
                        td { "entry " (exception.granted) }
                        td { (instant(exception.expires)) }
                        td { @if exception.expires > as_of { "in force" } @else { "expired" } }
                    }
                }
            }
        }
    };
    html! { h3 #waivers { "Waivers" } (sheet("Waivers", &table)) }
}

/// Ids in one line.
pub(super) fn list(ids: &[Id]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")
}
