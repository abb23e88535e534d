//! PostgreSQL, `synchronous_commit=on`: a trigger holds each record against the one before and computes its link.

use std::path::Path;

use postgres::fallible_iterator::FallibleIterator as _;
use postgres::{Client, NoTls, Statement};

use crate::record::{Chain, Checker, Record};
use crate::{Outcome, Peer};

// Two writers at once would meet at the primary key: the chain cannot fork.
const SCHEMA: &str = "
    CREATE TABLE entries (
        sequence bigint PRIMARY KEY, previous bytea NOT NULL, text text NOT NULL, signature bytea NOT NULL, link bytea NOT NULL
    );
    CREATE FUNCTION chained() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE last entries%ROWTYPE;
    BEGIN
        SELECT * INTO last FROM entries ORDER BY sequence DESC LIMIT 1;
        IF NEW.sequence <> coalesce(last.sequence + 1, 0)
            OR NEW.previous <> coalesce(last.link, decode(repeat('00', 32), 'hex')) THEN RAISE 'not the next'; END IF;
        NEW.link := sha256(int8send(NEW.sequence) || NEW.previous || convert_to(NEW.text, 'UTF8') || NEW.signature);
        RETURN NEW;
    END $$;
    CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append only'; END $$;
    CREATE TRIGGER chained BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION chained();
    CREATE TRIGGER refused BEFORE UPDATE OR DELETE OR TRUNCATE ON entries EXECUTE FUNCTION refused();
";
/// One statement, whether one record or a thousand: a round trip and a transaction.
const INSERT: &str = "INSERT INTO entries (sequence, previous, text, signature)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bytea[])";

pub struct Postgres {
    client: Client,
    insert: Statement,
    chain: Chain,
}

impl Postgres {
    pub fn open(sockets: &Path) -> Outcome<Self> {
        let mut client =
            Client::connect(&format!("host={} user=postgres", sockets.display()), NoTls)?;
        client.batch_execute(SCHEMA)?;
        let insert = client.prepare(INSERT)?;
        Ok(Self {
            client,
            insert,
            chain: Chain::new(),
        })
    }
}

impl Peer for Postgres {
    fn append(&mut self, texts: &[String]) -> Outcome {
        let records: Vec<_> = texts.iter().map(|text| self.chain.add(text)).collect();
        let sequences: Vec<_> = records
            .iter()
            .map(|record| record.sequence as i64)
            .collect();
        let previous: Vec<_> = records
            .iter()
            .map(|record| record.previous.as_slice())
            .collect();
        let signatures: Vec<_> = records
            .iter()
            .map(|record| record.signature.as_slice())
            .collect();
        self.client
            .execute(&self.insert, &[&sequences, &previous, &texts, &signatures])?;
        Ok(())
    }

    fn verify(&mut self) -> Outcome<u64> {
        let mut checker = Checker::new();
        let nothing: [&str; 0] = [];
        let select = "SELECT sequence, previous, text, signature FROM entries ORDER BY sequence";
        let mut rows = self.client.query_raw(select, nothing)?;
        while let Some(row) = rows.next()? {
            checker.check(&Record {
                sequence: row.get::<_, i64>(0) as u64,
                previous: row.get::<_, &[u8]>(1).try_into()?,
                text: row.get(2),
                signature: row.get::<_, &[u8]>(3).try_into()?,
            })?;
        }
        Ok(checker.checked())
    }

    fn settle(&mut self) -> Outcome<Option<u64>> {
        // Two commands: together they would be one transaction, and VACUUM wants none.
        self.client.batch_execute("VACUUM ANALYZE")?;
        self.client.batch_execute("CHECKPOINT")?;
        let size = "SELECT pg_total_relation_size('entries')";
        let bytes: i64 = self.client.query_one(size, &[])?.get(0);
        Ok(Some(bytes as u64))
    }
}
