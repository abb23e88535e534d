//! A draft: what a tool or a person wants to say, before it is signed.
//!
//! ```json
//! {"event": "rotation.opened", "occurred_utc": "2026-11-23T09:00:00Z", "attachments": ["run.log"],
//!  "rotation": "rot-1", "secret": "db/orders", …the event's other fields, flat…}
//! ```
//!
//! Signing is the last moment at which secret material can be kept out without a trace: everything
//! is looked through first, and what is refused was neither signed nor stored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::append::screen::{Screening, SecretMatch};
use crate::append::submission::Submission;
use crate::event::{Event, EventError};
use crate::hash::{Blake3Digest, LedgerId, Sha256Digest};
use crate::key::Signer;
use crate::ledger::Blame;
use crate::statement::{self, Attachment, EventId, SignError, Statement};
use crate::sys::entropy::{EntropyError, uuid_v7};
use crate::sys::world::World;
use crate::text::{Id, Line};
use crate::time::Timestamp;

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What happened.
    pub event: Event,
    /// The event's id; a new one where there is none.
    pub event_id: Option<EventId>,
    /// When it happened; now where it is not said.
    pub occurred: Option<Timestamp>,
    /// The person on whose behalf a service says it.
    pub on_behalf_of: Option<Id>,
    /// Files to attach, which the caller reads.
    pub attachments: Vec<PathBuf>,
}

/// Why a draft was not signed. No value of a field is echoed: it may be a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// Not one JSON object.
    #[error("the draft is not a JSON object: {0}")]
    Json(String),
    /// A member that every draft may have is not what it should be.
    #[error("`{member}` {fault}")]
    Member {
        /// The member.
        member: &'static str,
        /// What is wrong with it.
        fault: String,
    },
    /// No such event, or other fields than it has.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Secret material.
    #[error(transparent)]
    Secret(#[from] SecretMatch),
    /// `evidence.attached` without any.
    #[error("evidence.attached needs a file: attach at least one")]
    NoEvidence,
    /// Too large to store, or nobody signed.
    #[error("the statement cannot be signed: {0}")]
    Sign(#[from] SignError),
    /// No random bytes for the event id.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// A draft and the files that are to be attached, in which no secret material was found.
#[derive(Debug, Clone, Copy)]
pub struct ScreenedDraft<'a> {
    draft: &'a Draft,
    files: &'a [(Line, Id, Vec<u8>)],
    /// Nobody had to let anything pass, so that nobody has to look at it again.
    is_without_exceptions: bool,
}

impl DraftError {
    /// Whom it is to be laid at.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Json(_) | Self::Sign(SignError::Signer(_)) => Blame::Usage,
            Self::Entropy(_) => Blame::Temporary,
            _ => Blame::Refused,
        }
    }
}

/// An event that happens now, with nothing beside it.
impl From<Event> for Draft {
    fn from(event: Event) -> Self {
        Self {
            event,
            event_id: None,
            occurred: None,
            on_behalf_of: None,
            attachments: Vec::new(),
        }
    }
}

