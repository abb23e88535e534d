//! What happens to an append when servers, connections and standbys fail in the middle of it.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rotation_ledger::hash::Link;
use rotation_ledger::store::database::{DatabaseAddress, DatabaseEngine, DatabaseRoles};
use rotation_ledger::store::engine::{Engine as _, EngineLog, Segment, SegmentOutcome};

use crate::cluster::Cluster;

const ROLES: DatabaseRoles<'_> = DatabaseRoles {
    writer: Some("ledger_writer"),
    reader: Some("ledger_reader"),
};

fn engine(url: &str, wait: Duration) -> DatabaseEngine {
    let address = DatabaseAddress::parse(url, Arc::new(|_| None)).unwrap();
    DatabaseEngine::new(address, Path::new("db"), wait).for_writing("none".into())
}

/// A database with the schema of a ledger.
fn prepared(cluster: &Cluster, database: &str) {
    cluster.sql(1, "postgres", &format!("CREATE DATABASE {database}"));
    let owner = engine(&cluster.url("postgres", database), Duration::from_secs(20));
    owner.prepare(ROLES).unwrap();
}

/// One writer, which opens the log anew where it was given up.
struct Appender {
    engine: DatabaseEngine,
    log: Option<Box<dyn EngineLog>>,
}

impl Appender {
    fn new(url: &str, wait: Duration) -> Self {
        let engine = engine(url, wait);
        Self { engine, log: None }
    }

    fn log(&mut self) -> Result<&mut Box<dyn EngineLog>, String> {
        if self.log.is_none() {
            let begun = self.engine.begin_log();
            let log = begun.or_else(|_| self.engine.open_log().map(|(log, _)| log));
            self.log = Some(log.map_err(|fault| fault.to_string())?);
        }
        Ok(self.log.as_mut().unwrap())
    }

    /// Puts an entry behind all that is there. Whether it surely stands there.
    fn put(&mut self, entry: &str) -> Result<(), String> {
        let log = self.log()?;
        let last = log.tail().last().map(Link::of);
        let segment = Segment {
            position: log.size(),
            previous: last.unwrap_or(Link::ZERO),
            entries: &[entry.as_bytes().to_vec()],
        };
        match log.put(&segment, &|| entry.into()) {
            Ok(SegmentOutcome::Stored) => Ok(()),
            other => {
                self.log = None;
                Err(format!("{other:?}"))
            }
        }
    }

    /// Everything that stands there.
    fn all(&mut self) -> Vec<String> {
        self.log = None;
        let log = self.log().unwrap();
        let text = |entry: &[u8]| String::from_utf8(entry.to_vec()).unwrap();
        log.tail().map(text).collect()
    }
}

fn assert_once(all: &[String]) {
    let different: BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "something stands there twice");
}

/// Lets bytes through to a server until so many have passed in either direction; then that connection is cut, and those
/// after it are not.
struct Cutter {
    port: u16,
    left: Arc<AtomicUsize>,
    passed: Arc<AtomicUsize>,
}

impl Cutter {
    fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (left, passed) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::default());
        let cutter = Self { port, left, passed };
        let (left, passed) = (cutter.left.clone(), cutter.passed.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (left, passed) = (left.clone(), passed.clone());
                    thread::spawn(move || pass(from, to, &left, &passed));
                }
            }
        });
        cutter
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, left: &AtomicUsize, passed: &AtomicUsize) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let before = left.load(Ordering::SeqCst);
        let allowed = count.min(before);
        passed.fetch_add(allowed, Ordering::SeqCst);
        let sent = to.write_all(&buffer[..allowed]);
        if before != usize::MAX {
            left.store(before - allowed, Ordering::SeqCst);
        }
        if allowed < count {
            // The next connection passes.
            left.store(usize::MAX, Ordering::SeqCst);
            break;
        }
        if sent.is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_connection_that_is_cut_at_any_byte_loses_nothing_and_doubles_nothing() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    prepared(&cluster, "cut");
    let cutter = Cutter::before(cluster.port(1));
    let url = format!("postgres://ledger_writer@127.0.0.1:{}/cut", cutter.port);
    let wait = Duration::from_secs(20);
    // How many bytes it takes to open the log and to put one entry.
    let mut appender = Appender::new(&url, wait);
    appender.put("first").unwrap();
    let bytes = cutter.passed.load(Ordering::SeqCst);
    let step = std::env::var("LEDGER_TEST_CUTS")
        .ok()
        .and_then(|step| step.parse().ok());
    let mut acknowledged = vec!["first".to_owned()];
    for at in (0..bytes).step_by(step.unwrap_or(23)) {
        let mut appender = Appender::new(&url, wait);
        cutter.left.store(at, Ordering::SeqCst);
        let entry = format!("cut at {at}");
        // Once more, as whoever is told nothing does: by another connection all is answered.
        appender.put(&entry).unwrap();
        acknowledged.push(entry);
    }
    cutter.left.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(Appender::new(&url, wait).all(), acknowledged);
}

