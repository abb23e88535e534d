//! What a writer promises: receipts that hold, retries that change nothing, batches that stop in the
//! right place, and an index that can be lost at any time.

use crate::support::ledger;

use std::fs;

use crate::support::ledger::House;
use crate::support::ledger::opened;
use crate::support::ledger::receipts;
use crate::support::ledger::refusal;
use crate::support::ledger::secret;
use crate::support::ledger::seen;
use crate::support::merkle::root_of;
use rotation_ledger::append::AppendError;
use rotation_ledger::append::Submission;
use rotation_ledger::append::Writer;
use rotation_ledger::entry::Entry;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::LedgerId;
use rotation_ledger::hash::Link;
use rotation_ledger::statement::Statement;
use rotation_ledger::store::blobs;
use rotation_ledger::store::engine::read_bundle;
use rotation_ledger::store::engine::{Engine as _, FolderEngine};
use rotation_ledger::store::log::Log;
use rotation_ledger::sys::disk::RealDisk;
use serde_json::json;
use std::sync::Arc;

/// Every stored entry, read past the writer.
fn stored(house: &House) -> Vec<Vec<u8>> {
    let (log, _) = Log::open(Arc::new(RealDisk), &house.place.dir).unwrap();
    let folder = FolderEngine::new(Arc::new(RealDisk), &house.place.dir);
    let mut all = Vec::new();
    for n in 0..log.base() / 256 {
        all.extend(read_bundle(&folder, n).unwrap());
    }
    all.extend(log.tail().map(<[u8]>::to_vec));
    all
}

fn batch(house: &House, ledger: LedgerId, range: std::ops::Range<usize>) -> Vec<Submission> {
    range.map(|n| house.seen(ledger, n)).collect()
}

#[test]
fn a_receipt_names_what_is_stored() {
    let house = House::furnished();
    let mut writer = house.open();
    let submission = house.seen(writer.ledger(), 1);
    let receipt = receipts(writer.append(vec![submission.clone()])).remove(0);
    let all = stored(&house);
    assert_eq!(receipt.sequence, 4);
    assert_eq!(receipt.link, Link::of(&all[4]));
    assert_eq!(receipt.leaf, LeafHash::of(&all[4]));
    assert_eq!(
        (receipt.size, receipt.event, receipt.replayed),
        (5, "source.observed", false)
    );
    let leaves: Vec<_> = all.iter().map(|bytes| LeafHash::of(bytes)).collect();
    assert_eq!(receipt.root, root_of(&leaves));
    let entry = Entry::decode(&all[4]).unwrap();
    assert_eq!(entry.previous, Link::of(&all[3]));
    // The secret was registered by entry 3.
    assert_eq!(entry.subject_previous, 4);
    assert_eq!(entry.statement, submission.statement.bytes());
    assert_eq!(LedgerId::from_genesis(Link::of(&all[0])), writer.ledger());
}

#[test]
fn both_checkpoints_cover_every_receipt() {
    let house = House::furnished();
    let mut writer = house.open();
    for n in 0..7 {
        let submission = house.seen(writer.ledger(), n);
        let receipt = receipts(writer.append(vec![submission])).remove(0);
        let note = fs::read_to_string(house.path("checkpoint")).unwrap();
        assert_eq!(note, fs::read_to_string(house.place.head()).unwrap());
        assert_eq!(note, writer.checkpoint());
        assert_eq!(note.lines().nth(1), Some(receipt.size.to_string().as_str()));
    }
}

#[test]
fn a_retry_gets_its_receipt_again_also_after_reopening_and_sealing() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let first = house.seen(ledger, 0);
    let receipt = receipts(writer.append(vec![first.clone()])).remove(0);
    let check = |writer: &mut Writer| {
        let size = writer.size();
        let again = receipts(writer.append(vec![first.clone()])).remove(0);
        assert!(again.replayed);
        assert_eq!(
            (
                again.sequence,
                again.link,
                again.leaf,
                again.recorded,
                again.event_id,
                again.event
            ),
            (
                receipt.sequence,
                receipt.link,
                receipt.leaf,
                receipt.recorded,
                receipt.event_id,
                receipt.event
            )
        );
        assert_eq!(writer.size(), size);
    };
    check(&mut writer);
    writer.close();
    let mut writer = house.open();
    check(&mut writer);
    receipts(writer.append(batch(&house, ledger, 1..400)));
    check(&mut writer);
    writer.close();
    let mut writer = house.open();
    check(&mut writer);
    assert!(writer.notices().is_empty(), "{:?}", writer.notices());
}

