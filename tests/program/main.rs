//! The program as its users meet it: sessions, processes, signals, terminals, kills, witnesses and time stamps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod accept;
mod archive;
mod backup;
mod bulk;
mod cli;
mod concurrency;
mod follow;
mod gauges;
mod hot_copies;
mod incident;
mod integrate;
mod kill;
mod losses;
mod next;
mod odd;
mod pages;
mod processes;
mod receipts;
mod recorder;
mod remote;
mod rotate;
mod rotate_postgres;
mod runbook;
mod schemas;
mod serve;
mod serve_faults;
mod signers;
mod state;
mod story;
mod terminal;
mod timestamps;
mod tokens;
mod witness_processes;
