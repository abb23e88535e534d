//! One request to somebody else's server, with a time limit.

use std::time::Duration;

use ureq::Agent;

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

fn agent(url: &str, time: Duration) -> Agent {
    let mut config = Agent::config_builder()
        .timeout_global(Some(time))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent("rotation-ledger");
    if is_local(url) {
        // A proxy would look for this machine's own address elsewhere.
        config = config.proxy(None);
    }
    config.build().into()
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
