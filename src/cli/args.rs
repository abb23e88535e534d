//! The command line as clap sees it: the commands, the flags they share, and how values are read.
//!
//! The commands `append`, `actor` and `secret` get one subcommand per event out of the vocabulary,
//! so that an event cannot exist without its flags and its help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::Args;
use clap::CommandFactory as _;
use clap::FromArgMatches as _;
use clap::Parser;
use clap::Subcommand;

use super::actor;
use super::admin;
use super::anchor;
use super::append;
use super::demo;
use super::export;
use super::init;
use super::key;
use super::log;
use super::man;
use super::note;
use super::prove;
use super::publish;
use super::run;
use super::secret;
use super::show;
use super::status;
use super::timestamp;
use super::trust;
use super::verify;
use super::witness;

const OVERVIEW: &str = "\
An append-only, signed and hash-chained ledger of production secret rotations.

Rotation tools and people append signed events. Nobody can later edit, reorder, drop or add one
without `ledger verify` saying so and naming the entry. From a ledger that verifies, one command
prints the evidence template of the rotation SOP (PetCare PH42-A), ready to paste.

What is promised is tamper evidence, and only that: whoever holds the sealing key could rewrite a
ledger of which nobody else keeps a checkpoint. What was not checked is always printed.";

const CODES: &str = "\
Exit codes:
  0    everything that was asked for was done, or checked and passed
  1    integrity, authority or anchoring is broken
  2    the command line, or a file named on it, cannot be used
  3    intact, with findings in conformance or coverage; or something is overdue
  4    could not be verified, or there was nothing to verify
  5    the ledger refuses to record this
  6    temporary (a lock, a full disk): safe to try again
  130  interrupted
Treat any other code as failure.

See everything at work, in a temporary folder:  ledger demo";

/// Tamper-evident evidence of production secret rotations
#[derive(Debug, Parser)]
#[command(name = "ledger", bin_name = "ledger", version, long_about = OVERVIEW, after_help = CODES, subcommand_required = true)]
#[command(
    arg_required_else_help = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes, also after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The ledger's folder
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "LEDGER_PATH",
        hide_env_values = true
    )]
    pub(crate) ledger: Option<PathBuf>,
    /// Where this host keeps the newest checkpoint, the sealing key and the spool of this ledger,
    /// outside its folder [default: a folder of its own under ~/.local/state/rotation-ledger]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "LEDGER_STATE",
        hide_env_values = true
    )]
    pub(crate) state: Option<PathBuf>,
    /// Your private key: PKCS#8 PEM, readable by nobody else
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "LEDGER_KEY",
        hide_env_values = true
    )]
    pub(crate) key: Option<PathBuf>,
    /// A file with the key's passphrase in its first line [default: asked for on a terminal]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "LEDGER_PASSPHRASE_FILE",
        hide_env_values = true
    )]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// How long to wait for another process that is writing
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        env = "LEDGER_WAIT",
        hide_env_values = true
    )]
    #[arg(default_value = "30s", value_parser = parse_span)]
    pub(crate) wait: Duration,
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// How results are printed. Not global for clap: `append --json FILE` means another thing.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Output {
    /// Print one JSON document on stdout, also on failure
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Key(key::KeyArgs),
    /// Enrol, revoke and list the people and services that may speak in the ledger
    Actor,
    /// Register, update, retire and list the secrets that are to be rotated
    Secret,
    Append(append::AppendArgs),
    Run(run::RunArgs),
    Verify(verify::VerifyArgs),
    Export(export::ExportArgs),
    Status(status::StatusArgs),
    Due(status::DueArgs),
    Log(log::LogArgs),
    Show(show::ShowArgs),
    Checkpoint(admin::CheckpointArgs),
    Prove(prove::ProveArgs),
    Publish(publish::PublishArgs),
    Timestamp(timestamp::TimestampArgs),
    Note(note::NoteArgs),
    Trust(trust::TrustArgs),
    /// Be a witness of other people's ledgers, or have this ledger witnessed
    Witness,
    Anchor(anchor::AnchorArgs),
    Reindex(admin::ReindexArgs),
    Recover(admin::RecoverArgs),
    Explain(admin::ExplainArgs),
    Completions(man::CompletionsArgs),
    Man(man::ManArgs),
}

