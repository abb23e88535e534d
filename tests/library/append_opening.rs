//! Opening and creating: what is no ledger is told apart from what is a damaged one, a rolled-back
//! copy is refused, and what a power cut leaves is healed and recorded.

use crate::support::ledger;

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::support::ledger::House;
use crate::support::ledger::WAIT;
use crate::support::ledger::copy;
use crate::support::ledger::receipts;
use rotation_ledger::append::AppendError;
use rotation_ledger::append::Writer;
use rotation_ledger::append::recover;
use rotation_ledger::cli::hint::Hint as _;
use rotation_ledger::entry::Entry;
use rotation_ledger::event::Event;
use rotation_ledger::event::RecoveryKind;
use rotation_ledger::event::StoreRecovered;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::ledger::Blame;
use rotation_ledger::ledger::OpenError;
use rotation_ledger::statement::Statement;
use rotation_ledger::store::log::Log;
use rotation_ledger::sys::disk::RealDisk;
use rotation_ledger::text::Line;
use std::sync::Arc;

fn opening(house: &House) -> AppendError {
    house.try_open().map(drop).unwrap_err()
}

fn append(house: &House, range: std::ops::Range<usize>) {
    let mut writer = house.open();
    let ledger = writer.ledger();
    for n in range {
        receipts(writer.append(vec![house.seen(ledger, n)]));
    }
    writer.close();
}

/// The recoveries recorded in the tail.
fn recoveries(house: &House) -> Vec<StoreRecovered> {
    let (log, _) = Log::open(Arc::new(RealDisk), &house.place.dir).unwrap();
    let events = log.tail().map(|bytes| {
        Statement::decode(&Entry::decode(bytes).unwrap().statement)
            .unwrap()
            .event
    });
    events
        .filter_map(|event| {
            if let Event::StoreRecovered(told) = event {
                Some(told)
            } else {
                None
            }
        })
        .collect()
}

