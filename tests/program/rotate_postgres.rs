//! The playbooks for PostgreSQL, carried out against a server: `LEDGER_TEST_POSTGRES` names the folder of its programs.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::program::Program;

const SIGN_OFF: &str = "rotate db/orders --sign-off --key alice.pem --field no_window=none --field inventory=wiki/1 --field maintenance_window=none --field access_logging=wiki/3";
const REPORT: &str = "--field runbook=PH42-E --field report=wiki/4 --field timeline=told --field remediation=done --field summary=ran";
const ROTATE: &str = "rotate db/orders --key olga.pem";

/// A server of its own with a ledger beside it.
struct Database {
    program: Program,
    bin: PathBuf,
    port: u16,
    roles: &'static str,
}

impl Database {
    /// None where no server is at hand.
    fn with(playbook: &str, roles: &'static str) -> Option<Self> {
        let bin = PathBuf::from(std::env::var_os("LEDGER_TEST_POSTGRES")?);
        let program = Program::prepared();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let database = Self {
            port: port.local_addr().unwrap().port(),
            program,
            bin,
            roles,
        };
        drop(port);
        database.start();
        let root = database.program.root().display().to_string();
        let first = roles.split(' ').next().unwrap();
        let made = roles
            .split(' ')
            .map(|role| format!("CREATE ROLE {role} LOGIN PASSWORD 'the-first-one';"));
        database.sql(&made.collect::<String>());
        for folder in ["store", "consumers", "playbooks"] {
            fs::create_dir(database.program.path(folder)).unwrap();
        }
        let file = format!("[db]\nuser={first}\npassword=the-first-one\n");
        for name in [
            &*format!("store/{first}@first.conf"),
            "consumers/api.conf",
            "consumers/worker.conf",
        ] {
            fs::write(database.program.path(name), &file).unwrap();
        }
        let shown = database
            .program
            .output(&format!("playbook show {playbook}"))
            .stdout;
        fs::write(database.program.path("playbooks/orders.toml"), shown).unwrap();
        let program = &database.program;
        let over = "append rotation.aborted --key olga.pem --rotation r-1 --reason over --disposition none_generated";
        assert_eq!(program.code(over), 0);
        assert_eq!(
            program
                .code("append rotation.confirmed --key alice.pem --rotation r-1 --outcome aborted"),
            0
        );
        let dual = if playbook.contains("two") {
            "yes"
        } else {
            "no"
        };
        let register = format!(
            "secret register --key petra.pem --secret db/pg --name PG --class database_credential --store file:{root}/store --owner Orders --consumers api,worker --dual-run {dual} --version {first}@first --last-rotated 2026-09-01"
        );
        assert_eq!(program.code(&register), 0);
        Some(database)
    }

    /// A program of the server's, by somebody who may run it: root may not.
    fn serverside(&self, script: &str) {
        let data = self.program.path("data");
        let is_root = fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let script = script.replace("BIN", &self.bin.display().to_string());
        let script = script.replace("DATA", &data.display().to_string());
        let mut command = match is_root {
            true => Command::new("su"),
            false => Command::new("sh"),
        };
        if is_root {
            command.args(["-s", "/bin/sh", "nobody"]);
        }
        let output = command
            .arg("-c")
            .arg(&script)
            .current_dir("/")
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
    }

    fn start(&self) {
        let data = self.program.path("data");
        fs::create_dir(&data).unwrap();
        // Whoever the server runs as has to reach its folder.
        let open = |path: &Path| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
            fs::set_permissions(path, mode).unwrap();
        };
        open(self.program.root());
        let owned = Command::new("chown").arg("nobody").arg(&data).status();
        let _ = owned;
        let port = self.port;
        self.serverside(&format!(
            "echo admin-password > DATA.pw 2>/dev/null || true; umask 077; BIN/initdb -D DATA -A trust -U admin >/dev/null && printf 'host all admin 127.0.0.1/32 trust\\nhost all all 127.0.0.1/32 scram-sha-256\\n' > DATA/pg_hba.conf && BIN/pg_ctl -s -D DATA -o '-p {port} -k DATA -c listen_addresses=127.0.0.1 -c fsync=off' -l DATA/log -w start"
        ));
    }

    fn admin(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=admin dbname=postgres",
            self.port
        )
    }

    fn sql(&self, text: &str) {
        let output = Command::new("psql")
            .args(["-Xqc", text, &self.admin()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{text}: {output:?}");
    }

    /// `ledger` with these words and what the playbook needs.
    fn ledger(&self, words: &str) -> Command {
        let mut command = self.program.ledger(&words.replace("db/orders", "db/pg"));
        command
            .env("PG_ADMIN", self.admin())
            .env("PG_TARGET", self.target())
            .env("PG_ROLES", self.roles)
            .env("PG_ROLE", self.roles)
            .env("STORE_DIR", self.program.path("store"))
            .env("CONSUMERS", self.program.path("consumers"));
        command
    }

    fn target(&self) -> String {
        format!(
            "host=127.0.0.1 port={} dbname=postgres connect_timeout=5",
            self.port
        )
    }

    fn ends_with(&self, words: &str, code: i32) {
        let output = self.ledger(words).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words}: {output:?}");
    }

    /// Whether what a file holds logs in.
    fn lets_in(&self, file: &str) -> bool {
        let connection = format!("service=db {}", self.target());
        let mut psql = Command::new("psql");
        let psql = psql.args(["-Xqw", "-c", "select 1", &connection]);
        let path = self.program.path(file);
        psql.env("PGSERVICEFILE", path)
            .output()
            .unwrap()
            .status
            .success()
    }

    /// How often each event was said of the secret's newest rotation.
    fn is_whole_and_without_finding(&self, told: &str) {
        let report = self.program.json("verify --secret db/pg --json");
        assert_eq!(
            report["findings"].as_array().unwrap().len(),
            0,
            "{told}: {report:#}"
        );
    }

    fn counts(&self, event: &str) -> usize {
        self.program
            .events()
            .iter()
            .filter(|said| *said == event)
            .count()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let bin = self.bin.join("pg_ctl");
        let script = format!(
            "{} -s -m immediate -D {} stop",
            bin.display(),
            self.program.path("data").display()
        );
        let _ = Command::new("su")
            .args(["-s", "/bin/sh", "nobody", "-c", &script])
            .status();
    }
}

