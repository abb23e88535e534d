//! One publication: what is asked for, and what came of it.

use std::path::Path;
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::sys::world::World;

/// One publication of one ledger.
pub struct Publication<'a> {
    /// Disk and clock.
    pub world: &'a World,
    /// The ledger's folder.
    pub ledger: &'a Path,
    /// The copy's folder, whose parent is there.
    pub to: &'a Path,
    /// Publish the newest checkpoint, also where witnesses have only cosigned an older one.
    pub newest: bool,
    /// Publish attachments too. Goes on by itself where the copy has some.
    pub attachments: bool,
    /// How long to wait for a writer at work.
    pub wait: Duration,
}

/// What a publication wrote, removed, and states now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationReport {
    /// What the copy's checkpoint states now.
    pub checkpoint: Checkpoint,
    /// The size that it stated before; none where there was no copy.
    pub before: Option<u64>,
    /// The size that the ledger's own newest checkpoint states.
    pub ledger: u64,
    /// Files that were written, the checkpoint among them.
    pub written: u64,
    /// Files of earlier sizes, and expunged attachments, that were removed.
    pub removed: u64,
}
