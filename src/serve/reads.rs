//! `GET /v1/…`: the documents that the command line prints with `--json`. Read and not verified, but for
//! the evidence.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::anchor::LastCosigned;
use crate::documents;
use crate::entry::StoredEntry;
use crate::facts;
use crate::ledger::proofs::LedgerProofs;
use crate::store::engine::FolderEngine;
use crate::text::Id;
use crate::timestamps;
use crate::verify::BelievedTokens;

use super::app::App;
use super::openapi::{Document, Refused};
use super::problem::Problem;
use super::view::Viewed;

/// Entries or rotations in one answer, at most.
const MOST: u32 = 1_000;
const USUAL: u32 = 100;
/// How far to look ahead for secrets that fall due, at most.
const FARTHEST: u32 = 3_650;

/// The greatest number that every reader of JSON knows exactly.
const LAST: u64 = (1 << 53) - 1;

type Answer = Result<Json<Value>, Problem>;
/// A path that ends with an id.
pub(super) type NamedPath = Result<Path<String>, PathRejection>;

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntryPage {
    /// Only what comes after this entry: `next` of the answer before
    #[param(maximum = 9007199254740991u64)]
    after: Option<u64>,
    /// So many at most
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RotationPage {
    /// Only what comes after this rotation: `next` of the answer before
    #[param(pattern = "^[A-Za-z0-9._:/@+=#~-]+$", min_length = 1, max_length = 128)]
    after: Option<String>,
    /// So many at most
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// How far to look ahead.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Horizon {
    /// So many days from now
    #[param(minimum = 0, maximum = 3650, default = 14)]
    days: Option<u32>,
}

fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    let Query(query) = query.map_err(|fault| Problem::bad("query", fault.body_text()))?;
    Ok(query)
}

fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit as usize),
        _ => Err(Problem::bad("query", format!("`limit` is 1 to {MOST}"))),
    }
}

fn sequence(path: Result<Path<u64>, PathRejection>) -> Result<u64, Problem> {
    let Path(sequence) = path.map_err(|_| Problem::bad("path", "an entry is named by a number"))?;
    Ok(sequence)
}

fn id(text: &str, what: &str) -> Result<Id, Problem> {
    Id::new(text).map_err(|fault| Problem::bad("path", format!("the {what} {fault}")))
}

pub(super) fn id_in(path: NamedPath, what: &str) -> Result<Id, Problem> {
    let Path(text) = path.map_err(|_| Problem::bad("path", format!("the {what} is no text")))?;
    id(&text, what)
}

fn stored(proofs: &LedgerProofs, sequences: &[u64]) -> Result<Vec<StoredEntry>, Problem> {
    let entries = proofs.entries(sequences)?.into_iter();
    let each = entries.map(|(sequence, bytes)| {
        StoredEntry::of(sequence, bytes).map_err(|fault| Problem::internal("ledger-damaged", fault))
    });
    each.collect()
}

/// Answers with a document about what all entries amount to.
async fn about_all(
    app: Arc<App>,
    thing: &'static str,
    tell: impl FnOnce(&App, &LedgerProofs, &Viewed) -> Result<Value, Problem> + Send + 'static,
) -> Answer {
    app.read(move |app, proofs| {
        let document = app.view.ask(proofs, |viewed| tell(app, proofs, viewed))?;
        Ok(Json(documents::with_schema(thing, document)))
    })
    .await
}

/// Entries in their order.
#[utoipa::path(get, path = "/v1/entries", params(EntryPage), responses(
    (status = 200, description = "As `ledger log --json`, with the cursor `next`", body = Document),
    (status = 400, response = Refused)))]
pub(super) async fn entries(
    State(app): State<Arc<App>>,
    page: Result<Query<EntryPage>, QueryRejection>,
) -> Answer {
    let page = query(page)?;
    let limit = limit(page.limit)? as u64;
    if page.after.is_some_and(|after| after > LAST) {
        return Err(Problem::bad("query", format!("`after` is 0 to {LAST}")));
    }
    let first = page.after.map_or(0, |after| after + 1);
    app.read(move |app, proofs| {
        let size = proofs.newest().size;
        let end = size.min(first.saturating_add(limit));
        let sequences: Vec<u64> = (first..end).collect();
        let entries = stored(proofs, &sequences)?;
        let listed: Vec<_> = app.view.ask(proofs, |viewed| {
            let each = entries.iter();
            Ok(each
                .map(|stored| documents::entry(stored, &viewed.register))
                .collect())
        })?;
        let next = sequences.last().filter(|_| end < size);
        let document = json!({ "entries": listed, "next": next });
        Ok(Json(documents::with_schema("log", document)))
    })
    .await
}

/// One entry, with the corrections and remarks that name it.
#[utoipa::path(get, path = "/v1/entries/{sequence}",
    params(("sequence" = u64, Path, description = "Its place")), responses(
    (status = 200, description = "As `ledger show SEQ --json`", body = Document),
    (status = 400, response = Refused), (status = 404, response = Refused)))]
