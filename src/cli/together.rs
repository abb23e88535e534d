//! Many events that one command says: signed by one key, recorded in few commits.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::append::draft::Draft;
use crate::event;
use crate::key::Signer;
use crate::parallel;
use crate::time::Timestamp;

use super::context::Context;
use super::exit::CommandError;
use super::fields::{self, Fields};
use super::layout::counted;
use super::signals::SignalGuard;

/// Entries that share one commit. A multiple of three: those of one emergency stay together.
const AT_ONCE: usize = 900;

/// An event of this name, by its fields; those that are null are not said.
pub(super) fn draft(occurred: Timestamp, name: &str, said: Value) -> Result<Draft, CommandError> {
    let spec = event::spec(name).ok_or_else(|| CommandError::usage("no such event"))?;
    let said = said.as_object().cloned().unwrap_or_default();
    let said: Fields = said
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect();
    let mut draft = Draft::from(fields::finish(spec, said)?);
    draft.occurred = Some(occurred);
    Ok(draft)
}

/// Signs all of them, then records them in their order, and answers with their receipts.
pub(super) fn record(
    context: &mut Context,
    drafts: Vec<Draft>,
) -> Result<Vec<Value>, CommandError> {
    let key = context.key()?;
    record_by(context, &*key, drafts)
}

/// Whether what was prepared is recorded at once, only shown, or shown to somebody who is asked.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Consent {
    /// Show what would be recorded, and record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Record it without asking
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
}

impl Consent {
    /// Records the drafts, if that is wanted. Asks on a terminal whether it is, after `shown`; a script has to have
    /// said so.
    pub(crate) fn record(
        self,
        context: &mut Context,
        drafts: Vec<Draft>,
        (shown, question): (&[String], &str),
    ) -> Result<Vec<Value>, CommandError> {
        if self.dry_run || drafts.is_empty() {
            return Ok(Vec::new());
        }
        if !self.yes {
            shown.iter().for_each(|line| context.say(line));
            match context.ui.can_ask() {
                true if context.ui.agrees(question) => {}
                true => return Err(CommandError::usage("nothing was recorded")),
                false => {
                    let message =
                        "nobody can be asked whether to record this; nothing was recorded";
                    return Err(CommandError::usage(message)
                        .hint("look at it with --dry-run, and say --yes"));
                }
            }
        }
        record(context, drafts)
    }
}

/// The same by a key that was opened before: one that is read from a stream is read once.
pub(super) fn record_by(
    context: &mut Context,
    key: &dyn Signer,
    drafts: Vec<Draft>,
) -> Result<Vec<Value>, CommandError> {
    let guard = SignalGuard::new(false)?;
    let mut recorder = context.recorder(false)?;
    let (ledger, world) = (recorder.ledger(), &context.world);
    let sign = |draft: Draft| draft.sign(ledger, key, world, Vec::new(), &[]);
    let signed = parallel::map(drafts, sign).into_iter();
    let mut left: Vec<_> = signed.collect::<Result<_, _>>()?;
    let mut receipts = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let some = left.drain(..left.len().min(AT_ONCE)).collect();
        for answer in guard.uninterrupted(|| recorder.record(&mut context.ui, some, true)) {
            match answer {
                Ok(receipt) => receipts.push(receipt),
                Err(failure) => {
                    recorder.close(context, &guard);
                    let said = counted(receipts.len() as u64, "entry");
                    return Err(failure.hint(format!(
                        "{said} of it recorded: ledger next shows what is left, ledger log what was said"
                    )));
                }
            }
        }
    }
    recorder.close(context, &guard);
    if receipts.len() > 1 {
        context.warn_all(broken(&receipts));
    }
    Ok(receipts)
}

/// What many entries break, each rule once.
fn broken(receipts: &[Value]) -> Vec<String> {
    let mut rules: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let findings = receipts
        .iter()
        .filter_map(|receipt| receipt["findings"].as_array());
    for finding in findings.flatten() {
        let part = |name: &str| finding[name].as_str().unwrap_or_default();
        *rules.entry((part("rule"), part("title"))).or_default() += 1;
    }
    let each = rules.into_iter();
    each.map(|((rule, title), many)| format!("{rule} {title}: {}", counted(many, "entry")))
        .collect()
}
