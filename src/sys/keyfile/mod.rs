//! Private keys in files, and the public line that goes with them.
//!
//! A private key file is PKCS#8 in PEM, so `openssl pkey` reads it too. Nobody but its owner may
//! touch it, it is never written over another, and it exists whole or not at all. What stands in
//! the file is the business of `pem`; `public` is the line that its owner hands to others.

mod passphrase;
mod pem;
mod public;

use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use passphrase::AskPassphrase;
pub use pem::PemError;
pub use public::{PublicKeyFile, PublicKeyFileError};

use crate::key::SecretKey;

/// The most bytes that a private key file may have; real ones have a few hundred.
pub const KEY_FILE_LIMIT: usize = 64 * 1024;

const OWNER_ONLY: u32 = 0o600;
const OTHERS: u32 = 0o077;
const GROUP_READS: u32 = 0o040;

/// What is wrong with a private key file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is none.
    #[error("there is no key file `{0}`")]
    Missing(PathBuf),
    /// A file is there already: a key is never overwritten.
    #[error("`{0}` exists already, and a key file is never overwritten")]
    Exists(PathBuf),
    /// Others than the owner may read, change or run it.
    #[error("`{path}` has mode {mode:04o}, so others can get at what is in it")]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The same, where whoever reads it cannot change it.
    #[error("`{path}` has mode {mode:04o}, so others can get at what is in it")]
    MountedOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// More bytes than [`KEY_FILE_LIMIT`].
    #[error("`{0}` is longer than {KEY_FILE_LIMIT} bytes and no key file")]
    TooLarge(PathBuf),
    /// It was read, but holds no key that can be used, or only for who knows the passphrase.
    #[error("the key file `{path}` {fault}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with what stands in it.
        #[source]
        fault: PemError,
    },
    /// The system refused.
    #[error("the key file `{path}` cannot be {action}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes `key` into a new file that its owner alone can read, encrypted if there is a passphrase.
///
/// When this returns, the file would survive a power failure.
///
/// # Errors
/// Where the file exists already, cannot be written, or the passphrase is empty.
pub fn write_new(
    path: &Path,
    key: &SecretKey,
    passphrase: Option<&str>,
) -> Result<(), KeyFileError> {
    let pem = pem::encode(key, passphrase).map_err(|fault| KeyFileError::Content {
        path: path.to_owned(),
        fault,
    })?;
    write_secret(path, pem.as_bytes())
}

/// Writes another secret that is kept like a key, likewise.
///
/// # Errors
/// Where the file exists already or cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    write_durably(path, bytes).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        _ => KeyFileError::Io {
            path: path.to_owned(),
            action: "written",
            source,
        },
    })
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".key-")
        .permissions(Permissions::from_mode(OWNER_ONLY))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    // Only now does it get its name, and only if nothing has it: if the power fails before this
    // line there is no key file, and after it a whole one.
    file.persist_noclobber(path).map_err(|fault| fault.error)?;
    File::open(folder)?.sync_all()
}

/// A private key that was read, and what is to be said of its file.
#[derive(Debug)]
pub struct ReadKey {
    /// The key.
    pub key: SecretKey,
    /// Its file is readable to a group, and nobody here can change that.
    pub notice: Option<String>,
}

/// Reads a private key. `passphrase` is asked only if the file is encrypted.
///
/// # Errors
/// As [`read_noting`].
pub fn read(path: &Path, passphrase: AskPassphrase<'_>) -> Result<SecretKey, KeyFileError> {
    Ok(read_noting(path, passphrase)?.key)
}

/// The same, with what is to be said of the file. What is no regular file (a pipe, a descriptor under
/// `/dev/fd`) has no mode that would protect it, and is read as it comes.
///
/// # Errors
/// The file is missing, open to others, too long, holds no Ed25519 key in PKCS#8 or OpenSSH's form, or one
/// that is encrypted with another passphrase.
pub fn read_noting(path: &Path, passphrase: AskPassphrase<'_>) -> Result<ReadKey, KeyFileError> {
    let (file, notice) = open(path)?;
    let key = read_from(path, file, passphrase)?;
    Ok(ReadKey { key, notice })
}

/// Reads another secret that is kept like a key.
///
/// # Errors
/// The file is missing, open to others, or too long.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    whole(path, open(path)?.0)
}

fn open(path: &Path) -> Result<(File, Option<String>), KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => KeyFileError::Io {
            path: path.to_owned(),
            action: "read",
            source,
        },
    };
    let file = File::open(path).map_err(failed)?;
    // Asked of the open file, not of the path, so that nobody can swap the file in between.
    let notice = judge_mode(&file, path).map_err(failed)??;
    Ok((file, notice))
}

/// Reads a private key from `source`, which messages call `name`.
///
/// # Errors
/// As [`read_noting`].
pub fn read_from(
    name: &Path,
    source: impl io::Read,
    passphrase: AskPassphrase<'_>,
) -> Result<SecretKey, KeyFileError> {
    let pem = whole(name, source)?;
    pem::decode(&pem, passphrase).map_err(|fault| KeyFileError::Content {
        path: name.to_owned(),
        fault,
    })
}

