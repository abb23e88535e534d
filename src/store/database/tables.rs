//! The tables of a ledger, as those ask them who put into it and read from it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postgres::{Client, Error};

use super::rows::{self, LogEnd, PlacedEntry};
use super::server::{Database, Purpose};
use super::session::Fault;
use crate::store::bundle::{self, BUNDLE_ENTRIES};
use crate::store::tail::{self, TAIL_FILE};
use crate::sys::disk::DiskError;

const WIDTH: u64 = BUNDLE_ENTRIES as u64;
/// How often something is put anew under a name that others write to as well.
const MOST_TRIES: usize = 16;

/// The tables, and what one who asks them knows of them.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) database: Arc<Database>,
    /// Whom it is asked for: a writer asks the server that it writes to, where another may be behind it.
    purpose: Purpose,
    /// The value behind the log that this writer put last, and how many entries there were.
    noted: Arc<Mutex<(u64, Vec<u8>)>>,
    /// Entries in bundles, as far as is known here: they grow more and never fewer.
    sealed: Arc<AtomicU64>,
}

impl Tables {
    pub(super) fn new(database: Arc<Database>, purpose: Purpose) -> Self {
        Self {
            database,
            purpose,
            noted: Arc::default(),
            sealed: Arc::default(),
        }
    }

    pub(super) fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        name: &str,
        work: impl Fn(&mut Client) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<T, DiskError> {
        let asked = self.database.ask(self.purpose, work);
        asked.map_err(|fault| self.fault(fault, doing, name))
    }

    /// Has something put that others may have put at the same time; then once more, behind theirs.
    pub(super) fn put<T: Send + 'static>(
        &self,
        name: &str,
        work: impl Fn(&mut Client) -> Result<T, Error> + Send + Sync + Clone + 'static,
    ) -> Result<T, DiskError> {
        let mut tries = 1..MOST_TRIES;
        loop {
            match self.database.ask(Purpose::Writing, work.clone()) {
                Err(fault) if fault.is_conflict() && tries.next().is_some() => {}
                put => return put.map_err(|fault| self.fault(fault, "write", name)),
            }
        }
    }

    pub(super) fn settle(&self, name: &str) -> Result<(), DiskError> {
        let settled = self.database.settle();
        settled.map_err(|fault| self.fault(fault, "write", name))
    }

    pub(super) fn fault(&self, fault: Fault, doing: &'static str, name: &str) -> DiskError {
        fault.of(doing, &self.database.name.join(name))
    }

    pub(super) fn name(&self) -> &Path {
        &self.database.name
    }

    /// The end of the log, and small things, at one moment.
    pub(super) fn end(&self, names: &[&str]) -> Result<LogEnd, DiskError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let end = self.ask("read", "", move |client| LogEnd::look(client, &names))?;
        self.sealed.fetch_max(end.base, Ordering::Relaxed);
        Ok(end)
    }

    /// The entries from `first` to before `end`, as the rows place them.
    pub(super) fn entries(&self, first: u64, end: u64) -> Result<Vec<PlacedEntry>, DiskError> {
        self.ask("read", TAIL_FILE, move |client| {
            rows::entries(client, first, end)
        })
    }

    /// Number of entries.
    pub(super) fn ends(&self) -> Result<u64, DiskError> {
        self.ask("read", TAIL_FILE, rows::ends)
    }

    /// Number of entries in bundles; at least `wanted`, where there are as many.
    pub(super) fn sealed(&self, wanted: u64) -> Result<u64, DiskError> {
        if self.sealed.load(Ordering::Relaxed) < wanted {
            let base = self.ask("read", TAIL_FILE, |client| rows::newest(client, TAIL_FILE))?;
            let base = base.map_or(0, |(base, _)| base.cast_unsigned());
            self.sealed.fetch_max(base, Ordering::Relaxed);
        }
        Ok(self.sealed.load(Ordering::Relaxed))
    }

    /// Bundle `n`, out of the rows of its entries, however many they hold: where it was sealed, or is a row of its own.
    pub(super) fn bundle(&self, n: u64) -> Result<Option<Vec<u8>>, DiskError> {
        let end = n.checked_add(1).and_then(|next| next.checked_mul(WIDTH));
        let Some((first, end)) = end.map(|end| (end - WIDTH, end)) else {
            return Ok(None);
        };
        let there = self.sealed(end)? >= end
            || self.ask("read", TAIL_FILE, move |client| {
                rows::is_row(client, first, end)
            })?;
        if !there {
            return Ok(None);
        }
        let entries = self.entries(first, end)?;
        let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
        Ok(bundle::encode(&entries))
    }

    /// Remembers what was put behind the log, or only how long it is.
    pub(super) fn note(&self, size: u64, note: Vec<u8>) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = (size, note);
    }

    /// The same again.
    pub(super) fn noted(&self) -> (u64, Vec<u8>) {
        let noted = self.noted.lock();
        noted.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The end of a log in the form of the file that a folder has for it. What does not stand in its place shows there as
/// what it would be in a file: damage, of which a reader says where it is.
pub(super) fn as_tail(end: &LogEnd) -> Option<Vec<u8>> {
    if !end.begun {
        return None;
    }
    let mut bytes = tail::encode_header(end.base, &end.carry)?;
    for (sequence, entry) in &end.tail {
        tail::encode_frame(&mut bytes, *sequence, entry);
    }
    Some(bytes)
}
