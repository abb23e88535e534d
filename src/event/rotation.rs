//! A rotation, SOP 6 Steps 1 to 6, the one-shot record, and what goes wrong on the way.

use crate::event::choice::{
    Disposition, Environment, NegativeTest, Outcome, Phase, Reason, RevocationMethod, Step,
    TestResult, Which,
};
use crate::event::payload::payload;
use crate::hash::Blake3Digest;
use crate::text::{Id, Line, Reference};
use crate::time::Timestamp;

payload! {
    /// Opens a rotation: which secret, why, who uses it, when it was last rotated.
    RotationOpened, sop "6, Step 1" "Identify secret to rotate: name, environment, consumers, last rotated date",
    by [Operator, PlatformOwner] {
        /// The rotation's id, new
        rotation: Id,
        /// The secret to rotate
        secret: Id,
        /// Where it is used; only prod is in scope
        environment: Environment,
        /// Scheduled, or an emergency
        reason: Reason,
        /// The services that use it
        consumers: Vec<Id>,
        /// When it was last rotated, where that is known
        last_rotated: Option<Timestamp>,
        /// The version to be replaced
        old_version: Option<Reference>,
        /// The incident behind an emergency
        incident: Option<Id>,
        /// The change request
        ticket: Option<Reference>,
    }

    /// Approves the rotation and its window.
    RotationApproved, sop "3" "Security Owner: approves rotation windows, confirms completion", by [SecurityOwner] {
        /// The rotation
        rotation: Id,
        /// Start of the maintenance window
        window_start: Option<Timestamp>,
        /// End of the maintenance window
        window_end: Option<Timestamp>,
        /// Why no window is needed, where there is none
        no_window: Option<Line>,
    }

    /// Confirms the SOP's four preconditions, each by reference; what is left out was not confirmed.
    PreconditionsConfirmed, sop "5" "Confirm service inventory list exists · rollback plan exists · maintenance window (if needed) · logging enabled for secret access in secret store",
    by [PlatformOwner, SecurityOwner] {
        /// The rotation
        rotation: Id,
        /// Where the service inventory list is
        inventory: Option<Reference>,
        /// Where the rollback plan is
        rollback_plan: Option<Reference>,
        /// The maintenance window, or why none is needed
        maintenance_window: Option<Line>,
        /// Where it is shown that access to the secret in the secret store is logged
        access_logging: Option<Reference>,
    }

    /// Records that the replacement was generated and where it was stored.
    ReplacementGenerated, sop "6, Step 2" "Use approved generator and storage method · Store in PROD secret namespace only",
    by [Operator] {
        /// The rotation
        rotation: Id,
        /// The new version's id
        new_version: Reference,
        /// The approved generator
        generator: Reference,
        /// Where the value is stored
        store: Reference,
        /// The namespace it is stored in; a prod one
        namespace: Reference,
        /// Algorithm and length, where they matter
        parameters: Option<Line>,
    }

    /// Begins the window in which consumers accept old and new.
    DualRunStarted, sop "6, Step 3" "Configure consumers to accept both old and new secret temporarily",
    by [Operator, PlatformOwner] {
        /// The rotation
        rotation: Id,
        /// The consumers that accept both
        consumers: Vec<Id>,
        /// When the window is to end
        planned_end: Option<Timestamp>,
    }

    /// Records that this secret supports no dual-run, and what is done instead.
    DualRunNotSupported, sop "6, Step 3" "Dual-run window (if supported)", by [Operator, PlatformOwner] {
        /// The rotation
        rotation: Id,
        /// Why not
        reason: Line,
        /// What is done instead: a restart, a downtime
        mitigation: Line,
    }

    /// Records whether the new secret works; say it again after each attempt.
    ReplacementValidated, sop "6, Step 3" "Validate new secret works", by [Operator, PlatformOwner] {
        /// The rotation
        rotation: Id,
        /// When in the rotation it was tried
        phase: Phase,
        /// The version that was tried
        version: Reference,
        /// What came out
        result: TestResult,
        /// What was tried and seen, in one line
        summary: Line,
    }

    /// Records consumers that no longer use the old secret.
    CutoverCompleted, sop "6, Step 4" "Remove old secret from consumers", by [Operator, PlatformOwner] {
        /// The rotation
        rotation: Id,
        /// The consumers that were cut over
        consumers: Vec<Id>,
        /// The version they use now
        to_version: Reference,
    }

    /// Records how the services are after the cutover.
    HealthConfirmed, sop "6, Step 4" "Confirm service health", by [PlatformOwner, Operator] {
        /// The rotation
        rotation: Id,
        /// The services that were looked at
        services: Vec<Id>,
        /// Whether all of them are healthy
        healthy: bool,
        /// What was looked at and seen, in one line
        summary: Line,
    }

    /// Records that a version was revoked or deleted.
    SecretRevoked, sop "6, Step 5" "Revoke or delete old secret from secret store", by [Operator] {
        /// The rotation
        rotation: Id,
        /// The version that was revoked
        version: Reference,
        /// Whether that is the old one or, after a failure, the new one
        target: Which,
        /// How
        method: RevocationMethod,
        /// From when on it is dead
        effective: Timestamp,
        /// The provider's own record of it
        provider_event: Option<Reference>,
    }

    /// Records the proof that the revoked version is dead and nobody uses it.
    RevocationVerified, sop "6, Step 5" "Confirm no consumers still access it", by [Operator, PlatformOwner] {
        /// The rotation
        rotation: Id,
        /// The version that was tried
        version: Reference,
        /// What came of using it
        test: NegativeTest,
        /// When it was tried
        tested_at: Timestamp,
        /// Why it could not be tried, where that is so
        why: Option<Line>,
        /// The log that was asked for accesses by the old version
        access_log: Option<Reference>,
        /// Start of the time that was asked for
        access_from: Option<Timestamp>,
        /// End of the time that was asked for
        access_to: Option<Timestamp>,
        /// Accesses found in that time
        hits: Option<u64>,
    }

    /// Completes the rotation with the facts of the evidence template.
    RotationCompleted, sop "6, Step 6" "Record rotation timestamp_utc · Record impacted services list · Capture validation output",
    by [Operator] {
        /// The rotation
        rotation: Id,
        /// The services that the rotation touched
        impacted_services: Vec<Id>,
        /// What was validated and came out, in one line
        validation_summary: Line,
        /// Whether the old secret is confirmed dead
        revoke_confirmed: bool,
        /// Where the evidence is kept
        pack: Option<Reference>,
    }

    /// Confirms how the rotation ended.
    RotationConfirmed, sop "3" "Security Owner: approves rotation windows, confirms completion", by [SecurityOwner] {
        /// The rotation
        rotation: Id,
        /// What is confirmed
        outcome: Outcome,
        /// A remark
        note: Option<Line>,
    }

    /// Records a whole rotation in the nine lines of the template, for a tool that can say it only once.
    RotationRecorded, sop "8" "Minimum Evidence Template (paste-ready)", by [Operator] {
        /// The rotation's id, new
        rotation: Id,
        /// The secret that was rotated
        secret: Id,
        /// Where it is used; only prod is in scope
        environment: Environment,
        /// Who or what rotated it
        rotated_by: Line,
        /// Scheduled, or an emergency
        reason: Reason,
        /// When it began
        started: Timestamp,
        /// When it was done
        completed: Timestamp,
        /// The services that the rotation touched
        impacted_services: Vec<Id>,
        /// What was validated and came out, in one line
        validation_summary: Line,
        /// Whether the old secret is confirmed dead
        revoke_confirmed: bool,
        /// The version now in use, where the tool knows it
        new_version: Option<Reference>,
    }

    /// Records that a step failed.
    StepFailed, sop "6" "Standard Rotation Steps", by [Operator, PlatformOwner] {
        /// The rotation
        rotation: Id,
        /// The step
        step: Step,
        /// What went wrong, in one line
        error: Line,
        /// The exit code of the tool
        exit_code: Option<i32>,
        /// BLAKE3 of the command line; the words themselves may hold secrets
        command: Option<Blake3Digest>,
        /// How long the tool ran, in milliseconds
        duration_ms: Option<u64>,
    }

    /// Records that the old version is in use again.
    RollbackCompleted, sop "5" "Confirm rollback plan exists", by [Operator] {
        /// The rotation
        rotation: Id,
        /// The version in use again
        restored_version: Reference,
        /// The services that use it again
        services: Vec<Id>,
        /// Why
        reason: Line,
        /// What the new version became
        disposition: Disposition,
    }

    /// Gives the rotation up before the cutover.
    RotationAborted, sop "6" "Standard Rotation Steps", by [Operator, SecurityOwner] {
        /// The rotation
        rotation: Id,
        /// Why
        reason: Line,
        /// What the new version became
        disposition: Disposition,
    }

    /// Records that a tool ran a step and ended well; `ledger run` says it. The step's own event tells what came of it.
    StepPerformed, sop "6, Step 6" "Capture validation output", by [Operator, PlatformOwner] {
        /// The rotation
        rotation: Id,
        /// The step
        step: Step,
        /// The exit code of the tool
        exit_code: i32,
        /// BLAKE3 of the command line; the words themselves may hold secrets
        command: Blake3Digest,
        /// How long the tool ran, in milliseconds
        duration_ms: u64,
    }
}