fn whole(name: &Path, source: impl io::Read) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    // All room is taken beforehand: a buffer that grew would leave copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_LIMIT + 1));
    source
        .take(KEY_FILE_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| KeyFileError::Io {
            path: name.to_owned(),
            action: "read",
            source,
        })?;
    if bytes.len() > KEY_FILE_LIMIT {
        return Err(KeyFileError::TooLarge(name.to_owned()));
    }
    Ok(bytes)
}

/// Whether the mode of an open key file keeps others out, as far as whoever runs this can see to it.
///
/// A secret that is mounted read-only (Kubernetes) belongs to root and is readable to the group of whoever
/// runs: nobody here can make it 0600, so it is accepted, with a notice. What everybody can read never is.
fn judge_mode(file: &File, path: &Path) -> io::Result<Result<Option<String>, KeyFileError>> {
    let found = file.metadata()?;
    let mode = found.mode() & 0o777;
    if !found.is_file() || mode & OTHERS == 0 {
        return Ok(Ok(None));
    }
    let mount = rustix::fs::fstatvfs(file)?.f_flag;
    let user = rustix::process::geteuid();
    let can_change = !mount.contains(rustix::fs::StatVfsMountFlags::RDONLY)
        && (user.is_root() || user.as_raw() == found.uid());
    Ok(judge_open_mode(path, mode, can_change))
}

/// What to make of a `mode` that lets somebody else in.
fn judge_open_mode(
    path: &Path,
    mode: u32,
    can_change: bool,
) -> Result<Option<String>, KeyFileError> {
    let path = path.to_owned();
    if can_change {
        return Err(KeyFileError::Mode { path, mode });
    }
    if mode & OTHERS != GROUP_READS {
        return Err(KeyFileError::MountedOpen { path, mode });
    }
    Ok(Some(format!(
        "the key file `{}` has mode {mode:04o}: whoever is in its group can read it",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PLAIN: &str = include_str!("../../../tests/vectors/keys/plain.pem");

    fn key() -> SecretKey {
        SecretKey::from_seed(&[7; 32])
    }

    fn nobody() -> io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }

    fn file(folder: &tempfile::TempDir, bytes: &[u8], mode: u32) -> PathBuf {
        let path = folder.path().join("some.key");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_new_file_is_the_owners_alone_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.key");
        write_new(&path, &key(), None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read(&path, &nobody).unwrap().public(), key().public());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "no temporary file stays behind");
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, b"something else", 0o600);
        let fault = write_new(&path, &key(), None).unwrap_err();
        assert!(matches!(fault, KeyFileError::Exists(_)), "{fault}");
        assert_eq!(fs::read(&path).unwrap(), b"something else");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let fault = write_new(&folder.path().join("no/some.key"), &key(), None).unwrap_err();
        assert!(matches!(fault, KeyFileError::Io { .. }), "{fault}");
    }

    #[test]
    fn what_cannot_be_changed_may_be_readable_to_a_group_and_to_nobody_else() {
        let path = Path::new("/var/run/secrets/key");
        for mode in [0o440, 0o640, 0o540] {
            let notice = judge_open_mode(path, mode, false).unwrap().unwrap();
            assert!(notice.contains(&format!("mode {mode:04o}")), "{notice}");
        }
        for mode in [0o444, 0o460, 0o450, 0o404, 0o777] {
            let fault = judge_open_mode(path, mode, false).unwrap_err();
            assert!(matches!(fault, KeyFileError::MountedOpen { .. }), "{fault}");
        }
        let fault = judge_open_mode(path, 0o440, true).unwrap_err();
        assert!(matches!(fault, KeyFileError::Mode { .. }), "{fault}");
    }

    #[test]
    fn a_file_open_to_anyone_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o777] {
            let path = file(&folder, PLAIN.as_bytes(), mode);
            let text = read(&path, &nobody).unwrap_err().to_string();
            assert!(text.contains(&format!("mode {mode:04o}")), "{text}");
        }
        for mode in [0o600, 0o400, 0o700] {
            let path = file(&folder, PLAIN.as_bytes(), mode);
            assert!(read(&path, &nobody).is_ok(), "{mode:o}");
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn missing_unreadable_and_oversized_files_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read(&folder.path().join("none"), &nobody).unwrap_err();
        assert!(matches!(missing, KeyFileError::Missing(_)), "{missing}");
        let inner = folder.path().join("folder");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o700)).unwrap();
        let unreadable = read(&inner, &nobody).unwrap_err();
        assert!(
            matches!(unreadable, KeyFileError::Io { .. }),
            "{unreadable}"
        );
        // A whole key with room after it: only the length is wrong.
        let mut long = PLAIN.as_bytes().to_vec();
        long.resize(KEY_FILE_LIMIT + 1, b'\n');
        let large = read(&file(&folder, &long, 0o600), &nobody).unwrap_err();
        assert!(matches!(large, KeyFileError::TooLarge(_)), "{large}");
    }

    #[test]
    fn what_is_wrong_with_the_content_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, b"no key", 0o600);
        let fault = read(&path, &nobody).unwrap_err();
        assert!(fault.to_string().contains("some.key"), "{fault}");
        assert!(matches!(
            fault,
            KeyFileError::Content {
                fault: PemError::NotPem,
                ..
            }
        ));
    }
}
