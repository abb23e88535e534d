//! What the last writer knew, beside the index, so that the next process need not open it.
//!
//! Opening sled costs a process some ten milliseconds, whatever is asked of it; a tool that appends
//! one step of an open rotation needs the charter, that rotation and its secret. They are kept in
//! the file `index.warm`, for exactly one size and last link of the log. It holds any part of what
//! is known and may be lost, stale or damaged at any time: then the index is opened as ever.
//!
//! ```text
//! index.warm = BLAKE3(state) [32] · state
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use bincode::{Decode, Encode};

use crate::codec;
use crate::hash::{Blake3Digest, Link};
use crate::register::{LedgerState, Register, SecretThread};
use crate::rotation::{Incident, Rotation};
use crate::store::engine::Engine;
use crate::store::publish;
use crate::sys::disk::Disk;
use crate::text::Id;

/// The file beside the index.
pub(crate) const WARM_FILE: &str = "index.warm";

/// The longest file that is read: what is longer is made again.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Parts of each kind that are kept: what is being worked on, not what ever was.
const MOST: usize = 32;

/// What was known at one end of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EdgeCache {
    /// Entries in the log.
    pub(crate) size: u64,
    /// The link of the last of them.
    pub(crate) link: Link,
    charter: LedgerState,
    secrets: BTreeMap<Id, SecretThread>,
    rotations: BTreeMap<Id, Box<Rotation>>,
    incidents: BTreeMap<Id, Incident>,
}

impl EdgeCache {
    /// Keeps what of `register` was `touched` last, and some of the rest.
    pub(crate) fn of(
        size: u64,
        link: Link,
        register: &Register,
        touched: &dyn Fn(&Id) -> bool,
    ) -> Self {
        Self {
            size,
            link,
            charter: register.charter.clone(),
            secrets: some(&register.secrets, touched),
            rotations: some(&register.rotations, touched),
            incidents: some(&register.incidents, touched),
        }
    }

    /// The parts, as a register that lacks the others.
    pub(crate) fn into_register(self) -> Register {
        Register {
            charter: self.charter,
            secrets: self.secrets,
            rotations: self.rotations,
            incidents: self.incidents,
        }
    }

    /// Reads the file in the ledger's folder; nothing where it is not whole.
    pub(crate) fn read(ledger: &dyn Engine) -> Option<Self> {
        state_in(&ledger.get(WARM_FILE, MOST_BYTES).ok()??)
    }

    /// Writes the file. That it could not be written costs the next process some time.
    pub(crate) fn write(&self, disk: &dyn Disk, dir: &Path) {
        if let Some(bytes) = file_of(self) {
            let _ = publish::in_place(disk, &dir.join(WARM_FILE), &bytes);
        }
    }
}

/// The file that keeps what can be made again: the digest of a state, and the state.
pub(crate) fn file_of<T: Encode>(state: &T) -> Option<Vec<u8>> {
    let state = codec::encode_state(state).ok()?;
    Some([Blake3Digest::of(&state).as_bytes().as_slice(), &state].concat())
}

/// What such a file keeps; nothing where it is not what was written.
pub(crate) fn state_in<T: Decode<()>>(file: &[u8]) -> Option<T> {
    let (digest, state) = file.split_first_chunk::<32>()?;
    (Blake3Digest::of(state).as_bytes() == digest).then(|| codec::decode_state(state).ok())?
}

fn some<T: Clone>(parts: &BTreeMap<Id, T>, touched: &dyn Fn(&Id) -> bool) -> BTreeMap<Id, T> {
    let first = parts.iter().filter(|(id, _)| touched(id));
    let then = parts.iter().filter(|(id, _)| !touched(id));
    first
        .chain(then)
        .take(MOST)
        .map(|(id, part)| (id.clone(), part.clone()))
        .collect()
}
