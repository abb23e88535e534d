//! The program `ledger`: the command line in the real world.

use std::process::ExitCode;

use rotation_ledger::cli::{self, Streams};
use rotation_ledger::sys::world::World;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), World::system(), Streams::standard())
}
