//! `ledger anchor`: the newest checkpoint where the ledger's host cannot rewrite it.

use std::path::PathBuf;

use serde_json::json;

use crate::anchor::Destination;
use crate::anchor::PublishError;
use crate::anchor::Published;
use crate::anchor::Settings;
use crate::audit::COSIGNED_FILE;
use crate::audit::proofs::Proofs;
use crate::checkpoint::Checkpoint;
use crate::note::SignedNote;

use super::args::Output;
use super::context::Context;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::Outcome;
use super::witness::ask::settings;

/// Publish the newest checkpoint, now or after each commit
///
/// To a folder that somebody else keeps (a mounted share, a checked-out repository): one file for each
/// size, and never another root over an old one. Or to a program, which gets it on its stdin. The
/// cosigned checkpoint is published where there is one.
///
///   ledger anchor --to /mnt/auditors
///   ledger anchor --always --to-command logger -t ledger
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct AnchorArgs {
    /// Publish to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "to_command")]
    to: Option<PathBuf>,
    /// Hand it to this program, without a shell; takes all words that follow
    #[arg(long, value_name = "WORDS", num_args = 1.., allow_hyphen_values = true)]
    to_command: Vec<String>,
    /// Do so after each commit from now on
    #[arg(long, conflicts_with_all = ["list", "remove"])]
    always: bool,
    /// List where checkpoints go after each commit
    #[arg(long, conflicts_with_all = ["to", "to_command", "remove"])]
    list: bool,
    /// Take the destination of this number out of the list
    #[arg(long, value_name = "N", conflicts_with_all = ["to", "to_command"])]
    remove: Option<usize>,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(context: &mut Context, args: &AnchorArgs) -> Outcome {
    context.ui.thing = "anchor";
    let settings = settings(context)?;
    let mut known = settings.destinations()?;
    let wanted = match (&args.to, args.to_command.as_slice()) {
        (Some(dir), _) => {
            let dir = dir.canonicalize().unwrap_or_else(|_| dir.clone());
            Some(Destination::Folder(dir))
        }
        (None, []) => None,
        (None, words) => Some(Destination::Command(words.to_vec())),
    };
    if let Some(number) = args.remove {
        let place = number.checked_sub(1).filter(|place| *place < known.len());
        let place = place.ok_or_else(|| {
            Failure::usage(format!("there is no destination {number}"))
                .hint("ledger anchor --list numbers them")
        })?;
        known.remove(place);
        settings.set_destinations(&known)?;
    } else if let Some(wanted) = wanted {
        let note = best(context)?;
        let said = publish(&wanted, &note)?;
        if args.always && !known.contains(&wanted) {
            known.push(wanted);
            settings.set_destinations(&known)?;
        }
        if context.ui.json {
            context.ui.document(json!({ "published": said }));
        } else {
            context.ui.line(said);
        }
        return Ok(Exit::Passed);
    } else if !args.list {
        return Err(Failure::usage("where to?")
            .hint("name a folder with --to, or a program with --to-command"));
    }
    if context.ui.json {
        context.ui.document(json!({ "destinations": known }));
        return Ok(Exit::Passed);
    }
    for (number, destination) in (1..).zip(&known) {
        context.ui.line(format!("{number}  {destination}"));
    }
    Ok(Exit::Passed)
}

/// The cosigned checkpoint where there is one of the newest size, else the newest.
fn best(context: &Context) -> Result<SignedNote, Failure> {
    let dir = context.dir()?;
    let proofs = Proofs::open(&context.world, &dir, context.globals.wait)?;
    let parse = |bytes: &[u8]| SignedNote::parse(bytes);
    let newest = parse(proofs.note().as_bytes())
        .map_err(|fault| Failure::new(Exit::Broken, fault.to_string()))?;
    let cosigned = context.world.disk.read(&dir.join(COSIGNED_FILE)).ok();
    let cosigned = cosigned.and_then(|bytes| parse(&bytes).ok());
    Ok(cosigned
        .filter(|cosigned| cosigned.text() == newest.text())
        .unwrap_or(newest))
}

fn publish(to: &Destination, note: &SignedNote) -> Result<String, Failure> {
    let stated = Checkpoint::parse(note.text())
        .map_err(|fault| Failure::new(Exit::Broken, fault.to_string()))?;
    let size = stated.size;
    match to.publish(note, &stated) {
        Ok(Published::File(path)) => Ok(format!("{size} entries: {}", path.display())),
        Ok(Published::Already(path)) => Ok(format!("{size} entries: {} has it", path.display())),
        Ok(Published::Taken) => Ok(format!("{size} entries: {to}")),
        Err(fault @ (PublishError::Fork(_) | PublishError::Foreign { .. })) => Err(Failure::new(
            Exit::Broken,
            fault.to_string(),
        )
        .hint(
            "compare the two with ledger verify --anchor FILE: one of them is not this ledger's",
        )),
        Err(fault @ PublishError::NoFolder(_)) => Err(Failure::usage(fault.to_string())
            .hint("it is not made here: perhaps it is not mounted")),
        Err(fault) => Err(Failure::new(Exit::Temporary, fault.to_string())),
    }
}

/// Publishes to all destinations of the settings; what goes wrong is said, and stops none of the
/// others.
pub(crate) fn publish_everywhere(
    context: &mut Context,
    settings: &Settings,
    note: &SignedNote,
) -> Result<Vec<String>, Failure> {
    let mut done = Vec::new();
    for destination in settings.destinations()? {
        match publish(&destination, note) {
            Ok(said) => done.push(said),
            Err(failure) => context
                .ui
                .warn(format!("not published: {}", failure.message)),
        }
    }
    Ok(done)
}
