//! `ledger append --json`: many drafts, a receipt line each, up to a thousand in one commit; and
//! `--spool`.

mod cut;
pub(crate) mod spool;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;

use rayon::prelude::*;
use serde_json::json;

use crate::append::Submission;
use crate::append::Writer;
use crate::append::draft::Draft;
use crate::statement::EventId;
use crate::sys::entropy;

use crate::cli::append;
use crate::cli::append::Checks;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::receipt;
use crate::cli::signals::Guard;

use cut::Cut;
use cut::Text;

/// Statements that share one commit, at most.
const BATCH: usize = 1_000;
/// Bytes of attachments in one commit, at most, unless one statement alone has more.
const BATCH_FILES: u64 = 64 * 1024 * 1024;

/// Records the drafts in a file or from stdin, in their order, up to the first bad one.
pub(crate) fn drafts(context: &mut Context, path: &Path, checks: &Checks) -> Outcome {
    context.ui.json = true;
    context.ui.thing = if checks.dry_run { "dry-run" } else { "receipt" };
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
    let guard = Guard::new(false)?;
    let mut writer = context.writer()?;
    let lines = cut::read_ahead(input);
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
            context.ui.document(body);
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
