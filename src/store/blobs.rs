//! Attachments: files named by the BLAKE3 digest of their content, written once.
//!
//! ```text
//! attachments/ab/cdef…        `abcdef…` is the digest in lower-case hex
//! ```

use crate::hash::Blake3Digest;
pub use crate::store::engine::ATTACHMENTS;
use crate::store::engine::{Engine, PutOutcome};
use crate::sys::disk::DiskError;

/// The most bytes of one attachment: 64 MiB.
pub const ATTACHMENT_LIMIT: u64 = 64 * 1024 * 1024;

/// What is wrong with an attachment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// No file has the digest's name.
    #[error("attachment {0} is missing")]
    Missing(Blake3Digest),
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

/// The path of an attachment below the ledger's folder.
#[must_use]
pub fn blob_path(digest: &Blake3Digest) -> String {
    let name = digest.to_string();
    let (folder, file) = name.split_at_checked(2).unwrap_or(("", &name));
    format!("{ATTACHMENTS}/{folder}/{file}")
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

/// The bytes of an attachment, hashed again on the way.
///
/// # Errors
/// Missing, other bytes than the digest says, or the engine's refusal.
pub fn get(engine: &dyn Engine, digest: &Blake3Digest) -> Result<Vec<u8>, BlobError> {
    let bytes = engine.get(&blob_path(digest), ATTACHMENT_LIMIT)?;
    check(bytes, digest)
}

/// The same for whoever shows a file where it is whole, and says elsewhere what is wrong with it.
pub fn reader(engine: impl Engine) -> impl Fn(&Blake3Digest) -> Option<Vec<u8>> {
    move |digest| get(&engine, digest).ok()
}

/// Bytes that were found under a digest, hashed again.
///
/// # Errors
/// There are none, or other bytes than the digest says.
pub fn check(bytes: Option<Vec<u8>>, digest: &Blake3Digest) -> Result<Vec<u8>, BlobError> {
    let bytes = bytes.ok_or(BlobError::Missing(*digest))?;
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
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::store::engine::FolderEngine;
    use crate::sys::disk::RealDisk;

    fn folder(dir: &Path) -> FolderEngine {
        FolderEngine::new(Arc::new(RealDisk), dir)
    }

    #[test]
    fn what_is_put_can_be_got() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = folder(dir.path());
        let digest = put(&blobs, b"output").unwrap();
        assert_eq!(put(&blobs, b"output").unwrap(), digest);
        assert_eq!(get(&blobs, &digest).unwrap(), b"output");
        let missing = get(&blobs, &Blake3Digest::of(b"never put")).unwrap_err();
        assert!(matches!(missing, BlobError::Missing(_)));
    }

    #[test]
    fn every_flipped_byte_is_a_mismatch_and_is_not_put_over() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = folder(dir.path());
        let digest = put(&blobs, b"output").unwrap();
        let path = dir.path().join(blob_path(&digest));
        for at in 0..b"output".len() {
            let mut flipped = b"output".to_vec();
            flipped[at] ^= 1;
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &flipped).unwrap();
            let noticed = get(&blobs, &digest).unwrap_err();
            assert!(matches!(noticed, BlobError::Mismatch { .. }));
            put(&blobs, b"output").unwrap_err();
            assert_eq!(std::fs::read(&path).unwrap(), flipped);
        }
    }
}
