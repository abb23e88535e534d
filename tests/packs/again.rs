//! Packs that did not stay as they were exported: zipped again, unzipped, with what systems leave beside files.

use std::fs;
use std::path::Path;
use std::process::Command;

use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackFiles;
use serde_json::Value;

use crate::support::second::told;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::everything;
use crate::support::shelf::files;
use crate::support::shelf::keep;
use crate::support::shelf::pack_key;
use crate::support::shelf::zipped;
use crate::support::story::log_line;
use crate::support::story::sealing_key;

fn pack() -> Vec<u8> {
    Shelf::new(busy()).export(everything()).bytes
}

fn named(zip: &[u8], top: &str) -> Vec<(String, Vec<u8>)> {
    let (_, inside) = files(zip);
    let named = inside.into_iter().rev();
    named
        .map(|(path, bytes)| (format!("{top}{path}"), bytes))
        .collect()
}

fn unzipped(inside: &PackFiles, dir: &Path) {
    for (path, bytes) in inside {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// What the program says to whoever has the ledger's trust file: how it ends, and the report.
fn verify(path: &Path) -> (i32, Value, String) {
    let home = tempfile::tempdir().unwrap();
    let trust = home.path().join("trust");
    fs::write(&trust, log_line(&sealing_key()) + "quorum none\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ledger"))
        .arg("verify")
        .arg(path)
        .args(["--json", "--trust"])
        .arg(trust)
        .current_dir(home.path())
        .env_clear()
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), report, said)
}

fn rules(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let rule = |one: &Value| one["rule"].as_str().unwrap().to_owned();
    findings.iter().map(rule).collect()
}

fn says(report: &Value, what: &str) -> bool {
    let notes = report["notes"].as_array().unwrap();
    notes
        .iter()
        .any(|note| note.as_str().unwrap().contains(what))
}

#[test]
fn a_pack_that_was_zipped_again_is_the_same_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.zip");
    let pack = pack();
    for top in ["pack/", "", "deep/er/pack/", "pack\\"] {
        let mut files = named(&pack, top);
        if top == "pack\\" {
            for (name, _) in &mut files {
                *name = name.replace('/', "\\");
            }
        }
        files.push(("__MACOSX/pack/._report.html".to_owned(), b"fork".to_vec()));
        files.push((format!("{top}.DS_Store"), b"desktop".to_vec()));
        fs::write(&path, zipped(&files)).unwrap();
        let (code, report, said) = verify(&path);
        assert_eq!((code, rules(&report)), (0, Vec::new()), "{top}: {said}");
        assert!(says(&report, "not the zip that was exported"), "{report}");
        assert!(says(&report, "2 files that systems leave"), "{report}");
    }
    // A mail program that adds a line, and one that puts something before.
    let longer = [pack.as_slice(), b"\r\n"].concat();
    let before = [b"junk".as_slice(), &pack].concat();
    fs::write(&path, longer).unwrap();
    let (code, report, _) = verify(&path);
    assert_eq!(code, 0);
    assert!(
        says(&report, "2 bytes follow the end of the zip"),
        "{report}"
    );
    fs::write(&path, before).unwrap();
    assert_eq!(verify(&path).0, 4, "no zip begins like this");
    // As it was exported there is nothing to say.
    fs::write(&path, &pack).unwrap();
    assert!(!says(&verify(&path).1, "not the zip that was exported"));
}

#[test]
fn what_was_changed_before_it_was_zipped_again_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.zip");
    let pack = pack();
    let last = |files: &[(String, Vec<u8>)]| {
        let entries = files
            .iter()
            .filter(|(name, _)| name.contains("ledger/entries/"));
        entries.map(|(name, _)| name.clone()).max().unwrap()
    };
    type Change = fn(&mut Vec<(String, Vec<u8>)>, &str);
    let changes: [(Change, &[&str]); 4] = [
        (|files, _| change(files, "pack/data/report.html"), &["P-01"]),
        (|files, last| change(files, last), &["P-01"]),
        (
            |files, last| files.retain(|(name, _)| name != last),
            &["P-01"],
        ),
        (
            |files, _| files.push(("pack/data/more.txt".to_owned(), b"x".to_vec())),
            &["P-01"],
        ),
    ];
    for (at, (what, wanted)) in changes.iter().enumerate() {
        let mut files = named(&pack, "pack/");
        let last = last(&files);
        what(&mut files, &last);
        fs::write(&path, zipped(&files)).unwrap();
        let (code, report, _) = verify(&path);
        assert_eq!(code, 1, "{at}");
        for rule in *wanted {
            assert!(
                rules(&report).iter().any(|found| found == rule),
                "{at}: {report}"
            );
        }
    }
}

fn change(files: &mut [(String, Vec<u8>)], name: &str) {
    let (_, bytes) = files.iter_mut().find(|(path, _)| path == name).unwrap();
    bytes[0] ^= 1;
}

