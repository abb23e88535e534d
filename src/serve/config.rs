//! What a server is told when it begins, and what of it does not go together.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::append::AppendError;

/// How a server is to be reached, and what it allows.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where it listens; empty where systemd hands over the sockets.
    pub listen: Vec<ListenAddress>,
    /// The mode of the Unix sockets that it makes.
    pub socket_mode: u32,
    /// The group of those, by name or number.
    pub socket_group: Option<String>,
    /// Certificate and key, for every TCP address.
    pub tls: Option<TlsFiles>,
    /// Requests a second of one client; 0: no limit.
    pub rate: u32,
    /// Whether requests that go well have no line in the log.
    pub quiet: bool,
}

/// The files of TLS; all are read again on SIGHUP.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate and those that lead to its root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Whose certificates admit a client without a token, PEM.
    pub client_ca: Option<PathBuf>,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A socket in the file system.
    Unix(PathBuf),
    /// An address and a port.
    Tcp(SocketAddr),
}

/// Why a server does not begin, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// What was asked for does not go together.
    #[error("{message}")]
    Asked {
        /// What.
        message: String,
        /// What would.
        hint: &'static str,
    },
    /// The system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What.
        doing: String,
        /// Why.
        source: io::Error,
    },
    /// A file of TLS cannot be used.
    #[error("{}: {why}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Nothing can be recorded any more.
    #[error(transparent)]
    Writer(#[from] AppendError),
}

impl ServeError {
    pub(super) fn io(doing: impl Into<String>, source: io::Error) -> Self {
        let doing = doing.into();
        Self::Io { doing, source }
    }

    fn asked(message: impl Into<String>, hint: &'static str) -> Self {
        let message = message.into();
        Self::Asked { message, hint }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("names no path after `unix:`".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let numbers = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        let address = numbers.parse().map(Self::Tcp);
        address.map_err(|_| "needs unix:PATH or ADDRESS:PORT, as 127.0.0.1:7800".to_owned())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

impl ServeConfig {
    /// Whether what was asked for goes together, before anything is opened.
    ///
    /// # Errors
    /// It does not, and what would.
    pub fn check(&self) -> Result<(), ServeError> {
        self.listen.iter().try_for_each(|address| match address {
            ListenAddress::Tcp(address) => self.allow(address),
            ListenAddress::Unix(_) => Ok(()),
        })
    }

    /// Whether a TCP address may be listened on: beyond this host nothing goes in the clear, least of all a
    /// token.
    ///
    /// # Errors
    /// It may not, and what is missing.
    pub(super) fn allow(&self, address: &SocketAddr) -> Result<(), ServeError> {
        if address.ip().is_loopback() || self.tls.is_some() {
            return Ok(());
        }
        Err(ServeError::asked(
            format!(
                "{address} is reached from other hosts, and nothing is served there without TLS"
            ),
            "give --tls-cert FILE and --tls-key FILE, or listen on 127.0.0.1 or unix:PATH",
        ))
    }

    pub(super) fn nowhere() -> ServeError {
        ServeError::asked(
            "it is to listen nowhere",
            "give --listen unix:PATH or --listen ADDRESS:PORT, or have systemd hand over a socket",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        for text in ["unix:/run/l.sock", "127.0.0.1:7800", "[::1]:7800"] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let local: ListenAddress = "localhost:1".parse().unwrap();
        assert_eq!(local.to_string(), "127.0.0.1:1");
        for text in ["", "unix:", "example.org:80", "127.0.0.1", ":80"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_goes_in_the_clear_beyond_this_host() {
        let config = |tls| ServeConfig {
            listen: Vec::new(),
            socket_mode: 0o660,
            socket_group: None,
            tls,
            rate: 0,
            quiet: true,
        };
        let files = TlsFiles {
            certificate: "c".into(),
            key: "k".into(),
            client_ca: None,
        };
        let (far, near) = ("0.0.0.0:1".parse().unwrap(), "[::1]:1".parse().unwrap());
        assert!(config(None).allow(&near).is_ok());
        assert!(config(None).allow(&far).is_err());
        assert!(config(Some(files)).allow(&far).is_ok());
    }
}
