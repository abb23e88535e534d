//! `ledger next`: what is left of a rotation, who may say it, and what to type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::documents;
use crate::event::{self, EventSpec};
use crate::key::PublicKey;
use crate::ledger::LedgerError;
use crate::register::Register;
use crate::rotation::{ChecklistItem, Incident, ItemStanding, Rotation};
use crate::text::Id;
use crate::time::Timestamp;

use super::answer::{Answer, CommandResult, items, text};
use super::context::Context;
use super::exit::CommandError;
use super::fields;
use super::hint::meant;
use super::layout::{columns, row, word};

/// Show what is left of a rotation: done by whom, next, the command to paste
///
/// The SOP's checklist. What is marked `now` may be said at once, by those who are named; people's
/// approvals stand beside the technical steps that go on without them. The command has everything
/// filled in that the ledger knows; what stands in capitals is yours to say.
///
///   ledger next
///   ledger next r-41
///   ledger next db/orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct NextArgs {
    /// A rotation, a secret or an incident [default: every rotation that waits for something]
    #[arg(value_name = "ROTATION|SECRET|INCIDENT")]
    of: Option<Id>,
}

pub(crate) fn run(context: &mut Context, args: &NextArgs) -> CommandResult {
    context.ui.thing = "next";
    let view = ChecklistView::read(context, args.of.as_ref())?;
    let register = &view.register;
    let chosen = chosen(register, args.of.as_ref())?;
    let lists = chosen.iter().map(|rotation| view.to_json(rotation));
    let lists: Vec<Value> = lists.collect();
    let unanswered: Vec<_> = unanswered(register, args.of.as_ref()).collect();
    let opening = |incident: &&Incident| {
        let mut known = register.known("rotation.opened", None, Some(&incident.secret));
        let spec = event::spec("rotation.opened").into_iter();
        let said = [
            ("secret", json!(incident.secret)),
            ("reason", json!("emergency")),
            ("incident", json!(incident.id)),
        ];
        known.extend(said.map(|(name, value)| (name.to_owned(), value)));
        json!({
            "incident": incident.id,
            "secret": incident.secret,
            "commands": spec.map(|spec| fields::command(spec, &known)).collect::<Vec<_>>(),
        })
    };
    let openings: Vec<Value> = unanswered.iter().map(opening).collect();
    let mut answer = Answer::new(json!({ "rotations": lists, "incidents": openings }));
    for opening in &openings {
        let [id, secret] = ["incident", "secret"].map(|name| text(&opening[name]));
        let command = text(&opening["commands"][0]);
        answer = answer.line(format!(
            "{id}  {secret}  an incident that no rotation answers\n           {command}"
        ));
    }
    for (place, (rotation, list)) in chosen.iter().zip(&lists).enumerate() {
        if place > 0 {
            answer = answer.line("");
        }
        answer = answer.lines(in_words(rotation, list));
    }
    Ok(match chosen.is_empty() && openings.is_empty() {
        true => answer.line("no rotation waits for anything"),
        false => answer,
    })
}

/// The rotations that are asked for.
fn chosen<'r>(register: &'r Register, of: Option<&Id>) -> Result<Vec<&'r Rotation>, CommandError> {
    let waits = |rotation: &&Rotation| register.waits_for(rotation).next().is_some();
    let waiting = || register.each_rotation().filter(waits);
    let Some(id) = of else {
        return Ok(waiting().collect());
    };
    if let Some(rotation) = register.rotations.get(id) {
        return Ok(vec![rotation]);
    }
    if register.secrets.contains_key(id) {
        return Ok(waiting()
            .filter(|rotation| rotation.secret == *id)
            .collect());
    }
    if let Some(incident) = register.incidents.get(id) {
        let rotations = incident.rotations.iter();
        return Ok(rotations
            .filter_map(|id| register.rotations.get(id))
            .map(AsRef::as_ref)
            .collect());
    }
    let failure =
        CommandError::not_verified(format!("there is no rotation, secret or incident `{id}`"));
    let mut known = register.rotations.keys().chain(register.secrets.keys());
    let hint = meant(id, &mut known, "ledger status lists what is open");
    Err(failure.code("no-rotation").hint(hint))
}

/// The incidents among those that are asked for of which nobody has rotated the secret yet.
fn unanswered<'r>(register: &'r Register, of: Option<&Id>) -> impl Iterator<Item = &'r Incident> {
    let incidents = register.incidents.values();
    incidents.filter(move |incident| {
        let is_asked = of.is_none_or(|id| *id == incident.id || *id == incident.secret);
        is_asked && incident.rotations.is_empty()
    })
}

