//! The same server for a witness (C2SP tlog-witness): each request is answered by blocking work.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::time::Clock;
use crate::witness::{CosignRefusal, REQUEST_LIMIT, Witness, WitnessAnswer, WitnessError};

use super::config::ServeError;
use super::connections::Connections;
use super::listen::{self, Listener};
use super::log::plain_path;
use super::peer::Peer;
use super::signals::{Signals, runtime};

/// How long a body may take to come in.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long a request waits for those before it.
const WAIT: Duration = Duration::from_secs(5);
/// How long requests under way may take when it is to stop.
const FAREWELL: Duration = Duration::from_secs(15);
/// The content type of a 409: the body is the size last cosigned.
const SIZE: &str = "text/x.tlog.size";

/// A witness behind its server.
pub struct WitnessSite {
    /// The witness.
    pub witness: Witness,
    /// What says when a request came.
    pub clock: Arc<dyn Clock>,
    /// Whether requests have no line in the log.
    pub quiet: bool,
}

/// Serves a witness until SIGTERM or SIGINT; requests under way are answered.
///
/// # Errors
/// It cannot begin.
pub fn serve_witness(listener: TcpListener, site: WitnessSite) -> Result<(), ServeError> {
    let refused = |fault| ServeError::io("serve", fault);
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::take()?;
        let listener = Listener::Tcp(listen::asynchronous(listener).map_err(refused)?);
        let router = Router::new().fallback(pass).with_state(Arc::new(site));
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

/// A line of text for people.
fn text(status: u16, line: impl std::fmt::Display) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, format!("{line}\n")).into_response()
}

async fn pass(State(site): State<Arc<WitnessSite>>, request: Request) -> Response {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query();
    let path = path.map_or_else(|| "/".to_owned(), ToString::to_string);
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let names_host = parts.headers.contains_key(header::HOST);
    let body = if parts.version == Version::HTTP_11 && !names_host {
        Err(text(400, "the request names no host"))
    } else if announced.is_some_and(|length| length > REQUEST_LIMIT as u64) {
        Err(too_long())
    } else {
        whole(body).await
    };
    let answered = tokio::task::spawn_blocking(move || {
        let method = parts.method.as_str();
        let response = match body {
            Ok(body) => site.respond(method, &path, &body),
            Err(refused) => refused,
        };
        if !site.quiet {
            let now = site.clock.now().to_seconds();
            let peer = parts.extensions.get::<Peer>().map(ToString::to_string);
            let peer = peer.unwrap_or_default();
            let path = plain_path(&path);
            let (status, took) = (response.status().as_u16(), begun.elapsed().as_millis());
            log(format!("{now} {peer} {method} {path} {status} {took} ms"));
        }
        response
    });
    let answered = answered.await;
    answered.unwrap_or_else(|_| text(500, "this site cannot answer"))
}

async fn whole(body: Body) -> Result<Bytes, Response> {
    match timeout(BODY_TIME, Limited::new(body, REQUEST_LIMIT).collect()).await {
        Err(_) => Err(text(408, "no whole request came in time")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(fault)) if fault.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(text(400, "the body ended before its end")),
    }
}

fn too_long() -> Response {
    text(413, "the body of the request is too long")
}

/// A line of its own on stderr.
fn log(line: String) {
    // A log that nobody takes stops nothing.
    let _ = writeln!(io::stderr(), "{line}");
}

impl WitnessSite {
    fn respond(&self, method: &str, path: &str, body: &[u8]) -> Response {
        match (path, method) {
            ("/add-checkpoint", "POST") => match self.witness.add_checkpoint(body, WAIT) {
                Ok(answer) => answered(answer),
                Err(fault) => failed(&fault),
            },
            ("/add-successor", "POST") => match self.witness.add_successor(body, WAIT) {
                Ok(Ok(keys)) => {
                    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
                    let lines = keys.join("\n");
                    log(format!(
                        "follows a successor, named by the key before: {lines}"
                    ));
                    text(200, lines)
                }
                Ok(Err(refusal)) => text(refusal.status(), refusal),
                Err(fault) => failed(&fault),
            },
            ("/add-checkpoint" | "/add-successor", _) => not_allowed("POST"),
            _ => match (origin_in(path), method) {
                (None, _) => text(404, "nothing is here; see C2SP tlog-witness"),
                (Some(origin), "GET" | "HEAD") => self.latest(origin),
                (Some(_), _) => not_allowed("GET, HEAD"),
            },
        }
    }

    fn latest(&self, origin: &str) -> Response {
        match self.witness.latest(origin) {
            Ok(Some(note)) => note.into_response(),
            Ok(None) => text(404, "no checkpoint of that log was cosigned here"),
            Err(fault) => failed(&fault),
        }
    }
}

/// The SHA-256 of the origin whose checkpoint stands at a path.
fn origin_in(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?.strip_suffix("/checkpoint")?;
    (name.len() == 64).then_some(name)
}

fn not_allowed(allow: &'static str) -> Response {
    let line = text(405, format!("only {allow} here"));
    ([(header::ALLOW, allow)], line).into_response()
}

fn answered(answer: WitnessAnswer) -> Response {
    if let Some(kept) = &answer.kept {
        log(format!("warning: kept as evidence: {}", kept.display()));
    }
    if let Some(notice) = &answer.notice {
        log(format!("warning: evidence was not kept: {notice}"));
    }
    match answer.outcome {
        Ok((_, line)) => line.into_response(),
        Err(CosignRefusal::Conflict { known, .. }) => {
            ([(header::CONTENT_TYPE, SIZE)], text(409, known)).into_response()
        }
        Err(refusal) => text(refusal.status(), refusal),
    }
}

/// What went wrong here is for the log; the client learns only that it did.
fn failed(fault: &WitnessError) -> Response {
    log(format!("error: {fault}"));
    match fault {
        WitnessError::Lock(_) => text(503, "busy; try again"),
        _ => text(500, "this witness cannot answer; its operator is told why"),
    }
}
