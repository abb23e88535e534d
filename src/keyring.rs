//! Who held which role with which key, from when until when; computed only from entries.

use std::collections::BTreeMap;

mod seals;

use bincode::{Decode, Encode};

use crate::event::{
    ActorEnrolled, ActorKind, ActorRevoked, Event, LedgerCreated, Role, SealingKeyRecovered,
    SealingKeyReplaced,
};
use crate::key::PublicKey;
use crate::rule::{self, Rule};
use crate::text::{Id, Line};
use crate::time::Timestamp;

pub use seals::{SEAL_DAYS, SEAL_ENTRIES, SealingKey};

use seals::Seals;

/// The id under which the ledger itself speaks, by its sealing key.
pub const LEDGER_ACTOR: &str = "ledger";

/// A key holder.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Actor {
    /// The id.
    pub id: Id,
    /// The name, as a person would read it.
    pub name: Line,
    /// A person or a service.
    pub kind: ActorKind,
    /// What the actor may do.
    pub roles: Vec<Role>,
    /// The sequence of the enrolment.
    pub enrolled: u64,
    /// The revocation, where there was one.
    pub revoked: Option<Revocation>,
}

/// When a key stopped counting.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Revocation {
    /// The sequence of the revocation.
    pub sequence: u64,
    /// Since when somebody else may have had the key.
    pub compromised_since: Option<Timestamp>,
}

/// Who says something, after it was checked that they may.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Author {
    /// The key holder's id.
    pub actor: Id,
    /// The key holder's name.
    pub name: Line,
    /// The person who answers for it: the actor, or the one on whose behalf a service acts.
    pub person: Id,
}

/// Why somebody may not say something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denial {
    /// The rule it breaks.
    pub rule: &'static Rule,
    /// What was needed.
    pub expected: String,
    /// Who tried, and why it cannot be, in one line.
    pub message: String,
}

impl Denial {
    /// A denial by `rule`: what was needed, and why it cannot be.
    pub fn new(
        rule: &'static Rule,
        expected: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            expected: expected.into(),
            message: message.into(),
        }
    }
}

/// Every key that ever counted, with its holder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Keyring {
    actors: BTreeMap<PublicKey, Actor>,
    sealing: Seals,
}

impl Keyring {
    /// Every key holder, by key.
    pub fn actors(&self) -> impl Iterator<Item = (&PublicKey, &Actor)> {
        self.actors.iter()
    }

    /// The key that seals checkpoints now.
    #[must_use]
    pub fn sealing_key(&self) -> Option<&PublicKey> {
        self.sealing.keys.last().map(|seal| &seal.key)
    }

    /// Every key that ever sealed, the newest last.
    #[must_use]
    pub fn seals(&self) -> &[SealingKey] {
        &self.sealing.keys
    }

    /// The key that seals a checkpoint of `size` entries; none of nothing, since entry 0 names the
    /// first.
    #[must_use]
    pub fn seal_at(&self, size: u64) -> Option<&SealingKey> {
        self.sealing.keys.iter().rfind(|seal| seal.entry < size)
    }

    /// The holder of a key, revoked or not.
    #[must_use]
    pub fn holder(&self, key: &PublicKey) -> Option<&Actor> {
        self.actors.get(key)
    }

    /// The actor of this id whose key still counts.
    #[must_use]
    pub fn active(&self, id: &Id) -> Option<(&PublicKey, &Actor)> {
        self.actors
            .iter()
            .find(|(_, actor)| actor.id == *id && actor.revoked.is_none())
    }

