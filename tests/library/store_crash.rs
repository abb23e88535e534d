//! Whatever fails, and whenever the power goes: every acknowledged entry is there, in order, and
//! nothing that was not handed over.

use std::path::Path;
use std::sync::Arc;

use rotation_ledger::store::blobs;
use rotation_ledger::store::engine::FolderEngine;
use rotation_ledger::store::engine::read_bundle;
use rotation_ledger::store::log::Log;
use rotation_ledger::store::log::LogAppendError;
use rotation_ledger::store::log::LogOpenError;
use rotation_ledger::store::publish;
use rotation_ledger::store::tail::TailRest;

use crate::support::sim_disk::Cut;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;

fn dir() -> &'static Path {
    Path::new("/ledger")
}

/// Entry `i`, of a length that makes frames straddle sectors in many ways.
fn entry(i: usize) -> Vec<u8> {
    format!("entry {i} ").into_bytes().repeat(20 + i * 7 % 100)
}

fn entries(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range.map(entry).collect()
}

fn try_open(disk: &SimDisk) -> Result<(Log, TailRest), LogOpenError> {
    Log::open(Arc::new(disk.clone()), dir())
}

fn open(disk: &SimDisk) -> (Log, TailRest) {
    try_open(disk).unwrap()
}

fn ledger_of(count: usize) -> SimDisk {
    let disk = SimDisk::new();
    let mut log = Log::create(Arc::new(disk.clone()), dir(), b"carry 0").unwrap();
    log.append(0, &entries(0..count)).unwrap();
    disk
}

/// What happens to the disk between the failure and the next opening.
fn aftermaths() -> Vec<Option<Cut>> {
    let mut all = vec![None, Some(Cut::DropAll), Some(Cut::NamesWithoutData)];
    for seed in 1..=4 {
        all.push(Some(Cut::SomeSectors(seed)));
        all.push(Some(Cut::NamesAndSomeSectors(seed)));
    }
    all
}

fn read_all(disk: &SimDisk, log: &Log) -> Vec<Vec<u8>> {
    let folder = FolderEngine::new(Arc::new(disk.clone()), dir());
    let mut all = Vec::new();
    for n in 0..log.base() / 256 {
        all.extend(read_bundle(&folder, n).unwrap());
    }
    all.extend(log.tail().map(<[u8]>::to_vec));
    all
}

/// Opens the log as a writer would after a crash, and goes on with it.
fn recover_and_go_on(disk: &SimDisk, acknowledged: usize, handed_over: usize, what: &str) {
    let (mut log, rest) = open(disk);
    let stored = read_all(disk, &log);
    let count = stored.len();
    assert!(
        (acknowledged..=handed_over).contains(&count),
        "{what}: {count} entries"
    );
    assert!(stored == entries(0..count), "{what}: other entries");
    assert!(
        !matches!(rest, TailRest::Stray { .. }),
        "{what}: taken for tampering: {rest:?}"
    );
    log.drop_rest().unwrap();
    log.append(count as u64, &[entry(count)]).unwrap();
    log.seal(&tiles(), b"carry 1").unwrap();
    disk.power_cut(Cut::DropAll);
    let (log, rest) = open(disk);
    assert_eq!(rest, TailRest::Clean, "{what}");
    assert!(
        read_all(disk, &log) == entries(0..count + 1),
        "{what}: after going on"
    );
    let leftovers = publish::TEMPORARY_PREFIX;
    let names = rotation_ledger::sys::disk::Disk::list(disk, dir()).unwrap();
    let left = names
        .iter()
        .any(|n| n.name.to_string_lossy().starts_with(leftovers));
    assert!(!left, "{what}: leftovers");
}

fn tiles() -> Vec<(String, Vec<u8>)> {
    let tile = |path: &str| (path.to_owned(), vec![3; 8192]);
    vec![
        tile("tile/0/000"),
        tile("tile/0/001"),
        tile("tile/1/x001/000"),
    ]
}

/// Plays `act` on a copy of `start`, with each of its operations failing in each way, and with each
/// aftermath. `act` says whether it was acknowledged.
fn at_every_operation(
    start: &SimDisk,
    act: impl Fn(&SimDisk) -> bool,
    then: impl Fn(&SimDisk, bool, &str),
) {
    let clean = start.copy_synced();
    assert!(act(&clean));
    let operations = clean.operations();
    assert!(operations >= 2);
    // One more than there are: nothing fails, and what was acknowledged has to outlive the cut.
    for n in 1..=operations + 1 {
        for fault in Fault::REPORTED {
            for cut in aftermaths() {
                let disk = start.copy_synced();
                disk.fail_at(n, fault);
                let acknowledged = act(&disk);
                match cut {
                    Some(cut) => disk.power_cut(cut),
                    None => disk.heal(),
                }
                let what = format!("operation {n} of {operations}, {fault:?}, {cut:?}");
                then(&disk, acknowledged, &what);
            }
        }
    }
}

