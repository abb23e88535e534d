//! `ledger anchor`: the newest checkpoint where this host cannot rewrite it; on demand and after
//! each commit.

mod background;
mod folder;

use std::path::PathBuf;

use serde_json::json;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::layout::row;
use crate::anchor::{AnchorError, AnchorOutcome, AnchorSettingsError, Destination};
use crate::ledger::marks::Mark;

pub(crate) use background::after_commit;
pub(crate) use folder::expand;

/// Publish the newest checkpoint where this host cannot rewrite it
///
/// Whoever keeps a checkpoint can show later whether entries before it were changed or cut off. A
/// folder gets one file for each size, never written over another root; a command gets the checkpoint
/// on its stdin, and is run without a shell. With --always it happens after each commit from now on:
/// folders before the command ends, commands in the background; what fails is a notice and fails no
/// append.
///
///   ledger anchor --to /mnt/worm --always
///   ledger anchor --always -- ssh audit@other-host "cat >> anchors"
///   ledger anchor
///   ledger verify --anchor /mnt/worm
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(
    override_usage = "ledger anchor [--always] [--to DIR | -- COMMAND ARG...]\n       ledger anchor --list\n       ledger anchor --remove NUMBER"
)]
pub(crate) struct AnchorArgs {
    /// A folder to publish to, on another machine's disk or one that is written once
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// A command to hand the checkpoint to, after `--`
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "to")]
    command: Vec<String>,
    /// Do it after each commit from now on
    #[arg(long)]
    always: bool,
    /// List where each commit's checkpoint goes
    #[arg(long, conflicts_with_all = ["to", "command", "always"])]
    list: bool,
    /// Publish there no longer: a number of the list
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["to", "command", "always", "list"])]
    remove: Option<usize>,
    /// What a commit starts and does not wait for
    #[arg(long, hide = true, conflicts_with_all = ["to", "command", "always", "list", "remove"])]
    background: bool,
}

pub(crate) fn run(context: &mut Context, args: &AnchorArgs) -> CommandResult {
    context.ui.thing = "anchor";
    if args.background {
        return background::run(context);
    }
    let settings = context.anchoring()?;
    let mut chosen = settings.destinations()?;
    if let Some(number) = args.remove {
        if number == 0 || number > chosen.len() {
            let failure = CommandError::usage(format!("there is no destination {number}"));
            return Err(failure.hint("ledger anchor --list numbers them"));
        }
        chosen.remove(number - 1);
        settings.set_destinations(&chosen)?;
        return Ok(list(&chosen));
    }
    if args.list {
        return Ok(list(&chosen));
    }
    let destinations = match (&args.to, args.command.is_empty()) {
        (Some(dir), _) => {
            let whole = dir.canonicalize().map_err(|fault| {
                CommandError::usage(format!("{} cannot be published to: {fault}", dir.display()))
                    .hint("make the folder first; one that is not mounted is not made by mistake")
            })?;
            // It is kept, and told to programs, as JSON, which has no other names.
            if whole.to_str().is_none() {
                let whole = whole.display();
                let why = format!("{whole} cannot be published to: its name is not UTF-8");
                return Err(CommandError::usage(why));
            }
            vec![Destination::Folder(whole)]
        }
        (None, false) => vec![Destination::Command(args.command.clone())],
        (None, true) if args.always => {
            return Err(CommandError::usage("--always needs a destination")
                .hint("name one with --to DIR, or a command after --"));
        }
        (None, true) if chosen.is_empty() => {
            return Err(CommandError::usage("there is nowhere to publish to")
                .hint("name a place with --to DIR, or a command after --"));
        }
        (None, true) => chosen.clone(),
    };
    if args.always {
        let mut new = destinations.clone();
        new.retain(|destination| !chosen.contains(destination));
        chosen.extend(new);
        settings.set_destinations(&chosen)?;
    }
    publish(context, &destinations)
}

fn list(chosen: &[Destination]) -> Answer {
    let row = |(number, destination): (usize, &Destination)| {
        let kind = match destination {
            Destination::Folder(_) => "folder",
            Destination::Command(_) => "command",
        };
        row![number, kind, destination]
    };
    Answer::new(json!({ "destinations": chosen })).table_or(
        "checkpoints are published nowhere after a commit",
        ["NO", "KIND", "DESTINATION"],
        (1..).zip(chosen).map(row),
    )
}

/// Publishes the newest checkpoint to each, and says what became of it.
fn publish(context: &mut Context, destinations: &[Destination]) -> CommandResult {
    let newest = context.newest()?;
    let note = newest.with_cosignatures();
    let mut exit = Exit::Passed;
    let mut text = String::new();
    let mut done = Vec::new();
    for destination in destinations {
        let published = destination.publish(&note, newest.stated());
        match &published {
            Ok(AnchorOutcome::File(path)) => text += &format!("published  {}\n", path.display()),
            Ok(AnchorOutcome::Already(path)) => text += &format!("there      {}\n", path.display()),
            Ok(AnchorOutcome::Taken) => text += &format!("handed to  {destination}\n"),
            Err(fault) => {
                let failure = CommandError::from_publishing(fault);
                context.ui.warn(&failure.message);
                if exit != Exit::Broken {
                    exit = failure.exit;
                }
            }
        }
        if published.is_ok() {
            context.mark(Mark::Anchor, newest.stated().size);
        }
        done.push(json!({
            "destination": destination,
            "published": published.is_ok(),
            "fault": published.err().map(|fault| fault.to_string()),
        }));
    }
    let document = json!({
        "size": newest.stated().size,
        "root": newest.stated().root,
        "destinations": done,
    });
    Ok(Answer::new(document).text(text).exit(exit))
}

impl CommandError {
    /// A checkpoint that was not published.
    fn from_publishing(fault: &AnchorError) -> Self {
        let message = format!("not published: {fault}");
        match fault {
            AnchorError::Fork(_) => Self::broken(message).code("ledger-forked"),
            _ => Self::temporary(message),
        }
    }
}

impl From<AnchorSettingsError> for CommandError {
    fn from(fault: AnchorSettingsError) -> Self {
        match fault {
            AnchorSettingsError::Disk(fault) => fault.into(),
            _ => Self::usage(fault),
        }
    }
}
