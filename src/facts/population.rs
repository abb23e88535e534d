//! The population: every registered secret, those that are overdue and those that nobody ever
//! rotated among them. A list of rotations alone could not show what is missing from it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::register::Register;
use crate::text::Id;
use crate::time::Timestamp;

/// One registered secret, as it stands at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRow {
    /// The id.
    pub secret: Id,
    /// What it is, as a person would read it.
    pub name: String,
    /// Which of the SOP's five classes.
    pub class: String,
    /// Who answers for it.
    pub owner: String,
    /// The services that use it.
    pub consumers: Vec<String>,
    /// `in time`, `overdue`, `age unknown` or `retired`.
    pub state: String,
    /// When the version in use was generated.
    pub generated_utc: Option<String>,
    /// The most days it may be in use.
    pub max_age_days: u32,
    /// When it is due.
    pub due_utc: Option<String>,
    /// Whole days left; negative where overdue.
    pub days_left: Option<i64>,
    /// How often it was rotated; 0 where nobody ever did.
    pub rotations: u64,
    /// Rotations of it that are open.
    pub open_rotations: Vec<String>,
    /// Exceptions in force.
    pub exceptions: Vec<String>,
    /// The entry that registers it.
    pub registered_by_entry: u64,
    /// The entry that retires it.
    pub retired_by_entry: Option<u64>,
    /// The last entry about it.
    pub last_entry: u64,
    /// Whether its entries are in the pack; what is said of others is known from the ledger only.
    pub entries_in_pack: bool,
}

/// A row for each secret, by id; `in_pack` says whose entries are in the pack.
#[must_use]
pub fn rows(
    register: &Register,
    as_of: Timestamp,
    in_pack: &dyn Fn(&Id) -> bool,
) -> Vec<SecretRow> {
    let policy = &register.charter.policy;
    let row = |(id, threaded): (&Id, &crate::register::SecretThread)| {
        let secret = &threaded.secret;
        let age = secret.age(policy, as_of);
        let state = match (secret.retired, age.days_left) {
            (Some(_), _) => "retired",
            (None, None) => "age unknown",
            (None, Some(_)) if age.is_overdue() => "overdue",
            (None, Some(_)) => "in time",
        };
        let texts = |ids: &[Id]| ids.iter().map(ToString::to_string).collect();
        let exceptions = secret.exceptions.iter();
        let in_force = exceptions.filter(|exception| exception.expires > as_of);
        SecretRow {
            secret: id.clone(),
            name: secret.name.to_string(),
            class: secret.class.to_string(),
            owner: secret.owner.to_string(),
            consumers: texts(&secret.consumers),
            state: state.to_owned(),
            generated_utc: secret.generated.map(Timestamp::to_seconds),
            max_age_days: secret.max_age(policy),
            due_utc: age.due.map(Timestamp::to_seconds),
            days_left: age.days_left,
            rotations: secret.rotations,
            open_rotations: texts(&secret.open),
            exceptions: in_force.map(|exception| exception.id.to_string()).collect(),
            registered_by_entry: secret.registered,
            retired_by_entry: secret.retired,
            last_entry: threaded.thread.saturating_sub(1),
            entries_in_pack: in_pack(id),
        }
    };
    register.secrets.iter().map(row).collect()
}

/// The rows of a document that `documents` wrote.
///
/// # Errors
/// What is not as it should be. Whether the rows are true is not looked at.
pub fn parse(document: &[u8]) -> Result<Vec<SecretRow>, String> {
    let mut document: Value =
        serde_json::from_slice(document).map_err(|fault| fault.to_string())?;
    let rows = document.get_mut("secrets").map(Value::take);
    let rows = rows.ok_or_else(|| "it has no `secrets`".to_owned())?;
    let rows: Vec<SecretRow> = serde_json::from_value(rows).map_err(|fault| fault.to_string())?;
    let sorted = rows.is_sorted_by(|one, next| one.secret < next.secret);
    match sorted {
        true => Ok(rows),
        false => Err("its secrets are not in order, or one stands there twice".to_owned()),
    }
}
