//! What is to be recorded, so that the inventory says what a list says; and what no record can settle.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::event::{self, Event};
use crate::inventory::Secret;
use crate::register::Register;
use crate::text::{Id, Line};
use crate::time::Timestamp;

use super::listed::{Fields, ListedRow, Listing};

const NEW: &str = "secret.registered";
const CHANGE: &str = "secret.updated";

/// A field that a list says otherwise than the ledger.
#[derive(Debug, Clone)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// What the ledger says.
    pub old: Value,
    /// What the list says.
    pub new: Value,
}

/// A secret about which something is to be recorded.
#[derive(Debug)]
pub struct PlannedSecret {
    /// Where in the list.
    pub place: String,
    /// The id.
    pub secret: Id,
    /// What is to be recorded.
    pub event: Event,
    /// What that changes; nothing of a new one.
    pub changes: Vec<FieldChange>,
}

/// What a list comes to, held against the inventory.
#[derive(Debug, Default)]
pub struct InventoryPlan {
    /// To be registered.
    pub new: Vec<PlannedSecret>,
    /// To be updated.
    pub changed: Vec<PlannedSecret>,
    /// Secrets of which the ledger says all that the list says.
    pub unchanged: u64,
    /// What the list says otherwise and no update can change: a class, a version, a rotation that was not recorded.
    pub differs: Vec<(Id, FieldChange)>,
    /// Listed, and retired in the ledger.
    pub retired: Vec<Id>,
    /// In the ledger, and not listed.
    pub missing: Vec<Id>,
}

impl InventoryPlan {
    /// Holds a list against the inventory. `defaults` stand for what it does not say of a new secret; in the store `{}`
    /// is the secret's id. What is registered is never changed by them. `reason` is that of each change.
    ///
    /// # Errors
    /// Everything that cannot be taken, each with its place: then nothing should be.
    pub fn of(
        listing: Listing,
        register: &Register,
        defaults: &Fields,
        reason: &Line,
    ) -> Result<Self, Vec<String>> {
        let (mut plan, mut faults) = (Self::default(), listing.faults);
        let mut listed = BTreeSet::new();
        for row in listing.rows {
            let place = row.place.clone();
            let id = row
                .said
                .get("secret")
                .and_then(|id| Id::new(id.as_str()?).ok());
            let taken = match id {
                // It has a fault already.
                None => Ok(()),
                Some(id) if !listed.insert(id.clone()) => Err(format!("`{id}` stands there twice")),
                Some(id) => match register.secrets.get(&id).map(|threaded| &threaded.secret) {
                    None => plan.register(row, id, defaults),
                    Some(secret) if secret.retired.is_some() => {
                        plan.retired.push(id);
                        Ok(())
                    }
                    Some(secret) => plan.change(row, secret, reason),
                },
            };
            faults.extend(taken.err().map(|fault| format!("{place}: {fault}")));
        }
        let active = register.active_secrets().map(|secret| &secret.id);
        plan.missing = active.filter(|id| !listed.contains(*id)).cloned().collect();
        match faults.is_empty() {
            true => Ok(plan),
            false => Err(faults),
        }
    }

    /// What is to be recorded.
    pub fn events(&self) -> impl Iterator<Item = &PlannedSecret> {
        self.new.iter().chain(&self.changed)
    }

    fn register(&mut self, row: ListedRow, secret: Id, defaults: &Fields) -> Result<(), String> {
        let mut fields = row.usual;
        fields.extend([
            ("environment".to_owned(), json!("prod")),
            ("dual_run".to_owned(), json!(false)),
        ]);
        fields.extend(defaults.clone());
        if let Some(Value::String(store)) = fields.get_mut("store") {
            *store = store.replace("{}", secret.as_str());
        }
        fields.extend(row.said);
        let missing = event::spec(NEW).map(|spec| spec.missing(&fields).map(|field| field.name));
        let missing: Vec<_> = missing.into_iter().flatten().collect();
        if !missing.is_empty() {
            return Err(format!("{secret} has no {}", missing.join(", ")));
        }
        let event = Event::parse(NEW, fields).map_err(|fault| fault.to_string())?;
        let (place, changes) = (row.place, Vec::new());
        self.new.push(PlannedSecret {
            place,
            secret,
            event,
            changes,
        });
        Ok(())
    }

    fn change(&mut self, row: ListedRow, secret: &Secret, reason: &Line) -> Result<(), String> {
        let held = json!({
            "name": secret.name, "class": secret.class, "store": secret.store, "owner": secret.owner,
            "consumers": secret.consumers, "max_age_days": secret.max_age_days, "dual_run": secret.dual_run,
            "last_rotated": secret.generated, "version": secret.version,
        });
        let spec = event::spec(CHANGE);
        let (mut changes, mut fields) = (Vec::new(), Fields::new());
        let before = self.differs.len();
        for (field, new) in row.said {
            let old = held[&field].clone();
            if field == "secret" || is_same(&field, &old, &new) {
                continue;
            }
            let change = FieldChange {
                field: field.clone(),
                old,
                new: new.clone(),
            };
            if spec.is_some_and(|spec| spec.field(&field).is_some()) {
                fields.insert(field, new);
                changes.push(change);
            } else {
                self.differs.push((secret.id.clone(), change));
            }
        }
        if changes.is_empty() {
            self.unchanged += u64::from(self.differs.len() == before);
            return Ok(());
        }
        fields.extend([
            ("secret".to_owned(), json!(secret.id)),
            ("reason".to_owned(), json!(reason)),
        ]);
        let event = Event::parse(CHANGE, fields).map_err(|fault| fault.to_string())?;
        let (place, secret) = (row.place, secret.id.clone());
        self.changed.push(PlannedSecret {
            place,
            secret,
            event,
            changes,
        });
        Ok(())
    }
}

/// Whether a list says of a field what the ledger says. A store knows when a version was put there, the ledger when it
/// was generated: only what is later by more than a day is another rotation.
fn is_same(field: &str, old: &Value, new: &Value) -> bool {
    let instant = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    match (field, old, new) {
        ("last_rotated", old, new) => match (instant(old), instant(new)) {
            (Some(old), Some(new)) => new <= old.plus_days(1),
            (_, new) => new.is_none(),
        },
        (_, Value::Array(old), Value::Array(new)) => sorted(old) == sorted(new),
        (_, old, new) => old == new,
    }
}

fn sorted(values: &[Value]) -> Vec<&str> {
    let mut words: Vec<_> = values.iter().filter_map(Value::as_str).collect();
    words.sort_unstable();
    words.dedup();
    words
}
