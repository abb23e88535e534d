//! A pack, judged without its ledger, without a network, and without believing any file in it.
//!
//! | file | knows |
//! |---|---|
//! | `contents` | what a pack has of a ledger, and under which names |
//! | `record` | what the entry that records the export says, held against the pack |
//! | `sample` | what a sample was drawn from, and by what |
//! | `reach` | how far receipts, proofs and checkpoints of the pack reach |
//! | `attached` | attached files |
//! | `decoded` | how the entries are fed to the verification that judges ledgers |
//! | `documents` | what the documents state, held against what follows from the entries |
//! | `examined` | all of it together |
//!
//! The entries are folded by the code that verifies ledgers. What the documents state is made again from what
//! verified, and compared: so no fact in a pack is other than its entries give it, whoever signed it. Its words
//! are carried under its signature, and that they were not compared is said.

mod attached;
mod contents;
mod decoded;
mod documents;
mod examined;
mod reach;
mod record;
mod sample;

pub use contents::UnverifiedPack;
pub use decoded::DecodedPack;
pub use examined::{PackQuestion, PackReport, examine, examine_reworded};
