//! Evidence packs of the same 1,000 rotations out of a small and a large ledger: time, memory and size of
//! `ledger export` and `ledger verify PACK.zip` as whole processes.
//!
//! `cargo bench --bench packs`; `LEDGER_BENCH_ENTRIES` is the large size. A rotation is 13 entries, and
//! its secret one more, so that the small ledger has 14,000 entries and little else.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use figures::Sample;
use rotation_ledger::sys::keyfile;
use rotation_ledger::time::Timestamp;

/// Rotations in the pack, each of a secret of its own.
const PACKED: u64 = 1_000;
/// Other secrets of the large ledger.
const OTHERS: u64 = 10_000;
const ROUNDS: usize = 5;

fn main() {
    let large = figures::asked("LEDGER_BENCH_ENTRIES", 1_000_000);
    for size in [0, large] {
        measure(size);
    }
}

fn measure(size: u64) {
    let folder = figures::folder();
    let world = generate::world();
    let secrets = if size == 0 { PACKED } else { PACKED + OTHERS };
    let (_, mut writer) = generate::found(&world, folder.path(), secrets);
    generate::rotate(&world, &mut writer, u64::MAX, secrets, 0..PACKED);
    let until = world.clock.now();
    let others = (PACKED..).filter(|n| n % secrets >= PACKED);
    generate::rotate(&world, &mut writer, size, secrets, others);
    let size = writer.size();
    writer.close();
    let key = folder.path().join("sam.pem");
    keyfile::write_new(&key, &generate::cast().sam, None).unwrap();
    let (out, trust) = (folder.path().join("pack.zip"), folder.path().join("trust"));
    let shown = ledger(folder.path()).args(["trust", "show"]).output();
    fs::write(&trust, shown.unwrap().stdout).unwrap();

    let (mut made, mut judged) = (Sample::new(), Sample::new());
    for _ in 0..ROUNDS {
        made.add(time(&mut export(folder.path(), &key, until, &out)));
        judged.add(time(&mut verify(&out, &trust)));
    }
    println!("{PACKED} rotations out of a ledger of {size} entries");
    println!(
        "  the pack        {:>9.1} MiB",
        fs::metadata(&out).unwrap().len() as f64 / 1024.0 / 1024.0
    );
    println!(
        "  ledger export   {:>9.2} s   peak {} KiB",
        made.median(),
        figures::peak(&export(folder.path(), &key, until, &out))
    );
    println!(
        "  ledger verify   {:>9.2} s   peak {} KiB",
        judged.median(),
        figures::peak(&verify(&out, &trust))
    );
}

fn export(home: &Path, key: &Path, until: Timestamp, out: &Path) -> Command {
    let mut command = ledger(home);
    command.arg("--key").arg(key);
    command.args(["export", "--force", "--to", &until.to_string(), "--out"]);
    command.arg(out);
    command
}

fn verify(pack: &Path, trust: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    command.arg("verify").arg(pack).arg("--trust").arg(trust);
    // The made-up secrets are overdue by now.
    command.args(["--fail-on", "none"]);
    command
}

fn ledger(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    command.arg("--ledger").arg(home.join("ledger"));
    command.arg("--state").arg(home.join("state"));
    command
}

fn time(command: &mut Command) -> std::time::Duration {
    let began = Instant::now();
    let run = command.output().unwrap();
    let took = began.elapsed();
    assert!(run.status.success(), "{command:?}: {run:?}");
    took
}
