//! Tokens beside a ledger: the names of both files, in the ledger's folder and in a pack.
//!
//! ```text
//! timestamps/SIZE-HASH.checkpoint     the checkpoint of SIZE entries, as it was stamped, whole
//! timestamps/SIZE-HASH.tsr            the authority's whole response over the SHA-256 of that file
//! ```
//!
//! `HASH` is the beginning of the SHA-256 of the response, so that several authorities can stamp one
//! checkpoint.

use std::path::Path;

use crate::hash::Sha256Digest;
use crate::text::decimal;

/// The folder of the tokens in the ledger's folder, and of waiting requests in the state folder.
pub const TIMESTAMPS: &str = "timestamps";

/// The end of a response's name.
const RESPONSE: &str = ".tsr";
/// The end of a stamped checkpoint's name.
const STAMPED: &str = ".checkpoint";

/// Hex digits of a hash in a name.
const NAME_DIGITS: usize = 16;

/// A token in the ledger's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// The path of both files below the ledger's folder, without their ends.
    pub stem: String,
    /// The size that the name says.
    pub size: u64,
    /// The authority's response.
    pub response: Vec<u8>,
    /// The checkpoint beside it, where that is there.
    pub checkpoint: Option<Vec<u8>>,
}

impl StoredToken {
    /// A response over a checkpoint of so many entries, under the names that both get.
    #[must_use]
    pub fn new(size: u64, response: &[u8], checkpoint: &[u8]) -> Self {
        let hash = Sha256Digest::of(response).to_string();
        let hash = hash.get(..NAME_DIGITS).unwrap_or(&hash);
        Self {
            stem: format!("{TIMESTAMPS}/{size}-{hash}"),
            size,
            response: response.to_vec(),
            checkpoint: Some(checkpoint.to_vec()),
        }
    }

    /// The tokens among files that stand at these paths below a ledger's folder, by size. What is named
    /// otherwise, or of which `get` has nothing, is not among them.
    ///
    /// # Errors
    /// The refusal of `get`, which is asked for files by their paths.
    pub fn among<E>(
        paths: impl Iterator<Item = String>,
        get: impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Vec<Self>, E> {
        let mut tokens = Vec::new();
        for path in paths {
            let Some((stem, size)) = parse(&path, RESPONSE) else {
                continue;
            };
            if let Some(response) = get(&path)? {
                tokens.push(Self {
                    stem: stem.to_owned(),
                    size,
                    response,
                    checkpoint: get(&format!("{stem}{STAMPED}"))?,
                });
            }
        }
        tokens.sort_by(|a, b| (a.size, &a.stem).cmp(&(b.size, &b.stem)));
        Ok(tokens)
    }

    /// The path of the response below the ledger's folder.
    #[must_use]
    pub fn response_path(&self) -> String {
        format!("{}{RESPONSE}", self.stem)
    }

    /// The path of the checkpoint below the ledger's folder.
    #[must_use]
    pub fn checkpoint_path(&self) -> String {
        format!("{}{STAMPED}", self.stem)
    }
}

/// Whether a path is where a stamped checkpoint would be: its token may not have been written yet.
#[must_use]
pub fn is_stamped(path: &Path) -> bool {
    parse(&path.to_string_lossy(), STAMPED).is_some()
}

/// Whether a path is where a file of a token would be.
#[must_use]
pub fn is_of_token(path: &str) -> bool {
    [RESPONSE, STAMPED]
        .iter()
        .any(|end| parse(path, end).is_some())
}

/// What stands before the end of a path, and the size that it names.
fn parse<'p>(path: &'p str, end: &str) -> Option<(&'p str, u64)> {
    let stem = path.strip_suffix(end)?;
    let name = stem.strip_prefix(TIMESTAMPS)?.strip_prefix('/')?;
    let (size, hash) = name.split_once('-')?;
    let size = decimal(size)?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_hash = hash.len() == NAME_DIGITS && hash.bytes().all(is_hex);
    is_hash.then_some((stem, size))
}
