//! A ledger's folder as it is found, its lock held, before anybody relies on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::append::error::AppendError;
use crate::append::fold::{EntrySource, damaged_bundle};
use crate::append::forward::{RolledForward, roll_forward};
use crate::append::memory::LoadedRegister;
use crate::append::writer::Writer;
use crate::checkpoint::Checkpoint;
use crate::hash::{LeafHash, LedgerId, NodeHash};
use crate::key::SecretKey;
use crate::ledger::edge::Edge;
use crate::ledger::head::{HeadCheckpoint, PublishedHead};
use crate::ledger::warm::EdgeCache;
use crate::ledger::{
    CHECKPOINT_FILE, HEAD_FILE, HINT_FILE, LedgerIdentity, LedgerPlace, OpenError, RESTORING,
    folder,
};
use crate::merkle::Frontier;
use crate::note::{NoteKey, Origin};
use crate::store::engine::{Engine, EngineLog, FolderEngine, entries_from};
use crate::store::log::LogOpenError;
use crate::store::tail::TailRest;
use crate::sys::disk::{DiskError, SMALL_FILE};
use crate::sys::keyfile::{self, KeyFileError};
use crate::sys::lock::WriteLock;
use crate::sys::world::World;

/// What the lock file says to those who wait.
const COMMAND: &str = "ledger (writing)";

/// What was found.
pub(super) struct OpeningState {
    engine: Arc<dyn Engine>,
    lock: WriteLock,
    pub(super) log: Box<dyn EngineLog>,
    pub(super) rest: TailRest,
    sealed: Edge,
    pub(super) edge: Edge,
    origin: Origin,
    ledger: LedgerId,
    keys: Vec<HeldKey>,
    /// The checkpoint in the folder.
    pub(super) folder: HeadCheckpoint,
    /// The checkpoint outside it.
    pub(super) outside: HeadCheckpoint,
    /// The root at the size of each of the two.
    roots: BTreeMap<u64, NodeHash>,
    /// What was taken in from bundles, or the one that contradicts the log.
    pub(super) forward: Result<Option<RolledForward>, AppendError>,
}

/// What finds the keys to seal with.
type KeysAt = fn(&LedgerPlace) -> Result<Vec<HeldKey>, AppendError>;

/// How a checkpoint stands to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CheckpointRelation {
    /// The log extends it.
    Holds,
    /// The log has fewer entries.
    Ahead,
    /// The entries are others.
    Beside,
}

impl OpeningState {
    /// Takes the lock of the ledger's folder and looks.
    ///
    /// # Errors
    /// No ledger there, in use, or one whose chain does not hold.
    pub(super) fn take(
        world: &World,
        place: &LedgerPlace,
        wait: Duration,
    ) -> Result<Self, AppendError> {
        Self::take_by(world, place, wait, sealing_keys)
    }

    /// The same where the sealing key is lost: nothing is sealed by what is found.
    ///
    /// # Errors
    /// As [`OpeningState::take`].
    pub(super) fn take_keyless(
        world: &World,
        place: &LedgerPlace,
        wait: Duration,
    ) -> Result<Self, AppendError> {
        Self::take_by(world, place, wait, |_| Ok(Vec::new()))
    }

    fn take_by(
        world: &World,
        place: &LedgerPlace,
        wait: Duration,
        keys: KeysAt,
    ) -> Result<Self, AppendError> {
        if place.engine.is_none() {
            folder::look(&*world.disk, &place.dir)?;
        }
        let lock = lock(world, place, wait, COMMAND)?;
        let engine = place.engine(world);
        if place.engine.is_some() && engine.get(RESTORING, SMALL_FILE)?.is_some() {
            return Err(OpenError::InterruptedRestore(place.dir.clone()).into());
        }
        Self::of(world, place, (engine, lock), keys)
    }

