//! What keeps a ledger going: its newest checkpoint and its index.

use std::io;

use serde_json::json;

use crate::checkpoint;
use crate::ledger::CHECKPOINT_FILE;
use crate::store::index::INDEX;
use crate::sys::disk::DiskError;
use crate::sys::lock::WriteLock;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::layout::counted;

/// Print the newest signed checkpoint, for keeping it where the ledger's host cannot rewrite it
///
/// A C2SP signed note: the ledger's name, its size, its Merkle root, and the signature of its sealing
/// key. Whoever keeps it can show later whether entries before it were changed or cut off.
///
///   ledger checkpoint > head-1101.txt
///   ledger verify --anchor head-1101.txt
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CheckpointArgs;

/// Make the index again from the log
///
/// The index is never trusted, and is made again by itself where it is missing, stale or damaged; this
/// is for whoever wants to see it done. Nothing is lost with it.
///
///   ledger reindex
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ReindexArgs;

pub(crate) fn checkpoint(context: &mut Context) -> CommandResult {
    context.ui.thing = "checkpoint";
    let path = context.ledger_dir()?.join(CHECKPOINT_FILE);
    let bytes = context.world.disk.read(&path)?;
    let broken = |fault: String| CommandError::broken(format!("{}: {fault}", path.display()));
    let stated = checkpoint::stated(&bytes).map_err(|fault| broken(fault.to_string()))?;
    let note = String::from_utf8_lossy(&bytes);
    let document = json!({
        "origin": stated.origin.as_str(),
        "size": stated.size,
        "root": stated.root,
        "note": note,
    });
    Ok(Answer::new(document).text(note))
}

pub(crate) fn reindex(context: &mut Context) -> CommandResult {
    context.ui.thing = "reindex";
    context.ledger_dir()?;
    let place = context.place()?;
    let dir = place.engine.as_ref().and_then(|engine| engine.scratch());
    let dir = dir.unwrap_or(&place.dir);
    let (index, now) = (dir.join(INDEX), context.now());
    let lock = WriteLock::acquire(dir, context.globals.wait, "ledger reindex", now)?;
    match std::fs::remove_dir_all(&index) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
            return Err(DiskError::new("remove", &index, fault).into());
        }
        _ => drop(lock),
    }
    // Whoever opens the ledger next makes what is missing, and it does not matter who that is.
    let mut writer = context.writer()?;
    writer.register()?;
    let entries = writer.size();
    context.warn_all(writer.close());
    let counted = counted(entries, "entry");
    Ok(Answer::new(json!({ "entries": entries }))
        .line(format!("the index was made again from {counted}")))
}
