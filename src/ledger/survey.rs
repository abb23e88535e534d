//! What entries amount to while they go by, for whoever copies them: the chain, the tree, who sealed it, and which
//! files they name.
//!
//! No author's signature is looked at: what a checkpoint of the ledger seals was checked before it was sealed.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::entry::StoredEntry;
use crate::hash::{Blake3Digest, LedgerId, NodeHash};
use crate::note::{NoteError, NoteKey, Origin};
use crate::register::Register;

use crate::ledger::edge::Edge;

/// The entries so far, from the first on.
#[derive(Debug, Clone)]
pub(crate) struct EntrySurvey {
    register: Register,
    edge: Edge,
    ledger: LedgerId,
    wanted: BTreeSet<u64>,
    roots: BTreeMap<u64, NodeHash>,
    /// Attachments and the entries that name them first.
    attachments: BTreeMap<Blake3Digest, u64>,
}

impl EntrySurvey {
    /// Before the first entry. The root is kept at the sizes that are `wanted`.
    pub(crate) fn wanting(wanted: impl IntoIterator<Item = u64>) -> Self {
        Self {
            register: Register::default(),
            edge: Edge::start(),
            ledger: LedgerId::ZERO,
            wanted: wanted.into_iter().collect(),
            roots: BTreeMap::new(),
            attachments: BTreeMap::new(),
        }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// It does not follow, or no writer would have placed it; nothing is taken.
    pub(crate) fn take(&mut self, stored: &StoredEntry) -> Result<(), String> {
        self.edge.admits(&stored.entry)?;
        let placed = self.register.place(&stored.recorded());
        placed.map_err(|denial| denial.message)?;
        let sequence = stored.sequence;
        self.edge.push(&stored.bytes, stored.entry.recorded);
        if sequence == 0 {
            self.ledger = LedgerId::from_genesis(stored.link);
        }
        for attachment in &stored.statement.attachments {
            self.attachments
                .entry(attachment.blake3)
                .or_insert(sequence);
        }
        if self.wanted.contains(&self.size()) {
            self.roots.insert(self.size(), self.edge.root());
        }
        Ok(())
    }

    /// How many entries there were.
    pub(crate) const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The right end of chain and tree.
    pub(crate) const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// What the entries amount to.
    pub(crate) const fn register(&self) -> &Register {
        &self.register
    }

    /// The id of the ledger, once entry 0 was taken.
    pub(crate) const fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The name of the ledger in its checkpoints.
    pub(crate) fn origin(&self) -> Option<Origin> {
        Origin::new(self.register.charter.origin.as_ref()?.as_str()).ok()
    }

    /// The root at a size that was wanted; none where there are fewer entries.
    pub(crate) fn root_at(&self, size: u64) -> Option<NodeHash> {
        self.roots.get(&size).copied()
    }

    /// Whether the entries have what a checkpoint states.
    pub(crate) fn has(&self, stated: &Checkpoint) -> bool {
        self.root_at(stated.size) == Some(stated.root)
    }

    /// Whether the sealing key of its time signed a checkpoint of `size` entries.
    ///
    /// # Errors
    /// It did not, or these entries name none.
    pub(crate) fn check_signature(&self, note: &[u8], size: u64) -> Result<(), CheckpointError> {
        let seal = self.register.charter.keyring.seal_at(size);
        let key = self.origin().zip(seal);
        let key = key.and_then(|(origin, seal)| NoteKey::new(origin, seal.key).ok());
        let key = key.ok_or(NoteError::NoTrustedKey)?;
        checkpoint::open(note, &key).map(drop)
    }

    /// The attachments that entries before `size` name, the entry that names each first, and whether it was expunged.
    pub(crate) fn attachments(
        &self,
        size: u64,
    ) -> impl Iterator<Item = (&Blake3Digest, u64, bool)> {
        let expunged: BTreeSet<_> = self.register.charter.expunged.iter().collect();
        let named = self.attachments.iter();
        named
            .filter(move |(_, sequence)| **sequence < size)
            .map(move |(digest, sequence)| (digest, *sequence, expunged.contains(digest)))
    }
}
