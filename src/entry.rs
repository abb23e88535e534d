//! A statement in its place: the bytes that are linked, hashed and stored (FORMAT.md, "Entry").
//!
//! ```text
//! entry = version u16 · sequence u64 · previous [32] · subject_previous u64 · recorded i64
//!       · statement (length u64, bytes) · signature [64]
//! ```

use bincode::{Decode, Encode};
use serde_json::{Value, json};

use crate::codec::{self, CodecError};
use crate::hash::Link;
use crate::key::Signature;
use crate::register::Recorded;
use crate::statement::{SignedStatement, Statement};
use crate::text::Id;
use crate::time::Timestamp;

/// The one version of entries there is.
pub const VERSION: u16 = 1;

/// The most bytes an entry may have: C2SP tlog-tiles stores its length in 16 bits.
pub const LIMIT: usize = codec::LIMIT;

/// A statement in its place.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// [`VERSION`].
    pub version: u16,
    /// Its place, from 0 without gaps.
    pub sequence: u64,
    /// The link of the entry before; zeros in entry 0.
    pub previous: Link,
    /// 1 + the sequence of the entry before about the same secret; 0 where there is none. Threads
    /// the entries of one secret, so that a pack about it shows a hole in its middle.
    pub subject_previous: u64,
    /// When it was recorded, by the ledger's clock.
    pub recorded: Timestamp,
    /// The statement's bytes, as signed.
    pub statement: Vec<u8>,
    /// The author's signature.
    pub signature: Signature,
}

impl Entry {
    /// Puts a signed statement in its place.
    #[must_use]
    pub fn place(
        sequence: u64,
        previous: Link,
        subject_previous: u64,
        recorded: Timestamp,
        statement: SignedStatement,
    ) -> Self {
        let signature = *statement.signature();
        Self {
            version: VERSION,
            sequence,
            previous,
            subject_previous,
            recorded,
            statement: statement.bytes().to_vec(),
            signature,
        }
    }

    /// The entry's bytes: these are stored, linked and hashed.
    ///
    /// # Errors
    /// Where they would be more than [`LIMIT`].
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(self)
    }

    /// Reads an entry's stored bytes, strictly.
    ///
    /// # Errors
    /// Where the bytes are not the one encoding of a version 1 entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode_version(bytes, VERSION, "entry")
    }
}

/// Reads an entry's stored bytes, and what its author says in them.
///
/// # Errors
/// They are not the one encoding of an entry, or those in it not of a statement.
pub fn read(bytes: &[u8]) -> Result<(Entry, Statement), CodecError> {
    let entry = Entry::decode(bytes)?;
    let statement = Statement::decode(&entry.statement)?;
    Ok((entry, statement))
}

/// One entry, decoded and not verified.
#[derive(Debug, Clone)]
pub struct StoredEntry {
    /// Its place.
    pub sequence: u64,
    /// Its stored bytes.
    pub bytes: Vec<u8>,
    /// The link of those bytes.
    pub link: Link,
    /// What the bytes say.
    pub entry: Entry,
    /// What its author says.
    pub statement: Statement,
}

impl StoredEntry {
    /// Takes stored bytes for the entry at `sequence`. Nothing is verified.
    ///
    /// # Errors
    /// They are not the one encoding of an entry.
    pub fn of(sequence: u64, bytes: Vec<u8>) -> Result<Self, CodecError> {
        let (entry, statement) = read(&bytes)?;
        Ok(Self {
            sequence,
            link: Link::of(&bytes),
            bytes,
            entry,
            statement,
        })
    }

    /// What it says, as it was recorded.
    #[must_use]
    pub const fn recorded(&self) -> Recorded<'_> {
        let statement = &self.statement;
        statement.recorded_as(self.sequence, self.entry.recorded)
    }

    /// The entry as JSON, with everything that it says; who said it and about which secret is known
    /// from other entries.
    #[must_use]
    pub fn to_json(&self, actor: &str, secret: Option<&Id>) -> Value {
        let statement = &self.statement;
        json!({
            "sequence": self.sequence,
            "event": statement.event.name(),
            "event_id": statement.event_id,
            "occurred_utc": statement.occurred,
            "recorded_utc": self.entry.recorded,
            "actor": actor,
            "author": statement.author,
            "on_behalf_of": statement.on_behalf_of,
            "secret": secret,
            "fields": statement.event.to_fields(),
            "attachments": statement.attachments,
            "link": self.link,
            "previous": self.entry.previous,
            "signature": self.entry.signature,
        })
    }
}
