//! A static copy of a ledger: made, brought up to date, cut off at every operation of the disk, and
//! verified like a ledger; and every way in which one can be wrong, by name.

use crate::support::story;

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::support::folder::Folder;
use crate::support::folder::audit_of;
use crate::support::sim_disk::Cut;
use crate::support::sim_disk::Fault;
use crate::support::sim_disk::SimDisk;
use crate::support::story::Story;
use crate::support::story::cosigned_by;
use crate::support::story::sealing_key;
use rotation_ledger::append::AppendError;
use rotation_ledger::append::Writer;
use rotation_ledger::audit::Audit;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::LeafHash;
use rotation_ledger::hash::Link;
use rotation_ledger::http::Client;
use rotation_ledger::ledger::Blame;
use rotation_ledger::ledger::LedgerError;
use rotation_ledger::ledger::LedgerPlace;
use rotation_ledger::ledger::OpenError;
use rotation_ledger::ledger::proofs::LedgerProofs;
use rotation_ledger::mirror::Mirror;
use rotation_ledger::publication::Publication;
use rotation_ledger::publication::PublicationError;
use rotation_ledger::publication::PublicationReport;
use rotation_ledger::rule::Verdict;
use rotation_ledger::store::blobs::blob_path;
use rotation_ledger::store::engine::FolderEngine;
use rotation_ledger::store::image::list_files;
use rotation_ledger::sys::disk::RealDisk;
use rotation_ledger::sys::world::World;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::Report;
use rotation_ledger::verify::VerdictStatus;
use serde_json::json;

fn story_of(size: usize) -> Story {
    let mut story = Story::new();
    story.grow(size);
    story
}

/// A folder for copies, and the instant that they are judged at.
struct Shelf {
    temp: tempfile::TempDir,
    as_of: Timestamp,
}

impl Shelf {
    fn new(story: &Story) -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
            as_of: story.now,
        }
    }

    /// With a copy of the story's ledger.
    fn published(story: &Story) -> Self {
        let shelf = Self::new(story);
        shelf.publish(story).unwrap();
        shelf
    }

    fn copy(&self) -> PathBuf {
        self.temp.path().join("copy")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.copy().join(name)
    }

    fn publish(&self, story: &Story) -> Result<PublicationReport, PublicationError> {
        self.publish_with(&Folder::of(story), |_| {})
    }

    fn publish_with(
        &self,
        ledger: &Folder,
        change: impl FnOnce(&mut Publication<'_>),
    ) -> Result<PublicationReport, PublicationError> {
        let mut publication = Publication {
            world: &World::system(),
            ledger: &ledger.path(""),
            to: &self.copy(),
            newest: false,
            attachments: false,
            wait: Duration::from_secs(1),
        };
        change(&mut publication);
        publication.run()
    }

    fn files(&self) -> BTreeSet<String> {
        list_files(&RealDisk, &self.copy())
            .unwrap()
            .into_iter()
            .map(|found| found.path.display().to_string())
            .collect()
    }

    /// Puts other bytes in a file's place.
    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(name)).unwrap();
        change(&mut bytes);
        fs::remove_file(self.path(name)).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn audit(&self, anchors: Vec<PathBuf>) -> Result<Report, LedgerError> {
        audit(&World::system(), &self.copy(), self.as_of, anchors)
    }

    fn verify(&self) -> Report {
        self.audit(Vec::new()).unwrap()
    }

    /// What is held against the copy: rule and entry.
    fn found(&self) -> Vec<(&'static str, Option<u64>)> {
        let findings = self.verify().findings;
        findings
            .iter()
            .map(|finding| (finding.rule.id, finding.sequence))
            .collect()
    }
}

/// Takes a file out of a copy.
fn remove(name: &'static str) -> impl Fn(&Shelf) {
    move |shelf| fs::remove_file(shelf.path(name)).unwrap()
}

