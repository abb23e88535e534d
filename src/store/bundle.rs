//! Sealed bundles: 256 entries in one file, at the paths and in the form of C2SP tlog-tiles.
//!
//! ```text
//! bundle = 256 × (length u16 big-endian ‖ entry)       tile/entries/000, …/x001/234, …
//! ```
//!
//! There is no checksum inside: every byte is an entry's, whose link and Merkle leaf are checked
//! above, or a length, and a wrong length never leaves exactly 256 entries and nothing else behind
//! except by moving bytes between entries, which their hashes show.
//!
//! A published copy also has the entries that no full bundle holds yet, in a partial bundle
//! `tile/entries/….p/W` of W entries; a ledger's own folder has none.

use std::path::PathBuf;

use crate::sys::disk::DiskError;

/// Entries in a bundle, fixed by C2SP tlog-tiles.
pub const BUNDLE_ENTRIES: usize = 256;

/// The longest entry that a bundle's 16-bit length can announce.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// The folder of the bundles, in the ledger's.
pub const BUNDLES: &str = "tile/entries";

const LENGTH_BYTES: usize = 2;
/// The longest bundle: 256 entries of the greatest length.
pub const MAX_BUNDLE: u64 = (BUNDLE_ENTRIES * (LENGTH_BYTES + MAX_ENTRY)) as u64;

