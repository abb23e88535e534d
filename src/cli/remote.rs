//! A ledger that somebody else serves, named by `unix:PATH` or a URL in place of its folder.
//!
//! Whoever reads works on a copy that is fetched and kept in this user's cache, by the code that reads any copy;
//! whoever appends signs here and sends what was signed.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::append::Submission;
use crate::cli::answer::{Answer, CommandResult};
use crate::cli::context::Context;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::files::{read_bounded, write_new};
use crate::cli::transport;
use crate::cli::verify::{progress_bar, read_trust};
use crate::entry;
use crate::hash::Blake3Digest;
use crate::http::{Client, ClientError};
use crate::mirror::{self, Mirror, MirrorError};
use crate::proof::TlogProof;
use crate::spool;
use crate::store::engine::FolderEngine;
use crate::sys::lock::WriteLock;
use crate::verify::{Conclusion, ReceiptReport};

const SOCKET: &str = "unix:";
/// A certificate or key, and what leads up to it.
const PEM_LIMIT: usize = 1 << 20;
const ANSWER_LIMIT: u64 = 4 << 20;

/// Where a ledger is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerAddress {
    /// On a Unix socket of this machine.
    Socket(PathBuf),
    /// Over HTTP, by a URL without a slash at its end.
    Url(String),
}

impl ServerAddress {
    /// Reads what stands where a folder may stand; nothing where it names a folder.
    pub(crate) fn parse(named: &Path) -> Option<Self> {
        let text = named.to_str()?;
        if let Some(socket) = text.strip_prefix(SOCKET) {
            return Some(Self::Socket(socket.into()));
        }
        let is_url = ["https://", "http://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        is_url.then(|| Self::Url(text.trim_end_matches('/').to_owned()))
    }
}

impl Context {
    /// The server that is named as the ledger, where one is.
    pub(crate) fn server(&self) -> Result<Option<Client>, CommandError> {
        let address = self
            .globals
            .ledger
            .as_deref()
            .and_then(ServerAddress::parse);
        address.map(|address| self.client(&address)).transpose()
    }

    fn client(&self, address: &ServerAddress) -> Result<Client, CommandError> {
        let time = self.globals.wait;
        let read = |file: &Option<PathBuf>| {
            let file = file.as_deref();
            file.map(|file| read_bounded(file, PEM_LIMIT)).transpose()
        };
        match address {
            ServerAddress::Socket(socket) => Ok(Client::of_socket(socket, time)),
            ServerAddress::Url(url) => {
                let authorities = read(&self.globals.server_ca)?;
                let identity = read(&self.globals.client_identity)?;
                let token = transport::to_send(&self.globals)?;
                let client = Client::of_url(
                    url,
                    authorities.as_deref(),
                    identity.as_deref(),
                    token.as_ref().map(|token| token.as_str()),
                    time,
                );
                client.map_err(|fault| CommandError::usage(fault.to_string()))
            }
        }
    }

    /// The folder that `named` is: itself, or the copy that is brought up from the server that it names.
    pub(crate) fn folder(&self, named: &Path, attachments: bool) -> Result<PathBuf, CommandError> {
        let Some(address) = ServerAddress::parse(named) else {
            return Ok(named.to_owned());
        };
        if let Some(copy) = self.copy.get() {
            return Ok(copy.clone());
        }
        let name = Blake3Digest::of(named.as_os_str().as_encoded_bytes()).to_string();
        let place = self.cache()?.join(name.get(..16).unwrap_or(&name));
        let mut private = std::fs::DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(&place).map_err(|fault| {
            let message = format!("cannot make {}: {fault}", place.display());
            CommandError::new(Exit::Temporary, message)
        })?;
        let _lock = WriteLock::acquire(&place, self.globals.wait, "fetching a copy", self.now())?;
        let copy = place.join("copy");
        let bar = progress_bar("fetching", "files", self.ui.shows_progress());
        let mirror = Mirror {
            client: &self.client(&address)?,
            to: &FolderEngine::at(&self.world, &copy),
            attachments,
            progress: &|done, total| {
                bar.set_length(total);
                bar.set_position(done);
            },
        };
        let brought = mirror.bring_up();
        bar.finish_and_clear();
        brought?;
        let _ = self.copy.set(copy.clone());
        Ok(copy)
    }

