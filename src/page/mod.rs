//! What people read: one page about what a verification found: verdicts first, then what was not checked,
//! every secret, every rotation. It reads well to somebody who never saw this program, and prints.
//!
//! The page is one file without scripts, and fetches nothing; a policy in its head makes the browser
//! hold it to that. Names in it are other people's text: everything goes through `maud`, which
//! escapes it. The same report gives the same bytes.
//!
//! | file | knows |
//! |---|---|
//! | `matter` | what is told: the rotations selected, every secret, what was said, what is held against it |
//! | `answer` | what somebody came for, in one sentence |
//! | `heading` | what the page is, and the verdicts in one sentence |
//! | `verdicts` | the five verdicts, and what was not checked |
//! | `scope` | what was selected, and what was not |
//! | `findings` | what is held against the ledger, and what was waived |
//! | `population` | every registered secret |
//! | `ages` | the chart of their ages |
//! | `rotations` | every rotation in a line, and some in full: its entries, the SOP's nine fields |
//! | `story` | one rotation in sentences |
//! | `timeline` | the drawing of one rotation |
//! | `axis` | where an instant stands in that drawing |
//! | `served` | the pages of a server: what is next, one rotation, one secret |
//! | `files` | attached files: where each lies, and how it begins |
//! | `names` | the names under which evidence is found |
//! | `source` | which ledger, who acted, the words, how to check it |
//! | `auditor` | the page in which a browser verifies packs |
//! | `shell` | the document around a page: its style, and what a browser may do with it |
//! | `markup` | instants, spans, marks and tables |
//! | `tables` | rows for spreadsheets, in a pack |
//! | `by_hand` | how a pack is checked with other people's programs |

mod ages;
mod answer;
mod auditor;
mod axis;
mod by_hand;
mod files;
mod findings;
mod heading;
mod markup;
mod matter;
mod names;
mod population;
mod rotations;
mod scope;
mod served;
mod shell;
mod source;
mod story;
mod tables;
mod timeline;
mod verdicts;

use maud::html;

use crate::facts::{Dossier, PackFacts};
use crate::pack::{PackFiles, PackPart};
use crate::verify::Report;

use matter::PageModel;

pub use auditor::{AUDITOR_PAGE, auditor_policy};
pub use matter::FileReader;
pub use names::{FolderNames, evidence_folders};
pub use served::{ServedPage, notice};
pub use shell::content_policy;
pub use tables::{csv, plain};

/// The page about a ledger, as one HTML document: the rotations of the period that the report was asked for.
///
/// Every registered secret is counted whatever was selected, and what was not checked is always listed.
/// What was said in each rotation is told where the report kept it ([`Report::said`]), and how text among the
/// attached `files` begins. Where integrity did
/// not pass there is nothing to tell but the verdicts and findings.
#[must_use]
pub fn page(report: &Report, files: &FileReader<'_>) -> String {
    document(&PageModel::of_ledger(report, files))
}

/// A page of a server, out of its last verification, which kept what was said; `entries` is how many the ledger
/// has by now. Nothing where the ledger verified, and knows of no such rotation or secret.
#[must_use]
pub fn page_served(
    report: &Report,
    entries: u64,
    which: &ServedPage,
    files: &FileReader<'_>,
) -> Option<String> {
    let mut matter = PageModel::served(report, files);
    match which {
        ServedPage::Report => Some(document(&matter)),
        which => served::page(&mut matter, entries, which),
    }
}

/// The page about a pack: what was selected for it, as whoever asked had it verified.
#[must_use]
pub fn page_of_pack(pack: &Dossier<'_>) -> String {
    document(&PageModel::of_pack(pack))
}

/// What people read in a pack, by its path there: the page about what was selected, as of the export; tables;
/// and how to check it by hand.
#[must_use]
pub fn renderings(pack: &Dossier<'_>, facts: &PackFacts) -> PackFiles {
    let mut files = tables::files(pack, facts);
    let page = document(&PageModel::in_pack(pack));
    files.insert("report.html".to_owned(), page.into_bytes());
    let by_hand = by_hand::text(pack.origin(), pack.record.sequence, &pack.report.stamped);
    files.insert("VERIFY.md".to_owned(), by_hand.into_bytes());
    files
}

fn document(matter: &PageModel<'_>) -> String {
    let title = format!(
        "Rotation evidence of {}, as of {}",
        matter.origin(),
        matter.report.as_of.to_seconds()
    );
    let is_one = matches!(matter.part, PackPart::Rotation(_));
    let body = html! {
        (heading::heading(matter))
        main {
            @if is_one { (rotations::section(matter)) }
            (verdicts::section(matter))
            (scope::section(matter))
            (findings::section(matter))
            (population::section(matter))
            @if !is_one { (rotations::section(matter)) }
            (source::section(matter))
            (source::people(matter))
            (source::glossary(matter))
            (source::how_to_check(matter))
        }
    };
    shell::shell(&title, &body)
}
