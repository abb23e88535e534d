//! Attachments: files named by the BLAKE3 digest of their content, written once.
//!
//! ```text
//! attachments/ab/cdef…        `abcdef…` is the digest in lower-case hex
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::hash::Blake3Digest;
use crate::store::engine::{Engine, FolderEngine, PutOutcome};
use crate::sys::disk::{Disk, DiskCause, DiskError, FileKind};

/// The most bytes of one attachment: 64 MiB.
pub const ATTACHMENT_LIMIT: u64 = 64 * 1024 * 1024;

/// The folder of the attachments in the ledger's folder.
pub const ATTACHMENTS: &str = "attachments";

/// What is wrong with an attachment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// No file has the digest's name.
    #[error("attachment {digest} is missing")]
    Missing {
        /// The attachment.
        digest: Blake3Digest,
    },
    /// The file's bytes have another digest than its name says.
    #[error("attachment {digest} holds other bytes: their digest is {found}")]
    Mismatch {
        /// The attachment.
        digest: Blake3Digest,
        /// What its bytes hash to.
        found: Blake3Digest,
    },
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The attachments of one ledger. Putting needs the writer's lock; reading needs none.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: FolderEngine,
}

/// What stands in the attachments' folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AttachmentListing {
    /// Files whose name is a digest; their bytes were not looked at.
    pub digests: Vec<Blake3Digest>,
    /// Anything else, by its path below the ledger's folder.
    pub strays: Vec<PathBuf>,
}

/// The path of an attachment below the ledger's folder.
#[must_use]
pub fn blob_path(digest: &Blake3Digest) -> String {
    let name = digest.to_string();
    let (folder, file) = name.split_at_checked(2).unwrap_or(("", &name));
    format!("{ATTACHMENTS}/{folder}/{file}")
}

impl Blobs {
    /// The attachments of the ledger in the folder `root`. Touches nothing.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self {
            folder: FolderEngine::new(disk, root),
        }
    }

    /// The same, of a folder that was named.
    #[must_use]
    pub fn of(folder: &FolderEngine) -> Self {
        Self {
            folder: folder.clone(),
        }
    }

    /// Stores bytes in the folder; see [`put`].
    ///
    /// # Errors
    /// As [`put`].
    pub fn put(&self, bytes: &[u8]) -> Result<Blake3Digest, BlobError> {
        put(&self.folder, bytes)
    }

    /// The bytes of an attachment, hashed again on the way.
    ///
    /// # Errors
    /// Missing, other bytes than the digest says, or the disk's refusal.
    pub fn get(&self, digest: &Blake3Digest) -> Result<Vec<u8>, BlobError> {
        get(&self.folder, digest)
    }

    /// The length of an attachment's file, so that one of the wrong length need not be read.
    ///
    /// # Errors
    /// Missing, or the disk's refusal.
    pub fn length(&self, digest: &Blake3Digest) -> Result<u64, BlobError> {
        let path = self.folder.root.join(blob_path(digest));
        match self.folder.disk.metadata(&path)? {
            Some(found) => Ok(found.len),
            None => Err(BlobError::Missing { digest: *digest }),
        }
    }

    /// All attachments, and everything in their folder that is none.
    ///
    /// # Errors
    /// The disk's refusal. A missing folder is an empty listing.
    pub fn list(&self) -> Result<AttachmentListing, DiskError> {
        let mut listing = AttachmentListing::default();
        let (disk, root) = (&*self.folder.disk, &self.folder.root);
        let top = match disk.list(&root.join(ATTACHMENTS)) {
            Err(e) if e.cause() == DiskCause::Missing => return Ok(listing),
            listed => listed?,
        };
        for folder in top {
            let path = Path::new(ATTACHMENTS).join(&folder.name);
            if folder.kind != FileKind::Folder {
                listing.strays.push(path);
                continue;
            }
            for file in disk.list(&root.join(&path))? {
                let name = format!("{}{}", folder.name.display(), file.name.display());
                let path = path.join(&file.name);
                match name.parse::<Blake3Digest>() {
                    Ok(digest)
                        if file.kind == FileKind::File
                            && path == Path::new(&blob_path(&digest)) =>
                    {
                        listing.digests.push(digest);
                    }
                    _ => listing.strays.push(path),
                }
            }
        }
        Ok(listing)
    }
}

/// Stores bytes durably under their digest. Bytes that are there already are hashed again and left
/// alone.
///
/// # Errors
/// What is there under that digest is something else, or the engine's refusal.
pub fn put(engine: &dyn Engine, bytes: &[u8]) -> Result<Blake3Digest, BlobError> {
    let digest = Blake3Digest::of(bytes);
    match engine.put_once(&blob_path(&digest), bytes)? {
        PutOutcome::Stored => {}
        // Somebody else's bytes under this name: reading names what they are.
        PutOutcome::Occupied => {
            get(engine, &digest)?;
        }
    }
    Ok(digest)
}

fn get(engine: &dyn Engine, digest: &Blake3Digest) -> Result<Vec<u8>, BlobError> {
    let bytes = engine.get(&blob_path(digest), ATTACHMENT_LIMIT)?;
    let bytes = bytes.ok_or(BlobError::Missing { digest: *digest })?;
    let found = Blake3Digest::of(&bytes);
    if found == *digest {
        Ok(bytes)
    } else {
        Err(BlobError::Mismatch {
            digest: *digest,
            found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::disk::RealDisk;

    fn blobs(dir: &Path) -> Blobs {
        Blobs::new(Arc::new(RealDisk), dir)
    }

    #[test]
    fn what_is_put_can_be_got() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let digest = blobs.put(b"output").unwrap();
        assert_eq!(blobs.put(b"output").unwrap(), digest);
        assert_eq!(blobs.get(&digest).unwrap(), b"output");
        assert_eq!(blobs.length(&digest).unwrap(), 6);
        let missing = blobs.get(&Blake3Digest::of(b"never put")).unwrap_err();
        assert!(matches!(missing, BlobError::Missing { .. }));
    }

    #[test]
    fn every_flipped_byte_is_a_mismatch_and_is_not_put_over() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let digest = blobs.put(b"output").unwrap();
        let path = dir.path().join(blob_path(&digest));
        for at in 0..b"output".len() {
            let mut flipped = b"output".to_vec();
            flipped[at] ^= 1;
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &flipped).unwrap();
            let noticed = blobs.get(&digest).unwrap_err();
            assert!(matches!(noticed, BlobError::Mismatch { .. }));
            blobs.put(b"output").unwrap_err();
            assert_eq!(std::fs::read(&path).unwrap(), flipped);
        }
    }

    #[test]
    fn strays_are_listed_apart() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        assert_eq!(blobs.list().unwrap(), AttachmentListing::default());
        let digest = blobs.put(b"output").unwrap();
        let folder = dir.path().join(ATTACHMENTS);
        std::fs::write(folder.join("readme"), b"").unwrap();
        std::fs::create_dir(folder.join("zz")).unwrap();
        std::fs::write(folder.join("zz/top"), b"").unwrap();
        let listing = blobs.list().unwrap();
        assert_eq!(listing.digests, [digest]);
        let strays = ["attachments/readme", "attachments/zz/top"];
        assert_eq!(listing.strays, strays.map(PathBuf::from));
    }
}