pub(super) async fn entry(
    State(app): State<Arc<App>>,
    path: Result<Path<u64>, PathRejection>,
) -> Answer {
    let sequence = sequence(path)?;
    about_all(app, "show", move |app, proofs, viewed| {
        match sequence < proofs.newest().size {
            true => show(app, proofs, viewed, (None, &[sequence])),
            false => Err(no_entry(sequence)),
        }
    })
    .await
}

fn no_entry(sequence: u64) -> Problem {
    Problem::not_found("no-entry", format!("there is no entry {sequence}"))
}

fn no_rotation(rotation: &Id) -> Problem {
    Problem::not_found("no-rotation", format!("there is no rotation `{rotation}`"))
}

/// Entries in full, with what was said about them later.
fn show(
    app: &App,
    proofs: &LedgerProofs,
    viewed: &Viewed,
    (rotation, sequences): (Option<Value>, &[u64]),
) -> Result<Value, Problem> {
    let tokens = BelievedTokens {
        tokens: timestamps::list(&FolderEngine::at(&app.world, &app.place.dir))?,
        authorities: app.authorities()?,
    };
    let shown: BTreeSet<_> = sequences.iter().copied().collect();
    let remarks = sequences
        .iter()
        .filter_map(|about| viewed.remarks.get(about));
    let remarks: BTreeSet<_> = remarks.flatten().copied().collect();
    let remarks: Vec<_> = remarks.difference(&shown).copied().collect();
    let full = |stored: &StoredEntry| documents::entry_in_full(stored, &viewed.register, &tokens);
    let entries: Vec<_> = stored(proofs, sequences)?.iter().map(full).collect();
    let brief = |stored: &StoredEntry| documents::entry(stored, &viewed.register);
    let remarks: Vec<_> = stored(proofs, &remarks)?.iter().map(brief).collect();
    Ok(documents::shown(rotation.as_ref(), &entries, &remarks))
}

/// The rotations, by their ids.
#[utoipa::path(get, path = "/v1/rotations", params(RotationPage), responses(
    (status = 200, description = "Each as in `ledger status --json`, with the cursor `next`", body = Document),
    (status = 400, response = Refused)))]
pub(super) async fn rotations(
    State(app): State<Arc<App>>,
    page: Result<Query<RotationPage>, QueryRejection>,
) -> Answer {
    let page = query(page)?;
    let limit = limit(page.limit)?;
    let after = page.after.map(|after| id(&after, "cursor")).transpose()?;
    about_all(app, "rotations", move |_, _, viewed| {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = viewed.register.rotations.range((begin, Bound::Unbounded));
        let listed: Vec<_> = rest.by_ref().take(limit).collect();
        let last = listed.last().map(|(id, _)| *id);
        let next = last.filter(|_| rest.next().is_some());
        let listed = listed.iter().map(|(_, rotation)| &***rotation);
        let mut document = documents::rotations(&viewed.register, listed);
        document["next"] = json!(next);
        Ok(document)
    })
    .await
}

/// One rotation, with its entries and what was said about them later.
#[utoipa::path(get, path = "/v1/rotations/{rotation}",
    params(("rotation" = String, Path, description = "Its id", pattern = "^[A-Za-z0-9._:/@+=#~-]+$", min_length = 1, max_length = 128)), responses(
    (status = 200, description = "As `ledger show ROTATION --json`", body = Document),
    (status = 400, response = Refused), (status = 404, response = Refused)))]
pub(super) async fn rotation(State(app): State<Arc<App>>, path: NamedPath) -> Answer {
    let rotation = id_in(path, "rotation")?;
    about_all(app, "show", move |app, proofs, viewed| {
        let found = viewed.register.rotations.get(&rotation);
        let found = found.ok_or_else(|| no_rotation(&rotation))?;
        let state = viewed.register.rotation_json(found);
        let sequences = viewed.rotations.get(&rotation);
        let sequences = sequences.map(Vec::as_slice).unwrap_or_default();
        show(app, proofs, viewed, (Some(state), sequences))
    })
    .await
}

/// The SOP's template of a completed rotation, out of a ledger that verifies.
///
/// The whole ledger was verified `as_of` then, with all `entries` that there were when this was asked.
#[utoipa::path(get, path = "/v1/rotations/{rotation}/evidence",
    params(("rotation" = String, Path, description = "Its id", pattern = "^[A-Za-z0-9._:/@+=#~-]+$", min_length = 1, max_length = 128)), responses(
    (status = 200, description = "As in `templates` of `ledger verify --rotation --json`, with what was verified and when", body = Document),
    (status = 400, response = Refused), (status = 404, response = Refused), (status = 409, response = Refused)))]
