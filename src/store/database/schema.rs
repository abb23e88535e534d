//! The form in which a database keeps a ledger, in numbered steps that its owner takes.
//!
//! Whoever writes may add rows and read them, whoever reads may read, and nobody else may anything. What the database keeps
//! in order by triggers and constraints it keeps in order against mistakes: whoever owns it can pass them, and only the
//! chain of the entries, held against a checkpoint that lies elsewhere, tells.

use postgres::Client;

use super::session::Fault;

/// What this program reads and writes.
pub(super) const VERSION: i32 = 1;

/// The steps from nothing on.
const STEPS: [&str; VERSION as usize] = [include_str!("schema.sql")];

/// Whom the owner of a database lets in.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseRoles<'a> {
    /// The role that adds to the ledger.
    pub writer: Option<&'a str>,
    /// The role that reads it.
    pub reader: Option<&'a str>,
}

/// Brings the schema to the form that this program knows, and lets two roles in. Done again it changes nothing.
pub(super) fn migrate(
    client: &mut Client,
    schema: &str,
    roles: &[(String, &'static str)],
) -> Result<(), Fault> {
    let mut all = client.transaction()?;
    // Two owners at once: the second waits, and finds it done.
    all.batch_execute("SELECT pg_advisory_xact_lock(1819239272)")?;
    let there: bool = all
        .query_one(
            "SELECT to_regclass($1) IS NOT NULL",
            &[&format!("{schema}.migration")],
        )?
        .get(0);
    if !there {
        let named: bool = all
            .query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&schema])?
            .get(0);
        if !named {
            all.batch_execute(&format!("CREATE SCHEMA {schema}"))?;
        }
        all.batch_execute(&format!(
            "CREATE TABLE {schema}.migration (version int PRIMARY KEY, made timestamptz NOT NULL DEFAULT now())"
        ))?;
    }
    let newest = format!("SELECT coalesce(max(version), 0) FROM {schema}.migration");
    let version: i32 = all.query_one(&newest, &[])?.get(0);
    if version > VERSION {
        return Err(Fault::Unfit(format!(
            "its schema has version {version}, and this program knows version {VERSION}"
        )));
    }
    for (number, step) in (1..).zip(STEPS).skip(usize::try_from(version).unwrap_or(0)) {
        all.batch_execute(&step.replace("{schema}", schema))?;
        let done = format!("INSERT INTO {schema}.migration VALUES ($1)");
        all.execute(&done, &[&number])?;
    }
    for (role, rights) in roles {
        // The server quotes the name: it is somebody's, and may be any.
        let quoted: String = all.query_one("SELECT quote_ident($1)", &[role])?.get(0);
        all.batch_execute(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO {quoted};
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {quoted};
             {}",
            rights
                .replace("{schema}", schema)
                .replace("{role}", &quoted)
        ))?;
    }
    Ok(all.commit()?)
}

impl DatabaseRoles<'_> {
    /// Each role with what it may do besides reading.
    pub(super) fn rights(self) -> Vec<(String, &'static str)> {
        let writer = self.writer.map(|role| {
            let adds = "GRANT INSERT ON {schema}.segment, {schema}.named TO {role};";
            (role.to_owned(), adds)
        });
        let reader = self.reader.map(|role| (role.to_owned(), ""));
        writer.into_iter().chain(reader).collect()
    }
}
