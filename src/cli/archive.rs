//! `ledger archive`: moves older bundles and attached files out of the ledger's folder.

use std::path::PathBuf;

use serde_json::json;

use crate::append::{self, ArchiveOrder, Archived};
use crate::documents;
use crate::sys::disk::DiskError;
use crate::text::Line;
use crate::time::Timestamp;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::keep_apart;
use super::layout::counted;
use super::receipt;
use super::verify::{counting, progress_bar};

/// Move older entries and attached files to another place
///
/// Whole bundles of 256 entries, all recorded before the date, and the files that those alone name, are
/// copied to DIR, read back, and removed here. You record that as Security Owner (segments.archived). All
/// hashes stay, and with them every root and proof; so do bundles that say who may say what.
///
/// With the archive at hand nothing changes for anybody who reads the ledger. Without it `ledger verify`
/// says for which entries it could not tell, appends go on, and what needs those entries is refused until
/// it is back. Where the archive itself moved, copy it and archive once more, to the new place.
///
///   ledger archive --before 2025-01-01 --to /mnt/cold/prod
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ArchiveArgs {
    /// Move what was recorded before this date or time
    #[arg(long, value_name = "DATE")]
    before: Timestamp,
    /// The folder of the archive, the same each time; made where it is missing
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

pub(crate) fn run(context: &mut Context, args: &ArchiveArgs) -> CommandResult {
    context.ui.thing = "archive";
    let ledger = context.ledger_dir()?;
    if context.world.disk.is_shown(&ledger) {
        let message = "the ledger is in a database, which keeps its entries itself: there are no files to move";
        return Err(CommandError::usage(message).code("not-in-a-folder"));
    }
    keep_apart("--to", &args.to, &ledger)?;
    let key = context.key()?;
    let place = context.place()?;
    std::fs::create_dir_all(&args.to)
        .map_err(|fault| DiskError::new("make the folder", &args.to, fault))?;
    let to = args.to.canonicalize();
    let to = to.map_err(|fault| DiskError::new("find", &args.to, fault))?;
    let unsaid = || CommandError::usage("--to is no UTF-8 text, and could not be recorded");
    let to = Line::new(to.to_str().ok_or_else(unsaid)?).map_err(CommandError::flag("--to"))?;
    let bar = progress_bar("looking through", "entries", context.ui.shows_progress());
    let order = ArchiveOrder {
        to,
        before: args.before,
        progress: &counting(&bar),
    };
    let archived = append::archive(&context.world, &place, context.globals.wait, &*key, &order)?;
    bar.finish_and_clear();
    context.has_committed = true;
    context.warn_all(&archived.notices);
    Ok(answer(&order.to, &archived))
}

fn answer(to: &Line, archived: &Archived) -> Answer {
    let receipt = archived.receipt.as_ref().map(documents::receipt);
    let document = json!({
        "to": to,
        "before_entry": archived.before,
        "bundles": archived.bundles,
        "bundles_staying": archived.staying,
        "attachments": archived.attachments,
        "bytes": archived.bytes,
        "receipt": receipt,
    });
    let answer = Answer::new(document).line(format!(
        "{to} has {} and {} more, {}; {} as old stay here",
        counted(archived.bundles, "bundle"),
        counted(archived.attachments, "file"),
        counted(archived.bytes, "byte"),
        counted(archived.staying, "bundle"),
    ));
    match receipt {
        Some(receipt) => receipt::add_to(answer, &receipt),
        None => answer,
    }
}
