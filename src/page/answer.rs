//! What somebody came for, in one sentence of counts: before the verdicts, which say how far it can be relied on.

use maud::{Markup, html};

use crate::facts::SecretRow;
use crate::pack::PackPart;
use crate::rotation::Rotation;

use super::markup::{Tone, counted};
use super::matter::PageModel;
use super::rotations::{is_unproven, standing};

/// The sentence; nothing where no secret or rotation can be spoken of.
pub(super) fn sentence(matter: &PageModel<'_>) -> Markup {
    if matter.register.is_none() || matter.report.is_empty() {
        return html! {};
    }
    let (words, is_bad) = match (&matter.part, matter.rotations.as_slice()) {
        (PackPart::Rotation(_), [rotation]) => of_rotation(matter, rotation),
        _ => of_all(matter),
    };
    let tone = if is_bad { Tone::Bad } else { Tone::Good };
    html! { p.answer.(tone.class()) { (words) } }
}

/// Whatever stands against them first, and where nothing does, that.
fn of_all(matter: &PageModel<'_>) -> (String, bool) {
    let in_use = matter.asked_secrets();
    let in_use: Vec<_> = in_use
        .filter(|row| row.retired_by_entry.is_none())
        .collect();
    let is_late = |row: &&&SecretRow| row.days_left.is_none_or(|left| left < 0);
    let overdue = in_use.iter().filter(is_late).count();
    let told = &matter.rotations;
    let count = |is: &dyn Fn(&Rotation) -> bool| told.iter().filter(|one| is(one)).count() as u64;
    let many = |number, what: &str| counted(number, what, &format!("{what}s"));
    let (secrets, rotations) = (in_use.len() as u64, many(told.len() as u64, "rotation"));
    let against = [
        (count(&is_unproven), "old secret", "never shown dead"),
        (count(&is_unapproved), "rotation", "without approval"),
        (count(&is_unconfirmed), "rotation", "never confirmed"),
        (count(&Rotation::is_open), "rotation", "still open"),
    ];
    let mut said = vec![match (overdue, secrets) {
        (_, 0) => "No secret in use".to_owned(),
        (0, 1) => "The secret in time".to_owned(),
        (0, _) => format!("All {secrets} secrets in time"),
        _ => format!("{overdue} of {} overdue", many(secrets, "secret")),
    }];
    let standing = against.iter().filter(|(number, ..)| *number > 0);
    said.extend(standing.map(|(number, what, how)| format!("{} {how}", many(*number, what))));
    let failing: u64 = matter.report.verdicts.iter().map(|line| line.failing).sum();
    let is_bad = overdue > 0 || said.len() > 1 || failing > 0;
    let is_whole =
        |one: &Rotation| one.approved.is_some() && one.dead.is_some() && one.confirmed.is_some();
    said.push(match told.len() {
        0 => "no rotation recorded".to_owned(),
        all if !is_bad && count(&is_whole) == all as u64 => {
            format!("{rotations}, each approved, confirmed, and its old secret shown dead")
        }
        _ => format!("{rotations} in all"),
    });
    (format!("{}.", said.join("; ")), is_bad)
}

fn of_rotation(matter: &PageModel<'_>, rotation: &Rotation) -> (String, bool) {
    let against = matter.findings_of(&rotation.id);
    let open = against.iter().filter(|finding| finding.is_open()).count() as u64;
    let (id, secret, (_, state)) = (&rotation.id, &rotation.secret, standing(rotation));
    let mut said = vec![format!("Rotation {id} of {secret} {state}")];
    let mut say = |is: bool, words: &str| said.extend(is.then(|| words.to_owned()));
    say(rotation.is_open(), "still open");
    say(rotation.approved.is_some(), "approved");
    say(is_unapproved(rotation), "without approval");
    say(rotation.dead.is_some(), "old secret shown dead");
    say(is_unproven(rotation), "old secret never shown dead");
    say(rotation.confirmed.is_some(), "confirmed");
    say(is_unconfirmed(rotation), "never confirmed");
    said.push(match open {
        0 => "no finding against it".to_owned(),
        _ => format!("{} against it", counted(open, "finding", "findings")),
    });
    let is_bad = open > 0 || is_unproven(rotation) || is_unapproved(rotation);
    (format!("{}.", said.join("; ")), is_bad)
}

fn is_unapproved(rotation: &Rotation) -> bool {
    rotation.approved.is_none() && !rotation.is_one_shot()
}

fn is_unconfirmed(rotation: &Rotation) -> bool {
    rotation.ending.is_some() && rotation.confirmed.is_none()
}
