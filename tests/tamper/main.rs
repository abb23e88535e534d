//! Somebody with an editor and no key: every byte flipped, every file cut at every length, every
//! entry moved, doubled or dropped, every file removed. `verify` fails each time and names what is
//! wrong where.
//!
//! Of the long files some bytes are taken, drawn by a seed; `LEDGER_TEST_FLIPS=all` takes every single one
//! (`support/sample.rs`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod damage;

use crate::support::folder::audit_of;
use crate::support::generate;
use crate::support::sample::some;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rotation_ledger::append;
use rotation_ledger::append::NewLedger;
use rotation_ledger::audit::Audit;
use rotation_ledger::event::EvidenceAttached;
use rotation_ledger::event::SourceObserved;
use rotation_ledger::hash::Blake3Digest;
use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::note::Origin;
use rotation_ledger::store::blobs::blob_path;
use rotation_ledger::store::bundle;
use rotation_ledger::store::image::TailContents;
use rotation_ledger::store::log::Log;
use rotation_ledger::sys::disk::RealDisk;
use rotation_ledger::time::Timestamp;
use rotation_ledger::verify::Conclusion;
use rotation_ledger::verify::Report;

const ATTACHED: &[u8] = b"connect as v41: authentication rejected\n";

/// A ledger with `more` observations after its founding, one attachment, and its checkpoint kept
/// outside.
struct Ledger {
    folder: tempfile::TempDir,
    size: u64,
}

impl Ledger {
    fn with(more: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = generate::world();
        let (_, mut writer) = generate::found(&world, folder.path(), 1);
        let cast = generate::cast();
        let ledger = writer.ledger();
        let mut submission = attached(&world, ledger);
        submission.files = vec![ATTACHED.to_vec()];
        let mut batch = vec![submission];
        for n in 0..more {
            let observed = SourceObserved {
                source: generate::line("vault"),
                record: generate::reference(&format!("r-{n}")),
                record_sha256: Sha256Digest::of(b"record"),
                observed: generate::line("read"),
                secret: Some(generate::secret_id(0)),
                rotation: None,
                version: None,
            };
            batch.push(generate::signed(&world, ledger, &cast.olga, observed));
        }
        generate::submit(&mut writer, batch);
        let size = writer.size();
        writer.close();
        Self { folder, size }
    }

