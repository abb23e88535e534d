//! `ledger witness serve`: C2SP tlog-witness over HTTP.

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use super::dir::DirArgs;
use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::signals::SignalGuard;
use crate::http::{self, Request, Response, ServedRequest, ServerLimits};
use crate::witness::{CosignRefusal, REQUEST_LIMIT, Witness, WitnessAnswer, WitnessError};

const LIMITS: ServerLimits = ServerLimits {
    head: 8 * 1024,
    body: REQUEST_LIMIT,
    time: Duration::from_secs(10),
    connections: 64,
};
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
    let guard = SignalGuard::new(true)?;
    guard.begin();
    let document = json!({
        "listen": address.to_string(),
        "vkey": witness.cosigner().to_string(),
    });
    let listening = Answer::new(document).line(format!("listening on {address}"));
    context.ui.answer(listening);
    context.ui.flush();
    let quiet = context.globals.quiet;
    // Each request has a line, and lines do not run into each other.
    let lines = Mutex::new(());
    let log = |text: String| {
        let _turn = lines.lock();
        eprintln!("{text}");
    };
    let answer = |request: &Request| respond(&witness, request, &log);
    let tell = |served: &ServedRequest<'_>| {
        if !quiet {
            log(describe(served, &context.world.clock.now().to_seconds()));
        }
    };
    http::serve(&listener, LIMITS, guard.flag(), &answer, &tell).map_err(refused)?;
    context.ui.say("stopped");
    Ok(Exit::Passed.into())
}

/// One line for one request: time, client, what was asked, what was answered.
fn describe(served: &ServedRequest<'_>, now: &str) -> String {
    let (method, path) = served
        .request
        .map_or(("-", "-"), |request| (&*request.method, &*request.path));
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

fn respond(witness: &Witness, request: &Request, log: &dyn Fn(String)) -> Response {
    let (path, method) = (request.path.as_str(), request.method.as_str());
    match (path, method) {
        ("/add-checkpoint", "POST") => match witness.add_checkpoint(&request.body, WAIT) {
            Ok(answer) => answered(answer, log),
            Err(fault) => failed(&fault, log),
        },
        ("/add-successor", "POST") => match witness.add_successor(&request.body, WAIT) {
            Ok(Ok(keys)) => {
                let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
                let lines = keys.join("\n");
                log(format!(
                    "follows a successor, named by the key before: {lines}"
                ));
                Response::text(200, lines)
            }
            Ok(Err(refusal)) => Response::text(refusal.status(), refusal.to_string()),
            Err(fault) => failed(&fault, log),
        },
        ("/add-checkpoint" | "/add-successor", _) => not_allowed("POST"),
        _ => match (origin_in(path), method) {
            (None, _) => Response::text(404, "nothing is here; see C2SP tlog-witness"),
            (Some(origin), "GET" | "HEAD") => latest(witness, origin, log),
            (Some(_), _) => not_allowed("GET, HEAD"),
        },
    }
}

/// The SHA-256 of the origin whose checkpoint stands at a path.
fn origin_in(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?.strip_suffix("/checkpoint")?;
    (name.len() == 64).then_some(name)
}

fn latest(witness: &Witness, origin: &str, log: &dyn Fn(String)) -> Response {
    match witness.latest(origin) {
        Ok(Some(note)) => Response {
            body: note.into_bytes(),
            ..Response::text(200, "")
        },
        Ok(None) => Response::text(404, "no checkpoint of that log was cosigned here"),
        Err(fault) => failed(&fault, log),
    }
}

fn not_allowed(allow: &'static str) -> Response {
    Response {
        allow,
        ..Response::text(405, format!("only {allow} here"))
    }
}

fn answered(answer: WitnessAnswer, log: &dyn Fn(String)) -> Response {
    if let Some(kept) = &answer.kept {
        log(format!("warning: kept as evidence: {}", kept.display()));
    }
    if let Some(notice) = &answer.notice {
        log(format!("warning: evidence was not kept: {notice}"));
    }
    match answer.outcome {
        Ok((_, line)) => Response {
            body: line.into_bytes(),
            ..Response::text(200, "")
        },
        Err(CosignRefusal::Conflict { known, .. }) => Response {
            content_type: SIZE,
            ..Response::text(409, known.to_string())
        },
        Err(refusal) => Response::text(refusal.status(), refusal.to_string()),
    }
}

/// What went wrong here is for the log; the client learns only that it did.
fn failed(fault: &WitnessError, log: &dyn Fn(String)) -> Response {
    log(format!("error: {fault}"));
    match fault {
        WitnessError::Lock(_) => Response::text(503, "busy; try again"),
        _ => Response::text(500, "this witness cannot answer; its operator is told why"),
    }
}
