//! What benches share: samples with their medians, a folder on the disk that is asked about, and
//! the memory of a process.

#![allow(dead_code, reason = "each bench uses its own part")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// `ledger` on what lies in `home`, in the name of `key`; `LEDGER_BENCH_PROGRAM` names another one.
pub(crate) fn ledger(home: &Path, key: &Path) -> Command {
    let program = std::env::var_os("LEDGER_BENCH_PROGRAM");
    let mut command = Command::new(program.unwrap_or(env!("CARGO_BIN_EXE_ledger").into()));
    command
        .arg("--ledger")
        .arg(home.join("ledger"))
        .arg("--state")
        .arg(home.join("state"))
        .arg("--key")
        .arg(key);
    command
}

/// The same, appending one event.
pub(crate) fn append(home: &Path, key: &Path, number: usize) -> Command {
    let mut command = ledger(home, key);
    command
        .args(["append", "source.observed"])
        .args(["--source", "vault audit device"])
        .args(["--record", &format!("request-{number}")])
        .args(["--record-sha256", &"ab".repeat(32)])
        .args(["--observed", "read by orders-api"])
        .args(["--secret", "db/orders-1"]);
    command
}

/// How long a process takes from its start to its end.
pub(crate) fn time(command: &mut Command) -> Duration {
    time_until(command, 0)
}

/// The same of one that ends with a code of at most `worst`: 3 is an answer.
pub(crate) fn time_until(command: &mut Command, worst: i32) -> Duration {
    let began = Instant::now();
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let took = began.elapsed();
    assert!(
        status.code().is_some_and(|code| code <= worst),
        "{command:?}: {status}"
    );
    took
}

/// Times of one operation.
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    fn at(&self, share: f64) -> f64 {
        let mut times = self.0.clone();
        times.sort_unstable();
        let place = ((times.len() - 1) as f64 * share) as usize;
        times[place].as_secs_f64()
    }

    /// The median, in seconds.
    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// All of them together, in seconds.
    pub(crate) fn total(&self) -> f64 {
        self.0.iter().map(Duration::as_secs_f64).sum()
    }

    /// Median, 99th percentile and the longest.
    pub(crate) fn spread(&self) -> String {
        let [median, late, longest] = [0.5, 0.99, 1.0].map(|share| self.at(share) * 1e3);
        format!("median {median:>7.2} ms   p99 {late:>7.2} ms   longest {longest:>7.2} ms")
    }

    /// Median, 99th percentile and rate, where one operation does `each` things.
    pub(crate) fn rate(&self, each: usize) -> String {
        let per_second = each as f64 * self.0.len() as f64 / self.total();
        format!(
            "median {:>9.1} us   p99 {:>9.1} us   {:>9.0} per second overall, {:>9.0} by the median",
            self.median() * 1e6,
            self.at(0.99) * 1e6,
            per_second,
            each as f64 / self.median()
        )
    }
}

/// A new folder on the disk in question.
pub(crate) fn folder() -> tempfile::TempDir {
    let base =
        std::env::var_os("LEDGER_BENCH_DIR").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    tempfile::tempdir_in(base).unwrap()
}

/// A line of `/proc/self/status` in MiB, for instance `VmHWM`; nothing where there is no such file.
pub(crate) fn memory(name: &str) -> Option<f64> {
    memory_of("self", name)
}

/// The same of another process.
pub(crate) fn memory_of(process: &str, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// The size asked for in the environment, or `otherwise`.
pub(crate) fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Peak resident memory of a command in KiB, by GNU time, where that is installed.
pub(crate) fn peak(command: &Command) -> String {
    let run = Command::new("/usr/bin/time")
        .args(["-f", "%M"])
        .arg(command.get_program())
        .args(command.get_args())
        .output();
    run.map_or_else(
        |_| "?".to_owned(),
        |run| {
            let said = String::from_utf8_lossy(&run.stderr);
            said.lines().last().unwrap_or("?").to_owned()
        },
    )
}
