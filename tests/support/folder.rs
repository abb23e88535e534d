//! A story written to a folder as a store keeps it, and verified from there.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rotation_ledger::audit::Audit;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::ledger::CHECKPOINT_FILE;
use rotation_ledger::merkle::TileBuilder;
use rotation_ledger::pack::PackPart;
use rotation_ledger::rule::Rule;
use rotation_ledger::store::blobs;
use rotation_ledger::store::engine::FolderEngine;
use rotation_ledger::store::log::Log;
use rotation_ledger::sys::disk::RealDisk;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::Report;
use tempfile::TempDir;

use super::story::Story;
use super::story::sealing_key;

/// Never interrupted.
static GOES_ON: AtomicBool = AtomicBool::new(false);

/// An audit by somebody who has nothing but the folder.
pub fn audit_of<'a>(world: &'a World, dir: &'a Path, as_of: Timestamp) -> Audit<'a> {
    Audit {
        world,
        dir,
        head: None,
        anchors: Vec::new(),
        verified: None,
        trust: None,
        authorities: None,
        as_of: Some(as_of),
        part: PackPart::Everything,
        wait: Duration::from_secs(1),
        progress: &|_, _| {},
        interrupted: &GOES_ON,
    }
}

/// A ledger's folder, gone with the test.
pub struct Folder {
    temp: TempDir,
    as_of: Timestamp,
}

impl Folder {
    /// Writes the entries of a story as a store does: whole groups of 256 sealed, with their tiles.
    pub fn of(story: &Story) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        let mut log = Log::create(Arc::new(RealDisk), dir, b"").unwrap();
        log.append(0, &story.entries).unwrap();
        let mut tiles = Vec::new();
        let mut builder = TileBuilder::new();
        for leaf in story.leaves() {
            for tile in builder.append(leaf) {
                tiles.push((tile.id().path(), tile.bytes().to_vec()));
            }
        }
        log.seal(&tiles, b"").unwrap();
        let checkpoint = story.checkpoint_of(story.entries.len(), &sealing_key());
        std::fs::write(dir.join(CHECKPOINT_FILE), checkpoint).unwrap();
        let as_of = story.now;
        Self { temp, as_of }
    }

    /// Where a file of the ledger is.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Stores an attachment.
    pub fn attach(&self, bytes: &[u8]) -> Blake3Digest {
        let folder = FolderEngine::new(Arc::new(RealDisk), self.temp.path());
        blobs::put(&folder, bytes).unwrap()
    }

    /// Changes a stored file, which a store writes once and protects.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path(name);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }

    pub fn verify(&self) -> Report {
        let world = World::system();
        let report = audit_of(&world, self.temp.path(), self.as_of).run();
        report.unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// The entries that one rule is held against.
    pub fn against(&self, rule: &Rule) -> Vec<Option<u64>> {
        let findings = self.verify().findings;
        findings
            .iter()
            .filter(|finding| finding.rule == rule)
            .map(|finding| finding.sequence)
            .collect()
    }
}
