//! What every request passes: its number, its limits, its line in the log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::statement::EventId;
use crate::sys::entropy::uuid_v7;

use super::admit::{Admitted, admit};
use super::app::App;
use super::log::shown_path;
use super::pages;
use super::peer::Peer;
use super::problem::{LogFacts, Problem};

/// Has the request answered, where it may pass.
pub(super) async fn pass(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = uuid_v7(app.now(), &*app.world.entropy);
    let id = id.map_or_else(|_| "-".to_owned(), |id| EventId::from_bytes(id).to_string());
    let peer = request.extensions().get::<Peer>().cloned();
    let method = request.method().clone();
    let path = shown_path(request.uri().path());
    let for_people = pages::are_wanted(request.headers());
    let admitted =
        refuse(&app, &request, peer.as_ref(), begun).map_or_else(|| admit(&app, &request), Err);
    let token = admitted.as_ref().ok().and_then(Admitted::token).cloned();
    let mut response = match admitted {
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let status = response.status();
    app.metrics.answered(status.as_u16());
    let facts = response.extensions_mut().remove::<LogFacts>();
    let facts = facts.unwrap_or_default();
    app.log.request(
        status.is_server_error() || facts.cause.is_some(),
        json!({
            "request": id,
            "peer": peer.map(|peer| peer.to_string()),
            "method": method.as_str(),
            "path": path,
            "status": status.as_u16(),
            "took_ms": begun.elapsed().as_millis() as u64,
            "token": token,
            "actor": facts.actor,
            "event": facts.event,
            "code": facts.code,
            "cause": facts.cause,
        }),
    );
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = problem.filter(|_| for_people) {
        response = pages::of_problem(&problem, response);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// Why a request is not looked at.
fn refuse(app: &App, request: &Request, peer: Option<&Peer>, now: Instant) -> Option<Problem> {
    let names_host = request.headers().contains_key(header::HOST);
    if request.version() == Version::HTTP_11 && !names_host {
        return Some(Problem::bad("no-host", "the request names no host"));
    }
    let key = peer.map(Peer::key)?;
    let detail = "more requests than one client may make";
    let refusal = || Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail);
    (!app.rates.take(key, now)).then(refusal)
}
