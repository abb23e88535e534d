//! A witness (C2SP tlog-witness v1.0.0): follows logs, and cosigns what extends what it saw before.
//!
//! | file | knows |
//! |---|---|
//! | `request` | the body of a request |
//! | `decide` | what is answered, out of what is known |
//! | `folder` | what is known, on disk |
//! | `service` | the witness at work: the two together, under a lock |
//! | `succession` | which key comes after the one that is followed |
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
mod succession;

pub use decide::Accepted;
pub use decide::Contradiction;
pub use decide::Decision;
pub use decide::Evidence;
pub use decide::Known;
pub use decide::Refusal;
pub use decide::decide;
pub use error::WitnessError;
pub use folder::KEY_FILE;
pub use folder::name_of;
pub use request::AddCheckpoint;
pub use request::REQUEST_LIMIT;
pub use request::RequestError;
pub use service::Answer;
pub use service::Beginning;
pub use service::Followed;
pub use service::Witness;
pub use succession::SUCCESSION_LIMIT;
pub use succession::Succession;
pub use succession::SuccessionError;
