//! Where output goes: results to stdout, talk to stderr, JSON on request.
//!
//! A reader that went away (a closed pipe) is no failure: what was to be said is dropped and the
//! verdict keeps its exit code. A result that could not be written for any other reason is one.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use serde_json::{Value, json};

use crate::documents;
use crate::statement::EventId;
use crate::time::Timestamp;

use super::answer::{Answer, Talk};
use super::exit::{CommandError, Exit};
use super::layout::wrapped;

/// Narrower screens are none to lay anything out for.
const NARROWEST: usize = 20;

/// The streams of one run of the program, handed in from outside.
pub struct Streams {
    /// Where input comes from.
    pub stdin: Box<dyn Read + Send>,
    /// Where results go.
    pub out: Box<dyn Write>,
    /// Where talk, progress, warnings and errors go.
    pub err: Box<dyn Write>,
    /// Whether people read the results on a screen.
    pub out_is_terminal: bool,
    /// Whether people read the talk on a screen.
    pub err_is_terminal: bool,
    /// Whether a person can be asked for a passphrase.
    pub in_is_terminal: bool,
    /// Whether results and talk go to the same place, so that their order counts.
    pub out_is_err: bool,
    /// How many letters fit into a line of the results, where that is known.
    pub out_columns: Option<usize>,
    /// The same of the talk.
    pub err_columns: Option<usize>,
}

impl Streams {
    /// Those of the process.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            stdin: Box::new(io::stdin()),
            out: Box::new(io::BufWriter::with_capacity(64 * 1024, io::stdout())),
            err: Box::new(io::stderr()),
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
            in_is_terminal: io::stdin().is_terminal(),
            out_is_err: is_same(&io::stdout(), &io::stderr()),
            out_columns: columns(&io::stdout()),
            err_columns: columns(&io::stderr()),
        }
    }
}

/// Those that the environment names, or a screen has; a file or a pipe has none.
fn columns(stream: &impl AsFd) -> Option<usize> {
    let named = std::env::var("COLUMNS").ok();
    let named = named.and_then(|number| number.parse().ok());
    let has = || Some(rustix::termios::tcgetwinsize(stream).ok()?.ws_col.into());
    named.or_else(has).filter(|&columns| columns >= NARROWEST)
}

fn is_same(out: &impl AsFd, err: &impl AsFd) -> bool {
    let place = |stream: BorrowedFd<'_>| {
        let found = rustix::fs::fstat(stream).ok()?;
        Some((found.st_dev, found.st_ino))
    };
    place(out.as_fd()).is_some_and(|out| Some(out) == place(err.as_fd()))
}

/// A statement that was tried and whose receipt is not out yet: said again like this, it is the same one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tried {
    /// The line of the drafts that it came in, where there are many.
    pub(crate) line: Option<u64>,
    pub(crate) event_id: EventId,
    pub(crate) occurred: Option<Timestamp>,
    /// The entry that it is, once that is known.
    pub(crate) sequence: Option<u64>,
}

