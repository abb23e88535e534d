//! The pages of a server, out of its last verification: what is to be done, one rotation, one secret.

use maud::{Markup, html};

use crate::event;
use crate::register::Register;
use crate::rotation::Rotation;
use crate::text::Id;

use super::markup::{LISTED, counted, figures, head, instant, nav, sheet};
use super::matter::PageModel;
use super::shell::shell;
use super::{findings, heading, population, rotations, timeline, verdicts};

/// How far ahead secrets that fall due are shown.
const AHEAD_DAYS: i64 = 14;

/// Which of its pages a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServedPage {
    /// What is open and what is next, what falls due, what the verification says.
    Home,
    /// The whole report.
    Report,
    /// One rotation.
    Rotation(Id),
    /// One secret, with its rotations.
    Secret(Id),
}

/// A page; nothing where the ledger has verified, and knows of none such.
pub(super) fn page(matter: &mut PageModel<'_>, entries: u64, which: &ServedPage) -> Option<String> {
    let number = matter.tell_only(match which {
        ServedPage::Rotation(id) => Some(id),
        _ => None,
    });
    let matter = &*matter;
    let report = matter.report;
    let since = entries.saturating_sub(report.size);
    let title = match which {
        ServedPage::Home | ServedPage::Report => format!("Rotations of {}", matter.origin()),
        ServedPage::Rotation(id) => format!("Rotation {id}"),
        ServedPage::Secret(id) => format!("Secret {id}"),
    };
    let told = match (matter.register, which) {
        (None, _) => html! {},
        (Some(register), ServedPage::Rotation(id)) => rotation(matter, register, id, number?)?,
        (Some(register), ServedPage::Secret(id)) => secret(matter, register, id)?,
        (Some(register), _) => home(matter, register),
    };
    let body = html! {
        header {
            (nav())
            p.eyebrow { (matter.origin()) " \u{b7} PetCare PH42-A, Production Secret Rotation SOP" }
            h1 { (title) }
            p.lead {
                "From the verification at " (instant(report.as_of)) ", which read all "
                (counted(report.size, "entry", "entries")) " that there were. All times are UTC."
            }
            @if since > 0 {
                p.lead {
                    strong { (counted(since, "entry was", "entries were")) " recorded since and not verified yet: " }
                    "this page does not show them. Load it again in a while."
                }
            }
            (heading::conclusion(matter))
        }
        main {
            (told)
            (verdicts::section(matter))
            p { a href="/report" { "The whole report" } " has every secret, every rotation and all findings." }
        }
    };
    Some(shell(&title, &body))
}

/// A page that says why there is no other, and to whom nothing is shown how to get in.
#[must_use]
pub fn notice(title: &str, detail: &str, way_in: bool) -> String {
    let body = html! {
        header { (nav()) h1 { (title) } p.lead { (detail) } }
        @if way_in {
            main {
                p { "A browser gets in by a link that opens once. Whoever may read the ledger from a terminal prints one there:" }
                pre { "ledger open --ledger unix:PATH\nledger open --ledger https://HOST --token-file FILE" }
                p { "Where you have just opened such a link, " a href="/" { "go on to the pages" } "." }
            }
        }
    };
    shell(title, &body)
}

fn home(matter: &PageModel<'_>, register: &Register) -> Markup {
    let overdue = register.overdue_secrets(matter.report.as_of).count() as u64;
    let unconfirmed = register.unconfirmed_rotations().count() as u64;
    let unreported: Vec<_> = register.unreported_incidents().collect();
    html! {
        (figures(&[
            ("rotations open", register.charter.open_rotations),
            ("ended, not confirmed", unconfirmed),
            ("secrets overdue", overdue),
            ("secrets in use", register.charter.active_secrets),
            ("entries verified", matter.report.size),
        ]))
        (waiting(matter, register))
        @if !unreported.is_empty() {
            h3 { "Incidents without a report" }
            ul { @for incident in unreported { li { (incident.id.as_str()) ", detected " (instant(incident.detected)) } } }
        }
        (due(matter))
    }
}

