//! SQLite in WAL mode with `synchronous=FULL`: one fdatasync a transaction. Triggers refuse changes and gaps.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::record::{Chain, Checker, Record};
use crate::{Outcome, Peer};

const SCHEMA: &str = "
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=FULL;
    CREATE TABLE entries (
        sequence INTEGER PRIMARY KEY, previous BLOB NOT NULL, text TEXT NOT NULL, signature BLOB NOT NULL
    );
    CREATE TRIGGER in_order BEFORE INSERT ON entries
        WHEN NEW.sequence <> (SELECT coalesce(max(sequence) + 1, 0) FROM entries)
        BEGIN SELECT raise(ABORT, 'not the next'); END;
    CREATE TRIGGER no_change BEFORE UPDATE ON entries BEGIN SELECT raise(ABORT, 'append only'); END;
    CREATE TRIGGER no_removal BEFORE DELETE ON entries BEGIN SELECT raise(ABORT, 'append only'); END;
";

pub struct Sqlite {
    connection: Connection,
    chain: Chain,
}

impl Sqlite {
    pub fn open(folder: &Path) -> Outcome<Self> {
        let connection = Connection::open(folder.join("entries.db"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection,
            chain: Chain::new(),
        })
    }
}

impl Peer for Sqlite {
    fn append(&mut self, texts: &[String]) -> Outcome {
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4)")?;
            for text in texts {
                let record = self.chain.add(text);
                insert.execute(params![
                    record.sequence as i64,
                    record.previous,
                    record.text,
                    record.signature
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn verify(&mut self) -> Outcome<u64> {
        let mut checker = Checker::new();
        let mut select = self
            .connection
            .prepare("SELECT * FROM entries ORDER BY sequence")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            checker.check(&Record {
                sequence: row.get::<_, i64>(0)? as u64,
                previous: row.get(1)?,
                text: row.get(2)?,
                signature: row.get(3)?,
            })?;
        }
        Ok(checker.checked())
    }

    fn settle(&mut self) -> Outcome<Option<u64>> {
        // What is in the write-ahead log goes into the database, and the log is cut.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(None)
    }
}
