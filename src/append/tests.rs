//! Writers that race on one ledger, in an engine that many may write to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::look::{chain, sealed_edge, walk};
use super::{AppendError, NewLedger, Receipt, Submission, Writer, create};
use crate::event::{Environment, Event, SecretClass, SecretRegistered, SecretRetired};
use crate::hash::{LedgerId, Link};
use crate::key::SecretKey;
use crate::ledger::LedgerPlace;
use crate::ledger::edge::Edge;
use crate::note::Origin;
use crate::statement::{self, EventId, Statement};
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::store::engine::Engine;
use crate::store::engine::memory::MemoryEngine;
use crate::sys::world::World;
use crate::text::{Id, Line, Reference};
use crate::time::{Clock, Timestamp};

/// A ledger in memory, and hosts that write to it.
struct Shared {
    root: tempfile::TempDir,
    founder: SecretKey,
    engine: MemoryEngine,
}

impl Shared {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let founder = SecretKey::from_seed(&[7; 32]);
        let shared = Self {
            root,
            founder,
            engine: MemoryEngine::default(),
        };
        let (world, place) = (World::system(), shared.place("founder"));
        let founding = NewLedger {
            origin: Origin::new("example.org/shared").unwrap(),
            actor: id("founder"),
            name: line("Founder"),
            key: &shared.founder,
        };
        create(&world, &place, &founding).unwrap();
        shared
    }

    fn place(&self, host: &str) -> LedgerPlace {
        let place = LedgerPlace::new(PathBuf::from("memory"), self.root.path().join(host));
        LedgerPlace {
            engine: Some(Arc::new(self.engine.clone())),
            ..place
        }
    }

    /// A writer on a host of its own, which has the sealing key and a checkpoint.
    fn writer(&self, host: &str, world: &World) -> Writer {
        let (from, to) = (self.place("founder"), self.place(host));
        std::fs::create_dir(&to.state).unwrap();
        std::fs::copy(from.sealing_key(), to.sealing_key()).unwrap();
        std::fs::copy(from.head(), to.head()).unwrap();
        Writer::open(world, &to, Duration::ZERO).unwrap()
    }

    fn sign(&self, ledger: LedgerId, event: impl Into<Event>) -> Submission {
        let now = World::system().clock.now();
        let statement = Statement {
            version: statement::VERSION,
            ledger,
            event_id: EventId::from_bytes(*uuid::Uuid::now_v7().as_bytes()),
            occurred: now,
            author: self.founder.public(),
            on_behalf_of: None,
            event: event.into(),
            attachments: Vec::new(),
        };
        Submission::new(statement.sign(&self.founder).unwrap(), Vec::new())
    }

    fn registers(&self, ledger: LedgerId, secret: &str) -> Submission {
        let registered = SecretRegistered {
            secret: id(secret),
            name: line("A secret"),
            class: SecretClass::DatabaseCredential,
            environment: Environment::Prod,
            store: Reference::new("vault:kv/orders").unwrap(),
            owner: line("Orders"),
            consumers: vec![id("orders")],
            max_age_days: None,
            dual_run: true,
            last_rotated: None,
            version: None,
        };
        self.sign(ledger, registered)
    }

    /// The entries of the log, after their chain, bundles and tail were held against each other.
    fn entries(&self) -> Vec<Vec<u8>> {
        let all = self.engine.shelf(|shelf| shelf.log.clone());
        let mut edge = Edge::start();
        for bytes in &all {
            chain(&mut edge, bytes).unwrap();
        }
        let (log, _) = self.engine.open_log().unwrap();
        let sealed = sealed_edge(&*log).unwrap();
        assert_eq!(walk(&*log, &sealed, &mut BTreeMap::new()).unwrap(), edge);
        all
    }
}

