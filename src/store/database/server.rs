//! A database that keeps one ledger: connections to it, and what each must answer before it is believed.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, Error};

use super::address::DatabaseAddress;
use super::schema::VERSION;
use super::session::{Fault, Session};

/// The shortest and the longest pause before a server that gave no answer is asked again.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];
/// How many connections wait for work.
const MOST_IDLE: usize = 8;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It changes nothing, and the server is told to see to that.
    Reading,
    /// What it commits must outlive the server.
    Writing,
}

/// A database.
pub(super) struct Database {
    pub(super) address: DatabaseAddress,
    /// How it is called in messages.
    pub(super) name: PathBuf,
    /// How long one question may take, all tries together.
    wait: Duration,
    idle: [Mutex<VecDeque<Session>>; 2],
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Database {
    pub(super) fn new(address: DatabaseAddress, name: PathBuf, wait: Duration) -> Self {
        Self {
            address,
            name,
            wait,
            idle: Default::default(),
        }
    }

    /// Asks a server. Whatever is put can be put as often as one likes: an answer that is missing, or that takes back what
    /// it said of the standbys, is asked for again until it is one.
    ///
    /// # Errors
    /// What the server refused; then nothing of it was done. Where [`Fault::may_pass`], nobody knows.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        purpose: Purpose,
        work: impl Fn(&mut Client) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<T, Fault> {
        let (work, end) = (Arc::new(work), Instant::now() + self.wait);
        let [mut pause, longest] = PAUSES;
        let mut lost = false;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // So that one that has gone without a word leaves time for the one that takes its place.
            let left = left.min(self.wait / 3);
            let fault = match self.session(purpose, left) {
                Err(fault) => fault,
                Ok(session) => {
                    let again = work.clone();
                    let answer = session.ask(left, move |client| again(client));
                    let fault = match answer {
                        Ok(answer) => {
                            self.keep(purpose, session);
                            return Ok(answer);
                        }
                        Err(fault) => fault,
                    };
                    // Whoever stands there now was decided before this was: an attempt that got no answer among them.
                    if fault.is_conflict() {
                        self.keep(purpose, session);
                        return Err(fault);
                    }
                    lost |= fault.state().is_none();
                    fault
                }
            };
            // One that waited for work may have died meanwhile, and all that were made with it.
            self.idle(purpose, VecDeque::clear);
            if !fault.may_pass() || Instant::now() + pause >= end {
                return Err(match lost && purpose == Purpose::Writing {
                    true => Fault::Lost(Box::new(fault)),
                    false => fault,
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(longest);
        }
    }

    /// Waits until everything that can be read now is where a commit has to be. A commit that nobody waited for until its
    /// end, as after a server was started anew, can be read before its standbys have it.
    ///
    /// # Errors
    /// As [`Database::ask`].
    pub(super) fn settle(&self) -> Result<(), Fault> {
        let emit = "SELECT pg_logical_emit_message(true, 'ledger', '')";
        self.ask(Purpose::Writing, move |client| client.batch_execute(emit))
    }

    fn idle<T>(&self, purpose: Purpose, work: impl FnOnce(&mut VecDeque<Session>) -> T) -> T {
        let [reading, writing] = &self.idle;
        let idle = match purpose {
            Purpose::Reading => reading,
            Purpose::Writing => writing,
        };
        work(&mut idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, purpose: Purpose, session: Session) {
        self.idle(purpose, |idle| {
            idle.push_back(session);
            idle.truncate(MOST_IDLE);
        });
    }

    fn session(&self, purpose: Purpose, limit: Duration) -> Result<Session, Fault> {
        if let Some(session) = self.idle(purpose, VecDeque::pop_back) {
            return Ok(session);
        }
        let (schema, one_machine) = (self.address.schema.clone(), self.address.one_machine);
        Session::open(&self.address, limit, move |client| {
            if purpose == Purpose::Writing {
                rely_on(client, one_machine)?;
            }
            enter(client, purpose, &schema)
        })
    }

    /// Does work over a connection of its own, for which no schema need be there yet.
    ///
    /// # Errors
    /// What the server said.
    pub(super) fn prepare(
        &self,
        work: impl FnOnce(&mut Client) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), Fault> {
        Session::open(&self.address, self.wait, work).map(drop)
    }
}

/// Whether what this server says it committed would be there after it is gone.
fn rely_on(client: &mut Client, one_machine: bool) -> Result<(), Fault> {
    let asked =
        "SELECT pg_is_in_recovery(), current_setting('fsync'), current_setting('full_page_writes'),
        current_setting('synchronous_commit'), current_setting('synchronous_standby_names')";
    let row = client.query_one(asked, &[])?;
    if row.get::<_, bool>(0) {
        // May pass: it is promoted, or another one answers next time.
        return Err(Fault::Standby);
    }
    let [fsync, pages, commit, standbys] = [1, 2, 3, 4].map(|at| row.get::<_, String>(at));
    let weak = |what: &str| {
        Err(Fault::Unfit(format!(
            "it would lose what it says it has: {what}"
        )))
    };
    if fsync != "on" {
        return weak("fsync is off");
    }
    if pages != "on" {
        return weak("full_page_writes is off");
    }
    if !["on", "remote_apply"].contains(&commit.as_str()) {
        return weak(&format!("synchronous_commit is {commit}"));
    }
    if standbys.trim().is_empty() && !one_machine {
        return weak("no standby is synchronous, and nobody said that one machine is enough");
    }
    Ok(())
}

/// Goes to the schema of the ledger, whose form this program has to know.
fn enter(client: &mut Client, purpose: Purpose, schema: &str) -> Result<(), Fault> {
    let reading = match purpose {
        Purpose::Reading => "SET default_transaction_read_only = on;",
        Purpose::Writing => "",
    };
    // Temporary tables come last: nobody's stands in for one of the ledger.
    client.batch_execute(&format!(
        "{reading} SET search_path = {schema}, pg_temp; SET bytea_output = 'hex'"
    ))?;
    let there: bool = client
        .query_one(
            "SELECT to_regclass($1) IS NOT NULL",
            &[&format!("{schema}.migration")],
        )?
        .get(0);
    if !there {
        return Err(Fault::Unfit(format!(
            "it has no schema `{schema}` for a ledger"
        )));
    }
    let version: i32 = client
        .query_one("SELECT coalesce(max(version), 0) FROM migration", &[])?
        .get(0);
    if version != VERSION {
        return Err(Fault::Unfit(format!(
            "its schema has version {version}, and this program knows version {VERSION}"
        )));
    }
    Ok(())
}
