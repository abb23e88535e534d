//! The memory brought up to the log: stored entries folded in the order they stand in.
//!
//! Entries that a checkpoint covers are taken as they are: their signatures were checked before it
//! was signed, and `verify` checks them again. Those beyond it are checked like new ones before
//! anything is signed over them, since whoever can write to the tail could have put them there.

use std::borrow::Cow;

use crate::append::error::AppendError;
use crate::append::memory::LoadedRegister;
use crate::append::writer::Writer;
use crate::entry;
use crate::hash::{LedgerId, Link};
use crate::ledger::sealing_vkeys;
use crate::note::NoteKey;
use crate::register::Register;
use crate::statement;
use crate::store::bundle::{BUNDLE_ENTRIES, BundleError};
use crate::store::engine::{Engine, EngineLog, entries_from};
use crate::store::index::IndexError;
use crate::sys::disk::DiskCause;

/// How many entries of bundles are folded before the index is written; bounds the memory that it takes.
const ENTRIES_AT_ONCE: u64 = 16 * BUNDLE_ENTRIES as u64;

/// Where the entries are read from.
pub(super) struct EntrySource<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) log: &'a dyn EngineLog,
    pub(super) ledger: LedgerId,
    /// Entries that a checkpoint covers.
    pub(super) proven: u64,
}

/// Why work on the memory stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// The index failed: it must be made again first.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The log, or what was to be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// An error of a bundle as one of the log.
pub(super) fn damaged_bundle(fault: BundleError) -> AppendError {
    match fault {
        BundleError::Disk(fault) if fault.cause() != DiskCause::TooLong => fault.into(),
        fault @ BundleError::Archived { .. } => AppendError::Archived(fault),
        other => AppendError::DamagedLog(other.to_string()),
    }
}

