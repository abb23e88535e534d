//! What stands in the tables, asked for in few questions.
//!
//! Nothing that a table says of itself is believed: entries are taken out of the bytes of their rows, in the order in which
//! these say they stand, and whoever reads holds them against the chain.

use postgres::types::{ToSql, Type};
use postgres::{Client, Error, GenericClient, IsolationLevel, Row};

use crate::store::engine::END_NOTE;
use crate::store::tail::TAIL_FILE;

/// Rows that reach from the one in which entry `$1` stands to before entry `$2`.
const ROWS: &str = "SELECT position, entries FROM segment WHERE position < $2 AND position >=
    coalesce((SELECT max(position) FROM segment WHERE position <= $1), 0) ORDER BY position";
const ENDS: &str = "SELECT next FROM segment ORDER BY position DESC LIMIT 1";
/// The newest value behind the log, put with its end or written anew since.
const NOTE: &str = "SELECT bytes FROM (
      (SELECT next AS ends, 0 AS again, note AS bytes FROM segment ORDER BY position DESC LIMIT 1)
      UNION ALL
      (SELECT generation, 1, bytes FROM named WHERE name = 'checkpoint' ORDER BY generation DESC LIMIT 1)
    ) both_of_them ORDER BY ends DESC, again DESC LIMIT 1";
const NEWEST: &str =
    "SELECT generation, bytes FROM named WHERE name = $1 ORDER BY generation DESC LIMIT 1";
/// Names whose newest generation has bytes.
const NAMES: &str = "SELECT name FROM (
      SELECT DISTINCT ON (name) name, bytes IS NOT NULL AS there FROM named
      WHERE name >= $1 AND name < $2 ORDER BY name, generation DESC
    ) newest WHERE there AND name NOT IN ('tail', 'checkpoint')";
/// Puts bytes under a name that has none, and says which it has.
const ONCE: &str = "WITH newest AS (SELECT generation, bytes FROM named WHERE name = $1 ORDER BY generation DESC LIMIT 1),
    put AS (INSERT INTO named SELECT $1, coalesce((SELECT generation FROM newest), -1) + 1, $2
      WHERE NOT EXISTS (SELECT 1 FROM newest WHERE bytes IS NOT NULL))
    SELECT (SELECT bytes FROM newest)";
const ANEW: &str =
    "INSERT INTO named SELECT $1, coalesce(max(generation), -1) + 1, $2 FROM named WHERE name = $1";

/// An entry and the place that its row gives it.
pub(super) type PlacedEntry = (u64, Vec<u8>);

/// The number of a generation, and its bytes where something is there.
type Generation = (i64, Option<Vec<u8>>);

/// The end of the log at one moment.
#[derive(Debug, Default)]
pub(super) struct LogEnd {
    /// Entries in bundles, and what is carried for them.
    pub(super) base: u64,
    pub(super) carry: Vec<u8>,
    /// The entries behind the bundles.
    pub(super) tail: Vec<PlacedEntry>,
    /// Whether there is any row.
    pub(super) begun: bool,
    /// What was asked for besides.
    pub(super) files: Vec<Option<Vec<u8>>>,
}

impl LogEnd {
    /// Looks at the end of the log, and at small things under `names`, all as they are at one moment.
    pub(super) fn look(client: &mut Client, names: &[String]) -> Result<Self, Error> {
        let begun = client.build_transaction();
        let mut moment = begun
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()?;
        let sealed = newest(&mut moment, TAIL_FILE)?;
        let (base, carry) = sealed.map_or((0, None), |(generation, carry)| (generation, carry));
        let mut end = Self {
            base: base.cast_unsigned(),
            carry: carry.unwrap_or_default(),
            ..Self::default()
        };
        end.tail = entries(&mut moment, end.base, u64::MAX)?;
        end.begun = ends(&mut moment)? > 0;
        for name in names {
            end.files.push(match name.as_str() {
                END_NOTE => note(&mut moment)?,
                name => newest(&mut moment, name)?.and_then(|(_, bytes)| bytes),
            });
        }
        moment.rollback()?;
        Ok(end)
    }
}

fn place(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

/// Entries from `first` to before `end`.
pub(super) fn entries(
    client: &mut impl GenericClient,
    first: u64,
    end: u64,
) -> Result<Vec<PlacedEntry>, Error> {
    let range = [place(first), place(end)];
    let rows = client.query_typed(ROWS, &[(&range[0], Type::INT8), (&range[1], Type::INT8)])?;
    let of_row = |row: &Row| {
        let at = row.get::<_, i64>(0).cast_unsigned();
        (at..).zip(unpack(row.get(1))).collect::<Vec<_>>()
    };
    let wanted = |entry: &PlacedEntry| (first..end).contains(&entry.0);
    Ok(rows.iter().flat_map(of_row).filter(wanted).collect())
}

/// The entries in the bytes of a row; what cannot be one ends them.
fn unpack(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, after)) = bytes.split_first_chunk()
        && let Some((entry, after)) =
            after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
    {
        entries.push(entry.to_vec());
        bytes = after;
    }
    entries
}

