//! The bundles of a log, read through the engine that keeps them.

use super::door::Engine;
use crate::store::bundle::{BUNDLE_ENTRIES, BundleError, MAX_BUNDLE, decode_partial, path_of};

/// Reads the 256 entries of bundle `n`.
///
/// # Errors
/// Names the bundle and what is wrong with it.
pub fn read_bundle(engine: &dyn Engine, n: u64) -> Result<Vec<Vec<u8>>, BundleError> {
    read_partial_bundle(engine, n, BUNDLE_ENTRIES)
}

/// Reads the `width` entries of bundle `n`, whole or partial.
///
/// # Errors
/// Names the bundle and what is wrong with it.
pub fn read_partial_bundle(
    engine: &dyn Engine,
    n: u64,
    width: usize,
) -> Result<Vec<Vec<u8>>, BundleError> {
    let path = path_of(n, width);
    // What cannot be a bundle is not read into memory to find that out.
    match engine.get(&path, MAX_BUNDLE)? {
        Some(bytes) => decode_partial(n, width, &bytes),
        None => Err(BundleError::Missing { path }),
    }
}