#[test]
fn the_same_id_over_other_words_is_a_conflict_that_names_the_entry() {
    let house = House::furnished();
    let mut writer = house.open();
    let with_id = |mut draft: serde_json::Value| {
        draft["event_id"] = json!("0198f2c0-7a10-7c33-9b1e-5d2a6c0e4f01");
        house.sign(writer_ledger(&house), &house.operator, draft)
    };
    let (one, other) = (with_id(seen(1)), with_id(seen(2)));
    // In one batch, and then against what is stored.
    let outcome = writer.append(vec![one.clone(), one.clone(), other.clone()]);
    assert_eq!(outcome.receipts.len(), 2);
    assert!(!outcome.receipts[0].replayed && outcome.receipts[1].replayed);
    for outcome in [outcome, writer.append(vec![other])] {
        assert!(matches!(
            refusal(outcome),
            AppendError::Conflict { sequence: 4, .. }
        ));
    }
    assert_eq!(writer.size(), 5);
}

fn writer_ledger(house: &House) -> LedgerId {
    LedgerId::from_genesis(Link::of(&stored(house)[0]))
}

#[test]
fn a_batch_stops_before_the_bad_one_and_the_good_ones_are_recorded() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let mut all = batch(&house, ledger, 0..10);
    all[6] = house.sign(ledger, &house.operator, secret("db/other"));
    let outcome = writer.append(all);
    assert_eq!(outcome.receipts.len(), 6);
    assert_eq!(
        outcome
            .receipts
            .iter()
            .map(|r| r.sequence)
            .collect::<Vec<_>>(),
        [4, 5, 6, 7, 8, 9]
    );
    assert!(matches!(refusal(outcome), AppendError::Denied(_)));
    writer.close();
    assert_eq!(house.open().size(), 10);
}

#[test]
fn findings_come_with_the_receipt_and_the_entry_is_recorded() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let mut later = opened("rot-2");
    later["occurred_utc"] = json!("2026-11-01T00:00:00Z");
    let batch = vec![
        house.sign(ledger, &house.operator, opened("rot-1")),
        house.sign(ledger, &house.operator, later),
    ];
    let dry = writer.check(&batch[0]).unwrap();
    let receipts = receipts(writer.append(batch));
    assert_eq!(receipts[0].findings, dry);
    let rules: Vec<_> = receipts[1]
        .findings
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    assert!(
        rules.contains(&"S-12") && rules.contains(&"T-02"),
        "{rules:?}"
    );
}

#[test]
fn a_dry_run_says_the_same_and_records_nothing() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let size = writer.size();
    assert!(writer.check(&house.seen(ledger, 1)).is_ok());
    let wrong = house.sign(ledger, &house.operator, secret("db/other"));
    assert!(matches!(writer.check(&wrong), Err(AppendError::Denied(_))));
    assert_eq!(writer.size(), size);
    drop(writer);
    assert_eq!(stored(&house).len() as u64, size);
}

#[test]
fn recorded_time_never_decreases() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    house.clock.set("2026-11-23T10:00:00Z");
    let late = receipts(writer.append(vec![house.seen(ledger, 1)])).remove(0);
    writer.close();
    house.clock.set("2026-11-23T09:30:00Z");
    let mut writer = house.open();
    let next = receipts(writer.append(vec![house.seen(ledger, 2)])).remove(0);
    assert_eq!(next.recorded, late.recorded);
}

#[test]
fn six_hundred_entries_are_sealed_and_go_on_after_reopening() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    for n in 0..300 {
        receipts(writer.append(vec![house.seen(ledger, n)]));
    }
    receipts(writer.append(batch(&house, ledger, 300..600)));
    let root = writer.root();
    assert!(writer.notices().is_empty(), "{:?}", writer.notices());
    writer.close();
    for path in [
        "tile/entries/000",
        "tile/entries/001",
        "tile/0/000",
        "tile/0/001",
    ] {
        assert!(house.path(path).exists(), "{path}");
    }
    let mut writer = house.open();
    assert_eq!((writer.size(), writer.root()), (604, root));
    receipts(writer.append(batch(&house, ledger, 600..700)));
    let all = stored(&house);
    let leaves: Vec<_> = all.iter().map(|bytes| LeafHash::of(bytes)).collect();
    assert_eq!((all.len(), writer.root()), (704, root_of(&leaves)));
    for (sequence, pair) in all.windows(2).enumerate() {
        let next = Entry::decode(&pair[1]).unwrap();
        assert_eq!(
            (next.previous, next.sequence),
            (Link::of(&pair[0]), sequence as u64 + 1)
        );
    }
    let tile = fs::read(house.path("tile/0/001")).unwrap();
    assert_eq!(&tile[..32], leaves[256].as_bytes());
}

