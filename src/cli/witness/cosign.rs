//! `ledger witness cosign`: one checkpoint, without a network.

use std::path::PathBuf;

use serde_json::json;

use super::dir::DirArgs;
use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::files::read_input;
use crate::cli::layout::seconds;
use crate::note::SignedNote;
use crate::witness::{AddCheckpoint, CosignRefusal, REQUEST_LIMIT, Witness, WitnessAnswer};

/// Cosign one checkpoint that came as a file, and print the cosignature
///
/// For an auditor's laptop that serves nobody. FILE is an add-checkpoint request, as the ledger's
/// operator makes it with `ledger witness request`; or a bare checkpoint, where this witness has
/// cosigned nothing of its ledger yet. The line that is printed goes back to the ledger's operator.
///
///   ledger witness cosign --dir witness request.txt > line.txt
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CosignArgs {
    #[command(flatten)]
    place: DirArgs,
    /// The request, or a checkpoint; `-` is stdin
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

pub(super) fn run(context: &mut Context, args: &CosignArgs) -> CommandResult {
    let witness = args.place.open(context)?;
    let mut bytes = read_input(&mut context.ui, &args.file, REQUEST_LIMIT)?;
    if !bytes.starts_with(b"old ")
        && let Ok(note) = SignedNote::parse(&bytes)
    {
        let first_contact = AddCheckpoint {
            old: 0,
            proof: Vec::new(),
            note,
        };
        bytes = first_contact.format().into_bytes();
    }
    let answer = witness.add_checkpoint(&bytes, context.globals.wait)?;
    conclude(context, &witness, answer)
}

fn conclude(context: &mut Context, witness: &Witness, answer: WitnessAnswer) -> CommandResult {
    if let Some(kept) = &answer.kept {
        let kept = kept.display();
        context.warn(format!("kept as evidence against the ledger: {kept}"));
    }
    if let Some(notice) = &answer.notice {
        context.warn(format!("the evidence was not kept: {notice}"));
    }
    let (checkpoint, line) = match answer.outcome {
        Ok(cosigned) => cosigned,
        Err(refusal) => return Err(failure(&refusal)),
    };
    let time = witness.logs()?.into_iter().find_map(|log| {
        let last = log.last.ok()??;
        (log.origin == checkpoint.origin).then_some(last.1)
    });
    let (origin, size) = (&checkpoint.origin, checkpoint.size);
    let document = json!({
        "origin": origin,
        "size": size,
        "root": checkpoint.root,
        "cosigned_utc": time.map(seconds),
        "line": line.trim_end(),
    });
    Ok(Answer::new(document)
        .text(line)
        .say(format!("cosigned `{origin}` at size {size}")))
}

fn failure(refusal: &CosignRefusal) -> CommandError {
    let message = format!("not cosigned: {refusal}");
    match refusal {
        CosignRefusal::Contradiction(_) => CommandError::broken(message)
            .code("ledger-forked")
            .hint("ask the ledger's operator; what it signed before and this do not fit together"),
        CosignRefusal::Conflict { known, .. } => {
            let request = format!("ledger witness request --old {known}");
            CommandError::refused(message).hint(format!("ask the ledger's operator for: {request}"))
        }
        CosignRefusal::UnknownOrigin => CommandError::refused(message)
            .code("unknown-origin")
            .hint("follow it with: ledger witness add-log --dir DIR --log VKEY"),
        _ => CommandError::refused(message),
    }
}
