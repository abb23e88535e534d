//! The little HTTP/1.1 that a witness and those who ask it need, blocking and bounded.
//!
//! The server answers one request per connection and then closes it, so that no request can hide in
//! another; heads are read by `httparse`. The client is `ureq`, over TCP, TLS or a Unix socket. Neither knows what it carries.

mod client;
mod server;
mod unix;

pub use client::{Client, ClientError, Reply, post, post_as};
pub use server::{Request, Response, ServedRequest, ServerLimits, serve};
