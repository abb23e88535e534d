//! Bundles that stand in the folder beyond what the tail knows to be sealed.
//!
//! A sealing that was cut off leaves such, whose entries the tail has too. So does an older copy of the tail that was
//! laid over a newer folder; then the log goes on in them. Any other says that there was another log.

use crate::ledger::edge::Edge;
use crate::store::bundle::{BUNDLE_ENTRIES, BundleError, MAX_BUNDLE, bundle_path};
use crate::store::engine::{Engine, read_bundle};
use crate::sys::disk::{DiskCause, DiskError};

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
/// How many bundles may be missing before one that is there: whoever copies many files at once leaves few out. Each
/// is asked for by its name, since a list grows with the ledger.
const GAP: u64 = 8;

/// Why the bundles cannot be read on from the log.
#[derive(Debug, thiserror::Error)]
pub enum BundlesAheadError {
    /// One is damaged, or of another history.
    #[error("{path} stands in the folder and does not continue the log: {why}")]
    Contradicts {
        /// The bundle.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The disk's refusal.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The end of the bundles that continue each other from `sealed` on, where the tail begins, and have the same entries as the
/// `tail` as far as that goes. Where it is behind the tail's, the log goes on there. Nobody has looked at signatures.
///
/// # Errors
/// A bundle that does not continue the log, or cannot be read.
pub(crate) fn end_of_bundles<E: AsRef<[u8]>>(
    engine: &dyn Engine,
    sealed: &Edge,
    tail: &[E],
) -> Result<Edge, BundlesAheadError> {
    let mut edge = sealed.clone();
    loop {
        let n = edge.size() / WIDTH;
        let contradicts = |why: String| BundlesAheadError::Contradicts {
            path: bundle_path(n),
            why,
        };
        match read_bundle(engine, n) {
            Ok(entries) => {
                for bytes in entries {
                    follow(&mut edge, sealed.size(), &bytes, tail).map_err(contradicts)?;
                }
            }
            Err(BundleError::Missing(_) | BundleError::Archived { .. }) => {
                if is_last(engine, n)? {
                    return Ok(edge);
                }
                // It came while others were looked for: a writer is at work.
            }
            Err(BundleError::Disk(fault)) if fault.cause() != DiskCause::TooLong => {
                return Err(fault.into());
            }
            Err(fault) => return Err(contradicts(fault.to_string())),
        }
    }
}

fn follow<E: AsRef<[u8]>>(
    edge: &mut Edge,
    base: u64,
    bytes: &[u8],
    tail: &[E],
) -> Result<(), String> {
    let place = usize::try_from(edge.size() - base).unwrap_or(usize::MAX);
    if tail.get(place).is_some_and(|known| known.as_ref() != bytes) {
        return Err(format!("the tail has another entry {}", edge.size()));
    }
    edge.follow(bytes)
        .map_err(|fault| format!("its entry {}: {fault}", edge.size()))
}

/// Whether no bundle comes after the place of bundle `n`, where none is; `false` where one is there by now.
fn is_last(engine: &dyn Engine, n: u64) -> Result<bool, BundlesAheadError> {
    let has = |n: u64| Ok::<_, DiskError>(engine.get(&bundle_path(n), MAX_BUNDLE)?.is_some());
    for later in n + 1..=n + GAP {
        if has(later)? {
            if has(n)? {
                return Ok(false);
            }
            return Err(BundlesAheadError::Contradicts {
                path: bundle_path(later),
                why: format!("{} is missing before it", bundle_path(n)),
            });
        }
    }
    Ok(true)
}
