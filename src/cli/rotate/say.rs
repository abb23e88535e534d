//! What is said without a command: by whoever rotates, and the people's part by those whose it is.

use serde_json::{Value, json};

use crate::append::draft::Draft;
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::fields::{self, Fields};
use crate::cli::{incident, receipt, together};
use crate::event::{self, EventSpec};
use crate::register::Register;
use crate::rotation::{ChecklistItem, Rotation};
use crate::time::Timestamp;

use super::steps::Rotator;

impl Rotator<'_> {
    /// What is known of an event: by the ledger, and by the playbook.
    pub(super) fn told(&self, register: &Register, rotation: &Rotation, event: &str) -> Fields {
        let mut told = register.known_of(rotation, event);
        let playbook = &self.file.playbook;
        if event == "rotation.completed" {
            let name = &playbook.name;
            let shown = format!("every step of the playbook {name} showed what it had to");
            told.insert("validation_summary".to_owned(), json!(shown));
        }
        told.extend(rotation.known_of_plan(event));
        told.extend(playbook.said.get(event).cloned().unwrap_or_default());
        told
    }

    /// The same with what was given on the command line, which stands above it.
    pub(super) fn with_flags(
        &self,
        event: &str,
        mut told: Fields,
        now: Timestamp,
    ) -> Result<Fields, CommandError> {
        let spec = spec(event)?;
        let mut words = Vec::new();
        for word in &self.args.field {
            let (name, value) = word.split_once('=').ok_or_else(|| {
                CommandError::usage("a field is written as NAME=VALUE or EVENT.NAME=VALUE")
            })?;
            let (of, name) = name.rsplit_once('.').unwrap_or(("", name));
            if of == event || of.is_empty() && spec.field(name).is_some() {
                words.push(format!("{name}={value}"));
            }
        }
        let mut given = Fields::new();
        fields::take_named(spec, &mut given, words.iter(), now)?;
        told.extend(given);
        Ok(told)
    }

    /// Says the people's part that waits for whoever rotates. Whether anything was said.
    pub(super) fn sign_off(
        &mut self,
        context: &mut Context,
        register: &Register,
        rotation: &Rotation,
        items: &[ChecklistItem<'_>],
    ) -> Result<bool, CommandError> {
        let now = items.iter().filter(|item| item.is_now());
        let mine = now.filter(|item| {
            let step = &item.step;
            step.is_for_people() && register.people(rotation, step).contains(&&self.actor)
        });
        let (mut events, mut missing) = (Vec::new(), Vec::new());
        for event in mine.flat_map(|item| item.step.events()) {
            let spec = spec(event)?;
            let mut known = self.told(register, rotation, event);
            if let (Some(incident), "post_incident.reported") = (&rotation.incident, event) {
                let told = incident::told(context, register, incident)?;
                known.extend(told.map(|told| ("timeline".to_owned(), json!(told))));
            }
            let now = context.now();
            let mut said = self.with_flags(event, known, now)?;
            fields::fill_defaults(spec, &mut said, now);
            fields::ask(&mut context.ui, spec, &mut said, now)?;
            let unsaid = fields::unsaid(spec, &said);
            missing.extend(unsaid.map(|field| format!("{event}.{}", field.name)));
            events.push((event, said));
        }
        if !missing.is_empty() {
            let message = format!("what only you can say is missing: {}", missing.join(", "));
            return Err(CommandError::usage(message)
                .code("fields-missing")
                .hint("give each with --field NAME=VALUE; nothing was signed"));
        }
        let is_said = !events.is_empty();
        if is_said {
            self.say(context, events)?;
        }
        Ok(is_said)
    }

    /// Says events in one commit, each shown before it is signed.
    pub(super) fn say(
        &mut self,
        context: &mut Context,
        events: Vec<(&'static str, Fields)>,
    ) -> Result<(), CommandError> {
        let now = context.now();
        let mut drafts = Vec::new();
        for (event, mut said) in events {
            let spec = spec(event)?;
            fields::fill_defaults(spec, &mut said, now);
            context.say(format!("says {event}{}", fields::flags_of(spec, &said)));
            drafts.push(Draft {
                event_id: Some(context.new_event_id()?),
                occurred: Some(now),
                on_behalf_of: self.args.on_behalf_of.clone(),
                ..Draft::from(fields::finish(spec, said)?)
            });
        }
        for receipt in self.record(context, drafts)? {
            receipt::findings(&receipt["findings"]).for_each(|talk| context.ui.discuss(talk));
            let event = &receipt["event"];
            self.ran.push(json!({
                "step": event, "event": event, "failed": null, "entries": [receipt["sequence"]],
            }));
        }
        Ok(())
    }

    /// Records drafts in one commit.
    pub(super) fn record(
        &mut self,
        context: &mut Context,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Value>, CommandError> {
        let receipts = together::record_by(context, self.performer.key()?, drafts)?;
        self.receipts.extend(receipts.iter().cloned());
        Ok(receipts)
    }
}

fn spec(event: &str) -> Result<&'static EventSpec, CommandError> {
    event::spec(event).ok_or_else(|| CommandError::usage(format!("there is no event `{event}`")))
}
