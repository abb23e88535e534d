//! Delivery: each by itself, so that one that is refused stands in nobody's way.

use std::path::Path;

use crate::append::{AppendError, Receipt, Submission, Writer};

use super::folder::{self, SpoolError};

/// Appends one statement that came from `path`.
///
/// # Errors
/// The ledger refused it.
pub fn deliver_one(
    path: &Path,
    submission: Submission,
    writer: &mut Writer,
) -> Result<Receipt, SpoolError> {
    let mut outcome = writer.append(vec![submission]);
    let receipt = outcome.receipts.pop();
    receipt.ok_or_else(|| SpoolError::Refused {
        path: path.to_owned(),
        fault: Box::new(outcome.refused.unwrap_or(AppendError::GivenUp)),
    })
}

/// Delivers the signed statements in `dir` to the ledger, in order, each shown to `done` before its file
/// is removed; whatever cannot be delivered stays, and those after it are tried all the same.
///
/// # Errors
/// The folder cannot be listed.
pub fn deliver(
    dir: &Path,
    writer: &mut Writer,
    mut done: impl FnMut(&Path, Result<Receipt, SpoolError>),
) -> Result<(), SpoolError> {
    for path in folder::list(dir)? {
        let sent = folder::read(&path).and_then(|read| deliver_one(&path, read, writer));
        let has_receipt = sent.is_ok();
        done(&path, sent);
        if has_receipt {
            folder::remove(&path)?;
        }
    }
    Ok(())
}