impl EntrySource<'_> {
    /// The stored entries from `start` on, each bundle read once.
    pub(super) fn entries_from(
        &self,
        start: u64,
    ) -> impl Iterator<Item = Result<Cow<'_, [u8]>, AppendError>> {
        entries_from(self.engine, self.log, start).map(|bytes| bytes.map_err(damaged_bundle))
    }

    /// The stored bytes of an entry.
    pub(super) fn entry(&self, sequence: u64) -> Result<Vec<u8>, AppendError> {
        let found = self.entries_from(sequence).next();
        let found = found.ok_or_else(|| AppendError::DamagedEntry {
            sequence,
            fault: "it is missing".to_owned(),
        })?;
        Ok(found?.into_owned())
    }

    /// Whether the index behind `memory` is of this log, at its end or before.
    fn fits(&self, memory: &LoadedRegister) -> Result<bool, AppendError> {
        let applied = memory.applied();
        match applied.size.checked_sub(1) {
            None => Ok(true),
            Some(last) if last < self.log.size() => {
                Ok(Link::of(&self.entry(last)?) == applied.link)
            }
            Some(_) => Ok(false),
        }
    }

    /// A memory of the whole log and of the entries `placed` after it, through the index in the
    /// folder where that is of use. Says what happened to the index.
    pub(super) fn recall(
        &self,
        placed: &[Vec<u8>],
        notices: &mut Vec<String>,
    ) -> Result<LoadedRegister, AppendError> {
        let (memory, notice) = LoadedRegister::open(self.engine.scratch());
        notices.extend(notice);
        let memory = if self.fits(&memory)? {
            memory
        } else {
            let (memory, notice) = memory.renewed("it is not of the entries that the log holds");
            notices.extend(notice);
            memory
        };
        for sequence in self.proven..memory.applied().size {
            self.check_signature(sequence, &self.entry(sequence)?)?;
        }
        self.bring_up(memory, placed, notices)
    }

    /// The keys that the entries say seal this ledger, the newest first. Every entry is checked, and no index asked.
    pub(super) fn sealing_keys(&self) -> Result<Vec<NoteKey>, AppendError> {
        let memory = self.bring_up(LoadedRegister::empty(), &[], &mut Vec::new())?;
        Ok(sealing_vkeys(&memory.register().charter).unwrap_or_default())
    }

    /// Folds into `memory` what it does not know yet, and the entries `placed` after the log. Where
    /// the index fails, goes on with a new one, and then without.
    pub(super) fn bring_up(
        &self,
        mut memory: LoadedRegister,
        placed: &[Vec<u8>],
        notices: &mut Vec<String>,
    ) -> Result<LoadedRegister, AppendError> {
        let mut tries = 1..;
        loop {
            let fault = match self.fold_all(&mut memory, placed) {
                Ok(()) => return Ok(memory),
                Err(MemoryError::Append(fault)) => return Err(fault),
                Err(MemoryError::Index(fault)) => fault,
            };
            let notice;
            (memory, notice) = match tries.next() {
                Some(1) => memory.renewed(&fault.to_string()),
                Some(2) => LoadedRegister::without_index(fault),
                _ => return Err(AppendError::DamagedLog(fault.to_string())),
            };
            notices.extend(notice);
        }
    }

    fn fold_all(&self, memory: &mut LoadedRegister, placed: &[Vec<u8>]) -> Result<(), MemoryError> {
        let start = memory.applied().size;
        for (sequence, bytes) in (start..).zip(self.entries_from(start)) {
            let bytes = bytes?;
            self.fold(memory, sequence, &bytes)?;
            let (end, base) = (sequence + 1, self.log.base());
            if end == base || (end < base && end.is_multiple_of(ENTRIES_AT_ONCE)) {
                memory.store(end, Link::of(&bytes))?;
            }
        }
        for (sequence, bytes) in (self.log.size()..).zip(placed) {
            self.fold(memory, sequence, bytes)?;
        }
        Ok(())
    }

    fn fold(
        &self,
        memory: &mut LoadedRegister,
        sequence: u64,
        stored: &[u8],
    ) -> Result<(), MemoryError> {
        let damaged = |fault: String| AppendError::DamagedEntry { sequence, fault };
        let is_new = sequence >= self.proven && sequence < self.log.size();
        if is_new {
            self.check_signature(sequence, stored)?;
        }
        let (entry, statement) = entry::read(stored).map_err(|fault| damaged(fault.to_string()))?;
        let recorded = statement.recorded_as(sequence, entry.recorded);
        memory.load(recorded.event)?;
        let admitted = memory.register().author(&recorded);
        memory.remember(statement.event_id, sequence);
        match admitted {
            Ok(author) => memory.take(&recorded, &author, &mut Vec::new()),
            Err(denial) if is_new => return Err(damaged(denial.to_string()).into()),
            // `verify` holds it against the ledger; nothing follows from it here.
            Err(_) => {}
        }
        Ok(())
    }

    pub(super) fn check_signature(&self, sequence: u64, stored: &[u8]) -> Result<(), AppendError> {
        let damaged = |fault: String| AppendError::DamagedEntry { sequence, fault };
        let (entry, statement) = entry::read(stored).map_err(|fault| damaged(fault.to_string()))?;
        let ledger = if sequence == 0 {
            LedgerId::ZERO
        } else {
            self.ledger
        };
        let author = statement.author.admit();
        let signed = author.is_ok_and(|author| {
            statement::signature_holds(&entry.statement, &author, &entry.signature)
        });
        if statement.ledger != ledger || !signed {
            return Err(damaged(
                "no checkpoint covers it, and its author did not sign it for this ledger"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

impl Writer {
    /// Where stored entries are read from. Those up to the edge were proven before it was moved there.
    pub(super) fn source(&self) -> EntrySource<'_> {
        EntrySource {
            engine: &*self.engine,
            log: &*self.log,
            ledger: self.ledger,
            proven: self.edge.size(),
        }
    }

    /// Opens the index where that was put off, and brings the memory up to the log and to the
    /// entries `placed` after it.
    pub(super) fn warm_up(&mut self, placed: &[Vec<u8>]) -> Result<(), AppendError> {
        if !self.memory.is_cold() {
            return Ok(());
        }
        let mut notices = Vec::new();
        let memory = self.source().recall(placed, &mut notices);
        self.notices.extend(notices);
        self.memory = memory?;
        Ok(())
    }

    /// Sets the index aside for the reason `why`, and makes it again from the log and from the
    /// entries `placed` after it.
    pub(super) fn renew_memory(
        &mut self,
        why: &str,
        placed: &[Vec<u8>],
    ) -> Result<(), AppendError> {
        let memory = std::mem::replace(&mut self.memory, LoadedRegister::empty());
        let (memory, notice) = memory.renewed(why);
        self.take_memory(memory, notice, placed)
    }

    /// Goes on without an index, everything kept in memory.
    pub(super) fn forget_index(
        &mut self,
        why: &str,
        placed: &[Vec<u8>],
    ) -> Result<(), AppendError> {
        let (memory, notice) = LoadedRegister::without_index(why);
        self.take_memory(memory, notice, placed)
    }

    /// Forgets what was placed and not written.
    pub(super) fn reload_memory(&mut self) -> Result<(), AppendError> {
        if self.memory.is_cold() {
            return self.warm_up(&[]);
        }
        let mut memory = std::mem::replace(&mut self.memory, LoadedRegister::empty());
        let mut notice = None;
        if let Err(fault) = memory.reset() {
            (memory, notice) = memory.renewed(&fault.to_string());
        }
        self.take_memory(memory, notice, &[])
    }

    /// Takes `memory`, brought up to the log and to the entries `placed` after it.
    fn take_memory(
        &mut self,
        memory: LoadedRegister,
        notice: Option<String>,
        placed: &[Vec<u8>],
    ) -> Result<(), AppendError> {
        let mut notices: Vec<_> = notice.into_iter().collect();
        let memory = self.source().bring_up(memory, placed, &mut notices);
        self.notices.extend(notices);
        self.memory = memory?;
        Ok(())
    }

    /// The register, read from the log alone.
    pub(super) fn read_register(&self) -> Result<Register, AppendError> {
        let memory = self
            .source()
            .bring_up(LoadedRegister::empty(), &[], &mut Vec::new())?;
        Ok(memory.register().clone())
    }
}
