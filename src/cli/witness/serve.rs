//! `ledger witness serve`: C2SP tlog-witness over HTTP.

use std::net::TcpListener;

use serde_json::json;

use super::dir::DirArgs;
use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::serve::{WitnessSite, serve_witness};

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
    let refused =
        |fault| CommandError::temporary(format!("cannot listen on {}: {fault}", args.listen));
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
    serve_witness(listener, site)?;
    context.ui.say("stopped");
    Ok(Exit::Passed.into())
}
