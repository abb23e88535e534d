//! `ledger restore`: a ledger out of backups, copies, packs and what is left of its folder.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::append;
use crate::backup::{self, RestorePlan, RestoreSource, SealingKeyFound};
use crate::documents;
use crate::key::SecretKey;
use crate::ledger::LedgerPlace;
use crate::note::NOTE_LIMIT;
use crate::pack_verify::UnverifiedPack;
use crate::store::engine::FolderEngine;
use crate::text::Line;

use super::answer::{Answer, CommandResult};
use super::backup::{is_zipped_backup, unpacked};
use super::context::Context;
use super::exit::CommandError;
use super::files::{keep_apart, read_bounded};
use super::layout::counted;
use super::verify::audited;
use super::{anchor, pack};

/// Restore a ledger from a backup, and from whatever else still has entries of it
///
/// Name everything that you have: a backup, a published copy (its folder, or https://HOST), an evidence
/// pack, what is left of a damaged folder. The entries that chain on from each other are taken from all
/// of them; two that contradict each other are refused. Nothing is written into a source.
///
/// What the newest checkpoint states that is known here (in --state, with --anchor, in a source) and no
/// source has is said. To go on without it takes --accept-loss and a Security Owner's --key: it is recorded
/// in the ledger as store.recovered, before anything else is.
///
/// The sealing key of a backup that has it is put where this host has none, with the passphrase of that
/// backup. Without a sealing key the restored ledger reads and verifies, and a Security Owner names a new one.
///
///   ledger restore --from /mnt/backup/prod --to /srv/ledger/prod
///   ledger restore --from /mnt/backup/prod --from /srv/ledger/broken --from https://HOST --to /srv/ledger/prod
///   ledger restore --from prod.zip --to prod --accept-loss --key sam.pem --reason "the disk of 2026-11-20"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RestoreArgs {
    /// A backup, a copy, a pack, or what is left of the ledger's folder; repeat for more
    #[arg(long, value_name = "PATH|URL", required = true)]
    from: Vec<PathBuf>,
    /// Where the ledger is to be: a new or empty folder
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// A checkpoint that somebody else kept, which the ledger must reach; repeat for more
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// Go on without what is lost, and record that as a Security Owner (--key)
    #[arg(long, requires = "reason")]
    accept_loss: bool,
    /// Why that is accepted, in one line
    #[arg(long, value_name = "TEXT", requires = "accept_loss")]
    reason: Option<String>,
}

/// Sources, and the folders among them with what keeps those.
type Opened = (Vec<RestoreSource>, Vec<(PathBuf, Option<TempDir>)>);

pub(crate) fn run(context: &mut Context, args: &RestoreArgs) -> CommandResult {
    context.ui.thing = "restore";
    let reason = args.reason.as_deref().map(Line::new).transpose();
    let reason = reason.map_err(CommandError::flag("--reason"))?;
    // Who may not accept it is found out before anything is written.
    let owner = match reason {
        Some(reason) => Some((context.key()?, reason)),
        None => None,
    };
    backup::check_target(&context.world, &args.to)?;
    let (mut sources, folders) = open(context, args)?;
    // What this host keeps of the ledger is found by its id, which the entries have.
    let id = backup::ledger_of(&sources)?;
    let place = context.place_of_id(args.to.clone(), id)?;
    for path in known(context, args, &folders, &place)? {
        let note = read_bounded(&path, NOTE_LIMIT)?;
        sources.push(RestoreSource::known(&path.display().to_string(), &note));
    }
    let plan = backup::plan(&sources)?;
    if plan.is_lossy() && owner.is_none() {
        return Err(refusal(&plan));
    }
    plan.check_state(&context.world, &place)?;
    let key = sealing_key(context, &plan, &folders, &place)?;
    audited(context, &args.to, |audit| plan.write(&audit))??;
    let found = plan.settle(&context.world, &place, key.as_ref())?;
    let is_recorded = plan.lost.is_some() || plan.lacks_checkpoint();
    let recovery = match owner {
        Some((key, reason)) if is_recorded && found.can_seal() => {
            let wait = context.globals.wait;
            let recovery = append::recover(&context.world, &place, wait, &*key, reason)?;
            context.warn_all(&recovery.notices);
            context.has_committed = true;
            Some(documents::receipt(&recovery.receipt))
        }
        _ => None,
    };
    Ok(answer(args, &plan, found, recovery))
}

fn open(context: &Context, args: &RestoreArgs) -> Result<Opened, CommandError> {
    let (mut sources, mut folders) = Opened::default();
    for path in &args.from {
        let name = path.display().to_string();
        let is_zipped = is_zipped_backup(path);
        if !is_zipped && pack::is_pack(&*context.world.disk, path) {
            let (pack, _) = UnverifiedPack::of(&pack::open(&*context.world.disk, path)?);
            sources.push(RestoreSource::pack(&name, pack));
            continue;
        }
        let (dir, held) = match is_zipped {
            true => unpacked(path)?,
            false => (context.folder(path, true)?, None),
        };
        keep_apart("--to", &args.to, &dir)?;
        let found = RestoreSource::in_folder(&context.world, &name, &dir)?;
        if !found.iter().any(RestoreSource::has_entries) {
            let message = format!("--from {name} has no entry of a ledger");
            return Err(CommandError::usage(message).code("no-ledger"));
        }
        sources.extend(found);
        folders.push((dir, held));
    }
    Ok((sources, folders))
}

