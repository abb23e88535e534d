//! `ledger witness serve`: C2SP tlog-witness over HTTP.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::dir::DirArgs;
use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::serve::{Site, SiteEvent, SiteRequest, SiteResponse, serve_site};
use crate::time::Clock;
use crate::witness::{CosignRefusal, REQUEST_LIMIT, Witness, WitnessAnswer, WitnessError};

/// How long a request waits for those before it.
const WAIT: Duration = Duration::from_secs(5);
/// The content type of a 409: the body is the size last cosigned.
const SIZE: &str = "text/x.tlog.size";

/// Serve a witness over HTTP, until SIGINT or SIGTERM
///
/// POST /add-checkpoint cosigns (C2SP tlog-witness); GET /SHA256-OF-ORIGIN/checkpoint shows what was
/// last cosigned; POST /add-successor takes the next sealing key of a ledger from the one before.
/// Prints the address it listens on; logs a line for each request on stderr. It speaks plain HTTP:
/// put a reverse proxy with TLS before it where it is reached over a network. A cosignature needs no
/// TLS to be believed.
///
///   ledger witness serve --dir witness --listen 127.0.0.1:7801
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    place: DirArgs,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7801")]
    listen: String,
}

pub(super) fn run(context: &mut Context, args: &ServeArgs) -> CommandResult {
    let witness = args.place.open(context)?;
    let refused = |fault| {
        CommandError::new(
            Exit::Temporary,
            format!("cannot listen on {}: {fault}", args.listen),
        )
    };
    let listener = TcpListener::bind(&args.listen).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let document = json!({
        "listen": address.to_string(),
        "vkey": witness.cosigner().to_string(),
    });
    let listening = Answer::new(document).line(format!("listening on {address}"));
    context.ui.answer(listening);
    context.ui.flush();
    let site = WitnessSite {
        witness,
        clock: context.world.clock.clone(),
        quiet: context.globals.quiet,
    };
    serve_site(listener, site)?;
    context.ui.say("stopped");
    Ok(Exit::Passed.into())
}

/// The witness behind its server.
struct WitnessSite {
    witness: Witness,
    clock: Arc<dyn Clock>,
    quiet: bool,
}

impl Site for WitnessSite {
    const BODY: usize = REQUEST_LIMIT;

    fn answer(&self, request: &SiteRequest) -> SiteResponse {
        respond(&self.witness, request)
    }

    fn tell(&self, event: &SiteEvent<'_>) {
        if !self.quiet {
            log(describe(event, &self.clock.now().to_seconds()));
        }
    }
}

/// A line of its own on stderr.
fn log(line: String) {
    // A log that nobody takes stops nothing.
    let _ = writeln!(io::stderr(), "{line}");
}

/// One line for one request: time, client, what was asked, what was answered.
fn describe(served: &SiteEvent<'_>, now: &str) -> String {
    let SiteRequest { method, path, .. } = served.request;
    // A path is somebody's text: nothing in it may rearrange the log.
    let path: String = path.chars().take(120).map(plain).collect();
    format!(
        "{now} {} {method} {path} {} {} ms",
        served.peer,
        served.response.status,
        served.took.as_millis()
    )
}

const fn plain(c: char) -> char {
    if c.is_ascii_graphic() { c } else { '?' }
}

fn respond(witness: &Witness, request: &SiteRequest) -> SiteResponse {
    let (path, method) = (request.path.as_str(), request.method.as_str());
    match (path, method) {
        ("/add-checkpoint", "POST") => match witness.add_checkpoint(&request.body, WAIT) {
            Ok(answer) => answered(answer),
            Err(fault) => failed(&fault),
        },
        ("/add-successor", "POST") => match witness.add_successor(&request.body, WAIT) {
            Ok(Ok(keys)) => {
                let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
                let lines = keys.join("\n");
                log(format!(
                    "follows a successor, named by the key before: {lines}"
                ));
                SiteResponse::text(200, lines)
            }
            Ok(Err(refusal)) => SiteResponse::text(refusal.status(), refusal.to_string()),
            Err(fault) => failed(&fault),
        },
        ("/add-checkpoint" | "/add-successor", _) => not_allowed("POST"),
        _ => match (origin_in(path), method) {
            (None, _) => SiteResponse::text(404, "nothing is here; see C2SP tlog-witness"),
            (Some(origin), "GET" | "HEAD") => latest(witness, origin),
            (Some(_), _) => not_allowed("GET, HEAD"),
        },
    }
}

/// The SHA-256 of the origin whose checkpoint stands at a path.
fn origin_in(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?.strip_suffix("/checkpoint")?;
    (name.len() == 64).then_some(name)
}

fn latest(witness: &Witness, origin: &str) -> SiteResponse {
    match witness.latest(origin) {
        Ok(Some(note)) => SiteResponse {
            body: note.into_bytes(),
            ..SiteResponse::text(200, "")
        },
        Ok(None) => SiteResponse::text(404, "no checkpoint of that log was cosigned here"),
        Err(fault) => failed(&fault),
    }
}

fn not_allowed(allow: &'static str) -> SiteResponse {
    SiteResponse {
        allow,
        ..SiteResponse::text(405, format!("only {allow} here"))
    }
}

fn answered(answer: WitnessAnswer) -> SiteResponse {
    if let Some(kept) = &answer.kept {
        log(format!("warning: kept as evidence: {}", kept.display()));
    }
    if let Some(notice) = &answer.notice {
        log(format!("warning: evidence was not kept: {notice}"));
    }
    match answer.outcome {
        Ok((_, line)) => SiteResponse {
            body: line.into_bytes(),
            ..SiteResponse::text(200, "")
        },
        Err(CosignRefusal::Conflict { known, .. }) => SiteResponse {
            content_type: SIZE,
            ..SiteResponse::text(409, known.to_string())
        },
        Err(refusal) => SiteResponse::text(refusal.status(), refusal.to_string()),
    }
}

/// What went wrong here is for the log; the client learns only that it did.
fn failed(fault: &WitnessError) -> SiteResponse {
    log(format!("error: {fault}"));
    match fault {
        WitnessError::Lock(_) => SiteResponse::text(503, "busy; try again"),
        _ => SiteResponse::text(500, "this witness cannot answer; its operator is told why"),
    }
}
