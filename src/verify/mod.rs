//! Judges a ledger: pure, fed by an iterator of stored bytes, knowing no store, clock or file, so
//! that it runs in an auditor's hands on whatever holds the bytes.
//!
//! [`fold()`] reads the entries once, in order, and keeps what it needs; whoever feeds it hands over
//! what only they could look at (tiles, attachments, the index) with [`VerifiedFold::conclude`], which
//! makes the [`Report`]. [`Verified`] is made there and nowhere else.

mod admitted;
mod afterwards;
mod authors;
mod check;
mod checkpoints;
mod conclusion;
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

pub use admitted::AdmittedEntry;
pub use checkpoints::{CheckpointKeeper, KeptBy, StoredCheckpoint};
pub use conclusion::Conclusion;
pub use fold::fold;
pub use folded::VerifiedFold;
pub use piece::{LogPiece, Observer};
pub use question::{AllSigned, VerifiedBefore, VerifyQuestion};
pub use receipt::ReceiptReport;
pub use report::{Report, Surroundings, Verified};
pub use select::{LedgerPart, ends_sha256, population, select};
pub use stamps::{BelievedTokens, FittingToken, TokenOnFile, brackets, fitting_token};
pub use verdict::{VerdictCount, VerdictLine, VerdictStatus};
