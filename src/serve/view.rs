//! What the entries amount to, kept up with the newest checkpoint: each entry is folded once, however
//! often somebody asks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::entry::StoredEntry;
use crate::ledger::LedgerError;
use crate::ledger::proofs::LedgerProofs;
use crate::register::Register;
use crate::text::Id;
use crate::time::Timestamp;

use super::problem::Problem;

/// Entries that are read together: some bundles.
const AT_ONCE: u64 = 2_048;

/// The view, which many readers share.
#[derive(Default)]
pub(super) struct View(Mutex<Viewed>);

/// What the first entries amount to.
#[derive(Default)]
pub(super) struct Viewed {
    pub(super) register: Register,
    /// How many entries those are.
    pub(super) size: u64,
    /// When the last of them was recorded.
    pub(super) recorded: Option<Timestamp>,
    /// The entries about each rotation.
    pub(super) rotations: BTreeMap<Id, Vec<u64>>,
    /// The corrections and remarks about each entry.
    pub(super) remarks: BTreeMap<u64, Vec<u64>>,
}

impl View {
    /// Asks something about all entries that `proofs` covers.
    pub(super) fn ask<T>(
        &self,
        proofs: &LedgerProofs,
        question: impl FnOnce(&Viewed) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut viewed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        viewed.follow(proofs)?;
        question(&viewed)
    }

    /// Asks something about the entries that were seen already; nothing where that would have to wait.
    pub(super) fn recall<T>(&self, question: impl FnOnce(&Viewed) -> T) -> Option<T> {
        let viewed = self.0.try_lock().ok()?;
        Some(question(&viewed))
    }
}

impl Viewed {
    fn follow(&mut self, proofs: &LedgerProofs) -> Result<(), Problem> {
        let end = proofs.newest().size;
        while self.size < end {
            let next = end.min(self.size + AT_ONCE);
            let sequences: Vec<u64> = (self.size..next).collect();
            for (sequence, bytes) in proofs.entries(&sequences)? {
                self.fold(sequence, bytes)?;
            }
        }
        Ok(())
    }

    fn fold(&mut self, sequence: u64, bytes: Vec<u8>) -> Result<(), LedgerError> {
        let stored = StoredEntry::of(sequence, bytes);
        let stored = stored.map_err(|fault| LedgerError::unread(sequence, fault))?;
        let placed = self.register.place(&stored.recorded());
        placed.map_err(|denial| LedgerError::unread(sequence, denial.message))?;
        let event = &stored.statement.event;
        if let Some(rotation) = event.rotation() {
            let entries = self.rotations.entry(rotation.clone());
            entries.or_default().push(sequence);
        }
        if let Some((about, _)) = event.about() {
            self.remarks.entry(about).or_default().push(sequence);
        }
        self.recorded = Some(stored.entry.recorded);
        self.size = sequence + 1;
        Ok(())
    }
}
