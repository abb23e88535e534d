//! `ledger trust`: the lines by which others come to trust this ledger.

use serde_json::json;

use crate::checkpoint::CosignerKey;
use crate::keyring::SealingKey;
use crate::note::{NoteKey, Origin};
use crate::register::LedgerState;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};

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
/// One log line for each key that sealed the ledger, the newest first. What an auditor reads out of
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

/// The key that seals the ledger now, under the ledger's name.
pub(crate) fn sealing_key(charter: &LedgerState) -> Option<NoteKey> {
    let origin = Origin::try_from(charter.origin.clone()?).ok()?;
    let seal = charter.keyring.seals().last()?;
    NoteKey::new(origin, seal.key).ok()
}

/// What the operator of a witness has to do so that it follows a ledger that is sealed by `key`, where
/// it does not follow successors by itself, or no key that it follows has named this one.
pub(crate) fn how_to_follow(key: &NoteKey) -> String {
    format!("next: on the witness's machine: ledger witness add-log --dir DIR --log {key}")
}

pub(crate) fn run(context: &mut Context, args: &TrustArgs) -> CommandResult {
    context.ui.thing = "trust";
    let TrustAction::Show(args) = &args.action;
    let register = context.reader()?.replay()?;
    let charter = &register.charter;
    let origin = charter.origin.clone().map(Origin::try_from);
    let Some(Ok(origin)) = origin else {
        return Err(CommandError::new(Exit::Broken, "entry 0 names no ledger"));
    };
    let vkey = |seal: &SealingKey| NoteKey::new(origin.clone(), seal.key);
    let seals = charter.keyring.seals();
    let keys: Vec<_> = seals
        .iter()
        .rev()
        .filter_map(|seal| vkey(seal).ok())
        .collect();
    let mut lines: Vec<String> = keys.iter().map(|key| format!("log {key}")).collect();
    let in_use = witnesses_in_use(context)?;
    let names: Vec<_> = (1..=args.witness.len()).map(|n| format!("w{n}")).collect();
    for (name, witness) in names.iter().zip(&args.witness) {
        lines.push(format!("witness {name} {witness}"));
    }
    if !names.is_empty() {
        lines.push(format!("group all-of-them all {}", names.join(" ")));
        lines.push("quorum all-of-them".to_owned());
    } else if in_use.is_empty() {
        lines.push("quorum none".to_owned());
    } else {
        // A policy may name the ledger itself; the lines above name all of its keys.
        let is_log = |line: &&str| line.split_ascii_whitespace().next() == Some("log");
        let others = in_use.lines().filter(|line| !is_log(line));
        lines.extend(others.map(str::to_owned));
    }
    let text = lines.join("\n") + "\n";
    let logs: Vec<_> = keys.iter().map(ToString::to_string).collect();
    Ok(Answer::new(json!({ "logs": logs, "policy": text })).text(text).say(
        "note: hand it over by another road than the ledger; who can change the one must not be able to change the other",
    ))
}

/// The lines by which this ledger's witnesses were chosen; empty where none were.
fn witnesses_in_use(context: &Context) -> Result<String, CommandError> {
    let (_, settings) = context.anchoring()?;
    // Refused where it is damaged, rather than handed over.
    settings.witnesses()?;
    Ok(settings.witness_file()?)
}