fn audit(
    world: &World,
    dir: &Path,
    as_of: Timestamp,
    anchors: Vec<PathBuf>,
) -> Result<Report, LedgerError> {
    let audit = Audit {
        anchors,
        ..audit_of(world, dir, as_of)
    };
    audit.run()
}

#[test]
fn a_copy_has_what_tlog_tiles_says_and_verifies_like_a_ledger() {
    let story = story_of(600);
    let shelf = Shelf::new(&story);
    let published = shelf.publish(&story).unwrap();
    assert_eq!((published.checkpoint.size, published.before), (600, None));
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ];
    assert_eq!(shelf.files(), expected.map(str::to_owned).into());
    assert_eq!(published.written, 8);

    // What is sealed is there byte for byte, and the checkpoint as it stands.
    let ledger = Folder::of(&story);
    for name in ["checkpoint", "tile/0/001", "tile/entries/001"] {
        let (there, here) = (fs::read(ledger.path(name)), fs::read(shelf.path(name)));
        assert_eq!(there.unwrap(), here.unwrap(), "{name}");
    }
    let edge = fs::read(shelf.path("tile/0/002.p/88")).unwrap();
    let leaves: Vec<u8> = story.entries[512..]
        .iter()
        .flat_map(|bytes| *LeafHash::of(bytes).as_bytes())
        .collect();
    assert_eq!(edge, leaves);

    let (here, there) = (shelf.verify(), ledger.verify());
    assert_eq!(here.findings, []);
    assert_eq!(
        (here.size, here.root, here.head),
        (there.size, there.root, there.head)
    );
    assert!(here.register().is_some());
    // Four full tiles less one level, and the two of the edge.
    let tiles = here.verdicts[0]
        .counts
        .iter()
        .find(|count| count.what == "tiles");
    assert_eq!(tiles.map(|count| (count.good, count.total)), Some((4, 4)));
    assert!(
        here.notes.iter().all(|note| !note.contains("index")),
        "{:?}",
        here.notes
    );
}

#[test]
fn proofs_can_be_made_from_a_copy() {
    let story = story_of(600);
    let shelf = Shelf::new(&story);
    shelf.publish(&story).unwrap();
    let proofs = LedgerProofs::open(&World::system(), &shelf.copy(), Duration::ZERO).unwrap();
    for sequence in [0, 300, 511, 512, 599] {
        let (proof, stated) = proofs.receipt(sequence).unwrap();
        assert_eq!((proof.index(), stated.size), (sequence, 600));
    }
    proofs.consistency(100, 600).unwrap();
}

#[test]
fn a_copy_grows_with_the_ledger_and_never_takes_anything_back() {
    let mut story = story_of(30);
    let shelf = Shelf::new(&story);
    let mut before = None;
    for size in [30, 31, 255, 256, 257, 511, 512, 700] {
        story.grow(size);
        let published = shelf.publish(&story).unwrap();
        assert_eq!(
            (published.checkpoint.size, published.before),
            (size as u64, before)
        );
        let again = shelf.publish(&story).unwrap();
        assert_eq!((again.written, again.before), (0, Some(size as u64)));
        let report = audit(&World::system(), &shelf.copy(), story.now, Vec::new()).unwrap();
        assert_eq!(report.findings, [], "{size}");
        assert_eq!(report.size, size as u64);
        before = Some(size as u64);
    }
    // Of right edges, the one that is stated and none besides: the last publication said nothing new.
    let edges: Vec<_> = shelf
        .files()
        .into_iter()
        .filter(|path| path.contains(".p/"))
        .collect();
    assert_eq!(
        edges,
        [
            "tile/0/002.p/188",
            "tile/1/000.p/2",
            "tile/entries/002.p/188"
        ]
    );
}

