//! A ledger in PostgreSQL: what its servers and connections do to it, and the program with it. `LEDGER_TEST_POSTGRES` names
//! the folder of the server's programs; where it is not set, nothing is tried.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod faults;
mod sessions;
