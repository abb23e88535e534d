//! Who wrote which entry, remembered until the end: that a key may have been in other hands is known only once a
//! later entry revokes it and says since when, and that somebody accepts their own once they do.

use std::collections::HashMap;

use crate::event::Event;
use crate::key::PublicKey;
use crate::keyring::Author;
use crate::register::Register;
use crate::rule::{self, Finding};
use crate::text::Id;
use crate::time::Timestamp;

/// What was signed by whom, in 24 bytes an entry.
#[derive(Debug, Default)]
pub(super) struct EntryAuthors {
    /// By key, and by the person who answers for it: a service may act for several.
    by_author: HashMap<(PublicKey, Id), Vec<KeyUse>>,
}

#[derive(Debug)]
struct KeyUse {
    sequence: u64,
    /// By the ledger's clock: a thief can date back what they sign, and not when it is recorded.
    recorded: Timestamp,
    /// The entry by which the rotation it is about was opened, or the secret registered: their names
    /// are in the register, and need not be kept with each entry. 0 where it is about neither.
    about: u64,
}

impl EntryAuthors {
    /// Remembers an entry that `register` has taken.
    pub(super) fn note(
        &mut self,
        key: &PublicKey,
        (sequence, recorded): (u64, Timestamp),
        said: (&Event, &Author),
        register: &Register,
    ) {
        let (event, author) = said;
        let opened = || {
            let rotation = register.rotations.get(event.rotation()?)?;
            Some(rotation.opened.sequence)
        };
        let registered = || {
            let known = register.secrets.get(&register.subject(event)?)?;
            Some(known.secret.registered)
        };
        let author = (*key, author.person.clone());
        self.by_author.entry(author).or_default().push(KeyUse {
            sequence,
            recorded,
            about: opened().or_else(registered).unwrap_or(0),
        });
    }

    /// The person who answers for an entry.
    pub(super) fn person_of(&self, sequence: u64) -> Option<&Id> {
        let wrote = |said: &Vec<KeyUse>| {
            let found = said.binary_search_by_key(&sequence, |one| one.sequence);
            found.is_ok()
        };
        let found = self.by_author.iter().find(|(_, said)| wrote(said));
        found.map(|((_, person), _)| person)
    }

    /// What is held against entries by keys that were revoked as compromised.
    pub(super) fn findings(&self, register: &Register) -> Vec<Finding> {
        let mut found = Vec::new();
        for (key, actor) in register.charter.keyring.actors() {
            let Some(revocation) = &actor.revoked else {
                continue;
            };
            let Some(since) = revocation.compromised_since else {
                continue;
            };
            let names = names(register);
            let said = self.by_author.iter().filter(|((by, _), _)| by == key);
            let said = said.flat_map(|(_, said)| said);
            for one in said.filter(|one| one.recorded >= since) {
                let mut finding = Finding::new(
                    rule::A08,
                    format!("recorded before {since}"),
                    format!(
                        "by {}, whose key was revoked by entry {}",
                        actor.id, revocation.sequence
                    ),
                )
                .at(one.sequence);
                if let Some((secret, rotation)) = names.get(&one.about) {
                    finding.secret = Some((*secret).clone());
                    finding.rotation = rotation.cloned();
                }
                found.push(finding);
            }
        }
        found
    }
}

/// Secrets and rotations, by the entries that they began with.
fn names(register: &Register) -> HashMap<u64, (&Id, Option<&Id>)> {
    let secrets = register.secrets.iter();
    let rotations = register.rotations.iter();
    secrets
        .map(|(id, known)| (known.secret.registered, (id, None)))
        .chain(rotations.map(|(id, rotation)| {
            let began = rotation.opened.sequence;
            (began, (&rotation.secret, Some(id)))
        }))
        .collect()
}