#[test]
fn the_register_is_the_same_with_without_and_behind_an_index() {
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    receipts(writer.append(vec![house.sign(ledger, &house.operator, opened("rot-1"))]));
    receipts(writer.append(batch(&house, ledger, 0..520)));
    receipts(writer.append(vec![house.sign(
        ledger,
        &house.platform,
        secret("db/second"),
    )]));
    let expected = writer.register().unwrap();
    assert_eq!(expected.secrets.len(), 2);
    assert_eq!(expected.rotations.len(), 1);
    let known = house.seen(ledger, 7777);
    receipts(writer.append(vec![known.clone()]));
    let expected_after = writer.register().unwrap();
    writer.close();
    let old = house.root.path().join("old-index");
    ledger::copy(&house.path("index"), &old);

    let check = |what: &str, said: bool| {
        let mut writer = house.open();
        assert_eq!(writer.register().unwrap(), expected_after, "{what}");
        let again = writer.append(vec![known.clone()]);
        assert!(again.receipts[0].replayed, "{what}");
        assert_eq!(
            writer
                .notices()
                .iter()
                .any(|notice| notice.contains("index")),
            said,
            "{what}: {:?}",
            writer.notices()
        );
        writer.close();
    };
    check("as it was left", false);
    fs::remove_dir_all(house.path("index")).unwrap();
    check("deleted", false);
    for found in fs::read_dir(house.path("index")).unwrap() {
        let path = found.unwrap().path();
        if path.is_file() {
            fs::write(path, b"garbage").unwrap();
        }
    }
    check("garbled", true);
    fs::remove_dir_all(house.path("index")).unwrap();
    fs::write(house.path("index"), b"a file").unwrap();
    check("a file in its place", true);
    fs::remove_dir_all(house.path("index")).unwrap();
    ledger::copy(&old, &house.path("index"));
    check("stale", false);
}

#[test]
fn an_index_of_another_history_is_set_aside() {
    let (house, other) = (House::furnished(), House::furnished());
    for house in [&house, &other] {
        let mut writer = house.open();
        let range = if house.path("") == other.path("") {
            1000..1300
        } else {
            0..300
        };
        receipts(writer.append(batch(house, writer.ledger(), range)));
        writer.close();
    }
    fs::remove_dir_all(house.path("index")).unwrap();
    ledger::copy(&other.path("index"), &house.path("index"));
    let mut writer = house.open();
    let next = batch(&house, writer.ledger(), 300..301);
    let receipt = receipts(writer.append(next)).remove(0);
    assert!(
        !receipt.replayed,
        "what only the other ledger has was never recorded here"
    );
    let notices = writer.notices();
    assert!(
        notices
            .iter()
            .any(|said| said.contains("not of the entries")),
        "{notices:?}"
    );
}

#[test]
fn attachments_are_stored_under_their_digest_before_the_entry() {
    let house = House::furnished();
    let mut writer = house.open();
    let draft = json!({"event": "evidence.attached", "secret": "db/orders", "description": "validation output"});
    let submission = house.sign_with(
        writer.ledger(),
        &house.operator,
        draft,
        &[b"it works", b"it works", b"more"],
    );
    receipts(writer.append(vec![submission]));
    let statement =
        Statement::decode(&Entry::decode(&stored(&house)[4]).unwrap().statement).unwrap();
    let folder = FolderEngine::new(Arc::new(RealDisk), &house.place.dir);
    assert_eq!(
        blobs::get(&folder, &statement.attachments[0].blake3).unwrap(),
        b"it works"
    );
    assert_eq!(folder.list("attachments/").unwrap().len(), 2);
}

#[test]
fn eight_threads_appending_make_one_chain() {
    let house = House::furnished();
    let ledger = writer_ledger(&house);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let house = &house;
            scope.spawn(move || {
                for n in 0..10 {
                    let wait = std::time::Duration::from_secs(60);
                    let mut writer = Writer::open(&house.world, &house.place, wait).unwrap();
                    receipts(writer.append(vec![house.seen(ledger, thread * 100 + n)]));
                    writer.close();
                }
            });
        }
    });
    let all = stored(&house);
    assert_eq!(all.len(), 84);
    assert!(
        all.windows(2)
            .all(|pair| Entry::decode(&pair[1]).unwrap().previous == Link::of(&pair[0]))
    );
    assert_eq!(house.open().size(), 84);
}

#[test]
fn a_new_sealing_key_seals_from_its_own_entry_on() {
    use rotation_ledger::key::SecretKey;
    use rotation_ledger::sys::keyfile;
    let house = House::furnished();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let new = SecretKey::from_seed(&[77; 32]);
    let draft = json!({
        "event": "sealing_key.replaced", "key": new.public(), "possession": new.prove_possession(),
        "reason": "yearly rotation",
    });
    let submission = house.sign(ledger, &house.owner, draft);
    let early = refusal(writer.append(vec![submission.clone()]));
    assert!(matches!(early, AppendError::SealingKey(_)), "{early}");
    keyfile::write_new(&house.place.next_sealing_key(), &new, None).unwrap();
    receipts(writer.append(vec![submission]));
    receipts(writer.append(vec![house.seen(ledger, 1)]));
    let key = keyfile::read(&house.place.sealing_key(), &|| Ok(None)).unwrap();
    assert_eq!(key.public(), new.public());
    assert!(!house.place.next_sealing_key().exists());
    writer.close();
    let writer = house.open();
    assert_eq!(writer.size(), 6);
    assert!(
        writer
            .notices()
            .iter()
            .all(|notice| notice.contains("ledger.toml")),
        "{:?}",
        writer.notices()
    );
}

