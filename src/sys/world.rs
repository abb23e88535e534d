//! The doors through which disk, time and chance come in, handed down from `main`.

use std::fmt;
#[cfg(not(target_family = "wasm"))]
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::key::SecretKey;
#[cfg(not(target_family = "wasm"))]
use crate::sys::clock::SystemClock;
use crate::sys::disk::Disk;
#[cfg(not(target_family = "wasm"))]
use crate::sys::disk::RealDisk;
#[cfg(not(target_family = "wasm"))]
use crate::sys::entropy::SystemEntropy;
use crate::sys::entropy::{Entropy, EntropyError};
#[cfg(not(target_family = "wasm"))]
use crate::sys::keyfile::{self, KeyFileError};
use crate::time::Clock;

/// What a run of the program has of the world.
#[derive(Clone)]
pub struct World {
    /// Where files are.
    pub disk: Arc<dyn Disk>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where unpredictable bytes come from.
    pub entropy: Arc<dyn Entropy>,
}

impl World {
    /// The real one.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn system() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// A private key that nobody had before.
    ///
    /// # Errors
    /// There were no random bytes.
    pub fn new_key(&self) -> Result<SecretKey, EntropyError> {
        let mut seed = Zeroizing::new([0; 32]);
        self.entropy.fill(&mut *seed)?;
        Ok(SecretKey::from_seed(&seed))
    }

    /// The private key in a file without a passphrase, made where there is none.
    ///
    /// # Errors
    /// It cannot be read or made.
    #[cfg(not(target_family = "wasm"))]
    pub fn key_in<E>(&self, path: &Path) -> Result<SecretKey, E>
    where
        E: From<KeyFileError> + From<EntropyError>,
    {
        let read = || keyfile::read(path, &|| Ok(None));
        match read() {
            Err(KeyFileError::Missing(_)) => {}
            found => return Ok(found?),
        }
        let key = self.new_key()?;
        match keyfile::write_new(path, &key, None) {
            // Somebody else made it meanwhile.
            Err(KeyFileError::Exists(_)) => Ok(read()?),
            written => Ok(written.map(|()| key)?),
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("disk", &self.disk)
            .finish_non_exhaustive()
    }
}