/// Number of entries.
pub(super) fn ends(client: &mut impl GenericClient) -> Result<u64, Error> {
    let row = client.query_typed_opt(ENDS, &[])?;
    Ok(row.map_or(0, |row| row.get::<_, i64>(0).cast_unsigned()))
}

/// Whether one row holds exactly the entries from `first` to before `end`, by what it says of itself.
pub(super) fn is_row(client: &mut impl GenericClient, first: u64, end: u64) -> Result<bool, Error> {
    let asked = "SELECT 1 FROM segment WHERE position = $1 AND next = $2";
    let range = [place(first), place(end)];
    let row = client.query_typed_opt(asked, &[(&range[0], Type::INT8), (&range[1], Type::INT8)])?;
    Ok(row.is_some())
}

/// The newest value behind the log.
pub(super) fn note(client: &mut impl GenericClient) -> Result<Option<Vec<u8>>, Error> {
    let row = client.query_typed_opt(NOTE, &[])?;
    Ok(row.and_then(|row| row.get(0)))
}

/// The newest generation under a name, and its bytes, where it has some.
pub(super) fn newest(
    client: &mut impl GenericClient,
    name: &str,
) -> Result<Option<Generation>, Error> {
    let row = client.query_typed_opt(NEWEST, &[(&name, Type::TEXT)])?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// The names that begin with `prefix`, without those that the log answers for.
pub(super) fn names(client: &mut Client, prefix: &str) -> Result<Vec<String>, Error> {
    let end = format!("{prefix}\u{10ffff}");
    let range = [
        (&prefix as &(dyn ToSql + Sync), Type::TEXT),
        (&end, Type::TEXT),
    ];
    let rows = client.query_typed(NAMES, &range)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Puts bytes under a name that has none; those that it has, where it has some.
pub(super) fn put_once(
    client: &mut impl GenericClient,
    name: &str,
    bytes: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    let row = client.query_typed_one(ONCE, &[(&name, Type::TEXT), (&bytes, Type::BYTEA)])?;
    Ok(row.get(0))
}

/// Puts bytes under a name in place of those before, or says that nothing is there any more.
pub(super) fn put_anew(client: &mut Client, name: &str, bytes: Option<&[u8]>) -> Result<(), Error> {
    let row = [
        (&name as &(dyn ToSql + Sync), Type::TEXT),
        (&bytes, Type::BYTEA),
    ];
    client.execute_typed(ANEW, &row).map(drop)
}

/// Puts bytes as this generation of a name, where it is not there; the bytes that it has then.
pub(super) fn put_generation(
    client: &mut impl GenericClient,
    name: &str,
    generation: u64,
    bytes: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    let generation = place(generation);
    let put = "INSERT INTO named VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let row: [(&(dyn ToSql + Sync), Type); 3] = [
        (&name, Type::TEXT),
        (&generation, Type::INT8),
        (&bytes, Type::BYTEA),
    ];
    client.execute_typed(put, &row)?;
    let stands = "SELECT bytes FROM named WHERE name = $1 AND generation = $2";
    let row = client.query_typed_one(stands, &row[..2])?;
    Ok(row.get(0))
}

/// A row of entries that is to stand at a place.
pub(super) struct NewRow {
    pub(super) position: u64,
    pub(super) next: u64,
    pub(super) previous: [u8; 32],
    pub(super) link: [u8; 32],
    pub(super) entries: Vec<u8>,
    pub(super) note: Vec<u8>,
}

impl NewRow {
    pub(super) fn put(&self, client: &mut Client) -> Result<(), Error> {
        let (position, next) = (place(self.position), place(self.next));
        let (previous, link) = (self.previous.as_slice(), self.link.as_slice());
        let row: [(&(dyn ToSql + Sync), Type); 6] = [
            (&position, Type::INT8),
            (&next, Type::INT8),
            (&previous, Type::BYTEA),
            (&link, Type::BYTEA),
            (&self.entries, Type::BYTEA),
            (&self.note, Type::BYTEA),
        ];
        let put = "INSERT INTO segment VALUES ($1, $2, $3, $4, $5, $6)";
        client.execute_typed(put, &row).map(drop)
    }
}
