//! What the page is, and the verdicts in one sentence.

use maud::{Markup, html};

use crate::pack::PackPart;
use crate::verify::VerdictStatus;

use super::answer;
use super::markup::{Tone, instant, nav};
use super::matter::PageModel;
use super::scope;

pub(super) fn heading(matter: &PageModel<'_>) -> Markup {
    let report = matter.report;
    html! {
        header {
            @if matter.served { (nav()) }
            p.eyebrow { "Evidence report \u{b7} PetCare PH42-A, Production Secret Rotation SOP" }
            h1 { "Rotation of production secrets" }
            (answer::sentence(matter))
            (conclusion(matter))
            p.lead {
                "Whether each production secret was rotated in time, by whom, and whether the old one is dead: as recorded in the ledger "
                strong { (matter.origin()) } " and judged as of " (instant(report.as_of)) " UTC."
            }
            @if matter.part != PackPart::Everything {
                p.lead {
                    strong { "This page tells a part of it: " } (scope::words(&matter.part)) ". "
                    a href="#scope" { "What was left out" }
                }
            }
            p {
                "People and tools recorded each step when it happened, each entry signed by its author and chained to the one before. "
                @match matter.in_pack {
                    true => "The page came in an evidence pack: for it, every byte in the pack was read and checked, as anybody can do again. ",
                    false => "For this page every stored byte was read and checked again. ",
                }
                "It runs no script and fetches nothing. All times are UTC."
            }
            (contents(matter))
        }
    }
}

/// The parts of the page.
const PARTS: [(&str, &str); 10] = [
    ("verdicts", "The five verdicts"),
    ("not-checked", "What was not checked"),
    ("scope", "What was selected"),
    ("findings", "Findings"),
    ("population", "Every secret"),
    ("rotations", "Every rotation"),
    ("source", "Where this comes from"),
    ("people", "Who acted"),
    ("words", "Words"),
    ("check", "How to check this yourself"),
];

fn contents(matter: &PageModel<'_>) -> Markup {
    let is_there = |id: &str| id != "people" || matter.register.is_some();
    html! {
        nav.contents aria-label="Contents" {
            @for (id, name) in PARTS.iter().filter(|(id, _)| is_there(id)) { a href=(format!("#{id}")) { (name) } }
        }
    }
}

/// The verdicts in one sentence: what stands against the ledger, then what could not be told.
pub(super) fn conclusion(matter: &PageModel<'_>) -> Markup {
    let report = matter.report;
    let of = |status: VerdictStatus| {
        let lines = report.verdicts.iter().filter(|line| line.status == status);
        lines.map(|line| line.verdict.word()).collect::<Vec<_>>()
    };
    let (failed, untold) = (of(VerdictStatus::Fail), of(VerdictStatus::NotChecked));
    let failing: u64 = report.verdicts.iter().map(|line| line.failing).sum();
    let waived: u64 = report.verdicts.iter().map(|line| line.waived).sum();
    let tone = match (
        failed.is_empty() && !report.interrupted && !report.is_empty(),
        untold.is_empty() && waived == 0,
    ) {
        (false, _) => Tone::Bad,
        (true, false) => Tone::Warn,
        (true, true) => Tone::Good,
    };
    html! {
        p.conclusion.(tone.class()) {
            @if report.interrupted {
                strong { "The verification was stopped before its end." }
            } @else if report.is_empty() {
                strong { "There was nothing to verify." }
            } @else if failed.is_empty() {
                strong { "No finding stands against " (matter.whose()) "." }
            } @else {
                strong { (failing) @if failing == 1 { " finding stands" } @else { " findings stand" } " against " (matter.whose()) }
                ", in " (failed.join(", ")) "."
            }
            @if matter.register.is_none() && !failed.is_empty() {
                " Entries that do not verify prove nothing, so no secret and no rotation is shown."
            }
            @if waived > 0 { " " (waived) " waived." }
            @if untold.is_empty() {
                " All five questions could be answered."
            } @else {
                " Not answered: " (untold.join(", ")) "."
            }
            " What was not checked is listed "
            a href="#not-checked" { "below" } "."
        }
    }
}
