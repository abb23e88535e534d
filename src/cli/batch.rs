//! `ledger append --json` and `--spool`: many statements, a receipt line each, up to a thousand in
//! one commit.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;

use rayon::prelude::*;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::append::Submission;
use crate::append::Writer;
use crate::append::draft::Draft;
use crate::append::spool;
use crate::statement::EventId;
use crate::sys::entropy;

use super::append;
use super::append::Checks;
use super::context::Context;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::Outcome;
use super::receipt;
use super::signals::Guard;
use super::ui::schema;

/// Statements that share one commit, at most.
const BATCH: usize = 1_000;
/// Bytes of attachments in one commit, at most, unless one statement alone has more.
const BATCH_FILES: u64 = 64 * 1024 * 1024;
/// No draft is longer: an entry has at most 65,535 bytes, and JSON escapes take six for one.
const DRAFT_LIMIT: usize = 512 * 1024;

/// A draft's text and the number of the line it begins in, counted from 1.
struct Text {
    line: u64,
    text: String,
}

/// Something read from the drafts, or what is wrong with it.
type Cut = Result<Text, (u64, String)>;

/// Records the drafts in a file or from stdin, in their order, up to the first bad one.
pub(crate) fn drafts(context: &mut Context, path: &Path, checks: &Checks) -> Outcome {
    context.ui.json = true;
    context.ui.thing = "receipt";
    if path == Path::new("-") && checks.check_value_from.as_deref() == Some(path) {
        return Err(Failure::usage(
            "stdin cannot be both the drafts and the value to check against",
        ));
    }
    let known = append::known_values(context, checks)?;
    let key = context.key()?;
    let input: Box<dyn Read + Send> = if path == Path::new("-") {
        context.ui.take_stdin()
    } else {
        let file = File::open(path).map_err(|fault| {
            Failure::usage(format!(
                "the drafts `{}` cannot be read: {fault}",
                path.display()
            ))
        })?;
        Box::new(file)
    };
    let mut writer = context.writer()?;
    let guard = append::guard()?;
    let lines = spawn_reader(input);
    let mut recorded = 0;
    loop {
        let (texts, mut bad) = next_batch(&lines);
        if texts.is_empty() && bad.is_none() {
            break;
        }
        let mut pending = VecDeque::new();
        for text in texts {
            match prepare(context, &text.text, checks) {
                Ok(prepared) => pending.push_back((text.line, prepared)),
                Err(failure) => {
                    bad = Some(at_line(text.line, failure));
                    break;
                }
            }
        }
        while !pending.is_empty() {
            let mut batch = Vec::new();
            let mut bytes = 0;
            while let Some((line, prepared)) = pending.pop_front() {
                bytes += prepared.bytes;
                if !batch.is_empty() && bytes > BATCH_FILES {
                    pending.push_front((line, prepared));
                    break;
                }
                batch.push((line, prepared));
            }
            let ledger = writer.ledger();
            let world = &context.world;
            let signed: Vec<(u64, Result<Submission, Failure>)> = batch
                .into_par_iter()
                .map(|(line, prepared)| {
                    let signed =
                        append::read_files(&prepared.draft.attachments, checks.attach_limit)
                            .and_then(|files| {
                                Ok(prepared.draft.sign(ledger, &key, world, files, &known)?)
                            });
                    (line, signed)
                })
                .collect();
            let mut submissions = Vec::new();
            let mut numbers = Vec::new();
            let mut unsigned = None;
            for (line, signed) in signed {
                match signed {
                    Ok(submission) => {
                        submissions.push(submission);
                        numbers.push(line);
                    }
                    Err(failure) => {
                        unsigned = Some(at_line(line, failure));
                        break;
                    }
                }
            }
            recorded += commit(
                context,
                &mut writer,
                &guard,
                submissions,
                &numbers,
                checks.dry_run,
            )?;
            if let Some(failure) = unsigned {
                return Err(failure);
            }
            if guard.stopped() {
                return Ok(Exit::Interrupted);
            }
        }
        if let Some(failure) = bad {
            return Err(failure);
        }
    }
    if recorded == 0 {
        return Err(Failure::usage(format!(
            "there is no draft in `{}`",
            path.display()
        )));
    }
    Ok(Exit::Passed)
}

/// A draft that is well formed and has its id.
struct Prepared {
    draft: Draft,
    bytes: u64,
}

