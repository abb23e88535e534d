//! Judges a ledger: pure, fed by an iterator of stored bytes, knowing no store, clock or file, so
//! that it runs in an auditor's hands on whatever holds the bytes.
//!
//! [`fold()`] reads the entries once, in order, and keeps what it needs; whoever feeds it hands over
//! what only they could look at (tiles, attachments, the index) with [`Folded::conclude`], which
//! makes the [`Report`]. [`Verified`] is made there and nowhere else.

mod admitted;
mod check;
mod checkpoints;
mod conclusion;
mod doubt;
mod fold;
mod folded;
mod ledger_fold;
mod links;
mod piece;
mod question;
mod receipt;
mod remarks;
mod report;
mod select;
mod stamps;
mod verdict;

pub use admitted::Admitted;
pub use checkpoints::{Keeper, Kept};
pub use conclusion::Conclusion;
pub use fold::fold;
pub use folded::Folded;
pub use piece::{Observer, Piece};
pub use question::Question;
pub use receipt::ReceiptReport;
pub use report::{Report, Surroundings, Verified};
pub use select::{Selected, ends_sha256, select};
pub use stamps::{Stamp, Stamped, brackets};
pub use verdict::{Count, Status, VerdictLine};
