//! The one way into a ledger: a signed statement becomes an entry, durably, or is refused.
//!
//! | file | knows |
//! |---|---|
//! | `create` | how a ledger begins, and how an interrupted beginning is told from a ledger |
//! | `look`, `open` | what must hold before anything is appended, and what is healed by itself |
//! | `check` | what a submission must be before its place is looked for |
//! | `admit` | whether a submission may become the next entry |
//! | `commit` | the order of an append: place, write, sync, re-read, checkpoint, receipt |
//! | `catch_up` | how a writer takes in what others put into the log since it looked |
//! | `seal` | when whole bundles leave the tail |
//! | `memory` | what the entries amount to, as far as it was needed, with the index behind it |
//! | `fold` | how the memory is brought up to the log |
//! | `rekey` | how a sealing key is replaced |
//! | `archive` | how older bundles leave the ledger's folder |
//! | `recover` | the explicit way out of a refused opening |
//! | `succeed` | how people name a sealing key in place of one that is lost |
//! | `screen` | where secret material is looked for |
//! | `error`, `code` | why something was not recorded, for people and for programs |
//! | `draft`, `attachment` | statements on their way here |
//! | `submission`, `batch` | what goes in and comes back; what was placed and not written yet |
//! | `writer` | a writer, and how it lets go |
//!
//! An append is acknowledged when it would survive a power cut, and not before. The log is the
//! truth: an index that fails, or a bundle that could not be sealed yet, never fails an append. What
//! the entries are worth is not judged here but in `verify`: late, unapproved and out of order is
//! recorded, and the receipt says which findings it caused.

pub mod attachment;
pub mod draft;

mod admit;
mod archive;
mod batch;
mod catch_up;
mod check;
mod code;
mod commit;
mod create;
mod error;
mod fold;
mod forward;
mod look;
mod memory;
mod open;
mod recover;
mod rekey;
mod screen;
mod seal;
mod submission;
mod succeed;
#[cfg(test)]
mod tests;
mod writer;

pub use crate::store::blobs::ATTACHMENT_LIMIT;
pub use archive::{ArchiveOrder, Archived, archive};
pub use create::{NewLedger, create};
pub use error::AppendError;
pub use recover::{Recovery, recover};
pub use screen::{ScanPlace, Screening, SecretMatch};
pub use submission::{BatchOutcome, Receipt, Submission};
pub use succeed::{LostSeal, name_sealing_key};
pub use writer::Writer;
