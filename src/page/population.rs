//! Every registered secret, also those that are overdue, never rotated or retired: a list of rotations
//! cannot show that nothing is missing from it.

use std::borrow::Cow;

use maud::{Markup, html};

use crate::facts::SecretRow;
use crate::register::Register;
use crate::time::Timestamp;

use super::ages;
use super::markup::{LISTED, Tone, days, figures, head, instant, mark, sheet};
use super::matter::PageModel;

pub(super) fn section(matter: &PageModel<'_>) -> Markup {
    let Some(register) = matter.register else {
        return html! {
            section #population {
                h2 { "Every secret" }
                p { "Not shown: entries that do not verify prove nothing." }
            }
        };
    };
    let secrets = &matter.secrets;
    html! {
        section #population {
            h2 { "Every secret" }
            p { "All secrets that were ever registered in the ledger, whichever rotations were selected. " (attested(register)) }
            (counts(secrets))
            (ages::charts(matter))
            (sheet("Every secret", &table(matter, secrets.iter().take(LISTED))))
            @if secrets.len() > LISTED {
                p.note {
                    "Not listed: " (secrets.len() - LISTED) " more, which have more time left or are retired. "
                    @match matter.pack {
                        Some(_) => "All of them are in secrets.csv in the pack.",
                        None => "ledger secret list has all of them.",
                    }
                }
            }
        }
    }
}

fn attested(register: &Register) -> Markup {
    html! {
        @match register.charter.attested {
            Some(at) => { "That these are all there are was last attested on " (instant(at.occurred)) ", in entry " (at.sequence) "." }
            None => "Nobody has attested that these are all there are.",
        }
    }
}

fn counts(secrets: &[Cow<'_, SecretRow>]) -> Markup {
    let count =
        |is: &dyn Fn(&SecretRow) -> bool| secrets.iter().filter(|row| is(row)).count() as u64;
    figures(&[
        ("registered", secrets.len() as u64),
        ("in time", count(&|row| row.state == "in time")),
        ("overdue", count(&|row| row.state == "overdue")),
        ("age unknown", count(&|row| row.state == "age unknown")),
        ("retired", count(&|row| row.state == "retired")),
        ("never rotated", count(&|row| row.rotations == 0)),
    ])
}

/// Secrets, each in a line.
pub(super) fn table<'a>(
    matter: &PageModel<'_>,
    secrets: impl Iterator<Item = &'a Cow<'a, SecretRow>>,
) -> Markup {
    html! {
        table.cards.secrets {
            caption {
                "The nearest to its limit or beyond it first. In use since: when the version in use was generated; where nobody knows, it counts as overdue. "
                "Rotated: how often, by what is recorded."
            }
            (head(&[("Secret", ""), ("Class", ""), ("Owner", ""), ("In use since", ""), ("Limit", "number"), ("Due", ""), ("Stands", ""), ("Rotated", "number")]))
            tbody { @for secret in secrets { (row(matter, secret)) } }
        }
    }
}

fn row(matter: &PageModel<'_>, row: &SecretRow) -> Markup {
    html! {
        tr {
            th scope="row" .name {
                (matter.link("secrets", &row.secret))
                @if row.name != row.secret.as_str() { span.under { bdi { (row.name) } } }
                @if !row.entries_in_pack { span.under { "entries not in this pack" } }
            }
            td data-label="Class:" { (row.class.replace('_', " ")) }
            td.name data-label="Owner:" { (row.owner) }
            td data-label="In use since:" { (date(row.generated_utc.as_deref())) }
            td.number data-label="Limit:" { (days(row.max_age_days.into())) }
            td data-label="Due:" { (date(row.due_utc.as_deref())) }
            td { (standing(row)) }
            td.number data-label="Rotated:" {
                @if row.rotations == 0 { "never" } @else { (row.rotations) }
                @if !row.open_rotations.is_empty() { span.under { (row.open_rotations.len()) " open" } }
            }
        }
    }
}

/// A row of a pack may say anything about a secret whose entries are not there.
fn date(text: Option<&str>) -> Markup {
    html! {
        @match text.map(str::parse::<Timestamp>) {
            Some(Ok(time)) => (instant(time)),
            Some(Err(_)) => (text.unwrap_or_default()),
            None => "not known",
        }
    }
}

fn standing(row: &SecretRow) -> Markup {
    let left = row.days_left.map(|left| (left < 0, left.unsigned_abs()));
    html! {
        @match (row.retired_by_entry, left) {
            (Some(sequence), _) => { (mark(Tone::Plain, "retired")) span.under { "by entry " (sequence) } }
            (None, None) => (mark(Tone::Bad, "age unknown")),
            (None, Some((true, past))) => { (mark(Tone::Bad, "overdue")) span.under { "by " (days(past)) } }
            (None, Some((false, left))) => { (mark(Tone::Good, "in time")) span.under { (days(left)) " left" } }
        }
        @if !row.exceptions.is_empty() { span.under { "exception " (row.exceptions.join(", ")) } }
    }
}
