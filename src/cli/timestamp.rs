//! `ledger timestamp`: time from somebody else's clock, over the newest checkpoint (RFC 3161).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;
use crate::ledger::CHECKPOINT_FILE;
use crate::store::engine::FolderEngine;
use crate::time::parse_span;
use crate::timestamps::{self, StampAnswer, StampRequest, TimestampError};
use crate::timetoken::{RESPONSE_LIMIT, StoredToken, TimeToken, TsaAuthorities, check_signature};
use crate::verify::{BelievedTokens, fitting_token};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::files::{read_bounded, write_new};
use super::layout::quoted;

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
/// not choose. `ledger verify` brackets them with it, where an authority that the reader named signed it.
/// Without flags the tokens are listed.
///
/// An answer is taken if it is signed as RFC 3161 says, by a certificate for time stamping alone, below the
/// root that was named with --tsa-ca, at a time that can be; else nothing is stored, and it ends with 4.
/// Without a root anybody on the way can have signed it: name it once.
///
///   ledger timestamp --tsa URL --tsa-ca tsa-ca.pem
///   ledger timestamp --tsa URL                              # from then on
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
    /// The root certificates (PEM) of the authorities whose tokens are taken; kept in --state for the next time and
    /// for `ledger verify`, in place of those of before, once a token was taken
    #[arg(long, value_name = "FILE")]
    tsa_ca: Option<PathBuf>,
    /// How long to wait for the authority
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_span, requires = "tsa")]
    timeout: Duration,
}

pub(crate) fn run(context: &mut Context, args: &TimestampArgs) -> CommandResult {
    context.ui.thing = "timestamp";
    let what = &args.what;
    let named = args.tsa_ca.as_deref();
    if let Some(url) = &what.tsa {
        let named = named.map(Named::read).transpose()?;
        let asked = newest(context)?;
        let response = ask(url, &asked, args.timeout)?;
        return keep(context, &asked, &response, named);
    }
    if let Some(path) = &what.request_out {
        return request(context, path);
    }
    if let Some(path) = &what.response_in {
        let named = named.map(Named::read).transpose()?;
        let response = read_bounded(path, RESPONSE_LIMIT)?;
        let token = TimeToken::parse(&response).map_err(TimestampError::from)?;
        let state = state(context)?;
        let asked = timestamps::asked_for(&state, &token)?;
        let outcome = keep(context, &asked, &response, named)?;
        asked.forget(&state)?;
        return Ok(outcome);
    }
    list(context, what.verify_command, named)
}

/// Certificates of authorities that were named, and the file as it is.
struct Named {
    pem: Vec<u8>,
    authorities: TsaAuthorities,
}

impl Named {
    fn read(path: &Path) -> Result<Self, CommandError> {
        let pem = read_bounded(path, RESPONSE_LIMIT)?;
        let authorities = TsaAuthorities::parse(&pem).map_err(|why| {
            CommandError::usage(format!("{}: {why}", path.display()))
                .hint("--tsa-ca takes the root certificates of time-stamping authorities, in PEM")
        })?;
        Ok(Self { pem, authorities })
    }
}

/// Reads the root certificates of authorities.
pub(super) fn read_authorities(path: &Path) -> Result<TsaAuthorities, CommandError> {
    Ok(Named::read(path)?.authorities)
}

impl Context {
    /// The authorities whose tokens count: those in a file that was named, or those that this host keeps for the
    /// ledger in `dir`. An auditor's machine keeps none, and may have no home.
    pub(crate) fn authorities(
        &self,
        named: Option<&Path>,
        dir: &Path,
    ) -> Result<Option<TsaAuthorities>, CommandError> {
        match (named, self.place_of(dir.to_owned())) {
            (Some(path), _) => read_authorities(path).map(Some),
            (None, Ok(place)) => {
                let state = FolderEngine::at(&self.world, &place.state);
                Ok(timestamps::authorities(&state)?)
            }
            (None, Err(_)) => Ok(None),
        }
    }

    /// The time tokens beside the ledger or the copy in `dir`, and the authorities that this host believes.
    pub(super) fn tokens(&self, dir: &Path) -> Result<BelievedTokens, CommandError> {
        Ok(BelievedTokens {
            tokens: timestamps::list(&FolderEngine::at(&self.world, dir))?,
            authorities: self.authorities(None, dir)?,
        })
    }
}

/// A request over the newest checkpoint.
fn newest(context: &Context) -> Result<StampRequest, CommandError> {
    let reader = context.reader()?;
    let none = "the ledger has no checkpoint to be stamped; the next append makes one";
    let checkpoint = reader.file(CHECKPOINT_FILE);
    let checkpoint = checkpoint.ok_or_else(|| CommandError::not_verified(none))?;
    Ok(StampRequest::new(&context.world, checkpoint)?)
}