impl Tried {
    /// How to say it again.
    fn again(&self) -> String {
        let (id, time) = (self.event_id, self.occurred);
        let time = time.map(|time| time.to_string());
        match (self.line, time) {
            (None, Some(time)) => format!("--event-id {id} --occurred {time}"),
            (None, None) => format!("--event-id {id}"),
            (Some(line), time) => {
                let time = time.map(|time| format!(r#", "occurred_utc": "{time}""#));
                let time = time.unwrap_or_default();
                format!(r#"line {line} with "event_id": "{id}"{time}"#)
            }
        }
    }

    fn to_json(self) -> Value {
        json!({
            "line": self.line,
            "event_id": self.event_id,
            "occurred_utc": self.occurred,
            "entry": self.sequence,
        })
    }
}

/// What commands talk through.
pub(crate) struct Ui {
    streams: Streams,
    /// What was tried and has no receipt that anybody saw.
    tried: Vec<Tried>,
    /// Whether the result is one JSON document.
    pub(crate) json: bool,
    /// The middle part of the document's schema, for example `status`.
    pub(crate) thing: &'static str,
    quiet: bool,
    out_colour: bool,
    err_colour: bool,
    lost: Option<io::Error>,
}

impl Ui {
    /// Talks through `streams`; `quiet` leaves out what is neither result, warning nor error.
    pub(crate) fn new(streams: Streams, json: bool, quiet: bool) -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            out_colour: colours && streams.out_is_terminal,
            err_colour: colours && streams.err_is_terminal,
            streams,
            tried: Vec::new(),
            json,
            thing: "error",
            quiet,
            lost: None,
        }
    }

    /// Whether progress may be drawn.
    pub(crate) const fn shows_progress(&self) -> bool {
        self.streams.err_is_terminal && !self.quiet
    }

    /// Whether somebody can be asked.
    pub(crate) const fn can_ask(&self) -> bool {
        self.streams.in_is_terminal && self.streams.err_is_terminal
    }

    /// Asks whether to go on; whoever says anything but yes does not.
    pub(crate) fn agrees(&mut self, question: &str) -> bool {
        self.flush();
        let question = format!("{question} [y/N] ");
        let _ = self.streams.err.write_all(question.as_bytes());
        let mut answer = [0; 1];
        matches!(self.streams.stdin.read(&mut answer), Ok(1) if answer.eq_ignore_ascii_case(b"y"))
    }

    /// Whether input comes from a keyboard.
    pub(crate) const fn in_is_terminal(&self) -> bool {
        self.streams.in_is_terminal
    }

    /// Whether a tool's two streams are one for whoever reads them: both are talk where the result is a
    /// document.
    pub(crate) const fn has_one_stream(&self) -> bool {
        self.json || self.streams.out_is_err
    }

    /// What comes in; nothing more comes in afterwards.
    pub(crate) fn take_stdin(&mut self) -> Box<dyn Read + Send> {
        std::mem::replace(&mut self.streams.stdin, Box::new(io::empty()))
    }

    /// A line that somebody answers.
    ///
    /// # Errors
    /// Nobody answers any more.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        self.flush();
        self.streams.err.write_all(question.as_bytes())?;
        let mut line = Vec::new();
        let mut byte = [0];
        while self.streams.stdin.read(&mut byte)? == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        if line.is_empty() && byte != *b"\n" {
            let end = io::ErrorKind::UnexpectedEof;
            return Err(io::Error::new(end, "nobody answers"));
        }
        Ok(String::from_utf8_lossy(&line).trim().to_owned())
    }

    /// Writes a part of the result.
    pub(crate) fn print(&mut self, text: impl AsRef<str>) {
        self.print_bytes(text.as_ref().as_bytes());
    }

