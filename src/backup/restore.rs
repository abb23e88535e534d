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

use std::collections::BTreeMap;
use std::path::Path;

use crate::audit::Audit;
use crate::entry::StoredEntry;
use crate::key::{PublicKey, SecretKey};
use crate::ledger::{
    CHECKPOINT_FILE, COSIGNED_FILE, HINT_FILE, LedgerError, LedgerPlace, OpenError, RESTORING,
    folder,
};
use crate::note::NoteKey;
use crate::publication::{CopyWriter, StoredNote};
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
use super::plan::RestorePlan;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
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
        false => Err(not_empty(dir)),
    }
}

fn not_empty(dir: &Path) -> BackupError {
    LedgerError::from(OpenError::NotEmpty(dir.to_owned())).into()
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
        let mut copy = CopyWriter::new(&to);
        self.write_once(&mut copy)?;
        let tail = copy.tail()?;
        // Without the marker's leave: what is there might be somebody's ledger after all.
        let there = to.get(TAIL_FILE, MAX_TAIL as u64)?;
        if there.is_some_and(|there| there != tail) {
            return Err(not_empty(dir));
        }
        let key = self.entries.origin().zip(self.sealing_key());
        let key = key.and_then(|(origin, key)| NoteKey::new(origin, key).ok());
        let bytes = |noted: &StoredNote| noted.bytes.clone();
        let hint = key.map(|key| folder::describe(&self.ledger(), &key).into_bytes());
        copy.put_anew([
            (HINT_FILE, hint),
            (COSIGNED_FILE, self.cosigned.as_ref().map(bytes)),
            (CHECKPOINT_FILE, self.checkpoint.as_ref().map(bytes)),
            (TAIL_FILE, Some(tail)),
        ])?;
        self.judge(audit.run()?)
    }

    /// Writes what never changes.
    fn write_once(&self, copy: &mut CopyWriter<'_>) -> Result<(), BackupError> {
        for run in &self.runs {
            let (of_it, source) = (run.first..run.first + run.count, run.source);
            let held =
                (of_it.start / WIDTH..of_it.end.div_ceil(WIDTH)).flat_map(|n| source.bundle(n));
            for (sequence, bytes) in held.filter(|(sequence, _)| of_it.contains(sequence)) {
                let stored = StoredEntry::of(sequence, bytes);
                copy.entry(stored.map_err(|fault| BackupError::NotRestored(fault.to_string()))?)?;
            }
        }
        if copy.edge().root() != self.root() {
            let why = "a source changed meanwhile".to_owned();
            return Err(BackupError::NotRestored(why));
        }
        for (digest, _, is_expunged) in self.entries.attachments(self.size()) {
            let mut held = self.sources.iter().filter(|_| !is_expunged);
            if let Some(bytes) = held.find_map(|source| source.attachment(digest)) {
                copy.put(&blob_path(digest), &bytes)?;
            }
        }
        // Of one that two sources have, what the first has.
        let tokens = self.sources.iter().rev().flat_map(|source| &source.tokens);
        let whole = tokens.filter(|token| token.checkpoint.is_some());
        let whole: BTreeMap<_, _> = whole.map(|token| (&token.stem, token)).collect();
        copy.tokens(whole.into_values(), self.size())?;
        Ok(copy.settle()?)
    }

    /// What is broken in what was written; files that are lost were said to be.
    fn judge(&self, report: Report) -> Result<Report, BackupError> {
        let mut broken = report.findings.iter().filter(|finding| {
            let is_said = finding.rule.id == rule::I09.id && !self.missing.is_empty();
            finding.rule.verdict == Verdict::Integrity && !is_said
        });
        let why = match broken.next() {
            None if report.interrupted => "it was interrupted".to_owned(),
            None => return Ok(report),
            Some(finding) => {
                let place = finding.sequence.map(|at| format!(" at entry {at}"));
                let (rule, place) = (finding.rule, place.unwrap_or_default());
                format!("{} {}{place}: {}", rule.id, rule.title, finding.found)
            }
        };
        Err(BackupError::NotRestored(why))
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
        let is_wanted = |key: &SecretKey| Some(key.public()) == self.sealing_key();
        let held = |path| keyfile::read(path, &|| Ok(None));
        let (own, next) = (held(&place.sealing_key()), held(&place.next_sealing_key()));
        let found = match (own, key.filter(|key| is_wanted(key))) {
            (own, _) if [&own, &next].into_iter().flatten().any(is_wanted) => {
                SealingKeyFound::Present
            }
            (Ok(_), _) => SealingKeyFound::Other,
            (Err(KeyFileError::Missing(_)), None) => SealingKeyFound::Missing,
            (Err(KeyFileError::Missing(_)), Some(key)) => {
                keyfile::write_new(&place.sealing_key(), key, None)?;
                SealingKeyFound::Restored
            }
            (Err(fault), _) => return Err(fault.into()),
        };
        self.keep_head(world, place)?;
        FolderEngine::at(world, &place.dir).remove(RESTORING)?;
        Ok(found)
    }

    /// Refuses a state folder that keeps another ledger's checkpoint: its key and its head stay its own.
    ///
    /// # Errors
    /// It does.
    pub fn check_state(&self, world: &World, place: &LedgerPlace) -> Result<(), BackupError> {
        let origin = self.entries.origin();
        match place.kept(&*world.disk) {
            Some(kept) if origin.is_none_or(|origin| origin.as_str() != kept.origin) => {
                let (path, origin) = (place.head(), kept.origin);
                Err(LedgerError::from(OpenError::OtherLedgersHead { path, origin }).into())
            }
            _ => Ok(()),
        }
    }

    /// Keeps the newest checkpoint that is known where the next append looks for it: what is lost is then recorded
    /// before anything is.
    fn keep_head(&self, world: &World, place: &LedgerPlace) -> Result<(), BackupError> {
        let lost = self.lost.as_ref().map(|lost| (lost.stated, &lost.note));
        let holding = self.checkpoint.as_ref();
        let newest = lost.or_else(|| holding.map(|noted| (noted.stated.size, &noted.bytes)));
        if let Some((size, note)) = newest
            && place.kept(&*world.disk).is_none_or(|kept| kept.size < size)
        {
            publish::durably(&*world.disk, &place.head(), note)?;
        }
        Ok(())
    }
}
