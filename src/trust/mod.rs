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

pub use judge::DistrustError;
pub use judge::Judged;
pub use judge::SKEW;
pub use judge::Seen;
pub use parse::PolicyError;
pub use parse::PolicyFault;
pub use parse::TRUST_LIMIT;
pub use policy::Log;
pub use policy::Name;
pub use policy::Trust;
pub use policy::Witness;

#[cfg(test)]
mod tests;
