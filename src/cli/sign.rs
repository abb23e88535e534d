//! `ledger sign`: a statement made where the key is, for somebody else to deliver.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches as _};
use serde_json::json;

use crate::event;
use crate::hash::LedgerId;
use crate::spool;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::fields::Fields;
use super::files::write_new;
use super::typed::{Around, Typed};

/// Sign a statement where your key is; ledger append --statement records it
///
/// It takes the ledger's id and not the ledger: name it with --ledger-id, or have it asked for with
/// --ledger. The file holds the statement, your signature and the attached files, and can be handed
/// over by any road: only you could have made it, and the ledger records it once, however often it is
/// delivered. What it says is checked and looked through for secret material here, and again where it
/// is recorded.
///
///   ledger sign rotation.approved --ledger-id 5f0c… --key ssh-agent: --rotation r-41 \
///       --no-window "dual-run, no downtime" --out approval.json
///   ledger append --statement approval.json
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    subcommand_value_name = "EVENT",
    subcommand_help_heading = "Events",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct SignArgs {}

/// Where a signed statement goes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct Signing {
    /// The new file to write it to; `-` is stdout
    #[arg(long, value_name = "FILE|-")]
    pub(crate) out: PathBuf,
    /// The id of the ledger that it is for, as ledger init printed it [default: asked for]
    #[arg(long, value_name = "HEX")]
    #[arg(env = "LEDGER_ID", hide_env_values = true)]
    pub(crate) ledger_id: Option<LedgerId>,
}

impl Around for Signing {
    const NAME: &'static str = "sign";
}

pub(crate) fn run(context: &mut Context, matches: &ArgMatches) -> CommandResult {
    context.ui.thing = "signed";
    let (name, matches) = matches.subcommand().unwrap_or(("", matches));
    let spec = event::spec(name)
        .ok_or_else(|| CommandError::usage(format!("there is no event `{name}`")))?;
    let signing = Signing::from_arg_matches(matches).map_err(CommandError::usage)?;
    let ledger = signing.ledger_id.or_else(|| context.ledger_id());
    let ledger = ledger.ok_or_else(|| {
        CommandError::usage("the ledger's id is not known")
            .hint("name it with --ledger-id HEX, or a ledger that can be asked with --ledger")
    })?;
    let typed = Typed::new(context, (spec, Fields::new()), matches)?;
    let ready = typed.ready(context)?;
    let submission = ready.sign(context, ledger)?;
    let text = spool::encode(&submission);
    let out = signing.out.display().to_string();
    let answer = Answer::new(json!({
        "ledger_id": ledger,
        "event": spec.name,
        "event_id": typed.event_id,
        "occurred_utc": ready.draft.occurred,
        "author": ready.key.public(),
        "out": out,
    }));
    if typed.frame.checks.dry_run {
        return Ok(answer.line("nothing was written; it would be signed"));
    }
    if signing.out == Path::new("-") {
        return Ok(Answer::plain(String::from_utf8_lossy(&text).into_owned()));
    }
    write_new(&signing.out, &text)?;
    Ok(answer
        .line(format!("signed    {}", spec.name))
        .line(format!("event id  {}", typed.event_id))
        .line(format!("for       {ledger}"))
        .line(format!("in        {out}"))
        .say("next: hand it over, or ledger append --statement FILE"))
}
