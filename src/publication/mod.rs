//! Publication: a copy of a ledger for any web server, in the form of C2SP tlog-tiles.
//!
//! | file | knows |
//! |---|---|
//! | `task` | what is asked for, and what came of it |
//! | `survey` | what of the ledger can be published, and what stands in the copy already |
//! | `copy` | how files come into a folder, and are read back |
//! | `write` | the order in which a copy comes to be, so that every reader finds what it needs |
//!
//! A copy has full bundles and tiles as the ledger seals them, the partial ones of its right edge, and
//! a checkpoint. Nothing in it is ever overwritten but the checkpoint, and that only by a later one
//! whose root was recomputed from what was read back from the copy. Verifying a copy is for `audit`.

mod copy;
mod error;
mod survey;
mod task;
mod write;

pub(crate) use copy::CopyWriter;
pub use error::PublicationError;
pub(crate) use survey::{LedgerSurvey, StoredNote, read};
pub use task::{Publication, PublicationReport};
#[cfg(feature = "net")]
pub(crate) use write::remove_earlier_edges;
pub(crate) use write::remove_expunged;
