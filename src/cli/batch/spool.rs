//! `ledger append --spool`: delivers what `ledger run` could not record.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::append::{Receipt, Submission, Writer};
use crate::documents;
use crate::spool::{self, SpoolError};

use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::receipt;
use crate::cli::signals::SignalGuard;

/// Where statements wait that could not be recorded.
pub(crate) fn dir(state: &Path) -> PathBuf {
    state.join("spool")
}

/// Delivers the spool, oldest first, up to the first that is refused: what those after it say may
/// build on it.
pub(crate) fn run(context: &mut Context, dry_run: bool) -> CommandResult {
    context.ui.thing = "spool";
    let files = spool::list(&dir(&context.place()?.state))?;
    let waiting = files.len();
    let mut delivered = Vec::new();
    let mut stopped = Ok(Exit::Passed);
    if !files.is_empty() {
        let guard = SignalGuard::new(false)?;
        let mut writer = context.writer()?;
        for path in files {
            match one(&path, &mut writer, &guard, dry_run) {
                Ok(receipts) => {
                    if !context.ui.json {
                        for receipt in &receipts {
                            let answer = Answer::plain(String::new());
                            context.ui.answer(receipt::add_to(answer, receipt));
                        }
                    }
                    delivered.extend(receipts);
                }
                Err(failure) => {
                    let message = format!(
                        "{} stays in the spool, and all after it: {}",
                        path.display(),
                        failure.message
                    );
                    stopped = Err(CommandError { message, ..failure });
                    break;
                }
            }
            if guard.stopped() {
                stopped = Ok(Exit::Interrupted);
                break;
            }
        }
        context.close(writer, &guard);
    }
    let left = waiting - delivered.len();
    let dry = match dry_run {
        true => "; nothing was recorded",
        false => "",
    };
    let error = stopped.as_ref().err().map(CommandError::to_json);
    let receipts: Vec<_> = delivered.iter().map(documents::receipt).collect();
    let document = json!({ "delivered": receipts, "left": left, "error": error });
    let answer = Answer::new(document).line(format!(
        "{} delivered, {left} left in the spool{dry}",
        delivered.len()
    ));
    context.ui.answer(answer);
    // Said above, in the one document there is.
    context.ui.json = false;
    stopped.map(Answer::from)
}

fn one(
    path: &Path,
    writer: &mut Writer,
    guard: &SignalGuard,
    dry_run: bool,
) -> Result<Vec<Receipt>, CommandError> {
    let submission: Submission = spool::read(path)?;
    if dry_run {
        writer.check(&submission)?;
        return Ok(Vec::new());
    }
    let outcome = guard.uninterrupted(|| writer.append(vec![submission]));
    match outcome.refused {
        Some(fault) => Err(fault.into()),
        None => {
            // Only now that it has its receipt; if it stays, it is answered with the same one again.
            spool::remove(path)?;
            Ok(outcome.receipts)
        }
    }
}

impl From<SpoolError> for CommandError {
    fn from(fault: SpoolError) -> Self {
        let exit = match &fault {
            SpoolError::Io { .. } => Exit::Temporary,
            _ => Exit::Refused,
        };
        Self::new(exit, fault.to_string())
    }
}
