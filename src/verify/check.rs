//! What can be said of entries by themselves, on any core: its encoding, its hashes, the signature.

use crate::bulk::{self, SignedMessage};
use crate::codec::CodecError;
use crate::entry::Entry;
use crate::hash::{LeafHash, Link};
use crate::key::Signature;
use crate::statement::{Statement, signed_message};

/// What is known of the signatures of some entries before they are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownSignatures {
    /// Of how many of them, the first.
    pub(super) of_first: usize,
    /// What that is.
    pub(super) they: AuthorSignature,
}

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
    pub(super) signed: AuthorSignature,
}

/// What is known of an author's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthorSignature {
    /// It is the author's.
    Holds,
    /// It is not.
    Fails,
    /// The reader checked it before, and it is not checked again.
    HeldBefore,
}

impl CheckedEntry {
    /// Checks the stored bytes of some entries; what is `known` of the signatures of the first is not asked again. The
    /// bytes themselves are hashed, never an encoding made again.
    pub(super) fn of_each(entries: Vec<Vec<u8>>, known: KnownSignatures) -> Vec<Self> {
        let decoded: Vec<_> = entries.iter().map(|bytes| decoded(bytes)).collect();
        let new = decoded.iter().skip(known.of_first).flatten();
        let signed = new.map(|entry| SignedMessage {
            key: entry.content.statement.author,
            message: &entry.message,
            signature: &entry.signature,
        });
        let mut signed = bulk::hold(&signed.collect::<Vec<_>>()).into_iter();
        let contents = decoded.into_iter().enumerate().map(|(at, entry)| {
            let content = entry?.content;
            let signed = match at < known.of_first {
                true => known.they,
                false if signed.next() == Some(true) => AuthorSignature::Holds,
                false => AuthorSignature::Fails,
            };
            Ok(EntryContent { signed, ..content })
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
            signed: AuthorSignature::Fails,
        },
    })
}
