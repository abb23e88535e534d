//! One step: its tool run, what it did said, recorded or kept.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use tempfile::NamedTempFile;

use crate::cli::checks::AttachedFile;
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::fields::Fields;
use crate::event::{Event, EventSpec, Step};
use crate::key::Signer;
use crate::spool;
use crate::text::Id;

use super::child::{FIELDS_VARIABLE, Tool, ToolBounds, ToolExit, ToolRun};
use super::deliver::{self, Delivered, Delivery};
use super::evidence::{Shown, StepRun};

/// More than the fields of any event take.
const FIELDS_LIMIT: u64 = 256 * 1024;

/// A step that is to be run and told.
pub(crate) struct StepOrder<'a> {
    pub(crate) rotation: &'a Id,
    pub(crate) step: Step,
    /// Run one after the other up to the first that fails.
    pub(crate) commands: Vec<&'a [OsString]>,
    /// The event that tells what came of it.
    pub(crate) own: Option<&'static EventSpec>,
    pub(crate) fields: Result<Fields, CommandError>,
    pub(crate) on_behalf_of: Option<&'a Id>,
    pub(crate) record_command: bool,
    pub(crate) redact: bool,
    /// Where it is run by a plan.
    pub(crate) plan: Option<StepPlan<'a>>,
}

/// What a plan says of a step besides its commands. Such a step has failed where its proof is missing, or where its
/// event cannot be said.
#[derive(Clone, Copy)]
pub(crate) struct StepPlan<'a> {
    pub(crate) bounds: &'a ToolBounds,
    /// What the output has to show.
    pub(crate) shows: Option<&'a str>,
    /// The plan itself, which is attached.
    pub(crate) file: &'a AttachedFile,
    /// Whether this only looks whether the step was done: then nothing is said where it was not.
    pub(crate) is_look: bool,
}

/// What came of a step.
pub(crate) struct Performed {
    pub(crate) ended: ToolExit,
    pub(crate) delivered: Delivered,
}

/// Runs steps, one after the other.
pub(crate) struct Performer {
    delivery: Delivery,
    /// Whether what is shown can be checked for what must not be.
    can_check: bool,
    ran: ToolRun,
}

impl Performer {
    /// For tools of whose output the first `limit` bytes are attached.
    pub(crate) fn new(delivery: Delivery, can_check: bool, limit: u64) -> Self {
        Self {
            delivery,
            can_check,
            ran: ToolRun::keeping(limit),
        }
    }

    /// Who signs.
    pub(crate) fn key(&self) -> Result<&dyn Signer, CommandError> {
        let key = self.delivery.key.as_deref();
        key.ok_or_else(|| CommandError::usage("no key is named"))
    }

    /// Whether a signal asked it to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.ran.is_interrupted()
    }

    /// Runs a step, and says what came of it.
    pub(crate) fn perform(&mut self, context: &mut Context, mut order: StepOrder<'_>) -> Performed {
        let told = fields_file(context);
        let run = StepRun {
            rotation: order.rotation,
            step: order.step,
            command: order.commands.first().copied().unwrap_or_default(),
            event_id: context.new_event_id().ok(),
            on_behalf_of: order.on_behalf_of,
        };
        let is_look = order.plan.is_some_and(|plan| plan.is_look);
        let begun = run.begun(context.now()).filter(|_| !is_look);
        let begun = deliver::begin(context, &self.delivery, begun);
        let shared = begun.as_ref().filter(|_| order.plan.is_some());
        if let Some(Err(fault)) = shared.map(spool::Begun::share_with_children) {
            context.warn(format!("a tool that outlives us is not seen: {fault}"));
        }
        let started = Instant::now();
        self.ran.renew();
        for command in &order.commands {
            let tool = Tool {
                command,
                fields: told.as_ref().map(NamedTempFile::path),
                bounds: order.plan.map(|plan| plan.bounds),
            };
            self.ran.run(tool, &mut context.ui);
            if self.ran.ended != ToolExit::Code(0) {
                break;
            }
        }
        let took = started.elapsed();
        let own = self.own(context, &run, &mut order, told.as_ref());
        let is_done = self.ran.ended == ToolExit::Code(0);
        let shown = Shown {
            known: self.can_check.then_some(&self.delivery.known),
            command: order.record_command,
            redact: order.redact,
        };
        let mut drafts = run.drafts(context, &self.ran, took, &shown);
        if let (Some(plan), Some((_, files))) = (&order.plan, drafts.ready.first_mut()) {
            files.push(plan.file.clone());
        }
        if is_done && let (Some(spec), Some(own)) = (order.own, own) {
            run.add_own(context, &mut drafts, spec.name, own);
        }
        if self.ran.is_interrupted() {
            context.globals.wait = context.globals.wait.min(deliver::SHORT_WAIT);
        }
        let delivered = match is_look && !is_done {
            true => Delivered::default(),
            false => self.delivery.deliver(context, drafts),
        };
        if let Some(Err(fault)) = begun.map(spool::Begun::end) {
            context.warn(format!("what was kept meanwhile stays: {fault}"));
        }
        Performed {
            ended: self.ran.ended.clone(),
            delivered,
        }
    }

    /// The event that tells what came of a tool that ended well. By a plan it is unproven where that cannot be said, or
    /// where its output does not show what it has to.
    fn own(
        &mut self,
        context: &Context,
        run: &StepRun<'_>,
        order: &mut StepOrder<'_>,
        told: Option<&NamedTempFile>,
    ) -> Option<Result<Option<Event>, CommandError>> {
        if self.ran.ended != ToolExit::Code(0) {
            return None;
        }
        let told = told.map(|file| read_fields(file.path()));
        let told = told.unwrap_or_else(|| Ok(Vec::new()));
        let given = std::mem::replace(&mut order.fields, Ok(Fields::new()));
        let is_planned = order.plan.is_some();
        let own = order.own;
        let own = own.map(|spec| run.own(context, (spec, given, told), is_planned));
        if let Some(plan) = &order.plan {
            let missing = plan.shows.filter(|text| !self.ran.has_shown(text));
            if let Some(text) = missing {
                self.ran.ended = ToolExit::Unproven(format!("its output does not show `{text}`"));
            } else if let Some(Err(failure)) = &own {
                self.ran.ended = ToolExit::Unproven(failure.message.clone());
            }
        }
        own
    }
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
