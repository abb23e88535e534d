//! Attachments that came before the statement that names them: kept aside in the state folder, under
//! their digest, until it comes.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::append::{ATTACHMENT_LIMIT, Submission};
use crate::hash::Blake3Digest;
use crate::ledger::LedgerPlace;
use crate::statement::{Attachment, Statement};
use crate::store::blobs::{self, BlobError, blob_path};
use crate::store::engine::FolderEngine;
use crate::sys::world::World;

use super::problem::Problem;

/// Bytes that are kept aside, at most.
const QUOTA: u64 = 1 << 30;
/// How long an attachment waits for its statement.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of attachments that one statement may have to be read for.
const STATEMENT_FILES: u64 = 4 * ATTACHMENT_LIMIT;

/// What is kept aside.
pub(super) struct Uploads {
    dir: PathBuf,
    ledger: FolderEngine,
    kept: AtomicU64,
}

/// An attachment that is coming in.
pub(super) struct Upload<'a> {
    uploads: &'a Uploads,
    file: NamedTempFile,
    hasher: blake3::Hasher,
    length: u64,
}

impl Uploads {
    /// Makes the folder. What was kept aside before is still there.
    pub(super) fn open(world: &World, place: &LedgerPlace) -> io::Result<Self> {
        let dir = place.state.join("uploads");
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        let uploads = Self {
            dir,
            ledger: FolderEngine::at(world, &place.dir),
            kept: AtomicU64::new(0),
        };
        uploads.sweep()?;
        Ok(uploads)
    }

    /// Begins to take an attachment in.
    pub(super) fn begin(&self) -> Result<Upload<'_>, Problem> {
        let made = self.sweep().and_then(|()| {
            tempfile::Builder::new()
                .prefix(".new-")
                .permissions(Permissions::from_mode(0o600))
                .tempfile_in(&self.dir)
        });
        Ok(Upload {
            uploads: self,
            file: made.map_err(|fault| Problem::busy("disk-refused", fault))?,
            hasher: blake3::Hasher::new(),
            length: 0,
        })
    }

    /// Whether the attachment is here already, aside or in the ledger.
    pub(super) fn has(&self, digest: &Blake3Digest) -> bool {
        self.path(digest).exists() || self.ledger.has(&blob_path(digest)).unwrap_or(false)
    }

    /// Gives a statement the files that it names and did not bring.
    pub(super) fn complete(&self, submission: &mut Submission) -> Result<(), Problem> {
        let Ok(statement) = Statement::decode(submission.statement.bytes()) else {
            // The writer says what is wrong with it.
            return Ok(());
        };
        if !submission.files.is_empty() || statement.attachments.is_empty() {
            return Ok(());
        }
        let total = statement.attachments.iter().map(|named| named.length);
        let total = total.fold(0_u64, u64::saturating_add);
        if total > STATEMENT_FILES {
            let detail = format!("its attachments have {total} bytes; {STATEMENT_FILES} are taken");
            return Err(Problem::too_large("attachments-too-large", detail));
        }
        let files = statement.attachments.iter().map(|named| self.read(named));
        submission.files = files.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Lets go of what a statement named that has its receipt.
    pub(super) fn release(&self, attachments: &[Attachment]) {
        for named in attachments {
            let path = self.path(&named.blake3);
            if let Ok(found) = path.metadata()
                && fs::remove_file(&path).is_ok()
            {
                self.kept.fetch_sub(found.len(), Ordering::Relaxed);
            }
        }
    }

    fn read(&self, named: &Attachment) -> Result<Vec<u8>, Problem> {
        let path = self.path(&named.blake3);
        let found = path.metadata();
        if found.is_ok_and(|found| found.len() == named.length) {
            return fs::read(&path).map_err(|fault| Problem::busy("disk-refused", fault));
        }
        match blobs::get(&self.ledger, &named.blake3) {
            Ok(bytes) => Ok(bytes),
            Err(BlobError::Missing(digest)) => Err(Problem::unprocessable(
                "attachment-missing",
                format!("put the attachment {digest} first: PUT /v1/attachments/{digest}"),
            )),
            Err(fault) => Err(Problem::internal("attachment-damaged", fault)),
        }
    }

    fn path(&self, digest: &Blake3Digest) -> PathBuf {
        self.dir.join(digest.to_string())
    }

    /// Removes what waited for too long, and counts what is left, also what is still coming in. An upload
    /// that was given up counts until then.
    fn sweep(&self) -> io::Result<()> {
        let mut kept = 0;
        for found in fs::read_dir(&self.dir)? {
            let path = found?.path();
            kept += keep(&path).unwrap_or_default();
        }
        self.kept.store(kept, Ordering::Relaxed);
        Ok(())
    }
}

/// The length of a file that stays; one that waited for too long goes.
fn keep(path: &Path) -> io::Result<u64> {
    let found = path.metadata()?;
    let age = SystemTime::now().duration_since(found.modified()?);
    if age.is_ok_and(|age| age > KEPT) {
        fs::remove_file(path)?;
        return Ok(0);
    }
    Ok(found.len())
}

impl Upload<'_> {
    /// Takes some bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let more = bytes.len() as u64;
        self.length = self.length.saturating_add(more);
        let kept = self.uploads.kept.fetch_add(more, Ordering::Relaxed);
        if self.length > ATTACHMENT_LIMIT {
            return Err(too_large());
        }
        if kept.saturating_add(more) > QUOTA {
            return Err(Problem::busy("uploads-full", "too much is kept aside"));
        }
        self.hasher.update(bytes);
        let written = self.file.write_all(bytes);
        written.map_err(|fault| Problem::busy("disk-refused", fault))
    }

    /// Keeps it, where it is what its name says. Returns its length.
    pub(super) fn finish(self, digest: &Blake3Digest) -> Result<u64, Problem> {
        let found = Blake3Digest::from_bytes(*self.hasher.finalize().as_bytes());
        if found != *digest {
            let detail = format!("the bytes have the digest {found}");
            return Err(Problem::unprocessable("digest-mismatch", detail));
        }
        let refused = |fault: io::Error| Problem::busy("disk-refused", fault);
        self.file.as_file().sync_all().map_err(refused)?;
        let kept = self.file.persist(self.uploads.path(digest));
        kept.map_err(|fault| refused(fault.error))?;
        File::open(&self.uploads.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(refused)?;
        Ok(self.length)
    }
}

/// More bytes than an attachment may have.
pub(super) fn too_large() -> Problem {
    let detail = format!("an attachment has at most {ATTACHMENT_LIMIT} bytes");
    Problem::too_large("attachment-too-large", detail)
}
