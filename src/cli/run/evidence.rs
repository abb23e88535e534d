//! From what a tool did to what is said about it: the drafts, with the output attached where that is
//! safe.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::Value;

use crate::append::draft::Draft;
use crate::event::{Event, EventSpec, Step, StepFailed, StepPerformed};
use crate::guard::{self, KnownValue};
use crate::hash::Blake3Digest;
use crate::text::{Id, Line};

use super::child::{ToolExit, ToolRun};
use crate::cli::checks::AttachedFile;
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::fields::{self, Fields};

/// A step that was performed, or tried.
pub(super) struct StepRun<'a> {
    pub(super) rotation: &'a Id,
    pub(super) step: Step,
    pub(super) command: &'a [OsString],
    pub(super) duration: Duration,
    pub(super) on_behalf_of: Option<&'a Id>,
}

/// What is to be said, and whether something that was to be said cannot be.
pub(super) struct StepDrafts {
    /// Each with the files that show it.
    pub(super) ready: Vec<(Draft, Vec<AttachedFile>)>,
    /// Whether nothing had to be left out.
    pub(super) complete: bool,
}

/// The step's own event: its kind, the fields given as flags, and those that the tool wrote.
pub(super) type StepEvent = (&'static EventSpec, Fields, Result<Vec<String>, String>);

impl StepRun<'_> {
    /// The drafts about a tool that ended. What cannot be said is warned of, never a reason to say
    /// nothing.
    pub(super) fn drafts(
        &self,
        context: &mut Context,
        ran: &ToolRun,
        own: Option<StepEvent>,
        known: &[KnownValue],
    ) -> StepDrafts {
        let files = self.output(context, ran, known);
        let mut drafts = StepDrafts {
            ready: Vec::new(),
            complete: true,
        };
        match self.end(&ran.ended) {
            Ok(event) => drafts.ready.push((self.draft(event), files)),
            Err(fault) => {
                context.warn(format!("the step is not recorded: {fault}"));
                drafts.complete = false;
            }
        }
        if let Some((spec, given, told)) = own {
            match self.own(context, spec, given, told) {
                Ok(Some(event)) => drafts.ready.push((self.draft(event), Vec::new())),
                Ok(None) => {}
                Err(failure) => {
                    let (name, why) = (spec.name, failure.message);
                    context.warn(format!("{name} is not recorded: {why}"));
                    context.say(format!("next: say it with: ledger append {name}"));
                    drafts.complete = false;
                }
            }
        }
        drafts
    }

    fn draft(&self, event: Event) -> Draft {
        Draft {
            on_behalf_of: self.on_behalf_of.cloned(),
            ..Draft::from(event)
        }
    }

    fn end(&self, ended: &ToolExit) -> Result<Event, String> {
        let duration_ms = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
        let command = self.command_digest();
        let exit_code = i32::from(ended.code());
        if *ended == ToolExit::Code(0) {
            return Ok(StepPerformed {
                rotation: self.rotation.clone(),
                step: self.step,
                exit_code,
                command,
                duration_ms,
            }
            .into());
        }
        let error = Line::new(ended.describe()).map_err(|fault| format!("its error {fault}"))?;
        Ok(StepFailed {
            rotation: self.rotation.clone(),
            step: self.step,
            error,
            exit_code: Some(exit_code),
            command: Some(command),
            duration_ms: Some(duration_ms),
        }
        .into())
    }

    /// BLAKE3 of the words of the command line, each followed by a zero byte.
    fn command_digest(&self) -> Blake3Digest {
        let mut line = Vec::new();
        for word in self.command {
            line.extend_from_slice(word.as_encoded_bytes());
            line.push(0);
        }
        Blake3Digest::of(&line)
    }

    /// The step's own event, where any of its fields was told.
    fn own(
        &self,
        context: &Context,
        spec: &'static EventSpec,
        given: Fields,
        told: Result<Vec<String>, String>,
    ) -> Result<Option<Event>, CommandError> {
        let told = told.map_err(CommandError::usage)?;
        if given.is_empty() && told.is_empty() {
            return Ok(None);
        }
        let mut said = Fields::new();
        fields::take_named(spec, &mut said, told.iter())?;
        // What the caller says stands above what the tool says.
        said.extend(given);
        said.insert("rotation".to_owned(), Value::from(self.rotation.as_str()));
        fields::fill_defaults(spec, &mut said, context.now());
        fields::finish(spec, said).map(Some)
    }

    /// The output as an attachment; none where there is none, or where it holds secret material:
    /// then not even its digest is kept, which could be tried against guesses.
    fn output(
        &self,
        context: &mut Context,
        ran: &ToolRun,
        known: &[KnownValue],
    ) -> Vec<AttachedFile> {
        if ran.output.is_empty() {
            return Vec::new();
        }
        let hit = known
            .iter()
            .find_map(|value| value.found_in(&ran.output))
            .or_else(|| guard::scan_attachment(&ran.output).hit);
        if let Some(hit) = hit {
            context.warn(format!("the output is not attached, since it holds {hit}"));
            context.say(
                "next: if that was a real secret, rotate it; and keep the tool from printing it",
            );
            return Vec::new();
        }
        let mut suffix = "output.txt";
        if ran.truncated {
            suffix = "output-beginning.txt";
            context.warn(format!(
                "only the first {} bytes of the output are attached",
                ran.output.len()
            ));
        }
        let name = Line::new(format!("{}-{suffix}", self.step.word()));
        match (name, Id::new("text/plain")) {
            (Ok(name), Ok(media_type)) => vec![(name, media_type, ran.output.clone())],
            _ => Vec::new(),
        }
    }
}
