//! Ledgers out of what is left of them: what chains on is taken from wherever it lies, and nothing else is.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::folder::Folder;
use crate::support::folder::audit_of;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;
use crate::support::story::Story;
use rotation_ledger::backup::BackupError;
use rotation_ledger::backup::RestorePlan;
use rotation_ledger::backup::RestoreSource;
use rotation_ledger::backup::plan;
use rotation_ledger::hash::Link;
use rotation_ledger::store::image::list_files;
use rotation_ledger::sys::disk::Disk as _;
use rotation_ledger::sys::disk::RealDisk;
use rotation_ledger::sys::world::World;

fn story_of(size: usize) -> Story {
    let mut story = Story::new();
    story.grow(size);
    story
}

fn sources(world: &World, dirs: &[&Path]) -> Vec<RestoreSource> {
    let read = |dir: &&Path| {
        let name = dir.file_name().unwrap().to_string_lossy();
        RestoreSource::in_folder(world, &name, dir).unwrap()
    };
    dirs.iter().flat_map(read).collect()
}

/// Whether what would be restored is the beginning of the story, and nothing else.
fn is_of(planned: &RestorePlan<'_>, story: &Story) -> bool {
    let last = usize::try_from(planned.size()).unwrap() - 1;
    planned.link() == Link::of(&story.entries[last])
}

fn known(story: &Story, size: usize) -> RestoreSource {
    let note = story.checkpoint_of(size, &crate::support::story::sealing_key());
    RestoreSource::known("this host", &note)
}

#[test]
fn an_older_copy_and_what_is_left_of_the_folder_give_every_entry() {
    let world = World::system();
    let (older, story) = (Folder::of(&story_of(300)), story_of(600));
    let broken = Folder::of(&story);
    broken.change("tile/entries/000", |bytes| bytes[9_000] ^= 1);
    broken.change("tail", |bytes| bytes[3] ^= 1);
    let (older, broken) = (older.path(""), broken.path(""));
    let mut sources = sources(&world, &[&older, &broken]);
    sources.push(known(&story, 600));
    let planned = plan(&sources).unwrap();
    assert_eq!((planned.size(), &planned.lost), (600, &None));
    assert!(is_of(&planned, &story));
    let to = tempfile::tempdir().unwrap();
    let to = to.path().join("new/prod");
    planned.write(&audit_of(&world, &to, story.now)).unwrap();
    let report = audit_of(&world, &to, story.now).run().unwrap();
    assert_eq!((report.size, report.findings), (600, Vec::new()));
    // Byte for byte what a ledger's folder has, but for the tail's header.
    for name in ["tile/entries/000", "tile/entries/001", "tile/0/001"] {
        let whole = Folder::of(&story);
        assert_eq!(
            fs::read(to.join(name)).unwrap(),
            fs::read(whole.path(name)).unwrap()
        );
    }
}

#[test]
fn what_a_newer_checkpoint_states_is_said_to_be_lost() {
    let world = World::system();
    let story = story_of(600);
    let older = Folder::of(&story_of(300));
    let with = |known: RestoreSource| {
        let mut sources = sources(&world, &[&older.path("")]);
        sources.push(known);
        sources
    };
    let sources = with(known(&story, 600));
    let planned = plan(&sources).unwrap();
    let lost = planned.lost.clone().unwrap();
    assert_eq!((lost.stated, lost.first), (600, Some(300)));
    assert!(planned.is_lossy());
    let mut beside = story_of(250);
    beside.wait(60);
    beside.grow(280);
    let sources = with(known(&beside, 280));
    let planned = plan(&sources).unwrap();
    let lost = planned.lost.clone().unwrap();
    assert_eq!((lost.stated, lost.first), (280, None));
    let sources = with(known(&story, 280));
    let planned = plan(&sources).unwrap();
    assert!(!planned.is_lossy());
}

#[test]
fn two_histories_are_refused_at_the_entry_where_they_part() {
    let world = World::system();
    let one = story_of(300);
    let mut other = story_of(290);
    other.wait(60);
    other.grow(310);
    let (one, other) = (Folder::of(&one), Folder::of(&other));
    for dirs in [
        [one.path(""), other.path("")],
        [other.path(""), one.path("")],
    ] {
        let [first, second] = &dirs;
        match plan(&sources(&world, &[first, second])).map(drop) {
            Err(BackupError::Parted { sequence: 290, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn damage_anywhere_gives_the_entries_before_it_and_no_other() {
    let world = World::system();
    let story = story_of(262);
    let whole = Folder::of(&story);
    let left = tempfile::tempdir().unwrap();
    rotation_ledger::sys::disk::copy_folder(&whole.path(""), left.path()).unwrap();
    for found in list_files(&RealDisk, left.path()).unwrap() {
        let path = left.path().join(&found.path);
        let bytes = fs::read(&path).unwrap();
        let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for at in (0..=last).step_by(1 + last / 400) {
            let mut spoiled = bytes.clone();
            spoiled[at] ^= 1 << (at % 8);
            fs::remove_file(&path).unwrap();
            fs::write(&path, &spoiled).unwrap();
            if let Ok(planned) = plan(&sources(&world, &[left.path()])) {
                let what = format!("byte {at} of {}", path.display());
                assert!(planned.size() == 0 || is_of(&planned, &story), "{what}");
                // With the whole one beside it nothing is lost.
                let both = sources(&world, &[left.path(), &whole.path("")]);
                let both = plan(&both).unwrap_or_else(|fault| panic!("{what}: {fault}"));
                assert!(both.size() == 262 && is_of(&both, &story), "{what}");
            }
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn restoring_can_be_cut_off_at_any_operation_and_run_again() {
    let story = story_of(262);
    let ledger = Folder::of(&story);
    let world = |disk: &SimDisk| World {
        disk: Arc::new(disk.clone()),
        ..World::system()
    };
    let (from, to) = (Path::new("/ledger"), Path::new("/to"));
    let before = SimDisk::holding(&[(&ledger.path(""), "/ledger")]);
    before.create_dir(to).unwrap();
    before.sync_dir(Path::new("/")).unwrap();
    let run = |disk: &SimDisk| -> Result<(), BackupError> {
        let world = world(disk);
        let read = sources(&world, &[from]);
        let planned = plan(&read)?;
        planned.write(&audit_of(&world, to, story.now)).map(drop)
    };
    let whole = before.copy_synced();
    run(&whole).unwrap();
    let operations = whole.operations();
    assert!(operations > 20, "{operations}");
    for n in 1..=operations {
        for (fault, shift) in Fault::REPORTED.into_iter().zip(0..) {
            let (disk, what) = before.struck(n, fault, n + shift, run);
            run(&disk).unwrap_or_else(|fault| panic!("{what}: {fault}"));
            let report = audit_of(&world(&disk), to, story.now).run().unwrap();
            assert_eq!((report.size, report.findings), (262, Vec::new()), "{what}");
        }
    }
}
