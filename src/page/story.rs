//! One rotation in sentences, for those who read and those who do not see its drawing.

use maud::{Markup, html};

use crate::event::Event;
use crate::rotation::{DualRun, RevokedVersion, Rotation, RotationEnd};
use crate::verify::AdmittedEntry;

use super::markup::instant;
use super::timeline;

/// The rotation in sentences: approval, dual-run, revocation and its proof, its end.
pub(super) fn sentences(rotation: &Rotation, said: &[&AdmittedEntry]) -> Markup {
    html! {
        (approval(rotation)) " "
        @if let Some(run) = &rotation.dual_run { (dual_run(rotation, run)) " " }
        @if let Some(revoked) = &rotation.old_revoked { (revocation(rotation, revoked, said)) " " }
        (end(rotation, said))
    }
}

fn who<'a>(said: &[&'a AdmittedEntry], sequence: u64) -> &'a str {
    let admitted = said.iter().find(|admitted| admitted.sequence == sequence);
    admitted.map_or("somebody", |admitted| admitted.author.actor.as_str())
}

fn approval(rotation: &Rotation) -> Markup {
    html! {
        @match &rotation.approved {
            Some(approval) => {
                "Approved by " (approval.by.as_str())
                @if let Some((start, end)) = approval.window { " for the window " (instant(start)) " to " (instant(end)) }
                "."
            }
            None if rotation.is_one_shot() => "Told by one entry after it was done: minimum evidence only.",
            None => "Not approved.",
        }
    }
}

fn dual_run(rotation: &Rotation, run: &DualRun) -> Markup {
    let began = run.at.occurred;
    let planned = html! {
        @if let Some(end) = run.planned_end { " (planned end " (instant(end)) ")" }
        "."
    };
    html! {
        @match (run.supported, timeline::dual_run_end(rotation)) {
            (false, _) => "The secret supports no dual-run.",
            (true, Some(end)) => {
                "Old and new secret were both accepted from " (instant(began)) " to " (instant(end)) ", for " (began.span_to(end)) (planned)
            }
            (true, None) => { "Old and new secret are both accepted since " (instant(began)) (planned) }
        }
    }
}

fn revocation(rotation: &Rotation, revoked: &RevokedVersion, said: &[&AdmittedEntry]) -> Markup {
    html! {
        "The old secret (" (revoked.version.as_str()) ") was revoked by " (who(said, revoked.at.sequence))
        ", effective " (instant(revoked.effective)) ", and "
        @match rotation.dead {
            Some(dead) => {
                "shown dead " (revoked.effective.span_to(dead.occurred)) " later by " (who(said, dead.sequence)) ": "
                (proof(said, dead.sequence)) "."
            }
            None => "not shown dead.",
        }
    }
}

/// What the proof of a revocation was.
fn proof(said: &[&AdmittedEntry], sequence: u64) -> Markup {
    let admitted = said.iter().find(|admitted| admitted.sequence == sequence);
    html! {
        @match admitted.map(|admitted| &admitted.event) {
            Some(Event::RevocationVerified(verified)) => {
                (verified.test.word().replace('_', " ")) ", tried at " (instant(verified.tested_at))
            }
            _ => "proven",
        }
    }
}

fn end(rotation: &Rotation, said: &[&AdmittedEntry]) -> Markup {
    let ended = match &rotation.ending {
        Some(RotationEnd::Completed(completion)) => Some(("Completed", completion.at)),
        Some(RotationEnd::RolledBack(at)) => Some(("Rolled back to the old secret", *at)),
        Some(RotationEnd::Aborted(at)) => Some(("Aborted before the cutover", *at)),
        None => None,
    };
    html! {
        @match ended {
            Some((what, at)) => {
                (what) " by " (who(said, at.sequence)) "; "
                @match rotation.confirmed {
                    Some(confirmed) => { "confirmed by " (who(said, confirmed.sequence)) "." }
                    None => "not confirmed.",
                }
            }
            None => { "Still open: " (rotation.state().word()) "." }
        }
    }
}
