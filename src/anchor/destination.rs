//! Where checkpoints go: a folder, one file for each size, or a command's stdin.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::hash::Sha256Digest;
use crate::note::{NOTE_LIMIT, SignedNote};
use crate::store::publish::{TEMPORARY_PREFIX, finish_whole, folder_of};

/// How long a command has to take a checkpoint.
const COMMAND_TIME: Duration = Duration::from_secs(60);

/// A place that takes checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Destination {
    /// `FOLDER/<SHA-256 of the origin>/<size>.checkpoint`.
    Folder(PathBuf),
    /// A program and its arguments, run without a shell; the checkpoint is its stdin.
    Command(Vec<String>),
}

/// What a destination did with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnchorOutcome {
    /// A folder holds it now in this file.
    File(PathBuf),
    /// A folder held it already.
    Already(PathBuf),
    /// A command took it.
    Taken,
}

/// Why a checkpoint did not reach its destination.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The folder holds another root for that size: one of the two ledgers is a forgery.
    #[error("{} holds another checkpoint of the same size", .0.display())]
    Fork(PathBuf),
    /// What the folder holds under that name is no checkpoint.
    #[error("{} is there and is no checkpoint: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The folder is not there: perhaps it is not mounted, so it is not made.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// A file could not be written.
    #[error("{} cannot be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A command could not be run, or did not end well.
    #[error("`{command}` {why}")]
    Command {
        /// The command.
        command: String,
        /// What happened.
        why: String,
    },
}

impl Destination {
    /// Publishes a checkpoint.
    ///
    /// # Errors
    /// Another checkpoint of that size is there, or it cannot be written or handed over.
    pub fn publish(
        &self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<AnchorOutcome, AnchorError> {
        match self {
            Self::Folder(dir) => to_folder(dir, note, checkpoint),
            Self::Command(words) => to_command(words, note).map(|()| AnchorOutcome::Taken),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(dir) => write!(f, "{}", dir.display()),
            Self::Command(words) => f.write_str(&words.join(" ")),
        }
    }
}

fn to_folder(
    dir: &Path,
    note: &SignedNote,
    checkpoint: &Checkpoint,
) -> Result<AnchorOutcome, AnchorError> {
    if !dir.is_dir() {
        return Err(AnchorError::NoFolder(dir.to_owned()));
    }
    let origin = Sha256Digest::of(checkpoint.origin.as_bytes());
    let folder = dir.join(origin.to_string());
    let path = folder.join(format!("{}.checkpoint", checkpoint.size));
    let io = |source| AnchorError::Io {
        path: path.clone(),
        source,
    };
    match fs::create_dir(&folder) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(io(fault)),
        _ => {}
    }
    // The second time round the file that came in between is met.
    for _ in 0..2 {
        let held = match fs::File::open(&path) {
            Ok(file) => Some(read_held(&path, file)?),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
            Err(fault) => return Err(io(fault)),
        };
        let wanted = match &held {
            None => note.clone(),
            Some(held) => held
                .merged_with(note)
                .ok_or_else(|| AnchorError::Fork(path.clone()))?,
        };
        if held.as_ref() == Some(&wanted) {
            return Ok(AnchorOutcome::Already(path));
        }
        match replace(&path, wanted.to_string().as_bytes(), held.is_none()) {
            Err(fault) if held.is_none() && fault.kind() == io::ErrorKind::AlreadyExists => {}
            result => {
                return result
                    .map(|()| AnchorOutcome::File(path.clone()))
                    .map_err(io);
            }
        }
    }
    Err(io(io::ErrorKind::AlreadyExists.into()))
}

fn read_held(path: &Path, file: fs::File) -> Result<SignedNote, AnchorError> {
    let mut bytes = Vec::new();
    file.take(NOTE_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| AnchorError::Io {
            path: path.to_owned(),
            source,
        })?;
    SignedNote::parse(&bytes).map_err(|why| AnchorError::Foreign {
        path: path.to_owned(),
        why: why.to_string(),
    })
}

/// Puts a whole file in its place durably; where it is `new`, only if nothing came there meanwhile.
/// Its temporary name is its own, so that two processes do not write into one file.
pub(super) fn replace(path: &Path, bytes: &[u8], new: bool) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    finish_whole(file, path, !new)
}

