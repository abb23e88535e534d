//! What an operator watches of a ledger, as this host knows it: a member of `ledger status --json`, and a file for the
//! textfile collector of Prometheus' node_exporter. Nothing of it is verified.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::anchor::LastCosigned;
use crate::ledger::marks::{self, Mark};
use crate::register::Register;
use crate::serve::{Levels, gauge};
use crate::spool::Backlog;
use crate::time::Timestamp;

use super::context::Context;
use super::exit::CommandError;

const DAY: f64 = 86_400.0;

/// Of how many entries, and when; none where it never was.
type LastDone = Option<(u64, Timestamp)>;

/// What is watched, at one instant.
pub(super) struct Gauges {
    now: Timestamp,
    levels: Levels,
    backlog: Option<Backlog>,
    /// What was last done, and what is said of it.
    last: [(&'static str, &'static str, LastDone); 6],
    /// Bytes that are free on the disk of the ledger and of what this host keeps of it.
    free: [(&'static str, Option<u64>); 2],
}

impl Gauges {
    /// Of a ledger of so many entries, the newest of which was recorded then.
    pub(super) fn of(
        context: &Context,
        register: &Register,
        (entries, newest): (u64, Option<Timestamp>),
        witnesses: &[LastCosigned],
    ) -> Result<Self, CommandError> {
        let (now, place) = (context.now(), context.place()?);
        let tokens = context.tokens(&place.dir)?;
        let cosigned = witnesses.iter().filter_map(LastCosigned::cosigned);
        let cosigned = cosigned.max_by_key(|(_, time)| *time);
        let marked = |mark| marks::read(&*context.world.disk, &place, mark);
        let [anchor, backup, verified] =
            [Mark::Anchor, Mark::Backup, Mark::Verification].map(marked);
        let due = register.charter.keyring.seals().last();
        let due = due.map(|seal| seconds(seal.due()) - seconds(now));
        let backlog = context.backlog(context.globals.ledger.as_deref());
        Ok(Self {
            now,
            levels: Levels {
                entries,
                spool: (backlog.map_or(0, |backlog| backlog.waiting as u64), None),
                key_days: due.map(|left| left / DAY),
                overdue: register.overdue_secrets(now).count() as u64,
                open: register.open_rotations().count() as u64,
                ..Levels::default()
            },
            backlog,
            last: [
                ("head", "The newest entry", newest.map(|at| (entries, at))),
                ("anchor", "A checkpoint was given away", anchor),
                ("cosignature", "A witness cosigned", cosigned),
                ("time_token", "A time token was made", tokens.newest()),
                ("backup", "The ledger was backed up", backup),
                ("verification", "All of it was verified", verified),
            ],
            free: [("ledger", free(&place.dir)), ("state", free(&place.state))],
        })
    }

    /// The member of the document.
    pub(super) fn to_json(&self) -> Value {
        let age = |at| (seconds(self.now) - seconds(at)) as i64;
        let since = self.backlog.and_then(|backlog| backlog.since);
        let mut document = json!({
            "spool": { "depth": self.levels.spool.0, "oldest_utc": since, "age_seconds": since.map(age) },
            "sealing_key_days_left": self.levels.key_days.map(|days| days.floor() as i64),
            "free_bytes": self.free.iter().copied().collect::<BTreeMap<_, _>>(),
        });
        for (name, _, last) in &self.last {
            document[*name] = json!(last.map(|(size, at)| {
                json!({ "size": size, "at_utc": at, "age_seconds": age(at) })
            }));
        }
        document
    }

    /// The file: instants and no ages, so that it tells when nobody writes it any more.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut all = Registry::with_prefix("ledger");
        self.levels.register(&mut all);
        let mut instant = |name: &str, help: &str, at: Option<Timestamp>| {
            let name = format!("{name}_timestamp_seconds");
            gauge(&mut all, &name, help, at.map(seconds));
        };
        for (name, help, last) in &self.last {
            instant(name, help, last.map(|(_, at)| at));
        }
        let since = self.backlog.and_then(|backlog| backlog.since);
        instant("spool_oldest", "The oldest statement was spooled", since);
        instant("status", "These numbers were taken", Some(self.now));
        for (place, bytes) in &self.free {
            let name = format!("{place}_free_bytes");
            let help = format!("Free where the {place} is");
            gauge(&mut all, &name, &help, bytes.map(|bytes| bytes as f64));
        }
        let mut text = String::new();
        encode(&mut text, &all)?;
        Ok(text)
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.micros() as f64 / 1e6
}

/// What is left for this user on the disk of a folder; nothing where there is no such folder.
fn free(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
