//! Random bytes, and the event ids made from them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::Timestamp;

#[cfg(not(target_family = "wasm"))]
use getrandom::Error as Refusal;
#[cfg(target_family = "wasm")]
use std::io::Error as Refusal;

/// The system gave no random bytes. Nothing that needs them may go on.
#[derive(Debug, thiserror::Error)]
#[error("the system's random number generator failed: {0}")]
pub struct EntropyError(#[from] Refusal);

/// Where unpredictable bytes come from. Tests hand in [`CountingEntropy`].
pub trait Entropy: Send + Sync {
    /// Fills all of `bytes`.
    ///
    /// # Errors
    /// Where the source fails; what `bytes` then holds must not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The operating system's generator.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

#[cfg(not(target_family = "wasm"))]
impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        Ok(getrandom::fill(bytes)?)
    }
}

/// For tests only: the same bytes in the same order for the same seed. Anyone can predict them.
#[derive(Debug, Default)]
pub struct CountingEntropy {
    seed: u64,
    drawn: AtomicU64,
}

impl CountingEntropy {
    /// A source whose bytes follow from `seed` and from how often it was asked.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let draw = self.drawn.fetch_add(1, Ordering::Relaxed);
        blake3::Hasher::new()
            .update(&self.seed.to_le_bytes())
            .update(&draw.to_le_bytes())
            .finalize_xof()
            .fill(bytes);
        Ok(())
    }
}

/// A new UUIDv7 (RFC 9562, section 5.7): the milliseconds of `now`, then 74 random bits.
///
/// # Errors
/// Where `entropy` fails.
pub fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> Result<[u8; 16], EntropyError> {
    let mut random = [0; 10];
    entropy.fill(&mut random)?;
    let id = uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &random);
    Ok(id.into_uuid().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_never_repeats_itself() {
        let mut first = [0; 32];
        let mut second = [0; 32];
        SystemEntropy.fill(&mut first).unwrap();
        SystemEntropy.fill(&mut second).unwrap();
        assert_ne!(first, [0; 32]);
        assert_ne!(first, second);
    }

    #[test]
    fn a_seed_repeats_but_its_draws_differ() {
        let draws = |seed| {
            let source = CountingEntropy::new(seed);
            let mut bytes = [[0; 16]; 3];
            for draw in &mut bytes {
                source.fill(draw).unwrap();
            }
            bytes
        };
        let [first, second, third] = draws(1);
        assert_eq!(draws(1), [first, second, third]);
        assert_ne!(first, second);
        assert_ne!(second, third);
        assert_ne!(draws(2), draws(1));
    }

    #[test]
    fn an_id_carries_its_version_its_variant_and_its_millisecond() {
        let now: Timestamp = "2026-11-23T09:00:00.123456Z".parse().unwrap();
        let entropy = CountingEntropy::new(7);
        let id = uuid_v7(now, &entropy).unwrap();
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&id[..6]);
        assert_eq!(u64::from_be_bytes(millis), now.unix_millis());
        assert_eq!(id[6] >> 4, 7);
        assert_eq!(id[8] >> 6, 0b10);
        assert_ne!(uuid_v7(now, &entropy).unwrap(), id);
    }
}
