//! An auditor's trust file (C2SP tlog-policy): whose checkpoints count, and who must have seen them.
//!
//! ```text
//! log <vkey> [url]
//! witness <name> <vkey> [url]
//! group <name> all|any|<k> <member>…
//! quorum <name>|none
//! ```
//!
//! It reaches the auditor by another road than what it is held against. Nothing here reads a key out
//! of a ledger, a receipt or a pack.

mod judge;
mod parse;
mod policy;
mod write;

pub use judge::{DistrustError, JudgedCheckpoint, SKEW, WitnessFault, WitnessedCheckpoint};
pub use parse::{TRUST_LIMIT, TrustFileError, TrustFileFault};
pub use policy::{Trust, TrustName, TrustedLog, TrustedWitness};
pub use write::{all_of, trust_file};

#[cfg(test)]
mod tests;