pub(super) async fn evidence(State(app): State<Arc<App>>, path: NamedPath) -> Answer {
    let rotation = id_in(path, "rotation")?;
    let asked = rotation.clone();
    app.read(move |app, proofs| {
        app.view.ask(proofs, |viewed| {
            let found = viewed.register.rotations.get(&asked);
            found.map(drop).ok_or_else(|| no_rotation(&asked))
        })
    })
    .await?;
    let judged = app.verified().await?;
    match facts::template(&judged.report, &rotation) {
        Ok(template) => {
            let mut document = documents::template(&rotation, Ok(&template.to_string()));
            document["as_of"] = json!(judged.report.as_of);
            document["entries"] = json!(judged.report.size);
            Ok(Json(documents::with_schema("template", document)))
        }
        Err(reason) => {
            let detail = reason.to_string();
            Err(Problem::new(StatusCode::CONFLICT, "no-template", detail))
        }
    }
}

/// The secrets of the inventory.
#[utoipa::path(get, path = "/v1/secrets", responses(
    (status = 200, description = "As `ledger secret list --json`", body = Document)))]
pub(super) async fn secrets(State(app): State<Arc<App>>) -> Answer {
    about_all(app, "secrets", |app, _, viewed| {
        Ok(documents::secrets(&viewed.register, app.now(), false))
    })
    .await
}

/// The secrets that are overdue or fall due soon.
#[utoipa::path(get, path = "/v1/secrets/due", params(Horizon), responses(
    (status = 200, description = "As `ledger due --json`, without the exit code", body = Document),
    (status = 400, response = Refused)))]
pub(super) async fn due(
    State(app): State<Arc<App>>,
    horizon: Result<Query<Horizon>, QueryRejection>,
) -> Answer {
    let days = query(horizon)?.days.unwrap_or(14);
    if days > FARTHEST {
        return Err(Problem::bad("query", format!("`days` is 0 to {FARTHEST}")));
    }
    about_all(app, "due", move |app, _, viewed| {
        let now = app.now();
        Ok(documents::due(&viewed.register, now, now.plus_days(days)))
    })
    .await
}

/// Everybody who may or might speak.
#[utoipa::path(get, path = "/v1/actors", responses(
    (status = 200, description = "As `ledger actor list --json`", body = Document)))]
pub(super) async fn actors(State(app): State<Arc<App>>) -> Answer {
    about_all(app, "actors", |_, _, viewed| {
        Ok(documents::actors(&viewed.register))
    })
    .await
}

/// Which time tokens lie beside the log: the names of their files, for whoever copies it.
#[utoipa::path(get, path = "/v1/timestamps", responses(
    (status = 200, description = "`files`: their names below /", body = Document)))]
pub(super) async fn timestamps(State(app): State<Arc<App>>) -> Answer {
    app.work(|app| {
        let tokens = timestamps::list(&FolderEngine::at(&app.world, &app.place.dir))?;
        let stamped = tokens.iter().filter(|token| token.checkpoint.is_some());
        let files = stamped.flat_map(|token| [token.checkpoint_path(), token.response_path()]);
        let document = json!({ "files": files.collect::<Vec<_>>() });
        Ok(Json(documents::with_schema("timestamps", document)))
    })
    .await
}

/// What is open, unconfirmed or overdue.
#[utoipa::path(get, path = "/v1/status", responses(
    (status = 200, description = "As `ledger status --json`", body = Document)))]
pub(super) async fn status(State(app): State<Arc<App>>) -> Answer {
    app.read(|app, proofs| {
        let witnesses = app.anchors().last_cosigned();
        let witnesses = witnesses.map_err(|fault| Problem::internal("settings", fault))?;
        let witnesses: Vec<_> = witnesses.iter().map(LastCosigned::to_json).collect();
        app.view.ask(proofs, |viewed| {
            let (register, size) = (&viewed.register, viewed.size);
            let document = documents::status(register, size, app.now(), &witnesses);
            Ok(Json(documents::with_schema("status", document)))
        })
    })
    .await
}

/// What can be shown of an entry without the ledger.
#[utoipa::path(get, path = "/v1/receipts/{sequence}",
    params(("sequence" = u64, Path, description = "The entry's place")), responses(
    (status = 200, description = "As `ledger prove SEQ --json`", body = Document),
    (status = 400, response = Refused), (status = 404, response = Refused)))]
pub(super) async fn receipt(
    State(app): State<Arc<App>>,
    path: Result<Path<u64>, PathRejection>,
) -> Answer {
    let sequence = sequence(path)?;
    app.read(move |app, proofs| {
        if sequence >= proofs.newest().size {
            return Err(no_entry(sequence));
        }
        let succession = app.view.ask(proofs, |viewed| {
            Ok(proofs.succession(&viewed.register.charter))
        })?;
        let (proof, stated) = proofs.receipt(sequence)?;
        let proof = proof.carrying(succession.as_ref());
        let document = documents::proof(sequence, stated, &proof);
        Ok(Json(documents::with_schema("proof", document)))
    })
    .await
}
