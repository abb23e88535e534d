//! From the vocabulary to flags and back: what was typed becomes fields, and the fields an event.

mod ask;
mod flags;
mod naming;
mod read;

pub(crate) use ask::ask;
pub(crate) use flags::{command, describe, flags, flags_of, unsaid};
pub(crate) use naming::is_looked_up;
pub(crate) use read::{Fields, fill_defaults, finish, read, read_otherwise, take_named};
