//! `ledger init`: the one way in which a ledger begins.

use serde_json::json;

use crate::append::{self, NewLedger};
use crate::documents;
use crate::hash::LedgerId;
use crate::note::Origin;
use crate::text::{Id, Line};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;

/// Create a ledger, with its first Security Owner
///
/// Makes the folder, a sealing key for its checkpoints (kept outside the folder, see --state) and
/// entry 0, signed with your key. You are its first Security Owner and enrol the others.
///
///   ledger init --ledger prod --origin ledger.example/prod --key alice.pem \
///       --actor alice --name "Alice Ek"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct InitArgs {
    /// The ledger's name in every checkpoint, for ever: a URL without scheme, as ledger.example/prod
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// Your id in the ledger
    #[arg(long, value_name = "ID")]
    actor: String,
    /// Your name, as a person would read it
    #[arg(long, value_name = "TEXT")]
    name: String,
}

pub(crate) fn run(context: &mut Context, args: &InitArgs) -> CommandResult {
    context.ui.thing = "init";
    let place = context.new_place()?;
    let founding = NewLedger {
        origin: Origin::new(&args.origin).map_err(CommandError::flag("--origin"))?,
        actor: Id::new(&args.actor).map_err(CommandError::flag("--actor"))?,
        name: Line::new(&args.name).map_err(CommandError::flag("--name"))?,
        key: &*context.key()?,
    };
    let receipt = append::create(&context.world, &place, &founding)?;
    context.remember_id(LedgerId::from_genesis(receipt.link));
    // Found by its id from now on.
    let place = context.place()?;
    let kept = place.head().display().to_string();
    let sealing = place.sealing_key().display().to_string();
    let dir = place.dir.display().to_string();
    let document = json!({
        "ledger_id": receipt.link,
        "dir": dir,
        "kept_checkpoint": kept,
        "sealing_key": sealing,
        "receipt": documents::receipt(&receipt),
    });
    Ok(Answer::new(document)
        .line(format!("ledger           {dir}"))
        .line(format!("ledger id        {}", receipt.link))
        .line(format!("kept checkpoint  {kept}"))
        .line(format!("sealing key      {sealing}"))
        .say("next: enrol the others with: ledger actor enroll"))
}
