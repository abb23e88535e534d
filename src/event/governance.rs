//! Who may say what: the ledger's creation, its actors, its policy and its own statements.

use crate::event::choice::{ActorKind, FourEyes, RecoveryKind, Role, Sequencing, TokenScope};
use crate::event::payload::payload;
use crate::hash::{Blake3Digest, NodeHash, Sha256Digest};
use crate::key::{PublicKey, Signature};
use crate::text::{Id, Line, Reference};
use crate::time::Timestamp;

payload! {
    /// Creates the ledger, names its sealing key and enrols its first Security Owner, who signs it.
    LedgerCreated, sop "3" "Security Owner: approves rotation windows, confirms completion",
    by [SecurityOwner] {
        /// The name of the log in every checkpoint: a URL without scheme, no spaces, no plus sign
        origin: Id,
        /// The key that signs checkpoints and what the ledger itself has to say
        sealing_key: PublicKey,
        /// The id of the first Security Owner
        actor: Id,
        /// The first Security Owner's name, as a person would read it
        name: Line,
        /// The first Security Owner's key, which signs this entry
        key: PublicKey,
        /// Shows that the holder of that key asked to be enrolled
        possession: Signature,
    }

    /// Enrols an actor: one key, one kind, the roles it may use.
    ActorEnrolled, sop "3" "Security Owner · Platform Owner · Operator", by [SecurityOwner] {
        /// The actor's id
        actor: Id,
        /// The actor's name, as a person would read it
        name: Line,
        /// A person, or a service that acts on behalf of one
        kind: ActorKind,
        /// What the actor may do
        roles: Vec<Role>,
        /// The actor's public key
        key: PublicKey,
        /// Shows that the key's holder asked to be enrolled
        possession: Signature,
    }

    /// Revokes an actor's key from this entry on.
    ActorRevoked, sop "3" "Security Owner · Platform Owner · Operator", by [SecurityOwner] {
        /// The actor's id
        actor: Id,
        /// Why
        reason: Line,
        /// Since when somebody else may have had the key, if so
        compromised_since: Option<Timestamp>,
    }

    /// Sets the whole policy anew; what is left out takes its default.
    PolicySet, sop "4" "Standard: every 90 days · Emergency: immediately upon suspected compromise or policy breach",
    by [SecurityOwner] {
        /// Why the policy is as it is
        reason: Line,
        /// The risk analysis behind the numbers
        risk_analysis: Option<Reference>,
        /// The most days a secret may be in use (default 90)
        max_age_days: Option<u32>,
        /// The same for API keys and service tokens
        max_age_api_key: Option<u32>,
        /// The same for database credentials
        max_age_database_credential: Option<u32>,
        /// The same for encryption keys
        max_age_encryption_key: Option<u32>,
        /// The same for signing keys
        max_age_signing_key: Option<u32>,
        /// The same for third-party integration secrets
        max_age_third_party: Option<u32>,
        /// Whether approver, confirmer and operator must be different people, and strictly so: two name a sealing key in place of a lost one (default required)
        four_eyes: Option<FourEyes>,
        /// Whether an entry out of the SOP's order is recorded or refused (default record)
        sequencing: Option<Sequencing>,
        /// Hours after which an emergency's approval is late (default 72)
        emergency_approval_hours: Option<u32>,
        /// Minutes within which an emergency's suspect secret is to be revoked (default 60)
        emergency_revoke_minutes: Option<u32>,
        /// Days within which a post-incident report is to be filed (default 14)
        report_days: Option<u32>,
        /// Days a rotation may stay open (default 14)
        open_days: Option<u32>,
        /// Days within which a completed rotation is to be confirmed (default 7)
        confirm_days: Option<u32>,
        /// Hours by which an entry may be recorded after what it tells (default 72)
        late_hours: Option<u32>,
        /// Days an attestation of the inventory stays good (default 35)
        attestation_days: Option<u32>,
        /// The most days an exception may last (default 90)
        exception_days: Option<u32>,
    }

    /// Sets which namespaces of secret stores are prod ones, until it is set anew. A policy.set leaves it as it is.
    NamespacesSet, sop "6, Step 2" "Use approved generator and storage method · Store in PROD secret namespace only",
    by [SecurityOwner] {
        /// Why these
        reason: Line,
        /// Namespaces where a replacement may be stored; one with a star at its end stands for all that begin so. Without any, a namespace is a prod one where one of its words is prod or production
        namespaces: Option<Vec<Reference>>,
    }

    /// Replaces the key that seals checkpoints.
    SealingKeyReplaced, sop "2" "Signing keys (bundle signing, tokens)", by [Ledger, SecurityOwner] {
        /// The new sealing key
        key: PublicKey,
        /// Shows that the new key's holder asked for it
        possession: Signature,
        /// Why
        reason: Line,
    }

    /// Names a new sealing key by people's word, where the one before is lost or in strange hands. It builds on a
    /// checkpoint that the key before sealed: who was a Security Owner by then may say it.
    SealingKeyRecovered, sop "3" "Security Owner: approves rotation windows, confirms completion", by [SecurityOwner] {
        /// The new sealing key
        key: PublicKey,
        /// Shows that the new key's holder asked for it
        possession: Signature,
        /// Since when the key before may be lost, or in strange hands
        lost_since: Timestamp,
        /// What happened
        reason: Line,
        /// Size of a checkpoint that the key before sealed, the newest that is left
        kept_size: u64,
        /// Root of that checkpoint
        kept_root: NodeHash,
        /// The signature of the key before under that checkpoint
        kept_signature: Signature,
        /// Hashes that lead from that checkpoint to the tree before this entry (RFC 9162, section 2.1.4); none where they are the same
        consistency: Option<Vec<NodeHash>>,
    }

    /// Records that evidence was exported, and where the ledger ended then.
    PackExported, sop "6, Step 6" "Store evidence in appropriate evidence pack (PH42-E audit binder later)",
    by [SecurityOwner, PlatformOwner, Operator, Auditor] {
        /// What was selected
        selection: Line,
        /// For whom
        recipient: Option<Line>,
        /// Entries in the ledger when the pack was made
        size: u64,
        /// Entries in the pack
        entries: u64,
        /// Rotations in the pack
        rotations: u64,
        /// Secrets in the pack
        secrets: u64,
        /// SHA-256 of the list of each secret's last sequence
        ends_sha256: Sha256Digest,
    }

    /// Records that the ledger was recovered, from what, and what was given up.
    StoreRecovered, sop "6, Step 6" "Store evidence in appropriate evidence pack (PH42-E audit binder later)",
    by [Ledger, SecurityOwner] {
        /// What was recovered from
        kind: RecoveryKind,
        /// Why, or what was found
        reason: Line,
        /// Size of the checkpoint that was kept outside, if that was set aside
        kept_size: Option<u64>,
        /// Root of that checkpoint
        kept_root: Option<NodeHash>,
        /// Bytes given up; none of them was ever acknowledged
        dropped_bytes: u64,
        /// SHA-256 of those bytes
        dropped_sha256: Option<Sha256Digest>,
    }

    /// Says that whole bundles of older entries, and the files that those alone name, were moved out of the ledger's folder. They stay a part of it: their hashes are in its tree.
    SegmentsArchived, sop "6, Step 6" "Store evidence in appropriate evidence pack (PH42-E audit binder later)",
    by [SecurityOwner] {
        /// Entries before this one may be at that place alone
        before: u64,
        /// Where they were moved to
        place: Line,
    }

    /// Issues a transport token: whoever has it may talk to a server of this ledger. Who may append is still said by signatures.
    TokenIssued, sop "3" "Security Owner · Platform Owner · Operator", by [SecurityOwner] {
        /// The token's name, which no other token has until it is revoked
        name: Id,
        /// What may be asked with it
        scope: TokenScope,
        /// Until when
        expires: Timestamp,
        /// BLAKE3 of the token, which is 256 random bits and stands nowhere in the ledger
        token_blake3: Blake3Digest,
    }

    /// Revokes a transport token: the server refuses it from this entry on.
    TokenRevoked, sop "3" "Security Owner · Platform Owner · Operator", by [SecurityOwner] {
        /// The token's name
        name: Id,
        /// Why
        reason: Line,
    }
}
