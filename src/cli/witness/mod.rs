//! `ledger witness`: being one, and asking others.

mod ask;
mod cosign;
mod dir;
mod keep;
mod serve;

use clap::{ArgMatches, FromArgMatches as _, Subcommand as _};

use super::answer::CommandResult;
use super::context::Context;
use super::exit::CommandError;
use super::options::with_json;
use crate::witness::WitnessError;

const LONG: &str = "\
Be a witness of other people's ledgers, or have this ledger witnessed

A witness keeps the newest checkpoint of each ledger that it follows and cosigns a newer one only
where that is proven to extend it (C2SP tlog-witness). So a ledger that was cut short, rolled back,
forked or rewritten gets no cosignature. It is worth as much as it is somebody else's: a witness on
the ledger's own host proves nothing.

On the second machine:

  ledger witness init --dir witness --name witness.example/audit --log VKEY-OF-THE-LEDGER
  ledger witness serve --dir witness --listen 127.0.0.1:7801

On the ledger's host:

  ledger witness use audit VKEY-OF-THE-WITNESS https://witness.example/audit";

#[derive(Debug, clap::Subcommand)]
enum WitnessAction {
    Init(keep::WitnessInitArgs),
    AddLog(keep::AddLogArgs),
    Show(keep::WitnessShowArgs),
    Cosign(cosign::CosignArgs),
    Serve(serve::ServeArgs),
    Use(Box<ask::UseArgs>),
    Ask(ask::AskArgs),
    Request(ask::RequestArgs),
    Accept(ask::AcceptArgs),
}

/// Adds the subcommands. They are made only where they are asked for: no other command pays for them.
pub(crate) fn subcommands(command: clap::Command) -> clap::Command {
    WitnessAction::augment_subcommands(command)
        .mut_subcommands(|command| match command.get_name() {
            // The same text for everybody.
            "request" => command,
            _ => with_json(command),
        })
        .long_about(LONG)
        .subcommand_required(true)
        .arg_required_else_help(true)
}

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> CommandResult {
    context.ui.thing = "witness";
    let action = WitnessAction::from_arg_matches(matches);
    let action = action.map_err(CommandError::usage)?;
    match &action {
        WitnessAction::Init(args) => keep::init(context, args),
        WitnessAction::AddLog(args) => keep::add_log(context, args),
        WitnessAction::Show(args) => keep::show(context, args),
        WitnessAction::Cosign(args) => cosign::run(context, args),
        WitnessAction::Serve(args) => serve::run(context, args),
        WitnessAction::Use(args) => ask::choose(context, args),
        WitnessAction::Ask(_) => ask::ask(context),
        WitnessAction::Request(args) => ask::request(context, args),
        WitnessAction::Accept(args) => ask::accept(context, args),
    }
}

impl From<WitnessError> for CommandError {
    fn from(fault: WitnessError) -> Self {
        let message = fault.to_string();
        match fault {
            WitnessError::Lock(fault) => fault.into(),
            WitnessError::Disk(fault) => fault.into(),
            WitnessError::NoWitness(_) => {
                Self::usage(message).hint("make one with: ledger witness init --dir DIR --name NAME")
            }
            WitnessError::Exists(_) => Self::usage(message)
                .hint("see what it follows with: ledger witness show --dir DIR"),
            WitnessError::Followed(_) => Self::usage(message)
                .hint("to begin anew after its state was lost: --from a checkpoint that this witness cosigned, or --forget"),
            WitnessError::StateLost { .. } | WitnessError::Damaged { .. } => {
                Self::broken(message).code("witness-state-lost").hint(
                    "nothing is cosigned until it is settled: ledger witness add-log --from a checkpoint that this witness cosigned (the ledger keeps one as `cosigned`)",
                )
            }
            WitnessError::Clock => Self::temporary(message).hint("set the clock"),
            _ => Self::usage(message),
        }
    }
}
