//! One process that writes for many, over HTTP. Who may append is decided by a statement's signature
//! alone; this process never sees a private key but the ledger's own.
//!
//! | file | knows |
//! |---|---|
//! | `config` | what a server is told, and what of it does not go together |
//! | `listen`, `tls`, `patient`, `connections` | sockets, certificates, and what one client may cost |
//! | `run`, `signals` | a server from its beginning to its end |
//! | `witness` | the same server for a witness: blocking work answers |
//! | `commit` | the one writer, in a thread of its own: whatever waits shares a commit |
//! | `app`, `view`, `judged`, `verified`, `uploads`, `sessions` | what the handlers share: places to read, what the entries amount to, the last verification, attachments kept aside, browsers let in |
//! | `gate`, `peer`, `rate`, `admit`, `tokens`, `log` | what every request passes: its limits, and whether its sender may talk |
//! | `statements`, `reads`, `pages`, `copy`, `health` | the handlers |
//! | `problem`, `metrics`, `openapi`, `routes` | what is answered, and the document that says so |
//!
//! Asynchronous code is here and nowhere else. Nothing is judged here: what may be recorded is for
//! `append`, what conforms for `verify`, and the documents are those of the command line.

mod admit;
mod app;
mod commit;
mod config;
mod connections;
mod copy;
mod gate;
mod health;
mod judged;
mod listen;
mod log;
mod metrics;
mod openapi;
mod pages;
mod patient;
mod peer;
mod problem;
mod rate;
mod reads;
mod routes;
mod run;
mod sessions;
mod signals;
mod statements;
mod tls;
mod tokens;
mod uploads;
mod verified;
mod view;
mod witness;

pub(crate) use metrics::{Levels, gauge};

pub use config::{ListenAddress, ServeConfig, ServeError, TlsFiles};
pub use run::{ServeEvents, serve};
pub use witness::{WitnessSite, serve_witness};
