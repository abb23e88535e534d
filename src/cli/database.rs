//! A ledger in a PostgreSQL database, named by a URL in place of its folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ledger::LedgerPlace;
use crate::store::database::{AddressError, DatabaseAddress, DatabaseEngine, DatabaseRoles};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;

/// What the writer of this host keeps of a ledger in a database, beside its sealing key.
const SCRATCH: &str = "work";

/// Prepare a PostgreSQL database for a ledger, as its owner
///
/// Makes the schema, or brings an older one to the newest form, and lets two roles in: one that may add and read, and one that may read. Neither can change or
/// remove what is there. Then `ledger init` as the writer.
///
///   ledger database --ledger postgres://owner@db.example/evidence \
///       --writer ledger_writer --reader ledger_reader
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DatabaseArgs {
    /// The role that adds to the ledger
    #[arg(long, value_name = "ROLE")]
    writer: Option<String>,
    /// The role that reads it, as `ledger verify` does
    #[arg(long, value_name = "ROLE")]
    reader: Option<String>,
}

pub(crate) fn run(context: &mut Context, args: &DatabaseArgs) -> CommandResult {
    let named = context.named_ledger()?;
    let engine = context.database(&named)?.ok_or_else(|| {
        CommandError::usage(format!("{} is no database", named.display()))
            .hint("name one with --ledger postgres://OWNER@HOST/DATABASE")
    })?;
    engine.prepare(DatabaseRoles {
        writer: args.writer.as_deref(),
        reader: args.reader.as_deref(),
    })?;
    let ready = format!("{} is ready\n", named.display());
    Ok(Answer::plain(ready).say("next, as the writer: ledger init"))
}

/// Whether what stands where a folder may stand names a database.
pub(super) fn is_named(named: &Path) -> bool {
    named.to_str().is_some_and(DatabaseAddress::is_one)
}

impl Context {
    /// The ledger in the database that is `named`, where one is; from now on the disk shows it.
    pub(super) fn database(&self, named: &Path) -> Result<Option<DatabaseEngine>, CommandError> {
        let Some(text) = named.to_str().filter(|_| is_named(named)) else {
            return Ok(None);
        };
        let variables = Arc::new(|name: &str| std::env::var(name).ok());
        let address = DatabaseAddress::parse(text, variables)?;
        let open = || DatabaseEngine::new(address, named, self.globals.wait);
        Ok(Some(self.databases.show(named, open)))
    }

    /// A ledger's place, be it a folder or a database.
    pub(super) fn placed(&self, dir: PathBuf, state: PathBuf) -> Result<LedgerPlace, CommandError> {
        let database = self.database(&dir)?;
        let mut place = LedgerPlace::new(dir, state);
        if let Some(database) = database {
            let scratch = place.state.join(SCRATCH);
            place.engine = Some(Arc::new(database.for_writing(scratch)));
        }
        Ok(place)
    }
}

impl From<AddressError> for CommandError {
    fn from(fault: AddressError) -> Self {
        Self::usage(fault).code("database-unnamed")
    }
}
