//! Everything that a zip can be and a pack's is not.

use rotation_ledger::pack::Bag;
use rotation_ledger::pack::PackFiles;
use rotation_ledger::pack::ZipError;
use rotation_ledger::pack::read_zip;
use rotation_ledger::pack::write_zip;

use crate::support::second::told;
use crate::support::shelf::Shelf;
use crate::support::shelf::busy;
use crate::support::shelf::keep;
use crate::support::shelf::rotation;

/// A zip of these files as other programs could make it: nothing is checked.
fn loose(files: &[(&str, &[u8])], change: impl Fn(usize, &mut Header)) -> Vec<u8> {
    let (mut zip, mut list) = (Vec::new(), Vec::new());
    for (at, (name, bytes)) in files.iter().enumerate() {
        let mut header = Header {
            listed: (*name).to_owned(),
            method: 0,
            mode: 0o100_644,
            length: bytes.len() as u32,
            crc: crc32fast::hash(bytes),
        };
        change(at, &mut header);
        let offset = zip.len() as u32;
        let same = |name: &str| {
            let mut same = vec![10, 0, 0, 0];
            same.extend(header.method.to_le_bytes());
            same.extend([0, 0, 0x21, 0]);
            same.extend(header.crc.to_le_bytes());
            same.extend((bytes.len() as u32).to_le_bytes());
            same.extend(header.length.to_le_bytes());
            same.extend((name.len() as u16).to_le_bytes());
            same.extend([0, 0]);
            same
        };
        zip.extend(b"PK\x03\x04");
        zip.extend(same(name));
        zip.extend(name.as_bytes());
        zip.extend(*bytes);
        list.extend(b"PK\x01\x02\x1e\x03");
        list.extend(same(&header.listed));
        list.extend([0; 6]);
        list.extend((header.mode << 16).to_le_bytes());
        list.extend(offset.to_le_bytes());
        list.extend(header.listed.as_bytes());
    }
    let (at, count) = (zip.len() as u32, files.len() as u16);
    zip.extend(&list);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(count.to_le_bytes());
    zip.extend(count.to_le_bytes());
    zip.extend((list.len() as u32).to_le_bytes());
    zip.extend(at.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

struct Header {
    listed: String,
    method: u16,
    mode: u32,
    length: u32,
    crc: u32,
}

fn plain(files: &[(&str, &[u8])]) -> Vec<u8> {
    loose(files, |_, _| {})
}

fn refusal(zip: &[u8]) -> String {
    keep(zip);
    let fault = read_zip(zip).unwrap_err();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.zip");
    std::fs::write(&path, zip).unwrap();
    if let Some(theirs) = told(&format!("zip {}", path.display())) {
        assert_eq!(theirs, "refused", "{fault}");
    }
    fault.to_string()
}

#[test]
fn what_is_written_is_read_and_is_what_other_programs_write() {
    let files: PackFiles = [
        ("p/a", b"one".as_slice()),
        ("p/b/c", b""),
        ("p/d", b"three"),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
    .into();
    let zip = write_zip(&files).unwrap();
    assert_eq!(read_zip(&zip), Ok(files));
    let same = plain(&[("p/a", b"one"), ("p/b/c", b""), ("p/d", b"three")]);
    assert_eq!(zip, same);
}

#[test]
fn each_kind_of_odd_zip_is_refused_by_name() {
    let a: (&str, &[u8]) = ("p/a", b"one");
    for (zip, wanted) in [
        (
            plain(&[a, ("../etc/passwd", b"x")]),
            "`../etc/passwd` leads out of the pack",
        ),
        (
            plain(&[("p/../../x", b"x")]),
            "`p/../../x` leads out of the pack",
        ),
        (
            plain(&[("/etc/passwd", b"x")]),
            "`/etc/passwd` is an absolute path",
        ),
        (plain(&[("p/c:\\x", b"x")]), "has characters other than"),
        (plain(&[("p/\u{e9}", b"x")]), "has characters other than"),
        (plain(&[("p/./a", b"x")]), "is not in its one form"),
        (plain(&[("p//a", b"x")]), "is not in its one form"),
        (plain(&[("p/", b"")]), "`p/` is that of a folder"),
        (plain(&[("", b"")]), "is empty"),
        (
            plain(&[("bagit.txt", b"x")]),
            "`bagit.txt` stands outside of the pack's one folder",
        ),
        (
            plain(&[a, ("q/a", b"one")]),
            "`q/a` stands outside of the pack's one folder",
        ),
        (plain(&[a, a]), "`p/a` stands in the zip twice"),
        (
            plain(&[("p/A", b"two"), a]),
            "`p/A` and `p/a` differ only in case",
        ),
        (
            plain(&[a, ("p/a/b", b"x")]),
            "`p/a` is that of a folder too",
        ),
        (plain(&[("p/b", b"x"), a]), "`p/a` stands out of order"),
        (plain(&[]), "the zip has no files"),
        (b"\x1f\x8b and so on".to_vec(), "no zip begins like this"),
        (Vec::new(), "no zip begins like this"),
        (
            loose(&[a], |_, header| header.mode = 0o120_777),
            "`p/a` is no ordinary file (mode 120777)",
        ),
        (
            loose(&[a], |_, header| header.mode = 0o020_644),
            "`p/a` is no ordinary file (mode 20644)",
        ),
        // What a bomb needs: bytes that become more bytes.
        (
            loose(&[a], |_, header| header.method = 8),
            "`p/a` is compressed or encrypted",
        ),
        (
            loose(&[a], |_, header| header.length = 4_000_000_000),
            "cut short",
        ),
        (
            loose(&[a], |_, header| header.crc ^= 1),
            "the bytes of `p/a` are damaged",
        ),
        (
            loose(&[a], |_, header| header.listed = "p/b".to_owned()),
            "says `p/b` where `p/a` is",
        ),
        (
            [plain(&[a]), b"more".to_vec()].concat(),
            "4 bytes follow the end",
        ),
        (
            [b"#!/bin/sh\n".to_vec(), plain(&[a])].concat(),
            "no zip begins like this",
        ),
    ] {
        let found = refusal(&zip);
        assert!(found.contains(wanted), "{found}\nnot: {wanted}");
    }
}

#[test]
fn a_name_that_no_file_can_have_is_not_written_either() {
    for name in ["a", "p/../a", "/p/a", "p/a b"] {
        let files: PackFiles = [(name.to_owned(), Vec::new())].into();
        assert!(
            matches!(write_zip(&files), Err(ZipError::Name { .. })),
            "{name}"
        );
    }
}

/// Wherever a zip ends too early, and whichever byte is another: it is refused, and nothing panics.
#[test]
fn cut_anywhere_or_flipped_anywhere_it_is_refused() {
    let zip = plain(&[("p/a", b"one"), ("p/b/c", b""), ("p/d", b"three")]);
    for at in 0..zip.len() {
        read_zip(&zip[..at]).unwrap_err();
        for bit in 0..8 {
            let mut other = zip.clone();
            other[at] ^= 1 << bit;
            read_zip(&other).unwrap_err();
        }
    }
    for cut in [zip.len() - 1, zip.len() - 30, 40] {
        assert!(
            refusal(&zip[..cut]).contains("cut short"),
            "{}",
            refusal(&zip[..cut])
        );
    }
}

/// Not one byte of a pack can be another.
#[test]
fn a_flipped_byte_of_a_pack_is_found() {
    let pack = Shelf::new(busy()).export(rotation("r-2")).bytes;
    let mut other = pack.clone();
    for at in (0..pack.len())
        .step_by(31)
        .chain(pack.len() - 400..pack.len())
    {
        other[at] ^= 0x20;
        assert!(Bag::from_zip(&other).is_err(), "byte {at}");
        other[at] ^= 0x20;
    }
}

#[test]
fn more_files_than_16_bits_count_are_written_and_read() {
    let files: PackFiles = (0..70_000)
        .map(|n| (format!("p/{n:05}"), Vec::new()))
        .collect();
    let zip = write_zip(&files).unwrap();
    assert!(read_zip(&zip).unwrap() == files);
    assert!(refusal(&zip[..zip.len() - 10]).contains("cut short"));
}
