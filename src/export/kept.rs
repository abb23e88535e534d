//! What this host keeps for its packs, outside the ledger's folder: for each export what it rested on that
//! does not stay as it was. A checkpoint is replaced at each commit,
//! witnesses go on to newer ones, time tokens are added.
//!
//! An export that is killed can leave `.key-…` here, a key that nobody uses, or `packs/.new-…`; nothing reads
//! either, and whoever keeps the host may remove them.

use serde::{Deserialize, Serialize};

use crate::checkpoint;
use crate::hash::Sha256Digest;
use crate::ledger::{COSIGNED_FILE, EntryReader};
use crate::store::engine::Engine as _;
use crate::sys::disk::SMALL_FILE;
use crate::timestamps;

use super::error::ExportError;
use super::host::Export;

const FOLDER: &str = "packs";
const SCHEMA: &str = "rotation-ledger/pack-rested/1";

/// What a pack rested on besides the entries.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackBasis {
    schema: String,
    /// The checkpoint that covers the record and nothing after it.
    pub(super) checkpoint: String,
    /// The newest checkpoint that witnesses had cosigned.
    pub(super) cosigned: Option<String>,
    /// The checkpoint whose cosignature is the seed of a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<String>,
    /// The time tokens there were.
    pub(super) tokens: Vec<String>,
    /// Of the zip, once it was made.
    pub(super) sha256: Option<Sha256Digest>,
}

impl PackBasis {
    /// As it is now.
    pub(super) fn now(
        export: &Export<'_>,
        sequence: u64,
        note: &str,
        seed: Option<&str>,
    ) -> Result<Self, ExportError> {
        let dir = &export.place.dir;
        let reader = EntryReader::open(export.world, dir, export.wait)?;
        let fits = |note: &&[u8]| {
            checkpoint::stated(note).is_ok_and(|stated| (1..=sequence + 1).contains(&stated.size))
        };
        let cosigned = reader.file(COSIGNED_FILE).filter(fits);
        let tokens = timestamps::list(&export.ledger())?;
        let tokens = tokens
            .into_iter()
            .filter(|token| token.checkpoint.as_deref().is_some_and(|note| fits(&note)));
        Ok(Self {
            schema: SCHEMA.to_owned(),
            checkpoint: note.to_owned(),
            cosigned: cosigned.map(|note| String::from_utf8_lossy(note).into_owned()),
            seed: seed.map(str::to_owned),
            tokens: tokens.map(|token| token.stem).collect(),
            sha256: None,
        })
    }

    pub(super) fn read(export: &Export<'_>, sequence: u64) -> Result<Self, ExportError> {
        let (state, name) = (export.state(), name(sequence));
        let path = state.place(&name);
        let not_kept = |why: String| ExportError::NotKept { sequence, why };
        let bytes = state
            .get(&name, SMALL_FILE)?
            .ok_or_else(|| not_kept(format!("there is no {}", path.display())))?;
        let rested: Self = serde_json::from_slice(&bytes)
            .map_err(|fault| not_kept(format!("{}: {fault}", path.display())))?;
        match rested.schema == SCHEMA {
            true => Ok(rested),
            false => Err(not_kept(format!("{} is of another kind", path.display()))),
        }
    }

    pub(super) fn write(&self, export: &Export<'_>, sequence: u64) -> Result<(), ExportError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        Ok(export.state().replace(&name(sequence), text.as_bytes())?)
    }
}

fn name(sequence: u64) -> String {
    format!("{FOLDER}/{sequence}.json")
}
