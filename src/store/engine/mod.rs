//! The one narrow door to the bytes of a ledger, so that another engine can stand beside the folder.
//!
//! What never changes has a name and is put once; entries are put in segments, each on condition that
//! the log ends where its writer believes it does. A writer who was overtaken is told by which entries
//! and catches up; one who is told nothing puts the same segment again, which settles what became of it.
//! Locks, torn writes, zeros written ahead and files overwritten in place are each engine's own business.

mod bundles;
mod door;
mod folder;
mod listing;
#[cfg(test)]
pub(crate) mod memory;
mod segment;
#[cfg(test)]
pub(in crate::store) mod tests;

pub use bundles::{entries_from, read_bundle, read_partial_bundle};
pub use door::{END_NOTE, EndNote, Engine, EngineLog, EngineSlot, PutOutcome};
pub use folder::{ARCHIVED_FILE, ATTACHMENTS, FolderEngine};
#[cfg(feature = "postgres")]
pub(in crate::store) use segment::Meeting;
pub use segment::{Segment, SegmentError, SegmentOutcome};
