//! Keeps sled's panics, hangs and silent losses from reaching anybody.
//!
//! sled 0.34.7 panics while opening many kinds of damaged files, and prints the panic on stderr
//! before it can be caught. Every call into it goes through here: panics become errors and are not
//! printed, calls that could wait for a lost thread have a time limit.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

/// How the names of threads begin that sled starts for itself; their panics surface as errors of
/// the call that waits for them.
const SLED_THREADS: &str = "sled";

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What went wrong inside a guarded call.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum GuardError {
    #[error(transparent)]
    Sled(#[from] sled::Error),
    #[error("sled panicked: {0}")]
    Panic(String),
    #[error("sled did not answer within {} s", .0.as_secs())]
    Hang(Duration),
}

/// Runs a call into sled on this thread; a panic is an error.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, GuardError> {
    install_quiet_hook();
    let before = GUARDED.replace(true);
    // What the call captured is dropped or set aside after a panic, never used again.
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    match result {
        Ok(result) => Ok(result?),
        Err(payload) => Err(GuardError::Panic(message(&*payload))),
    }
}

/// Runs a call into sled on a thread of its own, for at most `limit`. A call that takes longer is
/// left behind with everything it holds; the process does not wait for it at its end.
pub(crate) fn guarded_within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> Result<T, sled::Error> + Send + 'static,
) -> Result<T, GuardError> {
    let (answer, answered) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new()
        .name("ledger-index".to_owned())
        .spawn(move || {
            // Nobody may be listening any more; then the answer is dropped here.
            let _ = answer.send(guarded(call));
        });
    if let Err(e) = spawned {
        return Err(GuardError::Sled(e.into()));
    }
    match answered.recv_timeout(limit) {
        Ok(result) => result,
        Err(_) => Err(GuardError::Hang(limit)),
    }
}

/// Leaves out the message of panics that [`guarded`] turns into errors. All others go to the hook
/// that was there before.
fn install_quiet_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let sleds = thread::current()
                .name()
                .is_some_and(|name| name.starts_with(SLED_THREADS));
            if !GUARDED.get() && !sleds {
                before(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let trouble = guarded::<()>(|| panic!("tried to serialize Uninitialized")).unwrap_err();
        assert_eq!(
            trouble.to_string(),
            "sled panicked: tried to serialize Uninitialized"
        );
        assert!(!GUARDED.get());
    }

    #[test]
    fn a_hang_is_an_error() {
        let limit = Duration::from_millis(10);
        let trouble = guarded_within(limit, || {
            thread::sleep(Duration::from_secs(5));
            Ok(())
        });
        assert!(matches!(trouble, Err(GuardError::Hang(_))));
        let quick = guarded_within(Duration::from_secs(60), || Ok(7));
        assert_eq!(quick.unwrap(), 7);
    }
}