#[test]
fn a_wait_for_standbys_that_was_ended_is_no_receipt() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    prepared(&cluster, "ended");
    let url = cluster.url("ledger_writer", "ended");
    let mut appender = Appender::new(&url, Duration::from_secs(3));
    appender.put("first").unwrap();
    cluster.freeze(true);
    let cancelled = AtomicBool::new(false);
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            cluster.wait_for(1, waits);
            let cancel = "SELECT bool_or(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            cancelled.store(cluster.sql(1, "ended", cancel) == "t", Ordering::SeqCst);
        });
        appender.put("second")
    });
    assert!(cancelled.load(Ordering::SeqCst));
    assert!(ended.is_err(), "it was acknowledged, and no standby has it");
    // It can be read, and is not there yet where it has to be: nobody is told that it is.
    assert_eq!(
        cluster.sql(1, "ended", "SELECT max(next) FROM ledger.segment"),
        "2"
    );
    assert!(appender.put("second").is_err());
    cluster.freeze(false);
    let mut appender = Appender::new(&url, Duration::from_secs(20));
    assert_eq!(appender.all(), ["first", "second"]);
    appender.put("third").unwrap();
}

#[test]
fn a_primary_that_is_killed_under_load_takes_no_receipted_entry_with_it() {
    let rounds = std::env::var("LEDGER_TEST_FAILOVERS").ok();
    let rounds: usize = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    for round in 0..rounds {
        let Some(cluster) = Cluster::start() else {
            return;
        };
        prepared(&cluster, "load");
        let url = cluster.any("ledger_writer", "load");
        let stop = AtomicBool::new(false);
        let acknowledged = thread::scope(|scope| {
            let load = |who: usize| {
                let (url, stop) = (&url, &stop);
                move || {
                    let mut appender = Appender::new(url, Duration::from_secs(30));
                    let mut acknowledged = Vec::new();
                    let mut number = 0;
                    while !stop.load(Ordering::SeqCst) {
                        number += 1;
                        let entry = format!("writer {who} entry {number}");
                        if appender.put(&entry).is_ok() {
                            acknowledged.push(entry);
                        }
                    }
                    acknowledged
                }
            };
            let writers: Vec<_> = (0..3).map(|who| scope.spawn(load(who))).collect();
            thread::sleep(Duration::from_millis(700 + 130 * round as u64));
            cluster.kill(1);
            cluster.promote();
            thread::sleep(Duration::from_millis(1500));
            stop.store(true, Ordering::SeqCst);
            let all = writers
                .into_iter()
                .flat_map(|writer| writer.join().unwrap());
            all.collect::<Vec<_>>()
        });
        let all = Appender::new(&url, Duration::from_secs(30)).all();
        assert_once(&all);
        let there: BTreeSet<_> = all.iter().collect();
        assert!(acknowledged.len() > 20, "{}", acknowledged.len());
        for entry in &acknowledged {
            assert!(
                there.contains(entry),
                "round {round}: {entry} was acknowledged, and is lost"
            );
        }
    }
}
