//! Older bundles leave the folder: at no instant is an entry or a file in neither place, and the same once more ends it.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::folder::audit_of;
use crate::support::ledger::House;
use crate::support::ledger::WAIT;
use crate::support::ledger::receipts;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;
use rotation_ledger::append::{AppendError, ArchiveOrder, Archived, archive};
use rotation_ledger::rule::Verdict;
use rotation_ledger::sys::disk::Disk as _;
use rotation_ledger::text::Line;
use serde_json::json;

/// 530 entries, of which bundle 1 may go, with a file that it alone names.
fn grown() -> (House, SimDisk) {
    let (house, disk) = House::simulated();
    let mut writer = house.open();
    let ledger = writer.ledger();
    let file =
        json!({ "event": "evidence.attached", "secret": "db/orders", "description": "seen" });
    let mut batch: Vec<_> = (4..300).map(|n| house.seen(ledger, n)).collect();
    batch.push(house.sign_with(ledger, &house.operator, file, &[b"login ok"]));
    batch.extend((301..530).map(|n| house.seen(ledger, n)));
    receipts(writer.append(batch));
    writer.close();
    (house, disk)
}

fn archived(house: &House) -> Result<Archived, AppendError> {
    let order = ArchiveOrder {
        to: Line::new("/cold").unwrap(),
        before: "2100-01-01".parse().unwrap(),
        progress: &|_, _| {},
    };
    archive(&house.world, &house.place, WAIT, &house.owner, &order)
}

fn assert_whole(house: &House, all: &[Vec<u8>], what: &str) {
    assert!(house.stored().starts_with(all), "{what}");
    let report = audit_of(&house.world, &house.place.dir, house.world.clock.now()).run();
    let report = report.unwrap();
    let against = report
        .findings
        .iter()
        .filter(|one| one.rule.verdict == Verdict::Integrity);
    assert_eq!(
        against
            .map(|one| format!("{} {}", one.rule.id, one.found))
            .collect::<Vec<_>>(),
        Vec::<String>::new(),
        "{what}"
    );
    let line = report.line(Verdict::Integrity).unwrap();
    assert!(
        line.counts.iter().all(|count| count.good == count.total),
        "{what}: {:?}",
        line.counts
    );
}

#[test]
fn the_power_may_fail_at_any_time_while_bundles_leave() {
    let (mut house, disk) = grown();
    disk.make_folder(Path::new("/cold"));
    let all = house.stored();
    let before = disk.copy_synced();
    let on = |house: &mut House, disk: &SimDisk| {
        let _ = fs::remove_dir_all(house.path("index"));
        house.world.disk = Arc::new(disk.clone());
    };
    let whole = before.copy_synced();
    on(&mut house, &whole);
    archived(&house).unwrap();
    let operations = whole.operations();
    assert!(operations > 20, "only {operations}");
    for (turn, fault) in Fault::REPORTED.into_iter().enumerate() {
        for n in (1 + turn % 2..=operations).step_by(2) {
            let house = RefCell::new(&mut house);
            let (disk, what) = before.struck(n, fault, n + turn, |disk| {
                let house = &mut **house.borrow_mut();
                on(house, disk);
                archived(house).map(drop)
            });
            let house = house.into_inner();
            on(house, &disk);
            house.open().close();
            assert_whole(house, &all, &what);
            archived(house).unwrap_or_else(|fault| panic!("{what}: {fault}"));
            assert_whole(house, &all, &what);
            let left = disk.metadata(&house.path("tile/entries/001")).unwrap();
            assert!(left.is_none(), "{what}");
        }
    }
}
