//! What is done to the one who writes: old copies, other histories, a clock that lies, a disk that
//! lies, a second writer, and events that never arrive.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rotation_ledger::append::Blame;
use rotation_ledger::append::Writer;
use rotation_ledger::hash::Link;
use serde_json::json;

use crate::auditor::Scene;
use crate::auditor::head_of;
use crate::auditor::honest;
use crate::auditor::ledger;
use crate::auditor::told;
use crate::ledger::House;
use crate::ledger::WAIT;
use crate::ledger::copy;
use crate::ledger::receipts;
use crate::ledger::refusal;
use crate::sim_disk::Fault;
use crate::sim_disk::SimDisk;
use crate::story::Story;

fn append(house: &House, range: std::ops::Range<usize>) {
    let mut writer = house.open();
    let ledger = writer.ledger();
    let batch = range.map(|n| house.seen(ledger, n)).collect();
    receipts(writer.append(batch));
    writer.close();
}

/// A ledger whose folder was put back to what it was three entries ago, and written on if `more`.
fn rolled_back(more: bool) -> House {
    let house = House::furnished();
    append(&house, 0..3);
    let backup = house.root.path().join("backup");
    copy(&house.place.dir, &backup);
    append(&house, 3..6);
    fs::remove_dir_all(&house.place.dir).unwrap();
    copy(&backup, &house.place.dir);
    if more {
        let head = fs::read(house.place.head()).unwrap();
        fs::copy(house.path("checkpoint"), house.place.head()).unwrap();
        append(&house, 10..13);
        fs::write(house.place.head(), head).unwrap();
    }
    house
}

/// What `ledger verify` says of it.
fn verified(house: &House) -> String {
    let words = ["verify", "--json", "--as-of", crate::ledger::NOW];
    told(&ledger(&house.place.dir, &house.place.state, &words))
}

/// What an append to it says.
fn appended(house: &House) -> String {
    match house.try_open() {
        Ok(_) => "recorded".to_owned(),
        Err(fault) => format!("append refused: {fault}"),
    }
}

fn remark(story: &mut Story) -> u64 {
    let link = Link::of(&story.entries[0]);
    story.say(
        "ada",
        "entry.annotated",
        json!({ "entry": 0, "link": link, "note": "seen" }),
    )
}

attacks! {
    roll_back: 9, "put back an old copy, and go on", "edit files", {
        "the host kept its checkpoint outside; an append", "append refused: the ledger has 7 entries, but the checkpoint kept outside it states 10: entries were cut off, or a backup was restored", || appended(&rolled_back(false));
        "the same; the auditor", "anchoring: N-01 · exit 1", || verified(&rolled_back(false));
        "written on from there; an append", "append refused: the first 10 entries of the ledger are not those that the checkpoint kept outside it states: history was rewritten or forked", || appended(&rolled_back(true));
        "written on from there; the auditor", "anchoring: N-02, N-06 · exit 1", || verified(&rolled_back(true));
    }
    clock: 17, "turn the clock back, or let it stand", "set the clock", {
        "an entry recorded before the one before it", "integrity: I-18 at 24 · exit 1", || {
            let mut story = honest();
            story.wait(-60);
            remark(&mut story);
            story.wait(120);
            Scene::of(&story, &head_of(&story)).seen()
        };
        "the clock of a running ledger; an append", "recorded 2026-11-23T09:00:00Z, as the entry before: time never goes backwards", || {
            let house = House::furnished();
            house.clock.set("2026-11-23T08:00:00Z");
            let mut writer = house.open();
            let ledger = writer.ledger();
            let receipt = receipts(writer.append(vec![house.seen(ledger, 1)])).remove(0);
            format!("recorded {}, as the entry before: time never goes backwards", receipt.recorded)
        };
    }
    unsaid: 24, "let an event happen and lose its record", "stop the tool", {
        "the rotation was opened and nothing followed", "coverage: C-06 at 12 · exit 3", || {
            let mut story = Story::new();
            let script = story.standard("r-1", "db/orders").until("rotation.opened");
            story.play(script);
            story.wait_days(20);
            Scene::of(&story, &head_of(&story)).seen()
        };
    }
    disk: 23, "let the disk store another byte than was written", "own the disk", {
        "an append", "append refused: whether it was recorded is unknown: entry 4 in the tail is not what was written; no checkpoint is signed", || {
            let (house, disk) = simulated();
            let mut writer = Writer::open(&house.world, &house.place, WAIT).unwrap();
            let ledger = writer.ledger();
            let before = writer.checkpoint().to_owned();
            disk.fail_at(1, Fault::Rot);
            let fault = refusal(writer.append(vec![house.seen(ledger, 1)]));
            assert_eq!(writer.checkpoint(), before, "no checkpoint was signed over it");
            format!("append refused: {fault}; no checkpoint is signed")
        };
    }
    two_writers: 26, "write from two places at once", "start a second writer", {
        "while the first one writes", "append refused: the lock is held by another process, which is named", || {
            let house = House::furnished();
            let _first = house.open();
            let second = Writer::open(&house.world, &house.place, Duration::ZERO);
            let fault = second.unwrap_err();
            assert_eq!(fault.blame(), Blame::Temporary);
            assert!(fault.to_string().contains("lock is held by pid "));
            "append refused: the lock is held by another process, which is named".to_owned()
        };
    }
}

/// A ledger on a simulated disk.
fn simulated() -> (House, SimDisk) {
    let mut house = House::empty();
    let disk = SimDisk::new();
    for folder in [&house.place.dir, &house.place.state] {
        fs::create_dir_all(folder).unwrap();
        disk.make_folder(folder);
    }
    house.world.disk = Arc::new(disk.clone());
    house.create().unwrap();
    let mut writer = house.open();
    house.furnish(&mut writer);
    writer.close();
    (house, disk)
}
