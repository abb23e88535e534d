//! Gets what is to be said about a tool into the ledger, or into the spool where that cannot be.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::append::{Receipt, Submission, Writer};
use crate::documents;
use crate::guard::KnownValue;
use crate::hash::LedgerId;
use crate::key::Signer;
use crate::ledger::{EntryReader, HINT_FILE, LedgerPlace};
use crate::spool;
use crate::sys::disk::{Disk as _, RealDisk};

use super::evidence::StepDrafts;
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::{batch, receipt};

/// How long to wait for another writer where somebody is waiting for this program to end.
pub(super) const SHORT_WAIT: Duration = Duration::from_secs(2);

/// Remembers the ledger's id outside its folder, for the day that the folder is not there.
const ID_FILE: &str = "ledger-id";

/// The id of the ledger, so that statements can be signed for it even where it cannot be opened.
pub(super) fn identify(context: &mut Context, place: &LedgerPlace) -> Option<LedgerId> {
    let remembered = place.state.join(ID_FILE);
    let wait = context.globals.wait.min(SHORT_WAIT);
    let genesis = EntryReader::open(&context.world, &place.dir, wait)
        .ok()
        .and_then(|mut reader| reader.next()?.ok());
    if let Some(stored) = genesis {
        let id = LedgerId::from_genesis(stored.link);
        // Only a help for later: nothing rests on it, and it may fail.
        let _ = std::fs::write(&remembered, format!("{id}\n"));
        return Some(id);
    }
    // A wrong id does no harm: the ledger refuses statements that were made for another one.
    let by_this_host = small_text(&remembered).and_then(|text| text.trim().parse().ok());
    by_this_host.or_else(|| hinted(place))
}

fn small_text(path: &Path) -> Option<String> {
    String::from_utf8(RealDisk.read(path).ok()?).ok()
}

/// What the ledger says about itself to people.
fn hinted(place: &LedgerPlace) -> Option<LedgerId> {
    #[derive(serde::Deserialize)]
    struct LedgerHint {
        ledger: LedgerId,
    }
    let text = small_text(&place.dir.join(HINT_FILE))?;
    let hint: LedgerHint = toml::from_str(&text).ok()?;
    Some(hint.ledger)
}

/// Where what is said about a tool goes, and in whose name.
pub(super) struct Delivery<'a> {
    pub(super) place: &'a LedgerPlace,
    /// The ledger's id, where it is known.
    pub(super) ledger: Option<LedgerId>,
    pub(super) key: &'a dyn Signer,
    /// What must not be recorded.
    pub(super) known: &'a [KnownValue],
    pub(super) wait: Duration,
}

impl Delivery<'_> {
    /// Signs and records the drafts in one commit; what cannot be recorded is spooled. Whether all of
    /// it is in the ledger.
    pub(super) fn deliver(&self, context: &mut Context, drafts: StepDrafts) -> bool {
        let mut complete = drafts.complete;
        let Some(ledger) = self.ledger else {
            context.warn(format!(
                "the ledger {} cannot be found, so the step is recorded nowhere",
                self.place.dir.display()
            ));
            report(context, &[], &[], false);
            return false;
        };
        let mut submissions = Vec::new();
        for (draft, files) in drafts.ready {
            let name = draft.event.name();
            match draft.sign(ledger, self.key, &context.world, files, self.known) {
                Ok(submission) => submissions.push(submission),
                Err(fault) => {
                    context.ui.warn(format!("{name} is not recorded: {fault}"));
                    complete = false;
                }
            }
        }
        let (receipts, waiting, failure) = append(context, self.place, submissions, self.wait);
        let mut spooled = Vec::new();
        if let Some(failure) = failure {
            complete = false;
            context.warn(format!("not recorded: {}", failure.message));
            spooled = self.spool(context, &waiting);
        }
        for receipt in &receipts {
            context.say(format!(
                "recorded as entry {}: {}",
                receipt.sequence, receipt.event
            ));
            for talk in receipt::findings(&receipt.findings) {
                context.ui.discuss(talk);
            }
        }
        report(context, &receipts, &spooled, complete);
        complete
    }

    /// Keeps signed statements for another day; answers with their files.
    fn spool(&self, context: &mut Context, waiting: &[Submission]) -> Vec<String> {
        let mut spooled = Vec::new();
        for submission in waiting {
            match spool::write(&batch::spool::dir(&self.place.state), submission) {
                Ok(path) => {
                    let path = path.display().to_string();
                    context.warn(format!("the signed statement waits in {path}"));
                    spooled.push(path);
                }
                Err(fault) => context.warn(format!(
                    "the signed statement could not be spooled either: {fault}"
                )),
            }
        }
        context.say(match spooled.is_empty() {
            true => "next: say it again with ledger append, once the ledger can be written",
            false => "next: deliver it with: ledger append --spool",
        });
        spooled
    }
}

/// What was recorded, what was not, and why.
fn append(
    context: &mut Context,
    place: &LedgerPlace,
    submissions: Vec<Submission>,
    wait: Duration,
) -> (Vec<Receipt>, Vec<Submission>, Option<CommandError>) {
    if submissions.is_empty() {
        return (Vec::new(), Vec::new(), None);
    }
    let mut writer = match Writer::open(&context.world, place, wait) {
        Ok(writer) => writer,
        Err(fault) => return (Vec::new(), submissions, Some(fault.into())),
    };
    context.warn_all(writer.notices());
    // Signed a moment ago, each with a new event id.
    let outcome = writer.append_minted(submissions.clone());
    context.warn_all(writer.close());
    context.has_committed = true;
    let waiting = submissions
        .into_iter()
        .skip(outcome.receipts.len())
        .collect();
    let failure = outcome.refused.map(CommandError::from);
    (outcome.receipts, waiting, failure)
}

fn report(context: &mut Context, receipts: &[Receipt], spooled: &[String], complete: bool) {
    if context.ui.json {
        let receipts: Vec<_> = receipts.iter().map(documents::receipt).collect();
        context
            .ui
            .document(json!({ "complete": complete, "receipts": receipts, "spooled": spooled }));
    }
}