    fn of(
        world: &World,
        place: &LedgerPlace,
        (engine, lock): (Arc<dyn Engine>, WriteLock),
        keys: KeysAt,
    ) -> Result<Self, AppendError> {
        // Before the log: where others write meanwhile, one that was read after it could state more.
        let stated = engine.get(CHECKPOINT_FILE, SMALL_FILE)?;
        let (mut log, mut rest) = engine.open_log().map_err(damaged_log)?;
        let mut sealed = sealed_edge(&*log)?;
        let genesis = genesis(&*engine, &*log)?;
        let LedgerIdentity {
            origin, id: ledger, ..
        } = LedgerIdentity::of(&genesis)
            .map_err(|fault| AppendError::DamagedEntry { sequence: 0, fault })?;
        let keys = keys(place)?;
        // Where others may write meanwhile, bundles come before this one's tail knows of them.
        let forward = match engine.is_shared() {
            false => roll_forward(&*engine, &mut *log, ledger, &sealed),
            true => Ok(None),
        };
        let forward = match forward {
            Err(contradicted @ AppendError::Ahead(_)) => Err(contradicted),
            forward => Ok(forward?),
        };
        if matches!(forward, Ok(Some(_))) {
            (sealed, rest) = (sealed_edge(&*log)?, TailRest::Clean);
        }
        let note_key = |held: &HeldKey| NoteKey::of(origin.clone(), &held.key);
        let note_keys: Vec<_> = keys.iter().map(note_key).collect();
        let source = EntrySource {
            engine: &*engine,
            log: &*log,
            ledger,
            proven: 0,
        };
        let [folder, outside] = heads(world, place, &source, (&note_keys, stated))?;
        let mut roots: BTreeMap<u64, NodeHash> = [&folder, &outside]
            .into_iter()
            .filter_map(HeadCheckpoint::checkpoint)
            .map(|checkpoint| (checkpoint.size, NodeHash::empty()))
            .collect();
        let edge = walk(&*log, &sealed, &mut roots)?;
        roots_of_bundles(&*engine, &*log, &sealed, &mut roots)?;
        Ok(Self {
            engine,
            lock,
            log,
            rest,
            sealed,
            edge,
            origin,
            ledger,
            keys,
            folder,
            outside,
            roots,
            forward,
        })
    }

    /// How a checkpoint, one of the two, stands to the log.
    pub(super) fn standing(&self, checkpoint: &Checkpoint) -> CheckpointRelation {
        if checkpoint.size > self.edge.size() {
            CheckpointRelation::Ahead
        } else if self.roots.get(&checkpoint.size) == Some(&checkpoint.root) {
            CheckpointRelation::Holds
        } else {
            CheckpointRelation::Beside
        }
    }

    /// A writer on what was found, relying on the first `proven` entries. Which checkpoints hold was
    /// judged before, and nothing is written yet.
    pub(super) fn into_writer(
        mut self,
        world: &World,
        place: &LedgerPlace,
        proven: u64,
    ) -> Result<Writer, AppendError> {
        let mut notices = Vec::new();
        let memory = self.recall(proven, &mut notices)?;
        let wanted = memory.sealing_key();
        let held = self
            .keys
            .iter()
            .position(|held| Some(held.key.public()) == wanted);
        let other = || AppendError::OtherSealingKey(place.sealing_key());
        let held = self.keys.swap_remove(held.ok_or_else(other)?);
        let heads = [&self.folder, &self.outside].map(HeadCheckpoint::bytes);
        let newest = match heads {
            [Some(folder), Some(outside)] if folder == outside && !held.is_next => {
                let stated = self.folder.checkpoint();
                let is_newest = stated.is_some_and(|stated| stated.size == self.edge.size());
                is_newest.then(|| String::from_utf8_lossy(folder).into_owned())
            }
            _ => None,
        };
        let mut writer = self.sealing_by(world, place, held, memory);
        writer.notices = notices;
        if let Some(note) = newest {
            writer.published.adopt(note);
        }
        writer.restore_hint();
        Ok(writer)
    }

    /// A writer on what was found, with what it remembers, that seals by the key that it `held`.
    pub(super) fn sealing_by(
        self,
        world: &World,
        place: &LedgerPlace,
        held: HeldKey,
        memory: LoadedRegister,
    ) -> Writer {
        Writer {
            world: world.clone(),
            place: place.clone(),
            ledger: self.ledger,
            origin: self.origin,
            key: held.key,
            edge: self.edge,
            sealed: self.sealed,
            published: published(world, place, &*self.engine),
            memory,
            notices: Vec::new(),
            old_key_has_its_file: held.is_next,
            engine: self.engine,
            log: self.log,
            lock: self.lock,
        }
    }

    /// What the entries amount to, read whatever the key at hand.
    pub(super) fn recall_keyless(
        &self,
        proven: u64,
        notices: &mut Vec<String>,
    ) -> Result<LoadedRegister, AppendError> {
        self.source(proven).recall(&[], notices)
    }