/// Each of these could be one pack for one program and another for the next, or fill a disk.
#[test]
fn a_zip_that_can_be_read_in_two_ways_is_refused() {
    let pack = pack();
    let read = |zip: &[u8]| {
        keep(zip);
        Bag::from_any_zip(zip)
    };
    let mut twice = named(&pack, "pack/");
    twice.push(twice[0].clone());
    let mut bomb = named(&pack, "pack/");
    bomb.push(("pack/data/zeros".to_owned(), vec![0; 80 << 20]));
    for files in [twice, bomb] {
        assert!(read(&zipped(&files)).is_err());
    }
    // A program that writes zips makes no such name; whoever wants it writes it in.
    let mut out = named(&pack, "pack/");
    out.push(("pack/data/ab/passwd".to_owned(), b"x".to_vec()));
    let mut out = zipped(&out);
    assert!(read(&out).is_ok());
    while let Some(at) = out.windows(6).position(|part| part == b"/ab/pa") {
        out[at + 1..at + 3].copy_from_slice(b"..");
    }
    assert!(read(&out).is_err());
    // Another length or checksum than its list says.
    let good = zipped(&named(&pack, "pack/"));
    for at in (0..good.len()).step_by(good.len() / 400) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        if let Ok(bag) = read(&bad) {
            let whole = read(&good).unwrap();
            let same = whole.payload().eq(bag.payload());
            assert!(same || !bag.faults(None).is_empty(), "byte {at}");
        }
    }
}

#[test]
fn an_unzipped_pack_is_judged_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let (top, inside) = files(&pack());
    let bag = folder.path().join(&top);
    unzipped(&inside, &bag);
    fs::write(bag.join("Thumbs.db"), "x").unwrap();
    fs::create_dir(bag.join("data/@eaDir")).unwrap();
    fs::write(bag.join("data/@eaDir/report.html"), "x").unwrap();
    fs::write(folder.path().join("trust.txt"), "beside").unwrap();
    let renamed = folder.path().join("evidence of november");
    for path in [folder.path(), &bag, &renamed] {
        if path == renamed {
            fs::rename(&bag, path).unwrap();
        }
        let (code, report, said) = verify(path);
        assert_eq!((code, rules(&report)), (0, Vec::new()), "{said}");
        assert!(says(&report, "2 files that systems leave"), "{report}");
    }
    fs::remove_file(renamed.join("Thumbs.db")).unwrap();
    fs::remove_dir_all(renamed.join("data/@eaDir")).unwrap();
    let vkey = log_line(&sealing_key());
    let vkey = vkey.trim().trim_start_matches("log ");
    fs::rename(&renamed, &bag).unwrap();
    let second = |verdict: &str| {
        let question = format!("pack {} {} {vkey}", bag.display(), pack_key().public());
        let theirs = told(&question).unwrap_or_else(|| verdict.to_owned());
        assert!(theirs.starts_with(verdict), "{theirs}");
    };
    second("PASS ");
    // What was changed, put in or taken out, is found as it is in the zip.
    let entry = bag.join("data/ledger/entries/000000001.bin");
    let more = bag.join("data/evidence/r-9.txt");
    let whole = fs::read(&entry).unwrap();
    fs::write(&entry, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(verify(&bag).0, 1);
    second("FAIL ");
    fs::remove_file(&entry).unwrap();
    assert_eq!(verify(&bag).0, 1);
    fs::write(&entry, whole).unwrap();
    fs::write(&more, "x").unwrap();
    let (code, report, _) = verify(&bag);
    assert_eq!(code, 1);
    assert!(rules(&report).contains(&"P-01".to_owned()), "{report}");
    fs::remove_file(&more).unwrap();
    assert_eq!(verify(&bag).0, 0);
    std::os::unix::fs::symlink("/etc/passwd", &more).unwrap();
    assert_eq!(verify(&bag).0, 4);
}

/// Whoever can write to a ledger's folder could put a pack of better days into it.
#[test]
fn a_pack_in_the_folder_of_a_ledger_does_not_pass_in_its_place() {
    let mut shelf = Shelf::new(busy());
    let pack = shelf.export(everything()).bytes;
    let (top, inside) = files(&pack);
    let folder = shelf.folder.as_ref().unwrap();
    let dir = folder.path("");
    for place in [dir.clone(), dir.join(&top)] {
        unzipped(&inside, &place);
        let (code, report, said) = verify(&dir);
        assert_eq!(code, 1, "{said}");
        assert!(rules(&report).contains(&"I-14".to_owned()), "{report}");
    }
    // Nor where all that is left is a pack, and it is what the ledger is said to be.
    let bag = folder.path("data").parent().unwrap().join(&top);
    let output = Command::new(env!("CARGO_BIN_EXE_ledger"))
        .arg("verify")
        .arg("--ledger")
        .arg(&bag)
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is a BagIt bag, not a ledger"), "{said}");
}

#[test]
fn somebody_elses_bag_is_named_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("photos");
    fs::create_dir_all(bag.join("data")).unwrap();
    fs::write(
        bag.join("bagit.txt"),
        "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n",
    )
    .unwrap();
    fs::write(bag.join("data/one.txt"), "one").unwrap();
    let (code, _, said) = verify(&bag);
    assert_eq!(code, 4);
    assert!(
        said.contains("is a BagIt bag, and no evidence pack"),
        "{said}"
    );
}