/// The whole command line, as help texts, completions and man pages show it. The events' flags are
/// made only where they are asked for: all of them would cost each process some milliseconds.
pub(crate) fn command() -> clap::Command {
    Cli::command()
        .mut_subcommand("append", |command| command.defer(append::subcommands))
        .mut_subcommand("actor", |command| command.defer(actor::subcommands))
        .mut_subcommand("witness", |command| command.defer(witness::subcommands))
        .mut_subcommand("secret", |command| command.defer(secret::subcommands))
}

/// Reads a command line.
pub(crate) fn parse(args: Vec<OsString>) -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    let cli = Cli::from_arg_matches(&matches)?;
    Ok((cli, matches))
}

/// Whether `--json` was said, before the command's name or after it.
pub(crate) fn wants_json(matches: &ArgMatches) -> bool {
    let here = matches
        .try_get_one::<bool>("json")
        .ok()
        .flatten()
        .copied()
        .unwrap_or(false);
    here || matches
        .subcommand()
        .is_some_and(|(_, matches)| wants_json(matches))
}

/// Reads a span of time: a whole number and `s`, `m`, `h` or `d`.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let fault = || "needs a whole number and a unit, for example 30s, 5m, 2h or 14d".to_owned();
    let unit = match text.chars().last().ok_or_else(fault)? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(fault()),
    };
    let digits = text.get(..text.len() - 1).ok_or_else(fault)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(fault)
}

/// Reads a number of bytes: a whole number, with `K`, `M` or `G` for powers of 1,024.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let fault = || "needs a number of bytes, for example 500000, 64M or 1G".to_owned();
    let (digits, unit) = match text.chars().last() {
        Some('K') => (text.strip_suffix('K'), 1 << 10),
        Some('M') => (text.strip_suffix('M'), 1 << 20),
        Some('G') => (text.strip_suffix('G'), 1 << 30),
        _ => (Some(text), 1),
    };
    let number = digits.and_then(|digits| digits.parse::<u64>().ok());
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::VOCABULARY;

    #[test]
    fn the_definitions_hold_together() {
        command().debug_assert();
    }

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(parse_span("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_span("14d"), Ok(Duration::from_secs(14 * 86_400)));
        for text in [
            "",
            "s",
            "30",
            "-1s",
            "+1s",
            "1.5h",
            "99999999999999999999d",
            "1é",
            "1w",
        ] {
            assert!(parse_span(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("500"), Ok(500));
        for text in ["", "M", "-1", "1.5M", "99999999999G", "1k"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_event_takes_the_flags_that_every_command_takes() {
        for spec in VOCABULARY {
            let line = format!("ledger append {} --key k --ledger l --wait 1s", spec.name);
            let args = line.split(' ').map(OsString::from).collect();
            let (cli, _) = parse(args).unwrap_or_else(|fault| panic!("{line}: {fault}"));
            assert_eq!(cli.globals.key, Some(PathBuf::from("k")), "{line}");
            assert_eq!(cli.globals.ledger, Some(PathBuf::from("l")), "{line}");
        }
    }

    #[test]
    fn json_is_heard_before_and_after_the_command() {
        let heard = |line: &str| {
            let args = line.split(' ').map(OsString::from).collect();
            wants_json(&parse(args).unwrap().1)
        };
        assert!(heard("ledger --json status"));
        assert!(heard("ledger status --json"));
        assert!(heard("ledger secret list --json"));
        assert!(!heard("ledger status"));
        assert!(!heard("ledger append --json drafts.ndjson"));
    }
}
