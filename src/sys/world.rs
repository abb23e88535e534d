//! Disk, clock and random bytes in one hand, so that whoever needs the machine takes one argument.

use std::fmt;
use std::sync::Arc;

use crate::sys::clock::SystemClock;
use crate::sys::disk::Disk;
use crate::sys::disk::RealDisk;
use crate::sys::entropy::Entropy;
use crate::sys::entropy::SystemEntropy;
use crate::time::Clock;

/// What the program takes from the machine it runs on; tests put simulations in.
#[derive(Clone)]
pub struct World {
    /// Where the ledger's files are.
    pub disk: Arc<dyn Disk>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where keys and event ids come from.
    pub entropy: Arc<dyn Entropy>,
}

impl World {
    /// The machine itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
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
