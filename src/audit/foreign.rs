//! Somebody else's log, which has the form of a copy and is in order: it is named as that, rather than judged as a
//! ledger whose every entry is damaged.

use std::path::Path;

use crate::checkpoint;
use crate::entry::Entry;
use crate::hash::LeafHash;
use crate::ledger::pieces::LogPieces;
use crate::ledger::standing::FolderSnapshot;
use crate::ledger::{CHECKPOINT_FILE, FolderKind, LedgerError};
use crate::merkle::Frontier;
use crate::sys::world::World;
use crate::verify::LogPiece;

/// The origin of a copy in which no entry is a ledger's, and all of them lead to its checkpoint. Where one is, or the
/// tree does not fit, it is judged as a ledger.
pub(super) fn foreign_origin(
    world: &World,
    dir: &Path,
    taken: &FolderSnapshot,
) -> Result<Option<String>, LedgerError> {
    let note = taken.image.files.get(CHECKPOINT_FILE);
    let stated = note.and_then(|note| checkpoint::stated(note).ok());
    let Some(stated) = stated.filter(|_| taken.standing == FolderKind::Copy) else {
        return Ok(None);
    };
    let has = |name: &str| world.disk.metadata(&dir.join(name));
    // Logs of certificates keep theirs elsewhere, in a form of their own.
    if has("tile/entries")?.is_none() && has("tile/data")?.is_some() {
        return Ok(Some(stated.origin));
    }
    let mut tree = Frontier::new();
    for piece in LogPieces::new(world.disk.clone(), dir, taken, None)? {
        let LogPiece::Entries(entries) = piece else {
            return Ok(None);
        };
        for entry in entries {
            if Entry::decode(&entry).is_ok() {
                return Ok(None);
            }
            tree.append(LeafHash::of(&entry));
        }
    }
    Ok((tree.root() == stated.root).then_some(stated.origin))
}
