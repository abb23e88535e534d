//! The promises of the door, kept by a server: `LEDGER_TEST_DATABASE` is the URL by which its owner reaches one with two
//! synchronous standbys (tests/postgres/cluster.sh). Each test has a schema of its own there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postgres::{Client, NoTls};

use super::*;
use crate::hash::Link;
use crate::store::engine::tests::{
    keeps_its_promises, knows_again_what_was_sealed, lets_writers_race,
};
use crate::store::engine::{END_NOTE, Engine as _, Segment, SegmentOutcome};

const WAIT: Duration = Duration::from_secs(10);
const ROLES: DatabaseRoles<'_> = DatabaseRoles {
    writer: Some("ledger_writer"),
    reader: Some("ledger_reader"),
};

/// A schema of a server.
struct Prepared {
    owner: String,
    schema: String,
}

impl Prepared {
    /// None where no server is at hand.
    fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let owner = std::env::var("LEDGER_TEST_DATABASE").ok()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("promises_{}_{number}", std::process::id());
        let prepared = Self { owner, schema };
        for _ in 0..2 {
            prepared.engine("postgres").prepare(ROLES).unwrap();
        }
        Some(prepared)
    }

    fn engine(&self, role: &str) -> DatabaseEngine {
        let url = self.owner.replace("postgres@", &format!("{role}@"));
        let url = format!("{url}?schema={}", self.schema);
        let address = DatabaseAddress::parse(&url, Arc::new(|_| None)).unwrap();
        DatabaseEngine::new(address, Path::new("db"), WAIT)
    }

    fn writer(&self) -> DatabaseEngine {
        self.engine("ledger_writer").for_writing("none".into())
    }

    /// A connection that passes by everything of ours.
    fn client(&self, role: &str) -> Client {
        let url = self.owner.replace("postgres@", &format!("{role}@"));
        let mut client = Client::connect(&url, NoTls).unwrap();
        let path = format!("SET search_path = {}", self.schema);
        client.batch_execute(&path).unwrap();
        client
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        let schema = &self.schema;
        let drop = format!("DROP SCHEMA {schema} CASCADE");
        self.client("postgres").batch_execute(&drop).unwrap();
    }
}

#[test]
fn a_database_keeps_the_promises_of_the_door() {
    let Some(prepared) = Prepared::new() else {
        return;
    };
    keeps_its_promises(&prepared.writer());
}

#[test]
fn what_a_database_sealed_is_known_again() {
    let Some(prepared) = Prepared::new() else {
        return;
    };
    knows_again_what_was_sealed(&prepared.writer());
}

#[test]
fn writers_race_in_a_database() {
    let Some(prepared) = Prepared::new() else {
        return;
    };
    lets_writers_race(&prepared.writer(), 40);
}

#[test]
fn the_note_behind_the_log_is_that_of_its_end_whoever_writes_last() {
    let Some(prepared) = Prepared::new() else {
        return;
    };
    let (early, late) = (prepared.writer(), prepared.writer());
    let entries = [b"one".to_vec(), b"two".to_vec()];
    let segment = |position: usize| Segment {
        position: position as u64,
        previous: position
            .checked_sub(1)
            .map_or(Link::ZERO, |at| Link::of(&entries[at])),
        entries: &entries[position..=position],
    };
    let mut log = early.begin_log().unwrap();
    let first = log.put(&segment(0), &|| b"note 1".to_vec()).unwrap();
    assert!(matches!(first, SegmentOutcome::Stored));
    let (mut log, _) = late.open_log().unwrap();
    log.put(&segment(1), &|| b"note 2".to_vec()).unwrap();
    assert_eq!(late.get(END_NOTE, 9).unwrap().unwrap(), b"note 2");
    // Who was overtaken writes behind the end that it knows.
    early.slot(END_NOTE).write(b"note 1, signed anew").unwrap();
    assert_eq!(late.get(END_NOTE, 9).unwrap().unwrap(), b"note 2");
    late.slot(END_NOTE).write(b"note 2, anew").unwrap();
    assert_eq!(early.get(END_NOTE, 99).unwrap().unwrap(), b"note 2, anew");
}

#[test]
fn nobody_changes_what_is_there() {
    let Some(prepared) = Prepared::new() else {
        return;
    };
    let writer = prepared.writer();
    writer.put_once("tile/0/000", b"tile").unwrap();
    let segment = Segment {
        position: 0,
        previous: Link::ZERO,
        entries: &[b"one".to_vec()],
    };
    let mut log = writer.begin_log().unwrap();
    log.put(&segment, &Vec::new).unwrap();
    let forbidden = [
        "UPDATE segment SET entries = 'x'",
        "DELETE FROM segment",
        "TRUNCATE segment",
        "UPDATE named SET bytes = 'x'",
        "DELETE FROM named",
        "TRUNCATE named",
        "ALTER TABLE segment DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "INSERT INTO segment SELECT * FROM segment ON CONFLICT (position) DO UPDATE SET entries = 'x'",
        "INSERT INTO migration VALUES (2)",
    ];
    // By rights, and by triggers where somebody has them all.
    for (role, forbidden) in [
        ("ledger_writer", &forbidden[..]),
        ("postgres", &forbidden[..6]),
    ] {
        let mut client = prepared.client(role);
        for sql in forbidden {
            let refused = client.batch_execute(sql).unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{role}: {sql}");
        }
    }
    // Behind another end, or in the middle: nobody gets a row in.
    let zeros = "decode(repeat('00', 32), 'hex')";
    for (position, next) in [(0, 1), (2, 3)] {
        let row =
            format!("INSERT INTO segment VALUES ({position}, {next}, {zeros}, {zeros}, 'x', '')");
        assert!(
            prepared
                .client("ledger_writer")
                .batch_execute(&row)
                .is_err()
        );
    }
    assert!(
        prepared
            .engine("ledger_reader")
            .put_once("a", b"b")
            .is_err()
    );
    assert_eq!(
        prepared
            .engine("ledger_reader")
            .get("tile/0/000", 9)
            .unwrap()
            .unwrap(),
        b"tile"
    );
}

#[test]
fn a_server_that_would_lose_what_it_says_it_has_is_refused() {
    let Some(prepared) = Prepared::new() else {
        return;
    };
    let refused = |settings: &str| {
        let mut owner = prepared.client("postgres");
        let role = format!(
            "CREATE ROLE {0}_weak LOGIN; GRANT ledger_writer TO {0}_weak;",
            prepared.schema
        );
        owner.batch_execute(&role).unwrap();
        owner
            .batch_execute(&format!(
                "ALTER ROLE {}_weak SET {settings}",
                prepared.schema
            ))
            .unwrap();
        let engine = prepared.engine(&format!("{}_weak", prepared.schema));
        let refused = engine.for_writing("none".into()).put_once("a", b"b");
        owner
            .batch_execute(&format!("DROP ROLE {}_weak", prepared.schema))
            .unwrap();
        refused.unwrap_err().to_string()
    };
    for weak in ["off", "local", "remote_write"] {
        let said = refused(&format!("synchronous_commit = {weak}"));
        assert!(
            said.ends_with(&format!("synchronous_commit is {weak}")),
            "{said}"
        );
    }
    assert_eq!(prepared.writer().list("").unwrap(), Vec::<String>::new());
}
