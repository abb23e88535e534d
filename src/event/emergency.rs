//! An emergency, SOP 7: declared, run by the book, reported.

use crate::event::choice::Trigger;
use crate::event::payload::payload;
use crate::text::{Id, Line, Prose, Reference};
use crate::time::Timestamp;

payload! {
    /// Declares that a secret is suspected or a policy was breached.
    IncidentDeclared, sop "4 and 7" "Emergency: immediately upon suspected compromise or policy breach",
    by [Operator, PlatformOwner, SecurityOwner] {
        /// The incident's id, new
        incident: Id,
        /// The suspect secret
        secret: Id,
        /// What started it
        trigger: Trigger,
        /// When it was noticed
        detected: Timestamp,
        /// Since when the secret may have been in other hands
        exposed_since: Option<Timestamp>,
        /// What is known, in one line
        summary: Line,
    }

    /// Records that the incident response runbook was executed.
    RunbookExecuted, sop "7" "Execute incident response runbook (PH42-E)", by [Operator, PlatformOwner, SecurityOwner] {
        /// The incident
        incident: Id,
        /// The runbook and its version
        runbook: Reference,
        /// What was done, in one line
        summary: Line,
    }

    /// Files the post-incident report.
    PostIncidentReported, sop "7" "Produce post-incident report with timeline and remediation",
    by [SecurityOwner, PlatformOwner] {
        /// The incident
        incident: Id,
        /// Where the report is
        report: Reference,
        /// What happened when
        timeline: Prose,
        /// What is done so that it does not happen again, one item each
        remediation: Vec<Line>,
    }
}
