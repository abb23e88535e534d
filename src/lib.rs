//! An append-only audit evidence ledger for production secret rotations.
//!
//! Rotation tools append signed events; the ledger chains them with BLAKE3, keeps an RFC 6962
//! Merkle tree beside the chain, and whoever verifies it proves both before anybody sees the evidence
//! template of the SOP (PetCare PH42-A). The program `ledger` is a face of this library.
//!
//! # Append one event
//!
//! ```
//! use std::time::Duration;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rotation_ledger::{Draft, NewLedger, LedgerPlace, SecretKey, World, Writer, create};
//!
//! let folder = tempfile::tempdir()?;
//! let place = LedgerPlace::new(folder.path().join("prod"), folder.path().join("state"));
//! let world = World::system();
//! let sam = SecretKey::from_seed(&[7; 32]); // of an example: draw yours
//! create(&world, &place, &NewLedger {
//!     origin: "ledger.example/prod".parse()?,
//!     actor: "sam".parse()?,
//!     name: "Sam Security".parse()?,
//!     key: &sam,
//! })?;
//!
//! let draft = Draft::from_json(
//!     r#"{"event": "secret.registered", "secret": "db/orders", "name": "Orders database login",
//!         "class": "database_credential", "environment": "prod", "store": "vault:prod/orders",
//!         "owner": "orders team", "consumers": ["orders-api"], "dual_run": false}"#,
//! )?;
//! let mut writer = Writer::open(&world, &place, Duration::from_secs(5))?;
//! let submission = draft.sign(writer.ledger(), &sam, &world, Vec::new(), &[])?;
//! let outcome = writer.append(vec![submission]);
//! assert!(outcome.refused.is_none());
//! assert_eq!(outcome.receipts[0].sequence, 1); // Entry 0 says who founded the ledger.
//! # Ok(())
//! # }
//! ```
//!
//! # Verify a pack, and print the template of each rotation in it
//!
//! ```
//! use rotation_ledger::{PackQuestion, Bag, examine, facts, template};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let bag = Bag::from_zip(&std::fs::read("tests/packs/form-2.zip")?)?;
//! let report = examine(&bag, PackQuestion::default()).report;
//! for finding in &report.findings {
//!     println!("{} {}: {}", finding.rule.id, finding.expected, finding.found);
//! }
//! // Only what verified can be read.
//! for rotation in facts::completed(&report) {
//!     for (name, value) in template(&report, rotation)?.lines() {
//!         println!("{name}: {value}");
//!     }
//! }
//! # assert!(!facts::completed(&report).is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! All but the last are on by default. What is left without them verifies ledgers and packs, and appends; for wasm32 it verifies packs and copies.
//!
//! | feature | what comes with it |
//! |---|---|
//! | `cli` | the program `ledger`, with everything |
//! | `net` | witnesses, over HTTP |
//! | `index` | an index of the writer on disk; without it each opening reads the whole log |
//! | `page` | what people read: the report as a page, and packs to be made |
//! | `serve` | one process that writes for many, over HTTP |
//! | `auditor-page` | the page in which a browser verifies packs, carried along; not on by default, for it is built first |
//!
//! # The house
//!
//! Imports point downwards only:
//!
//! | floor | rooms | may know |
//! |---|---|---|
//! | ground | [`codec`], [`text`], [`time`], [`hash`], [`key`], [`bulk`], [`parallel`] | the ground rooms named before it |
//! | domain | [`event`], [`rule`], [`policy`], [`keyring`], [`inventory`], [`rotation`], [`register`], `listing` | ground, the domain rooms named before it |
//! | formats | [`statement`], [`entry`], [`merkle`], [`note`], [`checkpoint`], [`trust`], [`proof`], [`timetoken`], [`pack`] | ground, `event`, the formats named before it |
//! | judgement | [`verify`] | all below |
//! | world | [`sys`], [`store`], [`http`] | ground |
//! | work | [`guard`], [`ledger`], [`append`], [`signer`], [`spool`], [`playbook`], [`timestamps`], [`audit`], [`publication`], [`mirror`], [`facts`], [`page`], [`pack_verify`], [`export`], [`backup`], [`witness`], [`anchor`], [`documents`], [`handed`] | all below |
//! | faces | [`serve`], [`cli`], `auditor` | all below |
//!
//! `docs/ARCHITECTURE.md` says why the walls stand where they do; a test reads `src` and keeps
//! that table true.

#![cfg_attr(
    target_family = "wasm",
    allow(
        dead_code,
        unused_imports,
        reason = "a browser reads, and writes nothing"
    )
)]

#[doc(hidden)]
pub mod bulk;
#[doc(hidden)]
pub mod codec;
#[doc(hidden)]
pub mod hash;
#[doc(hidden)]
pub mod key;
#[doc(hidden)]
pub mod parallel;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod time;

