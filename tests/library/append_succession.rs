//! A lost sealing key: people name another one, as many as the policy demands, and nobody else can.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;

use crate::support::folder::audit_of;
use crate::support::ledger::House;
use crate::support::ledger::WAIT;
use crate::support::ledger::receipts;
use crate::support::ledger::refusal;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;
use rotation_ledger::append::AppendError;
use rotation_ledger::append::LostSeal;
use rotation_ledger::append::Recovery;
use rotation_ledger::append::name_sealing_key;
use rotation_ledger::append::recover;
use rotation_ledger::event::SealingKeyRecovered;
use rotation_ledger::key::SecretKey;
use rotation_ledger::rule::Verdict;
use rotation_ledger::sys::disk::Disk as _;
use rotation_ledger::sys::keyfile;
use rotation_ledger::text::Line;
use rotation_ledger::verify::VerdictStatus;
use serde_json::Value;
use serde_json::json;

fn lost() -> LostSeal {
    LostSeal {
        reason: Line::new("the host burnt down").unwrap(),
        since: None,
        checkpoint: None,
        second: None,
    }
}

fn named(house: &House, by: &SecretKey, lost: LostSeal) -> Result<Recovery, AppendError> {
    name_sealing_key(&house.world, &house.place, WAIT, by, lost)
}

/// The host's folder is gone, with the sealing key and the checkpoint in it.
fn burn(house: &House) {
    fs::remove_dir_all(&house.place.state).unwrap();
    fs::create_dir(&house.place.state).unwrap();
}

fn said(recovered: &SealingKeyRecovered) -> Value {
    let Value::Object(mut draft) = serde_json::to_value(recovered).unwrap() else {
        unreachable!()
    };
    draft.insert("event".to_owned(), json!("sealing_key.recovered"));
    Value::Object(draft)
}

fn second_owner(house: &House, policy: &str) -> SecretKey {
    let second = SecretKey::from_seed(&[4; 32]);
    let mut writer = house.open();
    let ledger = writer.ledger();
    for draft in [
        json!({ "event": "actor.enrolled", "actor": "sue", "name": "Sue", "kind": "human",
            "roles": ["security_owner"], "key": second.public(), "possession": second.prove_possession() }),
        json!({ "event": "policy.set", "reason": "two of us", "four_eyes": policy }),
    ] {
        let submission = house.sign(ledger, &house.owner, draft);
        receipts(writer.append(vec![submission]));
    }
    writer.close();
    second
}

#[test]
fn a_security_owner_names_a_new_key_and_the_ledger_goes_on() {
    let house = House::furnished();
    burn(&house);
    let fault = house.try_open().map(drop).unwrap_err();
    assert!(matches!(fault, AppendError::SealingKey(_)), "{fault}");
    let denied = named(&house, &house.operator, lost()).unwrap_err();
    assert!(matches!(denied, AppendError::Denied(_)), "{denied}");
    assert!(house.try_open().is_err(), "a refusal changes nothing");
    let recovery = named(&house, &house.owner, lost()).unwrap();
    assert_eq!(recovery.receipt.event, "sealing_key.recovered");
    assert_eq!(recovery.receipt.sequence, 4);
    assert!(!house.place.next_sealing_key().exists());
    let mut writer = house.open();
    assert_eq!(writer.notices(), Vec::<String>::new());
    let ledger = writer.ledger();
    receipts(writer.append(vec![house.seen(ledger, 1)]));
}

