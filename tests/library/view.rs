//! What a reader keeps of a ledger says what the log says, however often it grew, and whatever became of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rotation_ledger::ledger::{EntryReader, LedgerView};
use rotation_ledger::register::Register;
use rotation_ledger::sys::world::World;
use rotation_ledger::text::Id;
use serde_json::json;

use crate::support::folder::Folder;
use crate::support::story::{Story, id};

const WAIT: Duration = Duration::from_secs(1);

/// What the log says, read from its beginning.
struct Said {
    register: Register,
    /// The entries about each rotation and those that name them.
    entries: BTreeMap<Id, Vec<u64>>,
}

impl Said {
    fn by(dir: &Path) -> Self {
        let world = World::system();
        let reader = || EntryReader::open(&world, dir, WAIT).unwrap();
        let mut entries: BTreeMap<Id, Vec<u64>> = BTreeMap::new();
        for stored in reader() {
            let stored = stored.unwrap();
            let event = &stored.statement.event;
            if let Some(rotation) = event.rotation() {
                let own = entries.entry(rotation.clone()).or_default();
                own.push(stored.sequence);
            } else if let Some((about, _)) = event.about() {
                for own in entries.values_mut() {
                    if own.contains(&about) {
                        own.push(stored.sequence);
                    }
                }
            }
        }
        let register = reader().replay().unwrap();
        Self { register, entries }
    }

    /// Holds a reader's view against it.
    fn is_seen(&self, dir: &Path, state: &Path) {
        let open = || LedgerView::open(&World::system(), dir, Some(state), WAIT).unwrap();
        let view = open();
        let ids = |register: &Register| {
            let waiting = register.each_rotation();
            let waiting = waiting.filter(|one| register.waits_for(one).next().is_some());
            let waiting: Vec<_> = waiting.map(|one| one.id.clone()).collect();
            let open: Vec<_> = register.open_rotations().cloned().collect();
            let unconfirmed: Vec<_> = register.unconfirmed_rotations().cloned().collect();
            (waiting, open, unconfirmed)
        };
        let live = view.register();
        assert_eq!(ids(live), ids(&self.register));
        assert_eq!(live.charter, self.register.charter);
        assert_eq!(live.secrets, self.register.secrets);
        assert_eq!(live.incidents, self.register.incidents);
        for (rotation, entries) in self.entries.iter().step_by(211) {
            let mut view = open();
            view.recall(rotation).unwrap();
            let found = view.register().rotations.get(rotation);
            assert_eq!(found, self.register.rotations.get(rotation));
            assert_eq!(&view.entries_of(rotation), entries);
            // With some brought back, the whole is the same.
            assert_eq!(view.whole().unwrap(), self.register);
        }
        let mut view = open();
        view.recall(&id("never-there")).unwrap();
        assert!(view.entries_of(&id("never-there")).is_empty());
        assert_eq!(view.whole().unwrap(), self.register);
    }
}

/// Rotations told by one entry each, so that they are over at once.
fn record(story: &mut Story, rotations: std::ops::Range<usize>) {
    for number in rotations {
        story.wait(1);
        story.say("robo", "rotation.recorded", json!({
            "rotation": format!("r-{number}"), "secret": "api/billing", "environment": "prod", "reason": "scheduled",
            "new_version": "v2", "started": "@0", "completed": "@0",
            "rotated_by": "robo", "impacted_services": ["billing"], "validation_summary": "logs in", "revoke_confirmed": true,
        }));
    }
}

/// A ledger at four moments: each has seen more of the same.
fn moments() -> Vec<Story> {
    let mut story = Story::new();
    let mut moments = Vec::new();
    record(&mut story, 0..700);
    story.grow(1_200);
    moments.push(story.clone());
    let rotation = story.standard("r-standard", "db/orders");
    story.play(rotation);
    // About one that is over, and one of its remarks.
    let link = rotation_ledger::hash::Link::of(&story.entries[40]);
    story.say(
        "ada",
        "entry.annotated",
        json!({ "entry": 40, "link": link, "note": "seen" }),
    );
    story.grow(1_500);
    moments.push(story.clone());
    record(&mut story, 700..1_300);
    story.grow(2_700);
    moments.push(story.clone());
    record(&mut story, 1_300..1_310);
    moments.push(story);
    moments
}

fn kept(state: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(state.join("recalled"));
    let listed = listed.into_iter().flatten();
    let mut kept: Vec<_> = listed.map(|found| found.unwrap().path()).collect();
    kept.sort();
    kept
}

#[test]
fn a_reader_who_comes_back_sees_what_one_does_who_never_was_there() {
    let state = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for story in moments() {
        let folder = Folder::of(&story);
        Said::by(&folder.path("")).is_seen(&folder.path(""), state.path());
        files.push(kept(state.path()).len());
    }
    // 700 that are over fill two files, 1,300 five; few new entries are not worth writing.
    assert_eq!(files, [3, 3, 6, 6]);
}

#[test]
fn whatever_became_of_the_files_the_log_is_believed() {
    let stories = moments();
    let before = Folder::of(&stories[2]);
    let after = Folder::of(&stories[3]);
    let said = Said::by(&after.path(""));
    let state = tempfile::tempdir().unwrap();
    let look = |folder: &Folder| {
        LedgerView::open(&World::system(), &folder.path(""), Some(state.path()), WAIT).unwrap()
    };
    look(&before);
    let all = kept(state.path());
    assert_eq!(all.len(), 6);
    let spoil: [fn(&mut Vec<u8>); 2] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes[40] ^= 1,
    ];
    for path in &all {
        for spoil in spoil {
            look(&before);
            let mut bytes = fs::read(path).unwrap();
            spoil(&mut bytes);
            fs::write(path, bytes).unwrap();
            said.is_seen(&after.path(""), state.path());
        }
        look(&before);
        fs::remove_file(path).unwrap();
        said.is_seen(&after.path(""), state.path());
    }
}

#[test]
fn what_was_kept_of_another_history_is_not_taken_for_this_one() {
    let state = tempfile::tempdir().unwrap();
    let mut other = Story::new();
    record(&mut other, 2_000..3_300);
    let (other, this) = (Folder::of(&other), Folder::of(&moments()[0]));
    for folder in [&other, &this, &other] {
        Said::by(&folder.path("")).is_seen(&folder.path(""), state.path());
    }
    let listed: BTreeSet<_> = kept(state.path()).into_iter().collect();
    // What only the other history put aside is gone.
    assert_eq!(listed.len(), 6);
}

#[test]
fn nothing_is_kept_where_there_is_nowhere_to_keep_it() {
    let story = moments().remove(0);
    let folder = Folder::of(&story);
    let view = LedgerView::open(&World::system(), &folder.path(""), None, WAIT).unwrap();
    assert_eq!(view.size(), 1_200);
    let state = tempfile::NamedTempFile::new().unwrap();
    Said::by(&folder.path("")).is_seen(&folder.path(""), state.path());
}
