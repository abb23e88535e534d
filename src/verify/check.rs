//! What can be said of entries by themselves, on any core: its encoding, its hashes, the signature.

use crate::bulk::{self, SignedMessage};
use crate::codec::CodecError;
use crate::entry::Entry;
use crate::hash::{LeafHash, Link};
use crate::key::Signature;
use crate::statement::{Statement, signed_message};

/// One entry, checked without those before it.
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
    /// Checks the stored bytes of some entries. The bytes themselves are hashed, never an encoding
    /// made again.
    pub(super) fn of_each(entries: Vec<Vec<u8>>) -> Vec<Self> {
        let decoded: Vec<_> = entries.iter().map(|bytes| decoded(bytes)).collect();
        let signed = decoded.iter().flatten().map(|entry| SignedMessage {
            key: entry.content.statement.author,
            message: &entry.message,
            signature: &entry.signature,
        });
        let mut signed = bulk::hold(&signed.collect::<Vec<_>>()).into_iter();
        let contents = decoded.into_iter().map(|entry| {
            let entry = entry?;
            Ok(EntryContent {
                signed: signed.next().unwrap_or(false),
                ..entry.content
            })
        });
        let checked = entries.iter().zip(contents);
        let checked = checked.map(|(bytes, content)| Self {
            link: Link::of(bytes),
            leaf: LeafHash::of(bytes),
            content,
        });
        checked.collect()
    }
}

/// An entry whose signature was not looked at.
struct DecodedEntry {
    content: EntryContent,
    message: [u8; 47],
    signature: Signature,
}

fn decoded(bytes: &[u8]) -> Result<DecodedEntry, CodecError> {
    let entry = Entry::decode(bytes)?;
    let statement = Statement::decode(&entry.statement)?;
    Ok(DecodedEntry {
        message: signed_message(&entry.statement),
        signature: entry.signature,
        content: EntryContent {
            sequence: entry.sequence,
            previous: entry.previous,
            subject_previous: entry.subject_previous,
            recorded: entry.recorded,
            statement,
            signed: false,
        },
    })
}
