//! `ledger trust`: the lines by which others come to trust this ledger.

use serde_json::json;

use crate::checkpoint::CosignerKey;
use crate::export::PACK_KEY;
use crate::facts;
use crate::key::PublicKey;
use crate::ledger::sealing_vkeys;
use crate::note::NoteKey;
use crate::sys::keyfile::{self, KeyFileError};
use crate::trust;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;

/// Print what an auditor needs to trust this ledger's checkpoints
#[derive(Debug, clap::Args)]
pub(crate) struct TrustArgs {
    #[command(subcommand)]
    action: TrustAction,
}

#[derive(Debug, clap::Subcommand)]
enum TrustAction {
    Show(TrustShowArgs),
}

/// Print a trust file (C2SP tlog-policy) for this ledger, to hand over by another road
///
/// One log line for each key that sealed the ledger, the newest first, and the key that signs packs. What an auditor reads out of
/// the ledger itself proves nothing to them: hand this over on paper, in a meeting, by a signed
/// mail. The witnesses and the quorum are those of `ledger witness use`; with --witness they are the
/// witnesses named, all of them. An auditor who has other ones writes those in.
///
///   ledger trust show --witness audit.example/w1+8c7d…+BG… > prod.trust
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct TrustShowArgs {
    /// A witness that must have seen the ledger, instead of those in use; repeat for more
    #[arg(long, value_name = "VKEY")]
    witness: Vec<CosignerKey>,
}

/// What the operator of a witness has to do so that it follows a ledger that is sealed by `key`, where
/// it does not follow successors by itself, or no key that it follows has named this one.
pub(crate) fn how_to_follow(key: &NoteKey) -> String {
    format!("next: on the witness's machine: ledger witness add-log --dir DIR --log {key}")
}

pub(crate) fn run(context: &mut Context, args: &TrustArgs) -> CommandResult {
    context.ui.thing = "trust";
    let TrustAction::Show(args) = &args.action;
    let register = context.register()?;
    let keys = sealing_vkeys(&register.charter)
        .ok_or_else(|| CommandError::broken("entry 0 names no ledger"))?;
    let named = (1..).zip(&args.witness).map(|(number, key)| {
        let name = format!("w{number}");
        let line = format!("witness {name} {key}");
        (name, line)
    });
    let mut witnesses = trust::all_of(&named.collect::<Vec<_>>());
    if witnesses.is_empty() {
        witnesses = witnesses_in_use(context)?;
    }
    let pack_key = pack_key(context)?;
    let lines = pack_key.as_ref().map(facts::trust_lines);
    let text = trust::trust_file(&keys, &witnesses) + &lines.unwrap_or_default();
    let logs: Vec<_> = keys.iter().map(ToString::to_string).collect();
    let document = json!({ "logs": logs, "policy": text, "pack_key": pack_key });
    let answer = Answer::new(document).text(text).say(
        "note: hand it over by another road than the ledger; who can change the one must not be able to change the other",
    );
    Ok(match pack_key {
        Some(_) => answer,
        None => answer.say("note: it has no pack key yet; the first ledger export makes one, and packs are checked by hand with it"),
    })
}

/// The key that signs this host's packs, once there is one.
fn pack_key(context: &Context) -> Result<Option<PublicKey>, CommandError> {
    let path = context.place()?.state.join(PACK_KEY);
    match keyfile::read(&path, &|| Ok(None)) {
        Ok(key) => Ok(Some(key.public())),
        Err(KeyFileError::Missing { .. }) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// The lines by which this ledger's witnesses were chosen; empty where none were.
fn witnesses_in_use(context: &Context) -> Result<String, CommandError> {
    let settings = context.anchoring()?;
    // Refused where it is damaged, rather than handed over.
    settings.witnesses()?;
    Ok(settings.witness_file()?)
}
