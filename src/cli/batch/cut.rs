//! Cuts what comes in into drafts: one JSON object a line, or one over several lines.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc;
use std::thread;

use serde::de::IgnoredAny;

/// No draft is longer: an entry has at most 65,535 bytes, and JSON escapes take six for one.
const DRAFT_LIMIT: usize = 512 * 1024;
/// Drafts that may be read ahead.
const AHEAD: usize = 2_000;

/// A draft's text and the number of the line it begins in, counted from 1.
pub(super) struct DraftText {
    pub(super) line: u64,
    pub(super) text: String,
}

/// What was cut out, or the line and what is wrong with it.
pub(super) type CutResult = Result<DraftText, (u64, String)>;

/// Reads ahead while the batch before is written.
pub(super) fn read_ahead(input: Box<dyn Read + Send>) -> io::Result<mpsc::Receiver<CutResult>> {
    let (send, receive) = mpsc::sync_channel(AHEAD);
    thread::Builder::new().spawn(move || {
        for read in DraftCutter::new(BufReader::with_capacity(1 << 18, input)) {
            let last = read.is_err();
            // Nobody listens any more once a bad line ended it.
            if send.send(read).is_err() || last {
                break;
            }
        }
    })?;
    Ok(receive)
}

/// Cuts a text into JSON objects: one a line, or one over several lines.
struct DraftCutter<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Iterator for DraftCutter<R> {
    type Item = CutResult;

    fn next(&mut self) -> Option<Self::Item> {
        self.cut().transpose()
    }
}

impl<R: BufRead> DraftCutter<R> {
    const fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// The next draft; none at the end.
    fn cut(&mut self) -> Result<Option<DraftText>, (u64, String)> {
        let mut bytes = Vec::new();
        let mut first = self.line + 1;
        loop {
            let before = bytes.len();
            let room = (DRAFT_LIMIT + 1).saturating_sub(before) as u64;
            let unread = |fault| format!("the drafts cannot be read: {fault}");
            let read = (&mut self.input).take(room).read_until(b'\n', &mut bytes);
            match read.map_err(|fault: io::Error| (self.line + 1, unread(fault)))? {
                0 if bytes.is_empty() => return Ok(None),
                0 => return Err((first, "the JSON ends too early".to_owned())),
                _ => self.line += 1,
            }
            if bytes.len() > DRAFT_LIMIT {
                return Err((first, format!("a draft is longer than {DRAFT_LIMIT} bytes")));
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                bytes.clear();
                first = self.line + 1;
                continue;
            }
            let Ok(text) = std::str::from_utf8(&bytes) else {
                return Err((self.line, "the text is not UTF-8".to_owned()));
            };
            match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => {
                    let text = text.to_owned();
                    return Ok(Some(DraftText { line: first, text }));
                }
                // Where the text may go on in the next line, it is read on.
                Err(fault) if fault.is_eof() => {}
                // The parser's own words name line and column, and never the text.
                Err(fault) => {
                    let line = first + (fault.line() as u64).saturating_sub(1);
                    return Err((line, format!("not JSON: {}", what(&fault))));
                }
            }
        }
    }
}

/// What is wrong, with the column alone: the line is counted from the start of the drafts.
fn what(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    let cut = text.rfind(" at line ").unwrap_or(text.len());
    let what = text.get(..cut).unwrap_or(&text);
    format!("{what} at column {}", fault.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8]) -> Vec<Result<(u64, String), (u64, String)>> {
        DraftCutter::new(text)
            .map(|read| read.map(|text| (text.line, text.text.split_whitespace().collect())))
            .take(8)
            .collect()
    }

    #[test]
    fn one_object_may_have_many_lines_and_many_may_have_one_each() {
        let lines = cut(b"{\"a\": 1}\n\n{\n  \"b\":\n  2\n}\n{\"c\":3}");
        let texts: Vec<_> = lines.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            texts,
            [
                (1, "{\"a\":1}".to_owned()),
                (3, "{\"b\":2}".to_owned()),
                (7, "{\"c\":3}".to_owned())
            ]
        );
    }

    #[test]
    fn a_bad_line_names_its_number() {
        for (text, line) in [
            (&b"{}\n{]\n{}"[..], 2),
            (b"{}\n\n{\"a\":\n oops}\n", 4),
            (b"{}\n{\"a\": \xff}\n", 2),
            (b"{}\n{\"a\": 1", 2),
            (b"{\"a\": 1\n{\"b\": 2}\n", 2),
        ] {
            let fault = cut(text).into_iter().find_map(Result::err).unwrap();
            assert_eq!(fault.0, line, "{fault:?}");
        }
    }

    #[test]
    fn a_draft_without_an_end_takes_bounded_room() {
        let endless = std::io::repeat(b'[').take(1 << 22);
        let fault = DraftCutter::new(BufReader::new(endless))
            .next()
            .unwrap()
            .err()
            .unwrap();
        assert!(fault.1.contains("longer than"), "{fault:?}");
    }
}