impl Draft {
    /// Reads a draft: one JSON object.
    ///
    /// # Errors
    /// Not JSON, no such event, a member or field that is unknown, missing or not what it should be.
    pub fn from_json(text: &str) -> Result<Self, DraftError> {
        // The parser's own message echoes nothing of the text but its position.
        let mut members: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|fault| {
            DraftError::Json(format!(
                "{:?} error in line {}, column {}",
                fault.classify(),
                fault.line(),
                fault.column()
            ))
        })?;
        let name = take(&mut members, "event", parse_text)?.ok_or_else(|| {
            member(
                "event",
                "is missing: name an event, such as rotation.opened",
            )
        })?;
        let event_id = take(&mut members, "event_id", |value| {
            parse_text(value)?.parse::<EventId>()
        })?;
        let occurred = take(&mut members, "occurred_utc", |value| {
            parse_text(value)?
                .parse::<Timestamp>()
                .map_err(|_| "is not a time such as 2026-01-31T09:00:00Z".to_owned())
        })?;
        let on_behalf_of = take(&mut members, "on_behalf_of", |value| {
            Id::new(parse_text(value)?).map_err(|fault| fault.to_string())
        })?;
        let attachments = take(&mut members, "attachments", |value| match value {
            Value::Array(paths) => paths
                .into_iter()
                .map(|path| parse_text(path).map(PathBuf::from))
                .collect(),
            _ => Err("needs a list of paths".to_owned()),
        })?;
        Ok(Self {
            event: Event::parse(&name, members)?,
            event_id,
            occurred,
            on_behalf_of,
            attachments: attachments.unwrap_or_default(),
        })
    }

    /// The draft as [`from_json`](Self::from_json) reads it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = serde_json::Map::new();
        members.insert("event".to_owned(), Value::from(self.event.name()));
        let mut say = |name: &str, value: Option<String>| {
            members.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        };
        say("event_id", self.event_id.map(|id| id.to_string()));
        say("occurred_utc", self.occurred.map(|time| time.to_string()));
        say(
            "on_behalf_of",
            self.on_behalf_of.as_ref().map(Id::to_string),
        );
        if !self.attachments.is_empty() {
            let paths = self.attachments.iter();
            let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
            members.insert("attachments".to_owned(), Value::from(paths));
        }
        if let Value::Object(fields) = self.event.to_fields() {
            members.extend(fields);
        }
        Value::Object(members)
    }

    /// Looks it through, with the files (name, media type, bytes) that are to be attached.
    ///
    /// # Errors
    /// Secret material, no evidence where there must be some.
    pub fn screen<'a>(
        &'a self,
        files: &'a [(Line, Id, Vec<u8>)],
        screening: Screening<'_>,
    ) -> Result<ScreenedDraft<'a>, DraftError> {
        screening.texts(&self.event, self.on_behalf_of.as_ref())?;
        for (name, media_type, bytes) in files {
            screening.file(name, media_type, bytes)?;
        }
        match self.event {
            Event::EvidenceAttached(_) if files.is_empty() => Err(DraftError::NoEvidence),
            _ => Ok(ScreenedDraft {
                draft: self,
                files,
                is_without_exceptions: screening.excepted.is_empty(),
            }),
        }
    }

    /// Signs the draft for `ledger` with its author's `key`, with these files (name, media type,
    /// bytes) attached, after everything was looked through for secret material and for the `known`
    /// values.
    ///
    /// # Errors
    /// Secret material, no evidence where there must be some, or too much to store.
    pub fn sign<'a>(
        self,
        ledger: LedgerId,
        key: &dyn Signer,
        world: &World,
        files: Vec<(Line, Id, Vec<u8>)>,
        screening: impl Into<Screening<'a>>,
    ) -> Result<Submission, DraftError> {
        self.screen(&files, screening.into())?
            .sign(ledger, key, world)
    }
}

impl ScreenedDraft<'_> {
    /// Signs it for `ledger` with its author's `key`.
    ///
    /// # Errors
    /// Too much to store, or nobody signed.
    pub fn sign(
        &self,
        ledger: LedgerId,
        key: &dyn Signer,
        world: &World,
    ) -> Result<Submission, DraftError> {
        let draft = self.draft;
        let now = world.clock.now();
        let event_id = match draft.event_id {
            Some(id) => id,
            None => EventId::from_bytes(uuid_v7(now, &*world.entropy)?),
        };
        let mut attachments = Vec::with_capacity(self.files.len());
        let mut contents = Vec::with_capacity(self.files.len());
        for (name, media_type, bytes) in self.files {
            attachments.push(Attachment {
                blake3: Blake3Digest::of(bytes),
                sha256: Sha256Digest::of(bytes),
                length: bytes.len() as u64,
                media_type: media_type.clone(),
                name: name.clone(),
            });
            contents.push(bytes.clone());
        }
        let statement = Statement {
            version: statement::VERSION,
            ledger,
            event_id,
            occurred: draft.occurred.unwrap_or(now),
            author: key.public(),
            on_behalf_of: draft.on_behalf_of.clone(),
            event: draft.event.clone(),
            attachments,
        };
        let submission = Submission::new(statement.sign(key)?, contents);
        Ok(submission.made_here(self.is_without_exceptions, key.is_here()))
    }
}

fn member(member: &'static str, fault: &str) -> DraftError {
    DraftError::Member {
        member,
        fault: fault.to_owned(),
    }
}

fn parse_text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("needs a text".to_owned()),
    }
}

