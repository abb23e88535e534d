//! What was said about rotations, entry by entry, for those who tell how each of them went.

use crate::event::Event;
use crate::keyring::Author;
use crate::statement::Attachment;
use crate::time::Timestamp;

/// An entry that counts: its signature holds, and its author might say it.
#[derive(Debug, Clone)]
pub struct AdmittedEntry {
    /// Its place.
    pub sequence: u64,
    /// When it happened, as its author says.
    pub occurred: Timestamp,
    /// When it was recorded, by the ledger's clock.
    pub recorded: Timestamp,
    /// Who says it.
    pub author: Author,
    /// What is said.
    pub event: Event,
    /// The files it names.
    pub attachments: Vec<Attachment>,
}

/// Whether an event belongs to the story of a rotation: a step of it, of the incident behind it, or
/// a word about an entry, which may be one of these.
pub(super) fn tells_of_rotations(event: &Event) -> bool {
    event.rotation().is_some() || event.incident().is_some() || event.about().is_some()
}
