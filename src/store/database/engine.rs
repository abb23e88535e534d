//! A database as an engine: rows that are only ever added.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postgres::Client;

use super::address::DatabaseAddress;
use super::log::{self, DatabaseLog};
use super::rows::{self, LogEnd};
use super::schema::{self, DatabaseRoles};
use super::server::{Database, Purpose};
use super::session::Fault;
use super::tables::{Tables, as_tail};
use crate::store::bundle::{self, BUNDLE_ENTRIES, BUNDLES};
use crate::store::engine::{END_NOTE, Engine, EngineLog, EngineSlot, PutOutcome};
use crate::store::image::TailContents;
use crate::store::index::INDEX;
use crate::store::log::LogOpenError;
use crate::store::tail::{TAIL_FILE, TailRest};
use crate::sys::disk::{Disk as _, DiskCause, DiskError, RealDisk};

const WIDTH: u64 = BUNDLE_ENTRIES as u64;

/// A ledger in a database. Whoever puts something into it may be one of many.
#[derive(Debug, Clone)]
pub struct DatabaseEngine {
    tables: Tables,
    /// Where a writer of this host keeps what can be made again.
    scratch: Option<PathBuf>,
}

impl DatabaseEngine {
    /// The ledger at `address`, called `name` in messages; one question to it may take `wait`. Connects to nothing yet.
    #[must_use]
    pub fn new(address: DatabaseAddress, name: &Path, wait: Duration) -> Self {
        let database = Arc::new(Database::new(address, name.to_owned(), wait));
        Self {
            tables: Tables::new(database, Purpose::Reading),
            scratch: None,
        }
    }

    /// The same for a writer, which keeps in the folder `scratch` of its own what can be made again.
    #[must_use]
    pub fn for_writing(&self, scratch: PathBuf) -> Self {
        Self {
            tables: Tables::new(self.tables.database.clone(), Purpose::Writing),
            scratch: Some(scratch),
        }
    }

    /// Brings the schema to its newest form, as its owner, and lets two roles in. Done again it changes nothing.
    ///
    /// # Errors
    /// The server's refusal, or a schema that is newer than this program.
    pub fn prepare(&self, roles: DatabaseRoles<'_>) -> Result<(), DiskError> {
        let database = &self.tables.database;
        let (schema, rights) = (database.address.schema.clone(), roles.rights());
        let migrated = move |client: &mut Client| schema::migrate(client, &schema, &rights);
        let prepared = database.prepare(migrated);
        prepared.map_err(|fault| self.tables.fault(fault, "prepare", ""))
    }

    /// Files of the ledger as they are at one moment.
    pub(super) fn at_one_moment(&self, names: &[&str]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        let mut end = self.tables.end(names)?;
        let tail = as_tail(&end);
        for (name, file) in names.iter().zip(&mut end.files) {
            if *name == TAIL_FILE {
                file.clone_from(&tail);
            }
        }
        Ok(end.files)
    }

    /// Puts the files of a log that was kept elsewhere: what a row holds is known by the names of bundles and of the tail.
    /// They have to come in their order.
    fn lay(&self, name: &str, bytes: &[u8]) -> Result<bool, DiskError> {
        let unfit = |why: &dyn Display| {
            let fault = Fault::Unfit(why.to_string());
            self.tables.fault(fault, "write", name)
        };
        if let Some(n) = bundle_number(name) {
            let entries = bundle::decode_partial(n, BUNDLE_ENTRIES, bytes);
            let entries = entries.map_err(|fault| unfit(&fault))?;
            log::lay(&self.tables, n * WIDTH, &entries)?;
            return Ok(true);
        }
        if name != TAIL_FILE {
            return Ok(false);
        }
        let end = TailContents::parse(bytes).map_err(|fault| unfit(&fault))?;
        if !end.entries.is_empty() {
            log::lay(&self.tables, end.base, &end.entries)?;
        }
        if end.base > 0 {
            self.put_generation(TAIL_FILE, end.base, &end.carry)?;
        }
        Ok(true)
    }

    fn put_anew(&self, name: &str, bytes: Option<&[u8]>) -> Result<(), DiskError> {
        let (named, bytes) = (name.to_owned(), Arc::new(bytes.map(<[u8]>::to_vec)));
        self.tables.put(name, move |client| {
            rows::put_anew(client, &named, bytes.as_deref())
        })
    }

    /// Puts a value as of a generation that its writer knows: behind a later one, which another put, it counts for nothing.
    fn put_generation(&self, name: &str, generation: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let (named, value) = (name.to_owned(), Arc::new(bytes.to_vec()));
        let stands = self.tables.put(name, move |client| {
            rows::put_generation(client, &named, generation, &value)
        })?;
        if stands.as_deref() == Some(bytes) {
            return Ok(());
        }
        let fault = Fault::Unfit("another value stands in its place".to_owned());
        Err(self.tables.fault(fault, "write", name))
    }
}

/// The number of the bundle that a name is of.
fn bundle_number(name: &str) -> Option<u64> {
    let groups = name.strip_prefix(BUNDLES)?.strip_prefix('/')?.split('/');
    let mut n = 0_u64;
    for group in groups {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let digits: u64 = digits.parse().ok()?;
        n = n.checked_mul(1000)?.checked_add(digits)?;
    }
    (bundle::bundle_path(n) == name).then_some(n)
}