    fn source(&self, proven: u64) -> EntrySource<'_> {
        EntrySource {
            engine: &*self.engine,
            log: &*self.log,
            ledger: self.ledger,
            proven,
        }
    }

    /// What the entries amount to, by what the last writer left where that is of this very end, or else by the
    /// index.
    fn recall(
        &self,
        proven: u64,
        notices: &mut Vec<String>,
    ) -> Result<LoadedRegister, AppendError> {
        let source = self.source(proven);
        let holds_key = |memory: &LoadedRegister| {
            let wanted = memory.sealing_key();
            let mut keys = self.keys.iter();
            keys.any(|held| Some(held.key.public()) == wanted)
        };
        let warm = EdgeCache::read(&*self.engine).filter(|warm| {
            // Only where a checkpoint covers all of it.
            self.rest == TailRest::Clean
                && proven == self.edge.size()
                && (warm.size, warm.link) == (self.edge.size(), self.edge.link())
        });
        let cold = warm.map(|warm| LoadedRegister::cold(warm.into_register()));
        let memory = match cold.filter(holds_key) {
            Some(memory) => memory,
            None => source.recall(&[], notices)?,
        };
        if holds_key(&memory) {
            return Ok(memory);
        }
        // Before a key is called wrong, the index is asked no more.
        let (fresh, _) = memory.renewed("it names another sealing key than is at hand");
        source.bring_up(fresh, &[], notices)
    }
}

impl Writer {
    /// Writes what the folder says about itself to people, where that is missing or another.
    fn restore_hint(&mut self) {
        self.notices.push(match self.describe_folder() {
            Ok(false) => return,
            Ok(true) => format!("{HINT_FILE} was missing or differed, and was written anew"),
            Err(fault) => format!("{HINT_FILE} was not written: {fault}"),
        });
    }

    /// The same; whether it had to be written.
    pub(super) fn describe_folder(&self) -> Result<bool, DiskError> {
        let key = NoteKey::of(self.origin.clone(), &self.key);
        let description = folder::describe(&self.ledger, &key);
        folder::restore_description(&*self.engine, &description)
    }
}

/// Keeps the other writers of this host out: of the folder, or of what this host keeps of a ledger that others may
/// write to as well.
pub(super) fn lock(
    world: &World,
    place: &LedgerPlace,
    wait: Duration,
    command: &str,
) -> Result<WriteLock, AppendError> {
    let own = place.engine.as_ref();
    let dir = own.map_or(&*place.dir, |engine| {
        engine.scratch().unwrap_or(&place.state)
    });
    if own.is_some() {
        folder::make(&*world.disk, dir)?;
    }
    Ok(WriteLock::acquire(dir, wait, command, world.clock.now())?)
}

/// Where the newest checkpoint is published: in the ledger and on this host.
pub(super) fn published(world: &World, place: &LedgerPlace, engine: &dyn Engine) -> PublishedHead {
    let outside = outside(world, place).slot(HEAD_FILE);
    PublishedHead::new([engine.slot(CHECKPOINT_FILE), outside])
}

/// What this host keeps of the ledger.
fn outside(world: &World, place: &LedgerPlace) -> FolderEngine {
    FolderEngine::new(world.disk.clone(), &place.state)
}

/// An error of opening the log, as one of opening the ledger.
pub(super) fn damaged_log(fault: LogOpenError) -> AppendError {
    match fault {
        LogOpenError::Disk(fault) => fault.into(),
        LogOpenError::NoLog(dir) => AppendError::Open(OpenError::LostLog(dir)),
        other => AppendError::DamagedLog(other.to_string()),
    }
}

/// The edge that the header of the tail carries. Nothing vouches for it yet.
pub(super) fn sealed_edge(log: &dyn EngineLog) -> Result<Edge, AppendError> {
    if log.base() == 0 {
        return Ok(Edge::start());
    }
    match Edge::decode(log.carry()) {
        Some(edge) if edge.size() == log.base() => Ok(edge),
        _ => Err(AppendError::DamagedLog(
            "the header of the tail does not carry the edge of the bundles".to_owned(),
        )),
    }
}

