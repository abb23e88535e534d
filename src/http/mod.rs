//! The little HTTP that those need who ask a server, a witness or a time-stamping authority, blocking and
//! bounded. The client is `ureq`, over TCP, TLS or a Unix socket; it does not know what it carries.

mod client;
mod unix;

pub use client::{Client, ClientError, Reply, post_as};
