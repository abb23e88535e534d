//! Completions and manual pages, out of the same definitions as the help texts.

use std::io;
use std::path::PathBuf;

use clap_complete::Shell;

use super::answer::{Answer, CommandResult};
use super::exit::CommandError;

/// Print a completion script for a shell
///
///   ledger completions bash > /usr/share/bash-completion/completions/ledger
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the manual pages into a folder, or print the first of them
///
///   ledger man /usr/share/man/man1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ManArgs {
    /// An existing folder; one page for each command
    dir: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs, mut command: clap::Command) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "ledger", &mut script);
    Ok(Answer::plain(String::from_utf8_lossy(&script).into_owned()))
}

pub(crate) fn run(args: &ManArgs, command: clap::Command) -> CommandResult {
    let cannot =
        |what: String| move |fault: io::Error| CommandError::temporary(format!("{what}: {fault}"));
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(cannot("the manual page cannot be made".to_owned()))?;
        return Ok(Answer::plain(String::from_utf8_lossy(&page).into_owned()));
    };
    let shown = dir.display();
    clap_mangen::generate_to(command, dir).map_err(cannot(format!(
        "the manual pages cannot be written to {shown}"
    )))?;
    Ok(Answer::plain(String::new()).say(format!("manual pages written to {shown}")))
}
