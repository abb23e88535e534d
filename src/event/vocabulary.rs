//! Every event there is, by its stored tag and its name, and how one is read from a draft.

use std::collections::BTreeMap;

use bincode::de::{Decode, Decoder};
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hash::Link;
use crate::text::Id;

use super::choice::Role;
use super::emergency::*;
use super::field::{DynField, FieldSpec};
use super::governance::*;
use super::honesty::*;
use super::inventory::*;
use super::payload::Payload;
use super::rotation::*;

/// What is known about one kind of event without having one.
#[derive(Debug, Clone, Copy)]
pub struct EventSpec {
    /// The stored tag.
    pub tag: u32,
    /// The name, for example `rotation.opened`.
    pub name: &'static str,
    /// What the event says.
    pub summary: &'static str,
    /// The SOP section or step it serves.
    pub sop: &'static str,
    /// The SOP's words there.
    pub quote: &'static str,
    /// Who may say it.
    pub roles: &'static [Role],
    /// Its fields, in stored order.
    pub fields: &'static [FieldSpec],
}

impl EventSpec {
    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields that the event cannot be without and that are not there.
    pub fn missing<'a>(
        &'static self,
        fields: &'a BTreeMap<String, Value>,
    ) -> impl Iterator<Item = &'static FieldSpec> + 'a {
        let is_missing = |field: &&FieldSpec| field.required && !fields.contains_key(field.name);
        self.fields.iter().filter(is_missing)
    }
}

/// Why a name and fields make no event. The values are not echoed: one may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// No event of that name.
    #[error("there is no event `{0}`")]
    Unknown(String),
    /// The fields do not fit the event.
    #[error("{event}: {fault}")]
    Fields {
        /// The event's name.
        event: &'static str,
        /// What does not fit.
        fault: String,
    },
}

macro_rules! vocabulary {
    ($($tag:literal $variant:ident = $name:literal),* $(,)?) => {
        /// One thing that was said. Closed; tags are stable.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "event", content = "fields")]
        #[expect(missing_docs, reason = "each variant is documented by its payload")]
        pub enum Event {
            $(#[serde(rename = $name)] $variant($variant)),*
        }

        // event = tag u32 · the payload's fields. The tags are written out, so that moving a
        // line here cannot change what is stored.
        impl Encode for Event {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(payload) => {
                        Encode::encode(&($tag as u32), encoder)?;
                        payload.encode(encoder)
                    })*
                }
            }
        }

        impl<Context> Decode<Context> for Event {
            fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
                match u32::decode(decoder)? {
                    $($tag => Ok(Self::$variant(<$variant as Decode<Context>>::decode(decoder)?)),)*
                    tag => Err(DecodeError::OtherString(format!("there is no event with tag {tag}"))),
                }
            }
        }

        /// Every event there is, by tag.
        pub const VOCABULARY: &[EventSpec] = &[
            $(EventSpec {
                tag: $tag,
                name: $name,
                summary: <$variant as Payload>::SUMMARY,
                sop: <$variant as Payload>::SOP,
                quote: <$variant as Payload>::QUOTE,
                roles: <$variant as Payload>::ROLES,
                fields: <$variant as Payload>::FIELDS,
            }),*
        ];

        impl Event {
            /// The name, for example `rotation.opened`.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),* }
            }

            /// Who may say it.
            #[must_use]
            pub const fn roles(&self) -> &'static [Role] {
                match self { $(Self::$variant(_) => <$variant as Payload>::ROLES),* }
            }

            /// Shows each field to `look`, in stored order.
            pub fn fields<'a>(&'a self, look: &mut dyn FnMut(&'static FieldSpec, &'a dyn DynField)) {
                match self { $(Self::$variant(payload) => payload.fields(look)),* }
            }
        }

        $(impl From<$variant> for Event {
            fn from(payload: $variant) -> Self {
                Self::$variant(payload)
            }
        })*
    };
}

bincode::impl_borrow_decode!(Event);

