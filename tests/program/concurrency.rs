//! Eight writers at once: every append gets its own place, and there is one chain.

use std::collections::BTreeSet;

use crate::support::program::Program;
use serde_json::Value;

const WRITERS: usize = 8;
const EACH: usize = 50;

#[test]
fn eight_processes_append_fifty_each_to_one_chain() {
    let program = Program::prepared();
    let append = "append step.failed --key olga.pem --rotation r-1 --step generate --error again --json --wait 120s";
    let sequences: Vec<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    let receipts = (0..EACH).map(|_| program.json(append));
                    receipts
                        .map(|receipt: Value| receipt["sequence"].as_u64().unwrap())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    let places: BTreeSet<u64> = sequences.iter().copied().collect();
    assert_eq!(sequences.len(), WRITERS * EACH);
    assert_eq!(places, (5..5 + (WRITERS * EACH) as u64).collect());
    assert_eq!(program.events().len(), 5 + WRITERS * EACH);
    assert!(program.is_intact());
}
