//! The vocabulary: everything that can be said in a ledger, each thing with its SOP step, the roles
//! that may say it and its fields. `docs/EVENTS.md` is made from what is declared here.
//!
//! The set is closed. The order of [`Event`]'s variants is their stored tag, and the order of a
//! payload's fields is their stored order: both are for ever (FORMAT.md, "Events").

pub mod choice;
pub mod field;

mod emergency;
mod governance;
mod honesty;
mod inventory;
mod payload;
mod rotation;
mod vocabulary;

pub use choice::*;
pub use emergency::*;
pub use governance::*;
pub use honesty::*;
pub use inventory::*;
pub use rotation::*;
pub use vocabulary::{Event, EventError, EventSpec, VOCABULARY, spec};
