//! Verifies a stored ledger, or a published copy of one, from end to end: feeds `verify` with the
//! log's bytes, and holds against them what only a store shows: tiles, attachments, stray files, the
//! index.
//!
//! Nothing is written and nothing is trusted. The writer is kept out only for the moment in which
//! the tail is read: what is sealed never changes.

mod foreign;
mod index;
mod strays;
mod surroundings;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::checkpoint;
use crate::pack::PackPart;
use crate::store::engine::FolderEngine;
use crate::sys::disk::DiskCause;
use crate::sys::world::World;
use crate::time::Timestamp;
use crate::timestamps;
use crate::timetoken::{StoredToken, TsaAuthorities};
use crate::trust::Trust;
use crate::verify::{
    self, CheckpointKeeper, Report, StoredCheckpoint, TokenOnFile, VerifiedBefore, VerifyQuestion,
};

use crate::ledger::pieces::LogPieces;
use crate::ledger::standing::{standing, take};
use crate::ledger::{
    BACKUP_FILE, CHECKPOINT_FILE, COPY_COSIGNED, COSIGNED_FILE, FolderKind, LedgerError,
};
use foreign::foreign_origin;
use index::IndexState;
use surroundings::{AuditedFolder, SurroundingsCheck};

/// One verification of one ledger.
pub struct Audit<'a> {
    /// Disk and clock.
    pub world: &'a World,
    /// The ledger's folder.
    pub dir: &'a Path,
    /// The checkpoint kept on this host outside the folder, where there is one.
    pub head: Option<PathBuf>,
    /// Checkpoints kept by others; each must be readable.
    pub anchors: Vec<PathBuf>,
    /// The checkpoint up to which the auditor verified this ledger before: signatures up to there are not checked again.
    pub verified: Option<PathBuf>,
    /// Whom the auditor trusts.
    pub trust: Option<Trust>,
    /// Whose time tokens the auditor believes; nobody's where none is named.
    pub authorities: Option<&'a TsaAuthorities>,
    /// The instant to judge at; what the clock says where none is named.
    pub as_of: Option<Timestamp>,
    /// What conformance and coverage are asked for.
    pub part: PackPart,
    /// How long to wait for a writer at work.
    pub wait: Duration,
    /// Told how many of how many entries are done.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Set from outside to stop.
    pub interrupted: &'a AtomicBool,
}

