//! What the entries amount to, as far as it was needed: parts of the register, and where each event
//! id stands.
//!
//! The index behind it knows the entries up to some point, mostly the last sealing; what came after
//! is held here, and folded again from the log at the next opening. So an append writes no index,
//! and an index lost in a crash loses nothing. Nothing in here is believed by `verify`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use bincode::{Decode, Encode};

use crate::codec;
use crate::event::Event;
use crate::hash::Link;
use crate::key::PublicKey;
use crate::keyring::Author;
use crate::ledger::schema::{
    CHARTER, EVENTS, INCIDENTS, ROTATIONS, SECRETS, each, malformed, read,
};
use crate::register::{LedgerState, Recorded, Register};
use crate::rule::Finding;
use crate::statement::EventId;
use crate::store::index::{
    DEFAULT_CACHE, INDEX, Index, IndexChange, IndexError, IndexPosition, IndexTable, packed,
};
use crate::text::Id;

/// How many parts are kept after the index has them too: enough for any ledger's daily work, and
/// little memory.
const MOST_KEPT: usize = 4096;

/// The parts of a register that differ from the index.
#[derive(Debug, Default)]
struct IndexChanges {
    secrets: BTreeSet<Id>,
    rotations: BTreeSet<Id>,
    incidents: BTreeSet<Id>,
}

/// What stands behind the parts that are held in memory.
#[derive(Debug)]
enum Backing {
    /// The index, open.
    Index(Index),
    /// An index that was not opened: what is held is what the last writer left, and all that is known.
    Unopened,
    /// Nothing: no index could be used, so everything is held.
    Nothing,
}

impl Backing {
    const fn index(&self) -> Option<&Index> {
        match self {
            Self::Index(index) => Some(index),
            Self::Unopened | Self::Nothing => None,
        }
    }
}

/// The part of the register that an append needs, from the index or a replay; see the module.
#[derive(Debug)]
pub(super) struct LoadedRegister {
    backing: Backing,
    applied: IndexPosition,
    register: Register,
    ids: HashMap<EventId, u64>,
    dirty: IndexChanges,
}

impl LoadedRegister {
    /// With nothing behind it, and nothing in it.
    pub(super) fn empty() -> Self {
        Self::on(Backing::Nothing)
    }

    fn on(backing: Backing) -> Self {
        Self {
            backing,
            applied: IndexPosition::NOTHING,
            register: Register::default(),
            ids: HashMap::new(),
            dirty: IndexChanges::default(),
        }
    }

    /// With the parts that the last writer left, and the index not opened.
    pub(super) fn cold(register: Register) -> Self {
        Self {
            register,
            ..Self::on(Backing::Unopened)
        }
    }

    /// Whether the index was not opened.
    pub(super) const fn is_cold(&self) -> bool {
        matches!(self.backing, Backing::Unopened)
    }

    /// Whether everything that `event` touches is here. An event that begins something needs to
    /// know that nothing has its id, which only the index tells.
    pub(super) fn has_all_of(&self, event: &Event) -> bool {
        let register = &self.register;
        let (secrets, rotation, incident) = self.touched(event);
        !matches!(event, Event::InventoryAttested(_))
            && secrets.iter().all(|id| register.secrets.contains_key(id))
            && rotation.is_none_or(|id| register.rotations.contains_key(&id))
            && incident.is_none_or(|id| register.incidents.contains_key(&id))
    }

    /// Whether a part was touched since the index was written.
    pub(super) fn is_touched(&self, id: &Id) -> bool {
        let dirty = &self.dirty;
        dirty.secrets.contains(id) || dirty.rotations.contains(id) || dirty.incidents.contains(id)
    }

    /// Opens the index in the folder `dir`, or goes without one where there is none or that cannot be. The
    /// second answer is what there is to say about it.
    pub(super) fn open(dir: Option<&Path>) -> (Self, Option<String>) {
        let Some(dir) = dir else {
            return (Self::empty(), None);
        };
        match Index::open(&dir.join(INDEX), DEFAULT_CACHE) {
            Ok((index, renewed)) => Self::behind(index, renewed),
            Err(fault) => Self::without_index(fault),
        }
    }

    /// With nothing behind it, for the reason `why`, which is to be said.
    pub(super) fn without_index(why: impl fmt::Display) -> (Self, Option<String>) {
        let notice = format!("working without an index: {why}");
        (Self::empty(), Some(notice))
    }

    /// Behind `index`, which replaces one that was set aside where it was `renewed` for a reason.
    fn behind(index: Index, renewed: Option<String>) -> (Self, Option<String>) {
        let mut memory = Self::on(Backing::Index(index));
        match memory.read_beginnings() {
            Ok(()) => (memory, renewed.as_deref().map(made_again)),
            Err(fault) => memory.renewed(&fault.to_string()),
        }
    }

