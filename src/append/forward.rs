//! A log that goes on in bundles which its tail does not know of, as after an older copy of the tail was laid over a
//! newer folder: it is rolled forward over them before anything is placed behind them.
//!
//! Each entry so taken in is checked like one that no checkpoint covers. A bundle that stands there and does not
//! continue the log is damaged, or another history of it: whoever appended beside it would sign a second one. That is
//! refused, and only [`recover`](crate::append::recover) sets such a bundle aside.

use crate::append::error::AppendError;
use crate::append::fold::{EntrySource, damaged_bundle};
use crate::append::seal::{NewTiles, SealingError};
use crate::hash::{Blake3Digest, LedgerId};
use crate::ledger::ahead::end_of_bundles;
use crate::ledger::edge::Edge;
use crate::ledger::{BundlesAheadError, SET_ASIDE};
use crate::merkle::LogFile;
use crate::store::bundle::{BUNDLE_ENTRIES, MAX_BUNDLE, bundle_path};
use crate::store::engine::{Engine, EngineLog, read_bundle};
use crate::store::seal::SealError;
use crate::sys::disk::DiskError;
use std::path::Path;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;

/// Entries that were taken in.
pub(super) struct RolledForward {
    first: u64,
    end: u64,
    /// What followed the last whole entry of the tail.
    pub(super) dropped: Vec<u8>,
}

impl RolledForward {
    /// The same for people.
    pub(super) fn said(&self) -> String {
        let (first, last) = (self.first, self.end - 1);
        format!(
            "entries {first} to {last} stood in bundles that the tail did not know of, as an older copy of it does not; they were taken in"
        )
    }
}

/// Brings the `log` to the end of the bundles that continue it, where they reach beyond it. `sealed` is the end of
/// those that it knows.
///
/// # Errors
/// A bundle that contradicts the log, or the disk's refusal.
pub(super) fn roll_forward(
    engine: &dyn Engine,
    log: &mut dyn EngineLog,
    ledger: LedgerId,
    sealed: &Edge,
) -> Result<Option<RolledForward>, AppendError> {
    let first = log.size();
    let end = end_of_bundles(engine, sealed, &log.tail().collect::<Vec<_>>())?.size();
    if end <= first {
        return Ok(None);
    }
    let source = EntrySource {
        engine,
        log: &*log,
        ledger,
        proven: 0,
    };
    let (mut edge, mut tiles) = (sealed.clone(), NewTiles::over(engine));
    for n in sealed.size() / WIDTH..end / WIDTH {
        let entries = read_bundle(engine, n).map_err(damaged_bundle)?;
        for (sequence, bytes) in (n * WIDTH..).zip(&entries).filter(|(at, _)| *at >= first) {
            let checked = source.check_signature(sequence, bytes);
            checked.map_err(|fault| BundlesAheadError::Contradicts {
                path: bundle_path(n),
                why: fault.to_string(),
            })?;
        }
        tiles.add(&mut edge, &entries).map_err(not_made)?;
    }
    let dropped = log.drop_rest()?;
    let taken_in = log.take_in(end, &tiles.files(), &edge.encode());
    taken_in.map_err(|fault| not_made(fault.into()))?;
    Ok(Some(RolledForward {
        first,
        end,
        dropped,
    }))
}

/// Gives every tile and bundle beyond entry `base` another name, under which nothing is read. Returns the new names.
///
/// # Errors
/// The disk's refusal; the rest can then be set aside by the next attempt.
pub(super) fn set_aside(engine: &dyn Engine, base: u64) -> Result<Vec<String>, DiskError> {
    let mut aside = Vec::new();
    for name in engine.list("tile/")? {
        let beyond = LogFile::parse(Path::new(&name)).is_some_and(|file| !file.is_sealed_in(base));
        if !beyond {
            continue;
        }
        let bytes = engine.need(&name, MAX_BUNDLE)?;
        // By its content too, so that nothing that was set aside before is in its way.
        let digest = Blake3Digest::of(&bytes).to_string();
        let short = digest.get(..16).unwrap_or(&digest);
        let place = format!("{SET_ASIDE}/{}-{short}", name.replace('/', "-"));
        engine.put_once(&place, &bytes)?;
        engine.remove(&name)?;
        aside.push(place);
    }
    Ok(aside)
}

fn not_made(fault: SealingError) -> AppendError {
    match fault {
        SealingError::Disk(fault) | SealingError::Seal(SealError::Disk(fault)) => fault.into(),
        other => AppendError::DamagedLog(other.to_string()),
    }
}
