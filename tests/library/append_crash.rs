//! Whatever fails and whenever the power goes, in an append or in a sealing: every entry that has a
//! receipt is there afterwards, the ledger opens, and the same statement sent again is recorded once.

use std::fs;
use std::sync::Arc;

use crate::support::ledger::House;
use crate::support::ledger::receipts;
use crate::support::ledger::secret;
use crate::support::merkle::root_of;
use crate::support::sim_disk::Cut;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;
use rotation_ledger::append::AppendError;
use rotation_ledger::append::Receipt;
use rotation_ledger::append::Submission;
use rotation_ledger::append::Writer;
use rotation_ledger::cli::hint::Hint as _;
use rotation_ledger::entry::Entry;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::Link;
use rotation_ledger::ledger::Blame;
use rotation_ledger::sys::keyfile;
use rotation_ledger::text::Line;

/// A ledger of so many entries on a simulated disk.
fn simulated(entries: usize) -> (House, SimDisk) {
    let (house, disk) = House::simulated();
    let mut writer = house.open();
    let batch = (4..entries)
        .map(|n| house.seen(writer.ledger(), n))
        .collect();
    receipts(writer.append(batch));
    writer.close();
    (house, disk)
}

fn assert_is_one_chain(all: &[Vec<u8>]) {
    let mut previous = Link::ZERO;
    for (sequence, bytes) in all.iter().enumerate() {
        let entry = Entry::decode(bytes).unwrap();
        assert_eq!(
            (entry.sequence, entry.previous),
            (sequence as u64, previous)
        );
        previous = Link::of(bytes);
    }
}

/// Lets the `n`-th operation of appending `batch` fail, for every `n`, every fault and every
/// aftermath.
fn play_through(before: usize, batch: impl Fn(&House, &Writer) -> Vec<Submission>) -> usize {
    let (mut house, disk) = simulated(before);
    let untouched = house.stored();
    let mut played = 0;
    for fault in Fault::REPORTED {
        for aftermath in Cut::AFTERMATHS {
            for n in 1.. {
                // Each round has a disk of its own; the index of the round before is of no use.
                let disk = disk.copy_synced();
                house.world.disk = Arc::new(disk.clone());
                let _ = fs::remove_dir_all(house.path("index"));
                let mut writer = house.open();
                let batch = batch(&house, &writer);
                let operations = disk.operations();
                disk.fail_at(n, fault);
                let outcome = writer.append(batch.clone());
                // Where anything fills a bundle, closing seals it.
                writer.close();
                let reached = disk.operations() - operations >= n;
                disk.heal();
                if let Some(cut) = aftermath {
                    disk.power_cut(cut);
                }
                let what = format!("operation {n}, {fault:?}, {aftermath:?}");
                check_afterwards(&house, &untouched, &outcome.receipts, batch, &what);
                if !reached {
                    assert!(outcome.refused.is_none(), "{what}");
                    break;
                }
                played += 1;
            }
        }
    }
    played
}

fn check_afterwards(
    house: &House,
    untouched: &[Vec<u8>],
    given: &[Receipt],
    batch: Vec<Submission>,
    what: &str,
) {
    let mut writer = house
        .try_open()
        .unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let all = house.stored();
    assert!(all.starts_with(untouched), "{what}: an old entry is gone");
    for receipt in given {
        let there = all
            .get(receipt.sequence as usize)
            .unwrap_or_else(|| panic!("{what}: a receipted entry is gone"));
        assert_eq!(
            (Link::of(there), LeafHash::of(there)),
            (receipt.link, receipt.leaf),
            "{what}"
        );
    }
    let statements: Vec<_> = batch
        .iter()
        .map(|submission| submission.statement.bytes().to_vec())
        .collect();
    let again = receipts(writer.append(batch));
    for (given, again) in given.iter().zip(&again) {
        assert_eq!(
            (again.sequence, again.replayed),
            (given.sequence, true),
            "{what}"
        );
    }
    let all = house.stored();
    assert_is_one_chain(&all);
    let leaves: Vec<_> = all.iter().map(|bytes| LeafHash::of(bytes)).collect();
    assert_eq!(writer.root(), root_of(&leaves), "{what}");
    for statement in statements {
        let count = all
            .iter()
            .filter(|bytes| Entry::decode(bytes).unwrap().statement == statement)
            .count();
        assert_eq!(count, 1, "{what}: recorded {count} times");
    }
}

#[test]
fn every_operation_of_an_append_may_fail() {
    let played = play_through(9, |house, writer| vec![house.seen(writer.ledger(), 9)]);
    assert!(
        played > 5 * 6 * 6,
        "only {played} rounds: the size of the checkpoint grows, so it is renamed"
    );
}

#[test]
fn every_operation_of_an_append_with_an_attachment_may_fail() {
    let draft = serde_json::json!({"event": "evidence.attached", "secret": "db/orders", "description": "output"});
    let played = play_through(5, |house, writer| {
        vec![
            house.sign_with(
                writer.ledger(),
                &house.operator,
                draft.clone(),
                &[b"it works"],
            ),
            house.seen(writer.ledger(), 8),
        ]
    });
    assert!(played > 5 * 6 * 8, "only {played} rounds");
}

#[test]
fn every_operation_of_a_sealing_may_fail() {
    let played = play_through(250, |house, writer| {
        (250..257).map(|n| house.seen(writer.ledger(), n)).collect()
    });
    assert!(played > 5 * 6 * 20, "only {played} rounds");
}

