//! What is to be recorded, so that the ledger says what a list says; and what no record can settle.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{self, Event};
use crate::inventory::Secret;
use crate::register::Register;
use crate::text::{Id, Line};
use crate::time::Timestamp;

use super::listed::{Fields, ListedRow, Listing};

const NEW: &str = "secret.registered";
const CHANGE: &str = "secret.updated";

/// A field of a secret that a list says otherwise than the ledger.
#[derive(Debug, Clone, Serialize)]
pub struct FieldChange {
    /// The secret.
    pub secret: Id,
    /// The field.
    pub field: String,
    /// What the ledger says.
    pub old: Value,
    /// What the list says.
    pub new: Value,
}

/// What a list comes to, held against the ledger.
#[derive(Debug, Default, Serialize)]
pub struct ListPlan {
    /// Secrets to be registered, or rotations to be told.
    pub new: Vec<Id>,
    /// What is to be updated.
    pub changed: Vec<FieldChange>,
    /// How many there are of which the ledger says all that the list says.
    pub unchanged: u64,
    /// What the list says otherwise and no update can change: a class, a version, a rotation that was not recorded.
    pub differs: Vec<FieldChange>,
    /// Listed, and retired in the ledger.
    pub retired: Vec<Id>,
    /// In the ledger, and not listed.
    pub missing: Vec<Id>,
    /// What was passed over, and how many of each.
    pub skipped: BTreeMap<&'static str, u64>,
    /// What is to be recorded, each with its place in the list.
    #[serde(skip)]
    pub events: Vec<(String, Event)>,
}

impl ListPlan {
    /// Holds a list of secrets against the inventory. `defaults` stand for what it does not say of a new one; in the
    /// store `{}` is the secret's id. What is registered is never changed by them. `reason` is that of each change.
    ///
    /// # Errors
    /// Everything that cannot be taken, each with its place: then nothing should be.
    pub fn of_secrets(
        listing: Listing,
        register: &Register,
        defaults: &Fields,
        reason: &Line,
    ) -> Result<Self, Vec<String>> {
        let mut listed = BTreeSet::new();
        let mut plan = Self::of(listing, |plan, row, id| {
            if !listed.insert(id.clone()) {
                return Err(format!("`{id}` stands there twice"));
            }
            match register.secrets.get(&id).map(|threaded| &threaded.secret) {
                None => plan.register(row, id, defaults),
                Some(secret) if secret.retired.is_some() => {
                    plan.retired.push(id);
                    Ok(())
                }
                Some(secret) => plan.change(row, secret, reason),
            }
        })?;
        let active = register.active_secrets().map(|secret| &secret.id);
        plan.missing = active.filter(|id| !listed.contains(*id)).cloned().collect();
        Ok(plan)
    }

    /// Holds a list of rotations from before the ledger against it: each is told by one `rotation.recorded`, the oldest
    /// first. One that says no id has that of its secret and its end, so that it is told once.
    ///
    /// # Errors
    /// As of secrets; and a rotation that the ledger could have seen.
    pub fn of_history(listing: Listing, register: &Register) -> Result<Self, Vec<String>> {
        let mut plan = Self::of(listing, |plan, row, id| {
            let mut fields = row.said;
            let completed = fields.get("completed").cloned().unwrap_or_default();
            let own = format!("history/{id}/{}", completed.as_str().unwrap_or_default());
            let usual = [
                ("environment", json!("prod")),
                ("rotation", json!(own)),
                ("started", completed),
                (
                    "validation_summary",
                    json!("history: nothing more is known"),
                ),
            ];
            for (field, value) in usual.into_iter().filter(|(_, value)| !value.is_null()) {
                fields.entry(field.to_owned()).or_insert(value);
            }
            let event = parse("rotation.recorded", &id, fields)?;
            let Event::RotationRecorded(told) = &event else {
                return Ok(());
            };
            if register.began().is_none_or(|began| told.completed >= began) {
                return Err("it ended after the ledger began, and is no history".to_owned());
            }
            if !register.active_secrets().any(|secret| secret.id == id) {
                return Err(format!("no secret `{id}` is in use by the ledger"));
            }
            match register.rotations.contains_key(&told.rotation) {
                true => plan.unchanged += 1,
                false => {
                    plan.new.push(told.rotation.clone());
                    plan.events.push((row.place, event));
                }
            }
            Ok(())
        })?;
        // An age follows the last that is told.
        plan.events.sort_by_key(|(_, event)| match event {
            Event::RotationRecorded(told) => Some(told.completed),
            _ => None,
        });
        Ok(plan)
    }

