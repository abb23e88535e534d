//! Many events that one command says: signed by one key, recorded in few commits.

use serde_json::Value;

use crate::append::Submission;
use crate::append::draft::Draft;
use crate::event;
use crate::time::Timestamp;

use super::context::Context;
use super::exit::CommandError;
use super::fields::{self, Fields};
use super::layout::counted;
use super::signals::SignalGuard;

/// Entries that share one commit.
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

/// Signs and records them in their order, and answers with their receipts.
pub(super) fn record(
    context: &mut Context,
    drafts: Vec<Draft>,
) -> Result<Vec<Value>, CommandError> {
    let key = context.key()?;
    let guard = SignalGuard::new(false)?;
    let mut recorder = context.recorder(true)?;
    let mut receipts: Vec<Value> = Vec::new();
    for some in drafts.chunks(AT_ONCE) {
        let signed = some.iter().cloned();
        let signed = signed
            .map(|draft| draft.sign(recorder.ledger(), &*key, &context.world, Vec::new(), &[]));
        let signed: Vec<Submission> = signed.collect::<Result<_, _>>()?;
        let answers = guard.uninterrupted(|| recorder.record(&mut context.ui, signed, true));
        for answer in answers {
            match answer {
                Ok(receipt) => receipts.push(receipt),
                Err(failure) => {
                    recorder.close(context, &guard);
                    let said = counted(receipts.len() as u64, "entry");
                    return Err(failure.hint(format!("{said} of it recorded: ledger next shows what is left, ledger log what was said")));
                }
            }
        }
    }
    recorder.close(context, &guard);
    Ok(receipts)
}