#[doc(hidden)]
pub mod event;
#[doc(hidden)]
pub mod inventory;
#[doc(hidden)]
pub mod keyring;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod listing;
#[doc(hidden)]
pub mod policy;
#[doc(hidden)]
pub mod register;
#[doc(hidden)]
pub mod rotation;
#[doc(hidden)]
pub mod rule;

#[doc(hidden)]
pub mod checkpoint;
#[doc(hidden)]
pub mod entry;
#[doc(hidden)]
pub mod merkle;
#[doc(hidden)]
pub mod note;
#[doc(hidden)]
pub mod pack;
#[doc(hidden)]
pub mod proof;
#[doc(hidden)]
pub mod statement;
#[doc(hidden)]
pub mod timetoken;
#[doc(hidden)]
pub mod trust;

#[doc(hidden)]
pub mod verify;

#[cfg(all(feature = "net", not(target_family = "wasm")))]
#[doc(hidden)]
pub mod http;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod sys;

#[cfg(all(feature = "net", not(target_family = "wasm")))]
#[doc(hidden)]
pub mod anchor;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod append;
#[doc(hidden)]
pub mod audit;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod backup;
#[doc(hidden)]
pub mod documents;
#[cfg(all(feature = "page", not(target_family = "wasm")))]
#[doc(hidden)]
pub mod export;
#[doc(hidden)]
pub mod facts;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod guard;
#[cfg(feature = "page")]
#[doc(hidden)]
pub mod handed;
#[doc(hidden)]
pub mod ledger;
#[cfg(all(feature = "net", not(target_family = "wasm")))]
#[doc(hidden)]
pub mod mirror;
#[doc(hidden)]
pub mod pack_verify;
#[cfg(feature = "page")]
#[doc(hidden)]
pub mod page;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod playbook;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod publication;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod signer;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod spool;
#[doc(hidden)]
pub mod timestamps;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod witness;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "serve")]
#[doc(hidden)]
pub mod serve;

/// Who founds a ledger, and what it is called.
#[cfg(not(target_family = "wasm"))]
pub use append::NewLedger;
/// Makes a ledger: its folder, its sealing key and entry 0.
#[cfg(not(target_family = "wasm"))]
pub use append::create;
/// A key that signs.
pub use key::SecretKey;
/// What signs for a key holder, wherever the key is.
pub use key::Signer;
/// Where a ledger lies, and where its host keeps what must not lie beside it.
#[cfg(not(target_family = "wasm"))]
pub use ledger::LedgerPlace;
/// The name of a ledger in its checkpoints.
pub use note::Origin;
/// Disk, clock and chance, as whoever calls hands them in.
#[cfg(not(target_family = "wasm"))]
pub use sys::world::World;

/// Why nothing was recorded.
#[cfg(not(target_family = "wasm"))]
pub use append::AppendError;
/// That an entry was recorded, and where.
#[cfg(not(target_family = "wasm"))]
pub use append::Receipt;
/// A signed statement with its files, on its way into the ledger.
#[cfg(not(target_family = "wasm"))]
pub use append::Submission;
/// Opens a ledger and appends to it.
#[cfg(not(target_family = "wasm"))]
pub use append::Writer;
/// An event that somebody is about to sign.
#[cfg(not(target_family = "wasm"))]
pub use append::draft::Draft;
/// The entries of a ledger in their order, read without judging them.
#[cfg(not(target_family = "wasm"))]
pub use ledger::EntryReader;
/// A receipt that travels alone: an entry's place under a checkpoint.
pub use proof::TlogProof;

/// Verifies a folder: a ledger, or a published copy of one.
#[cfg(not(target_family = "wasm"))]
pub use audit::Audit;
/// The nine fields that the SOP asks for, of one completed rotation.
pub use facts::template;
/// A pack as a file: one bag in one zip.
pub use pack::Bag;
/// What is asked about a pack besides what stands in it.
pub use pack_verify::PackQuestion;
/// Verifies a pack.
pub use pack_verify::examine;
/// Something held against a ledger, by a rule.
pub use rule::Finding;
/// One of the five questions that a verification answers.
pub use rule::Verdict;
/// Whom an auditor trusts, and who must have seen what.
pub use trust::Trust;
/// What a verification came to: five verdicts, findings, and what was not checked.
pub use verify::Report;

/// Makes a pack out of a ledger.
#[cfg(all(feature = "page", not(target_family = "wasm")))]
pub use export::Export;
/// The report as a page for a browser or a printer.
#[cfg(feature = "page")]
pub use page::page;
/// An instant in UTC.
pub use time::Timestamp;

/// The examples of docs/INTEGRATE.md.
#[cfg(doctest)]
#[doc = include_str!("../docs/INTEGRATE.md")]
struct Integrate;
