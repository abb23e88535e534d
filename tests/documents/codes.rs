//! What programs are told of a failure by one word, on the command line and over HTTP: each word that the sources
//! use stands in the table of `docs/INTEGRATE.md`, and no other.

use std::collections::BTreeSet;
use std::path::Path;

/// What stands before a code in the sources.
const BEFORE: &[&str] = &[
    ".code(",
    "Problem::new(",
    "Problem::bad(",
    "Problem::busy(",
    "Problem::internal(",
    "Problem::not_found(",
    "Problem::too_large(",
    "Problem::unauthorised(",
    "Problem::unprocessable(",
    "Self::busy(",
    "Self::internal(",
    "Self::not_found(",
    "Err(refused(",
];

/// Where each arm of a `match` is one.
const LISTS: &[&str] = &[
    "src/append/code.rs",
    "src/cli/exit.rs",
    "src/ledger/error.rs",
];

/// Words at the beginning of a text in quotes.
fn quoted(text: &str) -> Option<&str> {
    let word = text.strip_prefix('"')?.split('"').next()?;
    let is_code = word
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (is_code && !word.is_empty()).then_some(word)
}

fn codes_in(path: &str, source: &str, codes: &mut BTreeSet<String>) {
    let end = source.find("#[cfg(test)]\nmod tests {");
    let source = &source[..end.unwrap_or(source.len())];
    for before in BEFORE {
        for rest in source.split(before).skip(1) {
            let rest = rest.trim_start();
            // A status comes first where one is named.
            let rest = match rest.strip_prefix("StatusCode::") {
                Some(rest) => rest.split_once(',').unwrap().1.trim_start(),
                None => rest,
            };
            codes.extend(quoted(rest).map(str::to_owned));
        }
    }
    if LISTS.contains(&path) {
        let arms = source.split("=> ").skip(1);
        codes.extend(arms.filter_map(quoted).map(str::to_owned));
    }
}

fn codes_of(folder: &Path, codes: &mut BTreeSet<String>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            codes_of(&path, codes);
            continue;
        }
        let name = path
            .strip_prefix(crate::path(""))
            .unwrap()
            .to_str()
            .unwrap();
        codes_in(name, &crate::read(name), codes);
    }
}

#[test]
fn every_code_of_a_failure_stands_in_the_table() {
    let mut codes = BTreeSet::new();
    codes_of(&crate::path("src"), &mut codes);
    let document = crate::read("docs/INTEGRATE.md");
    let rows = document
        .lines()
        .skip_while(|line| !line.starts_with("| code |"))
        .skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let first = rows.map(|row| row.split('|').nth(1).unwrap());
    let mut listed = Vec::new();
    for cell in first {
        listed.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    let once: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a code stands there twice");
    assert_eq!(once, codes);
    assert!(codes.contains("locked") && codes.contains("no-rotation"));
}
