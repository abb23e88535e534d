//! Every registered secret, also those that are overdue, never touched or retired: a list of rotations
//! cannot show that nothing is missing from it.

use std::collections::BTreeMap;

use maud::Markup;
use maud::html;

use crate::inventory::Secret;
use crate::policy::Policy;
use crate::register::Register;
use crate::text::Id;
use crate::time::Timestamp;

use super::ages;
use super::markup::Tone;
use super::markup::days;
use super::markup::instant;
use super::markup::mark;
use super::markup::sheet;
use super::matter::Matter;

pub(super) fn section(matter: &Matter<'_>) -> Markup {
    let Some(register) = matter.register else {
        return html! {
            section #population {
                h2 { "Every secret" }
                p { "Not shown: entries that do not verify prove nothing." }
            }
        };
    };
    let as_of = matter.report.as_of;
    let policy = &register.charter.policy;
    let active: Vec<&Secret> = register.active_secrets().collect();
    let rotations = rotations_of(register);
    html! {
        section #population {
            h2 { "Every secret" }
            p { "All secrets that are registered in this ledger, whichever rotations were selected. " (attested(register)) }
            (figures(register, &active, &rotations, as_of))
            (ages::charts(&active, policy, as_of))
            (sheet("Every secret", &table(register, &rotations, as_of)))
        }
    }
}

/// How many rotations of each secret the ledger tells of, however they ended.
fn rotations_of(register: &Register) -> BTreeMap<&Id, u64> {
    let mut rotations = BTreeMap::new();
    for rotation in register.rotations.values() {
        *rotations.entry(&rotation.secret).or_insert(0) += 1;
    }
    rotations
}

fn attested(register: &Register) -> Markup {
    html! {
        @match register.charter.attested {
            Some(at) => { "That the list is complete was last attested at " (instant(at.occurred)) ", in entry " (at.sequence) "." }
            None => "Nobody has attested that the list is complete.",
        }
    }
}

fn figures(
    register: &Register,
    active: &[&Secret],
    rotations: &BTreeMap<&Id, u64>,
    as_of: Timestamp,
) -> Markup {
    let policy = &register.charter.policy;
    let overdue = active
        .iter()
        .filter(|secret| secret.age(policy, as_of).is_overdue())
        .count();
    let untouched = active
        .iter()
        .filter(|secret| !rotations.contains_key(&secret.id))
        .count();
    let figures = [
        ("registered", register.secrets.len()),
        ("in use", active.len()),
        ("in time", active.len() - overdue),
        ("overdue", overdue),
        ("untouched", untouched),
        ("retired", register.secrets.len() - active.len()),
    ];
    html! {
        dl.figures { @for (what, number) in figures { div { dt { (what) } dd { (number) } } } }
    }
}

fn table(register: &Register, rotations: &BTreeMap<&Id, u64>, as_of: Timestamp) -> Markup {
    let policy = &register.charter.policy;
    html! {
        table {
            caption {
                "Last rotated: when the version in use was generated. Untouched: the ledger tells of no rotation of it. An unknown date counts as overdue."
            }
            thead {
                tr {
                    th scope="col" .wide { "Secret" }
                    th scope="col" { "Class" }
                    th scope="col" .middling { "Owner" }
                    th scope="col" { "Last rotated" }
                    th scope="col" .number { "Limit" }
                    th scope="col" { "Due" }
                    th scope="col" { "Stands" }
                    th scope="col" .number { "Rotations" }
                }
            }
            tbody {
                @for threaded in register.secrets.values() {
                    (row(&threaded.secret, policy, rotations, as_of))
                }
            }
        }
    }
}

fn row(
    secret: &Secret,
    policy: &Policy,
    rotations: &BTreeMap<&Id, u64>,
    as_of: Timestamp,
) -> Markup {
    let age = secret.age(policy, as_of);
    let told = rotations.get(&secret.id).copied().unwrap_or(0);
    html! {
        tr {
            th scope="row" { (secret.id.as_str()) span.under { (secret.name.as_str()) } }
            td { (secret.class.word().replace('_', " ")) }
            td { (secret.owner.as_str()) }
            td { @if let Some(generated) = secret.generated { (instant(generated)) } @else { "not known" } }
            td.number.tight { (days(secret.max_age(policy).into())) }
            td { @if let Some(due) = age.due { (instant(due)) } @else { "not known" } }
            td { (standing(secret, age.days_left)) }
            td.number.tight { @if told == 0 { "untouched" } @else { (told) } }
        }
    }
}

fn standing(secret: &Secret, days_left: Option<i64>) -> Markup {
    html! {
        @match (secret.retired, days_left) {
            (Some(sequence), _) => { (mark(Tone::Plain, "retired")) span.under { "by entry " (sequence) } }
            (None, None) => (mark(Tone::Bad, "overdue")),
            (None, Some(left)) if left < 0 => {
                (mark(Tone::Bad, "overdue")) span.under { "by " (days(-left)) }
            }
            (None, Some(left)) => { (mark(Tone::Good, "in time")) span.under { (days(left)) " left" } }
        }
    }
}
