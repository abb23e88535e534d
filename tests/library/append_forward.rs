//! Older copies laid over a newer folder, in every skew: the log is rolled forward over the bundles that continue it,
//! what is missing is refused with its number, and nothing is signed beside what contradicts the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::folder::audit_of;
use crate::support::ledger::House;
use crate::support::ledger::WAIT;
use crate::support::ledger::copy;
use crate::support::ledger::receipts;
use crate::support::sim_disk::Cut;
use crate::support::sim_disk::Fault;
use rotation_ledger::append::{AppendError, recover};
use rotation_ledger::cli::hint::Hint as _;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::{Event, RecoveryKind};
use rotation_ledger::rule::Verdict;
use rotation_ledger::statement::Statement;
use rotation_ledger::sys::disk::Disk;
use rotation_ledger::text::Line;
use rotation_ledger::verify::Report;

fn append(house: &House, to: usize) {
    let mut writer = house.open();
    let batch = (writer.size() as usize..to).map(|n| house.seen(writer.ledger(), n));
    let batch = batch.collect();
    receipts(writer.append(batch));
    writer.close();
}

/// A ledger of 547 entries, the last 35 in its tail; all entries; and its folder as it was with 247.
fn grown() -> (House, Vec<Vec<u8>>, PathBuf) {
    let house = House::furnished();
    append(&house, 247);
    let old = house.root.path().join("old");
    copy(&house.place.dir, &old);
    append(&house, 547);
    let all = house.stored();
    assert_eq!(all.len(), 547);
    (house, all, old)
}

