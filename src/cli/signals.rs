//! SIGINT and SIGTERM: a commit under way is finished, a verification says how far it came, and
//! everything else ends at once, with 130; an export says first that it was recorded. SIGXFSZ: a write beyond the limit on file sizes fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

use super::exit::{CommandError, Exit};
use super::ui::{Streams, Ui};

/// How long a signal waits at most for who looks for it.
const LOOK: Duration = Duration::from_millis(20);

/// Lets a write beyond the limit on file sizes (`ulimit -f`, systemd's `LimitFSIZE=`) fail as on a
/// full disk, where the signal would end the program without a word. It is caught and not ignored: a
/// tool that `ledger run` starts would inherit the latter.
pub(crate) fn survive_file_size_limit() -> Result<(), CommandError> {
    let noticed = Arc::new(AtomicBool::new(false));
    flag::register(SIGXFSZ, noticed)
        .map(drop)
        .map_err(|fault| unhandled(&fault))
}

fn unhandled(fault: &io::Error) -> CommandError {
    CommandError::temporary(format!("signals cannot be handled: {fault}"))
}

/// Decides what a signal does, from its making to the end of the program.
pub(crate) struct SignalGuard {
    idle: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl SignalGuard {
    /// Idle: a signal ends the program at once. In work that was begun, the first signal raises the
    /// flag; where `impatient`, a second one does not wait for the work to look at it.
    pub(crate) fn new(impatient: bool) -> Result<Self, CommandError> {
        Self::register(impatient).map_err(|fault| unhandled(&fault))
    }

    fn register(impatient: bool) -> io::Result<Self> {
        let idle = Arc::new(AtomicBool::new(true));
        let stop = Arc::new(AtomicBool::new(false));
        let code = i32::from(Exit::Interrupted.code());
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, code, idle.clone())?;
            if impatient {
                // Before the flag is raised: the first signal finds it down.
                flag::register_conditional_shutdown(signal, code, stop.clone())?;
            }
            flag::register(signal, stop.clone())?;
        }
        Ok(Self { idle, stop })
    }

    /// Does `work` from end to end, whatever signal comes in between.
    pub(crate) fn uninterrupted<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.idle.swap(false, Ordering::SeqCst);
        let result = work();
        self.idle.store(before, Ordering::SeqCst);
        result
    }

    /// From here on until the guard is at rest, a signal ends the program at once, with these last words: about an
    /// `export` that is recorded, say.
    pub(crate) fn end_saying(&self, ui: &Ui, words: CommandError) {
        self.begin();
        let (idle, stop) = (self.idle.clone(), self.stop.clone());
        let (thing, is_json) = (ui.thing, ui.json);
        let watch = move || {
            while !idle.load(Ordering::SeqCst) {
                if stop.load(Ordering::SeqCst) {
                    let mut ui = Ui::new(Streams::standard(), is_json, false);
                    ui.thing = thing;
                    ui.fail(&words);
                    ui.flush();
                    std::process::exit(i32::from(words.exit.code()));
                }
                thread::sleep(LOOK);
            }
        };
        // Without a thread the work goes on to its end, whatever signal comes.
        let _ = thread::Builder::new().spawn(watch);
    }

    /// Idle again.
    pub(crate) fn rest(&self) {
        self.idle.store(true, Ordering::SeqCst);
    }

    /// From here on a signal only raises the flag.
    pub(crate) fn begin(&self) {
        self.idle.store(false, Ordering::SeqCst);
    }

    /// Whether a signal came meanwhile. Asked after every piece of uninterrupted work.
    pub(crate) fn stopped(&self) -> bool {
        self.flag().load(Ordering::SeqCst)
    }

    /// How to end after work that went well.
    pub(crate) fn exit(&self) -> Exit {
        match self.stopped() {
            true => Exit::Interrupted,
            false => Exit::Passed,
        }
    }

    /// The flag that a signal raises.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.stop
    }
}
