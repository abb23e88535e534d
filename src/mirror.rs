//! A copy of a ledger, fetched from whoever serves it.
//!
//! What is fetched is the static copy in the form of C2SP tlog-tiles, from `ledger serve` or from any web server that
//! `ledger publish` fills, and it is put into a folder that is judged like any copy: nothing that the server says is
//! believed here.
//!
//! ```text
//! cosigned, tokens   asked for first: they are over no more than the checkpoint that is asked for next
//! .new-checkpoint    what the server states now: accounts for the files that are ahead of the copy
//! bundles, tiles     those that are missing, several at once
//! attachments        likewise, where they are asked for and served
//! checkpoint         .new-checkpoint renamed
//! cosigned           what witnesses cosigned, where they did
//! ```
//!
//! It can be cut off anywhere and goes on where it was. What has a name for ever is fetched once.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::entry;
use crate::hash::{LedgerId, Link};
use crate::http::{Client, ClientError, Reply};
use crate::ledger::{CHECKPOINT_FILE, COPY_COSIGNED, NEXT_CHECKPOINT};
use crate::merkle::{TILE_WIDTH, TileId, partial_tiles};
use crate::note::NOTE_LIMIT;
use crate::publication;
use crate::store::blobs::{ATTACHMENT_LIMIT, blob_path};
use crate::store::bundle::{self, BUNDLE_ENTRIES, BundleError, MAX_BUNDLE};
use crate::store::engine::{Engine as _, FolderEngine, read_partial_bundle};
use crate::store::publish::ImmutableFileError;
use crate::sys::disk::DiskError;
use crate::timetoken::{self, RESPONSE_LIMIT};

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
/// Requests at once.
const AT_ONCE: usize = 8;
/// What stands in the path of a partial tile or bundle.
const PARTIAL: &str = ".p/";
/// Files that are fetched before they are written.
const ROUND: usize = 128;

