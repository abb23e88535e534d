//! Entries whose key may have been in other hands when they were signed. That is known only once a
//! later entry revokes the key and says since when, so who signed what is remembered until the end.

use std::collections::HashMap;

use crate::event::Event;
use crate::key::PublicKey;
use crate::keyring::Keyring;
use crate::rule;
use crate::rule::Finding;
use crate::text::Id;
use crate::time::Timestamp;

/// What was signed by whom, in a few bytes an entry.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    by_key: HashMap<PublicKey, Vec<Said>>,
    ids: Vec<Id>,
    numbers: HashMap<Id, u32>,
}

#[derive(Debug)]
struct Said {
    sequence: u64,
    /// By the ledger's clock: a thief can date back what they sign, and not when it is recorded.
    recorded: Timestamp,
    secret: Option<u32>,
    rotation: Option<u32>,
}

impl Doubt {
    /// Remembers an entry.
    pub(super) fn note(
        &mut self,
        key: &PublicKey,
        sequence: u64,
        recorded: Timestamp,
        secret: Option<&Id>,
        event: &Event,
    ) {
        let secret = secret.and_then(|id| self.number(id));
        let rotation = event.rotation().and_then(|id| self.number(id));
        self.by_key.entry(*key).or_default().push(Said {
            sequence,
            recorded,
            secret,
            rotation,
        });
    }

    fn number(&mut self, id: &Id) -> Option<u32> {
        if let Some(number) = self.numbers.get(id) {
            return Some(*number);
        }
        let number = u32::try_from(self.ids.len()).ok()?;
        self.ids.push(id.clone());
        self.numbers.insert(id.clone(), number);
        Some(number)
    }

    fn id(&self, number: Option<u32>) -> Option<Id> {
        let number = usize::try_from(number?).ok()?;
        self.ids.get(number).cloned()
    }

    /// What is held against entries by keys that were revoked as compromised.
    pub(super) fn findings(&self, keyring: &Keyring) -> Vec<Finding> {
        let mut found = Vec::new();
        for (key, actor) in keyring.actors() {
            let Some(revocation) = &actor.revoked else {
                continue;
            };
            let (Some(since), Some(said)) = (revocation.compromised_since, self.by_key.get(key))
            else {
                continue;
            };
            for one in said.iter().filter(|one| one.recorded >= since) {
                let mut finding = Finding::new(
                    rule::A08,
                    format!("recorded before {since}"),
                    format!(
                        "by {}, whose key was revoked by entry {}",
                        actor.id, revocation.sequence
                    ),
                )
                .at(one.sequence);
                finding.secret = self.id(one.secret);
                finding.rotation = self.id(one.rotation);
                found.push(finding);
            }
        }
        found
    }
}
