//! Completions and manual pages, out of the same definitions as the help texts.

use std::path::PathBuf;

use clap_complete::Shell;

use super::context::Context;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::Outcome;

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

pub(crate) fn completions(
    context: &mut Context,
    args: &CompletionsArgs,
    mut command: clap::Command,
) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "ledger", &mut script);
    context.ui.print_bytes(&script);
    Ok(Exit::Passed)
}

pub(crate) fn run(context: &mut Context, args: &ManArgs, command: clap::Command) -> Outcome {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|fault| {
                Failure::new(
                    Exit::Temporary,
                    format!("the manual page cannot be made: {fault}"),
                )
            })?;
        context.ui.print_bytes(&page);
        return Ok(Exit::Passed);
    };
    clap_mangen::generate_to(command, dir).map_err(|fault| {
        Failure::new(
            Exit::Temporary,
            format!(
                "the manual pages cannot be written to {}: {fault}",
                dir.display()
            ),
        )
    })?;
    context
        .ui
        .say(format!("manual pages written to {}", dir.display()));
    Ok(Exit::Passed)
}
