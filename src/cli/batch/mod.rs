//! `ledger append --json`: many drafts, a receipt line each, up to a thousand in one commit.

mod cut;

use std::path::Path;
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::append::draft::Draft;
use crate::append::{Screening, Submission};
use crate::cli::answer::CommandResult;
use crate::cli::checks::{SecretChecks, known_values};
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::files::open_input;
use crate::cli::layout::counted;
use crate::cli::recorder::Recorder;
use crate::cli::signals::SignalGuard;
use crate::cli::ui::Tried;
use crate::guard::KnownValue;
use crate::key::Signer;
use crate::parallel;
use crate::register::ScanAllowance;
use crate::rule::Finding;
use crate::statement::EventId;
use crate::time::Timestamp;

use cut::{CutResult, DraftText};

/// Drafts that share one commit, at most.
const BATCH: usize = 1_000;
/// Bytes of attachments in memory, at most, unless one draft alone has more.
const BATCH_FILES: u64 = 64 * 1024 * 1024;

/// A well-formed draft with its id and its time, and the line it begins in.
struct DraftAtLine {
    line: u64,
    draft: Draft,
    event_id: EventId,
    /// What its attachments take.
    bytes: u64,
}

/// Drafts on their way into one ledger.
struct DraftBatches<'a> {
    context: &'a mut Context,
    recorder: Recorder,
    guard: SignalGuard,
    key: Box<dyn Signer>,
    known: Vec<KnownValue>,
    checks: &'a SecretChecks,
    taken: u64,
    /// Of this run, printed.
    receipts: usize,
}

/// Records the drafts in a file or from stdin, in their order, up to the first bad one.
pub(crate) fn drafts(context: &mut Context, path: &Path, checks: &SecretChecks) -> CommandResult {
    context.ui.json = true;
    context.ui.thing = if checks.dry_run { "dry-run" } else { "receipt" };
    let stdin = Path::new("-");
    let from_stdin = path == stdin;
    if from_stdin && checks.check_value_from.as_deref() == Some(stdin) {
        let message = "stdin cannot be both the drafts and the value to check against";
        return Err(CommandError::usage(message));
    }
    let known = known_values(&mut context.ui, checks.check_value_from.as_deref())?;
    let key = context.key()?;
    let name = path.display();
    let unread = |fault| format!("the drafts `{name}` cannot be read: {fault}");
    let input = open_input(&mut context.ui, path).map_err(unread);
    let input = input.map_err(CommandError::usage)?;
    let guard = SignalGuard::new(false)?;
    let recorder = context.recorder(true)?;
    let mut batches = DraftBatches {
        context,
        recorder,
        guard,
        key,
        known,
        checks,
        taken: 0,
        receipts: 0,
    };
    let outcome = cut::read_ahead(input)
        .map_err(|fault| CommandError::temporary(format!("no thread can be made: {fault}")))
        .and_then(|drafts| batches.all(&drafts, from_stdin));
    batches.recorder.close(batches.context, &batches.guard);
    let receipts = batches.receipts;
    match outcome.map_err(|failure| after(receipts, failure))? {
        Exit::Passed if batches.taken == 0 => Err(CommandError::usage(format!(
            "there is no draft in `{name}`"
        ))),
        exit => Ok(exit.into()),
    }
}

/// What is to be recorded together: at most a batch, and none where there is nothing more. From
/// stdin nothing is waited for once there is one, so that whoever pipes in single drafts gets each
/// receipt at once, and whoever pipes in many shares commits.
fn next_batch(
    drafts: &mpsc::Receiver<CutResult>,
    from_stdin: bool,
) -> (Vec<DraftText>, Option<CommandError>) {
    let mut texts = Vec::new();
    while texts.len() < BATCH {
        let cut = match from_stdin && !texts.is_empty() {
            true => drafts.try_recv().ok(),
            false => drafts.recv().ok(),
        };
        match cut {
            Some(Ok(text)) => texts.push(text),
            Some(Err((line, fault))) => {
                let failure = CommandError::refused(fault);
                return (texts, Some(at_line(line, failure)));
            }
            None => break,
        }
    }
    (texts, None)
}

