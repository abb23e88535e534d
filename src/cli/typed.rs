//! One event as it was typed: its flags, what stands around them, and the draft that they come to.

use std::path::PathBuf;

use clap::{ArgMatches, Args as _};
use serde_json::Value;

use crate::append::draft::{Draft, DraftError};
use crate::append::{Submission, attachment};
use crate::event::{self, EventSpec, VOCABULARY};
use crate::guard::KnownValue;
use crate::hash::LedgerId;
use crate::key::Signer;
use crate::ledger::Blame;
use crate::ledger::EntryReader;
use crate::statement::EventId;
use crate::text::Id;
use crate::time::{SaidTime, Timestamp};

use super::checks::{AttachedFile, SecretChecks, known_values};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::fields::{self, Fields};
use super::hint::Hint as _;
use super::options::with_json;
use super::ui::Tried;

/// What every statement has besides its event.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct Frame {
    /// The event's id, a UUID: the same event with the same id is recorded once [default: new]
    #[arg(long, value_name = "UUID")]
    pub(crate) event_id: Option<EventId>,
    /// When it happened: as 2026-01-31T10:00:00+01:00, a day, `yesterday`, or 2h for so long ago [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) occurred: Option<SaidTime>,
    /// The person for whom a service says it
    #[arg(long, value_name = "ACTOR")]
    #[arg(env = "LEDGER_ON_BEHALF_OF", hide_env_values = true)]
    pub(crate) on_behalf_of: Option<Id>,
    /// A file that shows it; repeat for more
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) checks: SecretChecks,
}

/// How a command that says one event says the same once more, where nobody knows whether it was recorded.
#[derive(Debug, clap::Args)]
pub(crate) struct Again {
    /// The event's id, a UUID, to say the very same once more
    #[arg(long, value_name = "UUID")]
    pub(crate) event_id: Option<EventId>,
    /// When it happened: a time, a day, `yesterday`, or 90d for so long ago [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) occurred: Option<SaidTime>,
}

/// The flags of a command that says any event, beside the event's own.
pub(crate) trait Around: clap::Args {
    /// The command's name.
    const NAME: &'static str;
}

/// Adds one subcommand per event, which says the event with the flags of `A` around it.
pub(crate) fn subcommands<A: Around>(command: clap::Command) -> clap::Command {
    command.subcommands(VOCABULARY.iter().map(|spec| {
        clap::Command::new(spec.name)
            .about(spec.summary.trim())
            .defer(in_full::<A>)
    }))
}

/// The event of which only the name was known, with all its flags. Those that every command takes
/// were given to the name already, and come last in the help.
fn in_full<A: Around>(command: clap::Command) -> clap::Command {
    let Some(spec) = event::spec(command.get_name()) else {
        return command;
    };
    let shared: Vec<_> = command.get_arguments().cloned().collect();
    event_command::<A>(A::NAME, spec.name, spec).args(shared)
}

/// The subcommand `ledger path name` that says the event `spec`, with everything around it.
pub(crate) fn event_command<A: clap::Args>(
    path: &str,
    name: &'static str,
    spec: &'static EventSpec,
) -> clap::Command {
    // The flags first: what they say about themselves would stand where the event's help is.
    let command = A::augment_args(Frame::augment_args(fields::flags(name, spec)));
    fields::describe(with_json(command), path, spec)
}

/// One event as it was typed.
pub(crate) struct Typed<'a> {
    spec: &'static EventSpec,
    matches: &'a ArgMatches,
    pub(crate) frame: Frame,
    pub(crate) event_id: EventId,
    /// When it happened, where that was said.
    pub(crate) occurred: Option<Timestamp>,
    /// What was not typed, and is known from the ledger.
    known: Fields,
}

