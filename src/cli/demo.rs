//! `ledger demo`: the whole SOP at work in a temporary ledger.

use std::path::PathBuf;

use super::context::Context;
use super::exit::Failure;
use super::exit::Outcome;

/// Play a whole SOP in a temporary ledger, then tamper with it and see it found
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep the ledger and everything around it in this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Plays the story.
pub(crate) fn run(_context: &mut Context, _args: &DemoArgs) -> Outcome {
    Err(Failure::usage("the demonstration is not built in"))
}
