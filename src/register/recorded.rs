//! One entry as the register takes it.

use crate::event::Event;
use crate::key::PublicKey;
use crate::keyring::Author;
use crate::rotation::EntryFrame;
use crate::text::Id;
use crate::time::Timestamp;

/// What an entry says and where it says it, whatever bytes it came in: `verify`, `append` and whoever only
/// reads decide by this alone who said it and what follows.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The entry's place.
    pub sequence: u64,
    /// When it was recorded, by the ledger's clock.
    pub recorded: Timestamp,
    /// When it happened, as its author says.
    pub occurred: Timestamp,
    /// Whose signature stands under it.
    pub key: &'a PublicKey,
    /// The person on whose behalf a service says it.
    pub on_behalf_of: Option<&'a Id>,
    /// What happened.
    pub event: &'a Event,
}

impl Recorded<'_> {
    /// The frame that its event is judged in.
    pub(super) const fn told<'a>(&self, author: &'a Author) -> EntryFrame<'a> {
        EntryFrame {
            sequence: self.sequence,
            occurred: self.occurred,
            recorded: self.recorded,
            author,
        }
    }
}
