//! The drawing of one rotation: a row for each step, its place in time, who said it; the time in
//! which both secrets were accepted; the time from the revocation to its proof.

use maud::{Markup, html};

use crate::event::{Event, TestResult};
use crate::rotation::Rotation;
use crate::time::Timestamp;
use crate::verify::AdmittedEntry;

use super::ages::{at, upright};
use super::axis::Axis;
use super::markup::{cut, plain_instant, title};
use super::matter::PageModel;

const ROW: usize = 20;
const TOP: usize = 30;
const FULL: usize = 900;
const NUMBER: usize = 30;
const LABEL: usize = 40;
const LEFT: f64 = 220.0;
const RIGHT: f64 = 600.0;
const WHEN: usize = 614;
const WHO: usize = 766;

/// How a step is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MarkShape {
    /// Done.
    Step,
    /// A Security Owner's word.
    Owner,
    /// The old secret is dead.
    Proof,
    /// It went wrong.
    Failure,
}

/// A span of time in the row of the step that begins it.
struct StepBar {
    from: Timestamp,
    /// Where it is over.
    to: Option<Timestamp>,
    class: &'static str,
}

/// The id of the sentences that say what a drawing shows, for those who do not see it.
pub(super) fn told(number: usize) -> String {
    format!("rotation-{number}-told")
}

/// The drawing of `rotation`.
pub(super) fn drawing(
    matter: &PageModel<'_>,
    number: usize,
    rotation: &Rotation,
    said: &[&AdmittedEntry],
) -> Markup {
    let Some(axis) = Axis::over(instants(rotation, said), LEFT, RIGHT) else {
        return html! {};
    };
    let foot = TOP + said.len() * ROW;
    let height = foot + 24;
    let name = format!("rotation-{number}-title");
    html! {
        svg role="img" viewBox=(format!("0 0 {FULL} {height}")) aria-labelledby=(name) aria-describedby=(told(number)) {
            title #(name) { "Timeline of rotation " (rotation.id.as_str()) }
            (window(rotation, &axis, foot))
            (ends(&axis, foot))
            @for (row, admitted) in said.iter().enumerate() {
                @let drawn = step(rotation, admitted, &axis, TOP + row * ROW);
                @match matter.entry_id(admitted.sequence, None) {
                    Some(id) => a href=(format!("#{id}")) { (drawn) },
                    None => (drawn),
                }
            }
        }
    }
}

fn instants(rotation: &Rotation, said: &[&AdmittedEntry]) -> Vec<Timestamp> {
    let mut instants: Vec<Timestamp> = said.iter().map(|admitted| admitted.occurred).collect();
    if !instants.is_empty() {
        instants.extend(
            rotation
                .old_revoked
                .as_ref()
                .map(|revoked| revoked.effective),
        );
        // A rotation that was told by one entry began and ended before it was said.
        if let Some(completion) = rotation.completion() {
            instants.extend([completion.started, completion.completed]);
        }
    }
    instants
}

/// The approved window, as far as it lies within the drawing.
fn window(rotation: &Rotation, axis: &Axis, foot: usize) -> Markup {
    let approved = rotation.approved.as_ref();
    let Some((start, end)) = approved.and_then(|approval| approval.window) else {
        return html! {};
    };
    let (left, right) = (axis.x(start), axis.x(end));
    html! {
        rect.fill-window x=(at(left)) y=(TOP) width=(at((right - left).max(1.0))) height=(foot - TOP) {}
    }
}

/// The frame, with the times at both ends and how long each pause is that is drawn short.
fn ends(axis: &Axis, foot: usize) -> Markup {
    let (Some(first), Some(last)) = (axis.pieces.first(), axis.pieces.last()) else {
        return html! {};
    };
    html! {
        rect.frame x=(at(LEFT)) y=(TOP) width=(at(RIGHT - LEFT)) height=(foot - TOP) {}
        text.dim.small x=(at(LEFT)) y="20" { (plain_instant(first.from)) }
        text.dim.small.end x=(at(RIGHT)) y="20" { (plain_instant(last.to)) }
        text.dim.small x=(WHEN) y="20" { "when (UTC)" }
        text.dim.small x=(WHO) y="20" { "who" }
        text.dim.small.end x=(NUMBER) y="20" { "SOP" }
        text.dim.small x=(LABEL) y="20" { "step" }
        @for pause in axis.pieces.iter().filter(|piece| piece.is_pause) {
            (upright(pause.left, TOP, foot, "pause"))
            (upright(pause.right, TOP, foot, "pause"))
            text.dim.small.mid x=(at(f64::midpoint(pause.left, pause.right))) y=(foot + 16) { "\u{2026} " (pause.span()) " \u{2026}" }
        }
    }
}

