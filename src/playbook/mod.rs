//! A playbook: how the steps of a rotation are carried out, for one secret or a class of them.
//!
//! | file | knows |
//! |---|---|
//! | `form` | what a playbook says, and everything that is wrong with one |
//! | `moves` | what comes next of a rotation that is carried out by one |
//!
//! It names commands and never runs one: that is the face's part, and what became of a step is an entry like any other.
//! Where a rotation stands is read from its entries alone, so whoever stops in its middle goes on where it stopped.

mod form;
mod moves;

pub use form::{Playbook, PlaybookError, Recipe, SHIPPED};
pub use moves::{Action, AfterFailure, Move, Stop, next_move};
