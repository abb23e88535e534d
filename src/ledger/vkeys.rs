//! The keys that sealed a ledger, as others name them.

use crate::note::{NoteKey, Origin};
use crate::register::LedgerState;

/// The keys that sealed a ledger under its name, the newest first; none where its first entry names no ledger.
#[must_use]
pub fn sealing_vkeys(state: &LedgerState) -> Option<Vec<NoteKey>> {
    let origin = Origin::try_from(state.origin.clone()?).ok()?;
    let seals = state.keyring.seals().iter().rev();
    let vkeys = seals.filter_map(|seal| NoteKey::new(origin.clone(), seal.key).ok());
    Some(vkeys.collect())
}
