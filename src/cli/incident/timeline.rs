//! The timeline of an incident: a line for each entry, or for each kind of entry where many secrets are concerned.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::log::speaker;
use crate::cli::show::plain;
use crate::event::Event;
use crate::register::{Recorded, Register};
use crate::text::Id;
use crate::time::Timestamp;

use super::breach::Breach;

/// What of an event belongs in one line about it.
const TELLING: &str = " reason trigger old_version version new_version restored_version no_window result test hits method \
    consumers healthy step error summary validation_summary revoke_confirmed outcome runbook report description observed note ";

/// An entry, or all of one kind.
pub(super) struct Happening {
    from: Timestamp,
    to: Timestamp,
    first: u64,
    entries: u64,
    secrets: BTreeSet<Id>,
    who: String,
    event: &'static str,
    /// What it says; nothing where several say different things.
    what: Option<String>,
}

/// What happened, in the order in which it did. By kind: a line for each kind of entry and who said it.
pub(super) fn timeline(
    context: &Context,
    breach: &Breach<'_>,
    by_kind: bool,
) -> Result<Vec<Happening>, CommandError> {
    let (mut told, end) = (BTreeSet::new(), breach.end());
    let mut lines: BTreeMap<(u64, &str, String), Happening> = BTreeMap::new();
    let mut take = |recorded: &Recorded<'_>| {
        let remarked = recorded.event.about().map(|(entry, _)| entry);
        if breach.is_told_by(recorded, end) || remarked.is_some_and(|entry| told.contains(&entry)) {
            told.insert(recorded.sequence);
            let new = Happening::of(recorded, breach.register);
            let place = if by_kind { 0 } else { recorded.sequence };
            let key = (place, new.event, new.who.clone());
            match lines.get_mut(&key) {
                Some(line) => line.join(new),
                None => drop(lines.insert(key, new)),
            }
        }
    };
    let reader = context.reader()?;
    reader.replay_first(u64::MAX, |_| (), &mut |(), _, recorded| take(recorded))?;
    let mut lines: Vec<Happening> = lines.into_values().collect();
    lines.sort_by_key(|line| (line.from, line.first));
    Ok(lines)
}

impl Happening {
    fn of(recorded: &Recorded<'_>, register: &Register) -> Self {
        Self {
            from: recorded.occurred,
            to: recorded.occurred,
            first: recorded.sequence,
            entries: 1,
            secrets: register.subject(recorded.event).into_iter().collect(),
            who: speaker(register, recorded.key, recorded.on_behalf_of),
            event: recorded.event.name(),
            what: Some(gist(recorded.event)),
        }
    }

    fn join(&mut self, other: Self) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.entries += 1;
        self.secrets.extend(other.secrets);
        self.what = self
            .what
            .take()
            .filter(|what| Some(what) == other.what.as_ref());
    }

    /// The cells of its line, with the time since the incident was noticed.
    pub(super) fn row(&self, noticed: Timestamp) -> [String; 5] {
        let mut time = self.from.to_seconds();
        if self.to > self.from {
            time += &format!(" for {}", self.from.span_to(self.to));
        }
        let after = match self.from < noticed {
            true => format!("-{}", self.from.span_to(noticed)),
            false => format!("+{}", noticed.span_to(self.from)),
        };
        let entries = match self.entries {
            1 => format!("entry {}", self.first),
            many => format!("{many} entries from {}", self.first),
        };
        let mut what = self.event.to_owned();
        if self.secrets.len() > 1 {
            what.push_str(&format!(" of {} secrets", self.secrets.len()));
        }
        if let Some(said) = self.what.as_deref().filter(|said| !said.is_empty()) {
            what.push_str(&format!(": {said}"));
        }
        [time, after, self.who.clone(), entries, what]
    }

    pub(super) fn to_json(&self, noticed: Timestamp) -> Value {
        json!({
            "from_utc": self.from,
            "to_utc": self.to,
            "after_s": (self.from.micros() - noticed.micros()) / 1_000_000,
            "by": self.who,
            "event": self.event,
            "what": self.what,
            "entries": self.entries,
            "first_entry": self.first,
            "secrets": self.secrets.len(),
        })
    }
}

/// What an event says, in one line.
fn gist(event: &Event) -> String {
    let fields = event.to_fields();
    let fields = fields.as_object().into_iter().flatten();
    let words = fields.filter(|(name, _)| TELLING.contains(&format!(" {name} ")));
    let words = words.map(|(name, value)| match value {
        Value::Bool(true) => name.replace('_', " "),
        Value::Bool(false) => format!("not {}", name.replace('_', " ")),
        Value::Number(number) => format!("{number} {name}"),
        _ => plain(value),
    });
    words.collect::<Vec<_>>().join(", ")
}