/// Whoever read the checkpoint a moment ago still finds its right edge.
#[test]
fn the_edge_of_the_checkpoint_before_stays_for_one_more_publication() {
    let mut story = story_of(40);
    let shelf = Shelf::new(&story);
    for (size, gone, kept) in [(40, 0, 0), (50, 0, 40), (60, 40, 50)] {
        story.grow(size);
        shelf.publish(&story).unwrap();
        let there = |width: usize| shelf.path(&format!("tile/entries/000.p/{width}")).exists();
        assert!(!there(gone) && there(size), "{size}");
        assert!(kept == 0 || there(kept), "{size}");
    }
    let report = audit(&World::system(), &shelf.copy(), story.now, Vec::new()).unwrap();
    assert_eq!(report.findings, []);
}

/// Read as any client of such logs does: what filled up since is read out of the whole file, what is ahead of the
/// checkpoint or beside it is nobody's business, and what is missing tells nothing against the rest.
#[test]
fn a_copy_is_read_as_clients_of_such_logs_do() {
    let story = story_of(600);
    let fresh = || Shelf::published(&story);
    let state = |size: u64| {
        let mut then = story.clone();
        then.grow(700);
        let note = match size {
            u64::MAX => endless(&story),
            size => then.checkpoint_of(size as usize, &sealing_key()),
        };
        move |shelf: &Shelf| shelf.change("checkpoint", |bytes| *bytes = note)
    };
    let passed = |damage: &dyn Fn(&Shelf), note: &str, size: u64| {
        let shelf = fresh();
        damage(&shelf);
        let report = shelf.verify();
        assert_eq!(report.findings, [], "{note}");
        assert_eq!(report.size, size);
        assert!(
            report.notes.iter().any(|one| one.contains(note)),
            "{note}: {:?}",
            report.notes
        );
        assert_eq!(
            report.conclusion(false, &Verdict::ALL),
            Conclusion::Passed,
            "{note}"
        );
    };
    let write =
        |name: &'static str| move |shelf: &Shelf| fs::write(shelf.path(name), "mine").unwrap();
    passed(
        &|shelf| state(300)(shelf),
        "files that the checkpoint does not speak of",
        300,
    );
    passed(
        &write("notes.txt"),
        "1 files that the checkpoint does not speak of, as notes.txt",
        600,
    );
    passed(
        &write("tile/index"),
        "1 files that the checkpoint does not speak of",
        600,
    );
    passed(
        &write("tile/0/003"),
        "1 files that the checkpoint does not speak of, as tile/0/003",
        600,
    );
    let untold = |damage: &dyn Fn(&Shelf), what: &str| {
        let shelf = fresh();
        damage(&shelf);
        let report = shelf.verify();
        assert_eq!(report.findings, [], "{what}");
        let said = report.not_checked.join("\n");
        assert!(said.contains(what), "{what}: {said}");
        assert_eq!(
            report.line(Verdict::Integrity).unwrap().status,
            VerdictStatus::Pass
        );
        assert_eq!(
            report.line(Verdict::Conformance).unwrap().status,
            VerdictStatus::NotChecked
        );
        assert_eq!(
            report.conclusion(false, &[]),
            Conclusion::NotVerified,
            "{what}"
        );
    };
    untold(
        &remove("tile/entries/001"),
        "entries 256 to 511: tile/entries/001 is missing",
    );
    untold(
        &remove("tile/entries/002.p/88"),
        "entries 512 to 599: tile/entries/002.p/88 is missing",
    );
    untold(
        &|shelf| state(700)(shelf),
        "entries 512 to 699: tile/entries/002.p/188 is missing",
    );
    untold(
        &|shelf| state(u64::MAX)(shelf),
        "entries 512 to 18446744073709551614",
    );
    for tile in ["tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"] {
        let shelf = fresh();
        remove(tile)(&shelf);
        let report = shelf.verify();
        assert_eq!(report.findings, [], "{tile}");
        let said = format!("1 tiles that are not in this copy, as {tile}");
        assert!(
            report.not_checked.iter().any(|one| one.starts_with(&said)),
            "{tile}"
        );
        assert_eq!(report.conclusion(false, &[]), Conclusion::Passed, "{tile}");
        assert_eq!(
            report.conclusion(true, &[]),
            Conclusion::NotVerified,
            "{tile}"
        );
    }
}

