//! The signals that a server knows.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config::ServeError;

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