/// The key files lie on the real disk, where what was renamed stays so: the worst case for a
/// checkpoint that a power cut takes back.
#[test]
fn every_operation_of_a_replacement_of_the_sealing_key_may_fail() {
    let (mut house, disk) = simulated(9);
    let first = fs::read(house.place.sealing_key()).unwrap();
    let mut played = 0;
    for fault in Fault::REPORTED {
        for aftermath in Cut::AFTERMATHS {
            for n in 1.. {
                let disk = disk.copy_synced();
                house.world.disk = Arc::new(disk.clone());
                let _ = fs::remove_dir_all(house.path("index"));
                let _ = fs::remove_file(house.place.next_sealing_key());
                fs::write(house.place.sealing_key(), &first).unwrap();
                let mut writer = house.open();
                let operations = disk.operations();
                disk.fail_at(n, fault);
                let reason = Line::new("asked for").unwrap();
                let replaced = writer.replace_sealing_key(reason).is_ok();
                drop(writer);
                let reached = disk.operations() - operations >= n;
                disk.heal();
                if let Some(cut) = aftermath {
                    disk.power_cut(cut);
                }
                let what = format!("operation {n}, {fault:?}, {aftermath:?}");
                assert!(replaced || reached, "{what}");
                // The first opening completes what was begun, or may itself be cut off anywhere.
                for again in 1..=3 {
                    let mut writer = house
                        .try_open()
                        .unwrap_or_else(|fault| panic!("{what}, opening {again}: {fault}"));
                    if replaced {
                        assert!(writer.size() > 9, "{what}: the entry is gone");
                    }
                    receipts(writer.append(vec![house.seen(writer.ledger(), 100 + again)]));
                    let register = writer.register().unwrap();
                    let named = register.charter.keyring.sealing_key().copied();
                    let held = keyfile::read(&house.place.sealing_key(), &|| Ok(None)).unwrap();
                    assert_eq!(Some(held.public()), named, "{what}: another key is held");
                    if register.charter.keyring.seals().len() > 1 {
                        assert!(!house.place.next_sealing_key().exists(), "{what}");
                    }
                    drop(writer);
                    disk.power_cut(Cut::DropAll);
                }
                if !reached {
                    break;
                }
                played += 1;
            }
        }
    }
    assert!(played > 5 * 6 * 6, "only {played} rounds");
}

#[test]
fn a_full_disk_refuses_the_batch_and_the_writer_goes_on() {
    let (house, disk) = simulated(4);
    let mut writer = house.open();
    let ledger = writer.ledger();
    // More than the zeros written ahead, so that room is asked for before anything is begun.
    let mut batch = vec![house.sign(ledger, &house.platform, secret("db/second"))];
    batch.extend((0..900).map(|n| house.seen(ledger, n)));
    disk.fail_at(1, Fault::Before);
    let outcome = writer.append(batch.clone());
    let fault = outcome.refused.unwrap();
    assert!(matches!(fault, AppendError::Disk(_)), "{fault}");
    assert_eq!(
        (fault.blame(), outcome.receipts.len()),
        (Blame::Temporary, 0)
    );
    assert!(fault.hint().unwrap().contains("nothing was recorded"));
    assert_eq!(writer.size(), 4);
    assert_eq!(
        writer.register().unwrap().secrets.len(),
        1,
        "what was not recorded is forgotten"
    );
    disk.heal();
    let all = receipts(writer.append(batch));
    assert!(all.iter().all(|receipt| !receipt.replayed));
    assert_eq!(writer.register().unwrap().secrets.len(), 2);
}

#[test]
fn after_an_unknown_outcome_the_writer_refuses_and_reopening_tells() {
    let (house, disk) = simulated(4);
    let mut writer = house.open();
    let submission = house.seen(writer.ledger(), 1);
    // The write has its effect and so does its sync, but the sync reports an error.
    disk.fail_at(2, Fault::After);
    let outcome = writer.append(vec![submission.clone()]);
    let fault = outcome.refused.unwrap();
    assert!(matches!(fault, AppendError::Unknown(_)), "{fault}");
    assert_eq!(fault.blame(), Blame::Temporary);
    disk.heal();
    let next = writer.append(vec![submission.clone()]).refused.unwrap();
    assert!(matches!(next, AppendError::GivenUp));
    drop(writer);
    let mut writer = house.open();
    let receipt = receipts(writer.append(vec![submission])).remove(0);
    assert!(receipt.replayed && receipt.sequence == 4);
}

#[test]
fn creating_may_be_cut_off_anywhere_and_repeated() {
    for fault in Fault::REPORTED {
        for aftermath in Cut::AFTERMATHS {
            for n in 1.. {
                let mut house = House::empty();
                let disk = SimDisk::new();
                for folder in [&house.place.dir, &house.place.state] {
                    fs::create_dir_all(folder).unwrap();
                    disk.make_folder(folder);
                }
                house.world.disk = Arc::new(disk.clone());
                let operations = disk.operations();
                disk.fail_at(n, fault);
                let created = house.create();
                let reached = disk.operations() - operations >= n;
                disk.heal();
                if let Some(cut) = aftermath {
                    disk.power_cut(cut);
                }
                let what = format!("operation {n}, {fault:?}, {aftermath:?}");
                match (created, house.try_open()) {
                    (Ok(receipt), Ok(writer)) => assert_eq!(receipt.root, writer.root(), "{what}"),
                    (Ok(_), Err(fault)) => panic!("{what}: receipted and not opened: {fault}"),
                    // All was done but for the answer.
                    (Err(_), Ok(writer)) => assert_eq!(writer.size(), 1, "{what}"),
                    (Err(_), Err(fault)) => {
                        assert_eq!(fault.blame(), Blame::CannotVerify, "{what}: {fault}");
                        house
                            .create()
                            .unwrap_or_else(|fault| panic!("{what}: {fault}"));
                        assert_eq!(house.open().size(), 1, "{what}");
                    }
                }
                if !reached {
                    break;
                }
            }
        }
    }
}
