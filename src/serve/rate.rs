//! How many requests a peer may make: so many a second, and as many again at once after a pause.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::peer::PeerKey;

/// Peers that are remembered; a peer that has its whole allowance again need not be.
const REMEMBERED: usize = 10_000;

/// The allowances of all peers.
pub(super) struct Rates {
    /// Requests a second; 0: no limit.
    a_second: f64,
    peers: Mutex<BTreeMap<PeerKey, Allowance>>,
}

#[derive(Clone, Copy)]
struct Allowance {
    left: f64,
    counted: Instant,
}

impl Rates {
    pub(super) fn new(a_second: u32) -> Self {
        Self {
            a_second: f64::from(a_second),
            peers: Mutex::default(),
        }
    }

    /// Whether the peer may make a request at `now`, which then counts.
    pub(super) fn take(&self, peer: PeerKey, now: Instant) -> bool {
        if self.a_second == 0.0 {
            return true;
        }
        let whole = 2.0 * self.a_second;
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |allowance: &Allowance| {
            let gained = now
                .saturating_duration_since(allowance.counted)
                .as_secs_f64();
            (allowance.left + gained * self.a_second).min(whole)
        };
        if peers.len() >= REMEMBERED {
            peers.retain(|_, allowance| refilled(allowance) < whole);
        }
        let left = peers.get(&peer).map_or(whole, refilled);
        let granted = left >= 1.0;
        let left = if granted { left - 1.0 } else { left };
        let counted = now;
        peers.insert(peer, Allowance { left, counted });
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_allowance_is_used_up_and_comes_back() {
        let rates = Rates::new(5);
        let now = Instant::now();
        let (one, other) = (PeerKey::User(1), PeerKey::User(2));
        let granted = (0..50).filter(|_| rates.take(one, now)).count();
        assert_eq!(granted, 10);
        assert!(rates.take(other, now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..50).filter(|_| rates.take(one, later)).count(), 5);
        let unlimited = Rates::new(0);
        assert!((0..50).all(|_| unlimited.take(one, now)));
    }
}
