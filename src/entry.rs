//! A statement in its place: the bytes that are linked, hashed and stored (FORMAT.md, "Entry").
//!
//! ```text
//! entry = version u16 · sequence u64 · previous [32] · subject_previous u64 · recorded i64
//!       · statement (length u64, bytes) · signature [64]
//! ```

use bincode::{Decode, Encode};

use crate::codec;
use crate::codec::CodecError;
use crate::hash::Link;
use crate::key::Signature;
use crate::statement::SignedStatement;
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