/// Chains the entries of the tail from `sealed`, and fills in the root at each size in `roots` that
/// it passes.
pub(super) fn walk(
    log: &dyn EngineLog,
    sealed: &Edge,
    roots: &mut BTreeMap<u64, NodeHash>,
) -> Result<Edge, AppendError> {
    let mut edge = sealed.clone();
    let mut note = |edge: &Edge| {
        if let Some(root) = roots.get_mut(&edge.size()) {
            *root = edge.root();
        }
    };
    note(&edge);
    for bytes in log.tail() {
        chain(&mut edge, bytes)?;
        note(&edge);
    }
    Ok(edge)
}

/// Chains the next entry to `edge`.
pub(super) fn chain(edge: &mut Edge, bytes: &[u8]) -> Result<(), AppendError> {
    let sequence = edge.size();
    edge.follow(bytes)
        .map_err(|fault| AppendError::DamagedEntry { sequence, fault })
}

/// Fills in the roots at sizes before the tail. Reads every bundle, which only an old copy of the
/// checkpoint outside makes necessary: sealing makes both durable first.
fn roots_of_bundles(
    engine: &dyn Engine,
    log: &dyn EngineLog,
    sealed: &Edge,
    roots: &mut BTreeMap<u64, NodeHash>,
) -> Result<(), AppendError> {
    if roots.range(..sealed.size()).next().is_none() {
        return Ok(());
    }
    let mut frontier = Frontier::new();
    for (size, bytes) in (0..sealed.size()).zip(entries_from(engine, log, 0)) {
        if let Some(root) = roots.get_mut(&size) {
            *root = frontier.root();
        }
        frontier.append(LeafHash::of(&bytes.map_err(damaged_bundle)?));
    }
    if frontier.root() == sealed.root() {
        return Ok(());
    }
    Err(AppendError::DamagedLog(
        "the bundles are not those that the tail continues".to_owned(),
    ))
}

fn genesis(engine: &dyn Engine, log: &dyn EngineLog) -> Result<Vec<u8>, AppendError> {
    let first = entries_from(engine, log, 0).next();
    let first = first.ok_or_else(|| AppendError::DamagedLog("entry 0 is missing".to_owned()))?;
    Ok(first.map_err(damaged_bundle)?.into_owned())
}

/// A private key that is at hand to seal with.
pub(super) struct HeldKey {
    pub(super) key: SecretKey,
    /// Whether it lies beside the one whose place it takes.
    pub(super) is_next: bool,
}

/// The sealing key, and after it the one that is to replace it, where there is one.
fn sealing_keys(place: &LedgerPlace) -> Result<Vec<HeldKey>, AppendError> {
    let held = |is_next: bool| move |key: SecretKey| HeldKey { key, is_next };
    let key = keyfile::read(&place.sealing_key(), &|| Ok(None)).map(held(false));
    // One that cannot be read is no reason to refuse an append. Where an entry names it, no key at
    // hand is the ledger's, and that is said.
    let next = keyfile::read(&place.next_sealing_key(), &|| Ok(None)).map(held(true));
    match (key, next) {
        // A person named the next one since the old one is lost, and the power failed before it had its name.
        (Err(KeyFileError::Missing(_)), Ok(next)) => Ok(vec![next]),
        (key, next) => Ok(std::iter::once(key?).chain(next).collect()),
    }
}

/// The checkpoint that the ledger `stated` and the one outside, held against these keys. Where neither is by one of them, against
/// those that the entries name: the key that sealed them may be gone, in a cut while another took its place or for ever.
fn heads(
    world: &World,
    place: &LedgerPlace,
    source: &EntrySource<'_>,
    (keys, stated): (&[NoteKey], Option<Vec<u8>>),
) -> Result<[HeadCheckpoint; 2], AppendError> {
    let held_against = |keys: &[NoteKey]| {
        let path = place.dir.join(CHECKPOINT_FILE);
        let folder = HeadCheckpoint::of(stated.clone(), &path, keys, None)?;
        let outside = outside(world, place).get(HEAD_FILE, SMALL_FILE)?;
        let outside = HeadCheckpoint::of(outside, &place.head(), keys, Some(&folder))?;
        Ok::<_, AppendError>([folder, outside])
    };
    if !keys.is_empty() {
        let found = held_against(keys)?;
        if found.iter().any(|head| head.checkpoint().is_some()) {
            return Ok(found);
        }
    }
    held_against(&source.sealing_keys()?)
}