/// Any web server: the files of a folder over HTTP, each request by itself.
fn serve(folder: PathBuf, socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut request = String::new();
            stream.read_line(&mut request).unwrap();
            while stream.by_ref().lines().next().unwrap().unwrap() != "" {}
            let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
            let (status, body) = match fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let mut stream = stream.into_inner();
            stream
                .write_all(&[head.as_bytes(), &body].concat())
                .unwrap();
        }
    });
}

/// The log grew between the checkpoint and its tiles, so that those of the edge are served whole alone.
#[test]
fn a_copy_is_fetched_though_its_edge_filled_up_meanwhile() {
    let mut story = story_of(600);
    let older = story.checkpoint_of(600, &sealing_key());
    let shelf = Shelf::new(&story);
    story.grow(800);
    shelf.publish(&story).unwrap();
    shelf.change("checkpoint", |bytes| *bytes = older);
    for edge in ["tile/0/002.p/88", "tile/entries/002.p/88", "tile/1/000.p/2"] {
        assert!(!shelf.path(edge).exists());
    }
    let above = fs::read(shelf.path("tile/1/000.p/3")).unwrap();
    fs::write(shelf.path("tile/1/000"), above).unwrap();
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("web");
    serve(shelf.copy(), &socket);
    let client = Client::of_socket(&socket, Duration::from_secs(20));
    let to = place.path().join("copy");
    let mirror = Mirror {
        client: &client,
        to: &FolderEngine::at(&World::system(), &to),
        attachments: true,
        progress: &|_, _| {},
    };
    for _ in 0..2 {
        assert_eq!(mirror.bring_up().unwrap().size, 600);
        let report = audit(&World::system(), &to, story.now, Vec::new()).unwrap();
        assert_eq!((report.findings.len(), report.size), (0, 600));
        assert_eq!(report.conclusion(false, &[]), Conclusion::Passed);
        assert!(
            !report
                .notes
                .iter()
                .any(|note| note.contains("does not speak of"))
        );
    }
    assert_eq!(
        rotation_ledger::mirror::stored(&client, 599).unwrap(),
        story.entries[599]
    );
}

/// A checkpoint that states more entries than any log has.
fn endless(story: &Story) -> Vec<u8> {
    let stated = rotation_ledger::checkpoint::Checkpoint {
        origin: story::ORIGIN.to_owned(),
        size: u64::MAX,
        root: crate::support::merkle::root_of(&story.leaves()),
    };
    rotation_ledger::checkpoint::sign(&stated, &sealing_key()).into_bytes()
}

#[test]
fn damage_to_a_copy_has_its_name() {
    let story = story_of(600);
    let fresh = || Shelf::published(&story);
    let flip = |name: &'static str| move |shelf: &Shelf| shelf.change(name, |bytes| bytes[40] ^= 1);
    let case = |damage: &dyn Fn(&Shelf), expected: &[(&str, Option<u64>)], what: &str| {
        let shelf = fresh();
        damage(&shelf);
        let found = shelf.found();
        for one in expected {
            assert!(found.contains(one), "{what}: {one:?} in {found:?}");
        }
        assert_eq!(
            shelf.verify().conclusion(false, &[]),
            Conclusion::Broken,
            "{what}"
        );
    };
    case(&flip("tile/0/000"), &[("I-13", Some(0))], "a tile changed");
    case(
        &flip("tile/0/002.p/88"),
        &[("I-13", Some(512))],
        "a partial tile changed",
    );
    case(
        &flip("tile/1/000.p/2"),
        &[("I-13", Some(512))],
        "a partial tile above",
    );
    case(
        &flip("tile/entries/001"),
        &[("I-05", None)],
        "a bundle changed",
    );
    let cut = |shelf: &Shelf| {
        shelf.change("tile/entries/002.p/88", |bytes| {
            bytes.truncate(bytes.len() - 3)
        })
    };
    case(&cut, &[("I-17", Some(512))], "the edge cut short");
    let drop = |shelf: &Shelf| {
        shelf.change("tile/entries/002.p/88", |bytes| {
            let first = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            bytes.drain(..first + 2);
        });
    };
    case(&drop, &[("I-17", Some(512))], "an entry dropped");
    case(&remove("checkpoint"), &[("I-05", None)], "no checkpoint");
    let forged = |shelf: &Shelf| {
        let note = story.checkpoint_of(600, &story::key_of("mallory"));
        shelf.change("checkpoint", |bytes| *bytes = note);
    };
    case(&forged, &[("I-05", None)], "somebody else's checkpoint");
}