#[test]
fn two_roles_take_turns_in_four_calls_and_an_emergency_in_two() {
    let Some(database) = Database::with("postgres-two-roles", "orders_a orders_b") else {
        return;
    };
    let calls = [(ROTATE, 7), (SIGN_OFF, 7), (ROTATE, 7), (SIGN_OFF, 0)];
    for (call, code) in calls {
        database.ends_with(call, code);
    }
    assert!(!database.lets_in("store/orders_a@first.conf"));
    assert!(database.lets_in("consumers/api.conf") && database.lets_in("consumers/worker.conf"));
    database.is_whole_and_without_finding("scheduled");
    let used = fs::read_to_string(database.program.path("consumers/api.conf")).unwrap();
    fs::write(database.program.path("leaked.conf"), used).unwrap();
    let mut emergency = database.ledger(&format!("{ROTATE} --emergency"));
    let emergency = emergency
        .args(["--why", "password in a public log"])
        .output()
        .unwrap();
    assert_eq!(emergency.status.code(), Some(7), "{emergency:?}");
    database.ends_with(&format!("{SIGN_OFF} {REPORT}"), 0);
    assert!(!database.lets_in("leaked.conf"));
    assert!(database.lets_in("consumers/api.conf") && database.lets_in("consumers/worker.conf"));
    database.is_whole_and_without_finding("emergency");
    // No password was logged, by the server or by us.
    let log = fs::read_to_string(database.program.path("data/log")).unwrap();
    let password = used_password(&database);
    assert!(!log.contains(&password));
}

fn used_password(database: &Database) -> String {
    let file = fs::read_to_string(database.program.path("consumers/api.conf")).unwrap();
    let line = file.lines().find_map(|line| line.strip_prefix("password="));
    line.unwrap().to_owned()
}

#[test]
fn one_role_is_rotated_and_rolled_back() {
    let Some(database) = Database::with("postgres-single-role", "orders") else {
        return;
    };
    database.ends_with(ROTATE, 7);
    database.ends_with(SIGN_OFF, 7);
    // A consumer that cannot be told: everything is as it was.
    fs::remove_file(database.program.path("consumers/worker.conf")).unwrap();
    fs::create_dir(database.program.path("consumers/worker.conf")).unwrap();
    database.ends_with(ROTATE, 7);
    assert!(database.lets_in("store/orders@first.conf") && database.lets_in("consumers/api.conf"));
    database.ends_with(SIGN_OFF, 0);
    fs::remove_dir_all(database.program.path("consumers/worker.conf")).unwrap();
    for (call, code) in [(ROTATE, 7), (SIGN_OFF, 7), (ROTATE, 7), (SIGN_OFF, 0)] {
        database.ends_with(call, code);
    }
    assert!(!database.lets_in("store/orders@first.conf"));
    assert!(database.lets_in("consumers/api.conf") && database.lets_in("consumers/worker.conf"));
    database.is_whole_and_without_finding("single role");
}

#[test]
fn killed_at_any_moment_it_goes_on_with_no_step_twice_and_none_lost() {
    let Some(database) = Database::with("postgres-two-roles", "orders_a orders_b") else {
        return;
    };
    database.ends_with(ROTATE, 7);
    database.ends_with(SIGN_OFF, 7);
    let mut kills = 0;
    for patience in (20..).step_by(35) {
        let mut running = database.ledger(ROTATE);
        let running = running.stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = running.spawn().unwrap();
        thread::sleep(Duration::from_millis(patience));
        let _ = running.kill();
        let ended = running.wait().unwrap();
        kills += usize::from(ended.signal() == Some(9));
        if database.counts("rotation.completed") == 1 {
            break;
        }
    }
    database.ends_with(SIGN_OFF, 0);
    assert!(kills > 3, "{kills}");
    for (event, count) in [
        ("replacement.generated", 1),
        ("dual_run.started", 1),
        ("replacement.validated", 1),
        ("cutover.completed", 2),
        ("health.confirmed", 1),
        ("secret.revoked", 1),
        ("revocation.verified", 1),
        ("rotation.completed", 1),
    ] {
        assert_eq!(database.counts(event), count, "{event} after {kills} kills");
    }
    assert!(!database.lets_in("store/orders_a@first.conf"));
    database.is_whole_and_without_finding("killed");
}
