//! Pages for people, out of what verified. A browser may run nothing in them and fetch nothing for them.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use serde_json::{Value, json};

use crate::documents;
use crate::hash::Blake3Digest;
use crate::page::{self, ServedPage};
use crate::store::blobs;
use crate::store::engine::FolderEngine;

use super::admit::bearer;
use super::app::App;
use super::openapi::Document;
use super::problem::Problem;
use super::reads::{NamedPath, id_in};
use super::sessions::{LINK_TIME, LINKS};

const HTML: &str = "text/html; charset=utf-8";

type Page = Result<Response, Problem>;

/// What is next.
pub(super) async fn home(State(app): State<Arc<App>>) -> Page {
    shown(&app, ServedPage::Home).await
}

/// Everything on one page.
pub(super) async fn report(State(app): State<Arc<App>>) -> Page {
    shown(&app, ServedPage::Report).await
}

/// One rotation.
pub(super) async fn rotation(State(app): State<Arc<App>>, path: NamedPath) -> Page {
    shown(&app, ServedPage::Rotation(id_in(path, "rotation")?)).await
}

/// One secret.
pub(super) async fn secret(State(app): State<Arc<App>>, path: NamedPath) -> Page {
    shown(&app, ServedPage::Secret(id_in(path, "secret")?)).await
}

/// The page in which a browser verifies packs.
pub(super) async fn auditor() -> Page {
    let page = page::AUDITOR_PAGE.ok_or_else(|| {
        let detail = "this program was built without the auditor's page";
        Problem::not_found("no-auditor-page", detail)
    })?;
    let policy = page::auditor_policy(page).unwrap_or("default-src 'none'");
    Ok(dressed_in(policy, page.into_response()))
}

async fn shown(app: &Arc<App>, which: ServedPage) -> Page {
    let (judged, entries) = app.shown().await?;
    app.work(move |app| {
        let files = blobs::reader(FolderEngine::at(&app.world, &app.place.dir));
        let page = page::page_served(&judged.report, entries, &which, &files);
        let page = page.ok_or_else(|| Problem::not_found("no-page", "the ledger has none such"))?;
        Ok(dressed(page.into_response()))
    })
    .await
}

/// A link that lets a browser in: it opens once, within a minute.
#[utoipa::path(post, path = "/v1/sessions", responses(
    (status = 201, description = "Its `path`, and the `addresses` where browsers can connect", body = Document)))]
pub(super) async fn begin_session(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (entropy, opener) = (&*app.world.entropy, bearer(&headers).map(Blake3Digest::of));
    let link = app.sessions.links.hand_out(entropy, opener, Instant::now());
    let link = link.map_err(|fault| Problem::internal("no-entropy", fault))?;
    let document = json!({
        "path": format!("{LINKS}{link}"),
        "seconds": LINK_TIME.as_secs(),
        "addresses": app.sessions.addresses,
    });
    let document = documents::with_schema("session", document);
    Ok((StatusCode::CREATED, Json(document)))
}

/// Opens such a link.
pub(super) async fn open(State(app): State<Arc<App>>, Path(link): Path<String>) -> Page {
    let (now, entropy) = (Instant::now(), &*app.world.entropy);
    let opener = app.sessions.links.take(&link, now).ok_or_else(|| {
        let detail = "this link was opened before, or is too old";
        Problem::unauthorised("link-used", detail, None)
    })?;
    let cookie = app.sessions.set_cookie(entropy, opener, now);
    let cookie = cookie.map_err(|fault| Problem::internal("no-entropy", fault))?;
    let headers = [(header::SET_COOKIE, &*cookie), (header::LOCATION, "/")];
    Ok(dressed((StatusCode::SEE_OTHER, headers).into_response()))
}

/// Whether whoever asks would rather have a page: a browser says so, a tool does not.
pub(super) fn are_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT);
    accepted.is_some_and(|accepted| accepted.as_bytes().starts_with(b"text/html"))
}

/// A problem as a page; its status and what the log says of it stay.
pub(super) fn of_problem(problem: &Problem, mut response: Response) -> Response {
    let way_in = response.status() == StatusCode::UNAUTHORIZED;
    let title = response.status().canonical_reason().unwrap_or("Refused");
    let page = page::notice(title, problem.detail(), way_in);
    *response.body_mut() = page.into();
    dressed(response)
}

/// With what a browser may do with a page.
fn dressed(response: Response) -> Response {
    dressed_in(&page::content_policy(), response)
}

fn dressed_in(policy: &str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = format!("{policy}; frame-ancestors 'none'");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::CONTENT_TYPE, HTML),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
