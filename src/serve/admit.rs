//! Who may talk: on a Unix socket whoever its file lets in, over TCP whoever has a client certificate or a
//! token of the ledger. Who may append is another question, and a statement's signature answers it.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};

use crate::event::TokenScope;
use crate::hash::Blake3Digest;
use crate::text::Id;

use super::app::App;
use super::peer::Peer;
use super::problem::Problem;
use super::sessions::{LINKS, SESSIONS};

/// Where the page is in which browsers verify packs: a program, with nothing of the ledger in it.
pub(super) const AUDITOR: &str = "/auditor";
/// What anybody may ask: whoever watches the process need not be trusted with what it serves.
pub(super) const OPEN: [&str; 3] = ["/healthz", "/readyz", AUDITOR];

/// Why a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Anybody may ask this.
    Anybody,
    /// The permissions of the Unix socket let it in.
    Socket,
    /// Its certificate is one of the authority's.
    Certificate,
    /// A browser that was let in by somebody who needs no token.
    Session,
    /// It has the token of this name, or was let in with it.
    Token(Id),
}

impl Admitted {
    /// The name of its token.
    pub(super) const fn token(&self) -> Option<&Id> {
        match self {
            Self::Token(name) => Some(name),
            _ => None,
        }
    }
}

/// Why a request may be answered.
///
/// # Errors
/// Nobody sends it who may talk, or not like that.
pub(super) fn admit(app: &App, request: &Request) -> Result<Admitted, Problem> {
    let (path, headers) = (request.uri().path(), request.headers());
    if OPEN.contains(&path) || path.starts_with(LINKS) {
        return Ok(Admitted::Anybody);
    }
    match request.extensions().get::<Peer>() {
        Some(Peer::Local { .. }) => return Ok(Admitted::Socket),
        // It was held against the authority when the connection was made.
        Some(Peer::Remote {
            certificate: Some(_),
            ..
        }) => return Ok(Admitted::Certificate),
        _ => {}
    }
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let wanted = match reads || path == SESSIONS {
        true => TokenScope::Read,
        false => TokenScope::Append,
    };
    // Another site can have a browser send anything, and its cookie with it: a cookie is for reading alone.
    let session = || app.sessions.opener(headers, Instant::now());
    let token = match bearer(headers) {
        Some(token) => Blake3Digest::of(token),
        None => match session().filter(|_| reads) {
            Some(Some(token)) => token,
            Some(None) => return Ok(Admitted::Session),
            None => {
                let detail = "over TCP a request needs `Authorization: Bearer TOKEN`, or a client certificate";
                return Err(Problem::unauthorised("no-token", detail, None));
            }
        },
    };
    let name = app.tokens.admit(&token, wanted, app.now())?;
    Ok(Admitted::Token(name))
}

/// The token in a head (RFC 6750).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let sent = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = sent.split_at_checked(b"bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_behind_its_scheme() {
        let sent = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(sent("Bearer abc"), Some(b"abc".to_vec()));
        assert_eq!(sent("bearer  abc"), Some(b"abc".to_vec()));
        for other in ["", "abc", "Basic abc", "Bearer", "Bearerabc"] {
            assert_eq!(sent(other), None, "{other}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
