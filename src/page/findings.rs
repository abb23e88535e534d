//! What is held against the ledger, by rule, and what exceptions cover.

use maud::{Markup, html};

use crate::rule::{Finding, Rule};
use crate::text::Id;

use super::markup::{head, instant, sheet};
use super::matter::PageModel;

/// The findings of one rule that are listed; more of one kind nobody reads on paper.
const LISTED: usize = 25;

pub(super) fn section(matter: &PageModel<'_>) -> Markup {
    html! {
        section #findings {
            h2 { "Findings" }
            (findings(matter))
            (waivers(matter))
        }
    }
}

fn findings(matter: &PageModel<'_>) -> Markup {
    let report = matter.report;
    if report.findings.is_empty() {
        return html! { p { "None: nothing is held against " (matter.whose()) "." } };
    }
    let listed = report.findings.len() as u64;
    html! {
        (table(matter, report.findings.iter()))
        @if report.findings_total > listed {
            p { "And " (report.findings_total - listed) " more findings, which were counted and not kept." }
        }
    }
}

/// Findings, by rule.
pub(super) fn table<'a>(
    matter: &PageModel<'_>,
    findings: impl Iterator<Item = &'a Finding>,
) -> Markup {
    let mut groups: Vec<(&Rule, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, group)) => group.push(finding),
            None => groups.push((finding.rule, vec![finding])),
        }
    }
    let table = html! {
        table.cards.held {
            caption { "What is held against the ledger, by rule. A waived finding is covered by an exception that had not expired; an accepted one was accepted by somebody who neither wrote nor did what it is about." }
            (head(&[("About", ""), ("Expected", ""), ("Found", ""), ("Stands", "")]))
            @for (rule, group) in &groups {
                tbody.group {
                    tr { th #(format!("rule-{}", rule.id)) scope="rowgroup" colspan="4" { (heading(rule)) } }
                    @for finding in group.iter().take(LISTED) { (row(matter, finding)) }
                    @if group.len() > LISTED {
                        tr { td colspan="4" { "and " (group.len() - LISTED) " more by this rule: " (whole(matter)) } }
                    }
                }
            }
        }
    };
    sheet("Findings", &table)
}

/// Where all findings are.
const fn whole(matter: &PageModel<'_>) -> &'static str {
    match matter.pack {
        Some(_) => "findings.csv in the pack has them",
        None => "ledger verify --json has them",
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

fn row(matter: &PageModel<'_>, finding: &Finding) -> Markup {
    html! {
        tr {
            td.name {
                @if let Some(sequence) = finding.sequence {
                    div {
                        @match matter.entry_id(sequence, None) {
                            Some(id) => a href=(format!("#{id}")) { "entry " (sequence) },
                            None => { "entry " (sequence) }
                        }
                    }
                }
                @if let Some(rotation) = &finding.rotation { div { "rotation " (matter.rotation_link(rotation)) } }
                @if let Some(secret) = &finding.secret { div { "secret " (matter.link("secrets", secret)) } }
                @if finding.sequence.is_none() && finding.rotation.is_none() && finding.secret.is_none() {
                    "the ledger"
                }
            }
            td.name data-label="Expected:" { (finding.expected) }
            td.name data-label="Found:" {
                (finding.found)
                @for note in &finding.evidence { pre { (note) } }
            }
            td.name data-label="Stands:" {
                (finding.status.to_string())
                @for one in &finding.corrections { span.under { (one.to_string()) } }
            }
        }
    }
}

/// Every exception, whether or not it covers a finding now.
fn waivers(matter: &PageModel<'_>) -> Markup {
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
        table.cards.waivers {
            caption { "Exceptions that a Security Owner granted. One in force waives findings of its rules; they are shown all the same." }
            (head(&[("Exception", ""), ("Secret", ""), ("Rules", ""), ("Granted in", ""), ("Expires", ""), ("Stands", "")]))
            tbody {
                @for (secret, exception) in granted {
                    tr {
                        th scope="row" .name { (exception.id.as_str()) }
                        td.name data-label="Secret:" { (secret.as_str()) }
                        td.name data-label="Rules:" { (list(&exception.rules)) }
                        td data-label="Granted in" { "entry " (exception.granted) }
                        td data-label="Expires:" { (instant(exception.expires)) }
                        td { @if exception.expires > as_of { "in force" } @else { "expired" } }
                    }
                }
            }
        }
    };
    html! { h3 #waivers { "Waivers" } (sheet("Waivers", &table)) }
}

/// Ids in one line.
fn list(ids: &[Id]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")
}
