//! What witnesses have signed: for each its newest, and the ledger's newest checkpoint with enough
//! of them.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::WitnessLine;
use super::WitnessList;
use super::destination::replace;
use crate::checkpoint::Checkpoint;
use crate::hash::Sha256Digest;
use crate::note::SignedNote;
use crate::sys::disk::Disk;
use crate::sys::disk::DiskError;

const SEEN: &str = "seen";
const EVIDENCE: &str = "evidence";
/// Files of evidence, at most.
const MOST_EVIDENCE: usize = 64;

/// What is kept about witnesses, below the settings' folder.
#[derive(Debug)]
pub struct Book {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Book {
    /// The book below the settings' folder `dir`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self {
            disk,
            dir: dir.to_owned(),
        }
    }

    /// The newest checkpoint that a witness has cosigned, and when; `None` where it never did, or
    /// where the file is not what was written: it can be had again.
    #[must_use]
    pub fn seen(&self, witness: &WitnessLine) -> Option<(SignedNote, Checkpoint, u64)> {
        let note = self.note(&self.seen_path(witness))?;
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        let time = witness.key.cosigned(&note).ok()??;
        Some((note, checkpoint, time))
    }

    /// Remembers what a witness has cosigned.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn remember(&self, witness: &WitnessLine, note: &SignedNote) -> Result<(), DiskError> {
        self.write(&self.seen_path(witness), note.to_string().as_bytes())
    }

    /// Brings the cosigned checkpoint in `files` up to date: the newest of which a quorum has signed,
    /// or, while there never was one, the newest that anybody has signed. Answers with it.
    ///
    /// One that has its quorum is not given up for a newer one that has not: what it proves would be
    /// lost until the last witness is back.
    ///
    /// # Errors
    /// The disk's refusal. All files were tried.
    pub fn bring_up(
        &self,
        list: &WitnessList,
        files: &[PathBuf],
    ) -> Result<Option<SignedNote>, DiskError> {
        let mut found: Vec<SignedNote> = files.iter().filter_map(|path| self.note(path)).collect();
        found.extend(
            list.witnesses
                .iter()
                .filter_map(|line| Some(self.seen(line)?.0)),
        );
        let best = best(list, &found);
        let Some(best) = best else { return Ok(None) };
        let text = best.to_string();
        let written = files.iter().map(|path| {
            if self
                .disk
                .read(path)
                .is_ok_and(|held| held == text.as_bytes())
            {
                return Ok(());
            }
            self.write(path, text.as_bytes())
        });
        written.fold(Ok(()), Result::and)?;
        Ok(Some(best))
    }

    /// Keeps a request that a witness refused and what it answered, as evidence of what the two
    /// disagree about; `None` where there is enough.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn keep_evidence(
        &self,
        witness: &WitnessLine,
        request: &str,
        answer: &str,
    ) -> Result<Option<PathBuf>, DiskError> {
        let dir = self.dir.join(EVIDENCE);
        self.disk.create_dir(&dir)?;
        let digest = Sha256Digest::of(request.as_bytes()).to_string();
        let path = dir.join(format!("{}.request", digest.get(..16).unwrap_or(&digest)));
        if self.disk.metadata(&path)?.is_none() {
            if self.disk.list(&dir)?.len() >= 2 * MOST_EVIDENCE {
                return Ok(None);
            }
            let said = format!("{} {}\n{answer}\n", witness.name, witness.key);
            self.write(&path.with_extension("answer"), said.as_bytes())?;
            self.write(&path, request.as_bytes())?;
        }
        Ok(Some(path))
    }

    fn seen_path(&self, witness: &WitnessLine) -> PathBuf {
        let name = Sha256Digest::of(witness.key.to_string().as_bytes()).to_string();
        self.dir.join(SEEN).join(name)
    }

    fn note(&self, path: &Path) -> Option<SignedNote> {
        SignedNote::parse(&self.disk.read(path).ok()?).ok()
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        let fault = |source| DiskError::new("write", path, source);
        if let Some(folder) = path.parent() {
            self.disk.create_dir(folder)?;
        }
        match replace(path, bytes, false) {
            // A writer that opens the ledger clears temporary files away; once more is enough.
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                replace(path, bytes, false).map_err(fault)
            }
            result => result.map_err(fault),
        }
    }
}

/// The best of some cosigned checkpoints: with a quorum rather than without, then the largest. Lines
/// over the same text are put together.
fn best(list: &WitnessList, notes: &[SignedNote]) -> Option<SignedNote> {
    let mut merged: Vec<SignedNote> = Vec::new();
    for note in notes {
        let same = merged.iter_mut().find_map(|held| {
            let both = held.merged_with(note)?;
            Some((held, both))
        });
        match same {
            Some((held, both)) => *held = both,
            None => merged.push(note.clone()),
        }
    }
    merged
        .into_iter()
        .filter_map(|note| {
            let size = Checkpoint::parse(note.text()).ok()?.size;
            let signed = |line: &&WitnessLine| matches!(line.key.cosigned(&note), Ok(Some(_)));
            let names: Vec<&str> = list
                .witnesses
                .iter()
                .filter(signed)
                .map(|line| &*line.name)
                .collect();
            let rank = (list.is_quorum(&names), size, names.len());
            Some((rank, note))
        })
        .max_by_key(|(rank, _)| *rank)
        .map(|(_, note)| note)
}
