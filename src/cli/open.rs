//! `ledger open`: a link by which a browser gets into the pages of a server.

use serde_json::{Value, json};

use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::CommandError;
use super::recorder::refused;
use super::remote::ServerAddress;

const ANSWER_LIMIT: u64 = 64 << 10;

/// Print a link that opens the pages of a server in a browser: once, within a minute
///
/// A browser can neither use a Unix socket nor send a token. Whoever may read from the server has it
/// make a link; the browser that opens it reads for eight hours, and can record nothing.
///
///   ledger open --ledger unix:/run/ledger/ledger.sock
///   ledger open --ledger https://HOST --token-file my.token
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct OpenArgs;

pub(crate) fn run(context: &mut Context) -> CommandResult {
    context.ui.thing = "open";
    let client = context.server()?.ok_or_else(|| {
        CommandError::usage("no server is named, and a folder has no pages")
            .hint("name who serves it: --ledger unix:PATH or --ledger https://HOST (ledger serve)")
    })?;
    let reply = client.post("/v1/sessions", "application/json", b"", ANSWER_LIMIT)?;
    let answered: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if reply.status != 201 {
        return Err(refused(reply.status, &answered));
    }
    let named = context.globals.ledger.as_deref();
    let base = match named.and_then(ServerAddress::parse) {
        Some(ServerAddress::Url(url)) => url,
        _ => {
            let first = answered["addresses"][0].as_str().map(str::to_owned);
            first.ok_or_else(|| {
                CommandError::usage("the server listens on no TCP address, and a browser can use nothing else")
                    .hint("have it listen on one more: ledger serve --listen unix:PATH --listen 127.0.0.1:7800")
            })?
        }
    };
    let url = format!("{base}{}", answered["path"].as_str().unwrap_or_default());
    let seconds = &answered["seconds"];
    let note = format!("it opens once, within {seconds} seconds");
    let document = json!({ "url": url, "seconds": seconds });
    Ok(Answer::new(document).line(url).say(note))
}