/// Lays these files of an older copy over the ledger's.
fn lay_over(house: &House, old: &Path, names: &[&str]) {
    for name in names {
        let (from, to) = (old.join(name), house.path(name));
        if from.is_dir() {
            fs::remove_dir_all(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

const ALL: &[&str] = &["tail", "checkpoint", "index", "index.warm"];

fn verified(house: &House) -> Report {
    let world = &house.world;
    audit_of(world, &house.place.dir, world.clock.now())
        .run()
        .unwrap()
}

fn against_integrity(report: &Report) -> Vec<String> {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.rule.verdict == Verdict::Integrity)
        .map(|finding| format!("{} {}", finding.rule.id, finding.found))
        .collect()
}

#[test]
fn an_older_copy_laid_over_is_rolled_forward_over_its_bundles() {
    for (names, tiles) in [(ALL, true), (&ALL[..2], true), (ALL, false)] {
        let (house, all, old) = grown();
        lay_over(&house, &old, names);
        fs::remove_file(house.place.head()).unwrap();
        if !tiles {
            fs::remove_dir_all(house.path("tile/0")).unwrap();
        }
        // What stands in the bundles is not passed over, and held against nobody.
        let report = verified(&house);
        assert_eq!(report.size, 512);
        if names == ALL {
            assert_eq!(against_integrity(&report), Vec::<String>::new());
        }
        let told = |said: &[String]| said.iter().any(|said| said.contains("older copy"));
        assert!(told(&report.notes), "{:?}", report.notes);
        let writer = house.open();
        assert!(told(writer.notices()), "{:?}", writer.notices());
        drop(writer);
        let now = house.stored();
        assert_eq!(now[..512], all[..512]);
        let event = |bytes: &Vec<u8>| {
            let entry = Entry::decode(bytes).unwrap();
            Statement::decode(&entry.statement).unwrap().event
        };
        let kinds = now[512..].iter().map(|bytes| match event(bytes) {
            Event::StoreRecovered(told) => told.kind,
            other => panic!("{}", other.name()),
        });
        let kinds: Vec<_> = kinds.collect();
        assert_eq!(
            kinds,
            [RecoveryKind::RolledForward, RecoveryKind::LostCheckpoint]
        );
        let report = verified(&house);
        assert_eq!(against_integrity(&report), Vec::<String>::new());
        assert!(!told(&report.notes));
        append(&house, 800);
        assert_eq!(house.stored().len(), 800);
    }
}

#[test]
fn what_a_checkpoint_states_and_no_bundle_has_is_missing() {
    let (house, all, old) = grown();
    let newest = fs::read(house.path("checkpoint")).unwrap();
    lay_over(&house, &old, ALL);
    let fault = house.try_open().unwrap_err();
    let is_behind = matches!(
        fault,
        AppendError::Behind {
            size: 512,
            kept: 547
        }
    );
    assert!(is_behind, "{fault}");
    assert!(fault.hint().unwrap().starts_with("35 entries are missing"));
    assert_eq!(house.stored(), all[..512]);
    // Also where the newest checkpoint lies in the folder alone.
    lay_over(&house, &old, ALL);
    fs::write(house.path("checkpoint"), newest).unwrap();
    fs::remove_file(house.place.head()).unwrap();
    let fault = house.try_open().unwrap_err();
    assert!(
        matches!(fault, AppendError::DamagedCheckpoint { stated: 547, .. }),
        "{fault}"
    );
    assert_eq!(house.stored(), all[..512]);
}

/// Everything in the folder but its lock.
fn files(house: &House) -> Vec<(PathBuf, Vec<u8>)> {
    let names = ["tail", "checkpoint", "tile/entries/000", "tile/entries/001"];
    let there = names.iter().map(|name| house.path(name));
    there
        .filter_map(|path| Some((path.clone(), fs::read(path).ok()?)))
        .collect()
}

fn put(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A Security Owner goes on without what contradicts the log, and every byte of it is kept.
fn go_on_without(house: &House) {
    let before = house.stored();
    let bundle = fs::read(house.path("tile/entries/001")).unwrap();
    let reason = || Line::new("no newer copy is left").unwrap();
    let by_operator = recover(&house.world, &house.place, WAIT, &house.operator, reason());
    assert!(matches!(by_operator, Err(AppendError::Denied(_))));
    assert!(house.path("tile/entries/001").exists());
    recover(&house.world, &house.place, WAIT, &house.owner, reason()).unwrap();
    assert!(house.stored().starts_with(&before));
    let aside = fs::read_dir(house.path("set-aside")).unwrap();
    let mut aside = aside.map(|found| fs::read(found.unwrap().path()).unwrap());
    assert!(aside.any(|kept| kept == bundle));
    assert_eq!(against_integrity(&verified(house)), Vec::<String>::new());
    append(house, 600);
}

#[test]
fn nothing_is_signed_beside_bundles_that_contradict_the_log() {
    type Contradiction = (&'static str, fn(&House));
    let contradictions: [Contradiction; 3] = [
        ("damaged", |house| {
            let path = house.path("tile/entries/001");
            let mut bytes = fs::read(&path).unwrap();
            bytes[5_000] ^= 1;
            put(&path, &bytes);
        }),
        ("cut", |house| {
            let path = house.path("tile/entries/001");
            let bytes = fs::read(&path).unwrap();
            put(&path, &bytes[..5_000]);
        }),
        ("after a gap", |house| {
            fs::remove_file(house.path("tile/entries/000")).unwrap();
        }),
    ];
    for (what, contradict) in contradictions {
        let (house, _, old) = grown();
        lay_over(&house, &old, ALL);
        fs::remove_file(house.place.head()).unwrap();
        contradict(&house);
        let before = files(&house);
        let fault = house.try_open().unwrap_err();
        assert!(matches!(fault, AppendError::Ahead(_)), "{what}: {fault}");
        assert!(fault.hint().unwrap().contains("recover"));
        assert_eq!(files(&house), before, "{what}");
        assert!(!against_integrity(&verified(&house)).is_empty(), "{what}");
        go_on_without(&house);
    }
}

#[test]
fn a_second_history_beside_the_bundles_of_the_first_is_refused() {
    let (mut house, _, old) = grown();
    let tile = house.root.path().join("tile");
    copy(&house.path("tile"), &tile);
    fs::remove_file(house.place.head()).unwrap();
    house.place.dir = old;
    append(&house, 255);
    copy(&tile, &house.path("tile"));
    let fault = house.try_open().unwrap_err();
    assert!(matches!(fault, AppendError::Ahead(_)), "{fault}");
    let found = against_integrity(&verified(&house));
    assert!(found[0].contains("another entry 247"), "{found:?}");
    go_on_without(&house);
}

#[test]
fn the_power_may_fail_at_any_time_while_bundles_are_taken_in() {
    let (mut house, disk) = House::simulated();
    let state = |house: &House| {
        let read = |name: &str| disk.read_at_most(&house.path(name), 1 << 20).unwrap();
        let head = disk.read(&house.place.head()).unwrap();
        (read("tail"), read("checkpoint"), head)
    };
    append(&house, 100);
    let (tail, checkpoint, head) = state(&house);
    append(&house, 256);
    let all = house.stored();
    for (path, bytes) in [
        (house.path("tail"), tail),
        (house.path("checkpoint"), checkpoint),
        (house.place.head(), head),
    ] {
        let mut file = disk.create(&path).unwrap();
        file.write_at(&bytes, 0).unwrap();
        file.sync_data().unwrap();
    }
    for folder in [&house.place.dir, &house.place.state] {
        disk.sync_dir(folder).unwrap();
    }
    let mut played = 0;
    let cuts = [Cut::DropAll, Cut::NamesAndSomeSectors(2)].map(Some);
    let dead = [
        (Fault::Dead, None),
        (Fault::Dead, cuts[0]),
        (Fault::Dead, cuts[1]),
    ];
    let failed = [(Fault::After, None), (Fault::Half, cuts[0])];
    for (fault, aftermath) in dead.into_iter().chain(failed) {
        for n in 1.. {
            let disk = disk.copy_synced();
            house.world.disk = Arc::new(disk.clone());
            let _ = fs::remove_dir_all(house.path("index"));
            let before = disk.operations();
            disk.fail_at(n, fault);
            drop(house.try_open());
            let reached = disk.operations() - before >= n;
            disk.heal();
            if let Some(cut) = aftermath {
                disk.power_cut(cut);
            }
            let what = format!("operation {n}, {fault:?}, {aftermath:?}");
            let opened = house.try_open();
            drop(opened.unwrap_or_else(|fault| panic!("{what}: {fault}")));
            assert_eq!(house.stored()[..256], all, "{what}");
            if !reached {
                break;
            }
            played += 1;
        }
    }
    assert!(played > 5 * 10, "only {played} rounds");
}
