//! What tests share.

#![allow(dead_code, unreachable_pub, reason = "each binary uses a part of it")]

pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod eventful;
pub(crate) mod folder;
pub(crate) mod generate;
pub(crate) mod html;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod losses;
pub(crate) mod merkle;
pub(crate) mod program;
pub(crate) mod sample;
pub(crate) mod samples;
pub(crate) mod schema;
pub(crate) mod second;
pub(crate) mod served;
pub(crate) mod shelf;
pub(crate) mod signed_token;
pub(crate) mod sim_disk;
pub(crate) mod story;
pub(crate) mod token;
