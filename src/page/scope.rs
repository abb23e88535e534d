//! What was selected for the page, how much of how much that is, and what was left out.

use maud::{Markup, html};

use crate::facts::{Dossier, SecretRow};
use crate::pack::PackPart;
use crate::register::Register;

use super::markup::{counted, instant};
use super::matter::PageModel;

/// The part in words.
pub(super) fn words(part: &PackPart) -> Markup {
    html! {
        @match part {
            PackPart::Everything | PackPart::Range(None, None) => "everything that is recorded",
            PackPart::Rotation(id) => { "rotation " strong { (id.as_str()) } },
            PackPart::Secret(id) => { "secret " strong { (id.as_str()) } ", with all of its rotations" },
            PackPart::Range(Some(from), None) => { "the rotations that had not ended before " (instant(*from)) },
            PackPart::Range(None, Some(to)) => { "the rotations that began no later than " (instant(*to)) },
            PackPart::Range(Some(from), Some(to)) => {
                "the rotations any part of which lies between " (instant(*from)) " and " (instant(*to))
            },
            PackPart::Sample(draw) => {
                (draw.size) " of the " (draw.count) " rotations any part of which lies between " (instant(draw.period.0))
                " and " (instant(draw.period.1)) ", drawn by the seed " bdi { (draw.seed.to_string()) }
            },
        }
    }
}

pub(super) fn section(matter: &PageModel<'_>) -> Markup {
    html! {
        section #scope {
            h2 { "What was selected, and what was not" }
            dl.facts {
                dt { "Selected" } dd { (words(&matter.part)) }
                @if let Some(register) = matter.register { (rotations(matter, register)) (secrets(matter)) }
                dt { "Entries" } dd { (entries(matter)) }
                @if let Some(pack) = matter.pack { (exported(pack)) }
            }
        }
    }
}

fn rotations(matter: &PageModel<'_>, register: &Register) -> Markup {
    let told = matter.rotations.len();
    let others = register.rotations.len() - told;
    html! {
        dt { "Rotations" }
        dd {
            @match (others, matter.is_part()) {
                (0, false) => { "all " (told) " in the ledger" }
                (_, false) => { (told) " of " (register.rotations.len()) " in the ledger" }
                (0, true) => { (told) ": all of the secrets whose entries are here" }
                (_, true) => {
                    (told) " told below. The pack also has " (counted(others as u64, "other rotation", "other rotations"))
                    " of the same secrets, which the verdicts count and this page does not tell"
                }
            }
        }
    }
}

fn secrets(matter: &PageModel<'_>) -> Markup {
    let all = matter.secrets.len();
    let here = |row: &&std::borrow::Cow<'_, SecretRow>| row.entries_in_pack;
    let here = matter.secrets.iter().filter(here).count();
    html! {
        dt { "Secrets" }
        dd {
            @if here == all {
                "all " (all) " that were ever registered, retired ones too"
            } @else {
                (here) " of " (all) " with their entries. The other " (all - here)
                " are listed below as the ledger had them when the pack was exported; of these only the ids and the places of their last entries are signed"
            }
        }
    }
}

fn entries(matter: &PageModel<'_>) -> Markup {
    let report = matter.report;
    html! {
        @if matter.is_part() {
            (report.size - report.elsewhere) " of " (report.size) ": those about the secrets selected, and those about no secret. "
            (counted(report.elsewhere, "entry", "entries")) " about other secrets " @if report.elsewhere == 1 { "is" } @else { "are" } " not in the pack"
        } @else {
            "all " (report.size)
            @if report.size > 0 { ", numbered 0 to " (report.size - 1) }
        }
    }
}

fn exported(pack: &Dossier<'_>) -> Markup {
    let files = pack.attached.len() as u64;
    html! {
        dt { "Attached files" }
        dd {
            @if pack.selection.without_attachments { "withheld: only their names and digests are in the pack" }
            @else { (counted(files, "file", "files")) " in the pack" }
        }
        dt { "Exported" }
        dd {
            (instant(pack.record.entry.recorded)) ", recorded in the ledger by entry " (pack.record.sequence)
            @if let Some(recipient) = &pack.exported.recipient { ", for " bdi { (recipient.as_str()) } }
        }
        dt { "Signed by the key" } dd.hash { (pack.selection.key.to_string()) }
    }
}
