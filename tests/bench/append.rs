//! Durable appends through the library, beside a raw file append and fdatasync of the same bytes,
//! in turns within one run, so that a disk whose speed drifts is as fast for both.
//!
//! `cargo bench --bench append`; `LEDGER_BENCH_DIR` names the folder (and so the disk) to use.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

use figures::Sample;
use generate::observed;

const ROUNDS: usize = 20;
const PER_ROUND: usize = 100;
const BATCH: usize = 1_000;
const BATCH_ROUNDS: usize = 12;

fn main() {
    let folder = figures::folder();
    let world = generate::world();
    let (_, mut writer) = generate::found(&world, folder.path(), 50);
    let cast = generate::cast();
    let ledger = writer.ledger();
    let mut raw = File::create(folder.path().join("raw")).unwrap();
    let size = {
        let one = generate::signed(&world, ledger, &cast.olga, observed(0));
        one.statement.bytes().len() + 138
    };
    let bytes = vec![0x5a; size];

    let (mut ours, mut theirs, mut signing) = (Sample::new(), Sample::new(), Sample::new());
    for round in 0..ROUNDS {
        for n in 0..PER_ROUND {
            let began = Instant::now();
            let submission =
                generate::signed(&world, ledger, &cast.olga, observed(round * PER_ROUND + n));
            signing.add(began.elapsed());
            let began = Instant::now();
            let outcome = writer.append(vec![submission]);
            ours.add(began.elapsed());
            assert!(outcome.refused.is_none(), "{:?}", outcome.refused);
        }
        for _ in 0..PER_ROUND {
            let began = Instant::now();
            raw.write_all(&bytes).unwrap();
            raw.sync_data().unwrap();
            theirs.add(began.elapsed());
        }
    }
    println!(
        "durable appends one by one, {size} bytes each, {} of each in turns of {PER_ROUND}",
        ROUNDS * PER_ROUND
    );
    println!("  raw append + fdatasync   {}", theirs.rate(1));
    println!("  ledger append            {}", ours.rate(1));
    println!("  (signing the statement   {})", signing.rate(1));
    println!(
        "  ratio                    {:.2} of the raw rate by medians, {:.2} by totals",
        theirs.median() / ours.median(),
        theirs.total() / ours.total()
    );

    let (mut ours, mut theirs) = (Sample::new(), Sample::new());
    for round in 0..BATCH_ROUNDS {
        let batch: Vec<_> = (0..BATCH)
            .map(|n| generate::signed(&world, ledger, &cast.olga, observed(round * BATCH + n)))
            .collect();
        let began = Instant::now();
        let outcome = writer.append(batch);
        ours.add(began.elapsed());
        assert_eq!(outcome.receipts.len(), BATCH);
        let all = vec![0x5a; size * BATCH];
        let began = Instant::now();
        raw.write_all(&all).unwrap();
        raw.sync_data().unwrap();
        theirs.add(began.elapsed());
    }
    println!("durable batches of {BATCH}, signed beforehand, {BATCH_ROUNDS} rounds");
    println!("  raw append + fdatasync   {}", theirs.rate(BATCH));
    println!("  ledger append            {}", ours.rate(BATCH));
    writer.close();
}