/// Runs something once, the next time that it is asked for the time.
struct Interruption(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Clock for Interruption {
    fn now(&self) -> Timestamp {
        let then = self.0.lock().unwrap().take();
        then.into_iter().for_each(|then| then());
        World::system().clock.now()
    }
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

fn append(writer: &mut Writer, submissions: Vec<Submission>) -> Vec<Receipt> {
    let outcome = writer.append(submissions);
    assert!(outcome.refused.is_none(), "{:?}", outcome.refused);
    outcome.receipts
}

/// What a receipt says of an entry's place, whenever it is made.
fn told(receipt: &Receipt) -> (u64, EventId, Link, Timestamp) {
    (
        receipt.sequence,
        receipt.event_id,
        receipt.link,
        receipt.recorded,
    )
}

#[test]
fn who_was_overtaken_comes_behind_and_knows_what_the_other_wrote() {
    let shared = Shared::new();
    let mut first = shared.writer("first", &World::system());
    let clock = Arc::new(Interruption(Mutex::default()));
    let world = World {
        clock: clock.clone(),
        ..World::system()
    };
    let mut second = shared.writer("second", &world);
    let ledger = first.ledger();
    let both = shared.registers(ledger, "db/both");
    let theirs = vec![shared.registers(ledger, "db/first"), both.clone()];
    let told_first = Arc::new(Mutex::new(Vec::new()));
    // Between the second writer's look at the log and its put.
    let (tell, more) = (told_first.clone(), shared.registers(ledger, "db/more"));
    *clock.0.lock().unwrap() = Some(Box::new(move || {
        *tell.lock().unwrap() = append(&mut first, theirs);
        append(&mut first, vec![more]);
    }));
    let own = shared.registers(ledger, "db/second");
    let receipts = append(&mut second, vec![own.clone(), both]);
    let told_first = told_first.lock().unwrap();
    assert_eq!(receipts[0].sequence, 4);
    assert!(!receipts[0].replayed && receipts[1].replayed);
    assert_eq!(told(&receipts[1]), told(&told_first[1]));
    assert_eq!(shared.entries().len(), 5);
    // It proves what it did not write, and judges by it.
    assert_eq!(second.prove(&receipts).unwrap().len(), 2);
    let retired = SecretRetired {
        secret: id("db/more"),
        reason: line("not needed"),
        revocation: None,
    };
    let retired = shared.sign(ledger, retired);
    assert_eq!(append(&mut second, vec![retired])[0].sequence, 5);
}

#[test]
fn an_entry_that_its_author_did_not_sign_is_not_built_upon() {
    let shared = Shared::new();
    let mut first = shared.writer("first", &World::system());
    let mut second = shared.writer("second", &World::system());
    let ledger = first.ledger();
    append(&mut first, vec![shared.registers(ledger, "db/one")]);
    shared.engine.shelf(|shelf| {
        // The signature is the last thing in an entry.
        *shelf.log[1].last_mut().unwrap() ^= 1;
    });
    let refused = second.append(vec![shared.registers(ledger, "db/two")]);
    let fault = refused.refused.unwrap();
    let named = matches!(fault, AppendError::DamagedEntry { sequence: 1, .. });
    assert!(named && refused.receipts.is_empty(), "{fault}");
    let again = second.append(vec![shared.registers(ledger, "db/two")]);
    assert!(matches!(again.refused, Some(AppendError::GivenUp)));
    // Nor is one that takes the place of what was seen there.
    let fault = first.append(vec![shared.registers(ledger, "db/two")]);
    assert!(fault.refused.is_some());
    assert_eq!(shared.engine.shelf(|shelf| shelf.log.len()), 2);
}

#[test]
fn writers_that_race_write_one_chain_and_lose_nothing() {
    const ROUNDS: usize = 90;
    let shared = Shared::new();
    shared.engine.shelf(|shelf| shelf.unanswered = 6);
    let hosts = ["first", "second"];
    let mut writers = hosts.map(|host| shared.writer(host, &World::system()));
    let ledger = writers[0].ledger();
    // Every fourth statement is sent to both.
    let batches = |host: &str| -> Vec<Vec<Submission>> {
        let one = |n: usize| (0..2).map(move |m| (n, m));
        let batch =
            |n| one(n).map(|(n, m)| shared.registers(ledger, &format!("db/{host}-{n}-{m}")));
        (0..ROUNDS).map(|n| batch(n).collect()).collect()
    };
    let common: Vec<_> = batches("common").into_iter().step_by(2).collect();
    let (common, batches) = (&common, &batches);
    let receipts = thread::scope(|scope| {
        let racing = hosts.into_iter().zip(&mut writers).map(|(host, writer)| {
            scope.spawn(move || {
                let mut receipts = Vec::new();
                for (n, batch) in batches(host).into_iter().enumerate() {
                    receipts.extend(append(writer, batch));
                    if n % 2 == 0 {
                        receipts.extend(append(writer, common[n / 2].clone()));
                    }
                    thread::sleep(Duration::from_micros(50));
                }
                receipts
            })
        });
        let racing: Vec<_> = racing.collect();
        let joined = racing.into_iter().map(|racer| racer.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    let entries = shared.entries();
    assert_eq!(entries.len(), 1 + ROUNDS * 4 + ROUNDS);
    assert!(entries.len() > BUNDLE_ENTRIES);
    let mut ids = BTreeMap::new();
    for receipt in receipts.iter().flatten() {
        let place = usize::try_from(receipt.sequence).unwrap();
        assert_eq!(Link::of(&entries[place]), receipt.link);
        let before = ids.insert(receipt.event_id, told(receipt));
        assert!(before.is_none_or(|before| before == told(receipt)));
    }
    assert_eq!(ids.len(), entries.len() - 1);
    let replayed = receipts.iter().flatten().filter(|receipt| receipt.replayed);
    assert_eq!(replayed.count(), ROUNDS);
    for writer in &mut writers {
        let first = append(writer, vec![common[0][0].clone()]);
        assert_eq!(told(&first[0]), ids[&first[0].event_id]);
        assert_eq!(writer.register().unwrap().secrets.len(), entries.len() - 1);
    }
}
