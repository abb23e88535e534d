//! The folder of a witness, as the command line names it.

use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::witness::{KEY_FILE, Witness, WitnessError};

/// Where a witness lives.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DirArgs {
    /// The witness's folder: its key, the ledgers it follows and what it last cosigned of each
    #[arg(long, value_name = "DIR")]
    pub(super) dir: PathBuf,
}

impl DirArgs {
    pub(super) fn open(&self, context: &Context) -> Result<Witness, CommandError> {
        if !self.dir.join("vkey").exists() {
            return Err(WitnessError::NoWitness(self.dir.clone()).into());
        }
        let key = context.read_key(&self.dir.join(KEY_FILE))?;
        Ok(Witness::open(context.world.clone(), &self.dir, key)?)
    }
}
