//! The time tokens in a ledger's folder, and the requests that wait for one in the state folder. Both files
//! of a token are written once; how they are named, `timetoken` knows. What a token is worth is for `verify`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, CheckpointError};
use crate::hash::Sha256Digest;
use crate::note::NOTE_LIMIT;
use crate::store::engine::{Engine, FolderEngine, PutOutcome};
use crate::store::publish::ImmutableFileError;
use crate::sys::disk::{DiskCause, DiskError};
use crate::sys::entropy::EntropyError;
use crate::sys::lock::{LockError, WriteLock};
use crate::sys::world::World;
use crate::timetoken::{
    NONCE_BYTES, RESPONSE_LIMIT, StoredToken, TIMESTAMPS, TimeRequest, TimeToken, TimeTokenError,
    TokenMismatch,
};

const REQUEST: &str = ".json";
const SCHEMA: &str = "rotation-ledger/timestamp-request/1";

/// Why there is no token, or none more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// What was to be stamped is no checkpoint.
    #[error("the checkpoint of the ledger cannot be stamped: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The response is no token.
    #[error(transparent)]
    Token(#[from] TimeTokenError),
    /// The response answers something else.
    #[error(transparent)]
    Unasked(#[from] TokenMismatch),
    /// No request waits.
    #[error("no request waits for a response")]
    NoRequest,
    /// A waiting request that this program did not write.
    #[error("the waiting request {} cannot be read: {why}", path.display())]
    Request {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The writer's lock was not had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file is there with other bytes.
    #[error(transparent)]
    Publish(#[from] ImmutableFileError),
    /// There were no random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// All tokens beside a ledger, by size. What is named otherwise, or longer than any token, is not among
/// them.
///
/// # Errors
/// The refusal of what keeps them.
pub fn list(ledger: &dyn Engine) -> Result<Vec<StoredToken>, DiskError> {
    let names = ledger.list(&format!("{TIMESTAMPS}/"))?;
    StoredToken::among(names.iter().cloned(), |name| {
        if !names.iter().any(|found| found == name) {
            return Ok(None);
        }
        match ledger.get(name, RESPONSE_LIMIT as u64) {
            Err(fault) if fault.cause() == DiskCause::TooLong => Ok(None),
            read => read,
        }
    })
}

/// A time-stamp request, and the checkpoint that is to be stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampRequest {
    /// The whole note.
    pub checkpoint: Vec<u8>,
    /// The request.
    pub request: TimeRequest,
}

#[derive(Serialize, Deserialize)]
struct PendingRequest {
    schema: String,
    checkpoint: String,
    imprint: Sha256Digest,
    nonce: String,
}

impl StampRequest {
    /// Asks for a token over the whole note, signatures and all: that the key had signed it by then
    /// is proven with it.
    ///
    /// # Errors
    /// There were no random bytes.
    pub fn new(world: &World, checkpoint: &[u8]) -> Result<Self, TimestampError> {
        let mut nonce = [0; NONCE_BYTES];
        world.entropy.fill(&mut nonce)?;
        Ok(Self {
            checkpoint: checkpoint.to_vec(),
            request: TimeRequest {
                imprint: Sha256Digest::of(checkpoint),
                nonce,
            },
        })
    }

    /// Keeps the request in the state folder until its response comes.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn keep(&self, state: &FolderEngine) -> Result<(), TimestampError> {
        let waiting = PendingRequest {
            schema: SCHEMA.to_owned(),
            checkpoint: String::from_utf8_lossy(&self.checkpoint).into_owned(),
            imprint: self.request.imprint,
            nonce: hex::encode(self.request.nonce),
        };
        let text = serde_json::to_vec(&waiting).map_err(|fault| TimestampError::Request {
            path: state.place(&self.name()),
            why: fault.to_string(),
        })?;
        Ok(state.replace(&self.name(), &text)?)
    }

    /// Forgets the request: its response came.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn forget(&self, state: &FolderEngine) -> Result<(), TimestampError> {
        Ok(state.remove(&self.name())?)
    }

    fn name(&self) -> String {
        let nonce = hex::encode(self.request.nonce);
        format!("{TIMESTAMPS}/{nonce}{REQUEST}")
    }

    fn read(state: &FolderEngine, name: &str) -> Result<Self, TimestampError> {
        let fault = |why: &str| TimestampError::Request {
            path: state.place(name),
            why: why.to_owned(),
        };
        let bytes = state.get(name, 2 * NOTE_LIMIT as u64)?;
        let bytes = bytes.ok_or_else(|| fault("it is no file"))?;
        let waiting: PendingRequest =
            serde_json::from_slice(&bytes).map_err(|why| fault(&why.to_string()))?;
        let mut nonce = [0; NONCE_BYTES];
        hex::decode_to_slice(&waiting.nonce, &mut nonce).map_err(|why| fault(&why.to_string()))?;
        let checkpoint = waiting.checkpoint.into_bytes();
        let imprint = Sha256Digest::of(&checkpoint);
        if imprint != waiting.imprint {
            return Err(fault("its checkpoint and its digest differ"));
        }
        let request = TimeRequest { imprint, nonce };
        Ok(Self {
            checkpoint,
            request,
        })
    }
}

/// The waiting request that a response answers.
///
/// # Errors
/// None waits, or it answers none of them: how it does not answer the one that is nearest.
pub fn asked_for(state: &FolderEngine, token: &TimeToken) -> Result<StampRequest, TimestampError> {
    let mut refusal = TimestampError::NoRequest;
    for found in state.list(&format!("{TIMESTAMPS}/"))? {
        if !found.ends_with(REQUEST) {
            continue;
        }
        let asked = StampRequest::read(state, &found)?;
        match asked.request.check(token) {
            Ok(()) => return Ok(asked),
            // A request over the same checkpoint says more about what went wrong.
            Err(nearer @ TokenMismatch::Nonce) => refusal = nearer.into(),
            Err(fault) if matches!(refusal, TimestampError::NoRequest) => refusal = fault.into(),
            Err(_) => {}
        }
    }
    Err(refusal)
}

/// Checks that a response answers what was asked, and keeps it durably in the ledger in `dir`.
///
/// # Errors
/// It was refused, is malformed or answers something else; or the disk's refusal.
pub fn store(
    world: &World,
    dir: &Path,
    wait: Duration,
    asked: &StampRequest,
    response: &[u8],
) -> Result<(StoredToken, TimeToken), TimestampError> {
    let token = TimeToken::parse(response)?;
    asked.request.check(&token)?;
    let size = checkpoint::stated(&asked.checkpoint)?.size;
    let stored = StoredToken::new(size, response, &asked.checkpoint);
    // A writer removes temporary files that it does not know of.
    let now = world.clock.now();
    let _lock = WriteLock::acquire(dir, wait, "storing a time token", now)?;
    let engine = FolderEngine::new(world.disk.clone(), dir);
    // The checkpoint first: a token without it would accuse the ledger.
    for (name, bytes) in [
        (stored.checkpoint_path(), &asked.checkpoint[..]),
        (stored.response_path(), response),
    ] {
        if engine.put_once(&name, bytes)? == PutOutcome::Occupied {
            let path = engine.place(&name);
            return Err(ImmutableFileError::Differs(path).into());
        }
    }
    Ok((stored, token))
}
