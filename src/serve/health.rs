//! Whether the server is well, and its numbers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::ledger::proofs::LedgerProofs;
use crate::spool;
use crate::time::Timestamp;

use super::app::App;
use super::metrics::Levels;
use super::openapi::{Document, Refused};
use super::problem::Problem;
use super::view::Viewed;

const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const DAY: f64 = 86_400.0;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It does", body = String)))]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether statements are taken and the ledger can be read.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, description = "They are, and it can", body = Document),
    (status = 500, response = Refused), (status = 503, response = Refused)))]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    if !app.commits.are_open() {
        return Err(Problem::busy("stopping", "the writer has stopped"));
    }
    app.read(|app, proofs| {
        let size = app.view.ask(proofs, |viewed| Ok(viewed.size))?;
        Ok(Json(json!({ "ready": true, "entries": size })))
    })
    .await
}

/// Numbers for Prometheus.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, description = "OpenMetrics text", body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")))]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let text = app
        .read(|app, proofs| {
            let levels = levels(app, proofs)?;
            let text = app.metrics.text(&levels);
            text.map_err(|fault| Problem::internal("metrics", fault))
        })
        .await?;
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(METRICS));
    Ok(response)
}

fn levels(app: &App, proofs: &LedgerProofs) -> Result<Levels, Problem> {
    let now = app.now();
    let backlog = spool::backlog(&app.spool());
    let since = backlog.and_then(|backlog| backlog.since);
    let witnesses = app.anchors().last_cosigned().unwrap_or_default();
    let ages = witnesses.iter().filter_map(|witness| {
        let (_, cosigned) = witness.cosigned()?;
        Some((witness.name().to_owned(), seconds(cosigned, now)))
    });
    let known = app.view.ask(proofs, |viewed| Ok(known(viewed, now)))?;
    Ok(Levels {
        spool: (
            backlog.map_or(0, |backlog| backlog.waiting as u64),
            since.map(|since| seconds(since, now)),
        ),
        witnesses: ages.collect(),
        ..known
    })
}

/// What the entries say.
fn known(viewed: &Viewed, now: Timestamp) -> Levels {
    let seals = viewed.register.charter.keyring.seals();
    Levels {
        entries: viewed.size,
        head_age: viewed.recorded.map(|recorded| seconds(recorded, now)),
        key_days: seals.last().map(|seal| seconds(now, seal.due()) / DAY),
        overdue: viewed.register.overdue_secrets(now).count() as u64,
        open: viewed.register.open_rotations().count() as u64,
        ..Levels::default()
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.micros().saturating_sub(from.micros()) as f64 / 1e6
}