impl<'a> Typed<'a> {
    /// Takes what was typed, and fixes the event's id. An entry that is named by its sequence is named by
    /// its link too, looked up in the ledger where there is one, so that the remark cannot be taken for
    /// one about another entry.
    pub(crate) fn new(
        context: &mut Context,
        (spec, known): (&'static EventSpec, Fields),
        matches: &'a ArgMatches,
    ) -> Result<Self, CommandError> {
        let frame = <Frame as clap::FromArgMatches>::from_arg_matches(matches);
        let frame = frame.map_err(CommandError::usage)?;
        let event_id = match frame.event_id {
            Some(id) => id,
            None => context.new_event_id()?,
        };
        let mut typed = Self {
            spec,
            matches,
            occurred: context.instant("--occurred", frame.occurred),
            frame,
            event_id,
            known,
        };
        if let Some(link) = typed.look_up_link(context)? {
            typed.known.insert("link".to_owned(), link);
        }
        typed.look_up_known(context)?;
        Ok(typed)
    }

    /// The draft, with everything that was not said about a time being `now`. Says in UTC what was not typed so.
    pub(crate) fn draft(
        &self,
        context: &mut Context,
        now: Timestamp,
    ) -> Result<Draft, CommandError> {
        let occurred = self.occurred.unwrap_or(now);
        let mut said = fields::read(self.spec, self.matches, occurred)?;
        for (name, value) in &self.known {
            said.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let times = fields::read_otherwise(self.spec, self.matches, &said);
        if !times.is_empty() {
            let told = fields::flags_of(self.spec, &times);
            context.ui.say(format!("in UTC:{told}"));
        }
        Ok(Draft {
            event: fields::finish(self.spec, said)?,
            event_id: Some(self.event_id),
            occurred: Some(occurred),
            on_behalf_of: self.frame.on_behalf_of.clone(),
            attachments: self.frame.attach.clone(),
        })
    }

    /// The draft of now with its files, and who signs it.
    pub(crate) fn ready(&self, context: &mut Context) -> Result<ReadyDraft, CommandError> {
        let now = context.now();
        let draft = self.draft(context, now)?;
        let checks = &self.frame.checks;
        let known = known_values(&mut context.ui, checks.check_value_from.as_deref())?;
        let key = context.key()?;
        let say = &mut |text: String| context.say(text);
        Ok(ReadyDraft {
            files: checks.files(&draft.attachments, &known, say)?,
            draft,
            known,
            key,
        })
    }

    /// How it is said again, from whenever it is tried until its receipt is out.
    pub(crate) fn tried(&self, draft: &Draft) -> Tried {
        Tried {
            line: None,
            event_id: self.event_id,
            occurred: draft.occurred,
            sequence: None,
        }
    }

    /// Looks up what need not be typed, and says what it takes.
    fn look_up_known(&mut self, context: &mut Context) -> Result<(), CommandError> {
        let mut said = fields::read(self.spec, self.matches, context.now())?;
        said.extend(self.known.clone());
        let known = context.known_fields(self.spec, &said);
        if !known.is_empty() {
            let told = fields::flags_of(self.spec, &known);
            context.ui.say(format!("from the ledger:{told}"));
        }
        self.known.extend(known);
        let mut all = self.known.clone();
        all.extend(said);
        if self.spec.missing(&all).next().is_some() {
            let before = all.clone();
            let now = context.now();
            fields::ask(&mut context.ui, self.spec, &mut all, now)?;
            all.retain(|name, _| !before.contains_key(name));
            self.known.extend(all);
        }
        Ok(())
    }

    fn look_up_link(&self, context: &Context) -> Result<Option<Value>, CommandError> {
        if context.globals.ledger.is_none() || !self.spec.fields.iter().any(fields::is_looked_up) {
            return Ok(None);
        }
        let said = fields::read(self.spec, self.matches, context.now())?;
        let entry = said.get("entry").and_then(Value::as_u64);
        let Some(sequence) = entry.filter(|_| !said.contains_key("link")) else {
            return Ok(None);
        };
        // Out of the entries alone: a lost checkpoint is made again by this very append.
        let (dir, wait) = (context.dir()?, context.globals.wait);
        let mut entries = EntryReader::open_at(&context.world, &dir, wait, sequence)?;
        if let Some(stored) = entries.next().transpose()? {
            return Ok(Some(Value::from(stored.link.to_string())));
        }
        let message = format!("there is no entry {sequence} yet");
        Err(CommandError::refused(message).hint("ledger log lists the entries"))
    }
}

/// A draft with its files, and who signs it.
pub(crate) struct ReadyDraft {
    pub(crate) draft: Draft,
    pub(crate) key: Box<dyn Signer>,
    files: Vec<AttachedFile>,
    known: Vec<KnownValue>,
}

impl ReadyDraft {
    /// Looks it through, and signs it.
    pub(crate) fn sign(
        &self,
        context: &Context,
        ledger: LedgerId,
    ) -> Result<Submission, CommandError> {
        let screened = context.screened(&self.draft, &self.files, &self.known)?;
        Ok(screened.sign(ledger, &*self.key, &context.world)?)
    }
}

impl Context {
    /// What the ledger knows of the fields that were not said, where any of them has to be. A ledger that cannot be
    /// read knows nothing.
    pub(crate) fn known_fields(&self, spec: &'static EventSpec, said: &Fields) -> Fields {
        let id = |name: &str| Id::new(said.get(name)?.as_str()?).ok();
        let (rotation, secret) = (id("rotation"), id("secret"));
        let is_whole = spec.missing(said).next().is_none();
        if is_whole || self.globals.ledger.is_none() || (rotation.is_none() && secret.is_none()) {
            return Fields::new();
        }
        let Ok(register) = self.register_with(rotation.as_ref()) else {
            return Fields::new();
        };
        let known = register.known(spec.name, rotation.as_ref(), secret.as_ref());
        let known = known.into_iter();
        known.filter(|(name, _)| !said.contains_key(name)).collect()
    }
}

impl From<DraftError> for CommandError {
    fn from(fault: DraftError) -> Self {
        let exit = match fault.blame() {
            // A draft that cannot be read is refused like one that cannot be recorded: the command
            // line itself was fine.
            Blame::Usage | Blame::Refused => Exit::Refused,
            _ => Exit::Temporary,
        };
        Self::new(exit, fault.to_string())
            .code(fault.code())
            .hinted(fault.hint())
    }
}

impl From<attachment::AttachmentError> for CommandError {
    fn from(fault: attachment::AttachmentError) -> Self {
        Self::refused(fault).code("attachment-mismatch")
    }
}
