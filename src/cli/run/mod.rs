//! `ledger run`: runs a rotation tool's step and records how it ended, before anything else learns of
//! it.
//!
//! The tool comes first: its streams, signals and exit code pass through, and nothing that goes
//! wrong with the ledger changes its result unless that was asked for. Only what is wrong with the
//! command line itself stops it from being started.

mod child;
mod deliver;
mod evidence;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use tempfile::NamedTempFile;

use crate::event::{self, EventSpec, Step};
use crate::text::Id;

use super::answer::CommandResult;
use super::checks::{SecretChecks, known_values};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::fields::{self, Fields};
use super::options::parse_size;

use child::{FIELDS_VARIABLE, ToolExit};
use deliver::Delivery;
use evidence::StepRun;

/// More than the fields of any event take.
const FIELDS_LIMIT: u64 = 256 * 1024;

/// Run a rotation tool's step, record how it ended, and end as it did
///
/// The tool's output passes through and is attached as evidence, unless it holds secret material: then
/// it is not, and a warning says in which line. A tool that ends with 0 is recorded as step.performed;
/// any other end as step.failed, before this program ends with the tool's own code (128+N for a signal).
///
/// The step's own event is recorded in the same commit where its fields are given, with --field or
/// by the tool, as NAME=VALUE lines in the file named by the variable LEDGER_FIELDS. Times default to
/// now, and the rotation is known.
///
/// Where the ledger cannot be written, the signed statements wait in a spool, and `ledger append
/// --spool` delivers them.
///
///   ledger run --rotation r-41 --step generate --field generator=openssl --field new_version=v8 \
///       --field store=vault:kv/prod/db --field namespace=prod -- ./generate.sh db/orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RunArgs {
    /// The rotation that the step belongs to
    #[arg(long, value_name = "ID")]
    rotation: Id,
    /// The step
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(Step::WORDS).try_map(|word| word.parse::<Step>()))]
    step: Step,
    /// A field of the step's own event; repeat for more
    #[arg(long, value_name = "NAME=VALUE")]
    field: Vec<String>,
    /// Whether to attach what the tool printed
    #[arg(long, value_name = "yes|no", default_value = "yes", value_parser = ["yes", "no"], hide_possible_values = true)]
    attach_output: String,
    /// The most bytes of output to keep in memory and attach; the rest only passes through
    #[arg(long, value_name = "BYTES", default_value = "16M", value_parser = parse_size)]
    output_limit: u64,
    /// A file with the real secret value: what holds it is not recorded, and then it is forgotten
    #[arg(long, value_name = "FILE")]
    check_value_from: Option<PathBuf>,
    /// The person for whom a service runs the step
    #[arg(long, value_name = "ACTOR")]
    #[arg(env = "LEDGER_ON_BEHALF_OF", hide_env_values = true)]
    on_behalf_of: Option<Id>,
    /// End with 6 where the tool succeeded and its evidence could not be recorded
    #[arg(long)]
    require_evidence: bool,
    /// The tool and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(crate) fn run(context: &mut Context, args: &RunArgs) -> CommandResult {
    context.ui.thing = "run";
    let own = args.step.event().and_then(event::spec);
    let fields = given_fields(args, own)?;
    let checks = SecretChecks {
        attach_limit: args.output_limit,
        check_value_from: args.check_value_from.clone(),
        dry_run: false,
    };
    let known = known_values(&mut context.ui, &checks)?;
    let key = context.key()?;
    let place = context.place()?;
    let ledger = deliver::identify(context, &place);
    let told = fields_file(context);

    let started = Instant::now();
    let capture = match args.attach_output.as_str() {
        "yes" => args.output_limit,
        _ => 0,
    };
    let fields_path = told.as_ref().map(NamedTempFile::path);
    let ran = child::run(&args.command, fields_path, capture, &mut context.ui);
    let code = ran.ended.code();

    let own = own.filter(|_| ran.ended == ToolExit::Code(0)).map(|spec| {
        let more = told.as_ref().map(|file| read_fields(file.path()));
        (spec, fields, more.unwrap_or_else(|| Ok(Vec::new())))
    });
    let performed = StepRun {
        rotation: &args.rotation,
        step: args.step,
        command: &args.command,
        duration: started.elapsed(),
        on_behalf_of: args.on_behalf_of.as_ref(),
    };
    let drafts = performed.drafts(context, &ran, own, &known);
    let patience = context.globals.wait;
    let wait = match ran.interrupted {
        true => patience.min(deliver::SHORT_WAIT),
        false => patience,
    };
    let delivery = Delivery {
        place: &place,
        ledger,
        key: &*key,
        known: &known,
        wait,
    };
    let complete = delivery.deliver(context, drafts);
    let unproven = code == 0 && !complete && args.require_evidence;
    Ok(match unproven {
        true => Exit::Temporary,
        false => Exit::Of(code),
    }
    .into())
}

fn given_fields(args: &RunArgs, own: Option<&'static EventSpec>) -> Result<Fields, CommandError> {
    let mut fields = Fields::new();
    match own {
        Some(spec) => fields::take_named(spec, &mut fields, args.field.iter())?,
        None if args.field.is_empty() => {}
        None => {
            return Err(CommandError::usage(format!(
                "the step {} has no event of its own, so no fields",
                args.step
            )));
        }
    }
    if let Some(rotation) = fields.get("rotation")
        && rotation.as_str() != Some(args.rotation.as_str())
    {
        return Err(CommandError::usage(
            "the field `rotation` is another one than --rotation",
        ));
    }
    Ok(fields)
}

/// An empty file that the tool may write to. Without one the tool runs all the same.
fn fields_file(context: &mut Context) -> Option<NamedTempFile> {
    let made = NamedTempFile::with_prefix("ledger-fields-")
        .and_then(|mut file| file.flush().map(|()| file));
    made.inspect_err(|fault| context.warn(format!("the tool gets no {FIELDS_VARIABLE}: {fault}")))
        .ok()
}

/// The NAME=VALUE lines that the tool wrote; lines that are empty or begin with `#` say nothing.
fn read_fields(path: &Path) -> Result<Vec<String>, String> {
    let read = File::open(path).and_then(|file| io::read_to_string(file.take(FIELDS_LIMIT)));
    let text = read.map_err(|fault| {
        format!("what the tool wrote to {FIELDS_VARIABLE} cannot be read: {fault}")
    })?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}
