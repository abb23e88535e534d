//! What is done to the one who writes: old copies, other histories, a clock that lies, a disk that
//! lies, a second writer, and events that never arrive.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rotation_ledger::append::Writer;
use rotation_ledger::hash::Link;
use rotation_ledger::ledger::Blame;
use rotation_ledger::publication::Publication;
use rotation_ledger::publication::PublicationError;
use rotation_ledger::sys::disk::Disk as _;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use serde_json::json;

use crate::attacks::auditor::Scene;
use crate::attacks::auditor::head_of;
use crate::attacks::auditor::honest;
use crate::attacks::auditor::ledger;
use crate::attacks::auditor::told;
use crate::support::ledger::House;
use crate::support::ledger::WAIT;
use crate::support::ledger::copy;
use crate::support::ledger::receipts;
use crate::support::ledger::refusal;
use crate::support::signed_token::SignedAuthority;
use crate::support::signed_token::unsigned_answer;
use crate::support::sim_disk::Fault;
use crate::support::story::Story;
use crate::support::token::response;

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
    let words = ["verify", "--json", "--as-of", crate::support::ledger::NOW];
    told(&ledger(&house.place.dir, &house.place.state, &words))
}

/// What an append to it says.
fn appended(house: &House) -> String {
    match house.try_open() {
        Ok(_) => "recorded".to_owned(),
        Err(fault) => format!("append refused: {fault}"),
    }
}

/// What a publication says that would put an old state over a newer one.
pub(crate) fn published_back() -> String {
    let house = House::furnished();
    append(&house, 0..3);
    let backup = house.root.path().join("backup");
    copy(&house.place.dir, &backup);
    append(&house, 3..6);
    let to = house.root.path().join("copy").display().to_string();
    let publish = |dir| ledger(dir, &house.place.state, &["publish", "--json", "--to", &to]);
    assert!(publish(&house.place.dir).status.success());
    told(&publish(&backup))
}

/// What is seen of a published copy after somebody had their way with it.
pub(crate) fn copied(change: impl FnOnce(&Path)) -> String {
    let house = House::furnished();
    append(&house, 0..3);
    let copy = house.root.path().join("copy");
    let (dir, state) = (&house.place.dir, house.root.path().join("auditor"));
    let to = copy.display().to_string();
    let published = ledger(dir, &house.place.state, &["publish", "--json", "--to", &to]);
    assert!(published.status.success());
    change(&copy);
    told(&ledger(&copy, &state, &["verify", "--json"]))
}

/// What a publication says whose bundle is stored as other bytes.
fn rotten_copy() -> String {
    let (house, disk) = House::simulated();
    let to = house.root.path().join("copy");
    for operation in 1.. {
        let disk = disk.copy_synced();
        disk.fail_at(operation, Fault::Rot);
        let publication = Publication {
            world: &World {
                disk: Arc::new(disk.clone()),
                ..World::system()
            },
            ledger: &house.place.dir,
            to: &to,
            newest: false,
            attachments: false,
            wait: WAIT,
        };
        match publication.run() {
            Err(PublicationError::ReadBack(path)) if path.ends_with("000.p/4") => {
                let checkpoint = disk.read(&to.join("checkpoint"));
                assert!(checkpoint.is_err(), "no checkpoint was published over it");
                let path = path.strip_prefix(&to).unwrap().to_owned();
                let fault = PublicationError::ReadBack(path);
                return format!("publish refused: {fault}");
            }
            _ => assert!(operation < 100, "nothing rotted"),
        }
    }
    unreachable!()
}

fn long_ago() -> Timestamp {
    "2020-06-01T00:00:00Z".parse().unwrap()
}

fn poisonable() -> (Story, Vec<u8>) {
    let story = honest();
    let head = head_of(&story);
    (story, head)
}

