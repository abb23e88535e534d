//! What the page is, which ledger it is about and how it was selected; who acted; the words it uses.

use maud::Markup;
use maud::html;

use crate::event::FourEyes;
use crate::event::SecretClass;
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::verify::Report;
use crate::verify::Status;

use super::markup::Tone;
use super::markup::days;
use super::markup::instant;
use super::markup::sheet;
use super::matter::Matter;

/// Each word with what it means; the page uses no other word of this program's.
const WORDS: [(&str, &str); 5] = [
    (
        "Entry",
        "one thing that somebody said happened, signed with that person's or tool's own key, in its numbered place.",
    ),
    (
        "Chain, head",
        "each entry carries the hash of the one before, so that nothing before the last can be changed, moved or dropped unseen. The head is the hash of the last entry and stands for all of them.",
    ),
    (
        "Checkpoint",
        "the ledger's signed statement of how many entries it has and what they hash to. One kept elsewhere shows a ledger that was later cut short or rewritten.",
    ),
    (
        "Finding, waiver",
        "a finding is one thing held against the ledger by a numbered rule. A waiver is an exception of limited time, granted by a Security Owner, that covers it: it is shown, never hidden.",
    ),
    (
        "Dual-run, shown dead",
        "in a dual-run the services accept the old secret and the new one for a limited time. The old one is shown dead by using it after its revocation and being rejected, or by an access log without a hit.",
    ),
];

pub(super) fn heading(matter: &Matter<'_>) -> Markup {
    let report = matter.report;
    html! {
        header {
            p.eyebrow { "Evidence report \u{b7} PetCare PH42-A, Production Secret Rotation SOP" }
            h1 { "Rotation of production secrets" }
            p.lead {
                "Whether each production secret was rotated in time, by whom, and whether the old one is dead: as recorded in the ledger "
                strong { (matter.origin()) } " and judged as of " (instant(report.as_of)) " UTC."
            }
            p {
                "People and tools recorded each step when it happened, each entry signed by its author and chained to the one before. "
                "For this page every stored byte was read and checked again; the page itself runs no script and fetches nothing. All times are UTC."
            }
            (conclusion(report))
        }
    }
}

/// The verdicts in one sentence: what stands against the ledger, then what could not be told.
fn conclusion(report: &Report) -> Markup {
    let of = |status: Status| {
        let lines = report.verdicts.iter().filter(|line| line.status == status);
        lines.map(|line| line.verdict.word()).collect::<Vec<_>>()
    };
    let (failed, untold) = (of(Status::Fail), of(Status::NotChecked));
    let failing: u64 = report.verdicts.iter().map(|line| line.failing).sum();
    let waived: u64 = report.verdicts.iter().map(|line| line.waived).sum();
    let tone = match (
        failed.is_empty() && !report.interrupted && !report.is_empty(),
        untold.is_empty() && waived == 0,
    ) {
        (false, _) => Tone::Bad,
        (true, false) => Tone::Warn,
        (true, true) => Tone::Good,
    };
    html! {
        p.conclusion.(tone.class()) {
            @if report.interrupted {
                strong { "The verification was stopped before its end." }
            } @else if report.is_empty() {
                strong { "There was nothing to verify." }
            } @else if failed.is_empty() {
                strong { "No finding stands against this ledger." }
            } @else {
                strong { (failing) @if failing == 1 { " finding stands" } @else { " findings stand" } " against this ledger" }
                ", in " (failed.join(", ")) "."
            }
            @if waived > 0 { " " (waived) " waived." }
            @if untold.is_empty() {
                " All five questions could be answered."
            } @else {
                " Not answered: " (untold.join(", ")) "."
            }
            @match report.not_checked.len() {
                0 => {},
                1 => { " One thing was " a href="#not-checked" { "not checked" } "." }
                many => { " " (many) " things were " a href="#not-checked" { "not checked" } "." }
            }
        }
    }
}

pub(super) fn section(matter: &Matter<'_>) -> Markup {
    let report = matter.report;
    html! {
        section #source {
            h2 { "Where this comes from, and how it was selected" }
            dl.facts {
                dt { "Ledger" } dd { (matter.origin()) }
                dt { "Ledger id" }
                dd.hash { @if let Some(id) = &report.ledger { (id.to_string()) } @else { "entry 0 cannot be read" } }
                dt { "Entries" }
                dd { (report.size) @if report.size > 0 { ", numbered 0 to " (report.size - 1) } }
                dt { "Head" } dd.hash { (report.head.to_string()) }
                dt { "Merkle root" } dd.hash { (report.root.to_string()) }
                dt { "Recorded" }
                dd {
                    @if let Some((first, last)) = report.recorded { (instant(first)) " to " (instant(last)) }
                    @else { "nothing" }
                }
                dt { "Judged as of" } dd { (instant(report.as_of)) }
                dt { "Period asked for" } dd { (period(report.requested)) }
                dt { "Rotations selected" } dd { (matter.selection.words) (selected(matter)) }
                dt { "Secrets" }
                dd { "every registered secret, whatever was selected" }
                dt { "Policy" }
                dd { (policy(matter)) }
                dt { "Made by" } dd { "ledger " (env!("CARGO_PKG_VERSION")) ", schema verify-report/1" }
            }
        }
    }
}

