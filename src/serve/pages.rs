//! Pages for people, out of what verified. A browser may run nothing in them and fetch nothing for them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::page::{self, ServedPage};

use super::app::App;
use super::problem::Problem;
use super::reads::{NamedPath, id_in};

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

async fn shown(app: &Arc<App>, which: ServedPage) -> Page {
    let (judged, entries) = app.shown().await?;
    app.work(move |_| {
        let page = page::page_served(&judged.report, entries, &which);
        let page = page.ok_or_else(|| Problem::not_found("no-page", "the ledger has none such"))?;
        Ok(dressed(page.into_response()))
    })
    .await
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
fn dressed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = format!("{}; frame-ancestors 'none'", page::content_policy());
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
