//! Which secrets there are (SOP 2, 5 and 6 Step 1): by reference, never by value.

use crate::event::choice::{Environment, SecretClass};
use crate::event::payload::payload;
use crate::hash::Sha256Digest;
use crate::text::{Id, Line, Reference};
use crate::time::Timestamp;

payload! {
    /// Registers a secret in the service inventory.
    SecretRegistered, sop "5" "Confirm service inventory list exists", by [PlatformOwner, SecurityOwner] {
        /// The secret's id, for example db/orders-writer
        secret: Id,
        /// What it is, as a person would read it
        name: Line,
        /// Which of the SOP's five classes it is
        class: SecretClass,
        /// Where it is used; only prod is in scope
        environment: Environment,
        /// Where its value is kept
        store: Reference,
        /// Who answers for it
        owner: Line,
        /// The services that use it
        consumers: Vec<Id>,
        /// The most days it may be in use, where that differs from the policy
        max_age_days: Option<u32>,
        /// Whether consumers can accept old and new at the same time
        dual_run: bool,
        /// When the value now in use was generated; unknown counts as overdue
        last_rotated: Option<Timestamp>,
        /// The version now in use
        version: Option<Reference>,
    }

    /// Changes what is known about a registered secret; what is left out stays.
    SecretUpdated, sop "5" "Confirm service inventory list exists", by [PlatformOwner, SecurityOwner] {
        /// The secret's id
        secret: Id,
        /// Why
        reason: Line,
        /// What it is, as a person would read it
        name: Option<Line>,
        /// Where its value is kept
        store: Option<Reference>,
        /// Who answers for it
        owner: Option<Line>,
        /// All services that use it from now on
        #[serde(default)]
        consumers: Vec<Id>,
        /// The most days it may be in use
        max_age_days: Option<u32>,
        /// Whether consumers can accept old and new at the same time
        dual_run: Option<bool>,
    }

    /// Takes a secret out of the inventory.
    SecretRetired, sop "5" "Confirm service inventory list exists", by [PlatformOwner, SecurityOwner] {
        /// The secret's id
        secret: Id,
        /// Why
        reason: Line,
        /// Where it is shown that its last version is dead
        revocation: Option<Reference>,
    }

    /// Attests that the inventory in the ledger is the whole population at an instant.
    InventoryAttested, sop "5" "Confirm service inventory list exists", by [PlatformOwner, SecurityOwner] {
        /// The instant it speaks of
        as_of: Timestamp,
        /// How many secrets there are
        count: u64,
        /// SHA-256 of their sorted ids, one a line (`ledger secret list --ids | sha256sum`)
        ids_sha256: Sha256Digest,
        /// How they were counted at their sources
        query: Line,
        /// SHA-256 of what that query answered
        query_output_sha256: Option<Sha256Digest>,
        /// What was left out and why
        #[serde(default)]
        exclusions: Vec<Line>,
    }
}
