//! What an author says happened, and the signature under it (FORMAT.md, "Statement").
//!
//! ```text
//! statement = version u16 · ledger id [32] · event id [16] · occurred i64 · author [32]
//!           · on_behalf_of option · event (tag u32, fields) · attachments
//! signed    = "ledger-stmt-v1\n" ‖ BLAKE3(statement)           47 bytes, one SHA-512 block
//! ```
//!
//! A statement says what happened, not where it lands: a tool can sign it offline, spool it and
//! hand it over twice. The event id is the idempotency key, for ever.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::codec::{self, CodecError};
use crate::event::Event;
use crate::hash::{Blake3Digest, LedgerId, Sha256Digest};
use crate::key::{PublicKey, Signature, Signer, SignerError, Verifier};
use crate::register::Recorded;
use crate::text::{Id, Line};
use crate::time::Timestamp;

/// The one version of statements there is.
pub const VERSION: u16 = 1;

const CONTEXT: &[u8; 15] = b"ledger-stmt-v1\n";

/// The id its author gave an event: a UUID, version 7 where this program makes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct EventId([u8; 16]);

/// What an author says happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Statement {
    /// [`VERSION`].
    pub version: u16,
    /// The ledger it is meant for; zeros in the statement that creates one.
    pub ledger: LedgerId,
    /// The event's id.
    pub event_id: EventId,
    /// When it happened, as its author says.
    pub occurred: Timestamp,
    /// Whose signature stands under it.
    pub author: PublicKey,
    /// The person on whose behalf a service says it.
    pub on_behalf_of: Option<Id>,
    /// What happened.
    pub event: Event,
    /// Files that show it.
    pub attachments: Vec<Attachment>,
}

/// A file that shows what a statement says, by its digests.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Attachment {
    /// BLAKE3 of the file; its name in the store.
    pub blake3: Blake3Digest,
    /// SHA-256 of the file, for tools that know no BLAKE3.
    pub sha256: Sha256Digest,
    /// Its bytes.
    pub length: u64,
    /// Its media type, for example `text/plain`.
    pub media_type: Id,
    /// Its name, without a folder.
    pub name: Line,
}

/// A statement's bytes with its author's signature: what is handed over, spooled and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    bytes: Vec<u8>,
    signature: Signature,
}

impl EventId {
    /// Takes 16 bytes for an event id.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Uuid::from_bytes(self.0))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = String;

    /// Reads a UUID in its hyphenated lower-case form, so that each id has one text.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            "an event id is a UUID in lower case, for example 0198f2c0-7a10-7c33-9b1e-5d2a6c0e4f01"
                .to_owned()
        };
        let id = Self(*Uuid::try_parse(text).map_err(|_| fault())?.as_bytes());
        if id.to_string() == text && id.0 != [0; 16] {
            Ok(id)
        } else {
            Err(fault())
        }
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Statement {
    /// Whether the statement of these bytes is this one, said before: when it happened was fixed the first
    /// time, and a retry may have taken the present for it.
    #[must_use]
    pub fn is_again(&self, before: &[u8]) -> bool {
        Self::decode(before).is_ok_and(|mut before| {
            before.occurred = self.occurred;
            before == *self
        })
    }

    /// The statement as entry `sequence`, recorded then.
    #[must_use]
    pub const fn recorded_as(&self, sequence: u64, recorded: Timestamp) -> Recorded<'_> {
        Recorded {
            sequence,
            recorded,
            occurred: self.occurred,
            key: &self.author,
            on_behalf_of: self.on_behalf_of.as_ref(),
            event: &self.event,
        }
    }

    /// The statement's bytes.
    ///
    /// # Errors
    /// Where they would be too many to store.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(self)
    }

    /// Reads a statement's bytes, strictly.
    ///
    /// # Errors
    /// Where the bytes are not the one encoding of a version 1 statement.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode_version(bytes, VERSION, "statement")
    }

    /// Signs the statement with its author's key.
    ///
    /// # Errors
    /// Its bytes would be too many to store, or who keeps the key did not sign.
    pub fn sign(&self, key: &dyn Signer) -> Result<SignedStatement, SignError> {
        let bytes = self.encode()?;
        let signature = key.sign(&signed_message(&bytes))?;
        Ok(SignedStatement { bytes, signature })
    }
}

/// Why a statement was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Its bytes would be too many to store.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Who keeps the key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

impl SignedStatement {
    /// Puts together what was kept apart, in an entry or a spool file. Nothing is checked here.
    #[must_use]
    pub const fn from_parts(bytes: Vec<u8>, signature: Signature) -> Self {
        Self { bytes, signature }
    }

    /// The statement's bytes, as signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The author's signature.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// Whether `signature` is `author`'s under a statement of these bytes.
#[must_use]
pub fn signature_holds(statement: &[u8], author: &Verifier, signature: &Signature) -> bool {
    author.accepts(&signed_message(statement), signature)
}

/// What the author of a statement of these bytes signs.
#[must_use]
pub fn signed_message(statement: &[u8]) -> [u8; 47] {
    let mut message = [0; 47];
    message[..15].copy_from_slice(CONTEXT);
    message[15..].copy_from_slice(Blake3Digest::of(statement).as_bytes());
    message
}