#[test]
fn two_name_it_where_the_policy_demands_two() {
    let house = House::furnished();
    let second = second_owner(&house, "strict");
    let ledger = house.open().ledger();
    burn(&house);
    let fault = named(&house, &house.owner, lost()).unwrap_err();
    let AppendError::NeedsSecond(recovered) = fault else {
        panic!("{fault}");
    };
    let with = |by: &SecretKey, draft: Value| LostSeal {
        second: Some(house.sign(ledger, by, draft)),
        ..lost()
    };
    let mut other = recovered.clone();
    let stranger = SecretKey::from_seed(&[9; 32]);
    (other.key, other.possession) = (stranger.public(), stranger.prove_possession());
    for (by, draft) in [
        (&house.owner, said(&recovered)),
        (&second, said(&other)),
        (
            &second,
            json!({ "event": "policy.set", "reason": "one is enough" }),
        ),
    ] {
        let fault = named(&house, &house.owner, with(by, draft)).unwrap_err();
        assert!(matches!(fault, AppendError::NotSeconded(_)), "{fault}");
    }
    let by_operator = with(&house.operator, said(&recovered));
    let fault = named(&house, &house.owner, by_operator).unwrap_err();
    assert!(matches!(fault, AppendError::Denied(_)), "{fault}");
    assert!(house.try_open().is_err(), "nothing was recorded");
    named(&house, &house.owner, with(&second, said(&recovered))).unwrap();
    let mut writer = house.open();
    assert_eq!(writer.size(), 8);
    receipts(writer.append(vec![house.seen(ledger, 1)]));
}

#[test]
fn one_is_enough_where_the_policy_does_not_demand_two() {
    let house = House::furnished();
    second_owner(&house, "required");
    burn(&house);
    named(&house, &house.owner, lost()).unwrap();
    house.open();
}

/// If the power fails after the entry, the next opening finds the new key beside the lost one's place.
#[test]
fn a_succession_cut_off_between_entry_and_file_is_completed() {
    for head_is_there in [true, false] {
        let house = House::furnished();
        let old_head = fs::read(house.path("checkpoint")).unwrap();
        burn(&house);
        named(&house, &house.owner, lost()).unwrap();
        let key = fs::read(house.place.sealing_key()).unwrap();
        fs::rename(house.place.sealing_key(), house.place.next_sealing_key()).unwrap();
        // Neither checkpoint by the new key reached the disk.
        fs::write(house.path("checkpoint"), &old_head).unwrap();
        fs::remove_file(house.place.head()).unwrap();
        if head_is_there {
            fs::write(house.place.head(), &old_head).unwrap();
            let again = named(&house, &house.owner, lost()).unwrap();
            assert_eq!(again.receipt.sequence, 4, "it is not named twice");
        }
        let mut writer = house.open();
        let ledger = writer.ledger();
        receipts(writer.append(vec![house.seen(ledger, 1)]));
        assert_eq!(fs::read(house.place.sealing_key()).unwrap(), key);
        assert!(!house.place.next_sealing_key().exists());
    }
}

#[test]
fn the_key_of_another_ledger_is_not_taken() {
    let house = House::furnished();
    burn(&house);
    let other = SecretKey::from_seed(&[50; 32]);
    keyfile::write_new(&house.place.sealing_key(), &other, None).unwrap();
    let fault = named(&house, &house.owner, lost()).unwrap_err();
    assert!(
        matches!(fault, AppendError::ForeignSealingKey(_)),
        "{fault}"
    );
    let there = keyfile::read(&house.place.sealing_key(), &|| Ok(None)).unwrap();
    assert_eq!(there.public(), other.public());
}

#[test]
fn a_checkpoint_that_somebody_kept_is_enough_and_without_any_nothing_is() {
    let house = House::furnished();
    let kept = fs::read(house.path("checkpoint")).unwrap();
    let mut writer = house.open();
    let ledger = writer.ledger();
    receipts(writer.append(vec![house.seen(ledger, 1), house.seen(ledger, 2)]));
    writer.close();
    burn(&house);
    fs::remove_file(house.path("checkpoint")).unwrap();
    let fault = named(&house, &house.owner, lost()).unwrap_err();
    assert!(matches!(fault, AppendError::NoSealedCheckpoint), "{fault}");
    let brought = LostSeal {
        checkpoint: Some(kept),
        ..lost()
    };
    let recovery = named(&house, &house.owner, brought).unwrap();
    assert_eq!(recovery.receipt.sequence, 6);
    house.open();
}

