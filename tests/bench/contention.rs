//! Eight processes that append to one folder again and again, each waiting for the ledger's lock: how many
//! appends a second, and how long the unluckiest of them took; beside one process at a time, and beside one
//! process with as many drafts.
//!
//! `cargo bench --bench contention`; `LEDGER_BENCH_EACH` is the number of appends of each process.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::path::Path;
use std::time::Instant;

use figures::Sample;
use rotation_ledger::sys::keyfile;

const PROCESSES: usize = 8;

fn main() {
    let each = usize::try_from(figures::asked("LEDGER_BENCH_EACH", 100)).unwrap();
    let folder = figures::folder();
    let world = generate::world();
    let (_, writer) = generate::found(&world, folder.path(), 10);
    writer.close();
    let key = folder.path().join("olga.pem");
    keyfile::write_new(&key, &generate::cast().olga, None).unwrap();
    let home = folder.path();
    run(home, &key, 1, each);
    for processes in [1, PROCESSES, 1, PROCESSES] {
        let begun = Instant::now();
        let sample = run(home, &key, processes, each);
        let took = begun.elapsed().as_secs_f64();
        println!(
            "{processes} at once, {each} appends each: {:>6.0} appends/s; {}",
            (processes * each) as f64 / took,
            sample.spread()
        );
    }
    let draft = r#"{"event":"source.observed","source":"vault audit device","record":"request-1","record_sha256":"abababababababababababababababababababababababababababababababab","observed":"read by orders-api","secret":"db/orders-1"}"#;
    let count = PROCESSES * each;
    let drafts = home.join("drafts.ndjson");
    std::fs::write(&drafts, format!("{draft}\n").repeat(count)).unwrap();
    let begun = Instant::now();
    let mut command = figures::ledger(home, &key);
    figures::time(command.args(["append", "--json"]).arg(&drafts));
    println!(
        "one process, {count} drafts:  {:>6.0} appends/s",
        count as f64 / begun.elapsed().as_secs_f64()
    );
}

/// The time that each append of `processes` at once took from its start to its end.
fn run(home: &Path, key: &Path, processes: usize, each: usize) -> Sample {
    let mut all = Sample::new();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..processes)
            .map(|_| {
                scope.spawn(move || {
                    let append = |number| figures::time(&mut figures::append(home, key, number));
                    (0..each).map(append).collect::<Vec<_>>()
                })
            })
            .collect();
        for one in running {
            one.join()
                .unwrap()
                .into_iter()
                .for_each(|took| all.add(took));
        }
    });
    all
}