#[test]
fn an_append_that_fails_anywhere_is_all_or_unknown_and_never_lost_once_acknowledged() {
    // The second starting point has no zeros left, so that the append has to extend the file.
    for (before, batch) in [(3, 1), (3, 40), (215, 9)] {
        let start = ledger_of(before);
        let act = |disk: &SimDisk| {
            let Ok((mut log, _)) = try_open(disk) else {
                return false;
            };
            let appended = log.append(before as u64, &entries(before..before + batch));
            if let Err(LogAppendError::Unknown(_)) = appended {
                let again = log.append(before as u64, &[entry(before)]);
                assert!(matches!(again, Err(LogAppendError::GivenUp)));
            }
            appended.is_ok()
        };
        at_every_operation(&start, act, |disk, acknowledged, what| {
            let least = if acknowledged { before + batch } else { before };
            recover_and_go_on(disk, least, before + batch, what);
        });
    }
}

#[test]
fn an_acknowledged_append_survives_every_cut() {
    for cut in aftermaths().into_iter().flatten() {
        let disk = ledger_of(3);
        let (mut log, _) = open(&disk);
        log.append(3, &entries(3..60)).unwrap();
        log.append(60, &entries(60..61)).unwrap();
        disk.power_cut(cut);
        recover_and_go_on(&disk, 61, 61, &format!("{cut:?}"));
    }
}

#[test]
fn an_append_without_its_sync_would_be_lost() {
    // That the simulation bites: the same bytes, written and not synced, do not survive.
    let disk = ledger_of(3);
    let (mut log, _) = open(&disk);
    disk.fail_at(2, Fault::Before);
    assert!(matches!(
        log.append(3, &[entry(3)]),
        Err(LogAppendError::Unknown(_))
    ));
    disk.power_cut(Cut::DropAll);
    assert_eq!(open(&disk).0.size(), 3);
}

#[test]
fn entries_of_a_process_killed_before_its_sync_are_durable_once_they_were_seen() {
    let disk = ledger_of(3);
    let (mut log, _) = open(&disk);
    disk.fail_at(2, Fault::Before);
    log.append(3, &[entry(3)]).unwrap_err();
    disk.heal();
    assert_eq!(open(&disk).0.size(), 4);
    disk.power_cut(Cut::DropAll);
    assert_eq!(open(&disk).0.size(), 4);
}

#[test]
fn a_sealing_that_fails_anywhere_loses_nothing_and_can_be_repeated() {
    let start = ledger_of(520);
    let act = |disk: &SimDisk| {
        try_open(disk).is_ok_and(|(mut log, _)| log.seal(&tiles(), b"carry 1").is_ok())
    };
    at_every_operation(&start, act, |disk, _, what| {
        recover_and_go_on(disk, 520, 520, what);
    });
}

#[test]
fn a_disk_that_is_full_before_the_append_leaves_the_log_usable() {
    let disk = ledger_of(3);
    let (mut log, _) = open(&disk);
    let batch: Vec<_> = (0..6).map(|i| vec![i + 1; 60_000]).collect();
    disk.fail_at(1, Fault::Half);
    let refusal = log.append(3, &batch).unwrap_err();
    assert!(matches!(refusal, LogAppendError::Refused(_)), "{refusal}");
    log.append(3, &batch).unwrap();
    disk.power_cut(Cut::DropAll);
    assert_eq!(open(&disk).0.size(), 9);
}

#[test]
fn dropping_a_torn_rest_can_be_cut_off_and_repeated() {
    let start = ledger_of(3);
    let (mut log, _) = open(&start);
    start.fail_at(1, Fault::Half);
    log.append(3, &entries(3..40)).unwrap_err();
    start.heal();
    let count = usize::try_from(open(&start).0.size()).unwrap();
    let act = |disk: &SimDisk| try_open(disk).is_ok_and(|(mut log, _)| log.drop_rest().is_ok());
    at_every_operation(&start, act, |disk, acknowledged, what| {
        if acknowledged {
            assert_eq!(open(disk).1, TailRest::Clean, "{what}: came back");
        }
        recover_and_go_on(disk, count, count, what);
    });
}

#[test]
fn a_log_that_was_being_made_is_there_or_not() {
    let act = |disk: &SimDisk| Log::create(Arc::new(disk.clone()), dir(), b"carry 0").is_ok();
    at_every_operation(&SimDisk::new(), act, |disk, acknowledged, what| {
        if !acknowledged && Log::open(Arc::new(disk.clone()), dir()).is_err() {
            assert!(act(disk), "{what}: cannot be made again");
        }
        recover_and_go_on(disk, 0, 0, what);
    });
}

#[test]
fn an_attachment_that_was_put_survives_and_one_that_failed_can_be_put_again() {
    let bytes = entry(7);
    let start = SimDisk::new();
    let folder = |disk: &SimDisk| FolderEngine::new(Arc::new(disk.clone()), dir());
    let put = |disk: &SimDisk| blobs::put(&folder(disk), &bytes);
    at_every_operation(
        &start,
        |disk| put(disk).is_ok(),
        |disk, acknowledged, what| {
            publish::remove_leftovers(disk, dir(), "").unwrap();
            let folder = folder(disk);
            let digest = rotation_ledger::hash::Blake3Digest::of(&bytes);
            if acknowledged {
                assert_eq!(blobs::get(&folder, &digest).unwrap(), bytes, "{what}");
            }
            put(disk).unwrap();
            disk.power_cut(Cut::DropAll);
            assert_eq!(
                blobs::get(&folder, &digest).unwrap(),
                bytes,
                "{what}: put again"
            );
        },
    );
}
