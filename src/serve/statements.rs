//! `POST /v1/statements` and `PUT /v1/attachments/{blake3}`: what comes in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::append::ATTACHMENT_LIMIT;
use crate::documents;
use crate::event::Event;
use crate::hash::Blake3Digest;
use crate::spool;
use crate::statement::Statement;

use super::app::App;
use super::commit::{Acknowledged, Pending};
use super::problem::{LogFacts, Problem};
use super::uploads;
use super::view::Viewed;

/// Bytes of a body with statements: some hundreds of them, or one with small files in it.
pub(super) const BODY: usize = 4 << 20;
/// Statements in one body.
const LINES: usize = 1_000;
/// How long such a body may take to come in.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long an attachment may stand still.
const PIECE_TIME: Duration = Duration::from_secs(10);
/// How long an attachment may take altogether.
const UPLOAD_TIME: Duration = Duration::from_secs(600);

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

/// Records one signed statement, or many, one a line.
///
/// The form is the one that `ledger sign` and the spool write. Whoever signed it is asked, not whoever
/// sends it. One statement is answered with 201, or 200 and the same receipt where it was recorded
/// before; many are answered line by line, each with its status, and one that is refused does not
/// concern the others.
#[utoipa::path(
    post,
    path = "/v1/statements",
    request_body(
        content((super::openapi::Spooled = "application/json"), (String = "application/x-ndjson")),
        description = "One signed statement, or one a line"
    ),
    responses(
        (status = 201, description = "Recorded: its receipt", body = super::openapi::Document),
        (status = 200, description = "Recorded before, or an answer for each line", body = super::openapi::Document),
        (status = 400, response = super::openapi::Refused),
        (status = 408, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 415, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    )
)]
pub(super) async fn append(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let media = headers.get(header::CONTENT_TYPE);
    let media = media.and_then(|media| media.to_str().ok());
    let media = media.and_then(|media| media.split(';').next());
    match media.map(str::trim) {
        Some(JSON) => one(&app, &whole(body).await?).await,
        Some(NDJSON) => many(&app, &whole(body).await?).await,
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            format!("send one statement as {JSON}, or one a line as {NDJSON}"),
        )),
    }
}

/// The whole body, of a client who sends it in time.
async fn whole(body: Body) -> Result<Bytes, Problem> {
    let collected = timeout(BODY_TIME, Limited::new(body, BODY).collect()).await;
    let collected = collected.map_err(|_| too_slow())?;
    match collected {
        Ok(body) => Ok(body.to_bytes()),
        Err(fault) if fault.is::<LengthLimitError>() => {
            let detail = format!("a body has at most {BODY} bytes; put large attachments first");
            Err(Problem::too_large("body-too-large", detail))
        }
        Err(_) => Err(cut_short()),
    }
}

fn too_slow() -> Problem {
    let detail = "the body did not come in time";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
}

fn cut_short() -> Problem {
    Problem::bad("body-unreadable", "the body ended before its end")
}

/// What is said about a statement in the log, and the files that go with it.
struct Sent {
    pending: Pending,
    statement: Option<Statement>,
}

impl Sent {
    fn author(&self, app: &App) -> Option<String> {
        let author = &self.statement.as_ref()?.author;
        let name = |viewed: &Viewed| documents::actor(&viewed.register, author);
        let known = app.view.recall(name);
        known.or_else(|| Some(format!("key {}", author.short())))
    }

    async fn answer(self, app: &Arc<App>) -> Result<Acknowledged, Problem> {
        let done = self.pending.answer().await?;
        if let Some(statement) = self.statement.filter(|sent| !sent.attachments.is_empty()) {
            app.work(move |app| {
                app.uploads.release(&statement.attachments);
                Ok(())
            })
            .await?;
        }
        Ok(done)
    }
}

async fn send(app: &Arc<App>, text: &[u8]) -> Result<Sent, Problem> {
    let mut submission =
        spool::decode(text).map_err(|fault| Problem::bad("malformed-request", fault))?;
    let statement = Statement::decode(submission.statement.bytes()).ok();
    let named = statement.as_ref().map(|said| said.attachments.as_slice());
    let named = named.unwrap_or_default();
    let room = app.room_for(&submission, named).await?;
    if submission.files.len() < named.len() {
        submission = app
            .work(move |app| {
                app.uploads.complete(&mut submission)?;
                Ok(submission)
            })
            .await?;
    }
    // A pack ends with the record of its export, and so does the checkpoint in it.
    let event = statement.as_ref().map(|said| &said.event);
    let is_last = matches!(event, Some(Event::PackExported(_)));
    let pending = app.commits.submit(submission, room, is_last).await?;
    Ok(Sent { pending, statement })
}