    /// Writes a line of the result.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        self.print(text);
        self.print("\n");
    }

    /// Writes bytes as they are, for what a tool said on its stdout.
    pub(crate) fn print_bytes(&mut self, bytes: &[u8]) {
        if self.lost.is_none()
            && let Err(fault) = self.streams.out.write_all(bytes)
        {
            self.lost = Some(fault);
        }
    }

    /// Whether nobody takes the results any more.
    pub(crate) const fn is_gone(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether the results cannot be written, and not for want of a reader.
    pub(crate) fn is_full(&self) -> bool {
        let lost = self.lost.as_ref();
        lost.is_some_and(|fault| fault.kind() != io::ErrorKind::BrokenPipe)
    }

    /// Hands over everything written so far.
    pub(crate) fn flush(&mut self) {
        if self.lost.is_none()
            && let Err(fault) = self.streams.out.flush()
        {
            self.lost = Some(fault);
        }
    }

    /// Writes bytes as they are to stderr, for what a tool said there.
    pub(crate) fn talk_bytes(&mut self, bytes: &[u8]) {
        let _ = self.streams.err.write_all(bytes);
    }

    /// Says something that nobody has to read.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        if !self.quiet {
            self.talk(text.as_ref());
        }
    }

    /// Says what should be read.
    pub(crate) fn warn(&mut self, text: impl AsRef<str>) {
        self.talk(&format!("warning: {}", text.as_ref()));
    }

    /// A line on stderr, also when it is to be quiet.
    pub(crate) fn talk(&mut self, text: &str) {
        // Whoever reads both streams on one screen sees them in their order.
        self.flush();
        // Nobody is left to be told that stderr is gone.
        let _ = self.streams.err.write_all(format!("{text}\n").as_bytes());
    }

    /// Prints what a command answers, as text or as its document, and what it has to say about it.
    pub(crate) fn answer(&mut self, answer: Answer) -> Exit {
        match answer.document {
            Some(document) if self.json => self.document(document),
            _ if answer.has_table => self.print(wrapped(&answer.text, self.columns(false))),
            // It may be pasted, or be read by a program: it is printed as it is.
            _ => self.print(answer.text),
        }
        let (lines, is_json) = (answer.talk.into_iter(), self.json);
        let heard = |talk: &Talk| !is_json || matches!(talk, Talk::Note(_) | Talk::Warn(_));
        for talk in lines.filter(heard) {
            self.discuss(talk);
        }
        answer.exit
    }

    /// Says something about a result.
    pub(crate) fn discuss(&mut self, talk: Talk) {
        match talk {
            Talk::Say(text) | Talk::Note(text) => self.say(text),
            Talk::Tell(text) => self.talk(&text),
            Talk::Warn(text) => self.warn(text),
        }
    }

    /// Writes the one JSON document of this run, as a line: `schema` first, then what is given.
    pub(crate) fn document(&mut self, body: Value) {
        self.line(documents::with_schema(self.thing, body).to_string());
    }

    /// From here on these may have been recorded, whatever goes wrong.
    pub(crate) fn trying(&mut self, tried: Vec<Tried>) {
        self.tried = tried;
    }

    /// The receipts of some of those that were tried are written. What nobody could be shown is kept
    /// in mind, to be said at the end.
    pub(crate) fn receipted(&mut self, receipts: &[Value]) {
        // Until then they are ours alone, and whether anybody can be shown them is not known.
        self.flush();
        let is_seen = !self.is_gone();
        let places = receipts.iter();
        let place = |receipt: &Value| {
            let id: EventId = receipt["event_id"].as_str()?.parse().ok()?;
            Some((id, receipt["sequence"].as_u64()))
        };
        let places: BTreeMap<_, _> = places.filter_map(place).collect();
        self.tried.retain_mut(|tried| {
            let Some(sequence) = places.get(&tried.event_id) else {
                return true;
            };
            tried.sequence = *sequence;
            !is_seen
        });
    }

    /// Says why the command failed: to people always, as JSON where that was asked for. Where it may be
    /// tried again, says under which id.
    pub(crate) fn fail(&mut self, failure: &CommandError) {
        let tried = match failure.exit {
            // Nothing of it was recorded, nor would it be.
            Exit::Usage | Exit::Refused => Vec::new(),
            _ => std::mem::take(&mut self.tried),
        };
        if self.json {
            let mut error = failure.to_json();
            if !tried.is_empty() {
                error["again"] = tried.iter().map(|tried| tried.to_json()).collect();
            }
            self.document(json!({ "error": error }));
        }
        self.talk(&format!("error: {}", failure.message));
        if let Some(hint) = &failure.hint {
            self.talk(&format!("hint: {hint}"));
        }
        for again in tried.iter().map(Tried::again) {
            self.talk(&format!(
                "again: {again}; so it is recorded once, however often"
            ));
        }
    }

    /// Flushes, and settles how to end: a result that could not be written is no success. Where something
    /// was recorded the end does not invite to say it again as if it had not been.
    pub(crate) fn finish(&mut self, exit: Exit) -> Exit {
        self.flush();
        let Some(fault) = self.lost.take() else {
            return exit;
        };
        if fault.kind() == io::ErrorKind::BrokenPipe {
            return exit;
        }
        self.talk(&format!(
            "error: the result cannot be written to stdout: {fault}"
        ));
        let mut tried = std::mem::take(&mut self.tried);
        tried.retain(|tried| tried.sequence.is_some());
        for tried in &tried {
            let (sequence, again) = (tried.sequence.unwrap_or_default(), tried.again());
            let recorded = format!("recorded as entry {sequence}");
            self.talk(&format!(
                "{recorded}; its receipt comes again with: {again}"
            ));
        }
        match (exit, tried.is_empty()) {
            (Exit::Passed, true) => Exit::Temporary,
            (Exit::Passed, false) => Exit::NotVerified,
            _ => exit,
        }
    }

    /// How many letters fit into a line, of stderr or stdout.
    pub(crate) const fn columns(&self, on_stderr: bool) -> Option<usize> {
        match on_stderr {
            true => self.streams.err_columns,
            false => self.streams.out_columns,
        }
    }

    /// A word that deserves a colour on a screen, stdout's or stderr's: good ones green, bad ones red.
    pub(crate) fn verdict_word(&self, word: &str, width: usize, on_stderr: bool) -> String {
        let padded = format!("{word:width$}");
        let colour = match word {
            "PASS" | "PASSED" => anstyle::AnsiColor::Green,
            "FAIL" | "FAILED" => anstyle::AnsiColor::Red,
            _ => return padded,
        };
        let is_shown = match on_stderr {
            true => self.err_colour,
            false => self.out_colour,
        };
        painted(padded, colour, is_shown)
    }

    /// Words of the result about what should not be so: red on a screen.
    pub(crate) fn alarm(&self, words: String) -> String {
        painted(words, anstyle::AnsiColor::Red, self.out_colour)
    }
}

fn painted(words: String, colour: anstyle::AnsiColor, is_shown: bool) -> String {
    if !is_shown {
        return words;
    }
    let style = colour.on_default().bold();
    format!("{style}{words}{style:#}")
}