    fn read_beginnings(&mut self) -> Result<(), IndexError> {
        let Some(index) = self.backing.index() else {
            return Ok(());
        };
        self.applied = index.applied()?;
        if self.applied.size > 0 {
            let charter: Option<LedgerState> = read(index, CHARTER, &[])?;
            self.register.charter =
                charter.ok_or_else(|| IndexError::Damaged("it has no charter".to_owned()))?;
        }
        Ok(())
    }

    /// Sets the index aside for `reason` and begins with an empty one, or without one.
    pub(super) fn renewed(self, reason: &str) -> (Self, Option<String>) {
        let Backing::Index(index) = self.backing else {
            return (Self::empty(), None);
        };
        match index.set_aside() {
            Ok(index) => (Self::on(Backing::Index(index)), Some(made_again(reason))),
            Err(fault) => Self::without_index(fault),
        }
    }

    /// Forgets everything that the index does not know.
    ///
    /// # Errors
    /// The index failed.
    pub(super) fn reset(&mut self) -> Result<(), IndexError> {
        *self = Self::on(std::mem::replace(&mut self.backing, Backing::Nothing));
        self.read_beginnings()
    }

    /// Up to where the index knows the entries.
    pub(super) const fn applied(&self) -> IndexPosition {
        self.applied
    }

    /// The key that seals the ledger's checkpoints now.
    pub(super) fn sealing_key(&self) -> Option<PublicKey> {
        self.register.charter.keyring.sealing_key().copied()
    }

    /// What is known of the register; complete only for what was loaded.
    pub(super) const fn register(&self) -> &Register {
        &self.register
    }

    /// The entry that has this event id.
    ///
    /// # Errors
    /// The index failed.
    pub(super) fn sequence_of(&self, id: &EventId) -> Result<Option<u64>, IndexError> {
        match (self.ids.get(id), self.backing.index()) {
            (Some(sequence), _) => Ok(Some(*sequence)),
            (None, Some(index)) => packed::get(index, EVENTS, id.as_bytes()),
            (None, None) => Ok(None),
        }
    }

    /// Loads the parts that `event` names and what they lead to: everything that admitting and
    /// applying it looks at.
    ///
    /// # Errors
    /// The index failed.
    pub(super) fn load(&mut self, event: &Event) -> Result<(), IndexError> {
        if matches!(event, Event::InventoryAttested(_)) {
            // An attestation is held against the whole inventory.
            return self.load_all_secrets();
        }
        let Some(index) = self.backing.index() else {
            return Ok(());
        };
        // What a rotation or incident leads to is known once it is here.
        if let (_, Some(id), _) = self.touched(event) {
            fill(index, ROTATIONS, &id, &mut self.register.rotations)?;
        }
        if let (_, _, Some(id)) = self.touched(event) {
            fill(index, INCIDENTS, &id, &mut self.register.incidents)?;
        }
        let (secrets, ..) = self.touched(event);
        secrets
            .iter()
            .try_for_each(|id| fill(index, SECRETS, id, &mut self.register.secrets))
    }

    fn load_all_secrets(&mut self) -> Result<(), IndexError> {
        let Some(index) = self.backing.index() else {
            return Ok(());
        };
        each(index, SECRETS, &mut |id, part| {
            fill_in(&mut self.register.secrets, id, part)
        })
    }

    /// A copy of what `event` touches, to try it on. Load it first.
    pub(super) fn scratch(&self, event: &Event) -> Register {
        let register = &self.register;
        if matches!(event, Event::InventoryAttested(_)) {
            return register.clone();
        }
        let (secrets, rotation, incident) = self.touched(event);
        Register {
            charter: register.charter.clone(),
            secrets: those(&register.secrets, &secrets),
            rotations: those(&register.rotations, rotation.as_slice()),
            incidents: those(&register.incidents, incident.as_slice()),
        }
    }

    /// The secrets, the rotation and the incident that `event` names, and what these lead to as far as they are
    /// here.
    fn touched(&self, event: &Event) -> (Vec<Id>, Option<Id>, Option<Id>) {
        let rotation = event.rotation();
        let known = rotation.and_then(|id| self.register.rotations.get(id));
        let led_to = || known?.incident.as_ref();
        let incident = event.incident().or_else(led_to);
        let mut secrets: Vec<Id> = event.secret().cloned().into_iter().collect();
        secrets.extend(known.map(|rotation| rotation.secret.clone()));
        let known = incident.and_then(|id| self.register.incidents.get(id));
        secrets.extend(known.map(|incident| incident.secret.clone()));
        (secrets, rotation.cloned(), incident.cloned())
    }

