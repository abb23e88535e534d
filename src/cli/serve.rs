//! `ledger serve`: one process that writes for many.

use std::path::PathBuf;

use serde_json::json;

use crate::serve::{self, ListenAddress, ServeConfig, ServeError, ServeEvents, TlsFiles};

use super::anchor;
use super::answer::{Answer, CommandResult};
use super::context::Context;
use super::exit::{CommandError, Exit};

/// Serve the ledger to many people and tools, until SIGINT or SIGTERM
///
/// One process holds the sealing key and the ledger's lock; people and tools keep their own keys and
/// send signed statements. Who may append is decided by a statement's signature alone; a socket's
/// permissions, a token (see ledger token issue) or a client certificate only decide who may talk.
/// What waits shares one commit, and each statement gets its receipt when it would survive a power
/// cut.
///
///   ledger serve --ledger prod --listen unix:/run/ledger/ledger.sock --socket-group rotators
///   curl --unix-socket /run/ledger/ledger.sock http://ledger/v1/status
///   ledger serve --ledger prod --listen 0.0.0.0:7800 --tls-cert c.pem --tls-key k.pem
///
/// GET /openapi.json describes everything that is answered. Below / stands the static copy of the
/// ledger (C2SP tlog-tiles), which auditors fetch and verify on their own machine. GET /metrics is
/// for Prometheus, /readyz for whoever watches. One line of JSON for each request is written to
/// stderr.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ServeArgs {
    /// Listen here: unix:PATH, or ADDRESS:PORT (port 0 takes a free one); repeat for more. Sockets of
    /// systemd (LISTEN_FDS) are taken besides
    #[arg(long, value_name = "unix:PATH|ADDRESS:PORT")]
    listen: Vec<ListenAddress>,
    /// The mode of the Unix sockets: who may connect may talk
    #[arg(long, value_name = "MODE", default_value = "0660", value_parser = parse_mode)]
    socket_mode: u32,
    /// The group of the Unix sockets, by name or number
    #[arg(long, value_name = "GROUP")]
    socket_group: Option<String>,
    /// Speak TLS on all TCP addresses with this certificate chain (PEM); SIGHUP reads it again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let clients with a certificate of this authority (PEM) talk without a token
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Requests a second that one client may make, and twice as many at once; 0: any number
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    rate: u32,
}

pub(crate) fn run(context: &mut Context, args: &ServeArgs) -> CommandResult {
    context.ui.thing = "serve";
    let certificate = args.tls_cert.clone().zip(args.tls_key.clone());
    let config = ServeConfig {
        listen: args.listen.clone(),
        socket_mode: args.socket_mode,
        socket_group: args.socket_group.clone(),
        tls: certificate.map(|(certificate, key)| TlsFiles {
            certificate,
            key,
            client_ca: args.client_ca.clone(),
        }),
        rate: args.rate,
        quiet: context.globals.quiet,
    };
    config.check()?;
    let mut writer = context.writer()?;
    writer.hold_as("ledger serve");
    let (world, place) = (context.world.clone(), context.place()?);
    serve::serve(&config, &world, &place, writer, &mut Attendant { context })?;
    context.ui.say("stopped");
    Ok(Exit::Passed.into())
}

/// Says where it listens, and has the witnesses asked.
struct Attendant<'a> {
    context: &'a mut Context,
}

impl ServeEvents for Attendant<'_> {
    fn listening(&mut self, addresses: &[String]) {
        let lines = addresses.iter().map(|one| format!("listening on {one}"));
        let answer = Answer::new(json!({ "listen": addresses })).lines(lines);
        self.context.ui.answer(answer);
        self.context.ui.flush();
    }

    fn committed(&mut self) {
        anchor::after_commit(self.context);
    }
}

/// Reads a mode as `chmod` takes it: octal digits.
fn parse_mode(text: &str) -> Result<u32, String> {
    let fault = || "needs octal digits, for example 0660".to_owned();
    let mode = u32::from_str_radix(text, 8).map_err(|_| fault())?;
    (mode <= 0o777).then_some(mode).ok_or_else(fault)
}

impl From<ServeError> for CommandError {
    fn from(fault: ServeError) -> Self {
        let message = fault.to_string();
        match fault {
            ServeError::Asked { hint, .. } => Self::usage(message).hint(hint),
            ServeError::Tls { .. } => Self::usage(message),
            ServeError::Writer(fault) => fault.into(),
            _ => Self::temporary(message),
        }
    }
}
