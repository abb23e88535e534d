//! `ledger publish`: brings a static copy of the ledger up to date.

use std::path::PathBuf;

use serde_json::json;

use crate::ledger::marks::Mark;
use crate::publication::{Publication, PublicationError, PublicationReport};
use crate::sys::disk::DiskError;
use crate::sys::lock::WriteLock;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::keep_apart;
use super::layout::counted;

/// Keeps a second publication out.
const LOCK_FOLDER: &str = "publishing";

/// Bring a static copy of the ledger up to date, for any web server or object store
///
/// The copy is a C2SP tlog-tiles log that any tlog client reads, and `ledger verify DIR` checks it like
/// a ledger. It states the newest checkpoint that witnesses cosigned, or the newest where they cosign
/// none. The checkpoint changes last, so that its tiles are there whenever somebody reads it; nothing
/// else that was published is ever overwritten. A ledger that is behind or beside what was published
/// before is refused.
///
/// Serve `checkpoint` as text/plain; charset=utf-8 and not cached, and everything else as
/// application/octet-stream, immutable.
///
///   ledger publish --to /srv/www/ledger
///   ledger verify /srv/www/ledger
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PublishArgs {
    /// The folder of the copy; made where it is missing
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Publish the newest checkpoint, also where witnesses have only cosigned an older one
    #[arg(long)]
    newest: bool,
    /// Publish attached files too; goes on by itself where the copy has some
    #[arg(long)]
    with_attachments: bool,
}

pub(crate) fn run(context: &mut Context, args: &PublishArgs) -> CommandResult {
    context.ui.thing = "publish";
    let ledger = context.ledger_dir()?;
    keep_apart("--to", &args.to, &ledger)?;
    let _lock = context.alone(LOCK_FOLDER, "ledger publish")?;
    let publication = Publication {
        world: &context.world,
        ledger: &ledger,
        to: &args.to,
        newest: args.newest,
        attachments: args.with_attachments,
        wait: context.globals.wait,
    };
    let published = publication.run()?;
    context.mark(Mark::Anchor, published.checkpoint.size);
    Ok(answer(args, &published))
}

fn answer(args: &PublishArgs, published: &PublicationReport) -> Answer {
    let to = args.to.display().to_string();
    let size = published.checkpoint.size;
    let waiting = published.ledger.saturating_sub(size);
    let document = json!({
        "to": to,
        "origin": published.checkpoint.origin.as_str(),
        "size": size,
        "root": published.checkpoint.root,
        "size_before": published.before,
        "files_written": published.written,
        "files_removed": published.removed,
        "entries_not_published": waiting,
    });
    let entries = counted(size, "entry");
    let since = match published.before {
        Some(before) if before == size => "as before".to_owned(),
        Some(before) => format!("{} more", size - before),
        None => "a new copy".to_owned(),
    };
    let written = counted(published.written, "file");
    let removed = published.removed;
    let answer = Answer::new(document).line(format!(
        "{to} holds {entries}, {since}; {written} written, {removed} removed"
    ));
    match waiting {
        0 => answer,
        _ => answer.say(format!(
            "{} more wait for the witnesses; --newest publishes without them",
            counted(waiting, "entry")
        )),
    }
}

impl Context {
    /// Keeps a second process out that would write to the same copy, by a lock in a folder of its own below the
    /// state folder.
    pub(super) fn alone(&self, folder: &str, command: &str) -> Result<WriteLock, CommandError> {
        let state = self.place()?.state.join(folder);
        std::fs::create_dir_all(&state)
            .map_err(|fault| DiskError::new("make the folder", &state, fault))?;
        let lock = WriteLock::acquire(&state, self.globals.wait, command, self.now());
        Ok(lock?)
    }
}

impl From<PublicationError> for CommandError {
    fn from(fault: PublicationError) -> Self {
        let message = fault.to_string();
        match fault {
            PublicationError::Audit(fault) => fault.into(),
            PublicationError::Disk(fault) => fault.into(),
            PublicationError::NoCheckpoint => Self::not_verified(message).code("no-checkpoint"),
            PublicationError::NoCopy { .. } => {
                Self::usage(message).code("folder-in-use").hint("name an empty folder, or one that does not exist yet")
            }
            PublicationError::Behind { .. } | PublicationError::Beside { .. } => {
                Self::broken(message)
                    .code("copy-contradicted")
                    .hint("keep both: ledger verify --anchor with the published checkpoint shows what happened")
            }
            PublicationError::Differs(_) => Self::broken(message)
                .code("copy-unusable")
                .hint("ledger verify on the copy names everything that is wrong with it"),
            PublicationError::ReadBack(_) => Self::broken(message)
                .hint("the disk below the copy stores other bytes than are written to it"),
            PublicationError::Unusable { name: "cosigned", .. } => Self::broken(message)
                .hint("--newest publishes the ledger's own checkpoint"),
            _ => Self::broken(message)
                .hint("ledger verify names everything that is damaged"),
        }
    }
}