    /// Takes what was loaded and admitted, and pushes to `found` what it breaks.
    pub(super) fn take(
        &mut self,
        recorded: &Recorded<'_>,
        author: &Author,
        found: &mut Vec<Finding>,
    ) {
        judged_apply(&mut self.register, recorded, author, found);
        let (secrets, rotation, incident) = self.touched(recorded.event);
        self.dirty.secrets.extend(secrets);
        self.dirty.rotations.extend(rotation);
        self.dirty.incidents.extend(incident);
    }

    /// Notes where an event id stands.
    pub(super) fn remember(&mut self, id: EventId, sequence: u64) {
        self.ids.insert(id, sequence);
    }

    /// Brings the index to the log's size and last link; then forgets what it need not hold.
    ///
    /// # Errors
    /// The index failed.
    pub(super) fn store(&mut self, size: u64, link: Link) -> Result<(), IndexError> {
        let Backing::Index(index) = &mut self.backing else {
            return Ok(());
        };
        let mut numbers: Vec<_> = self
            .ids
            .iter()
            .map(|(id, sequence)| (*id.as_bytes(), *sequence))
            .collect();
        // Sorted, so that ids that grow with time fill their chunks.
        numbers.sort_unstable();
        let mut changes = packed::set(index, EVENTS, &numbers)?;
        changes.push(change(CHARTER, &[], &self.register.charter)?);
        for id in &self.dirty.secrets {
            changes.extend(part(SECRETS, id, self.register.secrets.get(id))?);
        }
        for id in &self.dirty.rotations {
            changes.extend(part(ROTATIONS, id, self.register.rotations.get(id))?);
        }
        for id in &self.dirty.incidents {
            changes.extend(part(INCIDENTS, id, self.register.incidents.get(id))?);
        }
        let applied = IndexPosition { size, link };
        index.apply(&changes, applied)?;
        self.applied = applied;
        self.ids.clear();
        self.dirty = IndexChanges::default();
        let kept = self.register.secrets.len()
            + self.register.rotations.len()
            + self.register.incidents.len();
        if kept > MOST_KEPT {
            let charter = std::mem::take(&mut self.register.charter);
            self.register = Register {
                charter,
                ..Register::default()
            };
        }
        Ok(())
    }

    /// The whole register.
    ///
    /// # Errors
    /// The index failed.
    pub(super) fn whole(&self) -> Result<Register, IndexError> {
        let mut whole = self.register.clone();
        let Some(index) = self.backing.index() else {
            return Ok(whole);
        };
        each(index, SECRETS, &mut |id, part| {
            fill_in(&mut whole.secrets, id, part)
        })?;
        each(index, ROTATIONS, &mut |id, part| {
            fill_in(&mut whole.rotations, id, part)
        })?;
        each(index, INCIDENTS, &mut |id, part| {
            fill_in(&mut whole.incidents, id, part)
        })?;
        Ok(whole)
    }

    /// Closes the index. What goes wrong here is found at the next opening.
    pub(super) fn close(self) {
        if let Backing::Index(index) = self.backing {
            let _ = index.close();
        }
    }
}

/// Applies an event to a register that has what it touches, and holds an attestation against the
/// inventory, which only a register with all secrets can.
pub(super) fn judged_apply(
    register: &mut Register,
    recorded: &Recorded<'_>,
    author: &Author,
    found: &mut Vec<Finding>,
) {
    if let Event::InventoryAttested(attested) = recorded.event {
        register.judge_attestation(recorded.sequence, attested, found);
    }
    register.apply(recorded, author, found);
}

fn made_again(reason: &str) -> String {
    format!("the index was set aside and made again: {reason}")
}

fn fill<T: Decode<()>>(
    index: &Index,
    table: IndexTable,
    id: &Id,
    parts: &mut BTreeMap<Id, T>,
) -> Result<(), IndexError> {
    if !parts.contains_key(id)
        && let Some(part) = read(index, table, id.as_str().as_bytes())?
    {
        parts.insert(id.clone(), part);
    }
    Ok(())
}

fn those<T: Clone>(parts: &BTreeMap<Id, T>, ids: &[Id]) -> BTreeMap<Id, T> {
    let found = ids.iter().filter_map(|id| parts.get_key_value(id));
    found.map(|(id, part)| (id.clone(), part.clone())).collect()
}

/// What is there already is newer than the index.
fn fill_in<T>(parts: &mut BTreeMap<Id, T>, id: Id, part: T) {
    parts.entry(id).or_insert(part);
}

fn change<T: Encode>(table: IndexTable, key: &[u8], value: &T) -> Result<IndexChange, IndexError> {
    let value = codec::encode_state(value).map_err(malformed)?;
    Ok(IndexChange {
        table,
        key: key.to_vec(),
        value,
    })
}

fn part<T: Encode>(
    table: IndexTable,
    id: &Id,
    part: Option<&T>,
) -> Result<Option<IndexChange>, IndexError> {
    part.map(|part| change(table, id.as_str().as_bytes(), part))
        .transpose()
}
