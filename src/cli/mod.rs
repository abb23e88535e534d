//! The command line: reads flags, calls the rooms below, prints what they say.
//!
//! Nothing is decided here about what may be recorded or what conforms; those answers come from
//! `append` and `verify`. The world comes in by the door, so that tests can stop its clock.

mod accept;
mod actor;
mod admin;
mod anchor;
mod answer;
mod append;
mod archive;
mod args;
mod attest;
mod auditor_page;
mod backup;
mod batch;
mod campaign;
mod checks;
mod complete;
mod context;
mod copies;
mod database;
mod demo;
mod emergency;
mod exit;
mod explain;
mod export;
mod extract;
mod fields;
mod files;
mod follow;
mod gauge;
pub mod hint;
mod import;
mod incident;
mod init;
mod key;
mod layout;
mod log;
mod man;
mod next;
mod note;
mod open;
mod options;
mod pack;
mod playbook;
mod policy;
mod prove;
mod publish;
mod receipt;
mod recorder;
mod recover;
mod remote;
mod report;
mod restore;
mod rotate;
mod run;
mod sample;
mod secret;
mod serve;
mod show;
mod sign;
mod signals;
mod source;
mod spool;
mod state;
mod state_folders;
mod statements;
mod status;
mod timestamp;
mod together;
mod token;
mod transport;
mod trust;
mod typed;
mod ui;
mod verify;
mod witness;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ArgMatches;
use clap::error::ErrorKind;

use crate::store::database::DatabaseDisk;
use crate::sys::world::World;
use crate::time::VouchedClock;

use answer::CommandResult;
use args::{Cli, Command};
use context::Context;
use exit::{CommandError, Exit};
use ui::Ui;

pub use ui::Streams;

/// Runs the program: one command, its result on the streams, its exit code.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    mut world: World,
    mut streams: Streams,
) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(candidates) = complete::answer(&args, &world, args::command) {
        let _ = streams
            .out
            .write_all(&candidates)
            .and_then(|()| streams.out.flush());
        return Exit::Passed.into();
    }
    let said_json = args.iter().any(|arg| arg == "--json");
    let (cli, matches, unheeded) = match args::parse(args) {
        Ok(parsed) => parsed,
        Err(fault) => return misread(&fault, Ui::new(streams, said_json, false)),
    };
    let Cli {
        globals, command, ..
    } = cli;
    let ui = Ui::new(streams, args::wants_json(&matches), globals.quiet);
    if globals.clock_is_right {
        world.clock = Arc::new(VouchedClock(world.clock));
    }
    let databases = Arc::new(DatabaseDisk::over(world.disk));
    world.disk = databases.clone();
    let mut context = Context {
        world,
        databases,
        globals,
        ui,
        has_committed: false,
        copy: OnceCell::new(),
    };
    for variable in unheeded {
        context.warn(format!(
            "{variable} is not heeded: its value cannot be used"
        ));
    }
    let outcome = signals::survive_file_size_limit()
        .and_then(|()| dispatch(&mut context, &command, &matches));
    if context.has_committed {
        anchor::after_commit(&mut context);
    }
    let exit = match outcome {
        Ok(answer) => context.ui.answer(answer),
        Err(failure) => {
            context.ui.fail(&failure);
            failure.exit
        }
    };
    tell_of_the_spool(&mut context, &command);
    context.ui.finish(exit).into()
}

fn dispatch(context: &mut Context, command: &Command, matches: &ArgMatches) -> CommandResult {
    let (_, inner) = matches.subcommand().unwrap_or(("", matches));
    match command {
        Command::Demo(args) => demo::run(context, args),
        Command::Init(args) => init::run(context, args),
        Command::Database(args) => database::run(context, args),
        Command::Key(args) => key::run(context, args),
        Command::Actor => actor::run(context, inner),
        Command::Secret => secret::run(context, inner),
        Command::Policy => policy::run(context, inner),
        Command::Accept(args) => accept::run(context, args),
        Command::Append(args) => append::run(context, args, inner),
        Command::Run(args) => run::run(context, args),
        Command::Sign(_) => sign::run(context, inner),
        Command::Spool(args) => spool::run(context, args),
        Command::Serve(args) => serve::run(context, args),
        Command::Verify(args) => verify::run(context, args),
        Command::AuditorPage(args) => auditor_page::run(args),
        Command::Export(args) => export::run(context, args),
        Command::Sample(args) => sample::run(context, args),
        Command::Extract(args) => extract::run(context, args),
        Command::Status(args) => status::status(context, args),
        Command::Rotate(args) => rotate::run(context, args),
        Command::Playbook(args) => playbook::run(context, args),
        Command::Emergency(args) => emergency::run(context, args),
        Command::Campaign(args) => campaign::run(context, args),
        Command::Incident(args) => incident::run(context, args),
        Command::Next(args) => next::run(context, args),
        Command::Due(args) => status::due(context, args),
        Command::Log(args) => log::run(context, args),
        Command::Show(args) => show::run(context, args),
        Command::Checkpoint(_) => admin::checkpoint(context),
        Command::Prove(args) => prove::run(context, args),
        Command::Publish(args) => publish::run(context, args),
        Command::Backup(args) => backup::run(context, args),
        Command::Restore(args) => restore::run(context, args),
        Command::Archive(args) => archive::run(context, args),
        Command::Timestamp(args) => timestamp::run(context, args),
        Command::Note(args) => note::run(context, args),
        Command::Open(_) => open::run(context),
        Command::Trust(args) => trust::run(context, args),
        Command::Token(args) => token::run(context, args),
        Command::Witness => witness::run(context, inner),
        Command::Anchor(args) => anchor::run(context, args),
        Command::Reindex(_) => admin::reindex(context),
        Command::Recover(args) => recover::run(context, args),
        Command::Explain(args) => explain::run(context, args),
        Command::Completions(args) => man::completions(args),
        Command::Man(args) => man::run(args, args::command()),
    }
}

/// Says what waits on this machine, with everything that speaks of the whole ledger or adds to it: nobody
/// looks where nothing is told of.
fn tell_of_the_spool(context: &mut Context, command: &Command) {
    let named = match command {
        Command::Append(_) | Command::Run(_) | Command::Status(_) | Command::Export(_) => None,
        Command::Verify(args) => args.path.as_deref(),
        _ => return,
    };
    let named = named.or(context.globals.ledger.as_deref());
    if let Some(backlog) = context.backlog(named) {
        context.warn(state::said(&backlog));
    }
}

/// Help and version are results; everything else that clap has to say is a usage error.
fn misread(fault: &clap::Error, mut ui: Ui) -> ExitCode {
    let text = match fault.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            ui.print(fault.render().to_string());
            return ui.finish(Exit::Passed).into();
        }
        // Variables count as arguments for clap, so it would not see that nothing was said.
        ErrorKind::MissingSubcommand => args::command().render_help().to_string(),
        _ => fault.render().to_string(),
    };
    if ui.json {
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        ui.fail(&CommandError::usage(message).hint("ledger --help"));
    } else {
        ui.talk(text.trim_end());
    }
    ui.finish(Exit::Usage).into()
}
