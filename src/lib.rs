//! An append-only audit evidence ledger for production secret rotations.
//!
//! Rotation tools append signed events; the ledger chains them with BLAKE3, keeps an RFC 6962
//! Merkle tree beside the chain, and `ledger verify` proves both before it prints the evidence
//! template of the SOP (PetCare PH42-A). Imports point downwards only:
//!
//! | floor | rooms | may know |
//! |---|---|---|
//! | ground | [`codec`], [`text`], [`time`], [`hash`], [`key`] | the ground rooms named before it |
//! | domain | [`event`], [`rule`], [`policy`], [`keyring`], [`inventory`], [`rotation`], [`register`] | ground, the domain rooms named before it |
//! | formats | [`statement`], [`entry`], [`merkle`], [`note`], [`checkpoint`], [`trust`], [`proof`], [`timetoken`], [`pack`] | ground, `event`, the formats named before it |
//! | judgement | [`verify`] | all below |
//! | world | [`sys`], [`store`], [`http`] | ground |
//! | work | [`guard`], [`ledger`], [`append`], [`spool`], [`timestamps`], [`audit`], [`publication`], [`facts`], [`page`], [`pack_verify`], [`export`], [`witness`], [`anchor`] | all below |
//! | faces | [`cli`] | all below |
//!
//! `docs/ARCHITECTURE.md` says why the walls stand where they do; a test reads `src` and keeps
//! that table true.

pub mod codec;
pub mod hash;
pub mod key;
pub mod text;
pub mod time;

pub mod event;
pub mod inventory;
pub mod keyring;
pub mod policy;
pub mod register;
pub mod rotation;
pub mod rule;

pub mod checkpoint;
pub mod entry;
pub mod merkle;
pub mod note;
pub mod pack;
pub mod proof;
pub mod statement;
pub mod timetoken;
pub mod trust;

pub mod verify;

#[cfg(all(feature = "net", not(target_family = "wasm")))]
pub mod http;
#[cfg(not(target_family = "wasm"))]
pub mod store;
#[cfg(not(target_family = "wasm"))]
pub mod sys;

#[cfg(all(feature = "net", not(target_family = "wasm")))]
pub mod anchor;
#[cfg(not(target_family = "wasm"))]
pub mod append;
#[cfg(not(target_family = "wasm"))]
pub mod audit;
#[cfg(all(feature = "page", not(target_family = "wasm")))]
pub mod export;
pub mod facts;
#[cfg(not(target_family = "wasm"))]
pub mod guard;
#[cfg(not(target_family = "wasm"))]
pub mod ledger;
pub mod pack_verify;
#[cfg(feature = "page")]
pub mod page;
#[cfg(not(target_family = "wasm"))]
pub mod publication;
#[cfg(not(target_family = "wasm"))]
pub mod spool;
#[cfg(not(target_family = "wasm"))]
pub mod timestamps;
#[cfg(not(target_family = "wasm"))]
pub mod witness;

#[cfg(feature = "cli")]
pub mod cli;