/// What is wrong with a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// The file is neither there nor in the archive to which some were moved.
    #[error("{path} is archived, and not to be found in {}", archive.display())]
    Archived {
        /// The bundle's path in both.
        path: String,
        /// Where the archive is said to be.
        archive: PathBuf,
    },
    /// The file ends inside an entry or its length.
    #[error("{path} is cut short inside its entry {index}")]
    CutShort {
        /// The bundle's path in the ledger's folder.
        path: String,
        /// The entry within the bundle, from 0.
        index: usize,
    },
    /// The file ends after fewer entries than it must have.
    #[error("{path} has {count} entries, not {wanted}")]
    WrongCount {
        /// The bundle's path in the ledger's folder.
        path: String,
        /// Entries found.
        count: usize,
        /// Entries that belong there.
        wanted: usize,
    },
    /// An entry of no bytes: none was ever written.
    #[error("{path} has an empty entry {index}")]
    EmptyEntry {
        /// The bundle's path in the ledger's folder.
        path: String,
        /// The entry within the bundle, from 0.
        index: usize,
    },
    /// More bytes after the last entry that belongs there.
    #[error("{path} has {bytes} bytes after its last entry")]
    TrailingBytes {
        /// The bundle's path in the ledger's folder.
        path: String,
        /// How many.
        bytes: u64,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The path of bundle `n` in the ledger's folder; it holds entries `256 n` to `256 n + 255`.
#[must_use]
pub fn bundle_path(n: u64) -> String {
    format!("{BUNDLES}/{}", number_path(n))
}

/// The path of bundle `n` where it holds `width` entries: the whole one, or a partial one.
#[must_use]
pub fn path_of(n: u64, width: usize) -> String {
    let path = bundle_path(n);
    if width == BUNDLE_ENTRIES {
        path
    } else {
        format!("{path}.p/{width}")
    }
}

/// A tile number as C2SP tlog-tiles spells it in paths: groups of three digits, all but the last
/// with an `x` before them (`1234067` is `x001/x234/067`).
#[must_use]
pub fn number_path(n: u64) -> String {
    let mut path = format!("{:03}", n % 1000);
    let mut rest = n / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// The bytes of a bundle of these entries.
#[must_use]
pub(crate) fn encode<E: AsRef<[u8]>>(entries: &[E]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        bytes.extend(u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend(entry);
    }
    Some(bytes)
}

/// The `width` entries in the bytes of bundle `n`, whole or partial.
///
/// # Errors
/// Names what is wrong with the file and, where it shows, in which entry.
pub fn decode_partial(n: u64, width: usize, bytes: &[u8]) -> Result<Vec<Vec<u8>>, BundleError> {
    let path = || path_of(n, width);
    let mut entries = Vec::with_capacity(width);
    let mut rest = bytes;
    while !rest.is_empty() {
        let index = entries.len();
        if index == width {
            return Err(BundleError::TrailingBytes {
                path: path(),
                bytes: rest.len() as u64,
            });
        }
        let cut_short = || BundleError::CutShort {
            path: path(),
            index,
        };
        let (length, after) = rest.split_first_chunk().ok_or_else(cut_short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 {
            return Err(BundleError::EmptyEntry {
                path: path(),
                index,
            });
        }
        let (entry, after) = after.split_at_checked(length).ok_or_else(cut_short)?;
        entries.push(entry.to_vec());
        rest = after;
    }
    if entries.len() != width {
        return Err(BundleError::WrongCount {
            path: path(),
            count: entries.len(),
            wanted: width,
        });
    }
    Ok(entries)
}

/// The entries at the beginning of a bundle's bytes, up to where something is wrong with it.
#[must_use]
pub(crate) fn decode_prefix(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk()
        && let length = usize::from(u16::from_be_bytes(*length))
        && let Some((entry, after)) = after.split_at_checked(length)
        && entries.len() < BUNDLE_ENTRIES
    {
        entries.push(entry.to_vec());
        rest = after;
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Vec<Vec<u8>> {
        (0..=255u8)
            .map(|i| vec![i; 1 + usize::from(i) % 5])
            .collect()
    }

    #[test]
    fn paths_are_those_of_tlog_tiles() {
        assert_eq!(bundle_path(0), "tile/entries/000");
        assert_eq!(bundle_path(999), "tile/entries/999");
        assert_eq!(bundle_path(1234), "tile/entries/x001/234");
        assert_eq!(number_path(1_234_067), "x001/x234/067");
        assert_eq!(number_path(1_000_000), "x001/x000/000");
    }

    #[test]
    fn a_bundle_reads_back() {
        let bytes = encode(&full()).unwrap();
        assert_eq!(decode_partial(3, BUNDLE_ENTRIES, &bytes).unwrap(), full());
        assert!(encode(&[vec![0; MAX_ENTRY]]).is_some());
        assert!(encode(&[vec![0; MAX_ENTRY + 1]]).is_none());
    }

    #[test]
    fn a_partial_bundle_has_its_width_and_its_path() {
        assert_eq!(path_of(273, 112), "tile/entries/273.p/112");
        assert_eq!(path_of(1234, 256), bundle_path(1234));
        let bytes = encode(&full()[..3]).unwrap();
        assert_eq!(decode_partial(0, 3, &bytes).unwrap(), full()[..3]);
        let fault = decode_partial(0, 4, &bytes).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "tile/entries/000.p/4 has 3 entries, not 4"
        );
        let fault = decode_partial(0, 2, &bytes).unwrap_err();
        assert!(
            matches!(fault, BundleError::TrailingBytes { .. }),
            "{fault}"
        );
    }

    #[test]
    fn each_kind_of_damage_has_its_name() {
        let bytes = encode(&full()).unwrap();
        let cut = decode_partial(0, BUNDLE_ENTRIES, &bytes[..bytes.len() - 1]).unwrap_err();
        assert!(matches!(cut, BundleError::CutShort { index: 255, .. }));
        let half_length =
            decode_partial(0, BUNDLE_ENTRIES, &[bytes.as_slice(), &[0]].concat()).unwrap_err();
        assert!(matches!(
            half_length,
            BundleError::TrailingBytes { bytes: 1, .. }
        ));
        let fewer =
            decode_partial(0, BUNDLE_ENTRIES, &encode(&full()[..255]).unwrap()).unwrap_err();
        assert!(matches!(fewer, BundleError::WrongCount { count: 255, .. }));
        let empty = decode_partial(0, BUNDLE_ENTRIES, &[0, 0, 0, 1, 7]).unwrap_err();
        assert!(matches!(empty, BundleError::EmptyEntry { index: 0, .. }));
    }
}