/// What the lists are made from.
pub(crate) struct ChecklistView {
    pub(crate) register: Register,
    /// What was said about rotations and incidents, and by whose key, by the entry.
    said: BTreeMap<u64, (&'static str, PublicKey)>,
}

impl ChecklistView {
    /// Of the rotations that are asked for.
    pub(crate) fn read(context: &Context, of: Option<&Id>) -> Result<Self, CommandError> {
        let register = context.register_with(of)?;
        let lists = chosen(&register, of)?.into_iter();
        let items = lists.flat_map(|rotation| register.checklist(rotation));
        let done = items.filter_map(|item| match item.standing {
            ItemStanding::Done(at) => Some(at.sequence),
            ItemStanding::Now | ItemStanding::Later => None,
        });
        let done: BTreeSet<u64> = done.collect();
        let said = context.reader()?.these(done.into_iter().collect());
        let said = said.map(|stored| {
            let stored = stored?;
            let (event, key) = (stored.statement.event.name(), stored.statement.author);
            Ok((stored.sequence, (event, key)))
        });
        let said = said.collect::<Result<_, LedgerError>>()?;
        Ok(Self { register, said })
    }

    /// The list of a rotation, with the commands to paste.
    pub(crate) fn to_json(&self, rotation: &Rotation) -> Value {
        let items = self.register.checklist(rotation);
        let mut list = self.register.rotation_json(rotation);
        list["steps"] = items.iter().map(|item| self.item(rotation, item)).collect();
        list
    }

    fn item(&self, rotation: &Rotation, item: &ChecklistItem<'_>) -> Value {
        let (standing, done) = match item.standing {
            ItemStanding::Done(at) => ("done", Some(at)),
            ItemStanding::Now => ("now", None),
            ItemStanding::Later => ("later", None),
        };
        let specs = item.step.events().into_iter().filter_map(event::spec);
        let now = specs.clone().filter(|_| item.is_now());
        let commands: Vec<_> = now.map(|spec| self.command(rotation, spec)).collect();
        let told = done.and_then(|at| self.said.get(&at.sequence));
        json!({
            "step": told.map_or_else(|| item.step.to_string(), |(event, _)| (*event).to_owned()),
            "sop": specs.clone().next().map(|spec| spec.sop),
            "standing": standing,
            "entry": done.map(|at| at.sequence),
            "occurred_utc": done.map(|at| at.occurred),
            "by": told.map(|(_, key)| documents::actor(&self.register, key)),
            "who": match done {
                Some(_) => Vec::new(),
                None => self.register.people(rotation, &item.step),
            },
            "commands": commands,
        })
    }

    fn command(&self, rotation: &Rotation, spec: &'static EventSpec) -> String {
        if let (Some(incident), "post_incident.reported") = (&rotation.incident, spec.name) {
            let incident = word(incident.as_str());
            return format!("ledger incident report {incident} --report REF --remediation TEXT");
        }
        fields::command(spec, &self.register.known_of(rotation, spec.name))
    }
}

/// Ids for people.
pub(crate) fn names(ids: &[&Id]) -> String {
    let names: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
    match names.is_empty() {
        true => "nobody who is enrolled".to_owned(),
        false => names.join(", "),
    }
}

/// A list for people: what there is to type stands below what may be done now.
fn in_words(rotation: &Rotation, list: &Value) -> Vec<String> {
    let steps = items(&list["steps"]);
    let seconds = |value: &Value| {
        let time: Option<Timestamp> = value.as_str().and_then(|text| text.parse().ok());
        time.map_or_else(String::new, Timestamp::to_seconds)
    };
    let row = |step: &Value| {
        let who: Vec<_> = items(&step["who"]).map(text).collect();
        let (by, entry, time) = match step["entry"].as_u64() {
            Some(entry) => (
                text(&step["by"]).to_owned(),
                format!("entry {entry}"),
                seconds(&step["occurred_utc"]),
            ),
            None => (who.join(", "), String::new(), String::new()),
        };
        let standing = format!("  {}", text(&step["standing"]));
        row![standing, text(&step["step"]), by, entry, time]
    };
    let rows: Vec<_> = steps.clone().map(row).collect();
    let (id, secret) = (&rotation.id, &rotation.secret);
    let (reason, state) = (rotation.reason.word(), rotation.state().word());
    let mut lines = vec![format!("{id}  {secret}  {reason}, {state}")];
    for (line, step) in columns(&rows).into_iter().zip(steps) {
        lines.push(line);
        let commands = items(&step["commands"]);
        lines.extend(commands.map(|command| format!("           {}", text(command))));
    }
    lines
}
