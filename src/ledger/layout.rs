//! Where a ledger is, and the names of its files.

use std::path::PathBuf;
use std::sync::Arc;

use crate::checkpoint::{self, Checkpoint};
use crate::store::engine::{END_NOTE, Engine, FolderEngine};
use crate::sys::disk::Disk;
use crate::sys::world::World;

/// The ledger's newest checkpoint, in its folder.
pub const CHECKPOINT_FILE: &str = END_NOTE;
/// The newest checkpoint that witnesses cosigned, in the ledger's folder.
pub const COSIGNED_FILE: &str = "cosigned";
/// The same beside the newest checkpoint of a copy: `cosigned` alone is a writer's.
pub const COPY_COSIGNED: &str = "checkpoint.cosigned";
/// What the ledger says about itself to people; nothing in it is trusted.
pub const HINT_FILE: &str = "ledger.toml";

/// Where tiles and bundles are kept that contradict the log: nothing reads them there.
pub const SET_ASIDE: &str = "set-aside";

/// The newest checkpoint of a ledger, in the state folder of this host.
pub(crate) const HEAD_FILE: &str = "head";

/// Makes a folder a backup: what it is of. Written last, so that it speaks of what is whole.
pub const BACKUP_FILE: &str = "backup.json";
/// The sealing key in a backup, encrypted, where it was asked for.
pub const BACKUP_KEY: &str = "backup-sealing.pem";
/// Stands in the folder while a ledger is restored into it, until all of it verified.
pub const RESTORING: &str = "restoring";

/// Stands in the folder while a ledger is created in it, from before its first file until after its
/// last: what lies beside it has never been acknowledged to anybody.
pub const CREATING: &str = "creating";

/// A ledger's folder, and the state folder of this host beside it.
#[derive(Debug, Clone)]
pub struct LedgerPlace {
    /// The ledger's folder; where something else keeps it, the name under which the world's disk shows it as one.
    pub dir: PathBuf,
    /// A folder of this ledger's own outside of `dir`: a restored backup of `dir` must not bring an
    /// old state with it.
    pub state: PathBuf,
    /// What writers put it into, where that is not the folder.
    pub engine: Option<Arc<dyn Engine>>,
}

impl LedgerPlace {
    /// A ledger in a folder.
    #[must_use]
    pub const fn new(dir: PathBuf, state: PathBuf) -> Self {
        let engine = None;
        Self { dir, state, engine }
    }

    /// What keeps the ledger.
    pub(crate) fn engine(&self, world: &World) -> Arc<dyn Engine> {
        let folder = || Arc::new(FolderEngine::at(world, &self.dir)) as Arc<dyn Engine>;
        self.engine.clone().unwrap_or_else(folder)
    }

    /// The newest signed checkpoint, kept outside the ledger's folder.
    #[must_use]
    pub fn head(&self) -> PathBuf {
        self.state.join(HEAD_FILE)
    }

    /// What that states, where it can be read.
    #[must_use]
    pub fn kept(&self, disk: &dyn Disk) -> Option<Checkpoint> {
        checkpoint::stated(&disk.read(&self.head()).ok()?).ok()
    }

    /// The ledger's sealing key (PKCS#8 PEM).
    #[must_use]
    pub fn sealing_key(&self) -> PathBuf {
        self.state.join("sealing.pem")
    }

    /// The sealing key that a `sealing_key.replaced` is to name: it lies here before that entry is
    /// appended, and becomes [`LedgerPlace::sealing_key`] with it.
    #[must_use]
    pub fn next_sealing_key(&self) -> PathBuf {
        self.state.join("sealing-next.pem")
    }
}
