//! The rooms of the library from outside: append, store, guard, publication, witness, the page; crashes on a
//! simulated disk, and properties on many inputs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod append_batches;
mod append_crash;
mod append_forward;
mod append_opening;
mod append_refusals;
mod append_succession;
mod append_unkept;
mod append_writer;
mod archive;
mod backup;
mod guard;
mod guard_shapes;
mod properties;
mod publication;
mod report_html;
mod restore;
mod served_pages;
mod signatures;
mod store_crash;
mod store_damage;
mod store_lock;
mod view;
mod witness;
