//! What a submission must be before its place is looked for: whole, its author's, free of secret
//! material, with the files it names. Nothing here depends on what was recorded before, so a batch
//! is checked on all cores.

use std::collections::BTreeSet;

use crate::append::error::AppendError;
use crate::append::screen::{self, Screening};
use crate::append::submission::Submission;
use crate::event::Event;
use crate::guard::SecretKind;
use crate::hash::{Blake3Digest, LedgerId, Sha256Digest};
use crate::parallel;
use crate::register::ScanAllowance;
use crate::statement::{Attachment, Statement};
use crate::store::blobs::ATTACHMENT_LIMIT;

/// Fewer are checked on this thread: starting others costs more than they save.
const WORTH_THREADS: usize = 8;

/// A submission that is what it says.
#[derive(Debug)]
pub(super) struct ValidSubmission {
    pub(super) submission: Submission,
    pub(super) statement: Statement,
}

/// Checks each submission of a batch for the ledger `ledger`.
pub(super) fn all(
    batch: Vec<Submission>,
    ledger: LedgerId,
    excepted: &[ScanAllowance],
) -> Vec<Result<ValidSubmission, AppendError>> {
    let screening = Screening {
        known: &[],
        excepted,
    };
    let check = |submission| one(submission, ledger, screening);
    if batch.len() < WORTH_THREADS {
        batch.into_iter().map(check).collect()
    } else {
        parallel::map(batch, check)
    }
}

fn one(
    submission: Submission,
    ledger: LedgerId,
    screening: Screening<'_>,
) -> Result<ValidSubmission, AppendError> {
    let statement = Statement::decode(submission.statement.bytes())?;
    if statement.ledger != ledger {
        return Err(AppendError::OtherLedger);
    }
    let author = statement.author.admit_once();
    if !author.is_some_and(|author| submission.statement.is_signed_by(&author)) {
        return Err(AppendError::BadSignature(statement.author.short()));
    }
    check_lists(&statement.event)?;
    check_exception(&statement.event)?;
    check_files(&statement, &submission.files)?;
    // Drafts of this program were looked at before they were signed; a statement may come from
    // elsewhere, and nothing is stored that was not looked at.
    screening.texts(&statement.event, statement.on_behalf_of.as_ref())?;
    for (attachment, file) in statement.attachments.iter().zip(&submission.files) {
        screening.file(&attachment.name, &attachment.media_type, file)?;
    }
    Ok(ValidSubmission {
        submission,
        statement,
    })
}

/// An exception that no scan would ever heed is a slip of whoever wrote it.
fn check_exception(event: &Event) -> Result<(), AppendError> {
    let Event::ScanException(excepted) = event else {
        return Ok(());
    };
    match screen::kind(&excepted.kind) {
        Some(kind) if kind != SecretKind::KnownValue => Ok(()),
        _ => Err(AppendError::NotExceptable(excepted.kind.clone())),
    }
}

/// A list that says the same thing twice is a slip of whoever wrote it, and would count twice.
fn check_lists(event: &Event) -> Result<(), AppendError> {
    let mut twice = None;
    event.fields(&mut |spec, field| {
        let mut seen = BTreeSet::new();
        if spec.many {
            field.each_text(&mut |text| {
                if !seen.insert(text) {
                    twice = Some(AppendError::Twice {
                        field: spec.name,
                        item: text.to_owned(),
                    });
                }
            });
        }
    });
    twice.map_or(Ok(()), Err)
}

fn check_files(statement: &Statement, files: &[Vec<u8>]) -> Result<(), AppendError> {
    let named = statement.attachments.len();
    if named != files.len() {
        return Err(AppendError::Files {
            named,
            given: files.len(),
        });
    }
    if named == 0 && matches!(statement.event, Event::EvidenceAttached(_)) {
        return Err(AppendError::NoEvidence);
    }
    let pairs = statement.attachments.iter().zip(files);
    pairs
        .into_iter()
        .try_for_each(|(attachment, file)| check_file(attachment, file))
}

fn check_file(attachment: &Attachment, file: &[u8]) -> Result<(), AppendError> {
    let fault = |fault: String| {
        Err(AppendError::Attachment {
            name: attachment.name.to_string(),
            fault,
        })
    };
    let length = file.len() as u64;
    if length == 0 {
        return fault("is empty".to_owned());
    }
    if length > ATTACHMENT_LIMIT {
        return fault(format!(
            "has {length} bytes; the limit is {ATTACHMENT_LIMIT}"
        ));
    }
    if length != attachment.length
        || Blake3Digest::of(file) != attachment.blake3
        || Sha256Digest::of(file) != attachment.sha256
    {
        return fault(
            "is not the file that the statement names: its length or digest differs".to_owned(),
        );
    }
    Ok(())
}
