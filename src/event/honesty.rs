//! Remarks, corrections, exceptions, evidence, and what other sources saw. Nothing here changes an
//! earlier entry: a correction stands beside what it corrects.

use crate::event::choice::ExpungeReason;
use crate::event::payload::payload;
use crate::hash::{Blake3Digest, Link, Sha256Digest};
use crate::text::{Id, Line, Prose, Reference};
use crate::time::Timestamp;

payload! {
    /// Adds a remark to an earlier entry.
    EntryAnnotated, sop "6, Step 6" "Evidence", by [Operator, PlatformOwner, SecurityOwner, Auditor] {
        /// The entry's sequence
        entry: u64,
        /// The entry's link
        link: Link,
        /// The remark
        note: Prose,
    }

    /// States that a field of an earlier entry was wrong. Reports show both; the first stays.
    EntryCorrected, sop "6, Step 6" "Evidence", by [Operator, PlatformOwner, SecurityOwner] {
        /// The entry's sequence
        entry: u64,
        /// The entry's link
        link: Link,
        /// The field
        field: Id,
        /// What should have been said
        correct: Line,
        /// Why it was wrong
        reason: Line,
    }

    /// Grants an exception from rules for one secret, until it expires.
    ExceptionGranted, sop "3" "Security Owner: approves rotation windows, confirms completion", by [SecurityOwner] {
        /// The exception's id, new
        exception: Id,
        /// The secret it is for
        secret: Id,
        /// The rule ids it covers
        rules: Vec<Id>,
        /// Who asked for it
        requested_by: Id,
        /// Why
        reason: Line,
        /// What protects the secret meanwhile
        controls: Line,
        /// When it ends
        expires: Timestamp,
    }

    /// Lets pass, until it expires, what the secret scan wrongly takes for one kind of secret in one place. A newer one of the same kind and place takes its place.
    ScanException, sop "3" "Security Owner: approves rotation windows, confirms completion", by [SecurityOwner] {
        /// The kind, as the refusal named it: high-entropy, jwt, password-assignment and so on
        kind: Id,
        /// The place, as the refusal named it: field:NAME or attachment:NAME; a star at its end stands for all that begin so
        place: Reference,
        /// Why it is no secret
        reason: Line,
        /// When it ends
        expires: Timestamp,
    }

    /// Accepts what is held against an earlier entry, so that it fails no more. It stays in every report.
    FindingAccepted, sop "3" "Security Owner: approves rotation windows, confirms completion", by [SecurityOwner, Auditor] {
        /// The rule id
        rule: Id,
        /// The entry that it is held against
        entry: u64,
        /// The entry's link
        link: Link,
        /// The entry that corrects what the rule was raised by
        correction: Option<u64>,
        /// Why it is accepted
        reason: Line,
        /// Where that was decided, for example a ticket
        reference: Option<Line>,
    }

    /// Attaches files to the evidence of a rotation or secret.
    EvidenceAttached, sop "6, Step 6" "Capture validation output · Store evidence in appropriate evidence pack",
    by [Operator, PlatformOwner, SecurityOwner, Auditor] {
        /// The rotation it belongs to
        rotation: Option<Id>,
        /// The secret it belongs to
        secret: Option<Id>,
        /// What it shows
        description: Line,
    }

    /// Records that an attached file was removed, and why. Its digest stays.
    EvidenceExpunged, sop "6, Step 6" "Store evidence in appropriate evidence pack", by [SecurityOwner] {
        /// BLAKE3 of the removed file
        attachment: Blake3Digest,
        /// Why
        reason: ExpungeReason,
        /// A remark
        note: Line,
    }

    /// Records what another system saw.
    SourceObserved, sop "6, Step 6" "Evidence", by [Operator, PlatformOwner, Auditor] {
        /// The system
        source: Line,
        /// Its own id of the record
        record: Reference,
        /// SHA-256 of the raw record
        record_sha256: Sha256Digest,
        /// What it saw, in one line
        observed: Line,
        /// The secret it is about
        secret: Option<Id>,
        /// The rotation it is about
        rotation: Option<Id>,
        /// The version it is about
        version: Option<Reference>,
    }

    /// Records that a source was not listening, so that its silence proves nothing.
    SourceGap, sop "6, Step 6" "Evidence", by [Operator, PlatformOwner, Auditor] {
        /// The system
        source: Line,
        /// Start of the gap
        from: Timestamp,
        /// End of the gap
        to: Timestamp,
        /// Why
        cause: Line,
    }
}
