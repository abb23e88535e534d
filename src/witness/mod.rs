//! A witness (C2SP tlog-witness v1.0.0): follows logs, and cosigns what extends what it saw before.
//!
//! | file | knows |
//! |---|---|
//! | `request` | the body of a request |
//! | `decide` | what is answered, out of what is known |
//! | `folder` | what is known, on disk |
//! | `service` | the witness at work: the two together, under a lock |
//!
//! The state of a log is its newest cosigned checkpoint, so it shows by its own signature whether it
//! is whole. It is written durably before the cosignature leaves, under a lock that is held from the
//! check to the write: a witness that is killed, raced or cut off from power never signs backwards.
//! A state that is lost or damaged is an error and never a first contact.

mod decide;
mod error;
mod folder;
mod request;
mod service;

pub use decide::{
    Contradiction, CosignRefusal, CosignableCheckpoint, ForkEvidence, KnownLog, WitnessDecision,
    decide,
};
pub use error::WitnessError;
pub use folder::{FollowedKey, KEY_FILE, name_of};
pub use request::{AddCheckpoint, REQUEST_LIMIT, RequestError};
pub use service::{FollowFrom, FollowedLog, Witness, WitnessAnswer};
