//! SIGINT and SIGTERM: a commit under way is finished, a verification says how far it came, and
//! everything else stops at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;

use super::exit::Exit;

const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// A flag that a signal sets; a second signal does not wait.
pub(crate) fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in SIGNALS {
        // In this order: the first signal finds the flag down and only raises it.
        flag::register_conditional_shutdown(
            signal,
            i32::from(Exit::Interrupted.code()),
            stop.clone(),
        )?;
        flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// Ends the program with 130 at once while nothing is being written, and lets a write end first.
pub(crate) struct Guard {
    idle: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl Guard {
    /// Begins idle.
    pub(crate) fn new() -> io::Result<Self> {
        let idle = Arc::new(AtomicBool::new(true));
        let stop = Arc::new(AtomicBool::new(false));
        for signal in SIGNALS {
            flag::register_conditional_shutdown(
                signal,
                i32::from(Exit::Interrupted.code()),
                idle.clone(),
            )?;
            flag::register(signal, stop.clone())?;
        }
        Ok(Self { idle, stop })
    }

    /// Does `work` from end to end, whatever signal comes in between.
    pub(crate) fn uninterrupted<T>(&self, work: impl FnOnce() -> T) -> T {
        self.idle.store(false, Ordering::SeqCst);
        let result = work();
        if !self.stopped() {
            self.idle.store(true, Ordering::SeqCst);
        }
        result
    }

    /// Whether a signal came meanwhile.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