#[test]
fn a_rewritten_copy_is_beside_a_kept_checkpoint() {
    let story = story_of(300);
    let shelf = Shelf::new(&story);
    let kept = shelf.temp.path().join("kept");
    fs::write(&kept, story.checkpoint_of(300, &sealing_key())).unwrap();
    let mut other = story_of(290);
    other.grow(299);
    other.say(
        "sue",
        "entry.annotated",
        json!({ "entry": 0, "link": Link::of(&other.entries[0]), "note": "another" }),
    );
    shelf.publish(&other).unwrap();
    let report = shelf.audit(vec![kept]).unwrap();
    let ids: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    assert!(ids.contains(&"N-02"), "{ids:?}");
}

/// What cannot be read accuses nobody else, and is not called good.
#[test]
fn without_entry_0_no_kept_checkpoint_is_accused() {
    let story = story_of(60);
    let shelf = Shelf::new(&story);
    shelf.publish(&story).unwrap();
    shelf.change("tile/entries/000.p/60", |bytes| bytes.truncate(1_000));
    let against = |size: usize| {
        let kept = shelf.temp.path().join("kept");
        fs::write(&kept, story_of(70).checkpoint_of(size, &sealing_key())).unwrap();
        let report = shelf.audit(vec![kept]).unwrap();
        assert_eq!(report.conclusion(false, &[]), Conclusion::Broken);
        let status = |verdict| report.line(verdict).unwrap().status;
        assert_eq!(status(Verdict::Authority), VerdictStatus::NotChecked);
        let anchoring = report
            .findings
            .iter()
            .filter(|finding| finding.rule.verdict == Verdict::Anchoring);
        let rules: Vec<_> = anchoring.map(|finding| finding.rule.id).collect();
        (status(Verdict::Anchoring), rules)
    };
    assert_eq!(against(40), (VerdictStatus::NotChecked, vec![]));
    assert_eq!(against(70), (VerdictStatus::Fail, vec!["N-01"]));
}

/// Nothing but a publication writes to it.
#[test]
fn nothing_is_appended_to_a_copy() {
    let story = story_of(10);
    let shelf = Shelf::new(&story);
    shelf.publish(&story).unwrap();
    let before = shelf.files();
    let place = LedgerPlace::new(shelf.copy(), shelf.temp.path().join("state"));
    let fault = Writer::open(&World::system(), &place, Duration::ZERO).unwrap_err();
    assert!(
        matches!(fault, AppendError::Open(OpenError::Copy(_))),
        "{fault}"
    );
    assert_eq!(fault.blame(), Blame::Usage);
    assert_eq!(shelf.files(), before);
}

