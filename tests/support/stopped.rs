//! The program `ledger` with a clock that stands still and chance that repeats itself, for sessions
//! whose every byte is known. The shipped program has no such hook.
//!
//! `STOPPED_AT` says what time it is. What is drawn follows from that and from the command line.

use std::process::ExitCode;
use std::sync::Arc;

use rotation_ledger::cli;
use rotation_ledger::cli::Streams;
use rotation_ledger::sys::entropy::CountingEntropy;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::StoppedClock;
use rotation_ledger::time::Timestamp;

fn main() -> ExitCode {
    let said = std::env::var("STOPPED_AT").unwrap_or_default();
    let now: Timestamp = said
        .parse()
        .unwrap_or(Timestamp::from_micros(1_795_424_400_000_000));
    let mut seed = blake3::Hasher::new();
    seed.update(&now.micros().to_le_bytes());
    for arg in std::env::args_os().skip(1) {
        seed.update(arg.as_encoded_bytes()).update(&[0]);
    }
    let seed = seed
        .finalize()
        .as_bytes()
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let world = World {
        clock: Arc::new(StoppedClock(now)),
        entropy: Arc::new(CountingEntropy::new(seed)),
        ..World::system()
    };
    cli::run(std::env::args_os(), world, Streams::standard())
}
