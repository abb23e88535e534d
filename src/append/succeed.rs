//! People name a sealing key in place of one that is lost: a ledger outlives its host.
//!
//! ```text
//! new key      in a file beside the lost one's place, durable
//! entries      sealing_key.recovered, signed by a Security Owner, or two where the policy demands it; with
//!              them what a recovery accepts
//! checkpoint   over them, by the new key, durable in both places
//! rename       the new file takes the lost one's name
//! ```
//!
//! The entry builds on a checkpoint that the lost key sealed. With that alone nobody gets far who has the folder and no
//! Security Owner's key, and nobody who has both and would rewrite what was sealed. If the power fails between the
//! entries and the renaming, the next opening finds both and goes on, as with any replacement.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::append::error::AppendError;
use crate::append::look::{HeldKey, OpeningState};
use crate::append::recover::{Acceptance, Recovery};
use crate::append::rekey::next_key;
use crate::append::submission::Submission;
use crate::append::writer::Writer;
use crate::checkpoint;
use crate::entry::Entry;
use crate::event::{Event, SealingKeyRecovered};
use crate::hash::NodeHash;
use crate::key::{SecretKey, Signature, Signer};
use crate::keyring::Denial;
use crate::ledger::LedgerPlace;
use crate::ledger::head::HeadCheckpoint;
use crate::note::{KeyName, NoteKey, SignedNote};
use crate::proof;
use crate::rule;
use crate::statement::Statement;
use crate::sys::disk::DiskError;
use crate::sys::keyfile::{self, KeyFileError};
use crate::sys::world::World;
use crate::text::Line;
use crate::time::Timestamp;

/// What a Security Owner has to say about a sealing key that is lost, or in strange hands.
#[derive(Debug)]
pub struct LostSeal {
    /// What happened.
    pub reason: Line,
    /// Since when it may be so; where it is not said, since the newest entry that is known to be sealed by it.
    pub since: Option<Timestamp>,
    /// A checkpoint that somebody kept, where the ledger and this host have none left.
    pub checkpoint: Option<Vec<u8>>,
    /// What another Security Owner signed, where the policy demands two.
    pub second: Option<Submission>,
}

/// A checkpoint of what is there, by a sealing key.
struct Kept {
    size: u64,
    root: NodeHash,
    signature: Signature,
}

/// Names a new sealing key by the word of a Security Owner, whose key is `key`, and accepts the ledger as it stands.
/// Where the key that the entries name lies in the state folder already, it is taken.
///
/// # Errors
/// No authority, no second Security Owner where two are needed ([`AppendError::NeedsSecond`] has what they are to
/// sign), no checkpoint to build on, or what opening may refuse.
pub fn name_sealing_key(
    world: &World,
    place: &LedgerPlace,
    wait: Duration,
    key: &dyn Signer,
    lost: LostSeal,
) -> Result<Recovery, AppendError> {
    let looked = OpeningState::take_keyless(world, place, wait)?;
    let accepted = Acceptance::of(&looked, lost.reason.clone());
    let kept = [&looked.folder, &looked.outside].map(HeadCheckpoint::bytes);
    let mut kept: Vec<Vec<u8>> = kept.into_iter().flatten().map(<[u8]>::to_vec).collect();
    kept.extend(lost.checkpoint.clone());
    let mut notices = Vec::new();
    let memory = looked.recall_keyless(accepted.proven, &mut notices)?;
    let seals = memory.register().charter.keyring.seals().to_vec();
    let named = |key: &SecretKey| seals.iter().any(|seal| seal.key == key.public());
    make_room(place, &named)?;
    let newest = memory.sealing_key();
    let is_used = |key: &SecretKey| named(key) && Some(key.public()) != newest;
    let next = next_key(world, place, &is_used, |path, _| set_aside(path))?;
    let next_is_named = newest == Some(next.public());
    let held = HeldKey {
        key: next,
        is_next: true,
    };
    let mut writer = looked.sealing_by(world, place, held, memory);
    writer.notices = notices;
    if next_is_named {
        // Named before, and the power failed: what is left to do is what opening does.
        writer.try_publish()?;
        let entry = seals.last().map_or(0, |seal| seal.entry);
        let receipt = writer.receipt_again(entry)?;
        return writer.recovered(receipt, None);
    }
    let kept = writer.newest_sealed(&kept)?;
    let recovered = writer.recovery_on(&kept, &lost)?;
    let said = writer.said_by_people(recovered, lost.second, key)?;
    writer.accept(accepted, said, key)
}

/// Sees to it that the new key can take the old one's place, and that nothing is lost which may be of use.
fn make_room(place: &LedgerPlace, named: &dyn Fn(&SecretKey) -> bool) -> Result<(), AppendError> {
    let path = place.sealing_key();
    match keyfile::read(&path, &|| Ok(None)) {
        Err(KeyFileError::Missing(_)) => Ok(()),
        Ok(key) if named(&key) => Ok(()),
        Ok(_) => Err(AppendError::ForeignSealingKey(path)),
        Err(_) => set_aside(&path),
    }
}

