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
//! | `source` | which ledger, who acted, the words, how to check it |
//! | `markup` | instants, spans, marks and tables |
//! | `tables` | rows for spreadsheets, in a pack |
//! | `by_hand` | how a pack is checked with other people's programs |

mod ages;
mod axis;
mod by_hand;
mod findings;
mod heading;
mod markup;
mod matter;
mod population;
mod rotations;
mod scope;
mod source;
mod story;
mod tables;
mod timeline;
mod verdicts;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, PreEscaped, html};

use crate::facts::{Dossier, PackFacts};
use crate::hash::Sha256Digest;
use crate::pack::PackFiles;
use crate::text::is_deceptive;
use crate::verify::Report;

use matter::PageModel;

/// The only style of the page; the policy in its head names its digest.
const STYLE: &str = include_str!("style.css");

/// The page about a ledger, as one HTML document: the rotations of the period that the report was asked for.
///
/// Every registered secret is counted whatever was selected, and what was not checked is always listed.
/// What was said in each rotation is told where the report kept it ([`Report::said`]). Where integrity did
/// not pass there is nothing to tell but the verdicts and findings.
#[must_use]
pub fn page(report: &Report) -> String {
    document(&PageModel::of_ledger(report))
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
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(content_policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (heading::heading(matter))
                main {
                    (verdicts::section(matter))
                    (scope::section(matter))
                    (findings::section(matter))
                    (population::section(matter))
                    (rotations::section(matter))
                    (source::section(matter))
                    (source::people(matter))
                    (source::glossary(matter))
                    (source::how_to_check(matter))
                }
            }
        }
    };
    undeceptive(&document.into_string())
}

/// Nothing may run or be fetched, and no style counts but the page's own.
fn content_policy() -> String {
    let digest = BASE64.encode(Sha256Digest::of(STYLE.as_bytes()).as_bytes());
    format!("default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'")
}

/// Recorded text holds no character that a screen would not show truly, by its types. Names of files
/// and what other programs said may: such a character is shown as one that cannot be shown.
fn undeceptive(page: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if is_deceptive(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    page.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_rearranges_the_page_is_not_passed_on() {
        assert_eq!(
            undeceptive("a\u{202e}b\n\tc\u{0}d"),
            "a\u{fffd}b\n\tc\u{fffd}d"
        );
    }

    #[test]
    fn the_style_asks_for_nothing_from_elsewhere() {
        for word in ["@import", "url(", "http:", "https:", "@font-face", "</"] {
            assert!(!STYLE.contains(word), "{word}");
        }
    }

    /// WCAG 2.2, 1.4.3 and 1.4.11: texts stand out from what is behind them by 4.5 to 1, marks by 3 to 1.
    #[test]
    fn colours_stand_out_from_what_is_behind_them() {
        let palettes: Vec<&str> = STYLE.split(":root {").skip(1).collect();
        assert_eq!(palettes.len(), 2, "light and dark");
        for palette in palettes {
            let palette = palette.split('}').next().unwrap();
            for behind in ["page", "panel"] {
                for (name, least) in [
                    ("text", 7.0),
                    ("muted", 4.5),
                    ("good", 4.5),
                    ("bad", 4.5),
                    ("warn", 4.5),
                    ("dual", 4.5),
                    ("edge", 3.0),
                ] {
                    let ratio = contrast(colour(palette, name), colour(palette, behind));
                    assert!(ratio >= least, "{name} on {behind}: {ratio:.2} of {least}");
                }
            }
        }
    }

    fn colour(palette: &str, name: &str) -> [f64; 3] {
        let (_, after) = palette.split_once(&format!("--{name}: #")).unwrap();
        [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&after[at..at + 2], 16).unwrap()) / 255.0)
    }

    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let linear = |c: f64| match c <= 0.040_45 {
            true => c / 12.92,
            false => ((c + 0.055) / 1.055).powf(2.4),
        };
        let luminance = |[r, g, b]: [f64; 3]| {
            0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05
        };
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }
}
