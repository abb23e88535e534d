//! `ledger run`: runs a rotation tool's step and records how it ended, before anything else learns of
//! it.
//!
//! The tool comes first: its streams, signals and exit code pass through, and nothing that goes
//! wrong with the ledger changes its result unless that was asked for. Only what is wrong with the
//! command line itself stops it from being started.

mod child;
mod deliver;
mod evidence;
mod perform;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde_json::json;

use crate::event::{self, EventSpec, Step};
use crate::text::Id;
use crate::time::Timestamp;

use super::answer::CommandResult;
use super::checks::known_values;
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::fields::{self, Fields};
use super::options::parse_size;

pub(crate) use child::{ToolBounds, ToolExit};
pub(crate) use deliver::Delivery;
pub(crate) use perform::{Performed, Performer, StepOrder, StepPlan};

/// Run a rotation tool's step, record how it ended, and end as it did
///
/// The tool's output passes through and is attached as evidence, unless it holds secret material:
/// then it is not, and a warning says in which line. A tool that ends with 0 is recorded as
/// step.performed; any other end as step.failed, before this program ends with the tool's own code
/// (128+N for a signal).
///
/// The step's own event is recorded in the same commit where any of its fields is given (the ledger knows
/// some of the others, and that the tool ended well is the result), with --field or
/// by the tool, as NAME=VALUE lines in the file named by the variable LEDGER_FIELDS. Times default to
/// now, and the rotation is known.
///
/// Whatever is wrong with the ledger, the key or the fields, the tool is started: it is said, and what
/// is to be recorded waits in the spool, signed or not (`ledger spool list`). --require-evidence is
/// for those who want the contrary. That a step begins is kept too, so that a killed recorder leaves a
/// trace.
///
///   ledger run --rotation r-41 --step generate --field generator=openssl --field new_version=v8 \
///       --field store=vault:kv/prod/db --field namespace=prod -- ./generate.sh db/orders
///   ledger run --rotation r-41 --step cutover --split-by ::: -- ./switch.sh ::: ./restart.sh
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
    /// Where the secret scan finds something in what would be attached, attach a copy without the lines
    /// that hold it
    #[arg(long)]
    redact: bool,
    /// Attach the tool's command line, unless it holds secret material
    #[arg(long)]
    record_command: bool,
    /// Start no tool whose evidence cannot be recorded as far as is known, and end with 6 where one
    /// succeeded and its evidence could not be recorded
    #[arg(long)]
    require_evidence: bool,
    /// The word between several commands: they are run one after the other up to the first that fails,
    /// and are one step
    #[arg(long, value_name = "WORD")]
    split_by: Option<OsString>,
    /// The tool and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// What can be said before the tool is started.
struct Prepared {
    delivery: Delivery,
    fields: Result<Fields, CommandError>,
    /// Whether what is shown can be checked for what must not be.
    can_check: bool,
}

pub(crate) fn run(context: &mut Context, args: &RunArgs) -> CommandResult {
    context.ui.thing = "run";
    let commands = commands(args)?;
    let own = args.step.event().and_then(event::spec);
    let prepared = prepare(context, args, own)?;
    let order = StepOrder {
        rotation: &args.rotation,
        step: args.step,
        commands,
        own,
        fields: prepared.fields,
        on_behalf_of: args.on_behalf_of.as_ref(),
        record_command: args.record_command,
        redact: args.redact,
        plan: None,
    };
    let limit = match args.attach_output.as_str() {
        "yes" => args.output_limit,
        _ => 0,
    };
    let mut performer = Performer::new(prepared.delivery, prepared.can_check, limit);
    let Performed { ended, delivered } = performer.perform(context, order);
    if context.ui.json {
        context.ui.document(json!({
            "complete": delivered.complete,
            "receipts": delivered.receipts,
            "spooled": delivered.spooled,
        }));
    }
    let code = ended.code();
    match code == 0 && !delivered.complete && args.require_evidence {
        true => Ok(Exit::Temporary.into()),
        false => Ok(Exit::Of(code).into()),
    }
}

/// The commands, one after the other.
fn commands(args: &RunArgs) -> Result<Vec<&[OsString]>, CommandError> {
    let between = |word: &OsString| args.split_by.as_ref() == Some(word);
    let commands: Vec<_> = args.command.split(between).collect();
    match commands.iter().any(|command| command.is_empty()) {
        true => Err(CommandError::usage("one of the commands is empty")),
        false => Ok(commands),
    }
}

/// Looks for everything that recording takes. What is missing is no reason not to start the tool, unless
/// that was asked for.
fn prepare(
    context: &mut Context,
    args: &RunArgs,
    own: Option<&'static EventSpec>,
) -> Result<Prepared, CommandError> {
    let strict = args.require_evidence;
    let mut fields = match given_fields(args, own, context.now()) {
        Err(failure) if strict => return Err(failure),
        Err(failure) if own.is_none() => {
            context.warn(failure.message);
            Ok(Fields::new())
        }
        fields => fields,
    };
    let known = known_values(&mut context.ui, args.check_value_from.as_deref());
    let known = heed(context, strict, known)?;
    if known.is_none() {
        let message = "it cannot be checked against the value";
        fields = Err(CommandError::usage(message));
    }
    let key = context.key();
    let key = heed(context, strict, key)?;
    let spool = context.spool();
    let spool = heed(context, strict, spool)?;
    let named = context.named_ledger();
    let ledger = match heed(context, strict, named)? {
        Some(named) => {
            let patience = context.globals.wait;
            context.globals.wait = patience.min(deliver::SHORT_WAIT);
            let id = context.ledger_id();
            context.globals.wait = patience;
            let named = named.display();
            let missing = format!("{named} cannot be found, and its id is not known");
            let id = id.ok_or_else(|| CommandError::not_verified(missing));
            heed(context, strict, id)?
        }
        None => None,
    };
    Ok(Prepared {
        can_check: known.is_some(),
        fields,
        delivery: Delivery {
            spool,
            ledger,
            key,
            known: known.unwrap_or_default(),
        },
    })
}

/// The recorder's own trouble: said, and the act goes on without it.
fn heed<T>(
    context: &mut Context,
    strict: bool,
    found: Result<T, CommandError>,
) -> Result<Option<T>, CommandError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(failure) if strict => Err(failure),
        Err(failure) => {
            context.warn(failure.message);
            if let Some(hint) = failure.hint {
                context.say(format!("hint: {hint}"));
            }
            Ok(None)
        }
    }
}

fn given_fields(
    args: &RunArgs,
    own: Option<&'static EventSpec>,
    now: Timestamp,
) -> Result<Fields, CommandError> {
    let mut fields = Fields::new();
    match own {
        Some(spec) => fields::take_named(spec, &mut fields, args.field.iter(), now)?,
        None if args.field.is_empty() => {}
        None => {
            let step = args.step;
            let message = format!("the step {step} has no event of its own, so no fields");
            return Err(CommandError::usage(message));
        }
    }
    let named = fields.get("rotation");
    if named.is_some_and(|named| named.as_str() != Some(args.rotation.as_str())) {
        let message = "the field `rotation` is another one than --rotation";
        return Err(CommandError::usage(message));
    }
    Ok(fields)
}
