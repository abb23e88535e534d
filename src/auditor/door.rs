//! The door through which the auditor's page (`page.html`, `page.js`) hands bytes to the verifier and takes its
//! answer: the one crate besides the library, for names that a browser can call are `unsafe` to give, and the
//! library forbids that. It decides nothing; [`Handed`] does.
//!
//! The page asks for room, fills it, says what it is, and has all of it judged. One thing is imported, to say how far
//! it is: the verifier has no clock, no chance and no other way out but its answer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rotation_ledger::Timestamp;
use rotation_ledger::handed::Handed;

#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// So many of so many entries are done.
    safe fn progress(done: f64, total: f64);
}

/// What was handed in so far.
struct Desk {
    room: Vec<u8>,
    handed: Handed,
    answer: String,
}

static DESK: Mutex<Desk> = Mutex::new(Desk {
    room: Vec::new(),
    handed: Handed::nothing(),
    answer: String::new(),
});

fn desk() -> MutexGuard<'static, Desk> {
    DESK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for so many bytes, which the page fills.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    let mut desk = desk();
    desk.room = vec![0; bytes];
    desk.room.as_mut_ptr()
}

/// Takes what is in the room: a file with its name behind it, of what is to be judged (0) or of what came by another
/// road (1); or the instant to judge at (any other number).
#[unsafe(no_mangle)]
pub extern "C" fn put(kind: u32, name_bytes: usize) {
    let mut desk = desk();
    let mut bytes = std::mem::take(&mut desk.room);
    let name = bytes.split_off(bytes.len().saturating_sub(name_bytes));
    let name = String::from_utf8_lossy(&name).into_owned();
    match kind {
        0 => drop(desk.handed.evidence.insert(name, bytes)),
        1 => drop(desk.handed.own.insert(name, bytes)),
        _ => desk.handed.as_of = name,
    }
}

/// Judges it; `now` is what the page's clock says, in milliseconds since 1970. The answer is JSON.
#[unsafe(no_mangle)]
pub extern "C" fn judge(now: f64) -> *const u8 {
    let mut desk = desk();
    let now = Timestamp::from_micros((now * 1_000.0) as i64);
    desk.answer = desk
        .handed
        .judged(now, &|done, total| progress(done as f64, total as f64))
        .to_string();
    desk.answer.as_ptr()
}

/// How long the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn answered() -> usize {
    desk().answer.len()
}
