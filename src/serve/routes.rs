//! Which path is answered by what, and the document that says so.

use std::sync::Arc;

use axum::http::{Method, StatusCode, Uri};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use utoipa::OpenApi;

use super::app::App;
use super::openapi::Admission;
use super::problem::Problem;
use super::{copy, gate, health, openapi, pages, reads, statements};

/// What the server can be asked.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rotation ledger",
        description = "One ledger, appended to by many. Who may append is decided by a statement's signature alone."
    ),
    paths(
        statements::append,
        statements::attach,
        reads::entries,
        reads::entry,
        reads::rotations,
        reads::rotation,
        reads::evidence,
        reads::secrets,
        reads::due,
        reads::actors,
        reads::status,
        reads::receipt,
        pages::begin_session,
        reads::timestamps,
        copy::checkpoint,
        copy::cosigned,
        copy::timestamp,
        copy::tile,
        copy::attachment,
        health::alive,
        health::ready,
        health::metrics
    ),
    components(
        responses(openapi::Refused),
        schemas(openapi::Document, openapi::ProblemForm, openapi::Spooled)
    ),
    modifiers(&Admission)
)]
struct Described;

/// Everything that is answered.
pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/statements", post(statements::append))
        .route("/v1/attachments/{blake3}", put(statements::attach))
        .route("/v1/entries", get(reads::entries))
        .route("/v1/entries/{sequence}", get(reads::entry))
        .route("/v1/rotations", get(reads::rotations))
        .route("/v1/rotations/{rotation}", get(reads::rotation))
        .route("/v1/rotations/{rotation}/evidence", get(reads::evidence))
        .route("/v1/secrets", get(reads::secrets))
        .route("/v1/secrets/due", get(reads::due))
        .route("/v1/actors", get(reads::actors))
        .route("/v1/status", get(reads::status))
        .route("/v1/receipts/{sequence}", get(reads::receipt))
        .route("/v1/sessions", post(pages::begin_session))
        .route("/", get(pages::home))
        .route("/open/{link}", get(pages::open))
        .route("/report", get(pages::report))
        .route("/auditor", get(pages::auditor))
        .route("/rotations/{*rotation}", get(pages::rotation))
        .route("/secrets/{*secret}", get(pages::secret))
        .route("/v1/timestamps", get(reads::timestamps))
        .route("/checkpoint", get(copy::checkpoint))
        .route("/checkpoint.cosigned", get(copy::cosigned))
        .route("/timestamps/{file}", get(copy::timestamp))
        .route("/tile/{*path}", get(copy::tile))
        .route("/attachments/{*path}", get(copy::attachment))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(described))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(app.clone(), gate::pass))
        .with_state(app)
}

async fn described() -> Json<utoipa::openapi::OpenApi> {
    Json(Described::openapi())
}

async fn nowhere(_: Uri) -> Problem {
    Problem::not_found("no-route", "nothing is here; see /openapi.json")
}

async fn not_so(method: Method) -> Problem {
    let detail = format!("{method} is not answered here; see /openapi.json");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The paths with their methods that this file gives to the router.
    fn routed() -> BTreeSet<(String, String)> {
        let routes = include_str!("routes.rs").lines().filter_map(|line| {
            let (path, handler) = line.trim().strip_prefix(".route(\"")?.split_once("\", ")?;
            let (method, _) = handler.split_once('(')?;
            Some((path.replace("{*", "{"), method.to_owned()))
        });
        routes.collect()
    }

    #[test]
    fn the_document_names_what_is_answered_and_nothing_else() {
        let document = serde_json::to_value(Described::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let named = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.clone()))
        });
        let mut routed = routed();
        // Pages are for people: what is in them for programs is described under `/v1`.
        for page in [
            "/",
            "/open/{link}",
            "/report",
            "/auditor",
            "/rotations/{rotation}",
            "/secrets/{secret}",
        ] {
            assert!(
                routed.remove(&(page.to_owned(), "get".to_owned())),
                "{page}"
            );
        }
        assert!(routed.remove(&("/openapi.json".to_owned(), "get".to_owned())));
        assert_eq!(named.collect::<BTreeSet<_>>(), routed);
    }

    #[test]
    fn what_is_not_open_to_anybody_says_who_may_talk() {
        let document = serde_json::to_value(Described::openapi()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let open = super::super::admit::OPEN.contains(&path.as_str());
                assert_eq!(operation["security"].is_null(), open, "{path}");
                let refusal = &operation["responses"]["401"]["$ref"];
                assert_eq!(refusal.is_null(), open, "{path}");
            }
        }
        let schemes = document["components"]["securitySchemes"].as_object();
        assert_eq!(schemes.unwrap().len(), 2);
    }

    #[test]
    fn every_problem_that_is_named_has_its_form() {
        let document = serde_json::to_value(Described::openapi()).unwrap();
        let refused = &document["components"]["responses"]["Refused"]["content"];
        assert!(refused[super::super::problem::PROBLEM].is_object());
    }
}
