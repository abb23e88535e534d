//! Numbers for Prometheus. No secret, actor, ticket or rotation is a label.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

type Labels = Vec<(&'static str, String)>;
type Number = Gauge<f64, AtomicU64>;

/// What is counted while the server works.
pub(super) struct Metrics {
    appends: Family<Labels, Counter>,
    rejects: Family<Labels, Counter>,
    requests: Family<Labels, Counter>,
    commit_entries: Histogram,
    commit_seconds: Histogram,
}

/// What is looked up when somebody asks.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Levels {
    /// Entries under the newest checkpoint.
    pub(crate) entries: u64,
    /// Since the newest entry was recorded.
    pub(crate) head_age: Option<f64>,
    /// Statements that wait in the spool, and since when.
    pub(crate) spool: (u64, Option<f64>),
    /// Since each witness last cosigned, by its name.
    pub(crate) witnesses: Vec<(String, f64)>,
    /// Until the sealing key is replaced.
    pub(crate) key_days: Option<f64>,
    /// Secrets that are overdue, and rotations that are open.
    pub(crate) overdue: u64,
    /// Rotations under way.
    pub(crate) open: u64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            appends: Family::default(),
            rejects: Family::default(),
            requests: Family::default(),
            commit_entries: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            commit_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 14)),
        }
    }

    pub(super) fn appended(&self, event: &str, replayed: bool) {
        let result = if replayed { "replayed" } else { "recorded" };
        let labels = vec![("event", event.to_owned()), ("result", result.to_owned())];
        self.appends.get_or_create(&labels).inc();
    }

    pub(super) fn rejected(&self, code: &'static str) {
        let labels = vec![("code", code.to_owned())];
        self.rejects.get_or_create(&labels).inc();
    }

    pub(super) fn committed(&self, entries: usize, took: Duration) {
        self.commit_entries.observe(entries as f64);
        self.commit_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn answered(&self, status: u16) {
        let labels = vec![("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
    }

    /// Everything in the form that Prometheus reads.
    pub(super) fn text(&self, levels: &Levels) -> Result<String, std::fmt::Error> {
        let mut all = Registry::with_prefix("ledger");
        all.register("appends", "Statements with a receipt", self.appends.clone());
        all.register(
            "rejects",
            "Statements that were refused",
            self.rejects.clone(),
        );
        all.register("http_requests", "Requests answered", self.requests.clone());
        all.register(
            "commit_entries",
            "Entries in one commit",
            self.commit_entries.clone(),
        );
        let (help, seconds) = ("From taking a group to its receipts", Unit::Seconds);
        let took = self.commit_seconds.clone();
        all.register_with_unit("commit_duration", help, seconds, took);
        levels.register(&mut all);
        let mut text = String::new();
        encode(&mut text, &all)?;
        Ok(text)
    }
}

/// Registers a number, where there is one: what never happened has no value.
pub(crate) fn gauge(all: &mut Registry, name: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        let gauge = Number::default();
        gauge.set(value);
        all.register(name, help, gauge);
    }
}

impl Levels {
    pub(crate) fn register(&self, all: &mut Registry) {
        let (spooled, spooled_for) = self.spool;
        for (name, help, value) in [
            (
                "entries",
                "Entries under the newest checkpoint",
                Some(self.entries as f64),
            ),
            ("head_age_seconds", "Since the newest entry", self.head_age),
            (
                "spool_depth",
                "Statements in the spool",
                Some(spooled as f64),
            ),
            (
                "spool_age_seconds",
                "Since the oldest was spooled",
                spooled_for,
            ),
            (
                "sealing_key_days_left",
                "Until the sealing key is replaced",
                self.key_days,
            ),
            (
                "secrets_overdue",
                "Secrets that are overdue",
                Some(self.overdue as f64),
            ),
            (
                "rotations_open",
                "Rotations under way",
                Some(self.open as f64),
            ),
        ] {
            gauge(all, name, help, value);
        }
        if self.witnesses.is_empty() {
            return;
        }
        let ages = Family::<Labels, Number>::default();
        for (witness, age) in &self.witnesses {
            let labels = vec![("witness", witness.clone())];
            ages.get_or_create(&labels).set(*age);
        }
        all.register("cosigned_age_seconds", "Since a witness cosigned", ages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::new();
        metrics.appended("rotation.opened", false);
        metrics.rejected("bad-signature");
        metrics.committed(3, Duration::from_millis(2));
        let levels = Levels {
            entries: 7,
            witnesses: vec![("w".to_owned(), 1.5)],
            ..Levels::default()
        };
        let text = metrics.text(&levels).unwrap();
        for line in [
            "ledger_appends_total{event=\"rotation.opened\",result=\"recorded\"} 1",
            "ledger_rejects_total{code=\"bad-signature\"} 1",
            "ledger_commit_entries_count 1",
            "ledger_entries 7.0",
            "ledger_cosigned_age_seconds{witness=\"w\"} 1.5",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