    /// Whether `key` may say `event` now, for whom it names.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn authorise(
        &self,
        key: &PublicKey,
        on_behalf_of: Option<&Id>,
        event: &Event,
    ) -> Result<Author, Denial> {
        if let Event::LedgerCreated(created) = event {
            return Self::founder(key, created);
        }
        let needs = event.roles();
        let needed = || words(needs, " or ");
        if self.sealing_key() == Some(key) {
            return self.ledger_itself(needs.contains(&Role::Ledger), event, needed());
        }
        let unknown = |why| Denial::new(rule::A01, format!("an enrolled {}", needed()), why);
        let Some(actor) = self.actors.get(key) else {
            let short = key.short();
            return Err(unknown(format!(
                "the key {short} is not enrolled in this ledger"
            )));
        };
        if let Some(Revocation { sequence, .. }) = &actor.revoked {
            return Err(unknown(format!(
                "the key of {} was revoked by entry {sequence}",
                actor.id
            )));
        }
        if !actor.roles.iter().any(|role| needs.contains(role)) {
            let (name, needed, has) = (event.name(), needed(), words(&actor.roles, ", "));
            let message = format!("{name} needs {needed}, and {} is {has}", actor.id);
            return Err(Denial::new(rule::A02, needed, message));
        }
        let person = self.person(actor, on_behalf_of)?;
        Ok(Author {
            actor: actor.id.clone(),
            name: actor.name.clone(),
            person,
        })
    }

    /// The person who answers for what an actor says.
    fn person(&self, actor: &Actor, on_behalf_of: Option<&Id>) -> Result<Id, Denial> {
        let why = match (actor.kind, on_behalf_of) {
            (ActorKind::Human, None) => return Ok(actor.id.clone()),
            // Else a person could let their own steps count as somebody else's, and approve them.
            (ActorKind::Human, Some(person)) if *person != actor.id => {
                format!("is a person, and cannot act for {person}")
            }
            (ActorKind::Service, None) => "is a service and names no person it acts for".to_owned(),
            (_, Some(person)) => match self.active(person) {
                Some((_, holder)) if holder.kind == ActorKind::Human => return Ok(person.clone()),
                Some(_) => format!("acts for {person}, who is no person"),
                None => format!("acts for {person}, who is not enrolled"),
            },
        };
        let expected = "an enrolled person in on_behalf_of";
        let message = format!("{} {why}", actor.id);
        Err(Denial::new(rule::A07, expected, message))
    }

    fn ledger_itself(
        &self,
        allowed: bool,
        event: &Event,
        needed: String,
    ) -> Result<Author, Denial> {
        match (Id::new(LEDGER_ACTOR), Line::new("the ledger itself")) {
            (Ok(actor), Ok(name)) if allowed => Ok(Author {
                person: actor.clone(),
                actor,
                name,
            }),
            _ => {
                let name = event.name();
                let message =
                    format!("the sealing key cannot say {name}: that is a person's to say");
                Err(Denial::new(rule::A02, needed, message))
            }
        }
    }

    fn founder(key: &PublicKey, created: &LedgerCreated) -> Result<Author, Denial> {
        if created.key == *key {
            return Ok(Author {
                actor: created.actor.clone(),
                name: created.name.clone(),
                person: created.actor.clone(),
            });
        }
        let expected = format!("signed by {}", created.key.short());
        let message = format!("the ledger's creation is signed by {}", key.short());
        Err(Denial::new(rule::A01, expected, message))
    }

    /// Begins the keyring with the ledger's creation.
    ///
    /// # Errors
    /// Where the founder's key or proof of possession cannot be.
    pub fn create(
        &mut self,
        sequence: u64,
        recorded: Timestamp,
        created: &LedgerCreated,
    ) -> Result<(), Denial> {
        self.check_new_id(&created.actor)?;
        self.check_new_key(
            &created.actor,
            &created.key,
            created.key.possession_holds(&created.possession),
        )?;
        // What the sealing key signs is the ledger's own word, so it can be nobody else's key.
        if created.sealing_key == created.key || created.sealing_key.admit().is_err() {
            let expected = "a sound sealing key of its own";
            let message = format!("the key {} cannot seal", created.sealing_key.short());
            return Err(Denial::new(rule::A10, expected, message));
        }
        self.actors.insert(
            created.key,
            Actor {
                id: created.actor.clone(),
                name: created.name.clone(),
                kind: ActorKind::Human,
                roles: vec![Role::SecurityOwner],
                enrolled: sequence,
                revoked: None,
            },
        );
        self.sealing.keys.push(SealingKey {
            key: created.sealing_key,
            entry: sequence,
            since: recorded,
            handed_on: false,
        });
        Ok(())
    }

    /// Whether an enrolment can be.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn admit_enrolment(&self, enrolled: &ActorEnrolled) -> Result<(), Denial> {
        self.check_new_id(&enrolled.actor)?;
        self.check_new_key(
            &enrolled.actor,
            &enrolled.key,
            enrolled.key.possession_holds(&enrolled.possession),
        )?;
        let mut roles = enrolled.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() || roles.len() != enrolled.roles.len() {
            let message = format!("{} is given no role, or one twice", enrolled.actor);
            return Err(Denial::new(rule::A10, "each role once", message));
        }
        if roles.contains(&Role::Ledger) {
            let message = "only the sealing key speaks for the ledger";
            return Err(Denial::new(rule::A10, "a role for people", message));
        }
        if enrolled.kind == ActorKind::Service && roles.contains(&Role::SecurityOwner) {
            let actor = &enrolled.actor;
            let message = format!("{actor} is a service and cannot be security_owner");
            let expected = "a person as security_owner";
            return Err(Denial::new(rule::A06, expected, message));
        }
        Ok(())
    }

    fn check_new_id(&self, id: &Id) -> Result<(), Denial> {
        if id.as_str() == LEDGER_ACTOR {
            let message = format!("the id `{LEDGER_ACTOR}` is the ledger's own");
            return Err(Denial::new(rule::A10, "another id", message));
        }
        if self.active(id).is_some() {
            let expected = "an id without a key that counts";
            let message = format!("{id} is enrolled already; revoke the old key first");
            return Err(Denial::new(rule::A10, expected, message));
        }
        Ok(())
    }

    /// Whether a key can be added; `whose` says in the denial what for.
    fn check_new_key(
        &self,
        whose: &impl std::fmt::Display,
        key: &PublicKey,
        possession: bool,
    ) -> Result<(), Denial> {
        let short = key.short();
        let (expected, message) = if let Some(holder) = self.actors.get(key) {
            let message = format!("the key {short} is that of {}", holder.id);
            ("a key of its own", message)
        } else if self.sealing.keys.iter().any(|seal| seal.key == *key) {
            let message = format!("the key {short} seals this ledger");
            ("a key of its own", message)
        } else if let Err(fault) = key.admit() {
            let message = format!("the key of {whose}: {fault}");
            ("a sound Ed25519 key", message)
        } else if !possession {
            let message = format!("the proof of possession for {whose} does not verify");
            ("a proof by the key's holder", message)
        } else {
            return Ok(());
        };
        Err(Denial::new(rule::A10, expected, message))
    }

    /// Enrols an actor that was admitted.
    pub fn enrol(&mut self, sequence: u64, enrolled: &ActorEnrolled) {
        self.actors.insert(
            enrolled.key,
            Actor {
                id: enrolled.actor.clone(),
                name: enrolled.name.clone(),
                kind: enrolled.kind,
                roles: enrolled.roles.clone(),
                enrolled: sequence,
                revoked: None,
            },
        );
    }

    /// Whether a revocation can be: of an actor whose key counts, and not of the last Security
    /// Owner, since nobody could enrol another one then.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn admit_revocation(&self, revoked: &ActorRevoked) -> Result<(), Denial> {
        if self.active(&revoked.actor).is_none() {
            let message = format!("{} is not enrolled, or was revoked before", revoked.actor);
            let expected = "an actor whose key counts";
            return Err(Denial::new(rule::A10, expected, message));
        }
        let owner =
            |actor: &Actor| actor.revoked.is_none() && actor.roles.contains(&Role::SecurityOwner);
        let mut others = self.actors.values().filter(|one| one.id != revoked.actor);
        if !others.any(owner) {
            let expected = "a Security Owner that remains";
            let message = format!("{} is the last Security Owner", revoked.actor);
            return Err(Denial::new(rule::A10, expected, message));
        }
        Ok(())
    }

    /// Revokes the key of an actor, from the entry after `sequence` on.
    pub fn revoke(&mut self, sequence: u64, revoked: &ActorRevoked) {
        let active = self
            .actors
            .values_mut()
            .find(|actor| actor.id == revoked.actor && actor.revoked.is_none());
        if let Some(actor) = active {
            actor.revoked = Some(Revocation {
                sequence,
                compromised_since: revoked.compromised_since,
            });
        }
    }

    /// Whether a new sealing key can be.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn admit_sealing_key(&self, replaced: &SealingKeyReplaced) -> Result<(), Denial> {
        self.check_new_key(
            &"the sealing key",
            &replaced.key,
            replaced.key.possession_holds(&replaced.possession),
        )
    }

    /// Whether `by` can name a new sealing key in place of a lost one, as entry `sequence`.
    ///
    /// # Errors
    /// The rule that stands against it.
    pub fn admit_recovery(
        &self,
        sequence: u64,
        by: &PublicKey,
        recovered: &SealingKeyRecovered,
    ) -> Result<(), Denial> {
        self.check_new_key(
            &"the sealing key",
            &recovered.key,
            recovered.key.possession_holds(&recovered.possession),
        )?;
        let size = recovered.kept_size;
        let deny = |expected: &str, message: String| {
            Err(Denial::new(rule::A10, expected.to_owned(), message))
        };
        if size > sequence {
            let message =
                format!("it builds on a checkpoint of {size} entries, before entry {sequence}");
            return deny("a checkpoint of what is there", message);
        }
        let Some(actor) = self.actors.get(by).filter(|actor| actor.enrolled < size) else {
            let message = format!(
                "it builds on a checkpoint of {size} entries, and whoever says it was enrolled after that"
            );
            return deny("a Security Owner of that checkpoint", message);
        };
        if self.sealing.proposer(recovered) == Some(&actor.id) {
            let message = format!(
                "{} named this key already, and the policy demands two",
                actor.id
            );
            return deny("another Security Owner", message);
        }
        Ok(())
    }

    /// Takes a sealing key that people name, and that was admitted: at once, or once a second one names it.
    pub fn recover_sealing_key(
        &mut self,
        sequence: u64,
        recorded: Timestamp,
        by: &Author,
        recovered: &SealingKeyRecovered,
    ) {
        self.sealing
            .recover((sequence, recorded), &by.actor, recovered);
    }

    /// Whether it takes two Security Owners to name a sealing key, by the policy in the first `size` entries.
    #[must_use]
    pub fn needs_two_to_recover(&self, size: u64) -> bool {
        self.sealing.needs_two(size)
    }

    /// Whether another Security Owner named the same key on the same checkpoint, and waits for this one.
    #[must_use]
    pub fn is_seconded(&self, recovered: &SealingKeyRecovered) -> bool {
        self.sealing.proposer(recovered).is_some()
    }

    /// Takes what the policy of entry `sequence` demands of who names a sealing key: two, or one.
    pub fn demand_two_to_recover(&mut self, sequence: u64, two: bool) {
        self.sealing.demand_two(sequence, two);
    }

    /// Takes a new sealing key that was admitted.
    pub fn replace_sealing_key(
        &mut self,
        sequence: u64,
        recorded: Timestamp,
        by: &Author,
        replaced: &SealingKeyReplaced,
    ) {
        self.sealing.keys.push(SealingKey {
            key: replaced.key,
            entry: sequence,
            since: recorded,
            handed_on: by.actor.as_str() == LEDGER_ACTOR,
        });
    }
}

fn words(roles: &[Role], between: &str) -> String {
    let words = roles.iter().map(|role| role.word());
    words.collect::<Vec<_>>().join(between)
}
