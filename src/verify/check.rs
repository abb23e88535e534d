//! What can be said of one entry by itself, on any core: its encoding, its hashes, the signature.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::codec::CodecError;
use crate::entry::Entry;
use crate::hash::LeafHash;
use crate::hash::Link;
use crate::key::PublicKey;
use crate::key::Verifier;
use crate::statement::Statement;
use crate::statement::signature_holds;

/// Keys admitted on this thread are kept, since decompressing one costs a tenth of a verification.
/// Few sign a ledger; a forged one with many keys must not fill the memory.
const CACHED_KEYS: usize = 1_024;

/// One entry, checked by itself.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) link: Link,
    pub(super) leaf: LeafHash,
    pub(super) content: Result<Content, CodecError>,
}

/// What a decodable entry says.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) sequence: u64,
    pub(super) previous: Link,
    pub(super) subject_previous: u64,
    pub(super) recorded: crate::time::Timestamp,
    pub(super) statement: Statement,
    pub(super) signed: bool,
}

impl Checked {
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

fn content(bytes: &[u8]) -> Result<Content, CodecError> {
    let entry = Entry::decode(bytes)?;
    let statement = Statement::decode(&entry.statement)?;
    let signed = admitted(&statement.author)
        .is_some_and(|author| signature_holds(&entry.statement, &author, &entry.signature));
    Ok(Content {
        sequence: entry.sequence,
        previous: entry.previous,
        subject_previous: entry.subject_previous,
        recorded: entry.recorded,
        statement,
        signed,
    })
}

fn admitted(key: &PublicKey) -> Option<Verifier> {
    thread_local! {
        static ADMITTED: RefCell<HashMap<PublicKey, Option<Verifier>>> = RefCell::default();
    }
    ADMITTED.with_borrow_mut(|admitted| {
        if let Some(known) = admitted.get(key) {
            return *known;
        }
        if admitted.len() >= CACHED_KEYS {
            admitted.clear();
        }
        let verifier = key.admit().ok();
        admitted.insert(*key, verifier);
        verifier
    })
}
