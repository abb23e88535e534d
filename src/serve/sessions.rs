//! How a browser, which can neither use a Unix socket nor send a token, gets in: a link that opens once, and the
//! cookie that it is exchanged for. Both are random and kept here as digests, in memory alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};

use crate::hash::{Blake3Digest, Sha256Digest};
use crate::sys::entropy::{Entropy, EntropyError};

/// How long a link waits to be opened.
pub(super) const LINK_TIME: Duration = Duration::from_secs(60);
/// How long a cookie counts.
const COOKIE_TIME: Duration = Duration::from_secs(8 * 3_600);
/// Links, and cookies, that count at the same time; the oldest makes room for one more.
const MOST: usize = 1_000;

/// Who had a session begun: the digest of their token, where they needed one. The session ends with that.
pub(super) type Opener = Option<Blake3Digest>;

/// Where a link is asked for, and what each begins with: whoever has one needs nothing else.
pub(super) const SESSIONS: &str = "/v1/sessions";
pub(super) const LINKS: &str = "/open/";

/// The sessions of all browsers.
pub(super) struct Sessions {
    /// Cookies of one host are sent to all of its ports: each ledger there has a name of its own.
    name: String,
    /// Whether browsers are to send the cookie over TLS alone.
    secure: bool,
    /// Where browsers can connect.
    pub(super) addresses: Vec<String>,
    pub(super) links: HandedOut,
    cookies: HandedOut,
}

impl Sessions {
    pub(super) fn new(ledger: &[u8], secure: bool, addresses: Vec<String>) -> Self {
        let digest = Sha256Digest::of(ledger).to_string();
        Self {
            name: format!("ledger-{}", digest.get(..8).unwrap_or_default()),
            secure,
            addresses,
            links: HandedOut::for_as_long_as(LINK_TIME),
            cookies: HandedOut::for_as_long_as(COOKIE_TIME),
        }
    }

    /// A new cookie, as the header that sets it.
    pub(super) fn set_cookie(
        &self,
        entropy: &dyn Entropy,
        opener: Opener,
        now: Instant,
    ) -> Result<String, EntropyError> {
        let (name, seconds) = (&self.name, COOKIE_TIME.as_secs());
        let secret = self.cookies.hand_out(entropy, opener, now)?;
        let secure = if self.secure { "; Secure" } else { "" };
        Ok(format!(
            "{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        ))
    }

    /// Whose session the cookies of a request belong to.
    pub(super) fn opener(&self, headers: &HeaderMap, now: Instant) -> Option<Opener> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let mut cookies = cookies
            .split(';')
            .filter_map(|one| one.trim().split_once('='));
        cookies.find_map(|(name, secret)| match name == self.name {
            true => self.cookies.find(secret, now),
            false => None,
        })
    }
}

/// Random texts that count for a while.
pub(super) struct HandedOut {
    time: Duration,
    /// By their digests: whoever could time the look-up would learn nothing of a text.
    until: Mutex<BTreeMap<Sha256Digest, (Instant, Opener)>>,
}

impl HandedOut {
    fn for_as_long_as(time: Duration) -> Self {
        let until = Mutex::default();
        Self { time, until }
    }

    /// A new one, of 256 bits.
    pub(super) fn hand_out(
        &self,
        entropy: &dyn Entropy,
        opener: Opener,
        now: Instant,
    ) -> Result<String, EntropyError> {
        let mut random = [0; 32];
        entropy.fill(&mut random)?;
        let text = hex::encode(random);
        let mut handed = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        handed.retain(|_, (until, _)| *until > now);
        if handed.len() >= MOST {
            let oldest = handed.iter().min_by_key(|(_, (until, _))| *until);
            let oldest = oldest.map(|(digest, _)| *digest);
            oldest.map(|digest| handed.remove(&digest));
        }
        handed.insert(Sha256Digest::of(text.as_bytes()), (now + self.time, opener));
        Ok(text)
    }

    /// Who had it handed out, where it counts.
    fn find(&self, text: &str, now: Instant) -> Option<Opener> {
        let handed = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, opener) = handed.get(&Sha256Digest::of(text.as_bytes()))?;
        (*until > now).then_some(*opener)
    }

    /// The same, and it counts no more.
    pub(super) fn take(&self, text: &str, now: Instant) -> Option<Opener> {
        let mut handed = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, opener) = handed.remove(&Sha256Digest::of(text.as_bytes()))?;
        (until > now).then_some(opener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::entropy::CountingEntropy;

    #[test]
    fn a_link_opens_once_and_within_its_time() {
        let (sessions, entropy) = (
            Sessions::new(b"l", false, Vec::new()),
            CountingEntropy::new(1),
        );
        let now = Instant::now();
        let link = || sessions.links.hand_out(&entropy, None, now).unwrap();
        let (once, late) = (link(), link());
        assert_eq!(once.len(), 64);
        assert_ne!(once, late);
        assert_eq!(sessions.links.take(&once[1..], now), None);
        assert_eq!(sessions.links.take(&once, now), Some(None));
        assert_eq!(sessions.links.take(&once, now), None);
        assert_eq!(sessions.links.take(&late, now + LINK_TIME), None);
    }

    #[test]
    fn a_cookie_counts_for_eight_hours_and_for_its_own_ledger() {
        let entropy = CountingEntropy::new(1);
        let [one, other] = [b"one", b"two"].map(|name| Sessions::new(name, true, Vec::new()));
        let now = Instant::now();
        let opener = Some(Blake3Digest::of(b"a token"));
        let set = one.set_cookie(&entropy, opener, now).unwrap();
        let (cookie, rest) = set.split_once(';').unwrap();
        assert_eq!(
            rest,
            " Path=/; Max-Age=28800; HttpOnly; SameSite=Strict; Secure"
        );
        let opener_of = |sessions: &Sessions, sent: &str, now| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, sent.parse().unwrap());
            sessions.opener(&headers, now)
        };
        let sent = format!("a=b; {cookie}; c");
        assert_eq!(opener_of(&one, &sent, now), Some(opener));
        assert_eq!(opener_of(&one, &sent, now + COOKIE_TIME), None);
        assert_eq!(opener_of(&other, &sent, now), None);
        let (short, renamed) = (&cookie[..cookie.len() - 1], cookie.replace('=', "x="));
        for wrong in ["", "=", short, &renamed] {
            assert_eq!(opener_of(&one, wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn the_oldest_makes_room() {
        let (handed, entropy) = (
            HandedOut::for_as_long_as(LINK_TIME),
            CountingEntropy::new(1),
        );
        let now = Instant::now();
        let at = |n: u64| now + Duration::from_millis(n);
        let links: Vec<_> = (0..=MOST as u64)
            .map(|n| handed.hand_out(&entropy, None, at(n)).unwrap())
            .collect();
        assert_eq!(handed.until.lock().unwrap().len(), MOST);
        assert_eq!(handed.find(&links[0], now), None);
        assert_eq!(handed.find(&links[1], now), Some(None));
    }
}
