//! What readers pay who come back: answers about small things out of a small and a large ledger, as whole processes, the
//! first time and again; and a verification by who verified all but the newest entries before.
//!
//! `cargo bench --bench readers`; `LEDGER_BENCH_ENTRIES` is the large size.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::path::{Path, PathBuf};

use figures::Sample;
use rotation_ledger::sys::keyfile;

const ROUNDS: usize = 15;
const SMALL: u64 = 10_000;
/// Entries since the reader was last there.
const NEWER: u64 = 10_000;
const QUESTIONS: [&[&str]; 5] = [
    &["status"],
    &["due", "--within", "30d"],
    &["next"],
    &["show", "r-0"],
    &["policy", "show"],
];

/// A ledger, and what a reader kept of it before its newest entries.
struct Asked {
    size: u64,
    home: PathBuf,
    seen: PathBuf,
}

fn main() {
    let large = figures::asked("LEDGER_BENCH_ENTRIES", 1_000_000);
    let folder = figures::folder();
    let key = folder.path().join("olga.pem");
    keyfile::write_new(&key, &generate::cast().olga, None).unwrap();
    let ledgers = [SMALL, large].map(|size| made(folder.path(), size));
    println!("answers about small things, {ROUNDS} of each in turns");
    for question in QUESTIONS {
        let mut again = [Sample::new(), Sample::new()];
        let firsts = ledgers.each_ref().map(|asked| {
            let _ = std::fs::remove_dir_all(asked.home.join("state/recalled"));
            ask(asked, &key, question)
        });
        for _ in 0..ROUNDS {
            for (asked, sample) in ledgers.iter().zip(&mut again) {
                sample.add(ask(asked, &key, question));
            }
        }
        let [small, large] = &again;
        let ratio = large.median() / small.median();
        for ((asked, first), sample) in ledgers.iter().zip(firsts).zip(&again) {
            let (size, first) = (asked.size, first.as_secs_f64() * 1e3);
            let spread = sample.spread();
            println!(
                "  {:16} of {size:>9}  first {first:>8.1} ms   again {spread}",
                question.join(" ")
            );
        }
        println!("  large against small {ratio:.2}");
    }
    let asked = &ledgers[1];
    let (mut whole, mut newer) = (Sample::new(), Sample::new());
    let seen = asked.seen.display().to_string();
    for _ in 0..3 {
        whole.add(ask(asked, &key, &["verify", "--fail-on", "none"]));
        newer.add(ask(
            asked,
            &key,
            &["verify", "--fail-on", "none", "--verified", &seen],
        ));
    }
    println!(
        "ledger verify, {} entries, {NEWER} of them newer than what the reader verified",
        asked.size
    );
    println!("  everything     {}", whole.spread());
    println!("  --verified     {}", newer.spread());
    println!("  of the whole   {:.2}", newer.median() / whole.median());
}

fn made(folder: &Path, size: u64) -> Asked {
    let home = folder.join(size.to_string());
    std::fs::create_dir(&home).unwrap();
    let world = generate::world();
    let secrets = (size / 500).clamp(10, 2_000);
    let (_, mut writer) = generate::found(&world, &home, secrets);
    let rotations = size.saturating_sub(NEWER) / 13;
    generate::rotate(&world, &mut writer, size, secrets, 0..rotations);
    let seen = home.join("seen");
    std::fs::copy(home.join("ledger/checkpoint"), &seen).unwrap();
    generate::rotate(&world, &mut writer, size, secrets, rotations..);
    let size = writer.size();
    writer.close();
    Asked { size, home, seen }
}

/// One question; that something is overdue by now is an answer too.
fn ask(asked: &Asked, key: &Path, question: &[&str]) -> std::time::Duration {
    let mut command = figures::ledger(&asked.home, key);
    figures::time_until(command.args(question), 3)
}
