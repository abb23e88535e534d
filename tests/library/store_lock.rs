//! The lock between processes: this test starts itself again as the other process.

use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use rotation_ledger::sys::lock::LockError;
use rotation_ledger::sys::lock::ReadLock;
use rotation_ledger::sys::lock::WriteLock;
use rotation_ledger::time::Timestamp;

const FOLDER: &str = "STORE_LOCK_TEST_FOLDER";

fn acquire(dir: &Path, wait: Duration) -> Result<WriteLock, LockError> {
    WriteLock::acquire(dir, wait, "ledger append", Timestamp::YEAR_2000)
}

/// The other process: takes the lock, says so, and holds it until it is killed.
#[test]
#[ignore = "the other process of the test below, which starts it"]
fn holder() {
    let dir = env::var_os(FOLDER).unwrap();
    let _held = acquire(Path::new(&dir), Duration::ZERO).unwrap();
    println!("\nHELD");
    std::thread::sleep(Duration::from_secs(600));
}

fn start_holder(dir: &Path) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["store_lock::holder", "--exact", "--nocapture", "--ignored"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "HELD"));
    child
}

#[test]
fn another_process_is_named_while_it_holds_the_lock_and_forgotten_when_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = start_holder(dir.path());
    let refusal = acquire(dir.path(), Duration::from_millis(50)).unwrap_err();
    let name = format!("pid {}, ledger append", other.id());
    assert!(refusal.to_string().contains(&name), "{refusal}");
    ReadLock::acquire(dir.path(), Duration::ZERO).unwrap_err();

    other.kill().unwrap();
    other.wait().unwrap();
    acquire(dir.path(), Duration::from_secs(10)).unwrap();
}