impl Audit<'_> {
    /// Reads every stored byte and judges it.
    ///
    /// # Errors
    /// Where there is no ledger to look at. Damage is not an error here but a finding.
    pub fn run(&self) -> Result<Report, LedgerError> {
        self.judge(false)
    }

    /// The same, and the report keeps what was said about rotations ([`Report::said`]): about as much
    /// memory again as those entries take in the log.
    ///
    /// # Errors
    /// As [`Audit::run`].
    pub fn run_and_keep_said(&self) -> Result<Report, LedgerError> {
        self.judge(true)
    }

    fn judge(&self, keep_said: bool) -> Result<Report, LedgerError> {
        let (disk, backup) = (&self.world.disk, self.dir.join(BACKUP_FILE));
        let may_have_index = disk.metadata(&backup)?.is_none() && !disk.is_shown(self.dir);
        // Before the image: an index copied or a head read after it could be newer than what the image shows.
        let index = match standing(self.world, self.dir)? {
            FolderKind::Ledger if may_have_index => index::find(self.dir, self.wait)?,
            _ => IndexState::Nothing,
        };
        let mut kept = self.kept_elsewhere()?;
        let verified = self.verified.as_deref();
        let verified = verified.map(|path| self.verified_before(path, &mut kept));
        let taken = take(self.world, self.dir, self.wait)?;
        if let Some(origin) = foreign_origin(self.world, self.dir, &taken)? {
            let dir = self.dir.to_owned();
            return Err(LedgerError::Foreign { dir, origin });
        }
        let files = &taken.image.files;
        let cosigned = [COSIGNED_FILE, COPY_COSIGNED];
        let cosigned = cosigned.iter().find_map(|name| files.get(*name));
        kept.extend(cosigned.map(|bytes| StoredCheckpoint {
            keeper: CheckpointKeeper::Cosigned,
            name: COSIGNED_FILE.to_owned(),
            bytes: Some(bytes.clone()),
        }));
        kept.push(StoredCheckpoint {
            keeper: CheckpointKeeper::Folder,
            name: CHECKPOINT_FILE.to_owned(),
            bytes: files.get(CHECKPOINT_FILE).cloned(),
        });
        let checkpointed = kept.iter().rev().find_map(StoredCheckpoint::stated_size);
        let pieces = LogPieces::new(self.world.disk.clone(), self.dir, &taken, checkpointed)?;
        let facts = pieces.facts();
        let engine = FolderEngine::at(self.world, self.dir);
        let tokens = timestamps::list(&engine)?;
        let token_files = tokens.iter().flat_map(token_files).collect();
        let question = VerifyQuestion {
            as_of: self.as_of.unwrap_or_else(|| self.world.clock.now()),
            by_clock: self.as_of.is_none() && !self.world.clock.is_vouched_for(),
            part: self.part.clone(),
            kept,
            stamps: TokenOnFile::of(tokens, self.authorities),
            trust: self.trust.clone(),
            charter_at: index.size(),
            proven: None,
            keep_said,
            verified: verified.transpose()?,
            signed: None,
        };
        let stop = || self.interrupted.load(Ordering::Relaxed);
        let folder = AuditedFolder {
            engine,
            progress: self.progress,
            stop: &stop,
        };
        let mut watcher = SurroundingsCheck::new(folder, &facts, index, token_files);
        let folded = verify::fold(pieces, question, &mut watcher);
        let surroundings = watcher.look_around(&folded, &facts)?;
        Ok(folded.conclude(surroundings))
    }

    fn kept_elsewhere(&self) -> Result<Vec<StoredCheckpoint>, LedgerError> {
        let mut kept = Vec::new();
        if let Some(head) = &self.head {
            match self.world.disk.read(head) {
                Ok(bytes) => kept.push(StoredCheckpoint {
                    keeper: CheckpointKeeper::Outside,
                    name: head.display().to_string(),
                    bytes: Some(bytes),
                }),
                // Another host's auditor has none; that it is missing shows as NOT CHECKED.
                Err(fault) if fault.cause() == DiskCause::Missing => {}
                Err(source) => {
                    return Err(LedgerError::Checkpoint {
                        path: head.clone(),
                        source,
                    });
                }
            }
        }
        for anchor in &self.anchors {
            kept.push(self.handed_over(anchor)?);
        }
        Ok(kept)
    }

    fn handed_over(&self, path: &Path) -> Result<StoredCheckpoint, LedgerError> {
        let bytes = self.world.disk.read(path);
        let bytes = bytes.map_err(|source| LedgerError::Checkpoint {
            path: path.to_owned(),
            source,
        })?;
        Ok(StoredCheckpoint {
            keeper: self.keeper_of(path),
            name: path.display().to_string(),
            bytes: Some(bytes),
        })
    }

    /// What the auditor verified before, which is held against the entries like any other anchor. Whoever writes into the
    /// ledger's folder must not be able to say what somebody else verified.
    fn verified_before(
        &self,
        path: &Path,
        kept: &mut Vec<StoredCheckpoint>,
    ) -> Result<VerifiedBefore, LedgerError> {
        let unusable = |why: String| LedgerError::VerifiedBefore {
            path: path.to_owned(),
            why,
        };
        let handed = self.handed_over(path)?;
        if handed.keeper != CheckpointKeeper::Anchor {
            return Err(unusable(
                "its writer keeps it, and not its reader".to_owned(),
            ));
        }
        let bytes = handed.bytes.as_deref().unwrap_or_default();
        let stated = checkpoint::stated(bytes).map_err(|fault| unusable(fault.to_string()))?;
        let name = handed.name.clone();
        kept.push(handed);
        let (size, root) = (stated.size, stated.root);
        Ok(VerifiedBefore { name, size, root })
    }

    /// Who kept what was handed over as an anchor: what lies in the ledger's folder, or is the checkpoint that this
    /// host keeps, is not somebody else's because a reader names it.
    fn keeper_of(&self, anchor: &Path) -> CheckpointKeeper {
        let whole = |path: &Path| path.canonicalize().ok();
        let head = self.head.as_deref().and_then(whole);
        let is_own = whole(anchor).is_some_and(|anchor| {
            head.is_some_and(|head| head == anchor)
                || whole(self.dir).is_some_and(|dir| anchor.starts_with(dir))
        });
        match is_own {
            true => CheckpointKeeper::Outside,
            false => CheckpointKeeper::Anchor,
        }
    }
}

fn token_files(token: &StoredToken) -> [PathBuf; 2] {
    [token.response_path(), token.checkpoint_path()].map(PathBuf::from)
}
