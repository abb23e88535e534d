//! The secrets there are, by reference: what is registered, what is in use since when, what is due.

use std::mem::discriminant;
use std::str::FromStr;

use bincode::{Decode, Encode};
use serde_json::{Value, json};

use crate::event::{ExceptionGranted, SecretClass, SecretRegistered, SecretUpdated};
use crate::policy::Policy;
use crate::text::{Id, Line, Reference};
use crate::time::Timestamp;

/// A secret of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Secret {
    /// The id.
    pub id: Id,
    /// What it is, as a person would read it.
    pub name: Line,
    /// Which of the SOP's five classes.
    pub class: SecretClass,
    /// Where its value is kept.
    pub store: Reference,
    /// Who answers for it.
    pub owner: Line,
    /// The services that use it.
    pub consumers: Vec<Id>,
    /// The most days it may be in use, where that differs from the policy.
    pub max_age_days: Option<u32>,
    /// Whether consumers can accept old and new at the same time.
    pub dual_run: bool,
    /// The version now in use, where it is known.
    pub version: Option<Reference>,
    /// When the version now in use was generated, where it is known. A rollback or an abort does
    /// not touch it: the age is that of what is in use.
    pub generated: Option<Timestamp>,
    /// By which generator the newest replacement was made, and the namespace that it was stored in.
    pub generator: Option<(Reference, Reference)>,
    /// The sequence of the registration.
    pub registered: u64,
    /// The sequence of the retirement.
    pub retired: Option<u64>,
    /// Rotations of it that are open, by opening.
    pub open: Vec<Id>,
    /// How often it was rotated.
    pub rotations: u64,
    /// Exceptions granted for it.
    pub exceptions: Vec<GrantedException>,
}

/// An exception in force for a secret until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GrantedException {
    /// The id.
    pub id: Id,
    /// The sequence of the entry that granted it.
    pub granted: u64,
    /// The rule ids it covers.
    pub rules: Vec<Id>,
    /// When it ends.
    pub expires: Timestamp,
}

impl GrantedException {
    /// Whether it covers a rule, as long as it lasts.
    #[must_use]
    pub fn covers(&self, rule: &str) -> bool {
        self.rules.iter().any(|id| id.as_str() == rule)
    }
}

/// Where a secret stands against its age limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretAge {
    /// When it is due; unknown where nobody knows when the version in use was generated.
    pub due: Option<Timestamp>,
    /// Whole days left at the instant asked for; negative when overdue. Unknown counts as overdue.
    pub days_left: Option<i64>,
}

impl SecretAge {
    /// Whether the secret should have been rotated by the instant asked for.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.days_left.is_none_or(|days| days < 0)
    }
}

impl Secret {
    /// The secret that a registration describes.
    #[must_use]
    pub fn register(sequence: u64, registered: &SecretRegistered) -> Self {
        Self {
            id: registered.secret.clone(),
            name: registered.name.clone(),
            class: registered.class,
            store: registered.store.clone(),
            owner: registered.owner.clone(),
            consumers: registered.consumers.clone(),
            max_age_days: registered.max_age_days,
            dual_run: registered.dual_run,
            version: registered.version.clone(),
            generated: registered.last_rotated,
            generator: None,
            registered: sequence,
            retired: None,
            open: Vec::new(),
            rotations: 0,
            exceptions: Vec::new(),
        }
    }

    /// Takes what an update says; what it leaves out stays.
    pub fn update(&mut self, updated: &SecretUpdated) {
        if let Some(name) = &updated.name {
            self.name = name.clone();
        }
        if let Some(store) = &updated.store {
            self.store = store.clone();
        }
        if let Some(owner) = &updated.owner {
            self.owner = owner.clone();
        }
        if !updated.consumers.is_empty() {
            self.consumers.clone_from(&updated.consumers);
        }
        if updated.max_age_days.is_some() {
            self.max_age_days = updated.max_age_days;
        }
        if let Some(dual_run) = updated.dual_run {
            self.dual_run = dual_run;
        }
    }

