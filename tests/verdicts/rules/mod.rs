//! Every rule of the catalogue has one ledger that raises it, at the entry where it should, and one
//! that comes close and does not.

use crate::support::story;

/// Declares the pairs of a family: `raises` tells a story and returns the entry that the rule is
/// held against; `spares` tells one that comes close.
macro_rules! rule_tests {
    ($($rule:ident { raises: $raises:expr, spares: $spares:expr $(,)? })*) => {
        /// The rules that this file has a pair for.
        pub(crate) const COVERED: &[&rotation_ledger::rule::Rule] = &[$(rotation_ledger::rule::$rule),*];
        $(
            #[allow(non_snake_case, unused_imports, reason = "named as the rule is")]
            mod $rule {
                use super::*;

                #[test]
                fn raises() {
                    $crate::rules::raises(rotation_ledger::rule::$rule, $raises);
                }

                #[test]
                fn spares() {
                    $crate::rules::spares(rotation_ledger::rule::$rule, $spares);
                }
            }
        )*
    };
}

mod accepted;
mod authority;
mod coverage;
mod emergencies;
mod endings;
mod integrity;
mod steps;
mod stored;
mod time;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::story::Story;
use rotation_ledger::rule;
use rotation_ledger::rule::RULES;
use rotation_ledger::rule::Rule;
use rotation_ledger::verify::Conclusion;

/// A rotation of `secret` that was done before there was a ledger, to be told by `rotation.recorded`.
pub(crate) fn history(secret: &str) -> Value {
    let completed = "2025-10-01T09:00:00Z";
    json!({
        "rotation": format!("history/{secret}"), "secret": secret, "environment": "prod", "rotated_by": "somebody",
        "reason": "scheduled", "started": completed, "completed": completed, "impacted_services": ["orders"],
        "validation_summary": "not known", "revoke_confirmed": true, "new_version": "old",
    })
}

/// Held against an index that lies, by the tests of the index itself.
const ELSEWHERE: &[&Rule] = &[
    rule::I16,
    rule::P01,
    rule::P02,
    rule::P03,
    rule::P04,
    rule::P05,
];

fn raises<S: Into<Option<u64>>>(rule: &Rule, tell: impl FnOnce(&mut Story) -> S) {
    let mut story = Story::new();
    let at = tell(&mut story).into();
    let against = story.against(rule);
    assert_eq!(against, [at], "{} in {:#?}", rule.id, story.found());
}

fn spares(rule: &Rule, tell: impl FnOnce(&mut Story)) {
    let mut story = Story::new();
    tell(&mut story);
    assert_eq!(story.against(rule), [], "{}", rule.id);
}

#[test]
fn every_rule_has_its_pair_and_only_one() {
    let covered = [
        authority::COVERED,
        coverage::COVERED,
        emergencies::COVERED,
        endings::COVERED,
        integrity::COVERED,
        steps::COVERED,
        stored::COVERED,
        time::COVERED,
        ELSEWHERE,
    ]
    .concat();
    let ids: BTreeSet<&str> = covered.iter().map(|rule| rule.id).collect();
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids, all, "covered, and in the catalogue");
    assert_eq!(ids.len(), covered.len(), "one rule is covered twice");
}

/// Without this the pairs would prove little: what they come close to is a ledger without a fault.
#[test]
fn a_ledger_without_a_fault_raises_nothing() {
    let mut story = Story::new();
    let scripts: [fn(&Story) -> story::Script; 5] = [
        |s| s.standard("r1", "db/orders"),
        |s| s.single_run("r2", "sign/bundles"),
        |s| s.rolled_back("r3", "api/billing"),
        |s| s.emergency("r4", "inc-1", "kms/records"),
        |s| s.standard("r5", "api/billing"),
    ];
    for script in scripts {
        let script = script(&story);
        story.play(script);
    }
    let attestation = story.attestation();
    story.say("pia", "inventory.attested", attestation);
    let report = story.verify();
    assert_eq!(report.findings, [], "{:#?}", report.findings);
    assert_eq!(
        report.conclusion(false, &rotation_ledger::rule::Verdict::ALL),
        Conclusion::Passed
    );
}
