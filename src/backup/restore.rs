//! A ledger's folder out of what is left, and what the host must keep of it.
//!
//! ```text
//! restoring            stands in the folder until all of it verified: nothing is appended before
//! bundles, tiles       and attachments and time tokens, read back; synced with their folders
//! hint, checkpoints    and last the tail
//! verification         of all of it
//! sealing key, head    in the state folder, where it has none
//! restoring            removed
//! ```
//!
//! It can be cut off anywhere and run again. Nothing that lies in the folder is ever written over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::audit::Audit;
use crate::checkpoint;
use crate::key::{PublicKey, SecretKey};
use crate::ledger::{
    CHECKPOINT_FILE, COSIGNED_FILE, HINT_FILE, LedgerPlace, OpenError, RESTORING, folder,
};
use crate::note::NoteKey;
use crate::publication::{CopyWriter, PublicationError, StoredNote};
use crate::rule::{self, Verdict};
use crate::store::blobs::blob_path;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::engine::{Engine as _, FolderEngine};
use crate::store::publish;
use crate::store::tail::{MAX_TAIL, TAIL_FILE};
use crate::sys::keyfile::{self, KeyFileError};
use crate::sys::world::World;
use crate::verify::Report;

use super::error::BackupError;
use super::log::{LogCopy, put_anew};
use super::plan::RestorePlan;

const MARKER: &[u8] = b"a ledger is being restored here; the same restore once more goes on\n";

/// Whether the host can seal a ledger that was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealingKeyFound {
    /// It was there.
    Present,
    /// It came out of the backup.
    Restored,
    /// There is another one, which the entries do not name.
    Other,
    /// There is none.
    Missing,
}

/// Refuses a folder in which something lies, but for what an interrupted restore left.
///
/// # Errors
/// Something does.
pub fn check_target(world: &World, dir: &Path) -> Result<(), BackupError> {
    let names = FolderEngine::at(world, dir).top()?.unwrap_or_default();
    // The marker itself may be half-written.
    let begun = publish::temporary_prefix(RESTORING);
    let is_marked = names.iter().any(|name| name == RESTORING);
    match is_marked || names.iter().all(|name| name.starts_with(&begun)) {
        true => Ok(()),
        false => Err(OpenError::NotEmpty(dir.to_owned()).into()),
    }
}

impl SealingKeyFound {
    /// Whether it is the one that the entries name.
    #[must_use]
    pub const fn can_seal(self) -> bool {
        matches!(self, Self::Present | Self::Restored)
    }
}