    /// Entry 0 alone.
    fn created() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cast = generate::cast();
        let founding = NewLedger {
            origin: Origin::new("ledger.example/test").unwrap(),
            actor: generate::id("sam"),
            name: generate::line("Sam Security"),
            key: &cast.sam,
        };
        let place = generate::place(folder.path());
        append::create(&generate::world(), &place, &founding).unwrap();
        Self { folder, size: 1 }
    }

    /// Without its index, which is no evidence, and costs more to open than all the rest.
    fn bare(more: u64) -> Self {
        let ledger = Self::with(more);
        fs::remove_dir_all(ledger.path("index")).unwrap();
        fs::remove_file(ledger.path("index.warm")).unwrap();
        ledger
    }

    /// The same ledger in another folder.
    fn copied(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), folder.path());
        Self {
            folder,
            size: self.size,
        }
    }

    /// Calls `check` for each place, on all cores, each with a copy of the ledger.
    fn at_each(
        &self,
        places: impl IntoIterator<Item = usize>,
        check: impl Fn(&Self, usize) + Sync,
    ) {
        let places: Vec<usize> = places.into_iter().collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    let ledger = self.copied();
                    while let Some(at) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                        check(&ledger, *at);
                    }
                });
            }
        });
    }

    fn dir(&self) -> PathBuf {
        generate::place(self.folder.path()).dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn verify(&self) -> Report {
        let world = generate::world();
        let place = generate::place(self.folder.path());
        let as_of = Timestamp::from_micros(1_767_700_000_000_000);
        let audit = Audit {
            head: Some(place.head()),
            wait: Duration::from_secs(5),
            ..audit_of(&world, &place.dir, as_of)
        };
        audit.run().unwrap()
    }

    /// Every (rule, sequence) held against the ledger after `bytes` were put in the file `name`.
    fn with_file(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> (Conclusion, BTreeSet<(&'static str, Option<u64>)>) {
        let path = self.path(name);
        let before = fs::read(&path).unwrap();
        overwrite(&path, bytes);
        let seen = self.seen();
        overwrite(&path, &before);
        seen
    }

    /// The same after one byte was changed, in place.
    fn flip(&self, name: &str, at: usize) -> (Conclusion, BTreeSet<(&'static str, Option<u64>)>) {
        let path = self.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let file = fs::File::options()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at as u64).unwrap();
        file.write_all_at(&[byte[0] ^ 1 << (at % 8)], at as u64)
            .unwrap();
        let seen = self.seen();
        file.write_all_at(&byte, at as u64).unwrap();
        seen
    }

    /// Every (rule, sequence) held against the ledger, with what it comes to.
    fn seen(&self) -> (Conclusion, BTreeSet<(&'static str, Option<u64>)>) {
        let report = self.verify();
        let found = report
            .findings
            .iter()
            .map(|finding| (finding.rule.id, finding.sequence))
            .collect();
        (report.conclusion(false, &[]), found)
    }
}

fn attached(
    world: &rotation_ledger::sys::world::World,
    ledger: rotation_ledger::hash::LedgerId,
) -> rotation_ledger::append::Submission {
    use rotation_ledger::statement::Attachment;
    use rotation_ledger::statement::EventId;
    use rotation_ledger::statement::Statement;
    let cast = generate::cast();
    let now = world.clock.now();
    let statement = Statement {
        version: 1,
        ledger,
        event_id: EventId::from_bytes(
            rotation_ledger::sys::entropy::uuid_v7(now, &*world.entropy).unwrap(),
        ),
        occurred: now,
        author: cast.olga.public(),
        on_behalf_of: None,
        event: EvidenceAttached {
            rotation: None,
            secret: Some(generate::secret_id(0)),
            description: generate::line("negative test"),
        }
        .into(),
        attachments: vec![Attachment {
            blake3: Blake3Digest::of(ATTACHED),
            sha256: Sha256Digest::of(ATTACHED),
            length: ATTACHED.len() as u64,
            media_type: generate::id("text/plain"),
            name: generate::line("negative-test.log"),
        }],
    };
    rotation_ledger::append::Submission::new(statement.sign(&cast.olga).unwrap(), Vec::new())
}

/// Sealed files are read-only; somebody with an editor does not mind.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Where entry `n` of the tail lies in its file.
fn in_tail(bytes: &[u8], n: usize) -> std::ops::Range<usize> {
    let entry = TailContents::parse(bytes).unwrap().entries[n].clone();
    let start = bytes
        .windows(entry.len())
        .position(|window| window == entry)
        .unwrap();
    start..start + entry.len()
}

#[test]
fn an_untouched_ledger_passes() {
    let ledger = Ledger::with(2);
    let report = ledger.verify();
    assert_eq!(report.findings, Vec::new());
    assert_eq!(report.conclusion(false, &[]), Conclusion::Passed);
}

#[test]
fn every_byte_of_the_tail_counts() {
    let ledger = Ledger::bare(2);
    let bytes = fs::read(ledger.path("tail")).unwrap();
    let places: Vec<_> = (0..ledger.size as usize)
        .map(|n| in_tail(&bytes, n))
        .collect();
    let end = places.last().unwrap().end;
    ledger.at_each(0..end, |ledger, at| {
        let (conclusion, found) = ledger.flip("tail", at);
        assert_eq!(conclusion, Conclusion::Broken, "byte {at}: {found:?}");
        // A frame's head belongs to the entry behind it.
        if let Some(n) = places
            .iter()
            .position(|place| at < place.end)
            .filter(|_| at >= places[0].start - 32)
        {
            assert!(
                found.contains(&("I-17", Some(n as u64))),
                "byte {at} of entry {n}: {found:?}"
            );
        } else {
            assert!(
                found.iter().any(|(rule, _)| *rule == "I-17"),
                "byte {at} of the header: {found:?}"
            );
        }
    });
}

#[test]
fn every_zero_behind_the_last_entry_counts() {
    let ledger = Ledger::created();
    let bytes = fs::read(ledger.path("tail")).unwrap();
    let end = in_tail(&bytes, 0).end;
    let zeros = (end..end + 600).chain(some(end + 600..bytes.len(), 1_009));
    ledger.at_each(zeros, |ledger, at| {
        let (conclusion, found) = ledger.flip("tail", at);
        assert!(
            conclusion == Conclusion::Broken
                && found
                    .iter()
                    .any(|(rule, _)| ["I-14", "I-17"].contains(rule)),
            "byte {at}: {found:?}"
        );
    });
}

#[test]
fn every_byte_of_the_checkpoint_counts() {
    let ledger = Ledger::with(2);
    for at in 0..fs::read(ledger.path("checkpoint")).unwrap().len() {
        let (conclusion, found) = ledger.flip("checkpoint", at);
        assert!(
            conclusion == Conclusion::Broken && found.contains(&("I-05", None)),
            "byte {at}: {found:?}"
        );
    }
}

#[test]
fn every_byte_of_an_attachment_counts() {
    let ledger = Ledger::with(0);
    let name = blob_path(&Blake3Digest::of(ATTACHED));
    for at in 0..ATTACHED.len() {
        let (conclusion, found) = ledger.flip(&name, at);
        assert!(
            conclusion == Conclusion::Broken && found == BTreeSet::from([("I-09", Some(5))]),
            "byte {at}: {found:?}"
        );
    }
    fs::remove_file(ledger.path(&name)).unwrap();
    let report = ledger.verify();
    assert_eq!(
        report
            .findings
            .first()
            .map(|finding| (finding.rule.id, finding.sequence)),
        Some(("I-09", Some(5)))
    );
}

#[test]
fn every_byte_of_a_bundle_counts() {
    let ledger = Ledger::bare(256);
    let name = bundle::bundle_path(0);
    let bytes = fs::read(ledger.path(&name)).unwrap();
    let mut starts = vec![0];
    while *starts.last().unwrap() < bytes.len() {
        let at = *starts.last().unwrap();
        starts.push(at + 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]])));
    }
    // Every byte of a middle entry, and of the others as many as are asked for.
    let places = (starts[128]..starts[129]).chain(some(0..bytes.len(), 211));
    ledger.at_each(places, |ledger, at| {
        let n = starts.iter().rposition(|start| *start <= at).unwrap() as u64;
        let (conclusion, found) = ledger.flip(&name, at);
        let in_length = at - starts[n as usize] < 2;
        assert_eq!(conclusion, Conclusion::Broken, "byte {at}: {found:?}");
        if !in_length || !found.contains(&("I-17", Some(0))) {
            // The entry itself, or the next by its previous link.
            assert!(
                found
                    .iter()
                    .any(|(_, sequence)| *sequence == Some(n) || *sequence == Some(n + 1)),
                "byte {at} of entry {n}: {found:?}"
            );
        }
        if !in_length {
            assert!(
                found.contains(&("I-02", Some(n + 1))),
                "byte {at} of entry {n}: {found:?}"
            );
            assert!(
                found.contains(&("I-13", Some(0))),
                "byte {at} of entry {n}: {found:?}"
            );
        }
    });
}