    /// Takes a version into use.
    pub fn put_to_use(&mut self, version: Option<&Reference>, generated: Timestamp) {
        if let Some(version) = version {
            self.version = Some(version.clone());
        }
        self.generated = Some(generated);
        self.rotations = self.rotations.saturating_add(1);
    }

    /// Takes an exception.
    pub fn except(&mut self, sequence: u64, granted: &ExceptionGranted) {
        self.exceptions.push(GrantedException {
            id: granted.exception.clone(),
            granted: sequence,
            rules: granted.rules.clone(),
            expires: granted.expires,
        });
    }

    /// The secret for programs, with how old it is at `now`.
    #[must_use]
    pub fn to_json(&self, policy: &Policy, now: Timestamp) -> Value {
        let age = self.age(policy, now);
        json!({
            "secret": self.id,
            "name": self.name,
            "class": self.class,
            "store": self.store,
            "owner": self.owner,
            "consumers": self.consumers,
            "version": self.version,
            "generated": self.generated,
            "max_age_days": self.max_age(policy),
            "due": age.due,
            "days_left": age.days_left,
            "overdue": self.retired.is_none() && age.is_overdue(),
            "dual_run": self.dual_run,
            "open_rotations": self.open,
            "rotations": self.rotations,
            "retired_by_entry": self.retired,
        })
    }

    /// The exception that covers `rule` at an instant, the one that lasts longest where several do.
    #[must_use]
    pub fn exception(&self, rule: &str, as_of: Timestamp) -> Option<&GrantedException> {
        self.exceptions
            .iter()
            .filter(|exception| exception.expires > as_of && exception.covers(rule))
            .max_by_key(|exception| exception.expires)
    }

    /// The most days this secret may be in use.
    #[must_use]
    pub fn max_age(&self, policy: &Policy) -> u32 {
        self.max_age_days
            .unwrap_or_else(|| policy.max_age(self.class))
    }

    /// Where it stands against its age limit at an instant (SOP 4).
    #[must_use]
    pub fn age(&self, policy: &Policy, as_of: Timestamp) -> SecretAge {
        let due = self
            .generated
            .map(|generated| generated.plus_days(self.max_age(policy)));
        SecretAge {
            due,
            days_left: due.map(|due| due.days_since(as_of)),
        }
    }
}

/// A condition by which secrets are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretCondition {
    /// Of this class.
    Class(SecretClass),
    /// Of this owner.
    Owner(Line),
    /// Used by this service.
    Consumer(Id),
    /// With an id that begins so.
    Prefix(String),
    /// Due before an instant; one of which nobody knows when it was generated is.
    DueBefore(Timestamp),
}

impl FromStr for SecretCondition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) = text.split_once('=').unwrap_or((text, ""));
        match field {
            "class" => value.parse().map(Self::Class),
            "owner" => Line::new(value)
                .map(Self::Owner)
                .map_err(|fault| fault.to_string()),
            "consumer" => Id::new(value)
                .map(Self::Consumer)
                .map_err(|fault| fault.to_string()),
            "prefix" => Ok(Self::Prefix(value.to_owned())),
            "due-before" => value
                .parse()
                .map(Self::DueBefore)
                .map_err(|_| "needs a time in UTC".to_owned()),
            _ => Err(
                "the conditions are class=, owner=, consumer=, prefix= and due-before=".to_owned(),
            ),
        }
    }
}

impl SecretCondition {
    /// Whether conditions hold of a secret: of several on one field any, of those on several fields all.
    #[must_use]
    pub fn all_hold(conditions: &[Self], secret: &Secret, policy: &Policy) -> bool {
        conditions.iter().all(|one| {
            let mut alike = conditions
                .iter()
                .filter(|other| discriminant(one) == discriminant(other));
            alike.any(|condition| condition.holds(secret, policy))
        })
    }

    fn holds(&self, secret: &Secret, policy: &Policy) -> bool {
        match self {
            Self::Class(class) => secret.class == *class,
            Self::Owner(owner) => secret.owner == *owner,
            Self::Consumer(consumer) => secret.consumers.contains(consumer),
            Self::Prefix(prefix) => secret.id.as_str().starts_with(prefix),
            Self::DueBefore(time) => secret.age(policy, *time).due.is_none_or(|due| due < *time),
        }
    }
}
