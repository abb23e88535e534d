//! Evidence packs: made from a ledger, made again byte for byte, judged by a stranger; and every way
//! in which one can be wrong, by name.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "packs/attacks.rs"]
mod attacks;
#[path = "packs/attestations.rs"]
mod attestations;
#[path = "packs/command.rs"]
mod command;
#[path = "support/eventful.rs"]
mod eventful;
#[path = "support/folder.rs"]
mod folder;
#[path = "support/html.rs"]
mod html;
#[path = "packs/interrupted.rs"]
mod interrupted;
#[path = "packs/page.rs"]
mod page;
#[path = "support/program.rs"]
mod program;
#[path = "support/second.rs"]
mod second;
#[path = "packs/seed.rs"]
mod seed;
#[path = "support/shelf.rs"]
mod shelf;
#[path = "support/story.rs"]
mod story;
#[path = "support/token.rs"]
mod token;
#[path = "packs/whole.rs"]
mod whole;
#[path = "packs/zips.rs"]
mod zips;
