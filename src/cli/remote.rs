//! A ledger that somebody else serves, named by `unix:PATH` or a URL in place of its folder.
//!
//! Whoever reads works on a copy that is fetched and kept in this user's cache, by the code that reads any copy;
//! whoever appends signs here and sends what was signed.

use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::exit::CommandError;
use crate::cli::files::{make_private, own_folder, read_bounded};
use crate::cli::transport;
use crate::cli::verify::{counting, progress_bar};
use crate::hash::Blake3Digest;
use crate::http::{Client, ClientError};
use crate::mirror::{Mirror, MirrorError};
use crate::store::engine::FolderEngine;
use crate::sys::lock::WriteLock;

const SOCKET: &str = "unix:";
/// A certificate or key, and what leads up to it.
const PEM_LIMIT: usize = 1 << 20;

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
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        is_url.then(|| Self::Url(text.trim_end_matches('/').to_owned()))
    }
}

impl Context {
    /// The server that is named as the ledger, where one is.
    pub(crate) fn server(&self) -> Result<Option<Client>, CommandError> {
        let named = self.globals.ledger.as_deref();
        let address = named.and_then(ServerAddress::parse);
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
                client.map_err(CommandError::usage)
            }
        }
    }

    /// The folder that `named` is: itself, or the copy that is brought up from the server that it names.
    pub(crate) fn folder(&self, named: &Path, attachments: bool) -> Result<PathBuf, CommandError> {
        self.database(named)?;
        let Some(address) = ServerAddress::parse(named) else {
            return Ok(named.to_owned());
        };
        if let Some(copy) = self.copy.get() {
            return Ok(copy.clone());
        }
        let name = Blake3Digest::of(named.as_os_str().as_encoded_bytes()).to_string();
        let place = self.cache()?.join(name.get(..16).unwrap_or(&name));
        make_private(&place)?;
        let _lock = WriteLock::acquire(&place, self.globals.wait, "fetching a copy", self.now())?;
        let copy = place.join("copy");
        let bar = progress_bar("fetching", "files", self.ui.shows_progress());
        let mirror = Mirror {
            client: &self.client(&address)?,
            to: &FolderEngine::at(&self.world, &copy),
            attachments,
            progress: &counting(&bar),
        };
        let brought = mirror.bring_up();
        bar.finish_and_clear();
        brought?;
        let _ = self.copy.set(copy.clone());
        Ok(copy)
    }

    /// Brings up the copy once more, where it is one: something was recorded meanwhile.
    pub(crate) fn fetch_anew(&mut self) -> Result<(), CommandError> {
        let named = self.named_ledger()?;
        self.copy.take();
        self.folder(&named, true).map(drop)
    }

    /// Where this user keeps what can be fetched again.
    fn cache(&self) -> Result<PathBuf, CommandError> {
        own_folder("XDG_CACHE_HOME", ".cache").ok_or_else(|| {
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
            MirrorError::NotAdmitted(_) => Self::refused(message).code("not-admitted").hint(
                "name the file of a token that is good with --token-file or LEDGER_TOKEN_FILE; a Security Owner issues one with: ledger token issue",
            ),
            MirrorError::Behind { .. } | MirrorError::OtherLog { .. } => {
                Self::not_verified(message).code("copy-contradicted").hint(
                    "ask whoever serves it; the copy that was fetched before is kept as it was",
                )
            }
            _ => Self::not_verified(message).code("copy-unusable"),
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(fault: ClientError) -> Self {
        Self::temporary(fault)
            .code("not-reached")
            .hint("nothing was recorded here; try again when the server can be reached")
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