fn prepare(context: &Context, text: &str, checks: &Checks) -> Result<Prepared, Failure> {
    let mut draft = Draft::from_json(text)?;
    if draft.event_id.is_none() {
        // Given here, one after the other: the drafts are signed side by side.
        let id = entropy::uuid_v7(context.now(), &*context.world.entropy)
            .map_err(|fault| Failure::new(Exit::Temporary, fault.to_string()))?;
        draft.event_id = Some(EventId::from_bytes(id));
    }
    let length = |path: &PathBuf| {
        std::fs::metadata(path).map_or(0, |metadata| metadata.len().min(checks.attach_limit))
    };
    let bytes = draft.attachments.iter().map(length).sum();
    Ok(Prepared { draft, bytes })
}

/// Records what is signed, prints the receipts, and stops at what is refused.
fn commit(
    context: &mut Context,
    writer: &mut Writer,
    guard: &Guard,
    submissions: Vec<Submission>,
    lines: &[u64],
    dry_run: bool,
) -> Result<u64, Failure> {
    if dry_run {
        for (submission, line) in submissions.iter().zip(lines) {
            let findings = writer
                .check(submission)
                .map_err(|fault| at_line(*line, fault.into()))?;
            let findings: Vec<_> = findings.iter().map(receipt::finding_json).collect();
            let body = json!({ "line": line, "would_record": true, "findings": findings });
            context.ui.line(schema("dry-run", body).to_string());
        }
        return Ok(lines.len() as u64);
    }
    if submissions.is_empty() {
        return Ok(0);
    }
    let outcome = guard.uninterrupted(|| {
        let outcome = writer.append(submissions);
        for (receipt, line) in outcome.receipts.iter().zip(lines) {
            let mut body = json!({ "line": line });
            if let (Some(body), serde_json::Value::Object(fields)) =
                (body.as_object_mut(), receipt::to_json(receipt))
            {
                body.extend(fields);
            }
            context.ui.document(body);
        }
        context.ui.flush();
        outcome
    });
    let recorded = outcome.receipts.len();
    match (outcome.refused, lines.get(recorded)) {
        (Some(fault), Some(line)) => Err(at_line(*line, fault.into())),
        (Some(fault), None) => Err(fault.into()),
        (None, _) => Ok(recorded as u64),
    }
}

fn at_line(line: u64, failure: Failure) -> Failure {
    Failure {
        message: format!("line {line}: {}", failure.message),
        ..failure
    }
}

/// What is there to be recorded now: at least one draft, at most a batch, none that has to be
/// waited for once there is one. So whoever pipes in single drafts gets each receipt at once, and
/// whoever pipes in many shares commits.
fn next_batch(lines: &mpsc::Receiver<Cut>) -> (Vec<Text>, Option<Failure>) {
    let mut texts = Vec::new();
    let mut next = lines.recv().ok();
    while let Some(read) = next {
        match read {
            Ok(text) => texts.push(text),
            Err((line, fault)) => {
                return (
                    texts,
                    Some(at_line(line, Failure::new(Exit::Refused, fault))),
                );
            }
        }
        next = if texts.len() < BATCH {
            lines.try_recv().ok()
        } else {
            None
        };
    }
    (texts, None)
}

/// Reads ahead while the batch before is written.
fn spawn_reader(input: Box<dyn Read + Send>) -> mpsc::Receiver<Cut> {
    let (send, receive) = mpsc::sync_channel(2 * BATCH);
    std::thread::spawn(move || {
        for read in Drafts::new(BufReader::with_capacity(1 << 18, input)) {
            let last = read.is_err();
            // Nobody listens any more once a bad line ended it.
            if send.send(read).is_err() || last {
                break;
            }
        }
    });
    receive
}

/// Cuts a text into JSON objects: one a line, or one over several lines.
struct Drafts<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Drafts<R> {
    const fn new(input: R) -> Self {
        Self { input, line: 0 }
    }
}