/// What the door says to the answer that `forge` makes of a request, as of 2020.
fn at_the_door(forge: impl FnOnce(&[u8], Timestamp) -> Vec<u8>) -> String {
    let house = House::furnished();
    let (dir, state) = (&house.place.dir, &house.place.state);
    let path = |name: &str| house.root.path().join(name);
    let (request, answer) = (path("q.tsq"), path("q.tsr"));
    let run = |flag, file: &Path| {
        let file = file.display().to_string();
        ledger(dir, state, &["timestamp", flag, &file])
    };
    assert!(run("--request-out", &request).status.success());
    let forged = forge(&std::fs::read(&request).unwrap(), long_ago());
    std::fs::write(&answer, forged).unwrap();
    let output = run("--response-in", &answer);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(!dir.join("timestamps").exists());
    let said = String::from_utf8(output.stderr).unwrap();
    let whys = [
        "its signature does not hold",
        "it is over an entry that was recorded at",
    ];
    let why = whys.iter().find(|why| said.contains(**why)).unwrap();
    format!("timestamp refused: {why}; nothing was stored")
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
        "the host's clock a day ahead; the checkpoint was stamped; the auditor knows by whom", "anchoring: N-11 at 24 · exit 1", || {
            let mut story = honest();
            let token_time = story.now;
            story.wait_days(1);
            remark(&mut story);
            let (size, head) = (story.entries.len() as u64, head_of(&story));
            let authority = SignedAuthority::new();
            let token = authority.response(&head, token_time);
            Scene::of(&story, &head).stamped(size, &head, &token).believing(&authority).seen()
        };
        "the host's clock stood still for a day; an entry names a time token; the auditor knows by whom", "anchoring: N-12 at 24 · exit 1", || {
            let mut story = honest();
            let (size, head) = (story.entries.len() as u64, head_of(&story));
            let authority = SignedAuthority::new();
            let token = authority.response(&head, story.now.plus_days(1));
            story.name_token(&token);
            Scene::of(&story, &head_of(&story)).stamped(size, &head, &token).believing(&authority).seen()
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
    poisoned: 34, "have an honest ledger accused by a time token of 2020", "answer in the authority's place", {
        "a token that nobody signed, at the door", "timestamp refused: its signature does not hold; nothing was stored", || at_the_door(unsigned_answer);
        "a token by a key and a certificate of the attacker's own, at the door", "timestamp refused: it is over an entry that was recorded at; nothing was stored", || {
            at_the_door(|request, time| SignedAuthority::new().answer(request, time))
        };
        "one that nobody signed was stored all the same; the auditor has nothing", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 0", || {
            let (story, head) = poisonable();
            let token = response(&head, long_ago());
            Scene::of(&story, &head).stamped(story.entries.len() as u64, &head, &token).seen()
        };
        "one by the attacker's own authority was stored; the auditor has nothing", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself; who signed the time token · exit 0", || {
            let (story, head) = poisonable();
            let token = SignedAuthority::new().response(&head, long_ago());
            Scene::of(&story, &head).stamped(story.entries.len() as u64, &head, &token).seen()
        };
        "the same; the auditor knows the authority that was asked", "not checked: whether entries were cut off at the end; whether the holder of the sealing key rewrote everything; keys are known only from the ledger itself · exit 0", || {
            let (story, head) = poisonable();
            let token = SignedAuthority::new().response(&head, long_ago());
            let scene = Scene::of(&story, &head).stamped(story.entries.len() as u64, &head, &token);
            scene.believing(&SignedAuthority::new()).seen()
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
            let (house, disk) = House::simulated();
            let mut writer = Writer::open(&house.world, &house.place, WAIT).unwrap();
            let ledger = writer.ledger();
            let before = writer.checkpoint().to_owned();
            disk.fail_at(1, Fault::Rot);
            let fault = refusal(writer.append(vec![house.seen(ledger, 1)]));
            assert_eq!(writer.checkpoint(), before, "no checkpoint was signed over it");
            format!("append refused: {fault}; no checkpoint is signed")
        };
        "a publication", "publish refused: tile/entries/000.p/4 does not hold what was written to it; nothing was published", rotten_copy;
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