/// Gives a file that cannot be used a name under which it is in nobody's way.
fn set_aside(path: &Path) -> Result<(), AppendError> {
    let aside = path.with_extension("pem-set-aside");
    fs::rename(path, &aside).map_err(|fault| DiskError::new("rename", path, fault).into())
}

impl Writer {
    /// The newest of these checkpoints that a sealing key of the ledger signed in its time, and that the entries
    /// continue.
    fn newest_sealed(&self, notes: &[Vec<u8>]) -> Result<Kept, AppendError> {
        let tree = self.tree();
        let keyring = &self.memory.register().charter.keyring;
        let read = |bytes: &Vec<u8>| {
            let size = checkpoint::stated(bytes).ok()?.size;
            let key = NoteKey::new(self.origin.clone(), keyring.seal_at(size)?.key).ok()?;
            let stated = checkpoint::open(bytes, &key).ok()?.checkpoint().clone();
            let note = SignedNote::parse(bytes).ok()?;
            let payload = note.payloads_of(key.name(), key.id()).next()?;
            let is_there = size <= self.size() && tree.root(size).ok()? == stated.root;
            is_there.then_some(Kept {
                size,
                root: stated.root,
                signature: Signature::from_bytes(*payload.first_chunk()?),
            })
        };
        let newest = notes.iter().filter_map(read).max_by_key(|kept| kept.size);
        newest.ok_or(AppendError::NoSealedCheckpoint)
    }

    /// What people say about the lost key, on what was kept of it.
    fn recovery_on(
        &self,
        kept: &Kept,
        lost: &LostSeal,
    ) -> Result<SealingKeyRecovered, AppendError> {
        let (_, way) = self
            .tree()
            .consistency(kept.size, self.size(), self.root())
            .map_err(|fault| AppendError::DamagedLog(fault.to_string()))?;
        let newest = || {
            let stored = self.stored(kept.size.saturating_sub(1))?;
            Ok::<_, AppendError>(Entry::decode(&stored)?.recorded)
        };
        Ok(SealingKeyRecovered {
            key: self.key.public(),
            possession: self.key.prove_possession(),
            lost_since: lost.since.map_or_else(newest, Ok)?,
            reason: lost.reason.clone(),
            kept_size: kept.size,
            kept_root: kept.root,
            kept_signature: kept.signature,
            consistency: Some(way.hashes().to_vec()).filter(|way| !way.is_empty()),
        })
    }

    /// The statements that name the new key: one, or two where the policy demands it.
    fn said_by_people(
        &self,
        recovered: SealingKeyRecovered,
        second: Option<Submission>,
        key: &dyn Signer,
    ) -> Result<Vec<Submission>, AppendError> {
        let keyring = &self.memory.register().charter.keyring;
        if !keyring.needs_two_to_recover(recovered.kept_size) {
            return Ok(vec![self.statement_now(recovered.into(), key)?]);
        }
        let Some(second) = second else {
            return Err(AppendError::NeedsSecond(Box::new(recovered)));
        };
        let statement = Statement::decode(second.statement.bytes())?;
        let Event::SealingKeyRecovered(seconded) = &statement.event else {
            return Err(AppendError::NotSeconded("names no sealing key"));
        };
        let what = |one: &SealingKeyRecovered| (one.key, one.kept_size, one.kept_root);
        if what(seconded) != what(&recovered) {
            return Err(AppendError::NotSeconded("is of another key or checkpoint"));
        }
        // One commit is recorded up to the first that is refused: so this is asked before.
        if statement.author == key.public() {
            return Err(AppendError::NotSeconded("is by the same Security Owner"));
        }
        let first = self.statement_now(recovered.into(), key)?;
        Ok(vec![first, second])
    }

    /// Whether what a person builds a new sealing key on was sealed by the one before, and leads to these entries.
    pub(super) fn check_succession(
        &self,
        recovered: &SealingKeyRecovered,
        sequence: u64,
    ) -> Result<(), AppendError> {
        let keyring = &self.memory.register().charter.keyring;
        let origin = KeyName::from(self.origin.clone());
        let denied = |expected: String, message: String| {
            let denial = Denial::new(rule::A10, expected, message);
            Err(AppendError::Denied(denial))
        };
        let size = recovered.kept_size;
        let seal = keyring.seal_at(size);
        if !seal.is_some_and(|seal| proof::builds_on_seal_of(recovered, &origin, &seal.key)) {
            let message = format!(
                "its checkpoint of {size} entries is not signed by the key that sealed them"
            );
            return denied("a checkpoint that the ledger sealed".to_owned(), message);
        }
        if keyring.is_seconded(recovered) {
            return Ok(());
        }
        let tree = (self.size(), self.root());
        match proof::leads_to(recovered, tree) {
            Ok(()) if sequence == self.size() => Ok(()),
            Ok(()) => denied(
                "said before anything else".to_owned(),
                format!("its way leads to {} entries", tree.0),
            ),
            Err(fault) => denied(
                "the entries that are here".to_owned(),
                format!("its checkpoint of {size} entries is not continued by them: {fault}"),
            ),
        }
    }
}