/// An entry that no checkpoint of the lost key leads to would fail every verification, for ever.
#[test]
fn what_does_not_build_on_the_entries_is_refused() {
    let house = House::furnished();
    let second = second_owner(&house, "strict");
    let fault = named(&house, &house.owner, lost()).unwrap_err();
    let AppendError::NeedsSecond(sound) = fault else {
        panic!("{fault}");
    };
    let mut writer = house.open();
    let ledger = writer.ledger();
    let bend = |bend: &dyn Fn(&mut SealingKeyRecovered)| {
        let mut bent = sound.clone();
        bend(&mut bent);
        house.sign(ledger, &second, said(&bent))
    };
    for bent in [
        bend(&|bent| bent.kept_root = rotation_ledger::hash::NodeHash::empty()),
        bend(&|bent| bent.kept_size -= 1),
        bend(&|bent| bent.kept_size += 9),
        bend(&|bent| bent.kept_signature = bent.possession),
        bend(&|bent| bent.consistency = Some(vec![bent.kept_root])),
    ] {
        let fault = refusal(writer.append(vec![bent]));
        assert!(matches!(fault, AppendError::Denied(_)), "{fault}");
    }
    receipts(writer.append(vec![house.sign(ledger, &second, said(&sound))]));
    let fault = refusal(writer.append(vec![house.sign(ledger, &second, said(&sound))]));
    assert!(fault.to_string().contains("two"), "{fault}");
}

/// What is done at each recovery, cut off at each operation, once more, and then an append.
fn recovers_wherever_it_is_cut_off(
    (house, disk): (House, SimDisk),
    lose: impl Fn(&House),
    recover: impl Fn(&House) -> Result<Recovery, AppendError>,
) {
    let all = house.stored();
    let before = disk.copy_synced();
    let house = RefCell::new(house);
    let on = |disk: &SimDisk| {
        let mut house = house.borrow_mut();
        // Keys and index lie on the real disk.
        let _ = fs::remove_dir_all(house.path("index"));
        lose(&house);
        house.world.disk = Arc::new(disk.clone());
    };
    let whole = before.copy_synced();
    on(&whole);
    recover(&house.borrow()).unwrap();
    let operations = whole.operations();
    assert!(operations > 5, "only {operations}");
    for (turn, fault) in Fault::REPORTED.into_iter().enumerate() {
        for n in 1..=operations {
            let (disk, what) = before.struck(n, fault, n + turn, |disk| {
                on(disk);
                recover(&house.borrow()).map(drop)
            });
            let mut house = house.borrow_mut();
            house.world.disk = Arc::new(disk);
            let _ = fs::remove_dir_all(house.path("index"));
            match recover(&house) {
                Ok(_) | Err(AppendError::NothingToRecover) => {}
                Err(fault) => panic!("{what}: {fault}"),
            }
            let mut writer = house.open();
            let next = house.seen(writer.ledger(), 1);
            receipts(writer.append(vec![next]));
            writer.close();
            assert!(house.stored().starts_with(&all), "{what}");
            let report = audit_of(&house.world, &house.place.dir, house.world.clock.now());
            let report = report.run().unwrap();
            let line = report.line(Verdict::Integrity).unwrap();
            assert_eq!(line.status, VerdictStatus::Pass, "{what}: {report:#?}");
        }
    }
}

#[test]
fn naming_a_sealing_key_may_be_cut_off_anywhere() {
    let lose = |house: &House| {
        for file in fs::read_dir(&house.place.state).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    };
    recovers_wherever_it_is_cut_off(House::simulated(), lose, |house| {
        named(house, &house.owner, lost())
    });
}

#[test]
fn accepting_a_ledger_without_checkpoints_may_be_cut_off_anywhere() {
    let (house, disk) = House::simulated();
    for path in [house.path("checkpoint"), house.place.head()] {
        disk.remove(&path).unwrap();
    }
    recovers_wherever_it_is_cut_off(
        (house, disk),
        |_| {},
        |house| {
            let reason = Line::new("both were lost").unwrap();
            recover(&house.world, &house.place, WAIT, &house.owner, reason)
        },
    );
}