/// More than the names of all tokens that any ledger has.
const LIST_LIMIT: u64 = 16 << 20;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The server did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It answered that it has no such file, or will not give it.
    #[error("{path}: the server answers {status}")]
    Status {
        /// The file.
        path: String,
        /// Its answer.
        status: u16,
    },
    /// It does not talk to whoever asks.
    #[error("the server does not talk to you ({0})")]
    NotAdmitted(String),
    /// What it serves as its checkpoint is none.
    #[error("what the server gives as its checkpoint is none: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The copy here is of another log.
    #[error("the server's log is {now}, and the copy that was fetched before is of {before}")]
    OtherLog {
        /// The origin of the copy.
        before: String,
        /// What the server states.
        now: String,
    },
    /// The server went back.
    #[error(
        "the server states {now} entries, and stated {before} before: it was set back, or this is another server"
    )]
    Behind {
        /// What the copy has.
        before: u64,
        /// What the server states.
        now: u64,
    },
    /// A bundle is not one.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The copy has another file than the server gives.
    #[error(transparent)]
    Differs(#[from] ImmutableFileError),
    /// The copy cannot be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A copy, and where it comes from.
pub struct Mirror<'a> {
    /// The server.
    pub client: &'a Client,
    /// The copy's folder.
    pub to: &'a FolderEngine,
    /// Whether to fetch attachments.
    pub attachments: bool,
    /// Is told how many files of how many are there.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// The id of the ledger that a server serves: the link of its first entry.
///
/// # Errors
/// The server did not answer, or what it answers is no ledger.
pub fn ledger_id(client: &Client) -> Result<LedgerId, MirrorError> {
    let note = need(client, CHECKPOINT_FILE, NOTE_LIMIT as u64)?;
    let size = checkpoint::stated(&note)?.size;
    let width = usize::try_from(size).map_or(BUNDLE_ENTRIES, |size| size.min(BUNDLE_ENTRIES));
    let first = bundle_of(client, 0, width)?.into_iter().next();
    let first = first.ok_or(CheckpointError::Missing("entry 0"))?;
    Ok(LedgerId::from_genesis(Link::of(&first)))
}

/// The stored bytes of an entry, as the server gives them now.
///
/// # Errors
/// The server did not answer, or has no such entry.
pub fn stored(client: &Client, sequence: u64) -> Result<Vec<u8>, MirrorError> {
    let note = need(client, CHECKPOINT_FILE, NOTE_LIMIT as u64)?;
    let size = checkpoint::stated(&note)?.size;
    let n = sequence / WIDTH;
    let width = size.saturating_sub(n * WIDTH).min(WIDTH) as usize;
    let entries = bundle_of(client, n, width)?;
    let stored = entries.into_iter().nth((sequence % WIDTH) as usize);
    Ok(stored.ok_or(CheckpointError::Missing("entry"))?)
}

/// The first `width` entries of a bundle.
fn bundle_of(client: &Client, n: u64, width: usize) -> Result<Vec<Vec<u8>>, MirrorError> {
    let (path, bytes) = need_part(client, &bundle::path_of(n, width), MAX_BUNDLE)?;
    let stored = match path.contains(PARTIAL) {
        true => width,
        false => BUNDLE_ENTRIES,
    };
    let mut entries = bundle::decode_partial(n, stored, &bytes)?;
    entries.truncate(width);
    Ok(entries)
}

/// A file, or the whole one of which it was a part: what filled up since may be served whole only, and begins with
/// the same (C2SP tlog-tiles, "Partial Tiles"). With the path that it has.
fn need_part(client: &Client, path: &str, limit: u64) -> Result<(String, Vec<u8>), MirrorError> {
    match (need(client, path, limit), path.split_once(PARTIAL)) {
        (Err(MirrorError::Status { status: 404, .. }), Some((whole, _))) => {
            Ok((whole.to_owned(), need(client, whole, limit)?))
        }
        (found, _) => Ok((path.to_owned(), found?)),
    }
}

fn fetch(client: &Client, path: &str, limit: u64) -> Result<Reply, ClientError> {
    client.get(&format!("/{path}"), limit)
}

fn need(client: &Client, path: &str, limit: u64) -> Result<Vec<u8>, MirrorError> {
    let reply = fetch(client, path, limit)?;
    match reply.status {
        200 => Ok(reply.body),
        401 | 403 => Err(MirrorError::NotAdmitted(code_of(&reply.body))),
        status => Err(MirrorError::Status {
            path: path.to_owned(),
            status,
        }),
    }
}

/// What a server may have or not have: anybody's web server may serve a copy.
fn may_have(client: &Client, path: &str, limit: u64) -> Result<Option<Vec<u8>>, MirrorError> {
    let reply = fetch(client, path, limit)?;
    Ok((reply.status == 200).then_some(reply.body))
}

/// The files of the time tokens that the server names.
fn token_files(client: &Client) -> Result<Vec<String>, MirrorError> {
    let listed = may_have(client, "v1/timestamps", LIST_LIMIT)?;
    let listed: serde_json::Value =
        serde_json::from_slice(&listed.unwrap_or_default()).unwrap_or_default();
    let files = listed["files"].as_array().into_iter().flatten();
    // What is named otherwise would be written where it does not belong.
    let names = files.filter_map(|name| name.as_str().filter(|name| timetoken::is_of_token(name)));
    Ok(names.map(str::to_owned).collect())
}

/// The code of a problem (RFC 9457), as far as it is one: a word that nobody can be deceived with.
fn code_of(problem: &[u8]) -> String {
    let problem: serde_json::Value = serde_json::from_slice(problem).unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or("unknown");
    let plain = |letter: &char| letter.is_ascii_lowercase() || *letter == '-';
    code.chars().filter(plain).take(32).collect()
}

impl Mirror<'_> {
    /// Brings the copy up to what the server states now.
    ///
    /// # Errors
    /// The server did not answer, went back or serves another log, or the copy cannot be written.
    pub fn bring_up(&self) -> Result<Checkpoint, MirrorError> {
        let cosigned = may_have(self.client, COPY_COSIGNED, NOTE_LIMIT as u64)?;
        let tokens = token_files(self.client)?;
        let note = need(self.client, CHECKPOINT_FILE, NOTE_LIMIT as u64)?;
        let stated = checkpoint::stated(&note)?;
        let held = self.to.get(CHECKPOINT_FILE, NOTE_LIMIT as u64)?;
        let before = held.as_deref().map(checkpoint::stated).transpose()?;
        if let Some(before) = &before {
            compare(before, &stated)?;
        }
        self.to.make_root()?;
        if held.as_deref() != Some(&note) || self.attachments {
            self.to.remove_leftovers(NEXT_CHECKPOINT)?;
            self.to.replace(NEXT_CHECKPOINT, &note)?;
            self.bring(&files_of(stated.size), MAX_BUNDLE)?;
            if self.attachments {
                self.bring_attachments(stated.size)?;
            }
            self.to.rename(NEXT_CHECKPOINT, CHECKPOINT_FILE)?;
        }
        self.bring(&tokens, RESPONSE_LIMIT as u64)?;
        if let Some(cosigned) = cosigned {
            self.to.replace(COPY_COSIGNED, &cosigned)?;
        }
        let kept = [Some(stated.size), before.map(|before| before.size)];
        publication::remove_earlier_edges(self.to, &kept)?;
        Ok(stated)
    }

    /// Fetches what of `names` is not there, in rounds. The first that cannot be had ends it; what was
    /// written stays.
    fn bring(&self, names: &[String], limit: u64) -> Result<(), MirrorError> {
        let mut missing = Vec::new();
        for name in names {
            if !self.to.has(name)? {
                missing.push(name.as_str());
            }
        }
        let mut done = (names.len() - missing.len()) as u64;
        for round in missing.chunks(ROUND) {
            (self.progress)(done, names.len() as u64);
            let mut writer = self.to.many();
            for (name, bytes) in self.fetch_all(round, limit)? {
                writer.write(&name, &bytes)?;
            }
            writer.finish()?;
            done += round.len() as u64;
        }
        (self.progress)(done, names.len() as u64);
        Ok(())
    }

    fn fetch_all(&self, names: &[&str], limit: u64) -> Result<Vec<(String, Vec<u8>)>, MirrorError> {
        let next = AtomicUsize::new(0);
        let fetched = Mutex::new(Vec::with_capacity(names.len()));
        let failed = Mutex::new(None);
        let work = || {
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                match need_part(self.client, name, limit) {
                    Ok(file) => lock(&fetched).push(file),
                    Err(fault) => {
                        next.store(names.len(), Ordering::Relaxed);
                        lock(&failed).get_or_insert(fault);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..AT_ONCE.min(names.len()) {
                // Without another thread this one does it all.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        match failed.into_inner().unwrap_or_default() {
            Some(fault) => Err(fault),
            None => Ok(fetched.into_inner().unwrap_or_default()),
        }
    }

    /// Fetches what the entries name. A copy may be served without attachments, and what was expunged is
    /// served by nobody: whoever judges the copy says what is missing.
    fn bring_attachments(&self, size: u64) -> Result<(), MirrorError> {
        let mut named = BTreeSet::new();
        for n in 0..size.div_ceil(WIDTH) {
            let width = (size - n * WIDTH).min(WIDTH) as usize;
            for stored in read_partial_bundle(self.to, n, width)? {
                // What cannot be read is named when the copy is judged.
                if let Ok((_, statement)) = entry::read(&stored) {
                    named.extend(
                        statement
                            .attachments
                            .iter()
                            .map(|one| blob_path(&one.blake3)),
                    );
                }
            }
        }
        for name in named {
            match self.bring(&[name], ATTACHMENT_LIMIT) {
                Err(MirrorError::Status { .. }) => {}
                result => result?,
            }
        }
        Ok(())
    }
}

/// A value of which nobody panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether what the server states goes on from what the copy holds. Roots are compared when the copy is
/// judged: all of it is hashed again.
fn compare(before: &Checkpoint, now: &Checkpoint) -> Result<(), MirrorError> {
    if before.origin != now.origin {
        let (before, now) = (before.origin.to_string(), now.origin.to_string());
        return Err(MirrorError::OtherLog { before, now });
    }
    if before.size > now.size {
        let (before, now) = (before.size, now.size);
        return Err(MirrorError::Behind { before, now });
    }
    Ok(())
}

/// The files of the log in a copy of `size` entries.
fn files_of(size: u64) -> Vec<String> {
    let mut names: Vec<String> = (0..size / WIDTH)
        .map(|n| bundle::path_of(n, BUNDLE_ENTRIES))
        .collect();
    if !size.is_multiple_of(WIDTH) {
        names.push(bundle::path_of(size / WIDTH, (size % WIDTH) as usize));
    }
    let mut hashes = size;
    for level in 0.. {
        let full = hashes / TILE_WIDTH as u64;
        if full == 0 {
            break;
        }
        names.extend((0..full).map(|index| TileId { level, index }.path()));
        hashes = full;
    }
    names.extend(partial_tiles(size).map(|(id, width)| id.partial_path(width)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::LogFile;

    #[test]
    fn the_files_of_a_copy_are_those_that_belong_to_its_size() {
        for size in [1, 255, 256, 257, 511, 512, 66_000] {
            let names = files_of(size);
            let distinct: BTreeSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len());
            for name in &names {
                let file = LogFile::parse(name.as_ref()).unwrap();
                assert!(
                    file.is_sealed_in(size) || file.is_edge_of(size),
                    "{name} of {size}"
                );
            }
        }
        assert_eq!(files_of(1).len(), 2);
        assert_eq!(files_of(256).len(), 3);
    }
}
