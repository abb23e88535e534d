//! What `verify` holds against a ledger: every rule, every line of the SOP, every attack.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod returning;
mod rules;
mod sop;
