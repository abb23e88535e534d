//! The same server for a site whose requests one blocking function answers: a witness.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Version, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::watch;
use tokio::time::timeout;

use super::config::ServeError;
use super::connections::Connections;
use super::listen::{self, Listener};
use super::peer::Peer;
use super::signals::{Signals, runtime};

/// How long a body may take to come in.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long requests under way may take when it is to stop.
const FAREWELL: Duration = Duration::from_secs(15);

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRequest {
    /// `GET`, `POST` …, as it was sent.
    pub method: String,
    /// The path as it was sent, with any query.
    pub path: String,
    /// The body; empty where there was none.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteResponse {
    /// The status code.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// What is allowed, for 405; empty otherwise.
    pub allow: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// One request that was dealt with, for the log.
#[derive(Debug)]
pub struct SiteEvent<'a> {
    /// Who asked.
    pub peer: SocketAddr,
    /// The request; its body is empty where it was not taken.
    pub request: &'a SiteRequest,
    /// The answer.
    pub response: &'a SiteResponse,
    /// How long it took.
    pub took: Duration,
}

/// What a site answers.
pub trait Site: Send + Sync + 'static {
    /// Bytes of a body, at most.
    const BODY: usize;

    /// The answer. It may take its time.
    fn answer(&self, request: &SiteRequest) -> SiteResponse;

    /// Hears of each request, before the answer is out.
    fn tell(&self, event: &SiteEvent<'_>);
}

impl SiteResponse {
    /// A line of text for people.
    #[must_use]
    pub fn text(status: u16, line: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            allow: "",
            body: format!("{}\n", line.into()).into_bytes(),
        }
    }
}

impl IntoResponse for SiteResponse {
    fn into_response(self) -> Response {
        let mut response = self.body.into_response();
        if let Ok(status) = self.status.try_into() {
            *response.status_mut() = status;
        }
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static(self.content_type);
        headers.insert(header::CONTENT_TYPE, content_type);
        if !self.allow.is_empty() {
            headers.insert(header::ALLOW, HeaderValue::from_static(self.allow));
        }
        response
    }
}

/// Serves a site until SIGTERM or SIGINT; requests under way are answered.
///
/// # Errors
/// It cannot begin.
pub fn serve_site<S: Site>(listener: TcpListener, site: S) -> Result<(), ServeError> {
    let refused = |fault| ServeError::io("serve", fault);
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::take()?;
        let listener = Listener::Tcp(listen::asynchronous(listener).map_err(refused)?);
        let router = Router::new().fallback(pass::<S>).with_state(Arc::new(site));
        let (stop, stopping) = watch::channel(false);
        let connections = Arc::new(Connections::new(router, None, stopping));
        let accepting = tokio::spawn(connections.accept(listener));
        tokio::select! {
            _ = signals.terminate.recv() => {}
            _ = signals.interrupt.recv() => {}
        }
        let _ = stop.send(true);
        // Whoever is slower has no answer.
        let _ = timeout(FAREWELL, accepting).await;
        Ok(())
    });
    runtime.shutdown_background();
    outcome
}

async fn pass<S: Site>(State(site): State<Arc<S>>, request: Request) -> Response {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query();
    let mut request = SiteRequest {
        method: parts.method.to_string(),
        path: path.map_or_else(|| "/".to_owned(), ToString::to_string),
        body: Vec::new(),
    };
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let names_host = parts.headers.contains_key(header::HOST);
    let refused = if parts.version == Version::HTTP_11 && !names_host {
        Some(SiteResponse::text(400, "the request names no host"))
    } else if announced.is_some_and(|length| length > S::BODY as u64) {
        Some(too_long())
    } else {
        match whole(body, S::BODY).await {
            Ok(body) => {
                request.body = body;
                None
            }
            Err(response) => Some(response),
        }
    };
    let peer = match parts.extensions.get::<Peer>() {
        Some(Peer::Remote { address, .. }) => *address,
        _ => SocketAddr::from(([0, 0, 0, 0], 0)),
    };
    let answered = tokio::task::spawn_blocking(move || {
        let response = refused.unwrap_or_else(|| site.answer(&request));
        site.tell(&SiteEvent {
            peer,
            request: &request,
            response: &response,
            took: begun.elapsed(),
        });
        response
    });
    let answered = answered.await;
    answered
        .unwrap_or_else(|_| SiteResponse::text(500, "this site cannot answer"))
        .into_response()
}

async fn whole(body: Body, limit: usize) -> Result<Vec<u8>, SiteResponse> {
    match timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Err(_) => Err(SiteResponse::text(408, "no whole request came in time")),
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(fault)) if fault.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(SiteResponse::text(400, "the body ended before its end")),
    }
}

fn too_long() -> SiteResponse {
    SiteResponse::text(413, "the body of the request is too long")
}
