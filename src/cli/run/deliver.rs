//! Gets what is to be said about a tool into the ledger, or into the spool where that cannot be.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::append::Submission;
use crate::append::draft::{Draft, DraftError};
use crate::guard::KnownValue;
use crate::hash::LedgerId;
use crate::key::Signer;
use crate::spool::{self, SpoolError, Waiting, WaitingDraft};

use super::evidence::StepDrafts;
use crate::cli::checks::AttachedFile;
use crate::cli::context::Context;
use crate::cli::receipt;
use crate::cli::signals::SignalGuard;

/// How long to wait for another writer where somebody is waiting for this program to end.
pub(super) const SHORT_WAIT: Duration = Duration::from_secs(2);

/// Where what is said about a tool goes, and in whose name.
#[derive(Default)]
pub(crate) struct Delivery {
    /// Where it waits, where there is such a place.
    pub(crate) spool: Option<PathBuf>,
    /// The ledger's id, where it is known.
    pub(crate) ledger: Option<LedgerId>,
    /// Who signs, where there is a key.
    pub(crate) key: Option<Box<dyn Signer>>,
    /// What must not be recorded.
    pub(crate) known: Vec<KnownValue>,
}

/// What can neither be recorded nor kept is printed where it is no longer than this.
const LONGEST_SAID: usize = 64 * 1024;

/// What became of what was said.
#[derive(Default)]
pub(crate) struct Delivered {
    pub(crate) receipts: Vec<Value>,
    pub(crate) spooled: Vec<String>,
    /// Whether all of it is in the ledger.
    pub(crate) complete: bool,
}

impl Delivery {
    /// Signs and records the drafts in one commit; what cannot be recorded waits.
    pub(crate) fn deliver(&self, context: &mut Context, drafts: StepDrafts) -> Delivered {
        let mut done = Delivered {
            complete: drafts.complete,
            ..Delivered::default()
        };
        let mut signed = Vec::new();
        for (draft, files) in drafts.ready {
            match self.sign(context, draft, files) {
                Ok(Waiting::Statement(submission)) => signed.push(submission),
                Ok(draft) => self.keep(context, &draft, &mut done),
                Err(why) => {
                    context.warn(why);
                    done.complete = false;
                }
            }
        }
        if !signed.is_empty() {
            self.record(context, signed, &mut done);
        }
        for receipt in &done.receipts {
            let event = receipt["event"].as_str().unwrap_or("?");
            let sequence = &receipt["sequence"];
            context.say(format!("recorded as entry {sequence}: {event}"));
            receipt::findings(&receipt["findings"]).for_each(|talk| context.ui.discuss(talk));
        }
        done
    }

    /// The statement; or the draft as it is, where nobody can sign it now. What holds a secret is not even
    /// kept.
    fn sign(
        &self,
        context: &Context,
        draft: Draft,
        files: Vec<AttachedFile>,
    ) -> Result<Waiting, String> {
        let name = draft.event.name();
        let not_said = |fault: DraftError| format!("{name} is not recorded: {fault}");
        let screened = context.screened(&draft, &files, &self.known);
        let screened = screened.map_err(not_said)?;
        if let (Some(key), Some(ledger)) = (&self.key, self.ledger) {
            match screened.sign(ledger, &**key, &context.world) {
                Ok(submission) => return Ok(Waiting::Statement(submission)),
                Err(DraftError::Sign(_) | DraftError::Entropy(_)) => {}
                Err(fault) => return Err(not_said(fault)),
            }
        }
        Ok(Waiting::Draft(Box::new(WaitingDraft {
            ledger: self.ledger,
            begun: false,
            draft,
            files,
        })))
    }

    /// What is not recorded waits.
    fn record(&self, context: &mut Context, signed: Vec<Submission>, done: &mut Delivered) {
        let recorded = SignalGuard::new(false).and_then(|guard| {
            let mut recorder = context.recorder(false)?;
            let record = || recorder.record(&mut context.ui, signed.clone(), true);
            let answers = guard.uninterrupted(record);
            recorder.close(context, &guard);
            Ok(answers)
        });
        let answers = recorded.unwrap_or_else(|failure| vec![Err(failure)]);
        let mut answers = answers.into_iter();
        for submission in signed {
            match answers.next() {
                Some(Ok(receipt)) => {
                    done.receipts.push(receipt);
                    continue;
                }
                Some(Err(failure)) => context.warn(format!("not recorded: {}", failure.message)),
                // Said of the one before it.
                None => {}
            }
            self.keep(context, &Waiting::Statement(submission), done);
        }
    }

    /// Keeps something for another day.
    fn keep(&self, context: &mut Context, waiting: &Waiting, done: &mut Delivered) {
        done.complete = false;
        let what = match waiting {
            Waiting::Statement(_) => "the signed statement",
            Waiting::Draft(_) => "what is to be said, unsigned,",
        };
        let kept = match &self.spool {
            Some(dir) => spool::write_waiting(dir, waiting),
            None => Err(SpoolError::Nowhere),
        };
        match kept {
            Ok(path) => {
                let path = path.display().to_string();
                context.warn(format!("{what} waits in {path}"));
                done.spooled.push(path);
            }
            Err(fault) => {
                context.warn(format!("{what} could not be kept: {fault}"));
                // The last place there is: whoever reads this can still deliver it.
                let text = spool::encode_waiting(waiting);
                if text.len() <= LONGEST_SAID {
                    let text = String::from_utf8_lossy(&text);
                    context.warn(format!("it is: {}", text.trim_end()));
                }
            }
        }
    }
}

/// Keeps in mind that something begins, for the case that nobody is left to say how it ended.
pub(super) fn begin(
    context: &mut Context,
    delivery: &Delivery,
    draft: Option<Draft>,
) -> Option<spool::Begun> {
    let waiting = WaitingDraft {
        ledger: delivery.ledger,
        begun: true,
        draft: draft?,
        files: Vec::new(),
    };
    let begun = spool::begin(delivery.spool.as_deref()?, waiting);
    begun
        .inspect_err(|fault| context.warn(format!("that the step begins is not kept: {fault}")))
        .ok()
}
