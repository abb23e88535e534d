//! What can be said of one entry by itself, on any core: its encoding, its hashes, the signature.

use crate::codec::CodecError;
use crate::entry::Entry;
use crate::hash::{LeafHash, Link};
use crate::statement::{Statement, signature_holds};

/// One entry, checked by itself.
#[derive(Debug)]
pub(super) struct CheckedEntry {
    pub(super) link: Link,
    pub(super) leaf: LeafHash,
    pub(super) content: Result<EntryContent, CodecError>,
}

/// What a decodable entry says.
#[derive(Debug)]
pub(super) struct EntryContent {
    pub(super) sequence: u64,
    pub(super) previous: Link,
    pub(super) subject_previous: u64,
    pub(super) recorded: crate::time::Timestamp,
    pub(super) statement: Statement,
    pub(super) signed: bool,
}

impl CheckedEntry {
    /// Checks the stored bytes of one entry. The bytes themselves are hashed, never an encoding
    /// made again.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            link: Link::of(bytes),
            leaf: LeafHash::of(bytes),
            content: content(bytes),
        }
    }
}

fn content(bytes: &[u8]) -> Result<EntryContent, CodecError> {
    let entry = Entry::decode(bytes)?;
    let statement = Statement::decode(&entry.statement)?;
    let signed = statement
        .author
        .admit_once()
        .is_some_and(|author| signature_holds(&entry.statement, &author, &entry.signature));
    Ok(EntryContent {
        sequence: entry.sequence,
        previous: entry.previous,
        subject_previous: entry.subject_previous,
        recorded: entry.recorded,
        statement,
        signed,
    })
}
