//! One request to somebody else's server, with a time limit.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::config::ConfigBuilder;
use ureq::http::{HeaderValue, Request, Response, Uri, header};
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body, SendBody};

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

/// Posts `body` to `url` as what it is said to be, and reads an answer of at most `limit` bytes, all within `time`.
///
/// Redirections are not followed: what was asked of one server is not handed to another.
///
/// # Errors
/// The url cannot be used, nobody answered in time, or the answer was longer.
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
    /// `identity`, certificates and a key in PEM, or with a `token` it learns who asks.
    ///
    /// # Errors
    /// What is said to be certificates is none, or a token would be sent in the clear to another machine.
    pub fn of_url(
        url: &str,
        authorities: Option<&[u8]>,
        identity: Option<&[u8]>,
        token: Option<&str>,
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
        let mut settings = settings(url, time).tls_config(tls.build());
        if let Some(token) = token {
            if !url.starts_with("https://") && !is_local(url) {
                return Err(fault(
                    "a token is sent over TLS or to this machine, and this is neither",
                ));
            }
            settings = settings.middleware(
                Bearer::new(token).ok_or_else(|| fault("what was given as a token is none"))?,
            );
        }
        Ok(Self {
            agent: settings.build().into(),
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
    /// As [`post_as`].
    pub fn get(&self, path: &str, limit: u64) -> Result<Reply, ClientError> {
        let answered = self.agent.get(format!("{}{path}", self.base)).call();
        read(&self.name, answered, limit)
    }

    /// Posts `body`, and takes an answer of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`post_as`].
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

    /// Puts `body` under `path`.
    ///
    /// # Errors
    /// As [`post_as`].
    pub fn put(&self, path: &str, body: &[u8], limit: u64) -> Result<Reply, ClientError> {
        let request = self.agent.put(format!("{}{path}", self.base));
        read(&self.name, request.send(body), limit)
    }
}

/// Sends a token with each request.
struct Bearer(HeaderValue);

impl Bearer {
    fn new(token: &str) -> Option<Self> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        // It is shown nowhere, not even where headers are.
        value.set_sensitive(true);
        Some(Self(value))
    }
}

impl Middleware for Bearer {
    fn handle(
        &self,
        mut request: Request<SendBody<'_>>,
        next: MiddlewareNext<'_>,
    ) -> Result<Response<Body>, ureq::Error> {
        request
            .headers_mut()
            .insert(header::AUTHORIZATION, self.0.clone());
        next.handle(request)
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
    let Ok(url) = url.parse::<Uri>() else {
        return false;
    };
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn read(
    url: &str,
    answered: Result<Response<Body>, ureq::Error>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_those_that_are_called_alike() {
        for url in [
            "http://127.0.0.1:80",
            "http://localhost/x",
            "http://[::1]:7",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://127.0.0.1@example.org",
            "http://10.0.0.1",
            "http://[::2]",
            "nowhere",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }

    #[test]
    fn a_token_goes_over_tls_or_to_this_machine_and_is_shown_nowhere() {
        let client =
            |url, token| Client::of_url(url, None, None, Some(token), Duration::from_secs(1));
        for url in ["https://example.org", "http://127.0.0.1:7"] {
            let shown = format!("{:?}", client(url, "hunter2").unwrap());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let fault = client("http://example.org", "hunter2")
            .unwrap_err()
            .to_string();
        assert!(
            fault.contains("over TLS") && !fault.contains("hunter2"),
            "{fault}"
        );
        let fault = client("https://example.org", "hunter2\r\nx: y")
            .unwrap_err()
            .to_string();
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}
