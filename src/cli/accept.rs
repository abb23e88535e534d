//! `ledger accept`: closes what is past. A finding that somebody accepted is shown for ever, and fails no more.

use crate::rule::FindingStatus;
use crate::verify::Report;

use super::answer::CommandResult;
use super::append;
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::typed::Again;
use super::verify::{self, Asked};

/// Accept findings that nothing can mend any more, so that verify fails only for what is new
///
/// Said by a Security Owner or an Auditor who neither wrote the entry nor carried out the rotation. The
/// ledger is verified first: what is accepted has to be there. It stays in every report, with who accepted
/// it and why; integrity, authority and anchoring cannot be accepted, nor what still lasts (an overdue
/// secret, a rotation left open, an attestation too old), which an exception covers for a time.
///
///   ledger accept S-13@41 --reason "approved by phone, see the incident" --reference INC-2211
///   ledger accept S-37@18 S-38@18 --reason "the wrong file was attached" --correction 52
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct AcceptArgs {
    /// What is accepted, by its fingerprint in the report of ledger verify: RULE@ENTRY
    #[arg(value_name = "FINGERPRINT", required = true)]
    findings: Vec<String>,
    /// Why, in one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Where that was decided, for example a ticket
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    /// The entry that corrects what the rule was raised by (entry.corrected)
    #[arg(long, value_name = "SEQ")]
    correction: Option<u64>,
    #[command(flatten)]
    again: Again,
}

pub(crate) fn run(context: &mut Context, args: &AcceptArgs) -> CommandResult {
    context.ui.thing = "receipt";
    if args.findings.len() > 1 && args.again.event_id.is_some() {
        let message = "--event-id is of one event, and several findings are named";
        return Err(CommandError::usage(message));
    }
    let report = verify::whole(context, &Asked::default())?;
    let places = args.findings.iter();
    let places = places.map(|named| place(&report, named));
    let places: Vec<(&str, u64)> = places.collect::<Result<_, _>>()?;
    let mut last = Exit::Passed.into();
    for (rule, entry) in places {
        let entry = entry.to_string();
        let correction = args.correction.map(|one| one.to_string());
        let mut said = vec![("--rule", rule), ("--entry", &entry)];
        said.push(("--reason", &args.reason));
        said.extend(args.reference.as_deref().map(|text| ("--reference", text)));
        said.extend(correction.as_deref().map(|text| ("--correction", text)));
        last = append::say_as(context, "accept", ("finding.accepted", &said), &args.again)?;
    }
    Ok(last)
}

/// The rule and the entry of a finding that nobody accepted.
fn place<'r>(report: &'r Report, named: &str) -> Result<(&'r str, u64), CommandError> {
    let found = &report.findings;
    let held = found.iter().find(|finding| finding.fingerprint() == named);
    let Some((finding, entry)) = held.and_then(|one| Some((one, one.sequence?))) else {
        let message = format!("nothing is held against the ledger as `{named}`");
        return Err(CommandError::refused(message)
            .code("no-finding")
            .hint("ledger verify lists what is, each finding with its fingerprint"));
    };
    match &finding.status {
        status @ FindingStatus::Accepted { .. } => {
            Err(CommandError::refused(format!("{named} was {status}")))
        }
        _ => Ok((finding.rule.id, entry)),
    }
}
