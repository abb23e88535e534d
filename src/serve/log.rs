//! The log: one JSON object a line on stderr. Nothing of a body, a query or a header is in it.

use std::io::{self, Write as _};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::time::Clock;

use super::sessions::LINKS;

/// More of a path than any route has.
const PATH: usize = 120;

/// Where lines go.
#[derive(Clone)]
pub(super) struct Log {
    clock: Arc<dyn Clock>,
    /// Whether requests that went well have no line.
    quiet: bool,
}

impl Log {
    pub(super) const fn new(clock: Arc<dyn Clock>, quiet: bool) -> Self {
        Self { clock, quiet }
    }

    /// Something that somebody should read.
    pub(super) fn warn(&self, what: &str, text: impl ToString) {
        self.line(json!({ "level": "warning", "what": what, "message": text.to_string() }));
    }

    /// Something that happened as it should.
    pub(super) fn note(&self, what: &str, text: impl ToString) {
        if !self.quiet {
            self.line(json!({ "level": "info", "what": what, "message": text.to_string() }));
        }
    }

    /// A request; `failed` ones are told also when it is to be quiet.
    pub(super) fn request(&self, failed: bool, line: Value) {
        if failed || !self.quiet {
            self.line(line);
        }
    }

    fn line(&self, facts: Value) {
        let mut line = json!({ "time": self.clock.now() });
        if let (Value::Object(line), Value::Object(facts)) = (&mut line, facts) {
            line.extend(facts.into_iter().filter(|(_, value)| !value.is_null()));
        }
        // Whole, so that it is one call and no other line is in it. Where nobody takes it (the log's disk
        // is full too), the request is answered all the same.
        let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
    }
}

/// A path for the log, without what lets somebody in.
pub(super) fn shown_path(path: &str) -> String {
    match path.starts_with(LINKS) {
        true => format!("{LINKS}…"),
        false => plain_path(path),
    }
}

/// Somebody's text for the log, of which nothing may rearrange a terminal.
pub(super) fn plain_path(path: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    path.chars().take(PATH).map(plain).collect()
}