#[test]
fn every_byte_of_a_tile_counts() {
    let ledger = Ledger::bare(256);
    let bytes = fs::read(ledger.path("tile/0/000")).unwrap();
    ledger.at_each(some(0..bytes.len(), 61), |ledger, at| {
        let (conclusion, found) = ledger.flip("tile/0/000", at);
        assert!(
            conclusion == Conclusion::Broken && found == BTreeSet::from([("I-13", Some(0))]),
            "byte {at}: {found:?}"
        );
    });
}

#[test]
fn a_file_cut_at_any_length_is_named() {
    let ledger = Ledger::bare(256);
    let attachment = blob_path(&Blake3Digest::of(ATTACHED));
    for (name, few, expected) in [
        (bundle::bundle_path(0), 1_009, "I-17"),
        ("tile/0/000".to_owned(), 113, "I-13"),
        ("checkpoint".to_owned(), 1, "I-05"),
        (attachment, 1, "I-09"),
    ] {
        let bytes = fs::read(ledger.path(&name)).unwrap();
        ledger.at_each(some(0..bytes.len(), few), |ledger, length| {
            let (conclusion, found) = ledger.with_file(&name, &bytes[..length]);
            assert!(
                conclusion == Conclusion::Broken && found.iter().any(|(rule, _)| *rule == expected),
                "{name} at {length}: {found:?}"
            );
        });
    }
}

