//! What waits to be delivered: signed statements, and drafts that nobody could sign.
//!
//! | file | knows |
//! |---|---|
//! | `form` | the bytes of each, also for those who hand them over by another way |
//! | `folder` | the folder in which they wait, in their order |
//!
//! A statement is signed before it is spooled, so that nobody can change it there, and the ledger
//! answers a second delivery with a receipt again: a file is removed only after its receipt. A draft has
//! its event id and its time from the beginning, so that it is the same event whoever signs it when.

mod folder;
mod form;

pub use folder::{
    Backlog, Begun, LONGEST, SpoolError, at_work, backlog, begin, dir, list, move_over, number_of,
    read_waiting, remove, replace, set_aside, take_in_abandoned, write, write_waiting,
};
pub use form::{Waiting, WaitingDraft, decode, decode_waiting, encode, encode_waiting};
