//! What a submission must be before its place is looked for: whole, its author's, free of secret
//! material, with the files it names. Nothing here depends on what was recorded before, so a batch
//! is checked on all cores.

use std::collections::BTreeSet;

use crate::append::error::AppendError;
use crate::append::screen::{self, Screening};
use crate::append::submission::Submission;
use crate::bulk::{self, SignedMessage};
use crate::event::Event;
use crate::guard::SecretKind;
use crate::hash::{Blake3Digest, LedgerId, Sha256Digest};
use crate::parallel;
use crate::register::ScanAllowance;
use crate::statement::{Attachment, Statement, signed_message};
use crate::store::blobs::ATTACHMENT_LIMIT;

/// Those whose signatures are checked together, on one thread: starting others for fewer costs more than they save.
const TOGETHER: usize = 32;

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
    if batch.len() <= TOGETHER {
        return together(batch, ledger, screening);
    }
    let checked = parallel::map(parallel::groups(batch, TOGETHER), |group| {
        together(group, ledger, screening)
    });
    checked.into_iter().flatten().collect()
}

fn together(
    group: Vec<Submission>,
    ledger: LedgerId,
    screening: Screening<'_>,
) -> Vec<Result<ValidSubmission, AppendError>> {
    let decode = |submission: &Submission| {
        let bytes = submission.statement.bytes();
        let statement = Statement::decode(bytes)?;
        match statement.ledger == ledger {
            true => Ok((statement, signed_message(bytes))),
            false => Err(AppendError::OtherLedger),
        }
    };
    let decoded: Vec<_> = group.iter().map(decode).collect();
    let pairs = decoded.iter().zip(&group);
    // What was signed in this process and is as it was then is its author's; whatever came from elsewhere is asked.
    let signed = pairs.filter_map(|(decoded, submission)| {
        let (statement, message) = decoded.as_ref().ok()?;
        let signed = SignedMessage {
            key: statement.author,
            message,
            signature: submission.statement.signature(),
        };
        (!submission.was_signed_here(message)).then_some(signed)
    });
    let mut signed = bulk::hold(&signed.collect::<Vec<_>>()).into_iter();
    let checked = decoded.into_iter().zip(group);
    let checked = checked.map(|(decoded, submission)| {
        let (statement, message) = decoded?;
        match submission.was_signed_here(&message) || signed.next() == Some(true) {
            true => said(submission, (statement, &message), screening),
            false => Err(AppendError::BadSignature(statement.author.short())),
        }
    });
    checked.collect()
}

/// What is left to be checked of a statement that its author signed.
fn said(
    submission: Submission,
    (statement, message): (Statement, &[u8; 47]),
    screening: Screening<'_>,
) -> Result<ValidSubmission, AppendError> {
    check_lists(&statement.event)?;
    check_exception(&statement.event)?;
    check_files(&statement, &submission.files)?;
    // A draft of this process was looked at before it was signed; a statement may come from elsewhere, and
    // nothing is stored that was not looked at. The files are those that it names, as was just checked.
    if !submission.was_screened(message) {
        screening.texts(&statement.event, statement.on_behalf_of.as_ref())?;
        for (attachment, file) in statement.attachments.iter().zip(&submission.files) {
            screening.file(&attachment.name, &attachment.media_type, file)?;
        }
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
