//! Signed statements on their way into a ledger, each from somewhere: `ledger append --statement`, and what
//! waits in the spool. One that is refused stands in nobody's way.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::append::Submission;
use crate::spool;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::open_input;
use super::receipt;
use super::recorder::Recorder;
use super::signals::SignalGuard;

/// Statements that share one commit, at most, and bytes of their files in memory.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 64 << 20;

/// Signed statements that are delivered, and what becomes of each.
pub(crate) struct Delivery<'a> {
    context: &'a mut Context,
    guard: SignalGuard,
    recorder: Recorder,
    /// Is told where one came from, once its receipt is out.
    done: &'a mut dyn FnMut(&str) -> Result<(), CommandError>,
    pending: Vec<(String, Submission)>,
    bytes: usize,
    delivered: Vec<Value>,
    failed: Vec<(String, CommandError)>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn open(
        context: &'a mut Context,
        done: &'a mut dyn FnMut(&str) -> Result<(), CommandError>,
    ) -> Result<Self, CommandError> {
        let guard = SignalGuard::new(false)?;
        let recorder = context.recorder(false)?;
        Ok(Self {
            context,
            guard,
            recorder,
            done,
            pending: Vec::new(),
            bytes: 0,
            delivered: Vec::new(),
            failed: Vec::new(),
        })
    }

    /// Takes what was read from `from`. Whether more is to be read.
    pub(crate) fn take(&mut self, from: String, read: Result<Submission, CommandError>) -> bool {
        match read {
            Ok(submission) => {
                self.bytes += submission.files.iter().map(Vec::len).sum::<usize>();
                self.pending.push((from, submission));
            }
            Err(failure) => self.failed.push((from, failure)),
        }
        if self.pending.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.send();
        }
        !self.guard.stopped()
    }

    fn send(&mut self) {
        self.bytes = 0;
        let (from, submissions): (Vec<_>, Vec<_>) = self.pending.drain(..).unzip();
        let (recorder, ui, done) = (&mut self.recorder, &mut self.context.ui, &mut *self.done);
        let (delivered, failed) = (&mut self.delivered, &mut self.failed);
        self.guard.uninterrupted(|| {
            let mut answers = recorder.record_each(ui, submissions).into_iter();
            for from in from {
                let settled = match answers.next() {
                    Some(Ok(receipt)) => {
                        if !ui.json {
                            ui.answer(receipt::answer(&receipt));
                            ui.flush();
                        }
                        delivered.push(receipt);
                        done(&from)
                    }
                    Some(Err(failure)) => Err(failure),
                    None => Err(CommandError::temporary("it was not tried any more")),
                };
                failed.extend(settled.err().map(|failure| (from, failure)));
            }
        });
    }

    /// Delivers what is left, and says what became of all.
    pub(crate) fn finish(mut self) -> Answer {
        self.send();
        let mut exit = self.guard.exit();
        for (_, failure) in &self.failed {
            // It is worth trying again as long as anything is.
            if exit == Exit::Passed || failure.exit == Exit::Temporary {
                exit = failure.exit;
            }
        }
        self.recorder.close(self.context, &self.guard);
        answer(self.delivered, &self.failed).exit(exit)
    }
}

/// What became of statements that were delivered.
pub(crate) fn answer(delivered: Vec<Value>, failed: &[(String, CommandError)]) -> Answer {
    let counts = format!("{} delivered, {} left", delivered.len(), failed.len());
    let left = failed.iter();
    let left = left.map(|(from, failure)| json!({ "from": from, "error": failure.to_json() }));
    let left: Vec<_> = left.collect();
    let mut answer = Answer::new(json!({ "delivered": delivered, "left": left }));
    for (from, failure) in failed {
        answer = answer.tell(format!("left: {from}: {}", failure.message));
        if let Some(hint) = &failure.hint {
            answer = answer.say(format!("hint: {hint}"));
        }
    }
    answer.line(counts)
}

pub(crate) fn run(context: &mut Context, files: &[PathBuf]) -> CommandResult {
    context.ui.thing = "delivery";
    let mut inputs = Vec::new();
    for path in files {
        let name = path.display().to_string();
        let input = open_input(&mut context.ui, path).map_err(|fault| {
            CommandError::usage(format!("the statements `{name}` cannot be read: {fault}"))
        })?;
        inputs.push((name, input));
    }
    let mut done = |_: &str| Ok(());
    let mut is_empty = true;
    let mut delivery = Delivery::open(context, &mut done)?;
    for (name, input) in inputs {
        let mut input = BufReader::new(input);
        for number in 1_u64.. {
            let mut line = Vec::new();
            let mut some = (&mut input).take(spool::LONGEST);
            let read = some.read_until(b'\n', &mut line);
            if matches!(read, Ok(0)) {
                break;
            }
            is_empty = false;
            let from = format!("{name} line {number}");
            let read = read.map_err(|fault| fault.to_string());
            let read = read.and_then(|_| spool::decode(&line));
            let read = read.map_err(|fault| format!("it is no signed statement: {fault}"));
            let read = read.map_err(CommandError::refused);
            let is_last = read.is_err();
            if !delivery.take(from, read) || is_last {
                break;
            }
        }
    }
    let answer = delivery.finish();
    match is_empty {
        true => Err(CommandError::usage(
            "there is no statement in what was named",
        )),
        false => Ok(answer),
    }
}
