//! Receipts and consistency proofs out of ledgers of 1,000 to 1,000,000 entries: how long it takes
//! to make and to check one, in the library and as a whole process, and how large it is.
//!
//! `cargo bench --bench proofs`; `LEDGER_BENCH_ENTRIES` is the largest size.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use figures::Sample;
use rotation_ledger::ledger::proofs::LedgerProofs;
use rotation_ledger::merkle::ConsistencyProof;
use rotation_ledger::proof::TlogProof;
use rotation_ledger::trust::Trust;

const ROUNDS: u64 = 200;
const PROCESSES: u64 = 40;
/// A hash as a line of base64.
const LINE: usize = 45;

fn main() {
    let largest = figures::asked("LEDGER_BENCH_ENTRIES", 1_000_000);
    for size in [1_000, 100_000, 1_000_000] {
        if size <= largest {
            measure(size);
        }
    }
}

fn measure(size: u64) {
    let folder = figures::folder();
    let world = generate::world();
    let secrets = (size / 500).clamp(10, 2_000);
    let (place, mut writer) = generate::found(&world, folder.path(), secrets);
    generate::fill(&world, &mut writer, size, secrets);
    let size = writer.size();
    writer.close();

    let at = |name: &str| folder.path().join(name);
    let policy = output(ledger(folder.path()).args(["trust", "show"]));
    fs::write(at("trust"), &policy).unwrap();
    let trust = Trust::parse(&policy).unwrap();

    let (mut made, mut checked, mut bytes) = (Sample::new(), Sample::new(), 0);
    let (mut continued, mut followed, mut hashes) = (Sample::new(), Sample::new(), 0);
    // Odd steps through the ledger: places near and far, sealed and not.
    let places =
        |count: u64| (0..count).map(move |n| n * (size / count) + (n * 7_919) % (size / count));
    for sequence in places(ROUNDS) {
        let began = Instant::now();
        let proofs = LedgerProofs::open(&world, &place.dir, Duration::from_secs(5)).unwrap();
        let receipt = proofs.receipt(sequence).unwrap().0.to_string();
        made.add(began.elapsed());
        bytes = bytes.max(receipt.len());
        let entry = proofs.entry(sequence).unwrap();
        let began = Instant::now();
        let proof = TlogProof::parse(receipt.as_bytes()).unwrap();
        proof.check(&entry, &trust, u64::MAX).unwrap();
        checked.add(began.elapsed());

        let began = Instant::now();
        let proofs = LedgerProofs::open(&world, &place.dir, Duration::from_secs(5)).unwrap();
        let grown = proofs.consistency(sequence + 1, size).unwrap();
        continued.add(began.elapsed());
        hashes = hashes.max(grown.proof.hashes().len());
        let began = Instant::now();
        let proof = ConsistencyProof::from_hashes(grown.proof.hashes().to_vec());
        proof.check(grown.old, grown.new).unwrap();
        followed.add(began.elapsed());
    }
    println!("ledger of {size} entries");
    println!(
        "  receipt made             {}   at most {bytes} bytes",
        made.rate(1)
    );
    let mut newest = Sample::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let proofs = LedgerProofs::open(&world, &place.dir, Duration::from_secs(5)).unwrap();
        let receipt = proofs.receipt(size - 1).unwrap().0.to_string();
        newest.add(began.elapsed());
        bytes = bytes.max(receipt.len());
    }
    println!("  of the newest entry      {}", newest.rate(1));
    println!("  receipt checked          {}", checked.rate(1));
    println!(
        "  consistency proof made   {}   at most {hashes} hashes, {} bytes",
        continued.rate(1),
        hashes * LINE
    );
    println!("  consistency checked      {}", followed.rate(1));

    let (mut proving, mut verifying) = (Sample::new(), Sample::new());
    for sequence in places(PROCESSES) {
        let began = Instant::now();
        let receipt = output(ledger(folder.path()).args(["prove", &sequence.to_string()]));
        proving.add(began.elapsed());
        fs::write(at("receipt"), receipt).unwrap();
        let proofs = LedgerProofs::open(&world, &place.dir, Duration::from_secs(5)).unwrap();
        fs::write(at("entry"), proofs.entry(sequence).unwrap()).unwrap();
        let began = Instant::now();
        let mut verify = Command::new(env!("CARGO_BIN_EXE_ledger"));
        verify.arg("verify").arg(at("receipt"));
        output(
            verify
                .arg("--entry")
                .arg(at("entry"))
                .arg("--trust")
                .arg(at("trust")),
        );
        verifying.add(began.elapsed());
    }
    println!("  ledger prove SEQ         {}", proving.rate(1));
    println!("  ledger verify RECEIPT    {}", verifying.rate(1));
}

fn ledger(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    command.arg("--ledger").arg(home.join("ledger"));
    command.arg("--state").arg(home.join("state"));
    command
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}