/// It must never pass for a copy, however much of it is left.
#[test]
fn a_ledger_that_lost_its_tail_is_no_copy() {
    let story = story_of(512);
    for marker in [
        "ledger.toml",
        "lock",
        "index.warm",
        "cosigned",
        "creating",
        "index/db",
    ] {
        let ledger = Folder::of(&story);
        fs::remove_file(ledger.path("tail")).unwrap();
        fs::create_dir_all(ledger.path("index")).unwrap();
        fs::remove_dir(ledger.path("index")).unwrap();
        fs::create_dir_all(ledger.path(marker).parent().unwrap()).unwrap();
        fs::write(ledger.path(marker), "").unwrap();
        let fault = audit(&World::system(), &ledger.path(""), story.now, Vec::new()).unwrap_err();
        assert!(
            matches!(fault, LedgerError::Open(OpenError::LostLog(_))),
            "{marker}: {fault}"
        );
    }
    // And a checkpoint without any entry is a log that was lost.
    let shelf = Shelf::new(&story);
    shelf.publish(&story).unwrap();
    fs::remove_dir_all(shelf.path("tile")).unwrap();
    assert!(matches!(
        shelf.audit(Vec::new()),
        Err(LedgerError::Open(OpenError::LostLog(_)))
    ));
}

#[test]
fn what_is_behind_or_beside_the_published_copy_is_refused() {
    let story = story_of(300);
    let shelf = Shelf::new(&story);
    shelf.publish(&story).unwrap();
    let before = shelf.files();

    let mut behind = story.clone();
    behind.entries.truncate(290);
    let fault = shelf.publish(&behind).unwrap_err();
    let expected = PublicationError::Behind {
        path: shelf.copy(),
        published: 300,
        found: 290,
    };
    assert_eq!(fault.to_string(), expected.to_string());

    let mut beside = story_of(290);
    beside.say(
        "sue",
        "entry.annotated",
        json!({ "entry": 0, "link": Link::of(&beside.entries[0]), "note": "another" }),
    );
    beside.grow(320);
    let fault = shelf.publish(&beside).unwrap_err();
    assert!(
        matches!(fault, PublicationError::Beside { size: 300, .. }),
        "{fault}"
    );

    let mut other = Story::empty();
    let sue = story::key_of("sue");
    other.say("sue", "ledger.created", json!({
        "origin": "other.example", "sealing_key": sealing_key().public(), "actor": "sue", "name": "Sue",
        "key": sue.public(), "possession": sue.prove_possession(),
    }));
    let fault = shelf.publish(&other).unwrap_err();
    assert!(
        matches!(
            fault,
            PublicationError::Unusable { .. } | PublicationError::OtherLedger { .. }
        ),
        "{fault}"
    );

    shelf.change("checkpoint", |bytes| *bytes = b"not a note".to_vec());
    let fault = shelf.publish(&story).unwrap_err();
    assert!(
        matches!(fault, PublicationError::OtherLedger { .. }),
        "{fault}"
    );
    assert_eq!(shelf.files(), before);
}

#[test]
fn a_ledger_that_contradicts_its_checkpoint_is_not_published() {
    let story = story_of(300);
    let ledger = Folder::of(&story);
    let mut rewritten = story.clone();
    rewritten.tamper(299, |entry| entry.recorded = Timestamp::YEAR_2000);
    let other = rewritten.checkpoint_of(300, &sealing_key());
    ledger.change("checkpoint", |bytes| *bytes = other);
    let shelf = Shelf::new(&story);
    let fault = shelf.publish_with(&ledger, |_| {}).unwrap_err();
    assert!(
        matches!(fault, PublicationError::Contradicted { .. }),
        "{fault}"
    );
    assert!(!shelf.copy().exists(), "nothing was written");

    let unsigned = story.checkpoint_of(300, &story::key_of("mallory"));
    ledger.change("checkpoint", |bytes| *bytes = unsigned);
    let fault = shelf.publish_with(&ledger, |_| {}).unwrap_err();
    assert!(
        matches!(fault, PublicationError::Unusable { .. }),
        "{fault}"
    );
}

