//! `ledger timestamp`: time from somebody else's clock, over the newest checkpoint (RFC 3161).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;
use crate::ledger::CHECKPOINT_FILE;
use crate::store::engine::FolderEngine;
use crate::timestamps::{self, StampRequest, TimestampError};
use crate::timetoken::{RESPONSE_LIMIT, StoredToken, TimeToken};
use crate::verify::fitting_token;

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};
use super::files::{read_bounded, write_new};
use super::openssl::verify_command;
use super::options::parse_span;

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

/// What is to be done; without any of these, the tokens are listed.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct TimestampAction {
    /// Ask this authority, over HTTP or HTTPS
    #[arg(long, value_name = "URL")]
    tsa: Option<String>,
    /// Write a request to this file, which must be new, and wait for its response
    #[arg(long, value_name = "FILE")]
    request_out: Option<PathBuf>,
    /// Take the response to a request that was written before
    #[arg(long, value_name = "FILE")]
    response_in: Option<PathBuf>,
    /// Print for each token how openssl checks who signed it
    #[arg(long)]
    verify_command: bool,
}

/// Have the newest checkpoint stamped by a time-stamping authority (RFC 3161), or list its tokens
///
/// A token shows that the entries under the checkpoint existed at a time that the ledger's host could
/// not choose. `ledger verify` brackets them with it, and with --tsa-ca it has openssl check who signed
/// it; --verify-command prints how to do that by hand. Without flags the tokens are listed.
///
/// Where this host may not reach the authority, or it wants more than a plain request:
///
///   ledger timestamp --request-out head.tsq
///   curl -H "Content-Type: application/timestamp-query" --data-binary @head.tsq -o head.tsr URL
///   ledger timestamp --response-in head.tsr
///
/// An entry that names the token, by having it attached, is not older than the token, nor is any later
/// one: ledger append evidence.attached --attach prod/timestamps/….tsr
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct TimestampArgs {
    #[command(flatten)]
    what: TimestampAction,
    /// How long to wait for the authority
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_span, requires = "tsa")]
    timeout: Duration,
}

pub(crate) fn run(context: &mut Context, args: &TimestampArgs) -> CommandResult {
    context.ui.thing = "timestamp";
    let what = &args.what;
    if let Some(url) = &what.tsa {
        let asked = newest(context)?;
        let response = ask(url, &asked, args.timeout)?;
        return keep(context, &asked, &response);
    }
    if let Some(path) = &what.request_out {
        return request(context, path);
    }
    if let Some(path) = &what.response_in {
        let response = read_bounded(path, RESPONSE_LIMIT)?;
        let token = TimeToken::parse(&response).map_err(TimestampError::from)?;
        let state = state(context)?;
        let asked = timestamps::asked_for(&state, &token)?;
        let outcome = keep(context, &asked, &response)?;
        asked.forget(&state)?;
        return Ok(outcome);
    }
    list(context, what.verify_command)
}

/// A request over the newest checkpoint.
fn newest(context: &Context) -> Result<StampRequest, CommandError> {
    let reader = context.reader()?;
    let checkpoint = reader.file(CHECKPOINT_FILE).ok_or_else(|| {
        CommandError::new(
            Exit::NotVerified,
            "the ledger has no checkpoint to be stamped; the next append makes one",
        )
    })?;
    Ok(StampRequest::new(&context.world, checkpoint)?)
}

fn ask(url: &str, asked: &StampRequest, time: Duration) -> Result<Vec<u8>, CommandError> {
    let request = asked.request.encode().map_err(TimestampError::from)?;
    let limit = RESPONSE_LIMIT as u64;
    let temporary = |message: String| {
        CommandError::new(Exit::Temporary, message).hint(
            "try again, or let another tool send the request: ledger timestamp --request-out FILE",
        )
    };
    let reply = http::post_as(QUERY, url, &request, limit, time)
        .map_err(|fault| temporary(fault.to_string()))?;
    let kind = reply.content_type.split(';').next().unwrap_or_default();
    if reply.status != 200 {
        return Err(temporary(format!("{url}: status {}", reply.status)));
    }
    if !kind.trim().eq_ignore_ascii_case(REPLY) {
        return Err(temporary(format!(
            "{url}: the answer is no {REPLY}, so no time-stamping authority answers there"
        )));
    }
    Ok(reply.body)
}

/// Where requests wait for their tokens.
fn state(context: &Context) -> Result<FolderEngine, CommandError> {
    let place = context.place()?;
    Ok(FolderEngine::at(&context.world, &place.state))
}