impl DraftBatches<'_> {
    fn all(
        &mut self,
        drafts: &mpsc::Receiver<CutResult>,
        from_stdin: bool,
    ) -> Result<Exit, CommandError> {
        loop {
            let (texts, bad) = next_batch(drafts, from_stdin);
            let over = texts.is_empty();
            self.take(texts)?;
            match bad {
                Some(failure) => return Err(failure),
                None if over => return Ok(Exit::Passed),
                // Whoever is to have the receipts cannot have them: what was not tried yet is left alone.
                None if self.context.ui.is_full() => {
                    self.context.warn("no draft after those was tried");
                    return Ok(Exit::Passed);
                }
                None if self.guard.stopped() => return Ok(Exit::Interrupted),
                None => {}
            }
        }
    }

    /// Records what is good before the first bad one, and says what is bad about that.
    fn take(&mut self, texts: Vec<DraftText>) -> Result<(), CommandError> {
        let mut pending = Vec::new();
        let mut bytes = 0;
        // One for all, so that a draft that comes twice is the same both times.
        let now = self.context.now();
        for text in texts {
            let prepared = match self.prepare(&text, now) {
                Ok(prepared) => prepared,
                Err(failure) => {
                    self.record(pending)?;
                    return Err(at_line(text.line, failure));
                }
            };
            bytes += prepared.bytes;
            if bytes > BATCH_FILES && !pending.is_empty() {
                bytes = prepared.bytes;
                self.record(std::mem::take(&mut pending))?;
            }
            pending.push(prepared);
        }
        self.record(pending)
    }

    /// Reads a draft, and fixes its id and its time. One with an id of its own and no time is the one that
    /// was recorded with that id before, where there is one.
    fn prepare(&mut self, text: &DraftText, now: Timestamp) -> Result<DraftAtLine, CommandError> {
        let mut draft = Draft::from_json(&text.text)?;
        let before = match (draft.event_id, draft.occurred) {
            (Some(id), None) => self.recorder.said_before(&id)?,
            _ => None,
        };
        let now = before.unwrap_or(now);
        draft.occurred = draft.occurred.or(Some(now));
        let event_id = match draft.event_id {
            Some(id) => id,
            // Given here, one after the other: the drafts are signed side by side.
            None => self.context.new_event_id()?,
        };
        draft.event_id = Some(event_id);
        let found = draft.attachments.iter().map(std::fs::metadata);
        let limit = self.checks.attach_limit;
        let bytes = found.map(|found| found.map_or(0, |found| found.len().min(limit)));
        let bytes = bytes.sum();
        Ok(DraftAtLine {
            line: text.line,
            draft,
            event_id,
            bytes,
        })
    }

    /// Signs and records, and stops at the first that cannot be.
    fn record(&mut self, batch: Vec<DraftAtLine>) -> Result<(), CommandError> {
        let tried = batch.iter().map(|prepared| Tried {
            line: Some(prepared.line),
            event_id: prepared.event_id,
            occurred: prepared.draft.occurred,
            sequence: None,
        });
        let mut tried: Vec<_> = tried.collect();
        let mut lines = Vec::with_capacity(batch.len());
        let mut submissions = Vec::with_capacity(batch.len());
        let mut unsigned = None;
        for (prepared, signed) in batch.iter().zip(self.sign(&batch)) {
            match signed {
                Ok(submission) => submissions.push(submission),
                Err(failure) => {
                    unsigned = Some(at_line(prepared.line, failure));
                    break;
                }
            }
            lines.push(prepared.line);
        }
        if self.checks.dry_run {
            self.check(&submissions, &lines)?;
        } else if !submissions.is_empty() {
            tried.truncate(submissions.len());
            self.context.ui.trying(tried);
            self.commit(submissions, &lines)?;
        }
        self.taken += lines.len() as u64;
        unsigned.map_or(Ok(()), Err)
    }

    fn sign(&self, batch: &[DraftAtLine]) -> Vec<Result<Submission, CommandError>> {
        let ledger = self.recorder.ledger();
        let (world, checks) = (&self.context.world, self.checks);
        let (key, known) = (&*self.key, self.known.as_slice());
        let sign = |draft: &Draft, excepted: &[ScanAllowance]| {
            let files = checks.files(&draft.attachments, known, &mut |_| ())?;
            let screened = draft.screen(&files, Screening { known, excepted })?;
            Ok(screened.sign(ledger, key, world)?)
        };
        let drafts = batch.iter().map(|prepared| &prepared.draft).collect();
        let mut signed = parallel::map(drafts, |draft| sign(draft, &[]));
        // What Security Owners let pass is read only where something is found.
        let is_found = |failure: &CommandError| failure.code == "secret-material";
        let mut excepted = None;
        for (signed, prepared) in signed.iter_mut().zip(batch) {
            if signed.as_ref().is_err_and(is_found) {
                let excepted = excepted.get_or_insert_with(|| self.context.excepted());
                *signed = sign(&prepared.draft, excepted);
            }
        }
        signed
    }

    fn check(&mut self, submissions: &[Submission], lines: &[u64]) -> Result<(), CommandError> {
        for (submission, line) in submissions.iter().zip(lines) {
            let findings = self.recorder.check(submission);
            let findings = findings.map_err(|failure| at_line(*line, failure))?;
            let findings: Vec<_> = findings.iter().map(Finding::to_json).collect();
            let body = json!({ "line": line, "would_record": true, "findings": findings });
            self.context.ui.document(body);
        }
        Ok(())
    }

    /// One commit. The receipts are out before a signal can end the program.
    fn commit(&mut self, submissions: Vec<Submission>, lines: &[u64]) -> Result<(), CommandError> {
        let (recorder, ui) = (&mut self.recorder, &mut self.context.ui);
        let (mut receipts, mut failed) = (Vec::new(), Ok(()));
        self.guard.uninterrupted(|| {
            let answers = recorder.record(ui, submissions, false);
            for (answer, line) in answers.into_iter().zip(lines) {
                match answer {
                    Ok(receipt) => {
                        let [id, sequence] = ["event_id", "sequence"].map(|name| &receipt[name]);
                        receipts.push(json!({ "event_id": id, "sequence": sequence }));
                        ui.document(with_line(*line, receipt));
                    }
                    Err(failure) => failed = failed.clone().and(Err(at_line(*line, failure))),
                }
            }
            ui.receipted(&receipts);
        });
        self.receipts += receipts.len();
        failed
    }
}

fn with_line(line: u64, receipt: Value) -> Value {
    let mut body = json!({ "line": line });
    if let (Value::Object(body), Value::Object(receipt)) = (&mut body, receipt) {
        body.extend(receipt);
    }
    body
}

/// Says of a failure which drafts were recorded before it.
fn after(receipts: usize, failure: CommandError) -> CommandError {
    if receipts == 0 {
        return failure;
    }
    let said = format!(
        "{} before it recorded: leave out what has a receipt, or give each draft an event_id",
        counted(receipts as u64, "draft")
    );
    failure.also("", said)
}

fn at_line(line: u64, failure: CommandError) -> CommandError {
    failure.reworded(|said| format!("line {line}: {said}"))
}
