//! The document around a page: its style, and what a browser may do with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::hash::Sha256Digest;
use crate::text::is_deceptive;

/// The only style of the page; the policy in its head names its digest.
const STYLE: &str = include_str!("style.css");

/// A document with this title and body.
pub(super) fn shell(title: &str, body: &Markup) -> String {
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
            body { (body) }
        }
    };
    undeceptive(&document.into_string())
}

/// Nothing may run or be fetched, and no style counts but the page's own.
#[must_use]
pub fn content_policy() -> String {
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
