//! `ledger witness init`, `add-log` and `show`: the folder of a witness.

use std::path::PathBuf;

use serde_json::json;

use super::dir::DirArgs;
use crate::checkpoint::parse_origin;
use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::{Context, read_passphrase};
use crate::cli::exit::CommandError;
use crate::cli::files::read_input;
use crate::cli::layout::{row, seconds};
use crate::note::{NOTE_LIMIT, NoteKey, Origin};
use crate::sys::keyfile;
use crate::witness::{FollowFrom, FollowedKey, FollowedLog, KEY_FILE, Witness, WitnessError};

/// Become a witness: make its key and its folder, and print its vkey
///
/// The vkey is what the ledger's operator needs to ask this witness, and what an auditor's trust file
/// needs to believe it. Hand it over by a way that the ledger's operator cannot change.
///
///   ledger witness init --dir witness --name witness.example/audit --log VKEY
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct WitnessInitArgs {
    /// The witness's name, for ever: a URL without scheme, as witness.example/audit
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: DirArgs,
    /// The vkey of a ledger to follow, as its operator prints it
    #[arg(long = "log", value_name = "VKEY")]
    logs: Vec<NoteKey>,
}

/// Follow one more ledger, or take a further key of one; or begin anew where the state was lost
///
/// A witness whose state of a ledger is missing or damaged cosigns nothing of it: what it would sign
/// could contradict what it signed before. --from goes on from a checkpoint that this witness has
/// cosigned, best the newest that anybody has. --forget starts as if nothing had been cosigned, and
/// gives up what the witness stood for.
///
///   ledger witness add-log --dir witness --log VKEY
///   ledger witness add-log --dir witness --log VKEY --from cosigned
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct AddLogArgs {
    #[command(flatten)]
    place: DirArgs,
    /// The vkey of the ledger
    #[arg(long = "log", value_name = "VKEY", required = true)]
    logs: Vec<NoteKey>,
    /// What its checkpoints begin with, where that is not the name of its key: a log of somebody else
    #[arg(long, value_name = "LINE", value_parser = parse_origin)]
    origin: Option<String>,
    /// Go on from this checkpoint, which this witness has cosigned; `-` is stdin
    #[arg(long, value_name = "FILE|-", conflicts_with = "forget")]
    from: Option<PathBuf>,
    /// Begin as if nothing had been cosigned
    #[arg(long)]
    forget: bool,
}

/// Show a witness's vkey, and what it last cosigned of each ledger
///
///   ledger witness show --dir witness
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct WitnessShowArgs {
    #[command(flatten)]
    place: DirArgs,
}

pub(super) fn init(context: &mut Context, args: &WitnessInitArgs) -> CommandResult {
    let name = Origin::new(&args.name).map_err(CommandError::flag("--name"))?;
    let dir = &args.place.dir;
    if dir.join("vkey").exists() {
        return Err(WitnessError::Exists(dir.clone()).into());
    }
    let unmade = |fault| format!("the folder {} cannot be made: {fault}", dir.display());
    let made = std::fs::create_dir_all(dir).map_err(unmade);
    made.map_err(CommandError::usage)?;
    let passphrase = context.globals.passphrase_file.as_deref();
    let passphrase = passphrase.map(read_passphrase).transpose();
    let passphrase = passphrase.map_err(CommandError::usage)?;
    let key = context.world.new_key()?;
    let word = passphrase.as_ref().map(|word| word.as_str());
    keyfile::write_new(&dir.join(KEY_FILE), &key, word)?;
    let witness = Witness::create(context.world.clone(), dir, name, key)?;
    for log in &args.logs {
        witness.add_log(log, &FollowFrom::New, context.globals.wait)?;
    }
    let answer = describe(context, &witness)?;
    Ok(match args.logs.is_empty() {
        true => answer.note("next: ledger witness add-log --dir DIR --log VKEY"),
        false => answer,
    })
}

pub(super) fn add_log(context: &mut Context, args: &AddLogArgs) -> CommandResult {
    let witness = args.place.open(context)?;
    let beginning = match &args.from {
        Some(path) => FollowFrom::From(read_input(&mut context.ui, path, NOTE_LIMIT)?),
        None if args.forget => FollowFrom::Forget,
        None => FollowFrom::New,
    };
    for log in &args.logs {
        let mut followed = FollowedKey::from(log);
        followed.origin = args.origin.clone().unwrap_or(followed.origin);
        witness.add_log(followed, &beginning, context.globals.wait)?;
    }
    if args.forget {
        context.warn(
            "what this witness cosigned before no longer binds it; tell whoever relies on it",
        );
    }
    describe(context, &witness)
}

pub(super) fn show(context: &mut Context, args: &WitnessShowArgs) -> CommandResult {
    let witness = args.place.open(context)?;
    describe(context, &witness)
}

/// The vkey, and the ledgers. Where a state cannot be told that is shown before it fails.
fn describe(context: &mut Context, witness: &Witness) -> CommandResult {
    let mut followed = witness.logs()?;
    let vkey = witness.cosigner().to_string();
    let logs: Vec<_> = followed.iter().map(to_json).collect();
    let mut answer =
        Answer::new(json!({ "vkey": vkey, "logs": logs })).line(format!("witness  {vkey}"));
    if !followed.is_empty() {
        answer = answer.table(
            ["LEDGER", "KEYS", "SIZE", "COSIGNED"],
            followed.iter().map(row),
        );
    }
    let lost = followed.iter().position(|log| log.last.is_err());
    match lost.map(|at| followed.swap_remove(at).last) {
        Some(Err(fault)) => {
            context.ui.answer(answer);
            Err(fault.into())
        }
        _ => Ok(answer),
    }
}

fn row(log: &FollowedLog) -> [String; 4] {
    let (size, time) = match &log.last {
        Ok(Some((checkpoint, time))) => (checkpoint.size.to_string(), seconds(*time)),
        Ok(None) => ("-".to_owned(), "nothing yet".to_owned()),
        Err(_) => ("?".to_owned(), "state lost".to_owned()),
    };
    row![log.origin, log.keys.len(), size, time]
}

fn to_json(log: &FollowedLog) -> serde_json::Value {
    let last = log.last.as_ref().ok().and_then(Option::as_ref);
    json!({
        "origin": log.origin,
        "keys": log.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "size": last.map(|(checkpoint, _)| checkpoint.size),
        "root": last.map(|(checkpoint, _)| checkpoint.root),
        "cosigned_utc": last.map(|(_, time)| seconds(*time)),
        "state_lost": log.last.as_ref().err().map(ToString::to_string),
    })
}
