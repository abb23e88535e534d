//! What only a folder has: things in it that no engine put there, which an auditor must see.

use std::path::Path;

use super::folder::FolderEngine;
use crate::store::image::{self, Found};
use crate::store::publish::{self, ImmutableWriter};
use crate::sys::disk::{DirEntry, DiskCause, DiskError, FileKind};
use crate::sys::world::World;

impl FolderEngine {
    /// The folder `root` of this world. Touches nothing.
    #[must_use]
    pub fn at(world: &World, root: &Path) -> Self {
        Self::new(world.disk.clone(), root)
    }

    /// Makes the folder itself, whose parent is there.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn make_root(&self) -> Result<(), DiskError> {
        self.make(&self.root)
    }

    /// What lies directly in the folder, files and folders alike; `None` where there is no folder.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn top(&self) -> Result<Option<Vec<String>>, DiskError> {
        match self.disk.list(&self.root) {
            Err(fault) if fault.cause() == DiskCause::Missing => Ok(None),
            Err(fault) => Err(fault),
            Ok(found) => {
                let name = |found: &DirEntry| found.name.display().to_string();
                Ok(Some(found.iter().map(name).collect()))
            }
        }
    }

    /// Everything below the folder `name`, links and devices too, in the order of the paths, which are those
    /// below the ledger. Nothing where that is no folder.
    ///
    /// # Errors
    /// A folder cannot be read, or they are nested deeper than any ledger's.
    pub fn files(&self, name: &str) -> Result<Vec<Found>, DiskError> {
        let place = self.place(name);
        let is_folder = match self.disk.metadata(&place)? {
            Some(found) => found.kind == FileKind::Folder || name.is_empty(),
            None => false,
        };
        if !is_folder {
            return Ok(Vec::new());
        }
        let mut found = image::list_files(&*self.disk, &place)?;
        for one in &mut found {
            one.path = Path::new(name).join(&one.path);
        }
        Ok(found)
    }

    /// Whether something stands under a name, be it a folder.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn has(&self, name: &str) -> Result<bool, DiskError> {
        Ok(self.disk.metadata(&self.place(name))?.is_some())
    }

    /// Gives what stands under one name another, in place of what had that.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        self.disk.rename(&self.place(from), &self.place(to))?;
        self.disk.sync_dir(&self.root)
    }

    /// Puts many files once; their names are durable when it is finished, each folder once.
    pub(crate) fn many(&self) -> ImmutableWriter<'_> {
        ImmutableWriter::new(&*self.disk, &self.root)
    }

    /// Takes away what an interrupted writer left half-written, but for what is `kept`.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn remove_leftovers(&self, kept: &str) -> Result<(), DiskError> {
        publish::remove_leftovers(&*self.disk, &self.root, kept)
    }
}