#[test]
fn a_sealing_key_that_served_its_time_is_replaced_and_destroyed() {
    let house = House::furnished();
    let first = fs::read(house.place.sealing_key()).unwrap();
    // A second name shows what became of the file: nobody else can look at it any more.
    let second_name = house.root.path().join("second-name");
    fs::hard_link(house.place.sealing_key(), &second_name).unwrap();
    let mut writer = house.open();
    receipts(writer.append(vec![house.seen(writer.ledger(), 1)]));
    assert_eq!(writer.close(), Vec::<String>::new());

    house.clock.set("2026-12-24T09:00:00Z");
    let mut writer = house.open();
    receipts(writer.append(vec![house.seen(writer.ledger(), 2)]));
    let said = writer.close();
    assert_eq!(
        said,
        ["the sealing key was replaced on schedule, as entry 6 says"]
    );
    assert_ne!(fs::read(house.place.sealing_key()).unwrap(), first);
    assert_eq!(fs::read(&second_name).unwrap(), vec![0; first.len()]);
    assert!(!house.place.next_sealing_key().exists());
    let entry = Entry::decode(&stored(&house)[6]).unwrap();
    let statement = Statement::decode(&entry.statement).unwrap();
    assert_eq!(statement.event.name(), "sealing_key.replaced");
    // Once, and not again by the next one who closes.
    assert_eq!(house.open().close(), Vec::<String>::new());
    assert_eq!(house.open().size(), 7);
}

#[test]
fn a_replacement_cut_off_between_entry_and_file_is_completed() {
    let house = House::furnished();
    let old = fs::read(house.place.sealing_key()).unwrap();
    let mut writer = house.open();
    let reason = rotation_ledger::text::Line::new("asked for").unwrap();
    writer.replace_sealing_key(reason.clone()).unwrap();
    writer.close();
    let new = fs::read(house.place.sealing_key()).unwrap();
    // As it was when the entry was durable and nothing after it had happened.
    fs::rename(house.place.sealing_key(), house.place.next_sealing_key()).unwrap();
    fs::write(house.place.sealing_key(), &old).unwrap();
    restrict(&house.place.sealing_key());
    let mut writer = house.open();
    receipts(writer.append(vec![house.seen(writer.ledger(), 1)]));
    writer.close();
    assert_eq!(fs::read(house.place.sealing_key()).unwrap(), new);
    assert!(!house.place.next_sealing_key().exists());

    // A copy of a key that was in use is no successor: it is removed, and another one made.
    fs::write(house.place.next_sealing_key(), &old).unwrap();
    restrict(&house.place.next_sealing_key());
    let mut writer = house.open();
    writer.replace_sealing_key(reason.clone()).unwrap();
    let third = fs::read(house.place.sealing_key()).unwrap();
    assert!(third != new && third != old);
    writer.close();
    // One that cannot be read keeps nobody from recording.
    fs::write(house.place.next_sealing_key(), "garbled").unwrap();
    let mut writer = house.open();
    receipts(writer.append(vec![house.seen(writer.ledger(), 2)]));
    assert!(writer.replace_sealing_key(reason).is_err());
    assert_eq!(fs::read(house.place.sealing_key()).unwrap(), third);
}

fn restrict(key: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The ledger goes on, and whoever keeps its checkpoint outside for the day that it is cut off hears that it is not kept.
#[test]
fn a_checkpoint_that_cannot_be_kept_outside_is_said_each_time() {
    let house = House::furnished();
    let mut writer = house.open();
    receipts(writer.append((4..9).map(|n| house.seen(writer.ledger(), n)).collect()));
    assert_eq!(writer.close(), Vec::<String>::new());
    let mut writer = house.open();
    // Neither a new file nor the old one in its place.
    std::fs::rename(&house.place.state, house.root.path().join("gone")).unwrap();
    for n in 9..12 {
        let receipts = receipts(writer.append(vec![house.seen(writer.ledger(), n)]));
        assert_eq!(receipts[0].sequence, n as u64);
        let said = writer.take_notices();
        let place = house.place.state.display().to_string();
        assert!(said[0].contains(&place), "{said:?}");
    }
    let left = writer.append(vec![house.seen(writer.ledger(), 12)]);
    assert_eq!(left.receipts.len(), 1);
    assert_eq!(writer.close().len(), 1);
}
