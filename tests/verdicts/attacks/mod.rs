//! The attack campaign: each numbered attack is carried out against a real ledger, by somebody with
//! the powers of its row, and then an auditor looks with the shipped program. What they see is
//! asserted to the letter, and `docs/THREAT-MODEL.md` has the table of it. Where `LEDGER_TEST_PYTHON`
//! is set, the second verifier (`tests/by-hand/verify.py`) is asked too, and says the same of the
//! ledger's integrity.
//!
//! `UPDATE_DOCS=1 cargo test --test verdicts attacks` writes the table anew.

mod auditor;

use std::fmt::Write as _;
use std::path::Path;

/// An attack, by its number in the campaign.
pub(crate) struct Attack {
    pub(crate) number: u8,
    pub(crate) what: &'static str,
    /// What the attacker can do.
    pub(crate) power: &'static str,
    pub(crate) cases: &'static [Case],
}

/// One way to carry it out, and who looks.
pub(crate) struct Case {
    /// How it is done, and what the auditor has besides the ledger.
    pub(crate) how: &'static str,
    /// Carries it out; returns what was seen.
    pub(crate) carry_out: fn() -> String,
    /// What must be seen.
    pub(crate) seen: &'static str,
}

/// Declares attacks: each becomes a row of the table and a test.
macro_rules! attacks {
    ($($name:ident: $number:literal, $what:literal, $power:literal, { $($how:literal, $seen:literal, $carry_out:expr;)+ })+) => {
        /// The attacks of this file.
        pub(crate) const ATTACKS: &[&$crate::attacks::Attack] = &[$($name::ATTACK),+];
        $(
            mod $name {
                #[allow(unused_imports, reason = "each attack takes what it needs")]
                use super::*;

                pub(super) const ATTACK: &$crate::attacks::Attack = &$crate::attacks::Attack {
                    number: $number,
                    what: $what,
                    power: $power,
                    cases: &[$($crate::attacks::Case { how: $how, carry_out: $carry_out, seen: $seen }),+],
                };

                #[test]
                fn is_seen() {
                    for case in ATTACK.cases {
                        assert_eq!((case.carry_out)(), case.seen, "{}: {}", ATTACK.what, case.how);
                    }
                }
            }
        )+
    };
}

mod bytes;
mod entries;
mod keys;
mod packs;
mod sizes;
mod writers;

fn campaign() -> Vec<&'static Attack> {
    let mut all = [
        bytes::ATTACKS,
        entries::ATTACKS,
        keys::ATTACKS,
        packs::ATTACKS,
        sizes::ATTACKS,
        writers::ATTACKS,
    ]
    .concat();
    all.sort_by_key(|attack| attack.number);
    all
}

const BEGIN: &str = "<!-- made by tests/verdicts/attacks: begin -->\n";
const END: &str = "<!-- made by tests/verdicts/attacks: end -->\n";

fn table() -> String {
    let mut table = "\n| # | attack | with the power to | how, and what the auditor has | what is seen |\n|---|---|---|---|---|\n".to_owned();
    for attack in campaign() {
        for (place, case) in attack.cases.iter().enumerate() {
            let (number, what, power) = match place {
                0 => (attack.number.to_string(), attack.what, attack.power),
                _ => ("〃".to_owned(), "〃", "〃"),
            };
            let (how, seen) = (case.how, case.seen);
            writeln!(table, "| {number} | {what} | {power} | {how} | {seen} |").unwrap();
        }
    }
    table.push('\n');
    table
}

#[test]
fn every_number_has_its_attack() {
    let numbers: Vec<u8> = campaign().iter().map(|attack| attack.number).collect();
    assert_eq!(numbers, (1..=34).collect::<Vec<_>>());
}

#[test]
fn the_threat_model_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/THREAT-MODEL.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, [before, BEGIN, &table(), END, after].concat()).unwrap();
        return;
    }
    assert_eq!(found, table(), "UPDATE_DOCS=1 writes it anew");
}