fn request(context: &mut Context, path: &Path) -> CommandResult {
    let asked = newest(context)?;
    let state = state(context)?;
    asked.keep(&state)?;
    let bytes = asked.request.encode().map_err(TimestampError::from)?;
    if let Err(fault) = write_new(path, &bytes) {
        // Nobody can answer what nobody got.
        asked.forget(&state)?;
        return Err(fault);
    }
    let (path, imprint) = (path.display().to_string(), asked.request.imprint);
    Ok(Answer::new(json!({ "request": path, "imprint": imprint }))
        .line(format!("{path} asks for a token over {imprint}"))
        .say(format!(
            "send it: curl -H \"Content-Type: {QUERY}\" --data-binary @{path} -o FILE URL"
        ))
        .say("then: ledger timestamp --response-in FILE"))
}

fn keep(context: &mut Context, asked: &StampRequest, response: &[u8]) -> CommandResult {
    let dir = context.dir()?;
    let wait = context.globals.wait;
    let (stored, token) = timestamps::store(&context.world, &dir, wait, asked, response)?;
    let answer = Answer::new(json!({ "token": to_json(&stored, &token) }));
    Ok(answer
        .line(format!(
            "entries 0 to {}: not after {}, by {}",
            stored.size.saturating_sub(1),
            token.latest(),
            stored.response_path()
        ))
        .say("who signed it was not checked: ledger verify --tsa-ca, or ledger timestamp --verify-command"))
}

fn list(context: &mut Context, with_commands: bool) -> CommandResult {
    let dir = context.ledger_dir()?;
    let tokens = timestamps::list(&FolderEngine::at(&context.world, &dir))?;
    let read = tokens.iter().map(|stored| (stored, fitting_token(stored)));
    let read: Vec<_> = read.collect();
    let exit = match read.iter().all(|(_, token)| token.is_ok()) {
        true => Exit::Passed,
        false => Exit::Broken,
    };
    let all: Vec<Value> = read
        .iter()
        .map(|(stored, token)| match token {
            Ok(token) => {
                let mut one = to_json(stored, token);
                one["verify_command"] = json!(verify_command(&dir, stored, token));
                one
            }
            Err(fault) => json!({ "response": stored.response_path(), "fault": fault }),
        })
        .collect();
    let mut answer = Answer::new(json!({ "tokens": all })).exit(exit);
    if with_commands {
        for (stored, token) in &read {
            match token {
                Ok(token) => answer = answer.line(verify_command(&dir, stored, token)),
                Err(fault) => answer = answer.warn(format!("{}: {fault}", stored.response_path())),
            }
        }
        return Ok(answer);
    }
    if read.is_empty() {
        return Ok(answer.line("no time tokens; ledger timestamp --tsa URL asks for one"));
    }
    let rows: Vec<Vec<String>> = read
        .iter()
        .map(|(stored, token)| {
            let covers = format!("0 to {}", stored.size.saturating_sub(1));
            let (time, accuracy) = match token {
                Ok(token) => (token.time.to_string(), accuracy(token)),
                Err(fault) => (format!("unusable: {fault}"), String::new()),
            };
            vec![covers, time, accuracy, stored.response_path()]
        })
        .collect();
    Ok(answer
        .table(&["ENTRIES", "TIME", "ACCURACY", "TOKEN"], &rows)
        .say("read and not verified; ledger verify holds them against the entries"))
}

fn accuracy(token: &TimeToken) -> String {
    match token.accuracy.is_zero() {
        true => "not stated".to_owned(),
        false => format!("{:?}", token.accuracy),
    }
}

fn to_json(stored: &StoredToken, token: &TimeToken) -> Value {
    json!({
        "response": stored.response_path(),
        "checkpoint": stored.checkpoint_path(),
        "size": stored.size,
        "imprint": token.imprint,
        "time": token.time,
        "accuracy_seconds": token.accuracy.as_secs_f64(),
        "not_after": token.latest(),
        "policy": token.policy,
    })
}

impl From<TimestampError> for CommandError {
    fn from(fault: TimestampError) -> Self {
        let message = fault.to_string();
        match fault {
            TimestampError::Lock(fault) => fault.into(),
            TimestampError::Disk(fault) => fault.into(),
            TimestampError::NoRequest => {
                Self::usage(message).hint("write one first: ledger timestamp --request-out FILE")
            }
            TimestampError::Unasked(_) => Self::new(Exit::Broken, message)
                .hint("take the response to the request that was written last, or write a new one"),
            TimestampError::Entropy(_) => Self::new(Exit::Temporary, message),
            TimestampError::Token(_) => Self::new(Exit::Broken, message).hint(
                "nothing was stored; openssl ts -reply -in FILE -text shows what a response says",
            ),
            _ => Self::new(Exit::Broken, message),
        }
    }
}
