//! Which ledger the page is about, who acted, the words it uses, and how to check it.

use maud::{Markup, html};

use crate::event::{FourEyes, SecretClass};
use crate::facts::FactsForm;
use crate::pack::PackPart;
use crate::policy::Policy;

use super::markup::{days, head, instant, sheet};
use super::matter::PageModel;

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

/// The same where the page came in a pack.
const PACK: (&str, &str) = (
    "Evidence pack",
    "one file with the entries that were selected, proofs that they are in the ledger, and documents that follow from them. The export is itself recorded in the ledger, as the last entry of the pack.",
);

pub(super) fn section(matter: &PageModel<'_>) -> Markup {
    let report = matter.report;
    html! {
        section #source {
            h2 { "Where this comes from" }
            dl.facts {
                dt { "Ledger" } dd { (matter.origin()) }
                dt { "Ledger id" }
                dd.hash { @if let Some(id) = &report.ledger { (id.to_string()) } @else { "entry 0 cannot be read" } }
                dt { "Head" } dd.hash { (report.head.to_string()) }
                dt { "Merkle root" } dd.hash { (report.root.to_string()) }
                dt { "Recorded" }
                dd {
                    @if let Some((first, last)) = report.recorded { (instant(first)) " to " (instant(last)) }
                    @else { "nothing" }
                }
                dt { "Judged as of" } dd { (instant(report.as_of)) }
                dt { "Policy" }
                dd { (policy(matter)) }
                dt { "Made by" } dd { (maker(matter)) }
            }
        }
    }
}

fn maker(matter: &PageModel<'_>) -> Markup {
    html! {
        @match matter.pack.filter(|_| matter.in_pack) {
            Some(pack) => { "ledger export, format " (pack.form.number()) " of packs" }
            None => { "ledger verify, version " (env!("CARGO_PKG_VERSION")) }
        }
    }
}

fn policy(matter: &PageModel<'_>) -> Markup {
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
            FourEyes::Strict => "; approver and confirmer differ from the operators, and two name a new sealing key",
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
pub(super) fn people(matter: &PageModel<'_>) -> Markup {
    let Some(register) = matter.register else {
        return html! {};
    };
    let mut actors: Vec<_> = register.charter.keyring.actors().collect();
    actors.sort_by_key(|(_, actor)| actor.enrolled);
    let table = html! {
        table.cards.actors {
            caption { "Who was enrolled with a key, by the order of enrolment. A service acts on behalf of a person." }
            (head(&[("Who", ""), ("Kind", ""), ("Roles", ""), ("Enrolled in", ""), ("Revoked in", ""), ("Public key (Ed25519)", "")]))
            tbody {
                @for (key, actor) in actors {
                    tr {
                        th scope="row" .name { (actor.name.as_str()) @if actor.name.as_str() != actor.id.as_str() { span.under { (actor.id.as_str()) } } }
                        td { (actor.kind.word()) }
                        td { (actor.roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ").replace('_', " ")) }
                        td data-label="Enrolled in" { "entry " (actor.enrolled) }
                        td data-label="Revoked in:" {
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

pub(super) fn glossary(matter: &PageModel<'_>) -> Markup {
    html! {
        section #words {
            h2 { "Words" }
            dl.words {
                @for (word, meaning) in WORDS { dt { (word) } dd { (meaning) } }
                @if matter.pack.is_some() { dt { (PACK.0) } dd { (PACK.1) } }
            }
        }
    }
}

pub(super) fn how_to_check(matter: &PageModel<'_>) -> Markup {
    let report = matter.report;
    html! {
        section #check {
            h2 { "How to check this yourself" }
            p {
                "This page is a summary and proves nothing by itself: anybody can write a page. The proof is in the "
                @match (matter.pack, matter.in_pack) {
                    (Some(_), true) => "pack that it came with",
                    (Some(_), false) => "pack",
                    (None, _) => "ledger",
                }
                ". With a trust file that reached you by another road:"
            }
            pre {
                @if matter.pack.is_some() {
                    "ledger verify PACK.zip --trust TRUSTFILE"
                    @if let PackPart::Rotation(id) = &report.part { " --rotation " (id.as_str()) }
                } @else {
                    "ledger verify FOLDER --trust TRUSTFILE --as-of " (report.as_of.to_string())
                    @if let Some(from) = report.part.range().0 { " --from " (from.to_string()) }
                    @if let Some(to) = report.part.range().1 { " --to " (to.to_string()) }
                }
            }
            p.note { "It has to end with the head " span.hash { (report.head.to_string()) } " and with the verdicts above, but for what the trust file answers." }
            @if let Some(pack) = matter.pack.filter(|_| matter.in_pack) {
                p {
                    @match pack.form {
                        FactsForm::First => "That makes this page again from the entries and compares it byte for byte.",
                        FactsForm::Second => "That makes what the pack states again from the entries and compares it, and not the words of this page: with --html FILE it makes the page anew.",
                    }
                    " VERIFY.md in the pack says how to check signatures and files with programs that are not ours."
                }
            }
        }
    }
}
