//! A primary with two synchronous standbys on this machine, by tests/postgres/cluster.sh.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Three servers; the first that is up and not a standby is the primary.
pub(crate) struct Cluster {
    folder: TempDir,
    port: u16,
}

impl Cluster {
    /// None where no server is at hand: `LEDGER_TEST_POSTGRES` names the folder of its programs.
    pub(crate) fn start() -> Option<Self> {
        std::env::var_os("LEDGER_TEST_POSTGRES")?;
        let folder = tempfile::tempdir().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        let cluster = Self {
            folder,
            port: three_ports(),
        };
        cluster.script(&["up", &cluster.data(), &cluster.port.to_string()]);
        Some(cluster)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn script(&self, words: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/cluster.sh");
        let mut command = Command::new("bash");
        let ran = command.arg(script).args(words).status().unwrap();
        assert!(ran.success(), "{words:?}");
    }

    /// A database of this role's on one of the three.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// The same on whichever of them can be written to.
    pub(crate) fn any(&self, role: &str, database: &str) -> String {
        let hosts = (0..3).map(|node| format!("127.0.0.1:{}", self.port + node));
        let hosts = hosts.collect::<Vec<_>>().join(",");
        format!("postgres://{role}@{hosts}/{database}?target_session_attrs=read-write")
    }

    /// The port of a node, 1 to 3.
    pub(crate) const fn port(&self, node: u16) -> u16 {
        self.port + node - 1
    }

    /// Asks a node as its superuser.
    pub(crate) fn sql(&self, node: u16, database: &str, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["-h", "127.0.0.1", "-U", "postgres", "-qAt", "-p"])
            .arg(self.port(node).to_string())
            .args(["-d", database, "-c", sql])
            .output()
            .unwrap();
        assert!(output.status.success(), "{sql}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The processes of a node, its first one first.
    fn processes(&self, node: u16) -> Vec<String> {
        let pid = PathBuf::from(self.data()).join(format!("n{node}/postmaster.pid"));
        let text = std::fs::read_to_string(pid).unwrap();
        let first = text.lines().next().unwrap().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children"));
        let children = children.unwrap();
        let children = children.split_whitespace().map(str::to_owned);
        std::iter::once(first).chain(children).collect()
    }

    /// Kills a node without a word, with all that it runs.
    pub(crate) fn kill(&self, node: u16) {
        signal("-KILL", &self.processes(node));
    }

    /// Has the standbys receive nothing, or go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        for node in [2, 3] {
            let all = self.processes(node);
            signal(if frozen { "-STOP" } else { "-CONT" }, &all[1..]);
        }
    }

    /// Has the standby that has more take the place of the primary, and the other follow it. Its number.
    pub(crate) fn promote(&self) -> u16 {
        let has = |node| self.sql(node, "postgres", "SELECT pg_last_wal_receive_lsn() - '0/0'");
        let has = [2, 3].map(|node| has(node).parse::<u64>().unwrap());
        let (new, other) = if has[0] >= has[1] { (2, 3) } else { (3, 2) };
        // Named before it takes the first commit, as a manager of fail-over does.
        for sql in [
            &*format!("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (n{other})'"),
            "SELECT pg_reload_conf()",
            "SELECT pg_promote()",
            &format!("SELECT pg_create_physical_replication_slot('s{other}')"),
        ] {
            self.sql(new, "postgres", sql);
        }
        let port = self.port(new);
        let follow = format!(
            "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port={port} user=postgres application_name=n{other}'"
        );
        self.sql(other, "postgres", &follow);
        self.sql(other, "postgres", "SELECT pg_reload_conf()");
        new
    }

    /// Waits until something is so on a node.
    pub(crate) fn wait_for(&self, node: u16, sql: &str) {
        while self.sql(node, "postgres", sql) != "t" {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What was stopped would not end.
        self.freeze(false);
        self.script(&["down", &self.data()]);
    }
}

fn signal(signal: &str, processes: &[String]) {
    // One of them may have ended since.
    let _ = Command::new("kill").arg(signal).args(processes).status();
}

/// The first of three ports in a row that nobody has.
fn three_ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let next = |more| TcpListener::bind(("127.0.0.1", port.checked_add(more)?)).ok();
        if next(1).is_some() && next(2).is_some() {
            return port;
        }
    }
}