    fn of(
        listing: Listing,
        mut take: impl FnMut(&mut Self, ListedRow, Id) -> Result<(), String>,
    ) -> Result<Self, Vec<String>> {
        let mut plan = Self {
            skipped: listing.skipped,
            ..Self::default()
        };
        let mut faults = listing.faults;
        for row in listing.rows {
            let place = row.place.clone();
            // One without an id has a fault already.
            let id = row
                .said
                .get("secret")
                .and_then(|id| Id::new(id.as_str()?).ok());
            if let Some(id) = id {
                let taken = take(&mut plan, row, id);
                faults.extend(taken.err().map(|fault| format!("{place}: {fault}")));
            }
        }
        match faults.is_empty() {
            true => Ok(plan),
            false => Err(faults),
        }
    }

    fn register(&mut self, row: ListedRow, secret: Id, defaults: &Fields) -> Result<(), String> {
        let mut fields = row.usual;
        fields.insert("environment".to_owned(), json!("prod"));
        fields.insert("dual_run".to_owned(), json!(false));
        fields.extend(defaults.clone());
        if let Some(Value::String(store)) = fields.get_mut("store") {
            *store = store.replace("{}", secret.as_str());
        }
        fields.extend(row.said);
        self.events.push((row.place, parse(NEW, &secret, fields)?));
        self.new.push(secret);
        Ok(())
    }

    fn change(&mut self, row: ListedRow, secret: &Secret, reason: &Line) -> Result<(), String> {
        let held = json!({
            "secret": secret.id, "name": secret.name, "class": secret.class, "store": secret.store,
            "owner": secret.owner, "consumers": secret.consumers, "max_age_days": secret.max_age_days,
            "dual_run": secret.dual_run, "last_rotated": secret.generated, "version": secret.version,
        });
        let spec = event::spec(CHANGE);
        let mut fields = Fields::new();
        let before = self.differs.len();
        for (field, new) in row.said {
            let old = held[&field].clone();
            if is_same(&field, &old, &new) {
                continue;
            }
            let is_taken = spec.is_some_and(|spec| spec.field(&field).is_some());
            if is_taken {
                fields.insert(field.clone(), new.clone());
            }
            let change = FieldChange {
                secret: secret.id.clone(),
                field,
                old,
                new,
            };
            match is_taken {
                true => self.changed.push(change),
                false => self.differs.push(change),
            }
        }
        if fields.is_empty() {
            self.unchanged += u64::from(self.differs.len() == before);
            return Ok(());
        }
        fields.insert("secret".to_owned(), json!(secret.id));
        fields.insert("reason".to_owned(), json!(reason));
        let event = parse(CHANGE, &secret.id, fields)?;
        self.events.push((row.place, event));
        Ok(())
    }
}

/// The event of this name; what it lacks is named all at once.
fn parse(name: &str, secret: &Id, fields: Fields) -> Result<Event, String> {
    let missing = event::spec(name).map(|spec| spec.missing(&fields).map(|field| field.name));
    let missing: Vec<_> = missing.into_iter().flatten().collect();
    match missing.is_empty() {
        true => Event::parse(name, fields).map_err(|fault| fault.to_string()),
        false => Err(format!("{secret} has no {}", missing.join(", "))),
    }
}

/// Whether a list says of a field what the ledger says. A store knows when a version was put there, the ledger when it
/// was generated: only what is later by more than a day is another rotation.
fn is_same(field: &str, old: &Value, new: &Value) -> bool {
    let instant = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    let words = |values: &[Value]| -> BTreeSet<String> {
        let words = values.iter().filter_map(Value::as_str);
        words.map(str::to_owned).collect()
    };
    match (field, old, new) {
        ("last_rotated", old, new) => match (instant(old), instant(new)) {
            (Some(old), Some(new)) => new <= old.plus_days(1),
            (_, new) => new.is_none(),
        },
        (_, Value::Array(old), Value::Array(new)) => words(old) == words(new),
        (_, old, new) => old == new,
    }
}
