//! `ledger recover`: people accept a ledger as it stands, and name a sealing key where the old one is lost.

use std::path::PathBuf;

use serde_json::json;

use crate::append::{self, AppendError, LostSeal, Submission};
use crate::documents;
use crate::event::SealingKeyRecovered;
use crate::ledger::LedgerPlace;
use crate::spool;
use crate::sys::disk::SMALL_FILE;
use crate::sys::keyfile::PublicKeyFile;
use crate::text::Line;
use crate::time::{SaidTime, Timestamp};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::{make_private, read_bounded, write_new};
use super::receipt;

/// The longest statement of a second Security Owner: it has no attachments.
const STATEMENT_LIMIT: usize = 1 << 20;

/// Accept a ledger as it stands, and name a new sealing key where the old one is lost
///
/// A ledger that is behind or beside the checkpoint kept outside it is what a restored backup looks
/// like, and what tampering looks like: find the newest copy first (ledger restore takes what chains
/// on). What is accepted is recorded as store.recovered, with the checkpoint that was set aside,
/// signed by you as Security Owner. It cannot be taken back.
///
///   ledger recover --reason "restored from the backup of 2026-11-20 after the disk failed"
///
/// Where the host is gone and its sealing key with it, --new-sealing-key makes another one and has you
/// name it (sealing_key.recovered), on the newest checkpoint that the lost key sealed. Who followed the
/// old key is led to the new one by that entry. A policy of four_eyes: strict demands two Security
/// Owners: the first try prints what the second one has to sign.
///
///   ledger recover --new-sealing-key --reason "the host burnt down"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RecoverArgs {
    /// Why, in one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Name a new sealing key: the old one is lost, or in strange hands
    #[arg(long)]
    new_sealing_key: bool,
    /// Since when the old key is lost [default: since the newest entry that it is known to have sealed]
    #[arg(long, value_name = "TIME", requires = "new_sealing_key")]
    lost_since: Option<SaidTime>,
    /// A checkpoint that somebody kept, where none is left here
    #[arg(long, value_name = "FILE", requires = "new_sealing_key")]
    checkpoint: Option<PathBuf>,
    /// What a second Security Owner signed (ledger sign), where the policy demands two
    #[arg(long, value_name = "FILE", requires = "new_sealing_key")]
    statement: Option<PathBuf>,
}

pub(crate) fn run(context: &mut Context, args: &RecoverArgs) -> CommandResult {
    context.ui.thing = "recover";
    let reason = Line::new(&args.reason).map_err(CommandError::flag("--reason"))?;
    let key = context.key()?;
    let place = context.place()?;
    let since = context.instant("--lost-since", args.lost_since);
    let (world, wait) = (&context.world, context.globals.wait);
    let recovery = if args.new_sealing_key {
        make_private(&place.state)?;
        let lost = lost_seal(args, since, reason)?;
        append::name_sealing_key(world, &place, wait, &*key, lost)
            .map_err(|fault| asking_for_the_second(context, &place, fault))?
    } else {
        append::recover(world, &place, wait, &*key, reason)?
    };
    context.has_committed = true;
    context.remember_folder(&place);
    context.warn_all(&recovery.notices);
    let set_aside = recovery.set_aside.map(|path| path.display().to_string());
    let receipt = documents::receipt(&recovery.receipt);
    let document = json!({ "receipt": receipt, "set_aside": set_aside });
    let mut answer = receipt::add_to(Answer::new(document), &receipt);
    if let Some(path) = set_aside {
        answer = answer.say(format!(
            "the checkpoint that it contradicts is kept as {path}"
        ));
    }
    if args.new_sealing_key {
        let path = place.sealing_key();
        answer = answer.say(format!("the new sealing key is {}", path.display()));
        answer = answer.say("next: ledger anchor or ledger prove, so that whoever follows the old key is led to the new one");
    }
    Ok(answer.say("next: ledger verify"))
}

fn lost_seal(
    args: &RecoverArgs,
    since: Option<Timestamp>,
    reason: Line,
) -> Result<LostSeal, CommandError> {
    let checkpoint = args.checkpoint.as_deref();
    let checkpoint = checkpoint.map(|path| read_bounded(path, SMALL_FILE as usize));
    Ok(LostSeal {
        reason,
        since,
        checkpoint: checkpoint.transpose()?,
        second: second(args)?,
    })
}

fn second(args: &RecoverArgs) -> Result<Option<Submission>, CommandError> {
    let Some(path) = args.statement.as_deref() else {
        return Ok(None);
    };
    let read = spool::decode(&read_bounded(path, STATEMENT_LIMIT)?);
    let read = read.map_err(|fault| format!("`{}`: {fault}", path.display()));
    read.map(Some).map_err(CommandError::usage)
}

/// Says what the second Security Owner has to sign, where that is what is missing.
fn asking_for_the_second(
    context: &Context,
    place: &LedgerPlace,
    fault: AppendError,
) -> CommandError {
    let AppendError::NeedsSecond(recovered) = fault else {
        return fault.into();
    };
    let path = place.next_sealing_key().with_extension("pem.pub");
    let public = PublicKeyFile::from_parts(recovered.key, recovered.possession);
    if !path.exists()
        && let Some(fault) =
            public.and_then(|public| write_new(&path, public.format().as_bytes()).err())
    {
        return fault;
    }
    let ledger = context.ledger_id().map(|id| id.to_string());
    let typed = typed(&recovered, ledger.as_deref().unwrap_or("ID"));
    CommandError::from(AppendError::NeedsSecond(recovered)).hint(format!(
        "nothing was recorded. Give {} to a second Security Owner, who signs with it:\n  {typed}\nand then add --statement second.json to this command",
        path.display()
    ))
}

/// The command by which a second Security Owner says the same.
fn typed(recovered: &SealingKeyRecovered, ledger: &str) -> String {
    let way = recovered.consistency.iter().flatten();
    let way: String = way.map(|hash| format!(" --consistency {hash}")).collect();
    format!(
        "ledger sign sealing_key.recovered --ledger-id {ledger} --key SECOND.pem --public sealing-next.pem.pub --lost-since {} --reason \"the same\" --kept-size {} --kept-root {} --kept-signature {}{way} --out second.json",
        recovered.lost_since, recovered.kept_size, recovered.kept_root, recovered.kept_signature,
    )
}