#[test]
fn a_missing_file_is_named() {
    for (name, rule) in [
        ("tile/0/000", "I-13"),
        ("tile/entries/000", "I-17"),
        ("checkpoint", "I-05"),
    ] {
        let ledger = Ledger::with(300);
        fs::remove_file(ledger.path(name)).unwrap();
        let report = ledger.verify();
        assert_eq!(report.conclusion(false, &[]), Conclusion::Broken);
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.rule.id == rule),
            "{name}: {:?}",
            report.findings
        );
    }
}

#[test]
fn a_file_that_nothing_accounts_for_is_named() {
    let ledger = Ledger::with(2);
    fs::write(ledger.path("notes.txt"), "nothing to see").unwrap();
    let report = ledger.verify();
    assert_eq!(report.findings.len(), 1);
    assert_eq!(
        (
            report.findings[0].rule.id,
            report.findings[0].found.as_str()
        ),
        ("I-14", "notes.txt")
    );
}

/// The stored entries with something done to them, written as a whole new log with sound frames, as
/// somebody would who knows the format but has no key.
fn rewritten(
    ledger: &Ledger,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> BTreeSet<(&'static str, Option<u64>)> {
    let tail = ledger.path("tail");
    let before = fs::read(&tail).unwrap();
    let parsed = TailContents::parse(&before).unwrap();
    let mut entries = parsed.entries;
    change(&mut entries);
    fs::remove_file(&tail).unwrap();
    let mut log = Log::create(Arc::new(RealDisk), &ledger.dir(), &parsed.carry).unwrap();
    log.append(0, &entries).unwrap();
    drop(log);
    let report = ledger.verify();
    fs::write(&tail, before).unwrap();
    assert_eq!(
        report.conclusion(false, &[]),
        Conclusion::Broken,
        "{:?}",
        report.findings
    );
    report
        .findings
        .iter()
        .map(|finding| (finding.rule.id, finding.sequence))
        .collect()
}

#[test]
fn every_entry_dropped_doubled_or_moved_is_named() {
    let ledger = Ledger::with(4);
    let size = ledger.size as usize;
    for n in 0..size {
        let at = n as u64;
        let dropped = rewritten(&ledger, |entries| drop(entries.remove(n)));
        if n + 1 < size {
            assert!(dropped.contains(&("I-04", Some(at))), "{n}: {dropped:?}");
            assert!(
                dropped.contains(&("I-02", Some(at))) || n == 0,
                "{n}: {dropped:?}"
            );
        }
        assert!(
            dropped.iter().any(|(rule, _)| *rule == "I-05"),
            "{n}: {dropped:?}"
        );
        assert!(
            dropped.iter().any(|(rule, _)| *rule == "N-01"),
            "{n}: {dropped:?}"
        );

        let doubled = rewritten(&ledger, |entries| entries.insert(n, entries[n].clone()));
        assert!(
            doubled.contains(&("I-04", Some(at + 1))),
            "{n}: {doubled:?}"
        );
        assert!(
            doubled.contains(&("I-07", Some(at + 1))),
            "{n}: {doubled:?}"
        );

        for other in n + 1..size {
            let swapped = rewritten(&ledger, |entries| entries.swap(n, other));
            assert!(
                swapped.contains(&("I-04", Some(at))),
                "{n} and {other}: {swapped:?}"
            );
            assert!(
                swapped.contains(&("I-04", Some(other as u64))),
                "{n} and {other}: {swapped:?}"
            );
        }
    }
}

/// The entries of the first bundle with something done to them, in a bundle of sound form.
fn resealed(
    ledger: &Ledger,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> BTreeSet<(&'static str, Option<u64>)> {
    let name = bundle::bundle_path(0);
    let mut entries =
        bundle::decode_partial(0, 256, &fs::read(ledger.path(&name)).unwrap()).unwrap();
    change(&mut entries);
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend(u16::try_from(entry.len()).unwrap().to_be_bytes());
        bytes.extend(entry);
    }
    let (conclusion, found) = ledger.with_file(&name, &bytes);
    assert_eq!(conclusion, Conclusion::Broken, "{found:?}");
    found
}

/// The same for what is sealed. To keep the bundle at its 256 entries, an entry that follows takes
/// the place of a dropped one, and a doubled one pushes the last out.
#[test]
fn every_sealed_entry_dropped_doubled_or_moved_is_named() {
    let ledger = Ledger::bare(256);
    let last = bundle::BUNDLE_ENTRIES - 1;
    let tail = TailContents::parse(&fs::read(ledger.path("tail")).unwrap()).unwrap();
    ledger.at_each(some(0..last + 1, 5), |ledger, n| {
        let fewer = resealed(ledger, |entries| drop(entries.remove(n)));
        assert!(fewer.contains(&("I-17", Some(0))), "{n}: {fewer:?}");

        let is_named = |found: &BTreeSet<_>, first: usize, what: &str| {
            let place = ("I-04", Some(first as u64));
            assert!(found.contains(&place), "{n} {what}: {found:?}");
            assert!(found.contains(&("I-13", Some(0))), "{n} {what}: {found:?}");
        };
        let dropped = resealed(ledger, |entries| {
            entries.remove(n);
            entries.push(tail.entries[0].clone());
        });
        is_named(&dropped, n, "dropped");
        let other = (n + 1) % (last + 1);
        let swapped = resealed(ledger, |entries| entries.swap(n, other));
        is_named(&swapped, n.min(other), "swapped with the next");
        if n < last {
            let doubled = resealed(ledger, |entries| {
                entries.insert(n, entries[n].clone());
                entries.pop();
            });
            is_named(&doubled, n + 1, "doubled");
        }
    });
}

#[test]
fn every_cut_of_the_end_is_named() {
    let ledger = Ledger::with(6);
    for keep in 1..ledger.size as usize {
        let cut = rewritten(&ledger, |entries| entries.truncate(keep));
        assert!(
            cut.iter().any(|(rule, _)| *rule == "I-05"),
            "{keep}: {cut:?}"
        );
        assert!(
            cut.iter().any(|(rule, _)| *rule == "N-01"),
            "{keep}: {cut:?}"
        );
    }
}

#[test]
fn a_tail_cut_at_any_length_is_named() {
    let ledger = Ledger::bare(2);
    let bytes = fs::read(ledger.path("tail")).unwrap();
    let end = in_tail(&bytes, ledger.size as usize - 1).end;
    ledger.at_each(some(0..end, 7), |ledger, keep| {
        let (conclusion, found) = ledger.with_file("tail", &bytes[..keep]);
        assert_eq!(conclusion, Conclusion::Broken, "{keep}: {found:?}");
    });
}

#[test]
fn an_entry_of_another_ledger_is_named() {
    let (ledger, other) = (Ledger::with(3), Ledger::with(3));
    let foreign = TailContents::parse(&fs::read(other.path("tail")).unwrap())
        .unwrap()
        .entries;
    let found = rewritten(&ledger, |entries| entries[6].clone_from(&foreign[6]));
    assert!(found.contains(&("I-12", Some(6))), "{found:?}");
    assert!(found.contains(&("I-02", Some(6))), "{found:?}");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for inside in from.read_dir().unwrap() {
        let inside = inside.unwrap();
        let target = to.join(inside.file_name());
        if inside.file_type().unwrap().is_dir() {
            copy_folder(&inside.path(), &target);
        } else {
            fs::copy(inside.path(), target).unwrap();
        }
    }
}

#[test]
fn an_index_of_other_entries_is_named() {
    let (ledger, other) = (Ledger::with(300), Ledger::with(300));
    fs::remove_dir_all(ledger.path("index")).unwrap();
    copy_folder(&other.path("index"), &ledger.path("index"));
    let report = ledger.verify();
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    assert_eq!(
        (report.conclusion(false, &[]), found),
        (Conclusion::Broken, vec!["I-16"])
    );
}

#[test]
fn a_lost_or_garbled_index_is_a_note_and_no_finding() {
    let ledger = Ledger::with(300);
    for inside in ledger.path("index").read_dir().unwrap() {
        let path = inside.unwrap().path();
        if path.is_file() {
            fs::write(path, b"garbled").unwrap();
        }
    }
    fs::write(ledger.path("index.warm"), b"garbled").unwrap();
    let report = ledger.verify();
    assert_eq!(
        (report.findings.len(), report.conclusion(false, &[])),
        (0, Conclusion::Passed)
    );
    assert!(
        report.notes.iter().any(|note| note.contains("index")),
        "{:?}",
        report.notes
    );
    fs::remove_dir_all(ledger.path("index")).unwrap();
    let report = ledger.verify();
    assert_eq!(
        (report.findings.len(), report.conclusion(false, &[])),
        (0, Conclusion::Passed)
    );
}
