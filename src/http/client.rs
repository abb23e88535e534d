//! One request to somebody else's server, with a time limit.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

use super::unix::{NoResolver, UnixConnector};

/// What a server answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The content type, as it was sent; empty where none was.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {why}")]
pub struct ClientError {
    url: String,
    why: String,
}

/// Posts `body` to `url` and reads an answer of at most `limit` bytes, all within `time`.
///
/// Redirections are not followed: what was asked of one server is not handed to another.
///
/// # Errors
/// The url cannot be used, nobody answered in time, or the answer was longer.
pub fn post(url: &str, body: &[u8], limit: u64, time: Duration) -> Result<Reply, ClientError> {
    post_as("application/octet-stream", url, body, limit, time)
}

/// Posts `body` as what it is said to be, likewise.
///
/// # Errors
/// As [`post`].
pub fn post_as(
    content_type: &str,
    url: &str,
    body: &[u8],
    limit: u64,
    time: Duration,
) -> Result<Reply, ClientError> {
    let sent = agent(url, time)
        .post(url)
        .header("content-type", content_type)
        .send(body);
    read(url, sent, limit)
}

/// Asks one server many things, over connections that are kept.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    /// What stands before each path.
    base: String,
    /// What messages call the server.
    name: String,
}

impl Client {
    /// For the server behind a url, which ends without a slash. It is believed to be who it says where one of
    /// `authorities`, certificates in PEM, says so too; without any, those of the web's own decide. With an
    /// `identity`, certificates and a key in PEM, it learns who asks.
    ///
    /// # Errors
    /// What is said to be certificates is none.
    pub fn of_url(
        url: &str,
        authorities: Option<&[u8]>,
        identity: Option<&[u8]>,
        time: Duration,
    ) -> Result<Self, ClientError> {
        let fault = |why: &str| ClientError {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        let mut tls = TlsConfig::builder();
        if let Some((certificates, _)) = authorities.map(pem) {
            if certificates.is_empty() {
                return Err(fault("the authority's file holds no certificate"));
            }
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates)));
        }
        if let Some((chain, key)) = identity.map(pem) {
            let key = key.ok_or_else(|| fault("the client's identity holds no private key"))?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        Ok(Self {
            agent: settings(url, time).tls_config(tls.build()).build().into(),
            base: url.to_owned(),
            name: url.to_owned(),
        })
    }

    /// For the server behind a Unix socket.
    #[must_use]
    pub fn of_socket(socket: &Path, time: Duration) -> Self {
        let base = "http://localhost".to_owned();
        let config = settings(&base, time).build();
        let connector = UnixConnector(socket.to_owned());
        Self {
            agent: Agent::with_parts(config, connector, NoResolver),
            base,
            name: format!("unix:{}", socket.display()),
        }
    }

    /// Gets what is under `path`, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`post`].
    pub fn get(&self, path: &str, limit: u64) -> Result<Reply, ClientError> {
        let answered = self.agent.get(format!("{}{path}", self.base)).call();
        read(&self.name, answered, limit)
    }

    /// Posts `body`, and takes an answer of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`post`].
    pub fn post(
        &self,
        path: &str,
        content_type: &str,
        body: &[u8],
        limit: u64,
    ) -> Result<Reply, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.post(&url).header("content-type", content_type);
        read(&self.name, request.send(body), limit)
    }
}

/// The certificates and the private key in a PEM file.
fn pem(text: &[u8]) -> (Vec<Certificate<'static>>, Option<PrivateKey<'static>>) {
    let (mut certificates, mut key) = (Vec::new(), None);
    for item in ureq::tls::parse_pem(text).flatten() {
        match item {
            PemItem::Certificate(one) => certificates.push(one),
            PemItem::PrivateKey(one) => key = Some(one),
            _ => {}
        }
    }
    (certificates, key)
}

fn agent(url: &str, time: Duration) -> Agent {
    settings(url, time).build().into()
}

fn settings(url: &str, time: Duration) -> ConfigBuilder<AgentScope> {
    let config = Agent::config_builder()
        .timeout_global(Some(time))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent("rotation-ledger");
    match is_local(url) {
        // A proxy would look for this machine's own address elsewhere.
        true => config.proxy(None),
        false => config,
    }
}

/// Whether the server is on this machine.
fn is_local(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|host| rest.starts_with(host))
}

fn read(
    url: &str,
    answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    limit: u64,
) -> Result<Reply, ClientError> {
    let fault = |why: ureq::Error| ClientError {
        url: url.to_owned(),
        why: why.to_string(),
    };
    let mut response = answered.map_err(fault)?;
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = response.body_mut().with_config().limit(limit).read_to_vec();
    Ok(Reply {
        status: response.status().as_u16(),
        content_type,
        body: body.map_err(fault)?,
    })
}
