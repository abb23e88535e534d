//! Everything the entries amount to, so far: keyring, policy, inventory, rotations, incidents.
//!
//! One pure fold. `verify` folds a whole ledger in memory; `append` loads only the parts that an
//! event touches and folds that. What may be recorded at all is
//! decided in [`Register::author`]; what is recorded and wrong is found in [`Register::apply`] as it
//! comes and in [`Register::judge`] at an instant.

mod admission;
mod apply;
mod judge;
mod outlook;
mod recorded;
mod tokens;

pub use recorded::Recorded;
pub use tokens::{TokenStanding, Tokens, TransportToken};

use std::collections::BTreeMap;
use std::time::Duration;

use bincode::{Decode, Encode};

use crate::event::{Event, SegmentsArchived};
use crate::hash::{Blake3Digest, Sha256Digest};
use crate::inventory::Secret;
use crate::keyring::{Denial, Keyring};
use crate::policy::{self, Policy};
use crate::rotation::{EntryMoment, Incident, Rotation, RotationSetting};
use crate::text::{Id, Line, Reference};
use crate::time::Timestamp;

/// How far two clocks may differ before one of them is wrong.
pub const ALLOWED_SKEW: Duration = Duration::from_secs(300);

/// What the ledger as a whole stands on: keyring, policy, origin; small, and loaded for each append.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct LedgerState {
    /// The name of the log in its checkpoints; none before entry 0.
    pub origin: Option<Id>,
    /// Who may say what.
    pub keyring: Keyring,
    /// The policy in force.
    pub policy: Policy,
    /// Rotations that are open.
    pub open_rotations: u64,
    /// Secrets that are registered and not retired.
    pub active_secrets: u64,
    /// The last attestation of the inventory.
    pub attested: Option<EntryMoment>,
    /// Times in which a source was not listening.
    pub gaps: Vec<SourceSilence>,
    /// Attached files that were removed.
    pub expunged: Vec<Blake3Digest>,
    /// Who may talk to a server of this ledger.
    pub tokens: Tokens,
    /// What may be out of the ledger's folder, if anything.
    pub archived: Option<ArchivedSegments>,
    /// What the secret scan lets pass, the newest of each kind and place.
    pub scans: Vec<ScanAllowance>,
}

/// What a Security Owner lets the secret scan pass.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ScanAllowance {
    /// The entry.
    pub sequence: u64,
    /// Which kind of secret material it is taken for.
    pub kind: Id,
    /// Where; a star at its end stands for all places that begin so.
    pub place: Reference,
    /// When it ends.
    pub expires: Timestamp,
}

impl ScanAllowance {
    /// Whether it is of this place.
    #[must_use]
    pub fn covers(&self, place: &str) -> bool {
        policy::is_named(&self.place, place)
    }
}

impl LedgerState {
    /// What the secret scan lets pass at an instant.
    pub fn scans_at(&self, now: Timestamp) -> impl Iterator<Item = &ScanAllowance> {
        self.scans.iter().filter(move |scan| now < scan.expires)
    }
}

/// Entries that a Security Owner had moved out of the ledger's folder.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ArchivedSegments {
    /// The newest entry that says so.
    pub sequence: u64,
    /// Whole bundles of entries before this one may be elsewhere.
    pub before: u64,
    /// Where they are, all of them.
    pub place: Line,
}

impl ArchivedSegments {
    /// What entry `sequence` adds to what was archived before it. Nobody can archive what is not there yet.
    fn after(earlier: Option<&Self>, sequence: u64, archived: &SegmentsArchived) -> Self {
        let before = earlier.map_or(0, |earlier| earlier.before);
        Self {
            sequence,
            before: before.max(archived.before.min(sequence)),
            place: archived.place.clone(),
        }
    }
}

/// A time in which a source was not listening.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SourceSilence {
    /// The entry.
    pub sequence: u64,
    /// Start of the gap.
    pub from: Timestamp,
    /// End of the gap.
    pub to: Timestamp,
}