impl RestorePlan<'_> {
    /// The sealing key that the last entry leaves in force.
    #[must_use]
    pub fn sealing_key(&self) -> Option<PublicKey> {
        let seals = self.entries.register().charter.keyring.seals();
        seals.last().map(|seal| seal.key)
    }

    /// Whether a person has to accept that something is lost.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.lost.is_some() || self.checkpoint.is_none() || !self.missing.is_empty()
    }

    /// Whether nothing that could be read states where the entries end.
    #[must_use]
    pub const fn lacks_checkpoint(&self) -> bool {
        self.checkpoint.is_none()
    }

    /// Writes all of it to the folder that `audit` is of, and verifies it there.
    ///
    /// # Errors
    /// Something else is in the folder, what was written does not verify, or the disk's refusal.
    pub fn write(&self, audit: &Audit<'_>) -> Result<Report, BackupError> {
        let (world, dir) = (audit.world, audit.dir);
        let to = FolderEngine::at(world, dir);
        check_target(world, dir)?;
        folder::make(&*world.disk, dir)?;
        to.replace(RESTORING, MARKER)?;
        to.remove_leftovers("")?;
        let log = self.write_once(&to)?;
        if log.link() != self.entries.edge().link() {
            return Err(BackupError::NotRestored(
                "a source changed meanwhile".to_owned(),
            ));
        }
        let tail = log.tail()?;
        // Without the marker's leave: what is there might be somebody's ledger after all.
        let there = to.get(TAIL_FILE, MAX_TAIL as u64)?;
        if there.is_some_and(|there| there != tail) {
            return Err(OpenError::NotEmpty(dir.to_owned()).into());
        }
        let key = self.entries.origin().zip(self.sealing_key());
        let key = key.and_then(|(origin, key)| NoteKey::new(origin, key).ok());
        let hint = key.map(|key| folder::describe(&self.entries.ledger(), &key).into_bytes());
        let bytes = |noted: &StoredNote| noted.bytes.clone();
        for (name, file) in [
            (HINT_FILE, hint),
            (COSIGNED_FILE, self.cosigned.as_ref().map(bytes)),
            (CHECKPOINT_FILE, self.checkpoint.as_ref().map(bytes)),
            (TAIL_FILE, Some(tail)),
        ] {
            if let Some(file) = file {
                put_anew(&to, name, &file)?;
            }
        }
        self.judge(audit.run()?)
    }

    /// Writes what never changes.
    fn write_once(&self, to: &FolderEngine) -> Result<LogCopy, BackupError> {
        const WIDTH: u64 = BUNDLE_ENTRIES as u64;
        let (mut files, mut log) = (CopyWriter::new(to), LogCopy::new());
        for run in &self.runs {
            let mut held = (None, BTreeMap::new());
            for sequence in run.first..run.first + run.count {
                let n = sequence / WIDTH;
                if held.0 != Some(n) {
                    let source = self.sources.get(run.source);
                    held = (
                        Some(n),
                        source.map(|source| source.bundle(n)).unwrap_or_default(),
                    );
                }
                let entry = held.1.remove(&sequence);
                let gone = || PublicationError::Entry {
                    sequence,
                    why: "it was there a moment ago".to_owned(),
                };
                log.push(entry.ok_or_else(gone)?, &mut files)?;
            }
        }
        for (digest, _, is_expunged) in self.entries.attachments(self.size()) {
            let mut held = self.sources.iter().filter(|_| !is_expunged);
            if let Some(bytes) = held.find_map(|source| source.attachment(digest)) {
                files.put(&blob_path(digest), &bytes)?;
            }
        }
        let mut stems = BTreeSet::new();
        for token in self.sources.iter().flat_map(|source| &source.tokens) {
            if let Some(checkpoint) = &token.checkpoint
                && token.size <= self.size()
                && stems.insert(&token.stem)
            {
                files.put(&token.checkpoint_path(), checkpoint)?;
                files.put(&token.response_path(), &token.response)?;
            }
        }
        files.finish()?;
        Ok(log)
    }

    /// What is broken in what was written; files that are lost were said to be.
    fn judge(&self, report: Report) -> Result<Report, BackupError> {
        let mut broken = report.findings.iter().filter(|finding| {
            let is_said = finding.rule.id == rule::I09.id && !self.missing.is_empty();
            finding.rule.verdict == Verdict::Integrity && !is_said
        });
        match broken.next() {
            None if report.interrupted => {
                Err(BackupError::NotRestored("it was interrupted".to_owned()))
            }
            None => Ok(report),
            Some(finding) => {
                let place = finding
                    .sequence
                    .map_or(String::new(), |at| format!(" at entry {at}"));
                let why = format!(
                    "{} {}{place}: {}",
                    finding.rule.id, finding.rule.title, finding.found
                );
                Err(BackupError::NotRestored(why))
            }
        }
    }

    /// Leaves the host what it needs to go on, and lets the folder be a ledger. `key` is that of a backup.
    ///
    /// # Errors
    /// The disk's refusal, or a key file that cannot be used.
    pub fn settle(
        &self,
        world: &World,
        place: &LedgerPlace,
        key: Option<&SecretKey>,
    ) -> Result<SealingKeyFound, BackupError> {
        folder::make(&*world.disk, &place.state)?;
        world.disk.keep_private(&place.state)?;
        let wanted = self.sealing_key();
        let held = [place.sealing_key(), place.next_sealing_key()]
            .map(|path| keyfile::read(&path, &|| Ok(None)));
        let found = match (held, key.filter(|key| Some(key.public()) == wanted)) {
            (held, _)
                if held
                    .iter()
                    .flatten()
                    .any(|held| Some(held.public()) == wanted) =>
            {
                SealingKeyFound::Present
            }
            ([Err(KeyFileError::Missing(_)), _], Some(key)) => {
                keyfile::write_new(&place.sealing_key(), key, None)?;
                SealingKeyFound::Restored
            }
            ([Err(KeyFileError::Missing(_)), _], None) => SealingKeyFound::Missing,
            ([Err(fault), _], _) => return Err(fault.into()),
            ([Ok(_), _], _) => SealingKeyFound::Other,
        };
        self.keep_head(world, &place.head())?;
        FolderEngine::at(world, &place.dir).remove(RESTORING)?;
        Ok(found)
    }

    /// Refuses a state folder that keeps another ledger's checkpoint: its key and its head stay its own.
    ///
    /// # Errors
    /// It does.
    pub fn check_state(&self, world: &World, place: &LedgerPlace) -> Result<(), BackupError> {
        let head = world.disk.read(&place.head()).ok();
        let stated = head.and_then(|head| checkpoint::stated(&head).ok());
        let origin = self.entries.origin();
        match stated {
            Some(stated) if origin.is_none_or(|origin| origin.as_str() != stated.origin) => {
                let (path, origin) = (place.head(), stated.origin);
                Err(OpenError::OtherLedgersHead { path, origin }.into())
            }
            _ => Ok(()),
        }
    }

    /// Keeps the newest checkpoint that is known where the next append looks for it: what is lost is then recorded
    /// before anything is.
    fn keep_head(&self, world: &World, head: &Path) -> Result<(), BackupError> {
        let lost = self.lost.as_ref().map(|lost| (lost.stated, &lost.note));
        let holding = self.checkpoint.as_ref();
        let newest = lost.or_else(|| holding.map(|noted| (noted.stated.size, &noted.bytes)));
        let Some((size, note)) = newest else {
            return Ok(());
        };
        let held = world.disk.read(head).ok();
        let held = held.and_then(|held| checkpoint::stated(&held).ok());
        if held.is_none_or(|held| held.size < size) {
            publish::durably(&*world.disk, head, note)?;
        }
        Ok(())
    }
}
