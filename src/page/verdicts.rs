//! The five verdicts, and what was not checked.

use maud::{Markup, html};

use crate::verify::{VerdictLine, VerdictStatus};

use super::markup::{Tone, head, mark, sheet};
use super::matter::PageModel;

/// What such a chain can show at all; always said beside what was not checked.
const PRINCIPLE: &str = "A chain shows that what was recorded is whole. It does not show that everything was recorded, nor that something happened because somebody said so: entries are signed claims.";

pub(super) fn section(matter: &PageModel<'_>) -> Markup {
    let report = matter.report;
    html! {
        section #verdicts {
            h2 { "The five verdicts" }
            (sheet("The five verdicts", &table(matter)))
        }
        section #not-checked {
            h2 { "What was not checked" }
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
pub(super) const fn tone(status: VerdictStatus) -> Tone {
    match status {
        VerdictStatus::Pass => Tone::Good,
        VerdictStatus::Fail => Tone::Bad,
        VerdictStatus::Waived => Tone::Warn,
        VerdictStatus::NotChecked => Tone::Plain,
    }
}

fn table(matter: &PageModel<'_>) -> Markup {
    html! {
        table.cards.answers {
            caption {
                "Each question is answered by itself; none makes up for another."
                @if matter.is_part() { " They are about what is in the pack: coverage counts only the secrets whose entries are here." }
            }
            (head(&[("Verdict", ""), ("Answer", ""), ("What was looked at", ""), ("Findings", "number"), ("Waived", "number")]))
            tbody {
                @for line in &matter.report.verdicts {
                    tr {
                        th scope="row" {
                            (line.verdict.word())
                            span.under { (line.verdict.question()) }
                        }
                        td { (mark(tone(line.status), line.status.word())) }
                        td.name { (looked_at(line)) }
                        td.number data-label="Findings:" { (line.failing) }
                        td.number data-label="Waived:" { (line.waived) }
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
