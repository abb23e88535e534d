//! Transport tokens: who may talk to a server of this ledger. Who may append is said by a statement's
//! signature, whatever token it came with.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::{TokenIssued, TokenRevoked, TokenScope};
use crate::hash::Blake3Digest;
use crate::keyring::Denial;
use crate::rotation::EntryFrame;
use crate::rule;
use crate::text::Id;
use crate::time::Timestamp;

/// A token that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TransportToken {
    /// Its name.
    pub name: Id,
    /// What may be asked with it.
    pub scope: TokenScope,
    /// Until when.
    pub expires: Timestamp,
    /// Who issued it.
    pub issued_by: Id,
    /// The entry that did.
    pub issued: u64,
    /// The entry that revoked it, where one did.
    pub revoked: Option<u64>,
}

/// Whether a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStanding {
    /// It is.
    Live,
    /// Its time is over.
    Expired,
    /// It was revoked, by this entry.
    Revoked(u64),
}

/// Every token that was ever issued, by its digest. Those that are good no more are kept, so that whoever
/// comes with one is told so, and so that none of them is issued again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tokens(BTreeMap<Blake3Digest, TransportToken>);

impl TransportToken {
    /// Whether it is good at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> TokenStanding {
        match self.revoked {
            Some(sequence) => TokenStanding::Revoked(sequence),
            None if now >= self.expires => TokenStanding::Expired,
            None => TokenStanding::Live,
        }
    }

    /// Whether it is good for `wanted`, were it live.
    #[must_use]
    pub fn allows(&self, wanted: TokenScope) -> bool {
        self.scope == wanted || self.scope == TokenScope::Append
    }
}

impl Tokens {
    /// The token with this digest. Nobody can aim digests: how long they take to compare tells nothing about a
    /// token that somebody came with.
    #[must_use]
    pub fn find(&self, token: &Blake3Digest) -> Option<&TransportToken> {
        self.0.get(token)
    }

    /// All of them, in the order in which they were issued.
    #[must_use]
    pub fn by_issue(&self) -> Vec<&TransportToken> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_unstable_by_key(|token| token.issued);
        all
    }

    fn unrevoked(&self, name: &Id) -> Option<&TransportToken> {
        let mut named = self.0.values().filter(|token| token.name == *name);
        named.find(|token| token.revoked.is_none())
    }

    /// Whether a token can be issued. A name is taken until its token is revoked, also when that has expired:
    /// so it never depends on a clock whose a name is.
    pub(super) fn admit(&self, issued: &TokenIssued) -> Result<(), Denial> {
        let name = &issued.name;
        if let Some(token) = self.unrevoked(name) {
            let message = format!(
                "entry {} issued a token `{name}`; revoke that first",
                token.issued
            );
            return Err(Denial::new(rule::A10, "a name that is free", message));
        }
        // Else one that leaked and was revoked could be brought back under another name.
        if let Some(token) = self.0.get(&issued.token_blake3) {
            let message = format!("that token was issued by entry {}", token.issued);
            return Err(Denial::new(rule::A10, "a new token", message));
        }
        Ok(())
    }

    /// Whether there is such a token to be revoked.
    pub(super) fn admit_revocation(&self, revoked: &TokenRevoked) -> Result<(), Denial> {
        let name = &revoked.name;
        self.unrevoked(name).map(drop).ok_or_else(|| {
            let message = format!("no token `{name}` was issued, or it was revoked before");
            Denial::new(rule::A10, "a token that is not revoked", message)
        })
    }

    /// Takes a token that was admitted.
    pub(super) fn issue(&mut self, told: &EntryFrame<'_>, issued: &TokenIssued) {
        let token = TransportToken {
            name: issued.name.clone(),
            scope: issued.scope,
            expires: issued.expires,
            issued_by: told.author.actor.clone(),
            issued: told.sequence,
            revoked: None,
        };
        self.0.insert(issued.token_blake3, token);
    }

    /// Revokes the token of this name.
    pub(super) fn revoke(&mut self, sequence: u64, revoked: &TokenRevoked) {
        let mut tokens = self.0.values_mut();
        let named = tokens.find(|token| token.name == revoked.name && token.revoked.is_none());
        if let Some(token) = named {
            token.revoked = Some(sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::Author;
    use crate::text::Line;

    fn issued(name: &str, token: &[u8]) -> TokenIssued {
        TokenIssued {
            name: Id::new(name).unwrap(),
            scope: TokenScope::Append,
            expires: Timestamp::from_micros(1_000),
            token_blake3: Blake3Digest::of(token),
        }
    }

    fn issue(tokens: &mut Tokens, sequence: u64, issued: &TokenIssued) {
        tokens.admit(issued).unwrap();
        let alice = Author {
            actor: Id::new("alice").unwrap(),
            name: Line::new("Alice").unwrap(),
            person: Id::new("alice").unwrap(),
        };
        let at = Timestamp::from_micros(1);
        let frame = EntryFrame {
            sequence,
            occurred: at,
            recorded: at,
            author: &alice,
        };
        tokens.issue(&frame, issued);
    }

    fn revoked(name: &str) -> TokenRevoked {
        TokenRevoked {
            name: Id::new(name).unwrap(),
            reason: Line::new("lost").unwrap(),
        }
    }

    #[test]
    fn a_token_is_good_until_it_expires_or_is_revoked() {
        let mut tokens = Tokens::default();
        issue(&mut tokens, 3, &issued("ci", b"one"));
        assert_eq!(tokens.find(&Blake3Digest::of(b"two")), None);
        let standing = |tokens: &Tokens, micros| {
            let token = tokens.find(&Blake3Digest::of(b"one")).unwrap();
            token.standing(Timestamp::from_micros(micros))
        };
        assert_eq!(standing(&tokens, 999), TokenStanding::Live);
        assert_eq!(standing(&tokens, 1_000), TokenStanding::Expired);
        tokens.admit_revocation(&revoked("ci")).unwrap();
        tokens.revoke(9, &revoked("ci"));
        assert_eq!(standing(&tokens, 999), TokenStanding::Revoked(9));
        tokens.admit_revocation(&revoked("ci")).unwrap_err();
    }

    #[test]
    fn a_name_is_free_again_when_its_token_is_revoked_and_a_token_never_is() {
        let mut tokens = Tokens::default();
        issue(&mut tokens, 3, &issued("ci", b"one"));
        tokens.admit(&issued("ci", b"two")).unwrap_err();
        tokens.admit(&issued("other", b"one")).unwrap_err();
        tokens.revoke(4, &revoked("ci"));
        tokens.admit(&issued("other", b"one")).unwrap_err();
        issue(&mut tokens, 5, &issued("ci", b"two"));
        tokens.revoke(6, &revoked("ci"));
        let all = tokens.by_issue();
        let revocations: Vec<_> = all.iter().map(|token| token.revoked).collect();
        assert_eq!(revocations, [Some(4), Some(6)]);
    }

    #[test]
    fn whoever_may_append_may_read() {
        let mut tokens = Tokens::default();
        issue(&mut tokens, 3, &issued("ci", b"one"));
        let token = tokens.find(&Blake3Digest::of(b"one")).unwrap().clone();
        assert!(token.allows(TokenScope::Read) && token.allows(TokenScope::Append));
        let reader = TransportToken {
            scope: TokenScope::Read,
            ..token
        };
        assert!(reader.allows(TokenScope::Read) && !reader.allows(TokenScope::Append));
    }
}
