//! The entries of a log, read through the engine that keeps them.

use std::borrow::Cow;

use super::door::{Engine, EngineLog};
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
    if let Some(bytes) = engine.get(&path, MAX_BUNDLE)? {
        return decode_partial(n, width, &bytes);
    }
    // One that filled up since stands there whole, and begins with the same entries (C2SP tlog-tiles, "Partial
    // Tiles").
    let whole = path_of(n, BUNDLE_ENTRIES);
    match engine.get(&whole, MAX_BUNDLE)?.filter(|_| whole != path) {
        Some(bytes) => {
            let mut entries = decode_partial(n, BUNDLE_ENTRIES, &bytes)?;
            entries.truncate(width);
            Ok(entries)
        }
        None => Err(match engine.archive() {
            Some(archive) => BundleError::Archived { path, archive },
            None => BundleError::Missing(path),
        }),
    }
}

/// The entries from `start` on, of bundles and tail. Each bundle is read once.
pub fn entries_from<'a>(
    engine: &'a dyn Engine,
    log: &'a dyn EngineLog,
    start: u64,
) -> impl Iterator<Item = Result<Cow<'a, [u8]>, BundleError>> {
    let (base, width) = (log.base(), BUNDLE_ENTRIES as u64);
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let bundles = (start / width..base / width).flat_map(move |n| {
        let before = at(start.saturating_sub(n * width));
        match read_bundle(engine, n) {
            Ok(entries) => entries
                .into_iter()
                .skip(before)
                .map(|bytes| Ok(Cow::Owned(bytes)))
                .collect(),
            Err(fault) => vec![Err(fault)],
        }
    });
    let tail = log.tail().skip(at(start.saturating_sub(base)));
    bundles.chain(tail.map(|bytes| Ok(Cow::Borrowed(bytes))))
}
