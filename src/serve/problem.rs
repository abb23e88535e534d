//! What goes wrong, as RFC 9457 says it: a status, a sentence, and a `code` that never changes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::append::AppendError;
use crate::ledger::proofs::NoProofError;
use crate::ledger::tree::StoredTreeError;
use crate::ledger::{Blame, LedgerError, OpenError};
use crate::merkle::ProofError;
use crate::sys::disk::DiskError;

/// The content type of every problem.
pub(super) const PROBLEM: &str = "application/problem+json";
/// When to come again after a refusal that passes.
const RETRY_SECONDS: u32 = 1;

/// Why a request is not answered as it hoped.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    /// For the client: nothing in it that only the operator should read.
    detail: String,
    /// For the operator, where there is more to say.
    cause: Option<String>,
}

/// What the log says of an answer; it travels in the answer's extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct LogFacts {
    /// The code of the problem.
    pub(super) code: Option<&'static str>,
    /// What the client is not told.
    pub(super) cause: Option<String>,
    /// Who signed what was sent, by the key.
    pub(super) actor: Option<String>,
    /// The event that was recorded, or how many.
    pub(super) event: Option<String>,
}

impl Problem {
    /// A problem that the client can be told everything about.
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            cause: None,
        }
    }

    /// The same with a cause that the operator alone reads.
    fn caused(status: StatusCode, code: &'static str, detail: &str, cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(status, code, detail)
        }
    }

    /// Something failed here. The client learns only that it did.
    pub(super) fn internal(code: &'static str, cause: impl ToString) -> Self {
        let detail = "this server cannot answer; its operator is told why";
        Self::caused(StatusCode::INTERNAL_SERVER_ERROR, code, detail, cause)
    }

    /// It passes: the same request may be sent again.
    pub(super) fn busy(code: &'static str, cause: impl ToString) -> Self {
        let detail = "not now; send the same again";
        Self::caused(StatusCode::SERVICE_UNAVAILABLE, code, detail, cause)
    }

    /// Nobody who may talk. `cause` names the token that was sent, where that is known.
    pub(super) fn unauthorised(
        code: &'static str,
        detail: impl Into<String>,
        cause: Option<String>,
    ) -> Self {
        Self {
            cause,
            ..Self::new(StatusCode::UNAUTHORIZED, code, detail)
        }
    }

    pub(super) fn too_large(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail)
    }

    pub(super) fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub(super) fn bad(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(super) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// The code.
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// What the client is told.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the same request may be sent again.
    pub(super) fn passes(&self) -> bool {
        let passing = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        passing.contains(&self.status)
    }

    /// As a member of a document.
    pub(super) fn to_json(&self) -> serde_json::Value {
        json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        if self.passes() {
            headers.insert(header::RETRY_AFTER, RETRY_SECONDS.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        let facts = LogFacts {
            code: Some(self.code),
            cause: self.cause.clone(),
            ..LogFacts::default()
        };
        response.extensions_mut().insert(facts);
        // For whoever would rather have a page.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AppendError> for Problem {
    fn from(fault: AppendError) -> Self {
        let code = fault.code();
        let refused = |status| Self::new(status, code, fault.to_string());
        match (fault.blame(), &fault) {
            // Only opening the ledger again tells; the server does that, and the same statement gets its answer.
            (Blame::Temporary, _) | (_, AppendError::Clock(_)) => Self::busy(code, &fault),
            (Blame::Refused, AppendError::Malformed(_)) => refused(StatusCode::BAD_REQUEST),
            (Blame::Refused, AppendError::Denied(_)) => refused(StatusCode::FORBIDDEN),
            (Blame::Refused, _) => refused(StatusCode::UNPROCESSABLE_ENTITY),
            _ => Self::internal(code, &fault),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(fault: LedgerError) -> Self {
        match &fault {
            LedgerError::Open(OpenError::Lock(_) | OpenError::Disk(_)) => {
                Self::busy("ledger-busy", fault)
            }
            _ => Self::internal("ledger-damaged", fault),
        }
    }
}

impl From<NoProofError> for Problem {
    fn from(fault: NoProofError) -> Self {
        match fault {
            NoProofError::Audit(fault) => fault.into(),
            NoProofError::Tree(StoredTreeError::Proof(ProofError::Beyond { .. })) => {
                Self::not_found("no-entry", "the newest checkpoint covers no such entry")
            }
            fault => Self::internal("ledger-damaged", fault),
        }
    }
}

impl From<DiskError> for Problem {
    fn from(fault: DiskError) -> Self {
        Self::busy("disk-refused", fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_operator_should_read_is_not_in_the_answer() {
        let problem = Problem::internal("ledger-damaged", "/srv/ledger/tail is cut short");
        assert!(!problem.to_json().to_string().contains("/srv"));
        let response = problem.into_response();
        let facts = response.extensions().get::<LogFacts>().unwrap();
        assert_eq!(facts.code, Some("ledger-damaged"));
        assert!(facts.cause.as_deref().unwrap().contains("/srv"));
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM);
    }

    #[test]
    fn a_refusal_is_the_clients_and_a_full_disk_is_nobodys() {
        let status = |fault: AppendError| Problem::from(fault).status.as_u16();
        assert_eq!(status(AppendError::OtherLedger), 422);
        assert_eq!(status(AppendError::GivenUp), 503);
        let refusal = Problem::from(AppendError::OtherLedger).into_response();
        assert!(refusal.headers().get(header::RETRY_AFTER).is_none());
        let passing = Problem::from(AppendError::GivenUp).into_response();
        assert!(passing.headers().contains_key(header::RETRY_AFTER));
    }
}
