//! What may be recorded at all. Only what cannot be placed is refused: an event about something
//! that is not known, an id that is taken, an enrolment that cannot be. Late, unapproved or out of
//! order is recorded and found.

use crate::event::{Event, ExceptionGranted};
use crate::keyring::{Author, Denial};
use crate::rule::{self, Rule, Verdict};
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
        self.admit(recorded.sequence, recorded.occurred, recorded.event)?;
        Ok(author)
    }

    /// Whether `event` can be placed as entry `sequence` on what is there.
    fn admit(&self, sequence: u64, occurred: Timestamp, event: &Event) -> Result<(), Denial> {
        match event {
            Event::LedgerCreated(created) => self
                .charter
                .keyring
                .clone()
                .create(sequence, occurred, created),
            Event::ActorEnrolled(enrolled) => self.charter.keyring.admit_enrolment(enrolled),
            Event::ActorRevoked(revoked) => self.charter.keyring.admit_revocation(revoked),
            Event::SealingKeyReplaced(replaced) => self.charter.keyring.admit_sealing_key(replaced),
            Event::TokenIssued(issued) => self.charter.tokens.admit(issued),
            Event::TokenRevoked(revoked) => self.charter.tokens.admit_revocation(revoked),
            Event::SecretRegistered(registered) => need_free(
                "secret",
                &registered.secret,
                self.secrets.contains_key(&registered.secret),
            ),
            Event::RotationOpened(opened) => {
                need_free(
                    "rotation",
                    &opened.rotation,
                    self.rotations.contains_key(&opened.rotation),
                )?;
                self.need_active_secret(&opened.secret)?;
                opened.incident.as_ref().map_or(Ok(()), |incident| {
                    self.need_incident(incident, Some(&opened.secret))
                })
            }
            Event::RotationRecorded(recorded) => {
                need_free(
                    "rotation",
                    &recorded.rotation,
                    self.rotations.contains_key(&recorded.rotation),
                )?;
                self.need_active_secret(&recorded.secret)
            }
            Event::IncidentDeclared(declared) => {
                need_free(
                    "incident",
                    &declared.incident,
                    self.incidents.contains_key(&declared.incident),
                )?;
                self.need_active_secret(&declared.secret)
            }
            Event::ExceptionGranted(granted) => self.admit_exception(occurred, granted),
            Event::EntryAnnotated(annotated) => need_earlier(annotated.entry, sequence),
            Event::EntryCorrected(corrected) => need_earlier(corrected.entry, sequence),
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
        let Some(rotation) = self.rotations.get(id) else {
            return Err(Denial::new(
                rule::C01,
                "an opened rotation",
                format!(
                    "no rotation `{id}` was opened; open it with rotation.opened, or name one that is open"
                ),
            ));
        };
        match event.secret() {
            Some(secret) if *secret != rotation.secret => Err(Denial::new(
                rule::C01,
                rotation.secret.as_str(),
                format!(
                    "rotation `{id}` is of secret `{}`, not `{secret}`",
                    rotation.secret
                ),
            )),
            _ => Ok(()),
        }
    }

    fn need_active_secret(&self, id: &Id) -> Result<(), Denial> {
        match self.secrets.get(id) {
            None => Err(Denial::new(
                rule::C01,
                "a registered secret",
                format!("no secret `{id}` is registered; register it first, or name one that is"),
            )),
            Some(threaded) => threaded.secret.retired.map_or(Ok(()), |sequence| {
                Err(Denial::new(
                    rule::C01,
                    "a secret in use",
                    format!("secret `{id}` was retired by entry {sequence}"),
                ))
            }),
        }
    }

    fn need_incident(&self, id: &Id, secret: Option<&Id>) -> Result<(), Denial> {
        match self.incidents.get(id) {
            None => Err(Denial::new(
                rule::C01,
                "a declared incident",
                format!("no incident `{id}` was declared; declare it with incident.declared"),
            )),
            Some(incident) if secret.is_some_and(|secret| *secret != incident.secret) => {
                Err(Denial::new(
                    rule::C01,
                    incident.secret.as_str(),
                    format!("incident `{id}` is about secret `{}`", incident.secret),
                ))
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
        let taken = self.secrets.get(&granted.secret).is_some_and(|threaded| {
            threaded
                .secret
                .exceptions
                .iter()
                .any(|known| known.id == granted.exception)
        });
        need_free("exception", &granted.exception, taken)?;
        if granted.expires <= occurred {
            let message = format!("the exception would end at {}", granted.expires);
            return Err(Denial::new(rule::W02, "an end in the future", message));
        }
        if granted.rules.is_empty() {
            let message = "an exception from no rule".to_owned();
            return Err(Denial::new(rule::W02, "the rules it covers", message));
        }
        for id in &granted.rules {
            let excusable =
                |rule: &&Rule| matches!(rule.verdict, Verdict::Conformance | Verdict::Coverage);
            if rule::rule(id.as_str()).filter(excusable).is_none() {
                let message =
                    format!("`{id}` is no rule that can be excused; the rules are in EVENTS.md");
                return Err(Denial::new(
                    rule::C01,
                    "a rule of conformance or coverage",
                    message,
                ));
            }
        }
        Ok(())
    }
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
    Err(Denial::new(
        rule::I10,
        "ledger.created as entry 0 and nowhere else",
        message,
    ))
}

fn need_free(what: &str, id: &Id, taken: bool) -> Result<(), Denial> {
    if taken {
        let message = format!("there is a {what} `{id}` already");
        return Err(Denial::new(rule::C02, "an id that is free", message));
    }
    Ok(())
}

fn need_earlier(entry: u64, sequence: u64) -> Result<(), Denial> {
    if entry >= sequence {
        let message = format!("there is no entry {entry} yet");
        return Err(Denial::new(
            rule::I11,
            format!("an entry before {sequence}"),
            message,
        ));
    }
    Ok(())
}
