//! `kill -9` at random moments of appending, replacing the sealing key and making backups: whatever has a receipt is
//! there, and the ledger verifies and goes on.
//!
//! `LEDGER_TEST_KILLS` sets the rounds; the checks before a landing take a hundred.

use std::time::Duration;

use crate::support::program::{Program, assert_goes_on, at_work};

#[test]
fn nothing_with_a_receipt_is_lost_by_kill_9() {
    let rounds: u64 =
        std::env::var("LEDGER_TEST_KILLS").map_or(8, |rounds| rounds.parse().unwrap());
    let mut program = Program::prepared();
    let mut acknowledged = Vec::new();
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut killed_at_work = 0;
    for round in 0..rounds {
        // A new ledger now and then, so that openings, first sealings and long tails all come up.
        if round % 8 == 7 {
            program = Program::prepared();
            acknowledged.clear();
        }
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (work, writer) = at_work(&program, round);
        writer.work(
            round,
            Duration::from_micros(3_000 + (chance >> 33) % 200_000),
        );
        let receipts = writer.kill();
        killed_at_work += u64::from(!receipts.is_empty());
        acknowledged.extend(receipts);
        // And it goes on: the next writer heals what was torn.
        let what = format!("round {round}, {work}");
        assert_goes_on(&program, acknowledged.clone(), &what);
    }
    assert!(
        killed_at_work * 3 > rounds,
        "only {killed_at_work} of {rounds} writers were killed at work"
    );
}