fn rotation(matter: &PageModel<'_>, register: &Register, id: &Id, number: usize) -> Option<Markup> {
    let rotation = register.rotations.get(id)?;
    let findings = matter.findings_of(id);
    Some(html! {
        p { (rotations::stands(matter, rotation)) " Secret " (matter.link("secrets", &rotation.secret)) "." }
        p { "Next: " (next_step(register, rotation)) }
        div #(format!("rotation-{number}")) { (rotations::in_full(matter, number, rotation)) }
        (timeline::legend())
        @if !findings.is_empty() {
            section #findings { h2 { "Findings" } (findings::table(matter, findings.iter().copied())) }
        }
    })
}

fn secret(matter: &PageModel<'_>, register: &Register, id: &Id) -> Option<Markup> {
    let consumers = &register.secrets.get(id)?.secret.consumers;
    let own = matter.rotations.iter().filter(|one| one.secret == *id);
    let mut own: Vec<_> = own.copied().collect();
    own.drain(..own.len().saturating_sub(LISTED));
    let row = matter.secrets.iter().filter(|row| row.secret == *id);
    Some(html! {
        (sheet("The secret", &population::table(matter, row)))
        p { "Used by " (consumers.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")) "." }
        h2 { "Its rotations" }
        (sheet("Its rotations", &rotations::overview(matter, &own)))
    })
}

/// The rotations in which somebody has to do something.
fn waiting(matter: &PageModel<'_>, register: &Register) -> Markup {
    let open = register
        .open_rotations()
        .chain(register.unconfirmed_rotations());
    let mut open: Vec<&Rotation> = open.collect();
    open.sort_by_key(|rotation| (!rotation.is_emergency(), rotation.opened.sequence));
    let table = html! {
        table.cards.next {
            caption { "Emergencies first, then in the order in which they were opened. Who may say it: the roles in which the next entry counts." }
            (head(&[("Rotation", ""), ("Secret", ""), ("Stands", ""), ("Opened", ""), ("Next, and who may say it", "")]))
            tbody {
                @for rotation in open.iter().take(LISTED) {
                    tr {
                        th scope="row" .name { (matter.link("rotations", &rotation.id)) }
                        td.name data-label="Secret:" { (matter.link("secrets", &rotation.secret)) }
                        td { (rotations::stands(matter, rotation)) }
                        td data-label="Opened:" { (instant(rotation.opened.occurred)) }
                        td data-label="Next:" { (next_step(register, rotation)) }
                    }
                }
            }
        }
    };
    html! {
        section #next {
            h2 { "What is next" }
            @if open.is_empty() { p { "Nothing: no rotation is open, and each that ended is confirmed." } }
            @else { (sheet("What is next", &table)) }
            @if open.len() > LISTED { p.note { "Not listed: " (open.len() - LISTED) " more, which were opened later." } }
        }
    }
}

/// What the SOP asks for next of a rotation, in which roles, in the SOP's words.
fn next_step(register: &Register, rotation: &Rotation) -> Markup {
    let Some(step) = register.next_step(rotation) else {
        return html! { "nothing: it ended, and that is confirmed." };
    };
    let roles: Vec<_> = step.roles().iter().map(|role| role.word()).collect();
    let spec = step.events().first().and_then(|name| event::spec(name));
    html! {
        strong { (step.to_string()) } ", by: " (roles.join(", ").replace('_', " "))
        @if let Some(spec) = spec { span.under { "SOP " (spec.sop) ": " (spec.quote) } }
    }
}

/// The secrets that are overdue or fall due soon.
fn due(matter: &PageModel<'_>) -> Markup {
    let secrets = matter.secrets.iter().filter(|row| {
        row.retired_by_entry.is_none() && row.days_left.is_none_or(|left| left <= AHEAD_DAYS)
    });
    let many = secrets.clone().count();
    html! {
        section #due {
            h2 { "Overdue, or due within " (AHEAD_DAYS) " days" }
            @if many == 0 { p { "No secret." } }
            @else { (sheet("Overdue or due soon", &population::table(matter, secrets.take(LISTED)))) }
            @if many > LISTED { p.note { "Not listed: " (many - LISTED) " more, which have more time left." } }
        }
    }
}