/// Takes a member out, where it is there and not null.
fn take<T>(
    members: &mut BTreeMap<String, Value>,
    name: &'static str,
    parse: impl FnOnce(Value) -> Result<T, String>,
) -> Result<Option<T>, DraftError> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => parse(value).map(Some).map_err(|fault| DraftError::Member {
            member: name,
            fault,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::KnownValue;
    use crate::key::SecretKey;
    use crate::sys::entropy::CountingEntropy;
    use crate::time::StoppedClock;
    use std::sync::Arc;

    const OPENED: &str =
        r#"{"event":"runbook.executed","incident":"inc-1","runbook":"wiki/rb@7","summary":"done"#;

    fn world() -> World {
        World {
            clock: Arc::new(StoppedClock("2026-11-23T09:00:00Z".parse().unwrap())),
            entropy: Arc::new(CountingEntropy::new(1)),
            ..World::system()
        }
    }

    fn sign(draft: Draft) -> Result<Submission, DraftError> {
        draft.sign(
            LedgerId::ZERO,
            &SecretKey::from_seed(&[1; 32]),
            &world(),
            Vec::new(),
            &[],
        )
    }

    #[test]
    fn what_is_not_said_is_made_new_or_now() {
        let draft = Draft::from_json(&format!("{OPENED}\"}}")).unwrap();
        let signed = sign(draft).unwrap();
        let statement = Statement::decode(signed.statement.bytes()).unwrap();
        assert_eq!(statement.occurred, world().clock.now());
        assert_ne!(statement.event_id, EventId::from_bytes([0; 16]));
    }

    #[test]
    fn everything_can_be_said() {
        let said = format!(
            "{OPENED}\",\"event_id\":\"0198f2c0-7a10-7c33-9b1e-5d2a6c0e4f01\",\"occurred_utc\":\"2026-01-31T09:00:00Z\",\"on_behalf_of\":\"ann\",\"attachments\":[\"a.log\"]}}"
        );
        let draft = Draft::from_json(&said).unwrap();
        assert_eq!(draft.attachments, [PathBuf::from("a.log")]);
        assert_eq!(draft.on_behalf_of, Some(Id::new("ann").unwrap()));
        let statement = Statement::decode(sign(draft).unwrap().statement.bytes()).unwrap();
        assert_eq!(
            statement.event_id.to_string(),
            "0198f2c0-7a10-7c33-9b1e-5d2a6c0e4f01"
        );
        assert_eq!(statement.occurred.to_string(), "2026-01-31T09:00:00Z");
    }

    #[test]
    fn a_fault_names_its_place_and_echoes_no_value() {
        for (text, place) in [
            ("hunter2hunter2".to_owned(), "JSON"),
            (
                format!("{OPENED}\",\"event_id\":\"hunter2hunter2\"}}"),
                "event_id",
            ),
            (
                format!("{OPENED}\",\"occurred_utc\":\"hunter2hunter2\"}}"),
                "occurred_utc",
            ),
            (
                format!("{OPENED}\",\"attachments\":\"hunter2hunter2\"}}"),
                "attachments",
            ),
            (format!("{OPENED} hunter2hunter2\\u0000\"}}"), "summary"),
            (format!("{OPENED}\",\"runbook\":7}}"), "runbook"),
        ] {
            let fault = Draft::from_json(&text).unwrap_err().to_string();
            assert!(
                fault.contains(place) && !fault.contains("hunter2"),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_planted_token_is_named_by_field_and_kind_and_never_signed() {
        let token = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
        let draft = Draft::from_json(&format!("{OPENED} with {token}\"}}")).unwrap();
        let fault = sign(draft).unwrap_err();
        let said = fault.to_string();
        assert!(matches!(fault, DraftError::Secret(_)), "{said}");
        assert!(
            said.contains("`summary`") && said.contains("GitHub token") && !said.contains(token),
            "{said}"
        );
    }

    #[test]
    fn a_known_value_is_found_in_text_and_file() {
        let known = [KnownValue::new(b"Tr0ub4dor").unwrap()];
        let key = SecretKey::from_seed(&[1; 32]);
        let draft = |summary: &str| Draft::from_json(&format!("{OPENED} {summary}\"}}")).unwrap();
        let file = |bytes: &[u8]| {
            vec![(
                Line::new("run.log").unwrap(),
                Id::new("text/plain").unwrap(),
                bytes.to_vec(),
            )]
        };
        let sign = |draft: Draft, files| draft.sign(LedgerId::ZERO, &key, &world(), files, &known);
        assert!(sign(draft("ok"), file(b"ok")).is_ok());
        let fault = sign(draft("Tr0ub4dor"), file(b"ok"))
            .unwrap_err()
            .to_string();
        assert!(fault.contains("`summary`"), "{fault}");
        let fault = sign(draft("ok"), file(b"user=a\nx=Tr0ub4dor"))
            .unwrap_err()
            .to_string();
        assert!(
            fault.contains("run.log") && !fault.contains("Tr0ub"),
            "{fault}"
        );
    }
}
