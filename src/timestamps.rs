//! The time tokens in a ledger's folder, and the requests that wait for one in the state folder. Both files
//! of a token are written once; how they are named, `timetoken` knows. What a token is worth is for `verify`:
//! what is certainly worth nothing is not stored, for copies and packs would carry it along for ever.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, CheckpointError};
use crate::codec::CodecError;
use crate::entry::StoredEntry;
use crate::hash::Sha256Digest;
use crate::ledger::proofs::{LedgerProofs, NoProofError};
use crate::note::NOTE_LIMIT;
use crate::register::ALLOWED_SKEW;
use crate::store::engine::{Engine, FolderEngine, PutOutcome};
use crate::store::publish::ImmutableFileError;
use crate::sys::disk::{DiskCause, DiskError, SMALL_FILE};
use crate::sys::entropy::EntropyError;
use crate::sys::lock::{LockError, WriteLock};
use crate::sys::world::World;
use crate::time::Timestamp;
use crate::timetoken::{
    NONCE_BYTES, RESPONSE_LIMIT, SignatureFault, StoredToken, TIMESTAMPS, TimeRequest, TimeToken,
    TimeTokenError, TokenMismatch, TsaAuthorities, check_signature,
};

const REQUEST: &str = ".json";
/// In the state folder: the certificates below which this host's authorities are, as they were named last.
const AUTHORITIES: &str = "timestamps/authorities.pem";
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
    /// The response is not by whom it should be, or by nobody.
    #[error("the token is not taken: {0}")]
    Signature(#[from] SignatureFault),
    /// Its time cannot be.
    #[error("the token is not taken: it states {stated}, and {why}")]
    Implausible {
        /// The time in the token.
        stated: Timestamp,
        /// What that contradicts.
        why: String,
    },
    /// The certificates cannot be read.
    #[error("{} holds no certificates of authorities: {why}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The newest entry under the checkpoint cannot be read.
    #[error(transparent)]
    NoEntry(#[from] NoProofError),
    /// What stands in its place is no entry.
    #[error(transparent)]
    Entry(#[from] CodecError),
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

/// The authorities whose tokens this host believes, as they were named; nobody's where none was.
///
/// # Errors
/// What was kept cannot be read.
pub fn authorities(state: &FolderEngine) -> Result<Option<TsaAuthorities>, TimestampError> {
    let Some(pem) = state.get(AUTHORITIES, SMALL_FILE)? else {
        return Ok(None);
    };
    let read = TsaAuthorities::parse(&pem).map_err(|why| TimestampError::Authorities {
        path: state.place(AUTHORITIES),
        why,
    });
    read.map(Some)
}

/// Keeps certificates in PEM that were named and found good, in place of those of before.
///
/// # Errors
/// The disk's refusal.
pub fn keep_authorities(state: &FolderEngine, pem: &[u8]) -> Result<(), DiskError> {
    state.replace(AUTHORITIES, pem)
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

/// A response, and what it is held against.
pub struct StampAnswer<'a> {
    /// What was asked.
    pub asked: &'a StampRequest,
    /// What came back.
    pub response: &'a [u8],
    /// Whose tokens are taken; anybody's that is signed where none is named, and then it counts for nothing.
    pub authorities: Option<&'a TsaAuthorities>,
}

impl StampAnswer<'_> {
    /// What the response states, where it answers what was asked, an authority signed it, and its time can be.
    fn check(&self, now: Timestamp, newest: Timestamp) -> Result<TimeToken, TimestampError> {
        let token = TimeToken::parse(self.response)?;
        self.asked.request.check(&token)?;
        match check_signature(self.response, self.authorities) {
            Ok(()) | Err(SignatureFault::Unnamed) => {}
            Err(fault) => return Err(fault.into()),
        }
        let why = if token.earliest() > now.plus(ALLOWED_SKEW) {
            format!("this host's clock says {now}")
        } else if token.latest().plus(ALLOWED_SKEW) < newest {
            format!("it is over an entry that was recorded at {newest}")
        } else {
            return Ok(token);
        };
        let stated = token.time;
        Err(TimestampError::Implausible { stated, why })
    }
}

/// Takes an answer through the door: checks it, and keeps it durably in the ledger in `dir`.
///
/// # Errors
/// It was refused, is malformed, answers something else, is not signed as it should be, or states a time that
/// cannot be; or the disk's refusal. Nothing was stored then.
pub fn store(
    world: &World,
    dir: &Path,
    wait: Duration,
    answer: &StampAnswer<'_>,
) -> Result<(StoredToken, TimeToken), TimestampError> {
    let (now, checkpoint) = (world.clock.now(), &answer.asked.checkpoint);
    let size = checkpoint::stated(checkpoint)?.size;
    let newest = recorded(world, dir, wait, size.saturating_sub(1))?;
    let token = answer.check(now, newest)?;
    let stored = StoredToken::new(size, answer.response, checkpoint);
    // A writer removes temporary files that it does not know of.
    let lock = || WriteLock::acquire(dir, wait, "storing a time token", now);
    let _lock = (!world.disk.is_shown(dir)).then(lock).transpose()?;
    let engine = FolderEngine::new(world.disk.clone(), dir);
    // The checkpoint first: a token without it says nothing.
    for (name, bytes) in [
        (stored.checkpoint_path(), &checkpoint[..]),
        (stored.response_path(), answer.response),
    ] {
        if engine.put_once(&name, bytes)? == PutOutcome::Occupied {
            let path = engine.place(&name);
            return Err(ImmutableFileError::Differs(path).into());
        }
    }
    Ok((stored, token))
}

/// When an entry was recorded.
fn recorded(
    world: &World,
    dir: &Path,
    wait: Duration,
    sequence: u64,
) -> Result<Timestamp, TimestampError> {
    let bytes = LedgerProofs::open(world, dir, wait)?.entry(sequence)?;
    Ok(StoredEntry::of(sequence, bytes)?.entry.recorded)
}
