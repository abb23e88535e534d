//! How a ledger begins: a sealing key, entry 0, and a checkpoint over it.
//!
//! The file `creating` stands in the folder from before the first other file until after the last.
//! Where it is found, no receipt was ever given: opening refuses the folder, and creating once more
//! removes what is there and begins anew.

use std::time::Duration;

use crate::append::commit::signed_checkpoint;
use crate::append::error::AppendError;
use crate::append::look::{damaged_log, lock, published};
use crate::append::submission::Receipt;
use crate::entry::Entry;
use crate::event::LedgerCreated;
use crate::hash::{LeafHash, LedgerId, Link};
use crate::key::{SecretKey, Signer};
use crate::ledger::edge::Edge;
use crate::ledger::{CREATING, LedgerPlace, folder};
use crate::note::{NoteKey, Origin};
use crate::register::Register;
use crate::statement::{self, EventId, Statement};
use crate::store::engine::{EngineLog, Segment, SegmentOutcome};
use crate::sys::entropy::uuid_v7;
use crate::sys::world::World;
use crate::text::{Id, Line};
use crate::time::Timestamp;

/// Nobody else has business in a folder that is being created.
const WAIT: Duration = Duration::from_secs(1);

/// Who founds a ledger, and what it is called.
#[derive(Debug)]
pub struct NewLedger<'a> {
    /// The name of the log in every checkpoint.
    pub origin: Origin,
    /// The id of the first Security Owner.
    pub actor: Id,
    /// Their name, as a person would read it.
    pub name: Line,
    /// Their key, which signs entry 0.
    pub key: &'a dyn Signer,
}

/// Creates a ledger at `place`: explicit, in a new or empty folder, or in one where creating was
/// interrupted before. Durable when it returns the receipt of entry 0.
///
/// A sealing key that lies at `place` already is taken, since it was never used for another ledger:
/// that one's newest checkpoint would lie beside it.
///
/// # Errors
/// The folder is not empty, the state is another ledger's, the founder's key cannot be, or the
/// disk's refusal.
pub fn create(
    world: &World,
    place: &LedgerPlace,
    founding: &NewLedger<'_>,
) -> Result<Receipt, AppendError> {
    if let Some(doubt) = world.clock.doubt(None) {
        return Err(doubt.into());
    }
    let disk = &*world.disk;
    let in_folder = place.engine.is_none();
    if in_folder {
        folder::make(disk, &place.dir)?;
    }
    folder::make(disk, &place.state)?;
    // The sealing key lies there, and the newest checkpoint that a restored ledger is held against.
    disk.keep_private(&place.state)?;
    let resumed = in_folder && folder::is_clear(&world.disk, &place.dir)?;
    if !resumed && disk.metadata(&place.head())?.is_some() {
        return Err(AppendError::StateInUse(place.state.clone()));
    }
    let _lock = lock(world, place, WAIT, "creating the ledger")?;
    if !in_folder {
        return begin(
            world,
            place,
            founding,
            &sealing_key(world, place, founding)?,
        );
    }
    // Looked at again under the lock: somebody may have created a ledger in the meantime.
    folder::is_clear(&world.disk, &place.dir)?;
    let sealing = sealing_key(world, place, founding)?;
    let ledger = place.engine(world);
    ledger.replace(CREATING, b"no receipt was given for what lies here\n")?;
    folder::clear(disk, &place.dir)?;
    let receipt = begin(world, place, founding, &sealing)?;
    ledger.remove(CREATING)?;
    Ok(receipt)
}

/// Puts entry 0, and a checkpoint over it.
fn begin(
    world: &World,
    place: &LedgerPlace,
    founding: &NewLedger<'_>,
    sealing: &SecretKey,
) -> Result<Receipt, AppendError> {
    let ledger = place.engine(world);
    let signed = genesis(world, founding, sealing)?;
    let recorded = world.clock.now();
    let entry = Entry::place(0, Link::ZERO, 0, recorded, signed.0);
    let bytes = entry.encode()?;
    let mut log = ledger.begin_log().map_err(damaged_log)?;
    let edge = put_first(&mut *log, &bytes, recorded, &|edge| {
        signed_checkpoint(&founding.origin, edge, sealing)
    })?;
    let id = LedgerId::from_genesis(edge.link());
    let note_key = NoteKey::of(founding.origin.clone(), sealing);
    folder::restore_description(&*ledger, &folder::describe(&id, &note_key))?;
    let note = signed_checkpoint(&founding.origin, &edge, sealing);
    published(world, place, &*ledger).publish(note)?;
    Ok(Receipt {
        sequence: 0,
        event_id: signed.1,
        event: "ledger.created",
        recorded,
        link: edge.link(),
        leaf: LeafHash::of(&bytes),
        size: edge.size(),
        root: edge.root(),
        replayed: false,
        findings: Vec::new(),
    })
}

/// Puts entry 0 into a log that was just begun. What it is then comes from what is stored.
fn put_first(
    log: &mut dyn EngineLog,
    bytes: &[u8],
    recorded: Timestamp,
    note: &dyn Fn(&Edge) -> String,
) -> Result<Edge, AppendError> {
    let unknown = |fault: String| AppendError::Unknown(fault);
    let segment = Segment {
        position: 0,
        previous: Link::ZERO,
        entries: &[bytes.to_vec()],
    };
    let edge_of = |stored: &[Vec<u8>]| {
        let mut edge = Edge::start();
        edge.extend(stored, recorded);
        edge
    };
    match log.put(&segment, &|| note(&edge_of(segment.entries)).into_bytes()) {
        Ok(SegmentOutcome::Stored) => {}
        Ok(SegmentOutcome::Occupied { .. }) => {
            return Err(unknown("somebody else began the log".to_owned()));
        }
        Ok(SegmentOutcome::Unknown(fault)) => return Err(unknown(fault.to_string())),
        Err(fault) => return Err(unknown(fault.to_string())),
    }
    let stored = log
        .reread(0..1)
        .map_err(|fault| unknown(fault.to_string()))?;
    Ok(edge_of(&stored))
}

/// The sealing key at `place`, made where there is none.
fn sealing_key(
    world: &World,
    place: &LedgerPlace,
    founding: &NewLedger<'_>,
) -> Result<SecretKey, AppendError> {
    let path = place.sealing_key();
    let key = world.key_in::<AppendError>(&path)?;
    // One key for both would let the founder's key speak for the ledger.
    if key.public() == founding.key.public() {
        return Err(AppendError::OtherSealingKey(path));
    }
    Ok(key)
}

fn genesis(
    world: &World,
    founding: &NewLedger<'_>,
    sealing: &SecretKey,
) -> Result<(statement::SignedStatement, EventId), AppendError> {
    let now = world.clock.now();
    let created = LedgerCreated {
        origin: Id::new(founding.origin.as_str())?,
        sealing_key: sealing.public(),
        actor: founding.actor.clone(),
        name: founding.name.clone(),
        key: founding.key.public(),
        possession: founding.key.prove_possession()?,
    };
    let event_id = EventId::from_bytes(uuid_v7(now, &*world.entropy)?);
    let statement = Statement {
        version: statement::VERSION,
        ledger: LedgerId::ZERO,
        event_id,
        occurred: now,
        author: founding.key.public(),
        on_behalf_of: None,
        event: created.into(),
        attachments: Vec::new(),
    };
    Register::default()
        .author(&statement.recorded_as(0, now))
        .map_err(AppendError::Denied)?;
    Ok((statement.sign(founding.key)?, event_id))
}