vocabulary! {
    0 LedgerCreated = "ledger.created",
    1 ActorEnrolled = "actor.enrolled",
    2 ActorRevoked = "actor.revoked",
    3 PolicySet = "policy.set",
    4 SealingKeyReplaced = "sealing_key.replaced",
    5 PackExported = "pack.exported",
    6 StoreRecovered = "store.recovered",
    7 SecretRegistered = "secret.registered",
    8 SecretUpdated = "secret.updated",
    9 SecretRetired = "secret.retired",
    10 InventoryAttested = "inventory.attested",
    11 RotationOpened = "rotation.opened",
    12 RotationApproved = "rotation.approved",
    13 PreconditionsConfirmed = "preconditions.confirmed",
    14 ReplacementGenerated = "replacement.generated",
    15 DualRunStarted = "dual_run.started",
    16 DualRunNotSupported = "dual_run.not_supported",
    17 ReplacementValidated = "replacement.validated",
    18 CutoverCompleted = "cutover.completed",
    19 HealthConfirmed = "health.confirmed",
    20 SecretRevoked = "secret.revoked",
    21 RevocationVerified = "revocation.verified",
    22 RotationCompleted = "rotation.completed",
    23 RotationConfirmed = "rotation.confirmed",
    24 RotationRecorded = "rotation.recorded",
    25 StepFailed = "step.failed",
    26 RollbackCompleted = "rollback.completed",
    27 RotationAborted = "rotation.aborted",
    28 IncidentDeclared = "incident.declared",
    29 RunbookExecuted = "runbook.executed",
    30 PostIncidentReported = "post_incident.reported",
    31 EntryAnnotated = "entry.annotated",
    32 EntryCorrected = "entry.corrected",
    33 ExceptionGranted = "exception.granted",
    34 EvidenceAttached = "evidence.attached",
    35 EvidenceExpunged = "evidence.expunged",
    36 SourceObserved = "source.observed",
    37 SourceGap = "source.gap",
    38 StepPerformed = "step.performed",
    39 TokenIssued = "token.issued",
    40 TokenRevoked = "token.revoked",
    41 FindingAccepted = "finding.accepted",
    42 SealingKeyRecovered = "sealing_key.recovered",
    43 SegmentsArchived = "segments.archived",
    44 NamespacesSet = "namespaces.set",
    45 ScanException = "scan.exception",
}

/// The kind of event of this name.
#[must_use]
pub fn spec(name: &str) -> Option<&'static EventSpec> {
    VOCABULARY.iter().find(|spec| spec.name == name)
}

impl Event {
    /// Parses a name and its fields, as drafts give them.
    ///
    /// # Errors
    /// An unknown name; a field that is unknown, missing or not what it should be.
    pub fn parse(name: &str, fields: BTreeMap<String, Value>) -> Result<Self, EventError> {
        let spec =
            spec(name).ok_or_else(|| EventError::Unknown(name.chars().take(64).collect()))?;
        let fault = |fault: String| EventError::Fields {
            event: spec.name,
            fault,
        };
        for field in fields.keys() {
            if !spec.fields.iter().any(|known| known.name == field) {
                let field: String = field.chars().take(64).collect();
                let known: Vec<_> = spec.fields.iter().map(|known| known.name).collect();
                return Err(fault(format!(
                    "there is no field `{field}`; its fields are {}",
                    known.join(", ")
                )));
            }
        }
        // Each field is tried in the event's place of it, so that a fault can name the field
        // without echoing the value.
        for known in spec.fields.iter().filter(|known| known.required) {
            if !fields.contains_key(known.name) {
                return Err(fault(format!(
                    "the field `{}` is missing: {}",
                    known.name,
                    known.help.trim()
                )));
            }
        }
        for known in spec.fields {
            if let Some(value) = fields.get(known.name) {
                known
                    .check_form(value)
                    .map_err(|what| fault(format!("the field `{}` {what}", known.name)))?;
            }
        }
        let draft = serde_json::json!({ "event": spec.name, "fields": fields });
        serde_json::from_value(draft).map_err(|error| fault(error.to_string()))
    }

    /// The fields as JSON, those that may be left out and say nothing left out.
    #[must_use]
    pub fn to_fields(&self) -> Value {
        let said = match serde_json::to_value(self) {
            Ok(Value::Object(mut event)) => event.remove("fields"),
            _ => None,
        };
        let (Some(Value::Object(mut said)), Some(spec)) = (said, self.spec()) else {
            return Value::Null;
        };
        // An empty list is left out of the serialised form even where the event cannot be without.
        let value = |field: &FieldSpec| {
            let empty = (field.required && field.many).then(|| Value::Array(Vec::new()));
            Some((field.name.to_owned(), said.remove(field.name).or(empty)?))
        };
        Value::Object(spec.fields.iter().filter_map(value).collect())
    }

    /// The kind of event this is.
    #[must_use]
    pub fn spec(&self) -> Option<&'static EventSpec> {
        spec(self.name())
    }

    /// The rotation it speaks of.
    #[must_use]
    pub fn rotation(&self) -> Option<&Id> {
        self.id_in("rotation")
    }

    /// The secret it names itself; a rotation or an incident may lead to one that it does not name.
    #[must_use]
    pub fn secret(&self) -> Option<&Id> {
        self.id_in("secret")
    }

    /// The incident it speaks of.
    #[must_use]
    pub fn incident(&self) -> Option<&Id> {
        self.id_in("incident")
    }

    /// The earlier entry that it is a word about, with the link that its author saw there.
    #[must_use]
    pub const fn about(&self) -> Option<(u64, Link)> {
        match self {
            Self::EntryAnnotated(annotated) => Some((annotated.entry, annotated.link)),
            Self::EntryCorrected(corrected) => Some((corrected.entry, corrected.link)),
            Self::FindingAccepted(accepted) => Some((accepted.entry, accepted.link)),
            _ => None,
        }
    }

    fn id_in(&self, name: &str) -> Option<&Id> {
        let mut found = None;
        self.fields(&mut |spec, field| {
            if spec.name == name {
                found = field.id();
            }
        });
        found
    }
}
