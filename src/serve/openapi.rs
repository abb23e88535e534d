//! The forms that `/openapi.json` names, and what every request needs.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr};
use utoipa::{Modify, ToResponse, ToSchema};

use super::admit::OPEN;

/// Says who may talk, at each path that is not open to anybody.
pub(super) struct Admission;

impl Modify for Admission {
    fn modify(&self, document: &mut OpenApi) {
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let certificate = SecurityScheme::MutualTls {
            description: Some("Where the server was given an authority for clients".to_owned()),
            extensions: None,
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", token);
        components.add_security_scheme("certificate", certificate);
        let guarded = document.paths.paths.iter_mut();
        for (_, item) in guarded.filter(|(path, _)| !OPEN.contains(&path.as_str())) {
            let operations = [&mut item.get, &mut item.put, &mut item.post];
            for operation in operations.into_iter().flatten() {
                let needs = |scheme| SecurityRequirement::new(scheme, [""; 0]);
                // One of them over TCP, and nothing on a Unix socket.
                let either = vec![
                    needs("token"),
                    needs("certificate"),
                    SecurityRequirement::default(),
                ];
                operation.security = Some(either);
                // What each of them may be answered, whatever it asks.
                for status in ["401", "403", "429", "500", "503"] {
                    let refused = RefOr::Ref(Ref::from_response_name("Refused"));
                    let responses = &mut operation.responses.responses;
                    responses.entry(status.to_owned()).or_insert(refused);
                }
            }
        }
    }
}

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