fn step(rotation: &Rotation, admitted: &AdmittedEntry, axis: &Axis, top: usize) -> Markup {
    let middle = top + ROW / 2;
    let base = top + 14;
    let shape = shape(rotation, admitted);
    html! {
        (hair_line(top))
        text.dim.end x=(NUMBER) y=(base) { (sop_number(&admitted.event)) }
        text.badtext[shape == MarkShape::Failure] x=(LABEL) y=(base) { (title(&admitted.event)) }
        @if let Some(bar) = bar(rotation, admitted) { (drawn_bar(&bar, axis, middle)) }
        (drawn_shape(shape, axis.x(admitted.occurred), middle))
        text x=(WHEN) y=(base) { (plain_instant(admitted.occurred)) }
        text x=(WHO) y=(base) { (cut(admitted.author.actor.as_str(), 17)) }
    }
}

/// A hair line between two rows.
fn hair_line(top: usize) -> Markup {
    html! { line.rule x1="0" x2=(FULL) y1=(top) y2=(top) {} }
}

/// The time that begins with a step and ends with a later one.
fn bar(rotation: &Rotation, admitted: &AdmittedEntry) -> Option<StepBar> {
    let dual_run = rotation.dual_run.filter(|run| run.supported);
    if let Some(dual_run) = dual_run.filter(|run| run.at.sequence == admitted.sequence) {
        return Some(StepBar {
            from: dual_run.at.occurred,
            to: dual_run_end(rotation),
            class: "fill-dual",
        });
    }
    let revoked = rotation.old_revoked.as_ref();
    let revoked = revoked.filter(|revoked| revoked.at.sequence == admitted.sequence)?;
    Some(StepBar {
        from: revoked.effective,
        to: rotation.dead.map(|dead| dead.occurred),
        class: "fill-bad",
    })
}

/// When the old secret was no longer accepted beside the new one: at the last cutover, or where the
/// rotation ended without one.
pub(super) fn dual_run_end(rotation: &Rotation) -> Option<Timestamp> {
    let end = rotation.cutover.or_else(|| rotation.ended());
    end.map(|end| end.occurred)
}

fn drawn_bar(bar: &StepBar, axis: &Axis, middle: usize) -> Markup {
    let end = axis.pieces.last().map_or(RIGHT, |piece| piece.right);
    let (left, right) = (axis.x(bar.from), bar.to.map_or(end, |to| axis.x(to)));
    let class = match bar.to {
        Some(_) => bar.class,
        None => "bar-open",
    };
    html! {
        rect class=(class) x=(at(left)) y=(middle - 4) width=(at((right - left).max(2.0))) height="8" {}
    }
}

fn shape(rotation: &Rotation, admitted: &AdmittedEntry) -> MarkShape {
    if rotation
        .dead
        .is_some_and(|dead| dead.sequence == admitted.sequence)
    {
        return MarkShape::Proof;
    }
    match &admitted.event {
        Event::RotationApproved(_) | Event::RotationConfirmed(_) => MarkShape::Owner,
        Event::StepFailed(_) | Event::RotationAborted(_) | Event::RollbackCompleted(_) => {
            MarkShape::Failure
        }
        Event::ReplacementValidated(validated) if validated.result != TestResult::Pass => {
            MarkShape::Failure
        }
        Event::HealthConfirmed(health) if !health.healthy => MarkShape::Failure,
        // A test that did not prove it is no step forward.
        Event::RevocationVerified(_) if rotation.dead.is_none() => MarkShape::Failure,
        _ => MarkShape::Step,
    }
}

fn drawn_shape(shape: MarkShape, x: f64, middle: usize) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "a row of a drawing")]
    let y = middle as f64;
    html! {
        @match shape {
            MarkShape::Step => circle.fill-step cx=(at(x)) cy=(at(y)) r="4.5" {},
            MarkShape::Owner => rect.hollow x=(at(x - 4.5)) y=(at(y - 4.5)) width="9" height="9" {},
            MarkShape::Proof => {
                circle.fill-good cx=(at(x)) cy=(at(y)) r="7" {}
                circle.hollow cx=(at(x)) cy=(at(y)) r="2" {}
            }
            MarkShape::Failure => path.cross d=(format!("M{0} {2}L{1} {3}M{0} {3}L{1} {2}", at(x - 4.5), at(x + 4.5), at(y - 4.5), at(y + 4.5))) {},
        }
    }
}

/// What the marks mean, once for all drawings.
pub(super) fn legend() -> Markup {
    let shape = |shape| drawn_shape(shape, 10.0, 10);
    let bar = |class: &str| html! { rect class=(class) x="1" y="6" width="18" height="8" {} };
    let marks = [
        (shape(MarkShape::Step), "step"),
        (shape(MarkShape::Owner), "Security Owner's word"),
        (shape(MarkShape::Proof), "old secret shown dead"),
        (shape(MarkShape::Failure), "went wrong"),
        (bar("fill-dual"), "old and new both accepted"),
        (bar("fill-bad"), "revoked, not yet shown dead"),
        (bar("fill-window"), "approved window"),
        (bar("bar-open"), "never ended"),
    ];
    html! {
        figure.legend {
            @for (mark, word) in marks { span { svg viewBox="0 0 20 20" aria-hidden="true" { (mark) } (word) } }
        }
    }
}

/// The SOP's number of a step, short: `6, Step 4` is 6.4.
fn sop_number(event: &Event) -> String {
    let sop = event.spec().map_or("", |spec| spec.sop);
    sop.replace(", Step ", ".").replace(" and ", ", ")
}
