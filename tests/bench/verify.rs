//! Verification of whole ledgers of 1,000 to 1,000,000 signed entries: time, rate, memory.
//!
//! `cargo bench --bench verify`; `LEDGER_BENCH_ENTRIES` is the largest size, `LEDGER_BENCH_DIR` the
//! disk. Each size is verified in a process of its own, so that its peak memory is its own.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::time::Instant;

use rotation_ledger::audit::Audit;
use rotation_ledger::pack::PackPart;
use rotation_ledger::rule::Verdict;
use rotation_ledger::verify::VerdictStatus;

const VERIFY: &str = "LEDGER_BENCH_VERIFY";

fn main() {
    if let Some(folder) = std::env::var_os(VERIFY) {
        return verify(Path::new(&folder));
    }
    let largest = figures::asked("LEDGER_BENCH_ENTRIES", 1_000_000);
    let cores = std::thread::available_parallelism().unwrap();
    println!("ledger verify, {cores} cores, all entries signed, read warm");
    let mut size = 1_000;
    while size <= largest {
        let folder = figures::folder();
        let world = generate::world();
        let began = Instant::now();
        let secrets = (size / 500).clamp(10, 2_000);
        let (_, mut writer) = generate::found(&world, folder.path(), secrets);
        generate::fill(&world, &mut writer, size, secrets);
        let entries = writer.size();
        writer.close();
        let made = began.elapsed();
        for _ in 0..2 {
            let status = Command::new(std::env::current_exe().unwrap())
                .env(VERIFY, folder.path())
                .status()
                .unwrap();
            assert!(status.success());
        }
        println!("  ({entries} entries made in {:.1} s)", made.as_secs_f64());
        size *= 10;
    }
}

fn verify(folder: &Path) {
    let world = generate::world();
    let place = generate::place(folder);
    let began = Instant::now();
    let audit = Audit {
        world: &world,
        dir: &place.dir,
        head: Some(place.head()),
        anchors: Vec::new(),
        verified: None,
        trust: None,
        authorities: None,
        as_of: Some(
            rotation_ledger::time::Timestamp::from_micros(1_767_600_000_000_000).plus_days(60),
        ),
        part: PackPart::Everything,
        wait: Duration::from_secs(5),
        progress: &|_, _| {},
        interrupted: &AtomicBool::new(false),
    };
    let report = audit.run().unwrap();
    let took = began.elapsed().as_secs_f64();
    assert_eq!(
        report.line(Verdict::Integrity).map(|line| line.status),
        Some(VerdictStatus::Pass)
    );
    assert_eq!(
        report.line(Verdict::Authority).map(|line| line.status),
        Some(VerdictStatus::Pass)
    );
    println!(
        "  {:>9} entries   {took:>7.3} s   {:>8.0} entries/s   {:>6.1} us each   peak {:>5.0} MiB   {} findings",
        report.size,
        report.size as f64 / took,
        took * 1e6 / report.size as f64,
        figures::memory("VmHWM").unwrap_or_default(),
        report.findings_total,
    );
}