fn to_command(words: &[String], note: &SignedNote) -> Result<(), AnchorError> {
    let failed = |why: String| AnchorError::Command {
        command: words.join(" "),
        why,
    };
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| failed("names no program".to_owned()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|fault| failed(format!("cannot be run: {fault}")))?;
    let text = note.to_string();
    let input = child.stdin.take();
    // A command that does not read must not be waited for here; one that ends without reading is
    // judged by its exit code alone.
    let feeding = thread::Builder::new().spawn(move || {
        if let Some(mut input) = input {
            let _ = input.write_all(text.as_bytes());
        }
    });
    let feeding = feeding.map_err(|fault| {
        let _ = child.kill();
        let _ = child.wait();
        failed(format!("cannot be fed: {fault}"))
    })?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                let _ = feeding.join();
                return match status.success() {
                    true => Ok(()),
                    false => Err(failed(format!("ended with {status}"))),
                };
            }
            Ok(None) if begun.elapsed() < COMMAND_TIME => {
                thread::sleep(Duration::from_millis(10));
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!(
                    "did not end within {} s and was killed",
                    COMMAND_TIME.as_secs()
                )));
            }
            Err(fault) => return Err(failed(format!("cannot be waited for: {fault}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint;
    use crate::hash::NodeHash;
    use crate::key::SecretKey;
    use crate::note::KeyName;

    fn signed(size: u64, root: u8) -> (SignedNote, Checkpoint) {
        let stated = Checkpoint {
            origin: "ledger.example/prod".to_owned(),
            size,
            root: NodeHash::from_bytes([root; 32]),
        };
        let note = checkpoint::sign(&stated, &SecretKey::from_seed(&[1; 32]));
        (SignedNote::parse(note.as_bytes()).unwrap(), stated)
    }

    fn cosigned(note: &SignedNote, seed: u8) -> SignedNote {
        let key = SecretKey::from_seed(&[seed; 32]);
        let name = KeyName::new(format!("witness.example/{seed}")).unwrap();
        let line = checkpoint::cosign(note.text(), 1, &name, &key);
        SignedNote::parse(format!("{note}{line}").as_bytes()).unwrap()
    }

    #[test]
    fn a_folder_keeps_one_checkpoint_for_each_size() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Destination::Folder(dir.path().to_owned());
        for size in [5, 6] {
            let (note, stated) = signed(size, 7);
            let Ok(AnchorOutcome::File(path)) = folder.publish(&note, &stated) else {
                panic!("size {size}");
            };
            assert_eq!(fs::read_to_string(&path).unwrap(), note.to_string());
            assert_eq!(
                folder.publish(&note, &stated).unwrap(),
                AnchorOutcome::Already(path)
            );
        }
        let held = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap();
        assert_eq!(fs::read_dir(held.path()).unwrap().count(), 2);
    }

    #[test]
    fn cosignatures_add_up_and_another_root_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Destination::Folder(dir.path().to_owned());
        let (note, stated) = signed(5, 7);
        folder.publish(&cosigned(&note, 2), &stated).unwrap();
        let Ok(AnchorOutcome::File(path)) = folder.publish(&cosigned(&note, 3), &stated) else {
            panic!("a further cosignature is news");
        };
        let both = cosigned(&cosigned(&note, 2), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), both.to_string());
        // One with fewer takes nothing away.
        folder.publish(&note, &stated).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), both.to_string());

        let (forged, stated) = signed(5, 8);
        let refusal = folder.publish(&forged, &stated).unwrap_err();
        assert!(matches!(refusal, AnchorError::Fork(_)), "{refusal}");
        assert_eq!(fs::read_to_string(&path).unwrap(), both.to_string());
        fs::write(&path, "torn").unwrap();
        let refusal = folder.publish(&note, &signed(5, 7).1).unwrap_err();
        assert!(matches!(refusal, AnchorError::Foreign { .. }), "{refusal}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let (note, stated) = signed(5, 7);
        let missing = Destination::Folder(dir.path().join("unmounted"));
        let refusal = missing.publish(&note, &stated).unwrap_err();
        assert!(matches!(refusal, AnchorError::NoFolder(_)), "{refusal}");
        assert!(!dir.path().join("unmounted").exists());
    }

    #[test]
    fn a_command_gets_the_checkpoint_on_stdin_and_its_failure_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (note, stated) = signed(5, 7);
        let out = dir.path().join("out");
        let command = |words: &[&str]| {
            Destination::Command(words.iter().map(|&word| word.to_owned()).collect())
        };
        let tee = command(&["tee", out.to_str().unwrap()]);
        assert_eq!(tee.publish(&note, &stated).unwrap(), AnchorOutcome::Taken);
        assert_eq!(fs::read_to_string(out).unwrap(), note.to_string());
        for words in [&["false"][..], &["/no/such/program"], &[]] {
            let refusal = command(words).publish(&note, &stated).unwrap_err();
            assert!(matches!(refusal, AnchorError::Command { .. }), "{refusal}");
        }
    }
}
