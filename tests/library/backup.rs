//! Backups: made while a ledger grows, cut off at every operation of the disk, spoiled in every byte.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::folder::Folder;
use crate::support::folder::audit_of;
use crate::support::ledger::House;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;
use crate::support::story::Story;
use rotation_ledger::backup::Backup;
use rotation_ledger::backup::BackupError;
use rotation_ledger::backup::BackupReport;
use rotation_ledger::backup::CheckedBackup;
use rotation_ledger::backup::RestoreSource;
use rotation_ledger::backup::check;
use rotation_ledger::backup::plan;
use rotation_ledger::ledger::LedgerPlace;
use rotation_ledger::store::image::list_files;
use rotation_ledger::sys::disk::RealDisk;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::Conclusion;

fn story_of(size: usize) -> Story {
    let mut story = Story::new();
    story.grow(size);
    story
}

/// A ledger that a host keeps nothing of.
fn alone(dir: &Path) -> LedgerPlace {
    LedgerPlace::new(dir.to_owned(), dir.join("../no-state"))
}

fn back_up(world: &World, ledger: &Path, to: &Path) -> Result<BackupReport, BackupError> {
    let backup = Backup {
        world,
        place: &alone(ledger),
        to,
        wait: Duration::from_secs(10),
        passphrase: None,
    };
    backup.run()
}

fn checked(world: &World, dir: &Path, as_of: Timestamp) -> Result<CheckedBackup, BackupError> {
    check(audit_of(world, dir, as_of))
}

/// Whether a backup of this size passes.
fn assert_passes(world: &World, dir: &Path, as_of: Timestamp, size: u64, what: &str) {
    let found = checked(world, dir, as_of).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    assert_eq!(found.faults, [""; 0], "{what}");
    assert_eq!(found.report.findings, [], "{what}");
    assert_eq!(found.record.size, size, "{what}");
    assert_eq!(found.conclusion(), Conclusion::Passed, "{what}");
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let found = list_files(&RealDisk, dir).unwrap().into_iter();
    found.map(|found| dir.join(found.path)).collect()
}

#[test]
fn each_backup_of_a_ledger_that_grows_verifies() {
    let house = House::furnished();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = house.open();
            for round in 0..100 {
                let ledger = writer.ledger();
                let drafts = (0..20).map(|n| house.seen(ledger, round * 20 + n));
                let outcome = writer.append(drafts.collect());
                assert_eq!(outcome.receipts.len(), 20, "{:?}", outcome.refused);
            }
            writer.close();
            done.store(true, Ordering::Relaxed);
        });
        let to = house.root.path().join("backup");
        let mut last = 0;
        loop {
            let is_last = done.load(Ordering::Relaxed);
            let report = back_up(&house.world, &house.place.dir, &to).unwrap();
            let now = house.world.clock.now();
            assert_passes(
                &house.world,
                &to,
                now,
                report.record.size,
                "beside a writer",
            );
            assert!(report.record.size >= last);
            last = report.record.size;
            if is_last {
                break;
            }
        }
        assert_eq!(last, 2_004);
    });
}

#[test]
fn the_next_backup_writes_what_is_new_alone() {
    let shelf = tempfile::tempdir().unwrap();
    let to = shelf.path().join("backup");
    let world = World::system();
    let mut story = story_of(600);
    let first = back_up(&world, &Folder::of(&story).path(""), &to).unwrap();
    assert_eq!((first.before, first.record.size), (None, 600));
    let places = |to: &Path| -> Vec<(PathBuf, u64)> {
        let sealed = files(to)
            .into_iter()
            .filter(|path| path.starts_with(to.join("tile")));
        sealed
            .map(|path| (path.clone(), fs::metadata(&path).unwrap().ino()))
            .collect()
    };
    let before = places(&to);
    assert_eq!(before.len(), 4);
    let again = back_up(&world, &Folder::of(&story).path(""), &to).unwrap();
    assert_eq!((again.before, again.files, again.bytes), (Some(600), 0, 0));
    story.grow(800);
    let more = back_up(&world, &Folder::of(&story).path(""), &to).unwrap();
    // One bundle, its tile, the tail and the checkpoint.
    assert_eq!((more.before, more.files), (Some(600), 4));
    let now = places(&to);
    assert!(before.iter().all(|place| now.contains(place)));
    assert_passes(&world, &to, story.now, 800, "after two");
}

