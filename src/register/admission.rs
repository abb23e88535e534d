//! What may be recorded at all. Only what cannot be placed is refused: an event about something
//! that is not known, an id that is taken, an enrolment that cannot be. Late, unapproved or out of
//! order is recorded and found.

use std::collections::BTreeMap;

use crate::event::{Event, ExceptionGranted};
use crate::inventory::GrantedException;
use crate::keyring::{Author, Denial};
use crate::rule::{self, Rule};
use crate::text::Id;
use crate::time::Timestamp;

use super::{Recorded, Register};

impl Register {
    /// Who says what is recorded, where it can be placed and they may say it. Who may not
    /// say it is told that, and not what else would stand against it.
    ///
    /// # Errors
    /// The rule that stands against it; `append` refuses by it, and `verify` finds by it.
    pub fn author(&self, recorded: &Recorded<'_>) -> Result<Author, Denial> {
        // Before entry 0 there is no keyring to ask.
        admit_beginning(recorded.sequence, recorded.event)?;
        let keyring = &self.charter.keyring;
        let author = keyring.authorise(recorded.key, recorded.on_behalf_of, recorded.event)?;
        self.admit(recorded)?;
        Ok(author)
    }

    /// Whether it can be placed on what is there.
    fn admit(&self, recorded: &Recorded<'_>) -> Result<(), Denial> {
        let (sequence, occurred) = (recorded.sequence, recorded.occurred);
        let event = recorded.event;
        let keyring = &self.charter.keyring;
        match event {
            Event::LedgerCreated(created) => keyring.clone().create(sequence, occurred, created),
            Event::ActorEnrolled(enrolled) => keyring.admit_enrolment(enrolled),
            Event::ActorRevoked(revoked) => keyring.admit_revocation(revoked),
            Event::SealingKeyReplaced(replaced) => keyring.admit_sealing_key(replaced),
            Event::SealingKeyRecovered(recovered) => {
                keyring.admit_recovery(sequence, recorded.key, recovered)
            }
            Event::TokenIssued(issued) => self.charter.tokens.admit(issued),
            Event::TokenRevoked(revoked) => self.charter.tokens.admit_revocation(revoked),
            Event::SecretRegistered(registered) => {
                need_new("secret", &registered.secret, &self.secrets)
            }
            Event::RotationOpened(opened) => {
                need_new("rotation", &opened.rotation, &self.rotations)?;
                self.need_active_secret(&opened.secret)?;
                match &opened.incident {
                    Some(incident) => self.need_incident(incident, Some(&opened.secret)),
                    None => Ok(()),
                }
            }
            Event::RotationRecorded(recorded) => {
                need_new("rotation", &recorded.rotation, &self.rotations)?;
                self.need_active_secret(&recorded.secret)
            }
            Event::IncidentDeclared(declared) => {
                need_new("incident", &declared.incident, &self.incidents)?;
                self.need_active_secret(&declared.secret)
            }
            Event::ExceptionGranted(granted) => self.admit_exception(occurred, granted),
            Event::ScanException(excepted) => need_later(excepted.expires, occurred),
            Event::EntryAnnotated(annotated) => need_earlier(annotated.entry, sequence),
            Event::EntryCorrected(corrected) => need_earlier(corrected.entry, sequence),
            Event::FindingAccepted(accepted) => {
                need_earlier(accepted.entry, sequence)?;
                need_acceptable(&accepted.rule)
            }
            _ => self.need_what_it_names(event),
        }
    }

    /// For every event that opens nothing: what it names is there, and belongs together.
    fn need_what_it_names(&self, event: &Event) -> Result<(), Denial> {
        if let Some(secret) = event.secret() {
            self.need_active_secret(secret)?;
        }
        if let Some(incident) = event.incident() {
            self.need_incident(incident, event.secret())?;
        }
        let Some(id) = event.rotation() else {
            return Ok(());
        };
        match (self.rotations.get(id), event.secret()) {
            (None, _) => unfit(
                "an opened rotation",
                format!(
                    "no rotation `{id}` was opened; open it with rotation.opened, or name one that is open"
                ),
            ),
            (Some(rotation), Some(secret)) if *secret != rotation.secret => {
                let own = &rotation.secret;
                let message = format!("rotation `{id}` is of secret `{own}`, not `{secret}`");
                unfit(own.as_str(), message)
            }
            _ => Ok(()),
        }
    }

