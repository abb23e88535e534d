//! From the vocabulary to flags and back: what was typed becomes fields, and the fields an event.

mod flags;
mod naming;
mod read;

pub(crate) use flags::describe;
pub(crate) use flags::flags;
pub(crate) use naming::is_looked_up;
pub(crate) use read::Fields;
pub(crate) use read::fill_defaults;
pub(crate) use read::finish;
pub(crate) use read::read;
pub(crate) use read::take_named;
