//! The time tokens of a ledger: where they stand, and the requests that wait for one.
//!
//! ```text
//! timestamps/SIZE-HASH.checkpoint     the checkpoint of SIZE entries, as it was stamped, whole
//! timestamps/SIZE-HASH.tsr            the authority's whole response over the SHA-256 of that file
//! ```
//!
//! `HASH` is the beginning of the SHA-256 of the response, so that several authorities can stamp one
//! checkpoint. Both are written once. What a token is worth is for `verify`.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::checkpoint;
use crate::checkpoint::CheckpointError;
use crate::hash::Sha256Digest;
use crate::note::NOTE_LIMIT;
use crate::store::publish;
use crate::store::publish::PublishError;
use crate::store::publish::Writer;
use crate::sys::disk::Cause;
use crate::sys::disk::Disk;
use crate::sys::disk::DiskError;
use crate::sys::disk::Kind;
use crate::sys::entropy::EntropyError;
use crate::sys::lock::LockError;
use crate::sys::lock::WriteLock;
use crate::sys::world::World;
use crate::timetoken::NONCE_BYTES;
use crate::timetoken::RESPONSE_LIMIT;
use crate::timetoken::TimeRequest;
use crate::timetoken::TimeToken;
use crate::timetoken::TimeTokenError;
use crate::timetoken::Unasked;

/// The folder of the tokens in the ledger's folder, and of waiting requests in the state folder.
pub const TIMESTAMPS: &str = "timestamps";

/// The end of a response's name.
pub const RESPONSE: &str = ".tsr";
/// The end of a stamped checkpoint's name.
pub const STAMPED: &str = ".checkpoint";

const REQUEST: &str = ".json";
const SCHEMA: &str = "rotation-ledger/timestamp-request/1";
/// Hex digits of a hash in a name.
const NAME_DIGITS: usize = 16;

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
    Unasked(#[from] Unasked),
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
    Publish(#[from] PublishError),
    /// There were no random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A token in the ledger's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// The path of both files below the ledger's folder, without their ends.
    pub stem: String,
    /// The size that the name says.
    pub size: u64,
    /// The authority's response.
    pub response: Vec<u8>,
    /// The checkpoint beside it, where that is there.
    pub checkpoint: Option<Vec<u8>>,
}

impl StoredToken {
    /// The path of the response below the ledger's folder.
    #[must_use]
    pub fn response_path(&self) -> String {
        format!("{}{RESPONSE}", self.stem)
    }

    /// The path of the checkpoint below the ledger's folder.
    #[must_use]
    pub fn checkpoint_path(&self) -> String {
        format!("{}{STAMPED}", self.stem)
    }
}

/// All tokens in `dir`, by size. What is named otherwise, or longer than any token, is not among
/// them.
///
/// # Errors
/// The disk's refusal. A missing folder is an empty list.
pub fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<StoredToken>, DiskError> {
    let folder = dir.join(TIMESTAMPS);
    if disk
        .metadata(&folder)?
        .is_none_or(|found| found.kind != Kind::Folder)
    {
        return Ok(Vec::new());
    }
    let mut tokens = Vec::new();
    for found in disk.list(&folder)? {
        let name = found.name.to_string_lossy().into_owned();
        let Some((stem, size)) = name.strip_suffix(RESPONSE).and_then(parse_stem) else {
            continue;
        };
        let Some(response) = read_bounded(disk, &folder.join(&name), RESPONSE_LIMIT)? else {
            continue;
        };
        let beside = folder.join(format!("{stem}{STAMPED}"));
        tokens.push(StoredToken {
            stem: format!("{TIMESTAMPS}/{stem}"),
            size,
            response,
            checkpoint: read_bounded(disk, &beside, NOTE_LIMIT)?,
        });
    }
    tokens.sort_by(|a, b| (a.size, &a.stem).cmp(&(b.size, &b.stem)));
    Ok(tokens)
}

/// The tokens among files, by the paths that they have below a ledger's folder.
pub fn of_files<'f>(
    get: &dyn Fn(&str) -> Option<&'f [u8]>,
    paths: impl Iterator<Item = &'f str>,
) -> Vec<StoredToken> {
    let token = |path: &str| {
        let name = path.strip_prefix(TIMESTAMPS)?.strip_prefix('/')?;
        let (stem, size) = parse_stem(name.strip_suffix(RESPONSE)?)?;
        Some(StoredToken {
            stem: format!("{TIMESTAMPS}/{stem}"),
            size,
            response: get(path)?.to_vec(),
            checkpoint: get(&format!("{TIMESTAMPS}/{stem}{STAMPED}")).map(<[u8]>::to_vec),
        })
    };
    let mut tokens: Vec<_> = paths.filter_map(token).collect();
    tokens.sort_by(|a, b| (a.size, &a.stem).cmp(&(b.size, &b.stem)));
    tokens
}

