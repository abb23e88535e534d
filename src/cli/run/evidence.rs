//! From what a tool did to what is said about it: the drafts, with the output attached where that is
//! safe.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::{Value, json};

use crate::append::Screening;
use crate::append::draft::Draft;
use crate::event::{Event, EventSpec, Step, StepFailed, StepPerformed};
use crate::guard::KnownValue;
use crate::hash::Blake3Digest;
use crate::statement::EventId;
use crate::text::{Id, Line};
use crate::time::Timestamp;

use super::child::{ToolExit, ToolRun};
use crate::cli::checks::{self, AttachedFile};
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::fields::{self, Fields};
use crate::cli::layout::quoted;

/// What is said where nobody saw how a step ended.
const UNSEEN: &str = "its end was not seen: whoever recorded it was stopped meanwhile";

/// A step that was performed, or tried.
pub(super) struct StepRun<'a> {
    pub(super) rotation: &'a Id,
    pub(super) step: Step,
    pub(super) command: &'a [OsString],
    /// The id of what says how it ended.
    pub(super) event_id: Option<EventId>,
    pub(super) on_behalf_of: Option<&'a Id>,
}

/// What may be shown of a tool.
pub(super) struct Shown<'a> {
    /// Values that must not be; nothing is shown where they are not known.
    pub(super) known: Option<&'a [KnownValue]>,
    /// Whether the command line is.
    pub(super) command: bool,
    /// Whether a copy is, where secret material had to be taken out.
    pub(super) redact: bool,
}

/// What is to be said, and whether something that was to be said cannot be.
pub(crate) struct StepDrafts {
    /// Each with the files that show it.
    pub(crate) ready: Vec<(Draft, Vec<AttachedFile>)>,
    /// Whether nothing had to be left out.
    pub(crate) complete: bool,
}

/// The step's own event: its kind, the fields given as flags, and those that the tool wrote.
pub(super) type StepEvent = (
    &'static EventSpec,
    Result<Fields, CommandError>,
    Result<Vec<String>, String>,
);

