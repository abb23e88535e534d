//! Signed statements that could not be delivered yet, one file each, in the order they were made.
//!
//! ```json
//! {"schema": "rotation-ledger/spooled-statement/1", "statement": "base64", "signature": "hex",
//!  "attachments": ["base64"]}
//! ```
//!
//! A statement is signed before it is spooled, so that nobody can change it there, and the ledger
//! answers a second delivery with a receipt again: a file is removed only after its receipt.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::append::{AppendError, Receipt, Submission, Writer};
use crate::key::Signature;
use crate::statement::SignedStatement;

const SCHEMA: &str = "rotation-ledger/spooled-statement/1";
const EXTENSION: &str = "json";
const OWNER_ONLY: u32 = 0o600;

/// What is wrong with the spool or a file in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// A file in it is no spooled statement.
    #[error("{} is no spooled statement: {fault}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// The system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger refused it. It stays in the spool, and so do those after it.
    #[error("{} was not recorded: {fault}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: Box<AppendError>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpoolFile {
    schema: String,
    statement: String,
    signature: Signature,
    #[serde(default)]
    attachments: Vec<String>,
}

/// Writes a statement durably into the spool folder `dir`, which is made where it is missing, after
/// everything that is there. Its owner alone can read it.
///
/// # Errors
/// The system's refusal.
pub fn write(dir: &Path, submission: &Submission) -> Result<PathBuf, SpoolError> {
    let text = encode(submission).map_err(|fault| failed("write", dir, fault.into()))?;
    fs::create_dir_all(dir).map_err(|source| failed("make", dir, source))?;
    let mut number = last_number(dir)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(OWNER_ONLY))
        .tempfile_in(dir)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            Ok(file)
        })
        .map_err(|source| failed("write into", dir, source))?;
    loop {
        number = number.saturating_add(1);
        let path = dir.join(format!("{number:012}.{EXTENSION}"));
        match file.persist_noclobber(&path) {
            Ok(_) => {
                sync_folder(dir)?;
                return Ok(path);
            }
            // Another process spooled meanwhile and took the number.
            Err(fault) if fault.error.kind() == io::ErrorKind::AlreadyExists => file = fault.file,
            Err(fault) => return Err(failed("write", &path, fault.error)),
        }
    }
}

/// The spooled statements in `dir`, the oldest first. A missing folder holds none.
///
/// # Errors
/// The system's refusal.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let listed = match fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("list", dir, source)),
    };
    let mut paths = Vec::new();
    for found in listed {
        let path = found.map_err(|source| failed("list", dir, source))?.path();
        if number_of(&path).is_some() {
            paths.push(path);
        }
    }
    paths.sort_by_key(|path| number_of(path));
    Ok(paths)
}

/// Reads one of them. Nothing in it is believed: appending checks it.
///
/// # Errors
/// It is no spooled statement, or the system's refusal.
pub fn read(path: &Path) -> Result<Submission, SpoolError> {
    let text = fs::read(path).map_err(|source| failed("read", path, source))?;
    decode(&text).map_err(|fault| SpoolError::Content {
        path: path.to_owned(),
        fault,
    })
}

/// A signed statement with its files as it is spooled and sent, on one line.
///
/// # Errors
/// None that is known; the encoder could have one.
pub fn encode(submission: &Submission) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&SpoolFile {
        schema: SCHEMA.to_owned(),
        statement: BASE64.encode(submission.statement.bytes()),
        signature: *submission.statement.signature(),
        attachments: submission
            .files
            .iter()
            .map(|file| BASE64.encode(file))
            .collect(),
    })
}

/// Reads what [`encode`] made. Nothing in it is believed: appending checks it. The list of attachments may
/// be left out where their bytes come by another road.
///
/// # Errors
/// What is wrong with it, without a word of what stands in it.
pub fn decode(text: &[u8]) -> Result<Submission, String> {
    let spooled: SpoolFile = serde_json::from_slice(text).map_err(|fault| fault.to_string())?;
    if spooled.schema != SCHEMA {
        return Err("its schema is another".to_owned());
    }
    let bytes = |text: &String| BASE64.decode(text).map_err(|_| "a part is not base64");
    let files = spooled.attachments.iter().map(bytes);
    let files = files.collect::<Result<_, _>>()?;
    let statement = SignedStatement::from_parts(bytes(&spooled.statement)?, spooled.signature);
    Ok(Submission { statement, files })
}

/// Removes one that has its receipt.
///
/// # Errors
/// The system's refusal; delivering it once more then does no harm.
pub fn remove(path: &Path) -> Result<(), SpoolError> {
    fs::remove_file(path).map_err(|source| failed("remove", path, source))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Delivers the spooled statements in `dir` to the ledger, in order, each shown to `delivered` with
/// its receipt before its file is removed.
///
/// # Errors
/// The first that is refused or cannot be read; it and all after it stay in the spool, since what
/// they say may build on it.
pub fn deliver(
    dir: &Path,
    writer: &mut Writer,
    mut delivered: impl FnMut(&Path, Receipt),
) -> Result<(), SpoolError> {
    for path in list(dir)? {
        let mut outcome = writer.append(vec![read(&path)?]);
        if let Some(fault) = outcome.refused {
            return Err(SpoolError::Refused {
                path,
                fault: Box::new(fault),
            });
        }
        if let Some(receipt) = outcome.receipts.pop() {
            delivered(&path, receipt);
            remove(&path)?;
        }
    }
    Ok(())
}

fn number_of(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let named = path
        .extension()
        .is_some_and(|extension| extension == EXTENSION);
    stem.parse().ok().filter(|_| named)
}

fn last_number(dir: &Path) -> Result<u64, SpoolError> {
    Ok(list(dir)?
        .last()
        .and_then(|path| number_of(path))
        .unwrap_or(0))
}

fn sync_folder(dir: &Path) -> Result<(), SpoolError> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| failed("sync", dir, source))
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> SpoolError {
    SpoolError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(byte: u8) -> Submission {
        let statement =
            SignedStatement::from_parts(vec![byte; 3], Signature::from_bytes([byte; 64]));
        Submission {
            statement,
            files: vec![vec![byte], b"file".to_vec()],
        }
    }

    #[test]
    fn comes_back_as_it_was_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("spool");
        assert!(list(&spool).unwrap().is_empty());
        for byte in 0..12 {
            let path = write(&spool, &submission(byte)).unwrap();
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                OWNER_ONLY
            );
        }
        let read: Vec<_> = list(&spool)
            .unwrap()
            .iter()
            .map(|path| super::read(path).unwrap())
            .collect();
        assert_eq!(read, (0..12).map(submission).collect::<Vec<_>>());
        let first = list(&spool).unwrap().remove(0);
        remove(&first).unwrap();
        assert_eq!(
            super::read(&list(&spool).unwrap()[0]).unwrap(),
            submission(1)
        );
    }

    #[test]
    fn other_files_are_not_taken_for_statements() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("000000000001.json", "{}"),
            ("000000000002.json", "{\"schema\":\"x\"}"),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        fs::write(dir.path().join(".new-1"), "half").unwrap();
        fs::write(dir.path().join("notes.txt"), "").unwrap();
        let found = list(dir.path()).unwrap();
        assert_eq!(found.len(), 2);
        for path in found {
            assert!(matches!(read(&path), Err(SpoolError::Content { .. })));
        }
    }
}
