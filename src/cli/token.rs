//! `ledger token`: who may talk to a server over TCP.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use zeroize::Zeroizing;

use crate::documents;
use crate::event::TokenScope;
use crate::hash::Blake3Digest;
use crate::register::{TokenStanding, TransportToken};
use crate::sys::keyfile;
use crate::time::SaidTime;

use super::answer::{Answer, CommandResult};
use super::append;
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::keep_apart;
use super::layout::row;
use super::transport::{PREFIX, read};
use super::typed::Again;

/// Issue, list and revoke the tokens with which a server is talked to over TCP
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Debug, clap::Subcommand)]
enum TokenAction {
    Issue(IssueArgs),
    Revoke(RevokeArgs),
    /// List every token that was issued, and whether it is good
    List,
}

/// Make a token and record its digest: whoever has it may talk to a server of this ledger
///
/// Said by a Security Owner. The token is 256 random bits, and stands nowhere but in FILE, which only
/// you can read, or on standard output. What is appended with it still needs the signature of
/// somebody who may say it.
///
///   ledger token issue ci --scope append --expires 90d --out ci.token
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct IssueArgs {
    /// What it is called: one name for each who gets a token, so that it can be revoked alone
    #[arg(value_name = "NAME")]
    name: String,
    /// To read, or to read and hand over statements
    #[arg(long, value_name = "WORD", value_parser = PossibleValuesParser::new(TokenScope::WORDS))]
    scope: String,
    /// Until when it is good: a time, a day, or a span from now on, as 90d
    #[arg(long, value_name = "TIME|SPAN")]
    expires: SaidTime,
    /// Write it to this new file, which only you can read [default: to standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    again: Again,
}

/// Revoke a token: the server refuses it from the next request on
///
///   ledger token revoke ci --reason "the runner was replaced"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct RevokeArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Why, in one line
    #[arg(long, value_name = "TEXT", default_value = "not needed any more")]
    reason: String,
    #[command(flatten)]
    again: Again,
}

pub(crate) fn run(context: &mut Context, args: &TokenArgs) -> CommandResult {
    match &args.action {
        TokenAction::Issue(args) => issue(context, args),
        TokenAction::Revoke(args) => {
            let said = [("--name", args.name.as_str()), ("--reason", &args.reason)];
            append::say_as(context, "token", ("token.revoked", &said), &args.again)
        }
        TokenAction::List => list(context),
    }
}

/// Written before it is recorded: a token that is lost on the way is none.
fn issue(context: &mut Context, args: &IssueArgs) -> CommandResult {
    let now = context.now();
    // Said by now: whoever says it once more means the same end.
    let occurred = args.again.occurred.map_or(now, |said| said.before(now));
    let expires = args.expires.after(occurred);
    if expires <= now {
        return Err(CommandError::usage("--expires is over already"));
    }
    let kept = args.out.as_deref().filter(|out| out.exists());
    let kept = kept.filter(|_| args.again.event_id.is_some());
    let token = match (kept, &args.out) {
        (Some(out), _) => read(out)?,
        (None, Some(out)) => {
            keep_apart("--out", out, &context.named_ledger()?)?;
            let token = new_token(context)?;
            keyfile::write_secret(out, format!("{}\n", *token).as_bytes())?;
            token
        }
        (None, None) if context.ui.json => {
            let message = "a token is no part of a document: name a file with --out FILE";
            return Err(CommandError::usage(message));
        }
        (None, None) => {
            let token = new_token(context)?;
            context.ui.line(&*token);
            token
        }
    };
    let again = Again {
        event_id: args.again.event_id,
        occurred: Some(SaidTime::Utc(occurred)),
    };
    let digest = Blake3Digest::of(token.as_bytes()).to_string();
    context.say_in_utc("--expires", args.expires, expires);
    let expires = expires.to_string();
    let said = [
        ("--name", args.name.as_str()),
        ("--scope", &args.scope),
        ("--expires", &expires),
        ("--token-blake3", &digest),
    ];
    let outcome = append::say_as(context, "token", ("token.issued", &said), &again);
    if let (Err(failure), None, Some(out)) = (&outcome, kept, &args.out)
        && matches!(failure.exit, Exit::Usage | Exit::Refused)
    {
        // Nothing was recorded: what is in it is good for nothing.
        let _ = std::fs::remove_file(out);
    }
    outcome
}

fn list(context: &mut Context) -> CommandResult {
    context.ui.thing = "tokens";
    let (register, now) = (context.register()?, context.now());
    let row = |token: &&TransportToken| {
        let standing = match token.standing(now) {
            TokenStanding::Live => "live".to_owned(),
            TokenStanding::Expired => "expired".to_owned(),
            TokenStanding::Revoked(sequence) => format!("revoked by entry {sequence}"),
        };
        let expires = token.expires.to_seconds();
        row![token.name, token.scope, expires, token.issued_by, standing]
    };
    let tokens = register.charter.tokens.by_issue();
    let heading = ["TOKEN", "SCOPE", "EXPIRES", "ISSUED BY", "STANDING"];
    Ok(Answer::new(documents::tokens(&register, now)).table(heading, tokens.iter().map(row)))
}

fn new_token(context: &Context) -> Result<Zeroizing<String>, CommandError> {
    let mut random = Zeroizing::new([0; 32]);
    context.world.entropy.fill(&mut *random)?;
    let digits = Zeroizing::new(hex::encode(*random));
    Ok(Zeroizing::new(format!("{PREFIX}{}", *digits)))
}
