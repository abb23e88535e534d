//! Reads a file that is to be attached, and makes sure that what was read is one state of it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::text::{Id, Line, TextError};

/// Why a file cannot be attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// There is none.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// A folder, pipe or device.
    #[error("{} is not an ordinary file", .0.display())]
    NotAFile(PathBuf),
    /// No bytes: it shows nothing.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// More bytes than allowed.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// It was written to in between: a digest would be of a state that never was.
    #[error("{} changed while it was read", .0.display())]
    Changed(PathBuf),
    /// Its name cannot be recorded.
    #[error("the name of {} {fault}", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: TextError,
    },
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads the file at `path`, of at most `limit` bytes: its name without the folder, its media type
/// and its bytes.
///
/// # Errors
/// See [`AttachmentError`].
pub fn read_attachment(path: &Path, limit: u64) -> Result<(Line, Id, Vec<u8>), AttachmentError> {
    read_with(path, limit, |_| {})
}

/// `between` runs after the file was read and before it is looked at again.
fn read_with(
    path: &Path,
    limit: u64,
    between: impl FnOnce(&Path),
) -> Result<(Line, Id, Vec<u8>), AttachmentError> {
    let owned = || path.to_owned();
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => AttachmentError::Missing(owned()),
        _ => AttachmentError::Io {
            path: owned(),
            source,
        },
    };
    // Asked before opening: opening a pipe would wait for ever.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(AttachmentError::NotAFile(owned()));
    }
    let mut file = File::open(path).map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    if before.len() == 0 {
        return Err(AttachmentError::Empty(owned()));
    }
    if before.len() > limit {
        return Err(AttachmentError::TooLarge {
            path: owned(),
            limit,
        });
    }
    let mut bytes = Vec::new();
    (&mut file)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    between(path);
    let after = file.metadata().map_err(failed)?;
    let is_same = |a: &Metadata, b: &Metadata| {
        (a.len(), a.mtime(), a.mtime_nsec()) == (b.len(), b.mtime(), b.mtime_nsec())
    };
    if bytes.len() as u64 != before.len() || !is_same(&before, &after) {
        return Err(AttachmentError::Changed(owned()));
    }
    let unnamed = |fault| AttachmentError::Name {
        path: owned(),
        fault,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = Line::new(&name).map_err(unnamed)?;
    let media_type = Id::new(media_type(path, &bytes)).map_err(unnamed)?;
    Ok((name, media_type, bytes))
}

/// By the extension where it says something, else whether it is text.
fn media_type(path: &Path, bytes: &[u8]) -> &'static str {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("md") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("xml") => "application/xml",
        Some("yaml" | "yml") => "application/yaml",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gz" | "tgz") => "application/gzip",
        Some("zip") => "application/zip",
        _ if std::str::from_utf8(bytes).is_ok() => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn dir() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_file_is_its_name_its_type_and_its_bytes() {
        let dir = dir();
        for (name, bytes, media_type) in [
            ("run.log", &b"fine"[..], "text/plain"),
            ("run.JSON", b"{}", "application/json"),
            ("core", b"\xff\xfe\xfd", "application/octet-stream"),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            let read = read_attachment(&path, 4).unwrap();
            assert_eq!(
                (read.0.as_str(), read.1.as_str(), &read.2[..]),
                (name, media_type, bytes)
            );
        }
    }

    #[test]
    fn missing_empty_too_large_and_no_file_are_told_apart() {
        let dir = dir();
        let path = dir.path().join("a");
        assert!(matches!(
            read_attachment(&path, 4),
            Err(AttachmentError::Missing(_))
        ));
        fs::write(&path, b"").unwrap();
        assert!(matches!(
            read_attachment(&path, 4),
            Err(AttachmentError::Empty(_))
        ));
        fs::write(&path, b"12345").unwrap();
        assert!(matches!(
            read_attachment(&path, 4),
            Err(AttachmentError::TooLarge { limit: 4, .. })
        ));
        assert!(matches!(
            read_attachment(dir.path(), 4),
            Err(AttachmentError::NotAFile(_))
        ));
        fs::write(dir.path().join("a\nb"), b"1").unwrap();
        assert!(matches!(
            read_attachment(&dir.path().join("a\nb"), 4),
            Err(AttachmentError::Name { .. })
        ));
    }

    #[test]
    fn a_file_that_grows_or_is_rewritten_meanwhile_is_refused() {
        let dir = dir();
        let path = dir.path().join("a");
        for meanwhile in [&b"longer"[..], b"1234"] {
            fs::write(&path, b"abcd").unwrap();
            let long_ago = std::time::SystemTime::UNIX_EPOCH;
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
            let read = read_with(&path, 10, |path| fs::write(path, meanwhile).unwrap());
            assert!(matches!(read, Err(AttachmentError::Changed(_))), "{read:?}");
        }
    }
}