async fn one(app: &Arc<App>, text: &[u8]) -> Result<Response, Problem> {
    let sent = send(app, text).await?;
    let actor = sent.author(app);
    let mut response = match sent.answer(app).await {
        Ok(done) => {
            let facts = LogFacts {
                event: Some(done.receipt.event.to_owned()),
                ..LogFacts::default()
            };
            let document = documents::proven(&done.receipt, done.proof.as_ref());
            let document = documents::with_schema("receipt", document);
            let mut response = (status(&done), axum::Json(document)).into_response();
            response.extensions_mut().insert(facts);
            response
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(facts) = response.extensions_mut().get_mut::<LogFacts>() {
        facts.actor = actor;
    }
    Ok(response)
}

const fn status(done: &Acknowledged) -> StatusCode {
    match done.receipt.replayed {
        true => StatusCode::OK,
        false => StatusCode::CREATED,
    }
}

/// An answer for each line, in their order. They are handed over one after the other, so that they are
/// recorded in their order and share commits.
async fn many(app: &Arc<App>, text: &[u8]) -> Result<Response, Problem> {
    let lines: Vec<(usize, &[u8])> = (1..)
        .zip(text.split(|byte| *byte == b'\n'))
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .collect();
    if lines.is_empty() {
        return Err(Problem::bad("empty", "there is no statement in the body"));
    }
    if lines.len() > LINES {
        let detail = format!("a body has at most {LINES} statements");
        return Err(Problem::too_large("too-many-statements", detail));
    }
    let mut sent = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        sent.push((number, send(app, line).await));
    }
    let mut answers = String::new();
    let (mut recorded, mut refused) = (0, None);
    for (number, sent) in sent {
        let answer = match sent {
            Ok(sent) => sent.answer(app).await,
            Err(problem) => Err(problem),
        };
        recorded += usize::from(answer.is_ok());
        refused = refused.or(answer.as_ref().err().map(Problem::code));
        answers.push_str(&line(number, answer).to_string());
        answers.push('\n');
    }
    let facts = LogFacts {
        event: Some(format!("{recorded} statements")),
        code: refused,
        ..LogFacts::default()
    };
    let mut response = answers.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    response.extensions_mut().insert(facts);
    Ok(response)
}

fn line(number: usize, answer: Result<Acknowledged, Problem>) -> Value {
    let mut line = json!({ "line": number });
    let body = match answer {
        Ok(done) => {
            line["status"] = json!(status(&done).as_u16());
            documents::proven(&done.receipt, done.proof.as_ref())
        }
        Err(problem) => problem.to_json(),
    };
    if let (Value::Object(line), Value::Object(body)) = (&mut line, body) {
        line.extend(body);
    }
    line
}

/// Keeps an attachment aside until a statement comes that names it.
///
/// Whoever has small files sends them with the statement. One that no statement names within a day
/// goes again.
#[utoipa::path(
    put,
    path = "/v1/attachments/{blake3}",
    params(("blake3" = String, Path, description = "The BLAKE3 digest of the bytes, in lower-case hex", pattern = "^[0-9a-f]{64}$")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "It is kept", body = super::openapi::Document),
        (status = 200, description = "It was here before", body = super::openapi::Document),
        (status = 400, response = super::openapi::Refused),
        (status = 408, response = super::openapi::Refused),
        (status = 413, response = super::openapi::Refused),
        (status = 422, response = super::openapi::Refused),
    )
)]
pub(super) async fn attach(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let no_digest = || Problem::bad("no-digest", "the last part of the path is no BLAKE3 digest");
    let Path(digest) = path.map_err(|_| no_digest())?;
    let digest: Blake3Digest = digest.parse().map_err(|_| no_digest())?;
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > ATTACHMENT_LIMIT) {
        return Err(uploads::too_large());
    }
    if app.uploads.has(&digest) {
        let document = json!({ "blake3": digest });
        return Ok(axum::Json(documents::with_schema("attachment", document)).into_response());
    }
    let taken = timeout(UPLOAD_TIME, take_in(&app, digest, body)).await;
    let length = taken.map_err(|_| too_slow())??;
    let document = json!({ "blake3": digest, "length": length });
    let document = documents::with_schema("attachment", document);
    Ok((StatusCode::CREATED, axum::Json(document)).into_response())
}

/// Writes the pieces as they come. Each is short work, so it is done here and now.
async fn take_in(app: &Arc<App>, digest: Blake3Digest, mut body: Body) -> Result<u64, Problem> {
    let mut upload = tokio::task::block_in_place(|| app.uploads.begin())?;
    loop {
        let piece = timeout(PIECE_TIME, body.frame()).await;
        let Some(piece) = piece.map_err(|_| too_slow())? else {
            break;
        };
        if let Ok(bytes) = piece.map_err(|_| cut_short())?.into_data() {
            tokio::task::block_in_place(|| upload.take(&bytes))?;
        }
    }
    tokio::task::block_in_place(|| upload.finish(&digest))
}