#[test]
fn a_backup_can_be_cut_off_at_any_operation() {
    let shelf = tempfile::tempdir().unwrap();
    let to = shelf.path().join("backup");
    let mut story = story_of(250);
    back_up(&World::system(), &Folder::of(&story).path(""), &to).unwrap();
    story.grow(258);
    let ledger = Folder::of(&story);
    let world = |disk: &SimDisk| World {
        disk: Arc::new(disk.clone()),
        ..World::system()
    };
    let run = |disk: &SimDisk| back_up(&world(disk), Path::new("/ledger"), Path::new("/backup"));
    for (kept, fewest) in [(true, 250), (false, 0)] {
        let ledgers = ledger.path("");
        let before = match kept {
            true => SimDisk::holding(&[(&ledgers, "/ledger"), (&to, "/backup")]),
            false => SimDisk::holding(&[(&ledgers, "/ledger")]),
        };
        let whole = before.copy_synced();
        run(&whole).unwrap();
        let operations = whole.operations();
        assert!(operations > 20, "{operations}");
        for n in 1..=operations {
            let faults = [Fault::REPORTED.as_slice(), &[Fault::Rot]].concat();
            for (fault, shift) in faults.into_iter().zip(0..).skip(n % 2).step_by(2) {
                let (disk, what) = before.struck(n, fault, n + shift, run);
                let world = world(&disk);
                let dir = Path::new("/backup");
                // What was there before is there, and no entry of it is accused.
                if fewest > 0 {
                    let report = audit_of(&world, dir, story.now).run().unwrap();
                    assert!(report.size >= fewest, "{what}");
                    let entries = |at: &rotation_ledger::rule::Finding| at.sequence.is_some();
                    assert!(
                        !report.findings.iter().any(entries),
                        "{what}: {:?}",
                        report.findings
                    );
                }
                // And restores, whatever was cut off.
                if fewest > 0 {
                    let read = RestoreSource::in_folder(&world, "backup", dir).unwrap();
                    let planned = plan(&read).unwrap();
                    assert!(planned.size() >= fewest && !planned.is_lossy(), "{what}");
                }
                match checked(&world, dir, story.now) {
                    Ok(found) if found.conclusion() == Conclusion::Passed => {
                        assert!([fewest, 258].contains(&found.record.size), "{what}");
                    }
                    Ok(found) => {
                        assert!(!found.faults.is_empty() || kept, "{what}");
                        // What was cut off is no damage.
                        let is_told = found.conclusion() == Conclusion::NotVerified;
                        assert!(is_told || fault == Fault::Rot, "{what}");
                    }
                    Err(fault) => assert!(!kept, "{what}: {fault}"),
                }
                run(&disk).unwrap_or_else(|fault| panic!("{what}: {fault}"));
                assert_passes(&world, dir, story.now, 258, &what);
            }
        }
    }
}

#[test]
fn a_backup_with_another_byte_anywhere_does_not_pass() {
    let shelf = tempfile::tempdir().unwrap();
    let to = shelf.path().join("backup");
    let world = World::system();
    let mut story = Story::new();
    story.attach_login(b"ok");
    let ledger = Folder::of(&story);
    ledger.attach(b"ok");
    let made = back_up(&world, &ledger.path(""), &to).unwrap();
    assert_passes(&world, &to, story.now, made.record.size, "whole");
    for path in files(&to) {
        let whole = fs::read(&path).unwrap();
        // Behind the entries of the tail are zeros: some of them.
        let last = whole.iter().rposition(|byte| *byte != 0).unwrap();
        let beyond = (last + 1..whole.len()).step_by(9_973);
        for at in (0..=last).chain(beyond) {
            let mut spoiled = whole.clone();
            spoiled[at] ^= 1 << (at % 8);
            fs::remove_file(&path).unwrap();
            fs::write(&path, &spoiled).unwrap();
            if let Ok(found) = checked(&world, &to, story.now) {
                let what = format!("byte {at} of {}", path.display());
                assert_ne!(found.conclusion(), Conclusion::Passed, "{what}");
            }
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, &whole).unwrap();
    }
    assert_passes(&world, &to, story.now, made.record.size, "whole again");
}

#[test]
fn what_would_take_the_place_of_a_good_backup_is_refused_and_leaves_it_as_it_is() {
    let shelf = tempfile::tempdir().unwrap();
    let to = shelf.path().join("backup");
    let world = World::system();
    let mut story = story_of(300);
    let ledger = Folder::of(&story);
    back_up(&world, &ledger.path(""), &to).unwrap();
    let refuse = |ledger: &Path, why: &str| {
        let refusal = back_up(&world, ledger, &to).unwrap_err().to_string();
        assert!(refusal.contains(why), "{refusal}");
        assert_passes(&world, &to, story.now, 300, why);
    };
    refuse(&Folder::of(&story_of(280)).path(""), "has 280 entries, and");
    let mut beside = story_of(290);
    beside.wait(60);
    beside.grow(310);
    refuse(&Folder::of(&beside).path(""), "rewritten or forked");
    let mut other = Story::empty();
    other.wait(7);
    other.create();
    refuse(&Folder::of(&other).path(""), "of another ledger");
    ledger.change("tile/entries/000", |bytes| bytes[4_000] ^= 1);
    refuse(&ledger.path(""), "entry ");
    ledger.change("tile/entries/000", |bytes| bytes[4_000] ^= 1);
    story.grow(301);
    fs::create_dir(shelf.path().join("mine")).unwrap();
    fs::write(shelf.path().join("mine/x"), b"x").unwrap();
    let refusal = back_up(&world, &ledger.path(""), &shelf.path().join("mine"));
    assert!(matches!(refusal, Err(BackupError::NoBackup { .. })));
    let refusal = back_up(&world, &to, &shelf.path().join("second"));
    assert!(refusal.unwrap_err().to_string().contains("is a backup"));
}
