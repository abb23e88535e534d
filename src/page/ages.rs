//! The chart of ages: how long the version in use of each secret has been in use, against its limit.

use maud::{Markup, html};

use crate::facts::SecretRow;
use crate::time::Timestamp;

use super::markup::{cut, days};
use super::matter::PageModel;

/// The secrets that are drawn, those nearest to their limit or beyond it first. More than these
/// nobody compares by eye, and the table has all of them.
const DRAWN: usize = 80;
/// Rows in one drawing, so that it fits on a page.
const ROWS: usize = 40;

const ROW: usize = 22;
const TOP: usize = 24;
const LEFT: f64 = 210.0;
const WIDTH: f64 = 500.0;
const FULL: f64 = 900.0;

/// A secret in use as the chart shows it.
struct AgeBar<'a> {
    secret: &'a SecretRow,
    /// Days since the version in use was generated; none where nobody knows when.
    age: Option<i64>,
    limit: i64,
    overdue: bool,
}

impl<'a> AgeBar<'a> {
    fn of(secret: &'a SecretRow, as_of: Timestamp) -> Self {
        let generated = secret.generated_utc.as_deref();
        let generated = generated.and_then(|time| time.parse().ok());
        Self {
            secret,
            age: generated.map(|generated| as_of.days_since(generated).max(0)),
            limit: i64::from(secret.max_age_days),
            overdue: secret.days_left.is_none_or(|left| left < 0),
        }
    }

    /// The part of its limit that is used up, in thousandths; beyond all where it is not known.
    fn used(&self) -> i64 {
        let share = |age: i64| age.saturating_mul(1_000) / self.limit.max(1);
        self.age.map_or(i64::MAX, share)
    }

    fn words(&self) -> String {
        let limit = days(self.secret.max_age_days.into());
        match self.age {
            None => "age unknown".to_owned(),
            Some(age) if self.overdue => format!("{age} of {limit}, overdue"),
            Some(age) => format!("{age} of {limit}"),
        }
    }
}

/// The charts, or nothing where no secret is in use.
pub(super) fn charts(matter: &PageModel<'_>) -> Markup {
    let in_use = matter.secrets.iter().map(AsRef::as_ref);
    let in_use = in_use.filter(|row: &&SecretRow| row.retired_by_entry.is_none());
    let mut bars: Vec<AgeBar<'_>> = in_use
        .map(|row| AgeBar::of(row, matter.report.as_of))
        .collect();
    bars.sort_by(|a, b| (b.used(), &a.secret.secret).cmp(&(a.used(), &b.secret.secret)));
    let left_out = bars.split_off(bars.len().min(DRAWN));
    let overdue = left_out.iter().filter(|bar| bar.overdue).count();
    let longest = bars
        .iter()
        .map(|bar| bar.limit.max(bar.age.unwrap_or(0)))
        .max();
    let longest = longest.unwrap_or(0).max(1);
    html! {
        @for (sheet, rows) in bars.chunks(ROWS).enumerate() {
            (chart(sheet + 1, rows, longest))
        }
        @if !left_out.is_empty() {
            p.note { "Not drawn: " (left_out.len()) " more, which have used up less of their limit, " (overdue) " of them overdue." }
        }
    }
}

fn chart(sheet: usize, bars: &[AgeBar<'_>], longest: i64) -> Markup {
    let height = TOP + bars.len() * ROW + 4;
    let (title, desc) = (format!("ages-{sheet}-title"), format!("ages-{sheet}-desc"));
    let overdue = bars.iter().filter(|bar| bar.overdue).count();
    html! {
        figure.ages {
            svg role="img" viewBox=(format!("0 0 {FULL} {height}")) aria-labelledby=(format!("{title} {desc}")) {
                title #(title) { "Age of each secret against its limit" }
                desc #(desc) {
                    (bars.len()) " secrets, of which " (overdue) " overdue. One bar each, in days since the version in use was generated; the upright line is its limit. The table below has the same figures."
                }
                @for tick in ticks(longest) {
                    (upright(x(tick, longest), TOP - 4, height - 4, "rule"))
                    text.dim.small.mid x=(at(x(tick, longest))) y="13" { (tick) @if tick == 0 { " days" } }
                }
                @for (row, bar) in bars.iter().enumerate() { (drawn(bar, TOP + row * ROW, longest)) }
            }
            figcaption {
                "Days since the version in use was generated, the nearest to its limit first. Upright line: the most days it may be in use."
            }
        }
    }
}

fn drawn(bar: &AgeBar<'_>, top: usize, longest: i64) -> Markup {
    let limit = x(bar.limit, longest);
    let end = bar.age.map_or(limit, |age| x(age, longest));
    let middle = top + 15;
    let class = match (bar.age, bar.overdue) {
        (None, _) => "bar-open",
        (_, true) => "fill-bad",
        (_, false) => "fill-good",
    };
    html! {
        text x="0" y=(middle) { (cut(bar.secret.secret.as_str(), 28)) }
        rect class=(class) x=(at(LEFT)) y=(top + 5) width=(at((end - LEFT).max(1.0))) height="12" {}
        (upright(limit, top + 2, top + 20, "limit"))
        text.badtext[bar.overdue] x=(at(LEFT + WIDTH + 14.0)) y=(middle) { (bar.words()) }
    }
}

pub(super) fn upright(x: f64, from: usize, to: usize, class: &str) -> Markup {
    html! { line class=(class) x1=(at(x)) x2=(at(x)) y1=(from) y2=(to) {} }
}

/// A coordinate, always with one decimal.
pub(super) fn at(x: f64) -> String {
    format!("{x:.1}")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "days that are drawn to a tenth of a point"
)]
fn x(days: i64, longest: i64) -> f64 {
    LEFT + WIDTH * days as f64 / longest as f64
}

/// Round numbers of days, about five of them.
fn ticks(longest: i64) -> Vec<i64> {
    let step = [1, 5, 10, 15, 30, 60, 90, 180, 365, 730, 1_825]
        .into_iter()
        .find(|step| longest / step <= 6);
    let step = step.unwrap_or(longest / 5 + 1);
    (0..=longest / step).map(|tick| tick * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_few_and_within() {
        for longest in [1, 7, 90, 91, 400, 10_000, i64::from(u32::MAX)] {
            let ticks = ticks(longest);
            assert!(ticks.len() <= 7, "{longest}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (0..=longest).contains(tick)));
        }
    }
}
