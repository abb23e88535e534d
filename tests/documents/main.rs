//! What the documents say is what the code does: `docs/EVENTS.md` is made from the vocabulary and
//! the rules, and the examples of `docs/FORMAT.md` from bytes.
//!
//! `UPDATE_DOCS=1 cargo test --test documents` writes both anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod blocks;
mod codes;
mod events;
mod format;
mod golden;
mod names;
mod vectors;
mod words;

use std::path::Path;
use std::path::PathBuf;

/// Reads a document of the project.
fn read(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// The README and the documents of `docs/`.
fn documents() -> Vec<String> {
    let mut names = vec!["README.md".to_owned()];
    for file in std::fs::read_dir(path("docs")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        // Besides the documents there are files that go with them.
        if name.ends_with(".md") {
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    names
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a document with what it should be, or writes it.
fn keep(name: &str, wanted: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(name), wanted).unwrap();
    }
    let found = read(name);
    for (line, (found, wanted)) in found.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(
            found,
            wanted,
            "{name}, line {}: UPDATE_DOCS=1 writes it anew",
            line + 1
        );
    }
    assert_eq!(found, wanted, "{name}: UPDATE_DOCS=1 writes it anew");
}
