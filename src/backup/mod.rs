//! Backups: a ledger's folder once more, which restores it; and ledgers out of what is left of some.
//!
//! | file | knows |
//! |---|---|
//! | `record` | what a backup says of itself, and whether a folder is one |
//! | `write` | the order in which a backup comes to be, so that the one before stays whole |
//! | `check` | whether a backup is what it says |
//! | `sources` | what a ledger can be restored from: backups, copies, packs, what is left of a folder |
//! | `plan` | which entries are taken from where, and what is lost |
//! | `restore` | the order in which a ledger comes to be again, and what its host must keep of it |
//!
//! A backup is in the form of a ledger's folder and judged by the code that judges ledgers. It has no lock and no
//! index, and nothing is appended to it.

mod check;
mod error;
mod plan;
mod record;
mod restore;
mod sources;
mod write;

pub use check::{CheckedBackup, check, sealing_key};
pub use error::BackupError;
pub use plan::{RestoreLoss, RestorePlan, RestoredRun, ledger_of, plan};
pub use record::BackupRecord;
pub use restore::{SealingKeyFound, check_target};
pub use sources::RestoreSource;
pub use write::{Backup, BackupReport, write_zip};