/// A secret, and how many entries there are about it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SecretThread {
    /// The secret.
    pub secret: Secret,
    /// 1 + the sequence of the last entry about it.
    pub thread: u64,
}

/// Everything the entries amount to, or the parts of it that were loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Register {
    /// What the ledger as a whole stands on.
    pub charter: LedgerState,
    /// Secrets, by id.
    pub secrets: BTreeMap<Id, SecretThread>,
    /// Rotations, by id. Boxed: a map that grows in the order of its keys keeps half of its room for
    /// values empty.
    pub rotations: BTreeMap<Id, Box<Rotation>>,
    /// Incidents, by id.
    pub incidents: BTreeMap<Id, Incident>,
}

impl Register {
    /// Whether an event decides who may say what, or something else that everything after it is judged by.
    #[must_use]
    pub const fn is_decided_by(event: &Event) -> bool {
        matches!(
            event,
            Event::LedgerCreated(_)
                | Event::ActorEnrolled(_)
                | Event::ActorRevoked(_)
                | Event::SealingKeyReplaced(_)
                | Event::SealingKeyRecovered(_)
                | Event::PolicySet(_)
                | Event::NamespacesSet(_)
                | Event::InventoryAttested(_)
                | Event::TokenIssued(_)
                | Event::TokenRevoked(_)
                | Event::EvidenceExpunged(_)
                | Event::SegmentsArchived(_)
                | Event::SourceGap(_)
                | Event::ScanException(_)
        )
    }

    /// The secret that an event is about, if it is about one: named itself, or by its rotation or
    /// incident.
    #[must_use]
    pub fn subject(&self, event: &Event) -> Option<Id> {
        let by_rotation = || Some(&self.rotations.get(event.rotation()?)?.secret);
        let by_incident = || Some(&self.incidents.get(event.incident()?)?.secret);
        let named = event.secret().or_else(by_rotation);
        named.or_else(by_incident).cloned()
    }

    /// What the next entry about `subject` carries as `subject_previous`.
    #[must_use]
    pub fn thread(&self, subject: Option<&Id>) -> u64 {
        let threaded = subject.and_then(|id| self.secrets.get(id));
        threaded.map_or(0, |threaded| threaded.thread)
    }

    /// What the inventory knows of a secret.
    #[must_use]
    pub fn secret(&self, id: &Id) -> Option<&Secret> {
        self.secrets.get(id).map(|threaded| &threaded.secret)
    }

    /// Takes an entry as it was recorded, without asking what it breaks or whether it is signed.
    ///
    /// # Errors
    /// No writer would have placed it; nothing is taken.
    pub fn place(&mut self, recorded: &Recorded<'_>) -> Result<(), Denial> {
        let author = self.author(recorded)?;
        self.apply(recorded, &author, &mut Vec::new());
        Ok(())
    }

    /// What a rotation of this secret is judged by besides its own entries; nothing where the secret is not
    /// known.
    fn setting(&self, secret: &Id, incident: Option<&Id>) -> Option<RotationSetting<'_>> {
        Some(RotationSetting {
            policy: &self.charter.policy,
            secret: self.secret(secret)?,
            incident: incident.and_then(|id| self.incidents.get(id)),
            began: self.began(),
        })
    }

    /// When the ledger began.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        Some(self.charter.keyring.seals().first()?.since)
    }

    /// The ids of the secrets that are not retired, sorted.
    pub fn active_secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets
            .values()
            .map(|threaded| &threaded.secret)
            .filter(|secret| secret.retired.is_none())
    }

    /// SHA-256 of the sorted ids of the secrets not retired, one a line: what an attestation of the
    /// inventory carries (SOP 5). Only of a whole register.
    #[must_use]
    pub fn population_digest(&self) -> Sha256Digest {
        let mut ids = String::new();
        for secret in self.active_secrets() {
            ids.push_str(secret.id.as_str());
            ids.push('\n');
        }
        Sha256Digest::of(ids.as_bytes())
    }
}
