//! The command line as people meet it: sessions to be read as pages, run with a clock that stands
//! still. `TRYCMD=overwrite cargo test --test program cli` writes down anew what is said; read the difference.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The program with the stopped clock. Cargo builds examples for `cargo test`, but not for one test
/// alone, so it is asked to.
fn stopped_ledger() -> PathBuf {
    let ledger = Path::new(env!("CARGO_BIN_EXE_ledger"));
    let folder = ledger.parent().unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", "ledger-stopped"]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    folder.join("examples/ledger-stopped")
}

fn on_path(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{tool} is not installed"))
}

#[test]
fn sessions() {
    let ledger = stopped_ledger();
    let prepared = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/prepared-ledger.sh");
    let sessions = trycmd::TestCases::new();
    for tool in [
        "cat", "chmod", "cp", "ls", "mkdir", "mv", "rm", "sed", "sh", "stat",
    ] {
        // Every one by its path: what is not known here would be passed over without a word.
        sessions.register_bin(tool, on_path(tool).as_path());
    }
    sessions
        .env("LEDGER", ledger.display().to_string())
        .env("LEDGER_PATH", "prod")
        .env("LEDGER_STATE", "state")
        .env("COLUMNS", "100")
        .register_bin("ledger", ledger.as_path())
        .register_bin("prepared-ledger", prepared.as_path())
        .case("tests/cmd/*.trycmd");
}