fn ask(url: &str, asked: &StampRequest, time: Duration) -> Result<Vec<u8>, CommandError> {
    let request = asked.request.encode().map_err(TimestampError::from)?;
    let limit = RESPONSE_LIMIT as u64;
    let next =
        "try again, or let another tool send the request: ledger timestamp --request-out FILE";
    let temporary = |message: String| CommandError::temporary(message).hint(next);
    let reply = http::post_as(QUERY, url, &request, limit, time);
    let reply = reply.map_err(|fault| temporary(fault.to_string()))?;
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

fn keep(
    context: &mut Context,
    asked: &StampRequest,
    response: &[u8],
    named: Option<Named>,
) -> CommandResult {
    let dir = context.dir()?;
    let state = state(context)?;
    let kept = timestamps::authorities(&state)?;
    let authorities = named.as_ref().map(|named| &named.authorities);
    let answered = StampAnswer {
        asked,
        response,
        authorities: authorities.or(kept.as_ref()),
    };
    let wait = context.globals.wait;
    let (stored, token) = timestamps::store(&context.world, &dir, wait, &answered)?;
    if let Some(named) = &named {
        timestamps::keep_authorities(&state, &named.pem)?;
    }
    let (last, time) = (stored.size.saturating_sub(1), token.latest());
    let by = stored.response_path();
    let answer = Answer::new(json!({ "token": to_json(&stored, &token) }))
        .line(format!("entries 0 to {last}: not after {time}, by {by}"));
    Ok(match answered.authorities {
        Some(_) => answer,
        None => answer.say(
            "signed, and nobody knows by whom, so that it counts for nothing yet: name the authority's root once with --tsa-ca FILE",
        ),
    })
}

fn list(context: &mut Context, with_commands: bool, named: Option<&Path>) -> CommandResult {
    let dir = context.ledger_dir()?;
    let authorities = context.authorities(named, &dir)?;
    let tokens = timestamps::list(&FolderEngine::at(&context.world, &dir))?;
    let read = tokens.iter().map(|stored| {
        let signed = check_signature(&stored.response, authorities.as_ref());
        (stored, fitting_token(stored), signed)
    });
    let read: Vec<_> = read.collect();
    let all = read.iter().map(|(stored, token, signed)| match token {
        Ok(token) => {
            let mut one = to_json(stored, token);
            one["signature_checked"] = json!(signed.is_ok());
            one["verify_command"] = json!(verify_command(&dir, stored, token));
            one
        }
        Err(fault) => json!({ "response": stored.response_path(), "fault": fault }),
    });
    let mut answer = Answer::new(json!({ "tokens": all.collect::<Vec<_>>() }));
    if with_commands {
        for (stored, token, _) in &read {
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
    let rows = read.iter().map(|(stored, token, signed)| {
        let covers = format!("0 to {}", stored.size.saturating_sub(1));
        let (time, accuracy) = match token {
            Ok(token) => (token.time.to_string(), accuracy(token)),
            Err(fault) => (format!("unusable: {fault}"), String::new()),
        };
        let counts = match signed {
            Ok(()) => "yes".to_owned(),
            Err(fault) => format!("no: {fault}"),
        };
        [covers, time, accuracy, stored.response_path(), counts]
    });
    Ok(answer
        .table(["ENTRIES", "TIME", "ACCURACY", "TOKEN", "COUNTS"], rows)
        .say("ledger verify holds those that count against the entries"))
}

/// How openssl checks a token, as of its own time: what it checks by default is whether the chain is valid today,
/// which ends with the authority's certificate.
fn verify_command(dir: &Path, stored: &StoredToken, token: &TimeToken) -> String {
    let named = |path: String| quoted(&dir.join(path).display().to_string());
    format!(
        "openssl ts -verify -data {} -in {} -attime {} -CAfile tsa-ca.pem",
        named(stored.checkpoint_path()),
        named(stored.response_path()),
        token.time.micros().div_euclid(1_000_000)
    )
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
            TimestampError::NoEntry(fault) => fault.into(),
            TimestampError::Entropy(_) => Self::temporary(message).code("no-randomness"),
            TimestampError::Unasked(_) => Self::not_verified(message)
                .code("time-token-refused")
                .hint("take the response to the request that was written last, or write a new one"),
            TimestampError::Token(_) => Self::not_verified(message).code("time-token-refused").hint(
                "nothing was stored; openssl ts -reply -in FILE -text shows what a response says",
            ),
            TimestampError::Signature(_) => Self::not_verified(message).code("time-token-refused").hint(
                "nothing was stored; ask over https, and name the authority's root certificates with --tsa-ca FILE",
            ),
            TimestampError::Implausible { .. } => Self::not_verified(message)
                .code("time-token-refused")
                .hint("nothing was stored; look which of the clocks is wrong"),
            TimestampError::Authorities { .. } => Self::not_verified(message)
                .code("authorities-unreadable")
                .hint("name them again with --tsa-ca FILE"),
            _ => Self::broken(message),
        }
    }
}
