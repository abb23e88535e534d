//! Where the state folder cannot be written to, the ledger goes on, and says so with each append.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::ledger::House;
use crate::support::ledger::receipts;
use rotation_ledger::checkpoint;
use rotation_ledger::sys::disk::{DirEntry, Disk, DiskError, FileHandle, Metadata, RealDisk};

/// The real disk, with one folder mounted for reading alone.
#[derive(Debug)]
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn refused(&self, doing: &'static str, path: &Path) -> Result<(), DiskError> {
        let refusal = io::ErrorKind::ReadOnlyFilesystem.into();
        match path.starts_with(&self.0) {
            true => Err(DiskError::new(doing, path, refusal)),
            false => Ok(()),
        }
    }
}

impl Disk for ReadOnly {
    fn open(&self, path: &Path) -> Result<FileHandle, DiskError> {
        self.refused("open", path)?;
        RealDisk.open(path)
    }

    fn create(&self, path: &Path) -> Result<FileHandle, DiskError> {
        self.refused("create", path)?;
        RealDisk.create(path)
    }

    fn read_at_most(&self, path: &Path, most: u64) -> Result<Vec<u8>, DiskError> {
        RealDisk.read_at_most(path, most)
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        RealDisk.list(dir)
    }

    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        RealDisk.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        RealDisk.sync_dir(dir)
    }

    fn make_read_only(&self, path: &Path) -> Result<(), DiskError> {
        RealDisk.make_read_only(path)
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, DiskError> {
        RealDisk.metadata(path)
    }
}

#[test]
fn a_state_folder_for_reading_alone_keeps_nothing_from_being_recorded() {
    // With the checkpoint of before in it, and with none.
    for has_head in [true, false] {
        let mut house = House::furnished();
        if !has_head {
            fs::remove_file(house.place.head()).unwrap();
        }
        house.world.disk = Arc::new(ReadOnly(house.place.state.clone()));
        let state = house.place.state.display().to_string();
        for n in 4..8 {
            let mut writer = house.open();
            let appended = receipts(writer.append(vec![house.seen(writer.ledger(), n)]));
            assert_eq!(appended[0].sequence, n as u64);
            let said = writer.close();
            assert!(said.iter().any(|said| said.contains(&state)), "{said:?}");
            let own = fs::read(house.path("checkpoint")).unwrap();
            assert_eq!(checkpoint::stated(&own).unwrap().size, n as u64 + 1);
        }
        // What was put off is made good where it can be.
        house.world.disk = Arc::new(RealDisk);
        drop(house.open());
        let kept = fs::read(house.place.head()).unwrap();
        assert_eq!(kept, fs::read(house.path("checkpoint")).unwrap());
    }
}
