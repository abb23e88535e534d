//! The small parts that sections are made of.

use maud::{Markup, html};

use crate::event::Event;
use crate::text::Id;
use crate::time::Timestamp;

/// The rows of a table of all secrets or rotations; with more, a page would not open where it is read.
pub(super) const LISTED: usize = 2_000;

/// What a mark means; its word says it too, since colours are not seen by everybody or printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Warn,
    Plain,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Plain => "plain",
        }
    }
}

/// A word in a frame.
pub(super) fn mark(tone: Tone, word: &str) -> Markup {
    html! { span.mark.(tone.class()) { (word) } }
}

/// The head of a table: its columns, each with the class of its cells or none.
pub(super) fn head(columns: &[(&str, &str)]) -> Markup {
    html! {
        thead {
            tr {
                @for (column, class) in columns {
                    @match *class {
                        "" => th scope="col" { (column) },
                        class => th.(class) scope="col" { (column) },
                    }
                }
            }
        }
    }
}

/// Where to go from each page.
pub(super) fn nav() -> Markup {
    html! { nav aria-label="Pages" { a href="/" { "What is next" } a href="/report" { "Whole report" } } }
}

/// Where the page of a rotation or secret is. An id may have a slash or a number sign in it.
pub(super) fn path(kind: &str, id: &Id) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let encoded = id.as_str().bytes().map(|byte| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    format!("/{kind}/{}", encoded.collect::<String>())
}

/// Numbers that are seen first.
pub(super) fn figures(figures: &[(&str, u64)]) -> Markup {
    html! {
        dl.figures { @for (what, number) in figures { div { dt { (what) } dd { (number) } } } }
    }
}

/// A table that scrolls by itself where the screen is narrower.
pub(super) fn sheet(name: &str, table: &Markup) -> Markup {
    html! { div.sheet role="region" aria-label=(name) tabindex="0" { (table) } }
}

/// An instant as people read it, to the second; the page says once that all are UTC.
pub(super) fn instant(time: Timestamp) -> Markup {
    html! { time datetime=(time.to_string()) { (plain_instant(time)) } }
}

/// The same where no markup can be.
pub(super) fn plain_instant(time: Timestamp) -> String {
    time.to_seconds().replace('T', " ").replace('Z', "")
}

/// To the minute, for drawings.
pub(super) fn minute(time: Timestamp) -> String {
    let text = plain_instant(time);
    // An instant that no calendar knows is a bare number.
    text.get(..16).map_or(text.clone(), str::to_owned)
}

/// A number of days.
pub(super) fn days(number: u64) -> String {
    counted(number, "day", "days")
}

/// A number with what it counts.
pub(super) fn counted(number: u64, one: &str, more: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {more}"),
    }
}

/// What an event says, by its name: `dual_run.started` is "Dual run started".
pub(super) fn title(event: &Event) -> String {
    let words = event.name().replace(['.', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A text of at most so many characters, for drawings; the table beside them has all of it. Ids often
/// begin alike and differ at their ends, so it is cut before its end.
pub(super) fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let begin = most.saturating_sub(1) / 3;
    let end = most.saturating_sub(1) - begin;
    let mut kept: String = text.chars().take(begin).collect();
    kept.push('\u{2026}');
    kept.extend(text.chars().skip(length - end));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), "aé");
        assert_eq!(cut("aéb", 2), "\u{2026}b");
        assert_eq!(cut("team/production/api-7", 13), "team\u{2026}on/api-7");
    }

    #[test]
    fn an_instant_beyond_every_calendar_is_still_shown() {
        assert_eq!(
            minute(Timestamp::YEAR_2000.plus_days(1)),
            "2000-01-02 00:00"
        );
        assert!(!minute(Timestamp::from_micros(i64::MAX)).is_empty());
    }
}
