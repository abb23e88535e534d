//! `ledger prove`: hands out what can be checked without the ledger.

use std::path::PathBuf;

use serde_json::json;

use crate::documents;
use crate::hash::NodeHash;
use crate::ledger::proofs::{LedgerProofs, NoProofError};
use crate::ledger::tree::StoredTreeError;
use crate::merkle::ProofError;
use crate::proof::{Continuation, SealSuccession};
use crate::store::bundle::BundleError;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::write_new;
use super::hint::ARCHIVE_AWAY;

/// Print the receipt of an entry, or a proof that the ledger only grew
///
/// A receipt (C2SP tlog-proof) shows that an entry stands in the ledger, under its newest checkpoint
/// or, where that covers the entry, the newest that witnesses cosigned. It is checked years later
/// without the ledger, with the entry's bytes and a trust file that came by another road. With
/// --from and --to, a consistency proof shows that the ledger of the one size continued to the
/// other, with nothing before it changed.
///
///   ledger prove 41 --entry-out entry-41.bin > entry-41.tlog-proof
///   ledger verify entry-41.tlog-proof --entry entry-41.bin --trust auditors.trust
///   ledger prove --from 33 --to 70
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ProveArgs {
    /// The entry
    #[arg(value_name = "SEQ", required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    sequence: Option<u64>,
    /// Write the entry's stored bytes to this file, which must be new
    #[arg(long, value_name = "FILE", requires = "sequence")]
    entry_out: Option<PathBuf>,
    /// The earlier size, in entries
    #[arg(long, value_name = "SIZE")]
    from: Option<u64>,
    /// The later size [default: the newest checkpoint's]
    #[arg(long, value_name = "SIZE", requires = "from")]
    to: Option<u64>,
}

pub(crate) fn run(context: &mut Context, args: &ProveArgs) -> CommandResult {
    context.ui.thing = "proof";
    let dir = context.dir()?;
    let proofs = LedgerProofs::open(&context.world, &dir, context.globals.wait)?;
    match (args.sequence, args.from) {
        (Some(sequence), _) => {
            // Without it the receipt is as good, for those who know the newest key.
            let charter = proofs.charter(&context.world, &dir, context.globals.wait);
            let succession = charter.ok().and_then(|state| proofs.succession(&state));
            receipt(args, &proofs, sequence, succession.as_ref())
        }
        (None, Some(old)) => {
            let new = args.to.unwrap_or(proofs.newest().size);
            Ok(consistency(&proofs.consistency(old, new)?))
        }
        (None, None) => {
            let message = "name an entry, or two sizes with --from and --to";
            Err(CommandError::usage(message))
        }
    }
}

fn receipt(
    args: &ProveArgs,
    proofs: &LedgerProofs,
    sequence: u64,
    succession: Option<&SealSuccession>,
) -> CommandResult {
    let (proof, stated) = proofs.receipt(sequence)?;
    let proof = proof.carrying(succession);
    if let Some(path) = &args.entry_out {
        write_new(path, &proofs.entry(sequence)?)?;
    }
    let document = documents::proof(sequence, stated, &proof);
    Ok(Answer::new(document).text(proof.to_string()))
}

fn consistency(continued: &Continuation) -> Answer {
    let hashes = continued.proof.hashes().iter();
    let hashes: Vec<_> = hashes.map(NodeHash::to_base64).collect();
    let ((old, old_root), (new, new_root)) = (continued.old, continued.new);
    let document = json!({
        "old": { "size": old, "root": old_root },
        "new": { "size": new, "root": new_root },
        "hashes": hashes,
        "checkpoint": continued.checkpoint,
    });
    Answer::new(document).text(continued.to_string())
}

impl From<NoProofError> for CommandError {
    fn from(fault: NoProofError) -> Self {
        let message = fault.to_string();
        match fault {
            NoProofError::Audit(fault) => fault.into(),
            NoProofError::Tree(StoredTreeError::Proof(ProofError::Beyond { .. })) => {
                Self::not_verified(message)
                    .code("no-entry")
                    .hint("ledger checkpoint says how many there are")
            }
            NoProofError::Tree(StoredTreeError::Proof(_)) => Self::usage(message),
            NoProofError::Bundle(BundleError::Archived { .. }) => Self::not_verified(message)
                .code("archive-away")
                .hint(ARCHIVE_AWAY),
            NoProofError::NoCheckpoint => Self::not_verified(message).code("no-checkpoint"),
            _ => Self::broken(message)
                .code("ledger-damaged")
                .hint("ledger verify names everything that is damaged"),
        }
    }
}
