//! The two forms in which something waits: a signed statement, and a draft that nobody signed yet.
//!
//! ```json
//! {"schema": "rotation-ledger/spooled-statement/1", "statement": "base64", "signature": "hex",
//!  "attachments": ["base64"]}
//! {"schema": "rotation-ledger/spooled-draft/1", "ledger": "hex", "begun": false,
//!  "draft": {"event": "…", "event_id": "…", "occurred_utc": "…", …fields…},
//!  "attachments": [{"name": "…", "media_type": "…", "bytes": "base64"}]}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::append::Submission;
use crate::append::draft::Draft;
use crate::hash::LedgerId;
use crate::key::Signature;
use crate::statement::SignedStatement;
use crate::text::{Id, Line};

const STATEMENT: &str = "rotation-ledger/spooled-statement/1";
const DRAFT: &str = "rotation-ledger/spooled-draft/1";

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// A signed statement: it can be delivered.
    Statement(Submission),
    /// A draft: somebody has to sign it first.
    Draft(Box<WaitingDraft>),
}

/// A draft that nobody signed yet, with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingDraft {
    /// The ledger that it is meant for, where that was known.
    pub ledger: Option<LedgerId>,
    /// Whether it only says that a step began: its end would have taken its place.
    pub begun: bool,
    /// What is to be said. Its files are in `files`, not named in it.
    pub draft: Draft,
    /// Each file's name, media type and bytes.
    pub files: Vec<(Line, Id, Vec<u8>)>,
}

#[derive(Deserialize)]
struct SchemaName {
    schema: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementForm {
    schema: String,
    statement: String,
    signature: Signature,
    #[serde(default)]
    attachments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftForm {
    #[serde(rename = "schema")]
    _schema: String,
    ledger: Option<LedgerId>,
    begun: bool,
    draft: Value,
    attachments: Vec<FileForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    name: Line,
    media_type: Id,
    bytes: String,
}

/// A signed statement as one line of JSON.
#[must_use]
pub fn encode(submission: &Submission) -> Vec<u8> {
    let files: Vec<_> = submission.files.iter().map(|f| BASE64.encode(f)).collect();
    line(&json!({
        "schema": STATEMENT,
        "statement": BASE64.encode(submission.statement.bytes()),
        "signature": submission.statement.signature(),
        "attachments": files,
    }))
}

/// Reads a signed statement. Nothing in it is believed: appending checks it. The list of attachments may
/// be left out where their bytes come by another road.
///
/// # Errors
/// It is none.
pub fn decode(text: &[u8]) -> Result<Submission, String> {
    match decode_waiting(text)? {
        Waiting::Statement(submission) => Ok(submission),
        Waiting::Draft(_) => Err("it is a draft, and nobody signed it".to_owned()),
    }
}

/// What waits as one line of JSON.
#[must_use]
pub fn encode_waiting(waiting: &Waiting) -> Vec<u8> {
    match waiting {
        Waiting::Statement(submission) => encode(submission),
        Waiting::Draft(waiting) => {
            let file = |(name, media_type, bytes): &(Line, Id, Vec<u8>)| json!({ "name": name, "media_type": media_type, "bytes": BASE64.encode(bytes) });
            line(&json!({
                "schema": DRAFT,
                "ledger": waiting.ledger,
                "begun": waiting.begun,
                "draft": waiting.draft.to_json(),
                "attachments": waiting.files.iter().map(file).collect::<Vec<_>>(),
            }))
        }
    }
}

/// Reads what waits.
///
/// # Errors
/// It is neither of the two.
pub fn decode_waiting(text: &[u8]) -> Result<Waiting, String> {
    let named: SchemaName = read(text)?;
    match named.schema.as_str() {
        STATEMENT => statement(read(text)?).map(Waiting::Statement),
        DRAFT => draft(read(text)?).map(|waiting| Waiting::Draft(Box::new(waiting))),
        _ => Err("its schema is another".to_owned()),
    }
}

fn statement(form: StatementForm) -> Result<Submission, String> {
    let files = form.attachments.iter().map(|part| unarmoured(part));
    let files = files.collect::<Result<_, _>>()?;
    let statement = SignedStatement::from_parts(unarmoured(&form.statement)?, form.signature);
    Ok(Submission::new(statement, files))
}

fn draft(form: DraftForm) -> Result<WaitingDraft, String> {
    let draft = Draft::from_json(&form.draft.to_string());
    let file = |file: FileForm| Ok((file.name, file.media_type, unarmoured(&file.bytes)?));
    Ok(WaitingDraft {
        ledger: form.ledger,
        begun: form.begun,
        draft: draft.map_err(|fault| fault.to_string())?,
        files: form
            .attachments
            .into_iter()
            .map(file)
            .collect::<Result<_, String>>()?,
    })
}

fn line(form: &Value) -> Vec<u8> {
    format!("{form}\n").into_bytes()
}

fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|fault| fault.to_string())
}

fn unarmoured(text: &str) -> Result<Vec<u8>, String> {
    let decoded = BASE64.decode(text);
    decoded.map_err(|_| "a part is not base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::EventId;

    #[test]
    fn a_draft_comes_back_as_it_was() {
        let mut draft = Draft::from_json(
            r#"{"event":"step.failed","rotation":"r-1","step":"generate","error":"x","on_behalf_of":"olga"}"#,
        )
        .unwrap();
        draft.event_id = Some(EventId::from_bytes([7; 16]));
        draft.occurred = Some("2026-11-23T09:00:00.000001Z".parse().unwrap());
        let waiting = Waiting::Draft(Box::new(WaitingDraft {
            ledger: None,
            begun: true,
            draft,
            files: vec![(
                Line::new("a.txt").unwrap(),
                Id::new("text/plain").unwrap(),
                vec![0, 255],
            )],
        }));
        let text = encode_waiting(&waiting);
        assert_eq!(decode_waiting(&text).unwrap(), waiting);
        assert!(decode(&text).is_err());
    }

    #[test]
    fn other_texts_are_neither() {
        for text in ["", "{}", "{\"schema\":\"x\"}", "[1]"] {
            assert!(decode_waiting(text.as_bytes()).is_err(), "{text}");
        }
        let other = format!(
            "{{\"schema\":\"{STATEMENT}\",\"statement\":\"!\",\"signature\":\"00\",\"attachments\":[]}}"
        );
        assert!(decode(other.as_bytes()).is_err());
    }
}
