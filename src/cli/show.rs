//! `ledger show`: one entry, or one rotation, with what was said about it later. Read and not
//! verified.

use std::path::PathBuf;

use serde_json::Value;

use crate::documents;
use crate::register::Register;
use crate::statement::EventId;
use crate::text::Id;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::hint::meant;
use super::source::EvidenceSource;

/// Show one entry or one rotation in full, with the corrections and remarks that name it
///
/// A number is an entry's sequence, a UUID an event's id, and anything else a rotation.
///
///   ledger show 17
///   ledger show r-41
///   ledger show r-41 r-41.zip
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowArgs {
    /// The entry's sequence, the event's id or the rotation's id
    #[arg(value_name = "SEQ|EVENT-ID|ROTATION")]
    what: String,
    /// A ledger, a published copy or an evidence pack [default: --ledger]
    path: Option<PathBuf>,
}

enum ShowTarget {
    Sequence(u64),
    Event(EventId),
    Rotation(Id),
}

impl ShowTarget {
    fn parse(text: &str) -> Result<Self, CommandError> {
        if let Ok(sequence) = text.parse() {
            return Ok(Self::Sequence(sequence));
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Event(id));
        }
        Id::new(text)
            .map(Self::Rotation)
            .map_err(|fault| CommandError::usage(format!("what is to be shown {fault}")))
    }

    /// Why nothing is shown.
    fn is_missing(&self, register: &Register) -> CommandError {
        let listed = "ledger log lists what there is";
        let (message, code, hint) = match self {
            Self::Sequence(at) => (format!("there is no entry {at}"), "no-entry", listed.into()),
            Self::Event(id) => (format!("there is no event {id}"), "no-entry", listed.into()),
            Self::Rotation(id) => {
                let hint = meant(id, &mut register.rotations.keys(), listed);
                (format!("there is no rotation `{id}`"), "no-rotation", hint)
            }
        };
        CommandError::not_verified(message).code(code).hint(hint)
    }
}

pub(crate) fn run(context: &mut Context, args: &ShowArgs) -> CommandResult {
    context.ui.thing = "show";
    let what = ShowTarget::parse(&args.what)?;
    let source = EvidenceSource::open(context, args.path.as_deref(), false)?;
    let tokens = source.tokens(context)?;
    let mut shown: Vec<Value> = Vec::new();
    let mut remarks = Vec::new();
    let known = match &what {
        ShowTarget::Rotation(id) => source.about(context, id)?,
        ShowTarget::Sequence(_) | ShowTarget::Event(_) => None,
    };
    let is_known = known.is_some();
    let (mut register, entries) = match known {
        Some(known) => known,
        None => (Register::default(), source.entries(context)?),
    };
    for stored in entries {
        let stored = stored?;
        if !is_known {
            // One that no writer would have placed names nothing.
            let _ = register.place(&stored.recorded());
        }
        let wanted = match &what {
            ShowTarget::Sequence(sequence) => stored.sequence == *sequence,
            ShowTarget::Event(id) => stored.statement.event_id == *id,
            ShowTarget::Rotation(id) => stored.statement.event.rotation() == Some(id),
        };
        if wanted {
            shown.push(documents::entry_in_full(&stored, &register, &tokens));
        } else if stored.statement.event.about().is_some_and(|(named, _)| {
            let is_named = |entry: &Value| entry["sequence"] == named;
            shown.iter().any(is_named)
        }) {
            remarks.push(documents::entry(&stored, &register));
        }
    }
    if shown.is_empty() {
        return Err(what.is_missing(&register));
    }
    let state = match &what {
        ShowTarget::Rotation(id) => {
            let rotation = register.rotations.get(id);
            rotation.map(|rotation| register.rotation_json(rotation))
        }
        _ => None,
    };
    let text = in_words(state.as_ref(), &shown, &remarks);
    let document = documents::shown(state.as_ref(), &shown, &remarks);
    Ok(Answer::new(document).text(text))
}

/// Everything for people: the rotation, then each entry with the remarks about it.
fn in_words(state: Option<&Value>, entries: &[Value], remarks: &[Value]) -> String {
    let mut text = String::new();
    if let Some(Value::Object(state)) = state {
        let width = width(state.keys());
        for (name, value) in state.iter().filter(|(_, value)| !value.is_null()) {
            let name = name.replace('_', " ");
            text.push_str(&format!("{name:width$}  {}\n", plain(value)));
        }
    }
    for (place, entry) in entries.iter().enumerate() {
        if place > 0 || state.is_some() {
            text.push('\n');
        }
        let sequence = entry.get("sequence").and_then(Value::as_u64);
        text += &in_full(entry);
        let about_it = |remark: &&Value| names_entry(remark) == sequence;
        let remarks = remarks.iter().filter(about_it);
        text.extend(remarks.map(|remark| format!("\n{}", in_full(remark))));
    }
    text
}

fn names_entry(remark: &Value) -> Option<u64> {
    remark.pointer("/fields/entry").and_then(Value::as_u64)
}

/// One entry, a line for each thing that it says.
fn in_full(entry: &Value) -> String {
    let text = |name: &str| part(entry, name);
    let mut who = text("actor");
    if let Some(person) = entry.get("on_behalf_of").and_then(Value::as_str) {
        who.push_str(&format!(" for {person}"));
    }
    let mut lines = format!("entry {}  {}  by {who}\n", text("sequence"), text("event"));
    let mut rows = vec![
        ("occurred".to_owned(), text("occurred_utc")),
        ("recorded".to_owned(), text("recorded_utc")),
    ];
    if let Some(bracket) = entry.get("not_after") {
        let said = format!("{}, by {}", part(bracket, "time"), part(bracket, "by"));
        rows.push(("not after".to_owned(), said));
    }
    if let Some(Value::Object(fields)) = entry.get("fields") {
        let each = fields.iter();
        rows.extend(each.map(|(name, value)| (name.clone(), plain(value))));
    }
    let attachments = entry.get("attachments").and_then(Value::as_array);
    for file in attachments.into_iter().flatten() {
        let [name, length, digest] = ["name", "length", "blake3"].map(|name| part(file, name));
        let said = format!("{name}  {length} bytes  blake3 {digest}");
        rows.push(("attached".to_owned(), said));
    }
    rows.push(("event id".to_owned(), text("event_id")));
    rows.push(("link".to_owned(), text("link")));
    let width = width(rows.iter().map(|(name, _)| name));
    for (name, value) in rows {
        let names = std::iter::once(name.as_str()).chain(std::iter::repeat(""));
        for (name, line) in names.zip(value.split('\n')) {
            lines.push_str(&format!("  {name:width$}  {line}\n"));
        }
    }
    lines
}

fn width<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.map(String::len).max().unwrap_or_default()
}

fn part(whole: &Value, name: &str) -> String {
    whole.get(name).map(plain).unwrap_or_default()
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
