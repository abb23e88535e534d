//! `ledger secret attest`: that the inventory is the whole population, with what the ledger itself counts.

use std::path::PathBuf;

use serde_json::json;

use crate::append::draft::Draft;
use crate::hash::Sha256Digest;
use crate::text::Line;

use super::answer::CommandResult;
use super::context::Context;
use super::exit::CommandError;
use super::files::read_input;
use super::{receipt, together};

/// The longest output of a query, in bytes.
const OUTPUT_LIMIT: usize = 256 << 20;

/// Attest the inventory of the ledger: count and digest are computed
///
/// Records inventory.attested: that the secrets registered now are all there are, and how they were counted at their
/// sources. A list that was imported attests by itself: ledger secret import --attest.
///
///   ledger secret attest --query "vault list kv/metadata/prod, three clusters" --query-output listed.txt
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct AttestArgs {
    /// How they were counted at their sources
    #[arg(long, value_name = "TEXT")]
    query: Line,
    /// What that answered: its SHA-256 is recorded, the file is not
    #[arg(long, value_name = "FILE")]
    query_output: Option<PathBuf>,
    /// What was left out and why; repeat for more
    #[arg(long, value_name = "TEXT")]
    exclude: Vec<Line>,
}

pub(crate) fn run(context: &mut Context, args: &AttestArgs) -> CommandResult {
    context.ui.thing = "receipt";
    let read = |path: &PathBuf| read_input(&mut context.ui, path, OUTPUT_LIMIT);
    let output = args.query_output.as_ref().map(read).transpose()?;
    let digest = output.map(|bytes| Sha256Digest::of(&bytes));
    let excluded: Vec<_> = args.exclude.iter().map(ToString::to_string).collect();
    let draft = attestation(context, &args.query, digest, &excluded)?;
    let mut receipts = together::record(context, vec![draft])?;
    Ok(receipt::answer(&receipts.pop().unwrap_or_default()))
}

/// An attestation of the inventory as it stands.
pub(crate) fn attestation(
    context: &Context,
    query: &Line,
    output: Option<Sha256Digest>,
    excluded: &[String],
) -> Result<Draft, CommandError> {
    let (register, now) = (context.register()?, context.now());
    let said = json!({
        "as_of": now, "count": register.charter.active_secrets, "ids_sha256": register.population_digest(),
        "query": query, "query_output_sha256": output, "exclusions": excluded,
    });
    together::draft(now, "inventory.attested", said)
}