#[test]
fn a_file_with_other_content_is_named_and_left_alone() {
    let mut story = story_of(300);
    let shelf = Shelf::new(&story);
    shelf.publish(&story).unwrap();
    story.grow(310);
    for name in ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"] {
        shelf.change(name, |bytes| bytes[9] ^= 1);
        let bad = fs::read(shelf.path(name)).unwrap();
        let fault = shelf.publish(&story).unwrap_err();
        assert!(
            matches!(&fault, PublicationError::Differs(path) if *path == shelf.path(name)),
            "{fault}"
        );
        assert_eq!(fs::read(shelf.path(name)).unwrap(), bad);
        shelf.change(name, |bytes| bytes[9] ^= 1);
    }
    assert_eq!(shelf.publish(&story).unwrap().checkpoint.size, 310);
}

#[test]
fn a_folder_of_something_else_is_no_place_for_a_copy() {
    let story = story_of(30);
    let shelf = Shelf::new(&story);
    fs::create_dir(shelf.copy()).unwrap();
    fs::write(shelf.path("thesis.txt"), "").unwrap();
    let fault = shelf.publish(&story).unwrap_err();
    assert!(matches!(fault, PublicationError::NoCopy { .. }), "{fault}");
    fs::remove_file(shelf.path("thesis.txt")).unwrap();
    shelf.publish(&story).unwrap();
    // What a web server wants beside it is its own business.
    fs::write(shelf.path("robots.txt"), "").unwrap();
    shelf.publish(&story).unwrap();
    let ledger = Folder::of(&story);
    let fault = shelf
        .publish_with(&ledger, |publication| {
            publication.to = Path::new(publication.ledger)
        })
        .unwrap_err();
    assert!(matches!(fault, PublicationError::NoCopy { .. }), "{fault}");
}

#[test]
fn the_newest_cosigned_checkpoint_is_what_the_copy_states() {
    let mut story = story_of(40);
    let at = story.now;
    let cosigned = cosigned_by("w1", &story.checkpoint_of(40, &sealing_key()), at);
    story.grow(60);
    let ledger = Folder::of(&story);
    fs::write(ledger.path("cosigned"), &cosigned).unwrap();
    let shelf = Shelf::new(&story);
    let published = shelf.publish_with(&ledger, |_| {}).unwrap();
    assert_eq!((published.checkpoint.size, published.ledger), (40, 60));
    assert_eq!(fs::read(shelf.path("checkpoint")).unwrap(), cosigned);
    assert_eq!(shelf.found(), []);

    // The newest one on demand; and then the copy does not go back to what the witnesses know.
    let published = shelf
        .publish_with(&ledger, |publication| publication.newest = true)
        .unwrap();
    assert_eq!(
        (published.checkpoint.size, published.before),
        (60, Some(40))
    );
    let published = shelf.publish_with(&ledger, |_| {}).unwrap();
    assert_eq!(
        (published.checkpoint.size, published.before),
        (60, Some(60))
    );

    // Cosignatures that come later are added, and stay.
    let later = cosigned_by("w1", &story.checkpoint_of(60, &sealing_key()), at);
    fs::write(ledger.path("cosigned"), &later).unwrap();
    assert_eq!(shelf.publish_with(&ledger, |_| {}).unwrap().written, 1);
    assert_eq!(fs::read(shelf.path("checkpoint")).unwrap(), later);
    shelf
        .publish_with(&ledger, |publication| publication.newest = true)
        .unwrap();
    assert_eq!(fs::read(shelf.path("checkpoint")).unwrap(), later);

    fs::write(ledger.path("cosigned"), "half of a no").unwrap();
    let fault = shelf.publish_with(&ledger, |_| {}).unwrap_err();
    assert!(
        matches!(
            fault,
            PublicationError::Unusable {
                name: "cosigned",
                ..
            }
        ),
        "{fault}"
    );
}

