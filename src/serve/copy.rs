//! The static copy under `/`, in the form of C2SP tlog-tiles: `ledger verify` reads it as it reads a
//! published folder, and believes nothing that this server says about it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::hash::Blake3Digest;
use crate::ledger::COSIGNED_FILE;
use crate::merkle::LogFile;
use crate::note::NOTE_LIMIT;
use crate::store::blobs::{self, ATTACHMENTS, BlobError, blob_path};
use crate::store::engine::{Engine as _, FolderEngine};
use crate::timetoken::{self, RESPONSE_LIMIT};

use super::app::App;
use super::openapi::Refused;
use super::problem::Problem;

/// What has a name for ever.
const FOR_EVER: &str = "max-age=31536000, immutable";
/// What is another with every commit.
const NEVER: &str = "no-cache";
const BYTES: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";

fn served(bytes: Vec<u8>, content_type: &'static str, caching: &'static str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// A file as it lies in the ledger's folder.
async fn lying(
    app: Arc<App>,
    name: String,
    most: usize,
    (content_type, caching): (&'static str, &'static str),
) -> Result<Response, Problem> {
    app.work(move |app| {
        let folder = FolderEngine::at(&app.world, &app.place.dir);
        let bytes = folder.get(&name, most as u64)?.ok_or_else(nothing)?;
        Ok(served(bytes, content_type, caching))
    })
    .await
}

fn nothing() -> Problem {
    Problem::not_found("no-file", "the copy has no such file")
}

/// The newest checkpoint, a signed note.
#[utoipa::path(get, path = "/checkpoint", responses(
    (status = 200, description = "C2SP tlog-checkpoint", body = String)))]
pub(super) async fn checkpoint(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    app.read(|_, proofs| {
        let note = proofs.newest_note().as_bytes().to_vec();
        Ok(served(note, TEXT, NEVER))
    })
    .await
}

/// The newest checkpoint that witnesses cosigned: no newer than the one that is asked for after it.
#[utoipa::path(get, path = "/checkpoint.cosigned", responses(
    (status = 200, description = "C2SP tlog-checkpoint with tlog-cosignatures", body = String),
    (status = 404, response = Refused)))]
pub(super) async fn cosigned(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    lying(app, COSIGNED_FILE.to_owned(), NOTE_LIMIT, (TEXT, NEVER)).await
}

/// A file of a time token, as `GET /v1/timestamps` names them.
#[utoipa::path(get, path = "/timestamps/{file}",
    params(("file" = String, Path, description = "Its name")), responses(
    (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 404, response = Refused)))]
pub(super) async fn timestamp(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().trim_start_matches('/').to_owned();
    if !timetoken::is_of_token(&path) {
        return Err(nothing());
    }
    lying(app, path, RESPONSE_LIMIT, (BYTES, FOR_EVER)).await
}

/// A tile of hashes or a bundle of entries, whole or partial.
#[utoipa::path(get, path = "/tile/{path}",
    params(("path" = String, Path, description = "As C2SP tlog-tiles names it, with slashes")), responses(
    (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 404, response = Refused)))]
pub(super) async fn tile(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().trim_start_matches('/');
    let file = LogFile::parse(path.as_ref()).ok_or_else(nothing)?;
    app.read(move |_, proofs| {
        let bytes = proofs.published(&file)?.ok_or_else(nothing)?;
        Ok(served(bytes, BYTES, FOR_EVER))
    })
    .await
}

/// An attachment.
#[utoipa::path(get, path = "/attachments/{path}",
    params(("path" = String, Path, description = "The digest, with a slash after its first two digits")), responses(
    (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 404, response = Refused)))]
pub(super) async fn attachment(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().trim_start_matches('/').to_owned();
    let name = path.strip_prefix(ATTACHMENTS).unwrap_or_default();
    let digest: Blake3Digest = name.replace('/', "").parse().map_err(|_| nothing())?;
    if blob_path(&digest) != path {
        return Err(nothing());
    }
    app.work(move |app| {
        let folder = FolderEngine::at(&app.world, &app.place.dir);
        match blobs::get(&folder, &digest) {
            Ok(bytes) => Ok(served(bytes, BYTES, FOR_EVER)),
            Err(BlobError::Missing(_)) => Err(nothing()),
            Err(fault) => Err(Problem::internal("attachment-damaged", fault)),
        }
    })
    .await
}