    /// Where this user keeps what can be fetched again.
    fn cache(&self) -> Result<PathBuf, CommandError> {
        let absolute = |name| {
            let named = std::env::var_os(name).map(PathBuf::from);
            named.filter(|path| path.is_absolute())
        };
        absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .map(|cache| cache.join("rotation-ledger"))
            .ok_or_else(|| {
                CommandError::usage("there is no home folder to keep the fetched copy in")
                    .hint("name a folder with XDG_CACHE_HOME")
            })
    }
}

impl From<MirrorError> for CommandError {
    fn from(fault: MirrorError) -> Self {
        let message = fault.to_string();
        match fault {
            MirrorError::Client(fault) => fault.into(),
            MirrorError::Disk(fault) => fault.into(),
            MirrorError::NotAdmitted { .. } => Self::new(Exit::Refused, message).hint(
                "name the file of a token that is good with --token-file or LEDGER_TOKEN_FILE; a Security Owner issues one with: ledger token issue",
            ),
            MirrorError::Behind { .. } | MirrorError::OtherLog { .. } => {
                Self::new(Exit::NotVerified, message).hint(
                    "ask whoever serves it; the copy that was fetched before is kept as it was",
                )
            }
            _ => Self::new(Exit::NotVerified, message),
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(fault: ClientError) -> Self {
        Self::new(Exit::Temporary, fault.to_string())
            .hint("nothing was recorded here; try again when the server can be reached")
    }
}

/// Sends what was signed, and answers with the receipt.
pub(crate) fn append(
    context: &mut Context,
    client: &Client,
    submission: &Submission,
    receipt_to: Option<&Path>,
) -> CommandResult {
    let statement = crate::statement::Statement::decode(submission.statement.bytes())
        .map_err(|fault| CommandError::usage(fault.to_string()))?;
    let id = statement.event_id;
    let text = spool::encode(submission);
    let unknown = |message: String| {
        CommandError::new(Exit::Temporary, message).hint(format!(
            "whether it was recorded is not known; say the same again with --event-id {id} --occurred {}: it is never recorded twice",
            statement.occurred
        ))
    };
    let reply = client
        .post("/v1/statements", "application/json", &text, ANSWER_LIMIT)
        .map_err(|fault| unknown(fault.to_string()))?;
    let answered: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match reply.status {
        200 | 201 => {}
        408 | 429 | 500.. => {
            let status = reply.status;
            return Err(unknown(format!(
                "the server answers {status}: {}",
                said(&answered)
            )));
        }
        _ => return Err(CommandError::new(Exit::Refused, said(&answered))),
    }
    if let (Some(path), Some(proof)) = (receipt_to, answered["proof"].as_str())
        && let Err(failure) = write_new(path, proof.as_bytes())
    {
        context.warn(format!(
            "recorded, but its receipt is not kept: {}",
            failure.message
        ));
    }
    let checked = check(context, client, submission, &answered)?;
    Ok(answer(answered).note(checked))
}

/// What a problem (RFC 9457) says.
fn said(problem: &Value) -> String {
    let part = |name: &str| problem[name].as_str().unwrap_or("?").to_owned();
    format!("{} ({})", part("detail"), part("code"))
}

fn answer(mut receipt: Value) -> Answer {
    if let Some(members) = receipt.as_object_mut() {
        members.remove("schema");
    }
    let part = |name: &str| match &receipt[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let lines = [
        format!("entry {}  {}", part("sequence"), part("event")),
        format!("  event id  {}", part("event_id")),
        format!("  recorded  {}", part("recorded_utc")),
        format!("  link      {}", part("link")),
    ];
    let replayed = receipt["replayed"] == true;
    let findings: Vec<String> = receipt["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|finding| {
            let rule = finding["rule"].as_str()?;
            Some(format!(
                "{rule}: expected {}, found {}",
                finding["expected"], finding["found"]
            ))
        })
        .collect();
    let mut answer = Answer::new(receipt).lines(lines);
    if replayed {
        answer = answer
            .say("note: this was recorded before; nothing was added, and this is its receipt");
    }
    findings.into_iter().fold(answer, Answer::warn)
}

/// Holds a receipt against the trust file of whoever appended, and says so.
///
/// # Errors
/// The receipt does not prove what it should: the server answered something else than it recorded.
fn check(
    context: &mut Context,
    client: &Client,
    submission: &Submission,
    receipt: &Value,
) -> Result<String, CommandError> {
    let Some(file) = &context.globals.trust else {
        return Ok(
            "the receipt was not checked: no trust file was named (LEDGER_TRUST)".to_owned(),
        );
    };
    let trust = read_trust(file)?;
    let broken = |why: String| {
        CommandError::new(Exit::Broken, format!("the server's receipt does not hold: {why}"))
            .hint("the statement may be recorded all the same; tell whoever runs the server, and keep this message")
    };
    let proof = receipt["proof"].as_str().unwrap_or_default();
    let proof = TlogProof::parse(proof.as_bytes()).map_err(|fault| broken(fault.to_string()))?;
    let stored = mirror::stored(client, proof.index())?;
    let (entry, _) = entry::read(&stored).map_err(|fault| broken(fault.to_string()))?;
    if entry.statement != submission.statement.bytes()
        || entry.signature != *submission.statement.signature()
    {
        return Err(broken("its entry is not what was sent".to_owned()));
    }
    let report = ReceiptReport::of(&proof, &stored, Some(&trust), context.now());
    match report.conclusion(false) {
        Conclusion::Passed => Ok(format!(
            "the receipt was checked against {}",
            file.display()
        )),
        _ => Err(broken(report.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_from_a_folder() {
        let parse = |text: &str| ServerAddress::parse(Path::new(text));
        assert_eq!(parse("prod"), None);
        assert_eq!(parse("./unix:x"), None);
        assert_eq!(
            parse("unix:/run/l.sock"),
            Some(ServerAddress::Socket("/run/l.sock".into()))
        );
        assert_eq!(
            parse("https://host/"),
            Some(ServerAddress::Url("https://host".to_owned()))
        );
    }
}