#[test]
fn attachments_are_published_only_when_asked_for() {
    const OUTPUT: &[u8] = b"login passed\n";
    let mut story = Story::new();
    let at = story.attach_login(OUTPUT);
    let ledger = Folder::of(&story);
    let digest = ledger.attach(OUTPUT);
    let shelf = Shelf::new(&story);
    shelf.publish_with(&ledger, |_| {}).unwrap();
    let report = shelf.verify();
    assert_eq!(report.findings, []);
    let told = "attachments: not in this copy (1 named by its entries)".to_owned();
    assert!(
        report.not_checked.contains(&told),
        "{:?}",
        report.not_checked
    );

    shelf
        .publish_with(&ledger, |publication| publication.attachments = true)
        .unwrap();
    let report = shelf.verify();
    assert_eq!(report.findings, []);
    assert!(!report.not_checked.contains(&told));
    shelf.change(&blob_path(&digest), |bytes| bytes[0] ^= 1);
    assert_eq!(shelf.found(), [("I-09", Some(at))]);
    shelf.change(&blob_path(&digest), |bytes| bytes[0] ^= 1);

    // It goes on by itself, and so does the removal of what was expunged.
    story.say(
        "sam",
        "evidence.expunged",
        json!({
            "attachment": Blake3Digest::of(OUTPUT), "reason": "privacy", "note": "named a customer",
        }),
    );
    let published = shelf.publish(&story).unwrap();
    assert_eq!(published.removed, 1);
    assert!(!shelf.path(&blob_path(&digest)).exists());
    let report = audit(&World::system(), &shelf.copy(), story.now, Vec::new()).unwrap();
    assert_eq!(report.findings, []);
}

/// Whatever fails and whenever the power goes: the copy verifies as of before or after, nothing is
/// accused, and the next publication finishes it.
#[test]
fn a_publication_can_be_cut_off_at_any_operation() {
    let mut story = story_of(250);
    let shelf = Shelf::new(&story);
    shelf.publish(&story).unwrap();
    story.grow(258);
    let ledger = Folder::of(&story);
    let before = SimDisk::holding(&[(&ledger.path(""), "/ledger"), (&shelf.copy(), "/copy")]);
    let world = |disk: &SimDisk| World {
        disk: Arc::new(disk.clone()),
        ..World::system()
    };
    let publish = |disk: &SimDisk| {
        let publication = Publication {
            world: &world(disk),
            ledger: Path::new("/ledger"),
            to: Path::new("/copy"),
            newest: false,
            attachments: false,
            wait: Duration::ZERO,
        };
        publication.run()
    };
    let verify =
        |disk: &SimDisk| audit(&world(disk), Path::new("/copy"), story.now, Vec::new()).unwrap();
    let whole = before.copy_synced();
    publish(&whole).unwrap();
    let operations = whole.operations();
    assert!(operations > 20, "{operations}");
    let faults = [
        Fault::Before,
        Fault::After,
        Fault::Half,
        Fault::Dead,
        Fault::DeadAfter,
        Fault::Rot,
    ];
    let mut sizes = BTreeSet::new();
    for n in 1..=operations {
        let cuts = [
            None,
            Some(Cut::DropAll),
            Some(Cut::NamesWithoutData),
            Some(Cut::SomeSectors(n as u64)),
            Some(Cut::NamesAndSomeSectors(n as u64)),
        ];
        // Half of the faults at each operation, the others at the next.
        for (fault, shift) in faults.into_iter().zip(0..).skip(n % 2).step_by(2) {
            let disk = before.copy_synced();
            disk.fail_at(n, fault);
            let outcome = publish(&disk);
            disk.heal();
            // Each fault meets each cut, at one operation or another.
            let cut = cuts[(n + shift) % cuts.len()];
            if let Some(cut) = cut {
                disk.power_cut(cut);
            }
            let what = format!("{fault:?} at {n}, {cut:?}, {outcome:?}");
            let report = verify(&disk);
            assert_eq!(report.findings, [], "{what}");
            sizes.insert(report.size);
            publish(&disk).unwrap_or_else(|fault| panic!("{what}: {fault}"));
            let report = verify(&disk);
            assert_eq!((report.size, report.findings), (258, Vec::new()), "{what}");
        }
    }
    assert_eq!(sizes, [250, 258].into());
}