/// Whether a path is where a stamped checkpoint would be: its token may not have been written yet.
#[must_use]
pub fn is_stamped(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.strip_prefix(TIMESTAMPS)
        .and_then(|name| name.strip_prefix('/'))
        .and_then(|name| name.strip_suffix(STAMPED))
        .and_then(parse_stem)
        .is_some()
}

fn parse_stem(stem: &str) -> Option<(&str, u64)> {
    let (size, hash) = stem.split_once('-')?;
    let number: u64 = size.parse().ok()?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_hash = hash.len() == NAME_DIGITS && hash.bytes().all(is_hex);
    (is_hash && number.to_string() == size).then_some((stem, number))
}

fn read_bounded(disk: &dyn Disk, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, DiskError> {
    match disk.metadata(path)? {
        Some(found) if found.kind == Kind::File && found.len <= limit as u64 => {
            disk.read(path).map(Some)
        }
        _ => Ok(None),
    }
}

/// A request, and the checkpoint that is to be stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The whole note.
    pub checkpoint: Vec<u8>,
    /// The request.
    pub request: TimeRequest,
}

#[derive(Serialize, Deserialize)]
struct Waiting {
    schema: String,
    checkpoint: String,
    imprint: Sha256Digest,
    nonce: String,
}

impl Asked {
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
    pub fn keep(&self, disk: &dyn Disk, state: &Path) -> Result<(), TimestampError> {
        let folder = state.join(TIMESTAMPS);
        disk.create_dir(state)?;
        disk.create_dir(&folder)?;
        disk.sync_dir(state)?;
        let waiting = Waiting {
            schema: SCHEMA.to_owned(),
            checkpoint: String::from_utf8_lossy(&self.checkpoint).into_owned(),
            imprint: self.request.imprint,
            nonce: hex::encode(self.request.nonce),
        };
        let path = self.path(state);
        let text = serde_json::to_vec(&waiting).map_err(|fault| TimestampError::Request {
            path: path.clone(),
            why: fault.to_string(),
        })?;
        Ok(publish::durably(disk, &path, &text)?)
    }

    /// Forgets the request: its response came.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn forget(&self, disk: &dyn Disk, state: &Path) -> Result<(), TimestampError> {
        Ok(disk.remove(&self.path(state))?)
    }

    fn path(&self, state: &Path) -> PathBuf {
        let nonce = hex::encode(self.request.nonce);
        state.join(TIMESTAMPS).join(format!("{nonce}{REQUEST}"))
    }

    fn read(disk: &dyn Disk, path: &Path) -> Result<Self, TimestampError> {
        let fault = |why: &str| TimestampError::Request {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let bytes = read_bounded(disk, path, 2 * NOTE_LIMIT)?
            .ok_or_else(|| fault("it is too long, or no file"))?;
        let waiting: Waiting =
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
pub fn asked_for(
    disk: &dyn Disk,
    state: &Path,
    token: &TimeToken,
) -> Result<Asked, TimestampError> {
    let folder = state.join(TIMESTAMPS);
    let listed = match disk.list(&folder) {
        Ok(listed) => listed,
        Err(fault) if fault.cause() == Cause::Missing => Vec::new(),
        Err(fault) => return Err(fault.into()),
    };
    let mut refusal = TimestampError::NoRequest;
    for found in listed {
        if !found.name.to_string_lossy().ends_with(REQUEST) {
            continue;
        }
        let asked = Asked::read(disk, &folder.join(&found.name))?;
        match asked.request.check(token) {
            Ok(()) => return Ok(asked),
            // A request over the same checkpoint says more about what went wrong.
            Err(nearer @ Unasked::Nonce) => refusal = nearer.into(),
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
    asked: &Asked,
    response: &[u8],
) -> Result<(StoredToken, TimeToken), TimestampError> {
    let token = TimeToken::parse(response)?;
    asked.request.check(&token)?;
    let size = checkpoint::stated(&asked.checkpoint)?.size;
    let hash = Sha256Digest::of(response).to_string();
    let hash = hash.get(..NAME_DIGITS).unwrap_or(&hash);
    let stored = StoredToken {
        stem: format!("{TIMESTAMPS}/{size}-{hash}"),
        size,
        response: response.to_vec(),
        checkpoint: Some(asked.checkpoint.clone()),
    };
    // A writer removes temporary files that it does not know of.
    let now = world.clock.now();
    let _lock = WriteLock::acquire(dir, wait, "ledger timestamp", now)?;
    let mut writer = Writer::new(&*world.disk, dir);
    // The checkpoint first: a token without it would accuse the ledger.
    writer.write(&stored.checkpoint_path(), &asked.checkpoint)?;
    writer.write(&stored.response_path(), response)?;
    writer.finish()?;
    Ok((stored, token))
}