/// Where checkpoints of the ledger are besides the sources: what this host keeps, and what was handed over.
fn known(
    context: &Context,
    args: &RestoreArgs,
    folders: &[(PathBuf, Option<TempDir>)],
    place: &LedgerPlace,
) -> Result<Vec<PathBuf>, CommandError> {
    let mut kept = vec![place.head()];
    for (dir, _) in folders {
        kept.push(context.place_of(dir.clone())?.head());
    }
    kept.dedup();
    kept.retain(|head| head.exists());
    kept.extend(anchor::expand(&args.anchor)?);
    Ok(kept)
}

/// Says what would be lost, and what to do about it.
fn refusal(plan: &RestorePlan<'_>) -> CommandError {
    let mut lacking = losses(plan);
    if plan.lacks_checkpoint() {
        lacking.push("no checkpoint of it is left that says where it ended".to_owned());
    }
    let failure = CommandError::broken(format!("nothing was restored: {}", lacking.join("; ")))
        .hint("name more with --from: a newer backup, a published copy, a pack, what is left of the folder; if there is nothing, a Security Owner accepts it: --accept-loss --key FILE --reason TEXT");
    match plan.lost {
        Some(_) => failure.code("entries-missing"),
        None => failure.code("restore-incomplete"),
    }
}

/// What is lost, in words.
fn losses(plan: &RestorePlan<'_>) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(lost) = &plan.lost {
        let (name, stated) = (&lost.name, lost.stated);
        let last = stated.saturating_sub(1);
        said.push(match lost.first {
            None => format!("{name} states other entries than these at {stated}"),
            Some(first) => {
                let missing = format!("entries {first} to {last} are in no source");
                format!("{name} states {stated} entries, and {missing}")
            }
        });
    }
    if let Some((digest, sequence)) = plan.missing.first() {
        let many = counted(plan.missing.len() as u64, "attachment");
        said.push(format!(
            "{many} in no source, first {digest} of entry {sequence}"
        ));
    }
    said
}

/// The sealing key of the first backup that has it, where this host has none.
fn sealing_key(
    context: &mut Context,
    plan: &RestorePlan<'_>,
    folders: &[(PathBuf, Option<TempDir>)],
    place: &LedgerPlace,
) -> Result<Option<SecretKey>, CommandError> {
    if place.sealing_key().exists() {
        return Ok(None);
    }
    for (dir, _) in folders {
        let folder = FolderEngine::at(&context.world, dir);
        let record = backup::BackupRecord::read(&folder).ok().flatten();
        let named = record.and_then(|record| record.sealing_key);
        if named.is_none() || named != plan.sealing_key() {
            continue;
        }
        let can_ask = context.globals.passphrase_file.is_some() || context.ui.can_ask();
        if !can_ask {
            context.warn("the sealing key in the backup stays there: no passphrase was given (--passphrase-file)");
            continue;
        }
        return Ok(backup::sealing_key(&folder, &|| context.passphrase(dir))?);
    }
    Ok(None)
}

/// What to do with a ledger that was restored.
fn next(to: &Path, found: SealingKeyFound) -> Vec<String> {
    let to = to.display();
    let mut next = vec![format!("ledger verify {to}")];
    if !found.can_seal() {
        let flags = "--key FILE --new-sealing-key --reason TEXT";
        next.push(format!("ledger recover --ledger {to} {flags}"));
    }
    next.push(format!("ledger backup --ledger {to} --to DIR"));
    next
}

fn answer(
    args: &RestoreArgs,
    plan: &RestorePlan<'_>,
    found: SealingKeyFound,
    recovery: Option<Value>,
) -> Answer {
    let to = args.to.display();
    let key = match found {
        SealingKeyFound::Present => "present",
        SealingKeyFound::Restored => "restored",
        SealingKeyFound::Other => "other",
        SealingKeyFound::Missing => "missing",
    };
    let next = next(&args.to, found);
    let runs = plan.runs.iter();
    let runs = runs.map(|run| (run.first, run.first + run.count - 1, &run.source.name));
    let source = |(first, last, source)| json!({ "first": first, "last": last, "source": source });
    let document = json!({
        "to": to.to_string(),
        "ledger_id": plan.ledger(),
        "size": plan.size(),
        "root": plan.root(),
        "sources": runs.clone().map(source).collect::<Vec<_>>(),
        "lost": plan.lost.as_ref().map(|lost| json!({
            "known_by": lost.name,
            "known_size": lost.stated,
            "first": lost.first,
        })),
        "attachments_lost": plan.missing.len(),
        "remarks": plan.remarks,
        "sealing_key": key,
        "recovered": recovery,
        "next": next,
    });
    let run = |(first, last, source)| format!("  entries {first} to {last}  from {source}");
    let runs = runs.map(run);
    let lost = losses(plan).into_iter();
    let lost = lost.map(|what| format!("  lost         {what}"));
    let entries = counted(plan.size(), "entry");
    let answer = Answer::new(document)
        .line(format!("{to} holds {entries}, verified"))
        .lines(runs.chain(lost))
        .line(format!("  sealing key  {key}"));
    let answer = plan.remarks.iter().fold(answer, Answer::note);
    let next = next.iter().map(|command| format!("next: {command}"));
    next.fold(answer, Answer::say)
}
