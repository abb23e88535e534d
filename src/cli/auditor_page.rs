//! `ledger auditor-page`: the page in which a browser verifies packs, out of this program.

use std::path::PathBuf;

use crate::hash::Sha256Digest;
use crate::page::AUDITOR_PAGE;

use super::answer::{Answer, CommandResult};
use super::exit::CommandError;
use super::files::write_new;

/// Write the page in which an auditor's browser verifies evidence packs, without any network
///
/// One HTML file with the verifier in it. Whoever opens it from a disk drops a pack and a trust file
/// on it and reads what `ledger verify PACK --html` says. It is the file that
/// docs/deploy/auditor-page.sh builds; its SHA-256 is printed, to be compared with one that came by
/// another road.
///
///   ledger auditor-page --out auditor.html
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct AuditorPageArgs {
    /// The file, which is not there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(args: &AuditorPageArgs) -> CommandResult {
    let page = AUDITOR_PAGE.ok_or_else(|| {
        CommandError::not_verified("this program was built without the auditor's page")
            .code("no-auditor-page")
            .hint("take one of a release, or build it: docs/deploy/auditor-page.sh FILE")
    })?;
    write_new(&args.out, page.as_bytes())?;
    let digest = Sha256Digest::of(page.as_bytes());
    let line = format!("{digest}  {}\n", args.out.display());
    Ok(Answer::plain(line))
}
