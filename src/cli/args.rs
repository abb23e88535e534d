//! The command line as clap sees it: the commands, and how a line of words becomes one of them.
//!
//! The commands `append`, `actor` and `secret` get one subcommand per event out of the vocabulary,
//! so that an event cannot exist without its flags and its help.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::exit::CODES;
use super::options::{Globals, with_json};
use super::{
    accept, actor, admin, anchor, append, archive, auditor_page, backup, campaign, database, demo,
    emergency, explain, export, extract, incident, init, key, log, man, next, note, open, playbook,
    policy, prove, publish, recover, restore, rotate, run, sample, secret, serve, show, sign,
    spool, status, timestamp, token, trust, typed, verify, witness,
};

const OVERVIEW: &str = "\
An append-only, signed and hash-chained ledger of production secret rotations.

Rotation tools and people append signed events. Nobody can later edit, reorder, drop or add one
without `ledger verify` saying so and naming the entry. From a ledger that verifies, one command
prints the evidence template of the rotation SOP (PetCare PH42-A), ready to paste.

What is promised is tamper evidence, and only that: whoever holds the sealing key could rewrite a
ledger of which nobody else keeps a checkpoint. What was not checked is always printed.";

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
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Database(database::DatabaseArgs),
    Key(key::KeyArgs),
    /// Enrol, revoke and list the people and services that may speak in the ledger
    Actor,
    /// Register, update, retire and list the secrets that are to be rotated
    Secret,
    /// Set the numbers and switches that the SOP leaves to you, and show those in force
    Policy,
    Append(append::AppendArgs),
    Run(run::RunArgs),
    Rotate(rotate::RotateArgs),
    Playbook(playbook::PlaybookArgs),
    Emergency(emergency::EmergencyArgs),
    Campaign(campaign::CampaignArgs),
    Incident(incident::IncidentArgs),
    Sign(sign::SignArgs),
    Spool(spool::SpoolArgs),
    Serve(serve::ServeArgs),
    Open(open::OpenArgs),
    Verify(verify::VerifyArgs),
    AuditorPage(auditor_page::AuditorPageArgs),
    Accept(accept::AcceptArgs),
    Export(export::ExportArgs),
    Sample(sample::SampleArgs),
    Extract(extract::ExtractArgs),
    Status(status::StatusArgs),
    Next(next::NextArgs),
    Due(status::DueArgs),
    Log(log::LogArgs),
    Show(show::ShowArgs),
    Checkpoint(admin::CheckpointArgs),
    Prove(prove::ProveArgs),
    Publish(publish::PublishArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Archive(archive::ArchiveArgs),
    Timestamp(timestamp::TimestampArgs),
    Note(note::NoteArgs),
    Trust(trust::TrustArgs),
    Token(token::TokenArgs),
    /// Be a witness of other people's ledgers, or have this ledger witnessed
    Witness,
    Anchor(anchor::AnchorArgs),
    Reindex(admin::ReindexArgs),
    Recover(recover::RecoverArgs),
    Explain(explain::ExplainArgs),
    Completions(man::CompletionsArgs),
    Man(man::ManArgs),
}

/// The whole command line, as help texts, completions and man pages show it. The events' flags are
/// made only where they are asked for: all of them would cost each process some milliseconds.
pub(crate) fn command() -> clap::Command {
    with_json(Cli::command()).mut_subcommands(|command| match command.get_name() {
        "append" => command.defer(typed::subcommands::<append::Receiving>),
        "sign" => command.defer(typed::subcommands::<sign::Signing>),
        "spool" => spool::subcommands(command),
        "actor" => command.defer(actor::subcommands),
        "policy" => command.defer(policy::subcommands),
        "witness" => command.defer(witness::subcommands),
        "secret" => command.defer(secret::subcommands),
        "incident" | "campaign" | "key" | "note" | "playbook" | "token" | "trust" => {
            command.mut_subcommands(with_json)
        }
        // The same text for everybody.
        "auditor-page" | "database" | "demo" | "completions" | "man" => command,
        _ => with_json(command),
    })
}

/// A command line that was understood, and the variables that could not be heeded.
pub(crate) type Parsed = (Cli, ArgMatches, Vec<String>);

/// Reads a command line. A variable whose value cannot be used keeps no tool from being started.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Parsed, clap::Error> {
    let runs = args.iter().skip(1).any(|word| word == "run");
    let mut unheeded: Vec<String> = Vec::new();
    let mut first = None;
    loop {
        let mut command = unheeded.iter().fold(command(), without);
        let fault = match command.try_get_matches_from_mut(&args) {
            Ok(matches) => {
                let cli = Cli::from_arg_matches(&matches)?;
                return match first {
                    // It was a word of another command.
                    Some(fault) if !matches!(cli.command, Command::Run(_)) => Err(fault),
                    _ => Ok((cli, matches, unheeded)),
                };
            }
            Err(fault) => fault,
        };
        let Some(variable) = variable_of(&command, &fault).filter(|_| runs) else {
            return Err(fault);
        };
        unheeded.push(variable);
        first.get_or_insert(fault);
    }
}

/// The variable that the value at fault may come from.
fn variable_of(command: &clap::Command, fault: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(at)) = fault.get(ContextKind::InvalidArg) else {
        return None;
    };
    let long = at.strip_prefix("--")?.split(' ').next()?;
    let run = command.find_subcommand("run")?;
    let mut args = command.get_arguments().chain(run.get_arguments());
    let arg = args.find(|arg| arg.get_long() == Some(long))?;
    let variable = arg.get_env()?.to_str()?.to_owned();
    std::env::var_os(&variable).map(|_| variable)
}

/// The command line of those who have no such variable.
fn without(command: clap::Command, variable: &String) -> clap::Command {
    let deaf = |arg: clap::Arg| match arg.get_env() == Some(variable.as_ref()) {
        true => arg.env(Resettable::Reset),
        false => arg,
    };
    command
        .mut_args(deaf)
        .mut_subcommand("run", |run| run.mut_args(deaf))
}

/// Whether `--json` was said, before the command's name or after it.
pub(crate) fn wants_json(matches: &ArgMatches) -> bool {
    let inside = || matches.subcommand();
    matches!(matches.try_get_one("json"), Ok(Some(true)))
        || inside().is_some_and(|(_, inner)| wants_json(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::VOCABULARY;
    use std::path::PathBuf;

    #[test]
    fn the_definitions_hold_together() {
        command().debug_assert();
    }

    #[test]
    fn every_event_takes_the_flags_that_every_command_takes() {
        for spec in VOCABULARY {
            let line = format!("ledger append {} --key k --ledger l --wait 1s", spec.name);
            let args = line.split(' ').map(OsString::from).collect();
            let (cli, ..) = parse(args).unwrap_or_else(|fault| panic!("{line}: {fault}"));
            assert_eq!(cli.globals.key, Some("k".into()), "{line}");
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
