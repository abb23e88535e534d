//! What a server takes from its process: threads, and the signals that it knows.

use std::os::unix::net::UnixStream;
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config::ServeError;

/// The threads of a server. tokio panics where it can make none, and where it has no file descriptors to hear
/// of signals by; whether it can is tried before.
pub(super) fn runtime() -> Result<Runtime, ServeError> {
    let tried = || -> io::Result<Runtime> {
        let thread = thread::Builder::new().spawn(|| ())?;
        let _ = thread.join();
        // More than what tokio and its signals take, and given back at once.
        let descriptors: io::Result<Vec<_>> = (0..4).map(|_| UnixStream::pair()).collect();
        drop(descriptors?);
        Builder::new_multi_thread().enable_all().build()
    };
    tried().map_err(|fault| ServeError::io("start threads", fault))
}

/// The signals that a server knows.
pub(super) struct Signals {
    pub(super) terminate: Signal,
    pub(super) interrupt: Signal,
    pub(super) hang_up: Signal,
}

impl Signals {
    /// From here on they are heard, and end nothing by themselves.
    pub(super) fn take() -> Result<Self, ServeError> {
        let take = |kind| signal(kind).map_err(|fault| ServeError::io("handle signals", fault));
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }
}