fn period((from, to): (Option<Timestamp>, Option<Timestamp>)) -> Markup {
    html! {
        @if from.is_none() && to.is_none() {
            "all of it"
        } @else {
            @if let Some(from) = from { (instant(from)) } @else { "the beginning" }
            " to "
            @if let Some(to) = to { (instant(to)) } @else { "the end" }
        }
    }
}

fn selected(matter: &Matter<'_>) -> Markup {
    html! {
        @if let Some(register) = matter.register {
            ": " (matter.rotations.len()) " of " (register.rotations.len())
        }
    }
}

fn policy(matter: &Matter<'_>) -> Markup {
    let Some(register) = matter.register else {
        return html! { "not shown" };
    };
    let policy = &register.charter.policy;
    html! {
        @if policy.version == 0 { "the SOP's own numbers" } @else { "set " (policy.version) " times in the ledger" }
        "; a secret is rotated every " (days(policy.max_age_days.into()))
        @for (class, most) in exceptional_ages(policy) { ", " (class.word()) " every " (days(most.into())) }
        @match policy.four_eyes {
            FourEyes::Required => "; approver and confirmer differ from the operators",
            FourEyes::Relaxed => "; one person may operate, approve and confirm",
        }
    }
}

fn exceptional_ages(policy: &Policy) -> Vec<(SecretClass, u32)> {
    let classes = [
        SecretClass::ApiKey,
        SecretClass::DatabaseCredential,
        SecretClass::EncryptionKey,
        SecretClass::SigningKey,
        SecretClass::ThirdParty,
    ];
    classes
        .into_iter()
        .map(|class| (class, policy.max_age(class)))
        .filter(|(_, most)| *most != policy.max_age_days)
        .collect()
}

/// Who could act, with which roles.
pub(super) fn people(matter: &Matter<'_>) -> Markup {
    let Some(register) = matter.register else {
        return html! {};
    };
    let mut actors: Vec<_> = register.charter.keyring.actors().collect();
    actors.sort_by_key(|(_, actor)| actor.enrolled);
    let table = html! {
        table {
            caption { "Who was enrolled with a key, by the order of enrolment. A service acts on behalf of a person." }
            thead {
                tr {
                    th scope="col" { "Who" }
                    th scope="col" { "Kind" }
                    th scope="col" { "Roles" }
                    th scope="col" { "Enrolled in" }
                    th scope="col" { "Revoked in" }
                    th scope="col" { "Public key (Ed25519)" }
                }
            }
            tbody {
                @for (key, actor) in actors {
                    tr {
                        th scope="row" { (actor.name.as_str()) span.under { (actor.id.as_str()) } }
                        td { (actor.kind.word()) }
                        td { (actor.roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ").replace('_', " ")) }
                        td { "entry " (actor.enrolled) }
                        td {
                            @if let Some(revoked) = &actor.revoked { "entry " (revoked.sequence) } @else { "-" }
                        }
                        td.hash { (key.to_string()) }
                    }
                }
            }
        }
    };
    html! { section #people { h2 { "Who acted" } (sheet("Who acted", &table)) } }
}

pub(super) fn glossary() -> Markup {
    html! {
        section #words {
            h2 { "Words" }
            dl.words { @for (word, meaning) in WORDS { dt { (word) } dd { (meaning) } } }
        }
    }
}

pub(super) fn how_to_check(matter: &Matter<'_>) -> Markup {
    let report = matter.report;
    html! {
        section #check {
            h2 { "How to check this yourself" }
            p {
                "This page is a summary and proves nothing by itself: anybody can write a page. The proof is in the ledger or in the pack that the page came with. "
                "With a trust file that reached you by another road:"
            }
            pre { "ledger verify FOLDER --trust TRUSTFILE --as-of " (report.as_of.to_string()) }
            p.note { "It has to end with the head " span.hash { (report.head.to_string()) } " and with the verdicts above." }
        }
    }
}