/// Where the last entry of the tail ends, in the file.
fn end_of_tail(house: &House) -> usize {
    let bytes = fs::read(house.path("tail")).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

fn write_at(house: &House, name: &str, at: usize, bytes: &[u8]) {
    let file = fs::File::options()
        .write(true)
        .open(house.path(name))
        .unwrap();
    file.write_all_at(bytes, at as u64).unwrap();
}

#[test]
fn what_is_no_ledger_is_told_apart_and_left_alone() {
    let house = House::empty();
    assert!(matches!(
        opening(&house),
        AppendError::Open(OpenError::NoFolder(_))
    ));
    fs::create_dir(&house.place.dir).unwrap();
    assert!(matches!(
        opening(&house),
        AppendError::Open(OpenError::EmptyFolder(_))
    ));
    fs::write(house.path("notes.txt"), "mine").unwrap();
    assert!(matches!(
        opening(&house),
        AppendError::Open(OpenError::NotALedger(_))
    ));
    assert_eq!(
        fs::read_dir(&house.place.dir).unwrap().count(),
        1,
        "no lock file was made"
    );
    let refused = house.create().unwrap_err();
    assert!(matches!(refused, AppendError::Open(OpenError::NotEmpty(_))));
    assert_eq!(refused.blame(), Blame::Usage);
    assert_eq!(fs::read_dir(&house.place.dir).unwrap().count(), 1);
    let fault = opening(&house);
    assert_eq!(fault.blame(), Blame::CannotVerify);
    assert!(fault.hint().unwrap().contains("ledger init"));
}

#[test]
fn a_created_ledger_says_what_it_is_and_is_not_created_again() {
    let house = House::created();
    let toml = fs::read_to_string(house.path("ledger.toml")).unwrap();
    assert!(toml.starts_with("# a hint for people; nothing in it is trusted\nformat = 1\norigin = \"ledger.example/test\"\n"), "{toml}");
    assert!(matches!(
        house.create().unwrap_err(),
        AppendError::Open(OpenError::NotEmpty(_))
    ));
    assert_eq!(house.open().size(), 1);
    assert!(!house.path("creating").exists());
}

#[test]
fn a_newer_format_is_refused_and_a_lost_hint_is_made_again() {
    let house = House::created();
    let toml = fs::read_to_string(house.path("ledger.toml")).unwrap();
    fs::write(
        house.path("ledger.toml"),
        toml.replace("format = 1", "format = 2\nshape = \"new\""),
    )
    .unwrap();
    assert!(matches!(
        opening(&house),
        AppendError::Open(OpenError::NewerFormat { found: 2, .. })
    ));
    for broken in [None, Some("no toml at all ]")] {
        match broken {
            None => fs::remove_file(house.path("ledger.toml")).unwrap(),
            Some(text) => fs::write(house.path("ledger.toml"), text).unwrap(),
        }
        let writer = house.open();
        assert!(writer.notices()[0].contains("ledger.toml"));
        assert_eq!(fs::read_to_string(house.path("ledger.toml")).unwrap(), toml);
    }
}

#[test]
fn a_ledger_that_lost_its_log_is_never_a_new_one() {
    let house = House::created();
    fs::remove_file(house.path("tail")).unwrap();
    let fault = opening(&house);
    assert!(matches!(fault, AppendError::Open(OpenError::LostLog(_))));
    assert_eq!(fault.blame(), Blame::Broken);
    assert!(matches!(
        house.create().unwrap_err(),
        AppendError::Open(OpenError::NotEmpty(_))
    ));
    fs::remove_dir_all(&house.place.dir).unwrap();
    assert!(
        matches!(house.create().unwrap_err(), AppendError::StateInUse(_)),
        "its checkpoint is still kept"
    );
}

#[test]
fn an_interrupted_creation_is_refused_and_can_be_repeated() {
    let house = House::created();
    fs::write(house.path("creating"), "").unwrap();
    fs::write(house.path(".new-checkpoint"), "half").unwrap();
    let fault = opening(&house);
    assert!(matches!(
        fault,
        AppendError::Open(OpenError::InterruptedCreation(_))
    ));
    assert!(fault.hint().unwrap().contains("ledger init"));
    house.create().unwrap();
    assert_eq!(house.open().size(), 1);
    // A marker in a ledger that has entries is not reason enough to remove them.
    append_raw_enrolment(&house);
    fs::write(house.path("creating"), "").unwrap();
    assert!(matches!(
        house.create().unwrap_err(),
        AppendError::Open(OpenError::NotEmpty(_))
    ));
    fs::remove_file(house.path("creating")).unwrap();
    assert_eq!(house.open().size(), 4);
}

fn append_raw_enrolment(house: &House) {
    let mut writer = house.open();
    house.furnish(&mut writer);
    writer.close();
}

#[test]
fn who_waits_is_told_for_whom() {
    let house = House::created();
    let writer = house.open();
    let fault = Writer::open(&house.world, &house.place, Duration::from_millis(30))
        .map(drop)
        .unwrap_err();
    assert_eq!(fault.blame(), Blame::Temporary);
    assert!(
        fault
            .to_string()
            .contains(&format!("pid {}", std::process::id())),
        "{fault}"
    );
    drop(writer);
    house.open();
}

#[test]
fn without_its_sealing_key_or_with_another_nothing_is_sealed() {
    let house = House::furnished();
    let kept = fs::read(house.place.sealing_key()).unwrap();
    fs::remove_file(house.place.sealing_key()).unwrap();
    let fault = opening(&house);
    assert!(matches!(fault, AppendError::SealingKey(_)));
    assert!(
        fault
            .hint()
            .unwrap()
            .contains("outside the ledger's folder")
    );
    let other = rotation_ledger::key::SecretKey::from_seed(&[50; 32]);
    rotation_ledger::sys::keyfile::write_new(&house.place.sealing_key(), &other, None).unwrap();
    assert!(house.try_open().is_err());
    fs::write(house.place.sealing_key(), kept).unwrap();
    house.open();
}

#[test]
fn a_rolled_back_copy_is_refused_and_recovered_only_explicitly() {
    let house = House::furnished();
    append(&house, 0..3);
    let backup = house.root.path().join("backup");
    copy(&house.place.dir, &backup);
    append(&house, 3..5);
    fs::remove_dir_all(&house.place.dir).unwrap();
    copy(&backup, &house.place.dir);
    let fault = opening(&house);
    assert!(
        matches!(fault, AppendError::Behind { size: 7, kept: 9 }),
        "{fault}"
    );
    assert_eq!(fault.blame(), Blame::Broken);
    assert!(fault.hint().unwrap().contains("ledger recover"));

    let reason = || Line::new("the disk died; this is last night's backup").unwrap();
    let by_operator = recover(&house.world, &house.place, WAIT, &house.operator, reason());
    assert!(matches!(by_operator, Err(AppendError::Denied(_))));
    assert!(
        matches!(opening(&house), AppendError::Behind { .. }),
        "a refused recovery changes nothing"
    );
    let head = fs::read(house.place.head()).unwrap();
    let recovery = recover(&house.world, &house.place, WAIT, &house.owner, reason()).unwrap();
    assert_eq!(recovery.receipt.sequence, 7);
    assert_eq!(fs::read(recovery.set_aside.unwrap()).unwrap(), head);
    let told = recoveries(&house);
    assert_eq!(
        (told[0].kind, told[0].kept_size),
        (RecoveryKind::Rollback, Some(9))
    );
    append(&house, 5..6);
    let again = recover(&house.world, &house.place, WAIT, &house.owner, reason());
    assert!(matches!(again, Err(AppendError::NothingToRecover)));
}

#[test]
fn a_forked_ledger_is_refused() {
    let house = House::furnished();
    append(&house, 0..1);
    let backup = house.root.path().join("backup");
    copy(&house.place.dir, &backup);
    append(&house, 1..3);
    let head = fs::read(house.place.head()).unwrap();
    fs::remove_dir_all(&house.place.dir).unwrap();
    copy(&backup, &house.place.dir);
    fs::write(
        house.place.head(),
        fs::read(house.path("checkpoint")).unwrap(),
    )
    .unwrap();
    append(&house, 10..14);
    fs::write(house.place.head(), head).unwrap();
    let fault = opening(&house);
    assert!(matches!(fault, AppendError::Beside(7)), "{fault}");
    let reason = Line::new("the fork is the ledger we keep").unwrap();
    recover(&house.world, &house.place, WAIT, &house.owner, reason).unwrap();
    append(&house, 14..15);
}

#[test]
fn a_head_far_behind_is_proven_from_the_bundles() {
    let house = House::furnished();
    let old = fs::read(house.place.head()).unwrap();
    let mut writer = house.open();
    let batch = (0..600).map(|n| house.seen(writer.ledger(), n)).collect();
    receipts(writer.append(batch));
    writer.close();
    fs::write(house.place.head(), &old).unwrap();
    let writer = house.open();
    assert_eq!(writer.size(), 604);
    drop(writer);
    assert_eq!(
        fs::read(house.place.head()).unwrap(),
        fs::read(house.path("checkpoint")).unwrap()
    );

    // The same head over other entries.
    let other = House::furnished();
    fs::write(house.place.head(), fs::read(other.place.head()).unwrap()).unwrap();
    let mut bundle = fs::read(house.path("tile/entries/000")).unwrap();
    let at = bundle.windows(3).position(|w| w == b"ann").unwrap();
    bundle[at] = b'A';
    fs::remove_file(house.path("tile/entries/000")).unwrap();
    fs::write(house.path("tile/entries/000"), bundle).unwrap();
    assert_eq!(opening(&house).blame(), Blame::Broken);
}

#[test]
fn one_lost_checkpoint_is_made_again_and_recorded() {
    for lose in [
        None,
        Some(&b""[..]),
        Some(b"garbage"),
        Some(b"\xff\xff\xff"),
    ] {
        for outside in [false, true] {
            let house = House::furnished();
            let path = if outside {
                house.place.head()
            } else {
                house.path("checkpoint")
            };
            match lose {
                None => fs::remove_file(&path).unwrap(),
                Some(bytes) => fs::write(&path, bytes).unwrap(),
            }
            let mut writer = house.open();
            assert_eq!(writer.size(), 5, "the recovery is an entry");
            assert!(
                writer.notices()[0].contains("checkpoint was lost"),
                "{:?}",
                writer.notices()
            );
            receipts(writer.append(vec![house.seen(writer.ledger(), 1)]));
            writer.close();
            assert_eq!(recoveries(&house)[0].kind, RecoveryKind::LostCheckpoint);
            assert_eq!(
                fs::read(house.place.head()).unwrap(),
                fs::read(house.path("checkpoint")).unwrap()
            );
            let writer = house.open();
            assert_eq!((writer.size(), writer.notices().len()), (6, 0));
        }
    }
}

#[test]
fn with_no_checkpoint_left_only_a_recovery_goes_on() {
    let house = House::furnished();
    fs::write(house.path("checkpoint"), b"").unwrap();
    fs::remove_file(house.place.head()).unwrap();
    let fault = opening(&house);
    assert!(matches!(fault, AppendError::NoCheckpoint { .. }));
    assert!(fault.hint().unwrap().contains("ledger recover"));
    let reason = Line::new("both were lost with the machine").unwrap();
    recover(&house.world, &house.place, WAIT, &house.owner, reason).unwrap();
    assert_eq!(recoveries(&house)[0].kind, RecoveryKind::LostCheckpoint);
    append(&house, 0..2);
}

#[test]
fn the_state_of_another_ledger_is_refused() {
    let (house, other) = (House::furnished(), House::empty());
    let founding = rotation_ledger::append::NewLedger {
        origin: rotation_ledger::note::Origin::new("ledger.example/other").unwrap(),
        actor: ledger::id("bob"),
        name: Line::new("Bob").unwrap(),
        key: &other.owner,
    };
    rotation_ledger::append::create(&other.world, &other.place, &founding).unwrap();
    fs::copy(other.place.head(), house.place.head()).unwrap();
    assert!(matches!(
        opening(&house),
        AppendError::Open(OpenError::OtherLedgersHead { .. })
    ));
}

#[test]
fn a_torn_write_is_dropped_and_recorded() {
    let house = House::furnished();
    append(&house, 0..2);
    let end = end_of_tail(&house);
    let torn = b"RLf\x01\x40\x01\x00\x00\x06\x00\x00\x00 the beginning of an entry";
    write_at(&house, "tail", end, torn);
    let mut writer = house.open();
    assert!(
        writer.notices()[0].contains("dropped"),
        "{:?}",
        writer.notices()
    );
    assert_eq!(writer.size(), 7);
    receipts(writer.append(vec![house.seen(writer.ledger(), 2)]));
    writer.close();
    let told = recoveries(&house);
    assert_eq!(told[0].kind, RecoveryKind::TornWrite);
    assert_eq!(told[0].dropped_bytes, torn.len() as u64);
    assert_eq!(told[0].dropped_sha256, Some(Sha256Digest::of(torn)));
    assert_eq!(house.open().notices().len(), 0);
}

#[test]
fn damage_that_a_checkpoint_covers_is_never_dropped() {
    let house = House::furnished();
    append(&house, 0..2);
    let end = end_of_tail(&house);
    let whole = fs::read(house.path("tail")).unwrap();
    // The last entry's last byte; then the last entry cut off; then a byte of the second.
    let second = whole
        .windows(4)
        .enumerate()
        .filter(|(_, w)| *w == b"RLf\x01")
        .nth(1)
        .unwrap()
        .0;
    for (at, bytes, sequence) in [
        (end - 1, vec![whole[end - 1] ^ 1], 5),
        (end - 40, vec![0; 40], 5),
        (second + 60, vec![0xee], 1),
    ] {
        fs::write(house.path("tail"), &whole).unwrap();
        write_at(&house, "tail", at, &bytes);
        let fault = opening(&house);
        assert!(
            matches!(&fault, AppendError::DamagedEntry { sequence: named, .. } if *named == sequence),
            "{fault}"
        );
        assert_eq!(fault.blame(), Blame::Broken);
    }
    fs::write(house.path("tail"), &whole).unwrap();
    house.open();
}

#[test]
fn a_tail_cut_at_a_frame_is_behind_its_own_checkpoint() {
    let house = House::furnished();
    append(&house, 0..2);
    let mut whole = fs::read(house.path("tail")).unwrap();
    let last = whole.windows(4).rposition(|w| w == b"RLf\x01").unwrap();
    whole[last..].fill(0);
    fs::write(house.path("tail"), &whole).unwrap();
    let fault = opening(&house);
    assert!(
        matches!(fault, AppendError::DamagedCheckpoint { stated: 6, .. }),
        "{fault}"
    );
}

#[test]
fn whole_entries_beyond_the_checkpoint_are_kept_if_their_authors_signed_them() {
    let house = House::furnished();
    let (checkpoint, head) = (
        fs::read(house.path("checkpoint")).unwrap(),
        fs::read(house.place.head()).unwrap(),
    );
    append(&house, 0..2);
    // As if the power had failed between the entries and their checkpoints.
    fs::write(house.path("checkpoint"), checkpoint).unwrap();
    fs::write(house.place.head(), head).unwrap();
    let writer = house.open();
    assert_eq!(writer.size(), 6);
    let note = fs::read_to_string(house.path("checkpoint")).unwrap();
    assert_eq!(note.lines().nth(1), Some("6"));
}

#[test]
fn an_entry_planted_beyond_the_checkpoint_is_not_sealed() {
    for forge_authority in [false, true] {
        let house = House::furnished();
        let (mut log, _) = Log::open(Arc::new(RealDisk), &house.place.dir).unwrap();
        let last = log.tail().last().unwrap().to_vec();
        let stranger = rotation_ledger::key::SecretKey::from_seed(&[66; 32]);
        let ledger = house.open().ledger();
        let signed = if forge_authority {
            house.sign(ledger, &stranger, ledger::seen(1)).statement
        } else {
            let honest = house.seen(ledger, 1).statement;
            rotation_ledger::statement::SignedStatement::from_parts(
                honest.bytes().to_vec(),
                rotation_ledger::key::Signature::from_bytes([0; 64]),
            )
        };
        let recorded = Entry::decode(&last).unwrap().recorded;
        let planted = Entry::place(
            4,
            rotation_ledger::hash::Link::of(&last),
            4,
            recorded,
            signed,
        );
        log.append(4, &[planted.encode().unwrap()]).unwrap();
        drop(log);
        let fault = opening(&house);
        assert!(
            matches!(fault, AppendError::DamagedEntry { sequence: 4, .. }),
            "{fault}"
        );
        let note = fs::read_to_string(house.path("checkpoint")).unwrap();
        assert_eq!(note.lines().nth(1), Some("4"), "nothing was signed over it");
    }
}
