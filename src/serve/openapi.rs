//! The forms that `/openapi.json` names.

use utoipa::{ToResponse, ToSchema};

/// A JSON object whose `schema` says what is in it; members are added, never renamed.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub(super) struct Document(#[allow(dead_code, reason = "a form, never a value")] serde_json::Value);

/// What went wrong (RFC 9457).
#[derive(ToSchema)]
#[allow(dead_code, reason = "a form, never a value")]
pub(super) struct ProblemForm {
    /// Always `about:blank`
    r#type: String,
    /// The status in words
    title: String,
    /// The status
    status: u16,
    /// One word, which stays
    code: String,
    /// What is wrong with this request
    detail: String,
}

/// It was refused, or failed.
#[derive(ToResponse)]
#[response(description = "Why not", content_type = "application/problem+json")]
pub(super) struct Refused(#[allow(dead_code, reason = "a form, never a value")] ProblemForm);

/// A signed statement, as the spool has it (docs/FORMAT.md).
#[derive(ToSchema)]
#[schema(title = "SignedStatement")]
#[allow(dead_code, reason = "a form, never a value")]
pub(super) struct Spooled {
    /// `rotation-ledger/spooled-statement/1`
    #[schema(pattern = "^rotation-ledger/spooled-statement/1$")]
    schema: String,
    /// The encoded statement in base64
    statement: String,
    /// Its author's Ed25519 signature in hex
    #[schema(pattern = "^[0-9a-f]{128}$")]
    signature: String,
    /// The bytes of the attachments in base64, in the statement's order; left out where they were put before
    #[schema(nullable = false)]
    attachments: Option<Vec<String>>,
}
