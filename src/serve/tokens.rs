//! The tokens of the ledger, as whoever is talked to knows them.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::StatusCode;

use crate::event::TokenScope;
use crate::hash::Blake3Digest;
use crate::register::{TokenStanding, Tokens};
use crate::text::Id;
use crate::time::Timestamp;

use super::problem::Problem;

/// The tokens as the last commit left them.
#[derive(Clone, Default)]
pub(super) struct LiveTokens(Arc<RwLock<Tokens>>);

impl LiveTokens {
    /// Takes what the entries say now.
    pub(super) fn replace(&self, tokens: Tokens) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// The name of a token that is good for what is wanted.
    ///
    /// # Errors
    /// It is not, or is none.
    pub(super) fn admit(
        &self,
        token: &Blake3Digest,
        wanted: TokenScope,
        now: Timestamp,
    ) -> Result<Id, Problem> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = tokens.find(token).ok_or_else(|| {
            Problem::unauthorised("unknown-token", "this ledger issued no such token", None)
        })?;
        let name = &found.name;
        let refused = |code, why: String| {
            let detail = format!("the token `{name}` {why}");
            Problem::unauthorised(code, detail, Some(format!("token {name}")))
        };
        match found.standing(now) {
            TokenStanding::Revoked(sequence) => Err(refused(
                "revoked-token",
                format!("was revoked by entry {sequence}"),
            )),
            TokenStanding::Expired => Err(refused(
                "expired-token",
                format!("expired at {}", found.expires),
            )),
            TokenStanding::Live if found.allows(wanted) => Ok(name.clone()),
            TokenStanding::Live => {
                let scope = found.scope;
                let detail = format!("the token `{name}` is for {scope}, and this needs {wanted}");
                Err(Problem::new(StatusCode::FORBIDDEN, "wrong-scope", detail))
            }
        }
    }
}