    fn need_active_secret(&self, id: &Id) -> Result<(), Denial> {
        match self.secret(id).map(|secret| secret.retired) {
            None => unfit(
                "a registered secret",
                format!("no secret `{id}` is registered; register it first, or name one that is"),
            ),
            Some(Some(sequence)) => unfit(
                "a secret in use",
                format!("secret `{id}` was retired by entry {sequence}"),
            ),
            Some(None) => Ok(()),
        }
    }

    fn need_incident(&self, id: &Id, secret: Option<&Id>) -> Result<(), Denial> {
        match self.incidents.get(id) {
            None => unfit(
                "a declared incident",
                format!("no incident `{id}` was declared; declare it with incident.declared"),
            ),
            Some(incident) if secret.is_some_and(|secret| *secret != incident.secret) => {
                let about = &incident.secret;
                unfit(
                    about.as_str(),
                    format!("incident `{id}` is about secret `{about}`"),
                )
            }
            Some(_) => Ok(()),
        }
    }

    fn admit_exception(
        &self,
        occurred: Timestamp,
        granted: &ExceptionGranted,
    ) -> Result<(), Denial> {
        self.need_active_secret(&granted.secret)?;
        let is_it = |known: &GrantedException| known.id == granted.exception;
        let secret = self.secret(&granted.secret);
        let taken = secret.is_some_and(|secret| secret.exceptions.iter().any(is_it));
        need_free("exception", &granted.exception, taken)?;
        need_later(granted.expires, occurred)?;
        if granted.rules.is_empty() {
            let message = "an exception from no rule".to_owned();
            return Err(Denial::new(rule::W02, "the rules it covers", message));
        }
        for id in &granted.rules {
            let known = rule::rule(id.as_str());
            if !known.is_some_and(|rule| rule.verdict.is_of_rotations()) {
                return unfit(
                    "a rule of conformance or coverage",
                    format!("`{id}` is no rule that can be excused; the rules are in EVENTS.md"),
                );
            }
        }
        Ok(())
    }
}

/// An exception must not have ended before it begins.
fn need_later(expires: Timestamp, occurred: Timestamp) -> Result<(), Denial> {
    if expires <= occurred {
        let message = format!("the exception would end at {expires}");
        return Err(Denial::new(rule::W02, "an end in the future", message));
    }
    Ok(())
}

fn admit_beginning(sequence: u64, event: &Event) -> Result<(), Denial> {
    let begins = matches!(event, Event::LedgerCreated(_));
    if begins == (sequence == 0) {
        return Ok(());
    }
    let message = if begins {
        "this ledger was created by entry 0; a second ledger.created cannot be".to_owned()
    } else {
        format!("entry 0 is {}, not ledger.created", event.name())
    };
    let expected = "ledger.created as entry 0 and nowhere else";
    Err(Denial::new(rule::I10, expected, message))
}

/// Refuses an event that speaks of something else than is there.
fn unfit(expected: &str, message: String) -> Result<(), Denial> {
    Err(Denial::new(rule::C01, expected, message))
}

fn need_new<T>(what: &str, id: &Id, known: &BTreeMap<Id, T>) -> Result<(), Denial> {
    need_free(what, id, known.contains_key(id))
}

fn need_free(what: &str, id: &Id, taken: bool) -> Result<(), Denial> {
    if taken {
        let message = format!("there is a {what} `{id}` already");
        return Err(Denial::new(rule::C02, "an id that is free", message));
    }
    Ok(())
}

/// What breaks the ledger itself, or says who may speak in it, nobody can accept; what still lasts is mended,
/// or excused for a time.
fn need_acceptable(id: &Id) -> Result<(), Denial> {
    if rule::rule(id.as_str()).is_some_and(Rule::is_acceptable) {
        return Ok(());
    }
    let standing = rule::STANDING.map(|rule| rule.id).join(", ");
    unfit(
        &format!("a rule of conformance or coverage other than {standing}"),
        format!("`{id}` is no rule whose findings can be accepted; the rules are in EVENTS.md"),
    )
}

fn need_earlier(entry: u64, sequence: u64) -> Result<(), Denial> {
    if entry >= sequence {
        let message = format!("there is no entry {entry} yet");
        let expected = format!("an entry before {sequence}");
        return Err(Denial::new(rule::I11, expected, message));
    }
    Ok(())
}
