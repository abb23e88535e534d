//! One rotation in sentences, for those who read and those who do not see its drawing.

use crate::event::Event;
use crate::rotation::Ending;
use crate::rotation::Rotation;
use crate::verify::Admitted;

use super::markup::plain_instant;
use super::markup::span;
use super::timeline;

/// The rotation in sentences: approval, dual-run, revocation and its proof, its end.
pub(super) fn sentences(rotation: &Rotation, said: &[&Admitted]) -> Vec<String> {
    let who = |sequence: u64| {
        let admitted = said.iter().find(|admitted| admitted.sequence == sequence);
        admitted.map_or("somebody", |admitted| admitted.author.actor.as_str())
    };
    let mut told = Vec::new();
    match &rotation.approved {
        Some(approval) => told.push(format!(
            "Approved by {}{}.",
            approval.by,
            approval
                .window
                .map_or_else(String::new, |(start, end)| format!(
                    " for the window {} to {}",
                    plain_instant(start),
                    plain_instant(end)
                ))
        )),
        None if rotation.is_one_shot() => {
            told.push("Told by one entry after it was done: minimum evidence only.".to_owned());
        }
        None => told.push("Not approved.".to_owned()),
    }
    if let Some(run) = rotation.dual_run {
        let planned = run.planned_end.map_or_else(String::new, |end| {
            format!(" (planned end {})", plain_instant(end))
        });
        told.push(match (run.supported, timeline::dual_run_end(rotation)) {
            (false, _) => "The secret supports no dual-run.".to_owned(),
            (true, Some(end)) => format!(
                "Old and new secret were both accepted from {} to {}, for {}{planned}.",
                plain_instant(run.at.occurred),
                plain_instant(end),
                span(run.at.occurred, end)
            ),
            (true, None) => format!(
                "Old and new secret are both accepted since {}{planned}.",
                plain_instant(run.at.occurred)
            ),
        });
    }
    if let Some(revoked) = &rotation.old_revoked {
        let mut sentence = format!(
            "The old secret ({}) was revoked by {}, effective {}",
            revoked.version,
            who(revoked.at.sequence),
            plain_instant(revoked.effective)
        );
        match rotation.dead {
            Some(dead) => sentence.push_str(&format!(
                ", and shown dead {} later by {}: {}.",
                span(revoked.effective, dead.occurred),
                who(dead.sequence),
                proof(said, dead.sequence)
            )),
            None => sentence.push_str(", and not shown dead."),
        }
        told.push(sentence);
    }
    let ended = match &rotation.ending {
        Some(Ending::Completed(completion)) => Some(("Completed", completion.at)),
        Some(Ending::RolledBack(at)) => Some(("Rolled back to the old secret", *at)),
        Some(Ending::Aborted(at)) => Some(("Aborted before the cutover", *at)),
        None => None,
    };
    told.push(match (ended, rotation.confirmed) {
        (Some((what, at)), Some(confirmed)) => format!(
            "{what} by {}; confirmed by {}.",
            who(at.sequence),
            who(confirmed.sequence)
        ),
        (Some((what, at)), None) => {
            format!("{what} by {}; not confirmed.", who(at.sequence))
        }
        (None, _) => format!("Still open: {}.", rotation.state().word()),
    });
    told
}

/// What the proof of a revocation was.
fn proof(said: &[&Admitted], sequence: u64) -> String {
    let admitted = said.iter().find(|admitted| admitted.sequence == sequence);
    match admitted.map(|admitted| &admitted.event) {
        Some(Event::RevocationVerified(verified)) => format!(
            "{}, tried at {}",
            verified.test.word().replace('_', " "),
            plain_instant(verified.tested_at)
        ),
        _ => "proven".to_owned(),
    }
}
