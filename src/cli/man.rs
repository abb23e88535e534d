//! Completions and manual pages, out of the same definitions as the help texts.

use std::io;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, Resettable};
use clap_mangen::roff::{Roff, bold, roman};

use super::answer::{Answer, CommandResult};
use super::complete;
use super::exit::{CODES, CommandError};

/// What is heeded besides the variables of flags.
const ENVIRONMENT: &str = "
  LEDGER_TOKEN The token for a server that is reached over TCP, where --token-file names none.
  XDG_STATE_HOME Where this host keeps what belongs to ledgers and does not lie in their folders.
  SSH_AUTH_SOCK The agent that signs, where the key is ssh-agent:.
  NO_COLOR Nothing is coloured. As everywhere, an empty variable is an unset one.
  COLUMNS How wide lines may be, where the screen does not say.";

/// What is read and written besides the files that are named.
const FILES: &str = "
  PATH/ A ledger. Its files are read by anybody and changed by this program alone: checkpoint, tile/, tail, attachments/, ledger.toml, index/.
  ~/.local/state/rotation-ledger/ID/ What this host keeps of the ledger ID outside its folder: the newest checkpoint (head), the sealing key (sealing.pem), what waits to be delivered (spool/), what was made of the entries so far (recalled/).";

/// Print what has a shell complete commands, flags and ids
///
/// It asks this program while somebody types: ids of rotations, secrets, incidents, actors and rules come
/// out of the ledger that the line or LEDGER_PATH names.
///
///   source <(ledger completions bash)
///   ledger completions fish > ~/.config/fish/completions/ledger.fish
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = PossibleValuesParser::new(["bash", "elvish", "fish", "powershell", "zsh"]))]
    shell: String,
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

pub(crate) fn completions(args: &CompletionsArgs) -> CommandResult {
    let script = complete::script(&args.shell).map_err(CommandError::temporary)?;
    Ok(Answer::plain(String::from_utf8_lossy(&script).into_owned()))
}

pub(crate) fn run(args: &ManArgs, command: clap::Command) -> CommandResult {
    let cannot =
        |what: String| move |fault: io::Error| CommandError::temporary(format!("{what}: {fault}"));
    // They have a section of their own.
    let mut command = command.after_help(Resettable::Reset);
    let Some(dir) = &args.dir else {
        let (_, page) =
            page(command).map_err(cannot("the manual page cannot be made".to_owned()))?;
        return Ok(Answer::plain(String::from_utf8_lossy(&page).into_owned()));
    };
    let shown = dir.display();
    command.build();
    write_pages(&command, dir).map_err(cannot(format!(
        "the manual pages cannot be written to {shown}"
    )))?;
    Ok(Answer::plain(String::new()).say(format!("manual pages written to {shown}")))
}

/// The pages of a command and of all below it.
fn write_pages(command: &clap::Command, dir: &Path) -> io::Result<()> {
    for inner in command.get_subcommands() {
        write_pages(inner, dir)?;
    }
    let (name, page) = page(command.clone())?;
    std::fs::write(dir.join(name), page)
}

/// A command's page under its name: what its help says, and what is the same for all.
fn page(command: clap::Command) -> io::Result<(String, Vec<u8>)> {
    let variables: Vec<_> = command.get_arguments().filter_map(variable).collect();
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    man.render(&mut page)?;
    let variables = variables.iter();
    let variables = variables.map(|(name, help)| (name.as_str(), help.as_str()));
    let mut roff = Roff::new();
    for (title, rows) in [
        ("ENVIRONMENT", variables.chain(rows(ENVIRONMENT)).collect()),
        ("FILES", rows(FILES).collect::<Vec<_>>()),
        ("EXIT STATUS", rows(CODES).collect()),
    ] {
        roff.control("SH", [title]);
        for (term, meaning) in rows {
            let term = roff.control("TP", []).text([bold(term)]);
            term.text([roman(meaning)]);
        }
    }
    roff.to_writer(&mut page)?;
    Ok((man.get_filename(), page))
}

/// The variable that stands in for a flag.
fn variable(arg: &clap::Arg) -> Option<(String, String)> {
    let (name, long) = (arg.get_env()?.to_str()?.to_owned(), arg.get_long()?);
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    Some((name, format!("Stands in for --{long}. {help}")))
}

/// The rows of a table: a word and what it means, two blanks before it.
fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let rows = table.lines();
    let rows = rows.filter_map(|line| line.strip_prefix("  ")?.split_once(' '));
    rows.map(|(term, meaning)| (term, meaning.trim()))
}
