//! `ledger log --follow`: new entries as they come, each chained to the one before.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::entry::StoredEntry;
use crate::hash::Link;
use crate::ledger::{CHECKPOINT_FILE, EntryReader, LedgerError};

use super::context::Context;
use super::exit::{CommandError, Exit};
use super::remote::ServerAddress;
use super::signals::SignalGuard;

/// Between two looks at a folder: one small file is read.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two looks at a server: some requests.
const SERVER_PAUSE: Duration = Duration::from_secs(2);
/// So many looks after which entries are read though no checkpoint was written: something else may have changed them.
const AT_LEAST: u32 = 20;

/// A ledger that is looked at again and again.
pub(super) struct Follower {
    named: PathBuf,
    /// Its folder, or that of the copy.
    place: PathBuf,
    guard: SignalGuard,
    /// The last entry that was read, and its link.
    end: Option<(u64, Link)>,
    /// The checkpoint that stood there when entries were last read.
    note: Option<Vec<u8>>,
    idle: u32,
    /// Whether it could not be looked at, and that was said.
    is_away: bool,
}

impl Follower {
    /// Before anything is read. From here on a signal ends it between two entries.
    pub(super) fn new(named: PathBuf, place: &Path) -> Result<Self, CommandError> {
        let guard = SignalGuard::new(false)?;
        guard.begin();
        Ok(Self {
            named,
            place: place.to_owned(),
            guard,
            end: None,
            note: None,
            idle: 0,
            is_away: false,
        })
    }

    /// Whether it is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.guard.stopped()
    }

    /// That the next entry was read: it has to go on from the one before.
    pub(super) fn take(&mut self, stored: &StoredEntry) -> Result<(), LedgerError> {
        let (sequence, before) = (stored.sequence, stored.entry.previous);
        match self.end {
            Some((last, link)) if sequence != last + 1 || before != link => {
                let why = format!("it does not go on from entry {last}, which was read before");
                Err(LedgerError::unread(sequence, why))
            }
            _ => {
                self.end = Some((sequence, stored.link));
                Ok(())
            }
        }
    }

    /// Waits until there may be more, and reads what there is; `false` where it is to end, or nobody reads any more.
    pub(super) fn next(
        &mut self,
        context: &mut Context,
    ) -> Result<Option<Vec<StoredEntry>>, CommandError> {
        let is_server = ServerAddress::parse(&self.named).is_some();
        let pause = if is_server { SERVER_PAUSE } else { PAUSE };
        if self.is_stopped() || is_left(pause) || self.is_stopped() {
            return Ok(None);
        }
        match self.look(context, is_server) {
            // A writer at work, a server that starts anew: it passes.
            Err(failure) if failure.exit == Exit::Temporary => {
                if !std::mem::replace(&mut self.is_away, true) {
                    context.warn(format!("{}; it is tried again", failure.message));
                }
                Ok(Some(Vec::new()))
            }
            looked => {
                self.is_away = false;
                looked.map(Some)
            }
        }
    }

    fn look(
        &mut self,
        context: &mut Context,
        is_server: bool,
    ) -> Result<Vec<StoredEntry>, CommandError> {
        if is_server {
            context.copy.take();
            context.folder(&self.named, false)?;
        }
        // Read before the entries are: what is recorded in between is seen at the next look.
        let note = self.place.join(CHECKPOINT_FILE);
        let note = context.world.disk.read(&note).ok();
        self.idle += 1;
        if note == self.note && self.idle < AT_LEAST {
            return Ok(Vec::new());
        }
        let new = self.read(context)?;
        (self.note, self.idle) = (note, 0);
        Ok(new)
    }

    /// The entries behind the last one, which has to be there still.
    fn read(&self, context: &Context) -> Result<Vec<StoredEntry>, LedgerError> {
        let first = self.end.map_or(0, |(last, _)| last);
        let read = EntryReader::open_at(&context.world, &self.place, context.globals.wait, first)?;
        let mut new = read.collect::<Result<Vec<_>, _>>()?;
        let Some((sequence, link)) = self.end else {
            return Ok(new);
        };
        let why = match new.first() {
            None => "it was read before, and is not there any more",
            Some(stored) if (stored.sequence, stored.link) != (sequence, link) => {
                "it was read before, and is another one now"
            }
            Some(_) => {
                new.remove(0);
                return Ok(new);
            }
        };
        Err(LedgerError::unread(sequence, why))
    }
}

/// Waits, no longer than until nobody reads the results any more; whether that is so.
fn is_left(pause: Duration) -> bool {
    let out = io::stdout();
    // Nothing is asked for but what is told anyway: that the other end is closed.
    let mut watched = [PollFd::new(&out, PollFlags::empty())];
    let pause = Timespec::try_from(pause).ok();
    // A signal ends it early, and is looked at by the caller.
    let told = poll(&mut watched, pause.as_ref());
    told.is_ok_and(|told| told > 0)
}
