//! `kill -9` at random moments of appending: whatever has a receipt is there, and the ledger
//! verifies and goes on.
//!
//! `LEDGER_TEST_KILLS` sets the rounds; the checks before a landing take a hundred.

use std::time::Duration;

use crate::support::program::Program;
use crate::support::program::receipt;

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
        if round % 20 == 19 {
            program = Program::prepared();
            acknowledged.clear();
        }
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let writer = program.feed();
        writer.work(
            round,
            Duration::from_micros(3_000 + (chance >> 33) % 300_000),
        );
        let receipts = writer.kill();
        killed_at_work += u64::from(!receipts.is_empty());
        acknowledged.extend(receipts);
        assert!(
            program.is_intact(),
            "round {round}: {}",
            program.json("verify --json")
        );
        // And it goes on: the next writer heals what was torn, and its entry is there as well.
        let next = program.json(
            "append step.failed --key olga.pem --rotation r-1 --step generate --error next --json",
        );
        acknowledged.push(receipt(&next).unwrap());
        if round % 5 == 4 || round + 1 == rounds {
            assert!(program.is_intact(), "round {round}");
            let what = format!("round {round}");
            program.assert_all_there(&acknowledged, &what);
        }
    }
    assert!(
        killed_at_work * 3 > rounds,
        "only {killed_at_work} of {rounds} writers were killed at work"
    );
}