impl StepRun<'_> {
    /// What is left to be said where whoever records is killed.
    pub(super) fn begun(&self, now: Timestamp) -> Option<Draft> {
        let event = StepFailed {
            rotation: self.rotation.clone(),
            step: self.step,
            error: Line::new(UNSEEN).ok()?,
            exit_code: None,
            command: Some(self.command_digest()),
            duration_ms: None,
        };
        Some(self.draft(event.into(), now, self.event_id))
    }

    /// The drafts about a tool that ended. What cannot be said is warned of, never a reason to say
    /// nothing.
    pub(super) fn drafts(
        &self,
        context: &mut Context,
        ran: &ToolRun,
        duration: Duration,
        shown: &Shown<'_>,
    ) -> StepDrafts {
        let mut files = Vec::new();
        if shown.command {
            let line = self.command_line();
            let named = ("command line", "command.txt");
            files.extend(self.attached(context, named, &line, shown));
        }
        let name = match ran.truncated {
            true => "output-beginning.txt",
            false => "output.txt",
        };
        let output = self.attached(context, ("output", name), &ran.output, shown);
        if ran.truncated && output.is_some() {
            let length = ran.output.len();
            context.warn(format!(
                "only the first {length} bytes of the output are attached"
            ));
        }
        files.extend(output);
        let mut drafts = StepDrafts {
            ready: Vec::new(),
            complete: true,
        };
        match self.end(&ran.ended, duration) {
            Ok(event) => {
                let draft = self.draft(event, context.now(), self.event_id);
                drafts.ready.push((draft, files));
            }
            Err(fault) => drafts.leave_out(context, "the step", &fault),
        }
        drafts
    }

    /// The step's own event beside them, where any of its fields was told.
    pub(super) fn add_own(
        &self,
        context: &mut Context,
        drafts: &mut StepDrafts,
        name: &str,
        own: Result<Option<Event>, CommandError>,
    ) {
        match own {
            Ok(Some(event)) => {
                let draft = self.draft(event, context.now(), context.new_event_id().ok());
                drafts.ready.push((draft, Vec::new()));
            }
            Ok(None) => {}
            Err(failure) => drafts.leave_out(context, name, &failure.message),
        }
    }

    fn draft(&self, event: Event, now: Timestamp, event_id: Option<EventId>) -> Draft {
        Draft {
            event_id,
            occurred: Some(now),
            on_behalf_of: self.on_behalf_of.cloned(),
            ..Draft::from(event)
        }
    }

    fn end(&self, ended: &ToolExit, duration: Duration) -> Result<Event, String> {
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let command = self.command_digest();
        let exit_code = i32::from(ended.code());
        let (rotation, step) = (self.rotation.clone(), self.step);
        if *ended == ToolExit::Code(0) {
            let performed = StepPerformed {
                rotation,
                step,
                exit_code,
                command,
                duration_ms,
            };
            return Ok(performed.into());
        }
        let error = Line::new(ended.describe()).map_err(|fault| format!("its error {fault}"))?;
        let failed = StepFailed {
            rotation,
            step,
            error,
            exit_code: Some(exit_code),
            command: Some(command),
            duration_ms: Some(duration_ms),
        };
        Ok(failed.into())
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

    /// What came of the step, where any of its fields was told, or where it is said anyhow.
    pub(super) fn own(
        &self,
        context: &Context,
        (spec, given, told): StepEvent,
        is_said: bool,
    ) -> Result<Option<Event>, CommandError> {
        let given = given?;
        let told = told.map_err(CommandError::usage)?;
        if given.is_empty() && told.is_empty() && !is_said {
            return Ok(None);
        }
        let mut said = Fields::new();
        fields::take_named(spec, &mut said, told.iter(), context.now())?;
        // What the caller says stands above what the tool says.
        said.extend(given);
        said.insert("rotation".to_owned(), Value::from(self.rotation.as_str()));
        fields::fill_defaults(spec, &mut said, context.now());
        let known = context.known_fields(spec, &said);
        said.extend(known);
        // The tool ended well: that is what it found.
        for (name, value) in [("result", json!("pass")), ("healthy", json!(true))] {
            if spec.field(name).is_some() {
                said.entry(name.to_owned()).or_insert(value);
            }
        }
        fields::finish(spec, said).map(Some)
    }

    /// The words of the command line, as a shell reads them.
    fn command_line(&self) -> Vec<u8> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(&byte);
        let words = self.command.iter().map(|word| word.to_string_lossy());
        let words = words.map(
            |word| match !word.is_empty() && word.bytes().all(is_plain) {
                true => word.into_owned(),
                false => quoted(&word),
            },
        );
        format!("{}\n", words.collect::<Vec<_>>().join(" ")).into_bytes()
    }

    /// What shows the step as an attachment; none where there is nothing, or where it holds secret
    /// material: then not even its digest is kept, which could be tried against guesses.
    fn attached(
        &self,
        context: &mut Context,
        (what, name): (&str, &str),
        bytes: &[u8],
        shown: &Shown<'_>,
    ) -> Option<AttachedFile> {
        if bytes.is_empty() {
            return None;
        }
        let Some(known) = shown.known else {
            context.warn(format!(
                "the {what} is not attached, since it cannot be checked"
            ));
            return None;
        };
        let name = Line::new(format!("{}-{name}", self.step.word())).ok()?;
        let file = (name, Id::new("text/plain").ok()?, bytes.to_vec());
        let look = |screening: Screening<'_>| screening.file(&file.0, &file.1, &file.2);
        let Err(found) = look(known.into()) else {
            return Some(file);
        };
        let excepted = &context.excepted();
        if look(Screening { known, excepted }).is_ok() {
            return Some(file);
        }
        let mut say = |text: String| context.warn(text);
        if shown.redact
            && let Ok(copy) = checks::redacted(file, known.into(), &mut say)
        {
            return Some(copy);
        }
        let hit = found.hit;
        context.warn(format!("the {what} is not attached, since it holds {hit}"));
        let next = "next: if that was a real secret, rotate it; and keep the tool from printing it";
        context.say(next);
        None
    }
}

impl StepDrafts {
    fn leave_out(&mut self, context: &mut Context, what: &str, why: &str) {
        context.warn(format!("{what} is not recorded: {why}"));
        if what != "the step" {
            context.say(format!("next: say it with: ledger append {what}"));
        }
        self.complete = false;
    }
}