impl Engine for DatabaseEngine {
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, DiskError> {
        let found = if let Some(scratch) = self.scratch.as_ref().filter(|_| name.starts_with(INDEX))
        {
            match RealDisk.read_at_most(&scratch.join(name), most) {
                Err(fault) if fault.cause() == DiskCause::Missing => None,
                found => Some(found?),
            }
        } else if name == TAIL_FILE {
            as_tail(&self.tables.end(&[])?)
        } else if name == END_NOTE {
            self.tables.ask("read", name, rows::note)?
        } else if let Some(n) = bundle_number(name) {
            self.tables.bundle(n)?
        } else {
            let named = name.to_owned();
            let newest = self
                .tables
                .ask("read", name, move |client| rows::newest(client, &named))?;
            newest.and_then(|(_, bytes)| bytes)
        };
        match found {
            Some(bytes) if bytes.len() as u64 > most => {
                Err(DiskError::too_long(&self.tables.name().join(name), most))
            }
            found => Ok(found),
        }
    }

    fn put_once(&self, name: &str, bytes: &[u8]) -> Result<PutOutcome, DiskError> {
        let (named, bytes) = (name.to_owned(), Arc::new(bytes.to_vec()));
        let value = bytes.clone();
        let put = move |client: &mut Client| rows::put_once(client, &named, &value);
        match self.tables.put(name, put)? {
            None => Ok(PutOutcome::Stored),
            Some(there) if there != *bytes => Ok(PutOutcome::Occupied),
            // Whoever put it may not have waited for the standbys.
            Some(_) => {
                self.tables.settle(name)?;
                Ok(PutOutcome::Stored)
            }
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        match name {
            END_NOTE => self.put_generation(name, self.tables.ends()?, bytes),
            _ if self.lay(name, bytes)? => Ok(()),
            _ => self.put_anew(name, Some(bytes)),
        }
    }

    fn remove(&self, name: &str) -> Result<(), DiskError> {
        if name == TAIL_FILE || name == END_NOTE || bundle_number(name).is_some() {
            let fault = Fault::Unfit("the entries of a database stay where they are".to_owned());
            return Err(self.tables.fault(fault, "remove", name));
        }
        match self.get(name, u64::MAX)? {
            None => Ok(()),
            Some(_) => self.put_anew(name, None),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, DiskError> {
        let begins = prefix.to_owned();
        let mut names = self
            .tables
            .ask("list", prefix, move |client| rows::names(client, &begins))?;
        let begun = self.tables.ends()? > 0;
        let bundles = 0..self.tables.sealed(u64::MAX)? / WIDTH;
        let is_near = prefix.starts_with(BUNDLES) || BUNDLES.starts_with(prefix);
        let bundles = bundles.take_while(|_| is_near).map(bundle::bundle_path);
        let own = [TAIL_FILE, END_NOTE].map(str::to_owned).into_iter();
        let own = own.take_while(|_| begun).chain(bundles);
        names.extend(own.filter(|name| name.starts_with(prefix)));
        names.sort_unstable();
        Ok(names)
    }

    fn begin_log(&self) -> Result<Box<dyn EngineLog>, LogOpenError> {
        let tables = self.tables.clone();
        match tables.ends()? {
            0 => Ok(Box::new(DatabaseLog::of(tables, LogEnd::default())?)),
            _ => Err(LogOpenError::Exists(tables.name().to_owned())),
        }
    }

    fn open_log(&self) -> Result<(Box<dyn EngineLog>, TailRest), LogOpenError> {
        let end = self.tables.end(&[])?;
        if !end.begun {
            return Err(LogOpenError::NoLog(self.tables.name().to_owned()));
        }
        // A receipt may rest on what was just read.
        self.tables.settle(TAIL_FILE)?;
        let log = DatabaseLog::of(self.tables.clone(), end)?;
        Ok((Box::new(log), TailRest::Clean))
    }

    fn slot(&self, name: &str) -> Box<dyn EngineSlot> {
        Box::new(DatabaseSlot {
            engine: self.clone(),
            name: name.to_owned(),
            holds: None,
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn scratch(&self) -> Option<&Path> {
        self.scratch.as_deref()
    }
}

/// A small value that came with the entries before it, mostly.
#[derive(Debug)]
struct DatabaseSlot {
    engine: DatabaseEngine,
    name: String,
    holds: Option<Vec<u8>>,
}

impl EngineSlot for DatabaseSlot {
    fn adopt(&mut self, bytes: &[u8]) {
        self.holds = Some(bytes.to_vec());
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let (size, noted) = self.engine.tables.noted();
        if self.holds.as_deref() == Some(bytes) || (self.name == END_NOTE && noted == bytes) {
            return Ok(());
        }
        if self.name == END_NOTE {
            self.engine.put_generation(END_NOTE, size, bytes)?;
        } else {
            self.engine.replace(&self.name, bytes)?;
        }
        self.holds = Some(bytes.to_vec());
        Ok(())
    }

    fn write_durably(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_has_one_name() {
        for n in [0, 7, 999, 1000, 1_234_067] {
            assert_eq!(bundle_number(&bundle::bundle_path(n)), Some(n));
        }
        for name in [
            "tile/entries/1",
            "tile/entries/x000/001",
            "tile/entries/000.p/3",
            "tile/0/000",
            "tail",
        ] {
            assert_eq!(bundle_number(name), None, "{name}");
        }
    }
}