impl<R: BufRead> Iterator for Drafts<R> {
    type Item = Cut;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        let mut first = self.line + 1;
        loop {
            let before = bytes.len();
            let room = (DRAFT_LIMIT + 1).saturating_sub(before) as u64;
            let read = (&mut self.input).take(room).read_until(b'\n', &mut bytes);
            match read {
                Err(fault) => {
                    return Some(Err((
                        self.line + 1,
                        format!("the drafts cannot be read: {fault}"),
                    )));
                }
                Ok(0) if bytes.is_empty() => return None,
                Ok(0) => return Some(Err((first, "the JSON ends too early".to_owned()))),
                Ok(_) => self.line += 1,
            }
            if bytes.len() > DRAFT_LIMIT {
                return Some(Err((
                    first,
                    format!("a draft is longer than {DRAFT_LIMIT} bytes"),
                )));
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                bytes.clear();
                first = self.line + 1;
                continue;
            }
            let Ok(text) = std::str::from_utf8(&bytes) else {
                return Some(Err((self.line, "the text is not UTF-8".to_owned())));
            };
            match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => {
                    return Some(Ok(Text {
                        line: first,
                        text: text.to_owned(),
                    }));
                }
                // Where the text may go on in the next line, it is read on.
                Err(fault) if fault.is_eof() => {}
                // The parser's own words name line and column, and never the text.
                Err(fault) => {
                    let line = first + (fault.line() as u64).saturating_sub(1);
                    return Some(Err((line, format!("not JSON: {}", what(&fault)))));
                }
            }
        }
    }
}

/// What is wrong, with the column alone: the line is counted from the start of the drafts.
fn what(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    let cut = text.rfind(" at line ").unwrap_or(text.len());
    format!(
        "{} at column {}",
        text.get(..cut).unwrap_or(&text),
        fault.column()
    )
}

/// Delivers the spool, oldest first. What is refused stays there, and the next one is tried.
pub(crate) fn spool(context: &mut Context, dry_run: bool) -> Outcome {
    context.ui.thing = "spool";
    let dir = spool_dir(&context.place()?.state);
    let files = spool::list(&dir)?;
    if files.is_empty() {
        if context.ui.json {
            context
                .ui
                .document(json!({ "delivered": [], "refused": [] }));
        } else {
            context.ui.line("the spool is empty");
        }
        return Ok(Exit::Passed);
    }
    let mut writer = context.writer()?;
    let guard = append::guard()?;
    let mut delivered = Vec::new();
    let mut refused = Vec::new();
    let mut exit = Exit::Passed;
    for path in files {
        let submission = match spool::read(&path) {
            Ok(submission) => submission,
            Err(fault) => {
                refused.push((path, Failure::new(Exit::Refused, fault.to_string())));
                continue;
            }
        };
        if dry_run {
            if let Err(fault) = writer.check(&submission) {
                refused.push((path, fault.into()));
            }
            continue;
        }
        let outcome = guard.uninterrupted(|| {
            let outcome = writer.append(vec![submission]);
            if outcome.refused.is_none() {
                // A file that stays is delivered again, and answered with the same receipt.
                let _ = spool::remove(&path);
            }
            outcome
        });
        for receipt in outcome.receipts {
            if !context.ui.json {
                receipt::print(&mut context.ui, &receipt);
            }
            delivered.push(receipt);
        }
        if let Some(fault) = outcome.refused {
            refused.push((path, fault.into()));
        }
        if guard.stopped() {
            exit = Exit::Interrupted;
            break;
        }
    }
    if let Some((_, failure)) = refused.first() {
        exit = failure.exit;
    }
    for (path, failure) in &refused {
        context.ui.warn(format!(
            "{} stays in the spool: {}",
            path.display(),
            failure.message
        ));
    }
    if context.ui.json {
        let refused: Vec<_> = refused
            .iter()
            .map(|(path, failure)| json!({ "file": path.display().to_string(), "message": failure.message, "hint": failure.hint }))
            .collect();
        let delivered: Vec<_> = delivered.iter().map(receipt::to_json).collect();
        context.ui.document(
            json!({ "delivered": delivered, "refused": refused, "exit_code": exit.code() }),
        );
    }
    Ok(exit)
}

/// Where statements wait that could not be recorded.
pub(crate) fn spool_dir(state: &Path) -> PathBuf {
    state.join("spool")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8]) -> Vec<Result<(u64, String), (u64, String)>> {
        Drafts::new(text)
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
        let fault = Drafts::new(BufReader::new(endless))
            .next()
            .unwrap()
            .err()
            .unwrap();
        assert!(fault.1.contains("longer than"), "{fault:?}");
    }
}
