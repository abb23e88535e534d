//! Trust files as they are written: by whom a checkpoint must have been seen, and for whom.

use crate::note::NoteKey;

/// The lines by which all of these witnesses have to cosign, each witness with its name and its line; nothing
/// where there are none.
#[must_use]
pub fn all_of(witnesses: &[(String, String)]) -> String {
    if witnesses.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    let mut group = "group all-of-them all".to_owned();
    for (name, line) in witnesses {
        text.push_str(line.trim_end());
        text.push('\n');
        group.push_str(&format!(" {name}"));
    }
    format!("{text}{group}\nquorum all-of-them\n")
}

/// The trust file for a log that is sealed by these keys, with the lines by which its witnesses were chosen.
#[must_use]
pub fn trust_file(keys: &[NoteKey], witnesses: &str) -> String {
    let logs = keys.iter().map(|key| format!("log {key}\n"));
    // A policy may name the log itself; the lines above name all of its keys.
    let is_log = |line: &&str| line.split_ascii_whitespace().next() == Some("log");
    let others = match witnesses {
        "" => "quorum none",
        chosen => chosen,
    };
    let others = others.lines().filter(|line| !is_log(line));
    logs.chain(others.map(|line| format!("{line}\n"))).collect()
}
