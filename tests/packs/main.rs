//! Evidence packs: made from a ledger, made again byte for byte, judged by a stranger; and every way
//! in which one can be wrong, by name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod again;
mod attacks;
mod attestations;
mod auditor;
mod command;
mod extract;
mod interrupted;
mod page;
mod sample;
mod seed;
mod whole;
mod words;
mod zips;
