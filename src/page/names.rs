//! Where evidence lies by names to read: a folder for each entry that tells of a rotation, and in it the attached
//! files by the names that their authors gave.
//!
//! Such a name is somebody else's text. What is made of it is one part of a path on any system: no `..`, no
//! slash, no device of Windows, nothing hidden, and no two alike where both cases of a letter are one.

use std::collections::{BTreeMap, HashSet};

use crate::event::Event;
use crate::rotation::Rotation;

/// Bytes of a name, well within what file systems take.
const LONGEST: usize = 100;
/// Bytes of its end, where that says what kind of file it is.
const LONGEST_END: usize = 12;
/// What Windows opens as a device, whatever follows after a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The names in one folder.
#[derive(Debug, Default)]
pub struct FolderNames(HashSet<String>);

impl FolderNames {
    /// A harmless name that tells `said`, and that nothing else here has.
    pub fn give(&mut self, said: &str) -> String {
        let name = harmless(said);
        let mut given = name.clone();
        let mut number = 2;
        while !self.0.insert(given.to_lowercase()) {
            let (stem, end) = parted(&name);
            given = format!("{stem}-{number}{end}");
            number += 1;
        }
        given
    }
}

/// The folders of the entries that tell of a rotation, of the incident behind it, or say something about one of
/// these, out of `entries` in their order. What is recorded later gets a later number.
pub fn evidence_folders<'e>(
    rotation: &Rotation,
    entries: impl Iterator<Item = (u64, &'e Event)>,
) -> BTreeMap<u64, String> {
    let incident = rotation.incident.as_ref();
    let mut folders = BTreeMap::new();
    for (sequence, event) in entries {
        let tells = match (event.about(), event.rotation()) {
            (Some((entry, _)), _) => folders.contains_key(&entry),
            (None, Some(id)) => *id == rotation.id,
            (None, None) => incident.is_some() && event.incident() == incident,
        };
        if tells {
            let number = folders.len() + 1;
            folders.insert(sequence, format!("{number:02}-{}", event.name()));
        }
    }
    folders
}

fn harmless(said: &str) -> String {
    // A letter with its accent apart is no letter and a mark: so one name is not written in two ways.
    let plain = |c: char| match c.is_alphanumeric() || "-._+@".contains(c) {
        true => c,
        false => '_',
    };
    let name: String = said.chars().map(plain).collect();
    let (stem, end) = parted(name.trim_matches('.'));
    let mut kept = stem;
    while kept.len() + end.len() > LONGEST {
        kept = kept
            .char_indices()
            .next_back()
            .map_or("", |(at, _)| &kept[..at]);
    }
    let device = kept.split('.').next().unwrap_or_default().to_lowercase();
    let device = device.trim_end_matches(|c: char| c.is_numeric());
    match (kept, DEVICES.contains(&device)) {
        ("", _) => format!("file{end}"),
        (_, true) => format!("_{kept}{end}"),
        (_, false) => format!("{kept}{end}"),
    }
}

/// A name without its end, and the end with its dot.
fn parted(name: &str) -> (&str, &str) {
    let at = name
        .rfind('.')
        .filter(|at| *at > 0 && name.len() - at <= LONGEST_END);
    name.split_at(at.unwrap_or(name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_harmless_part_of_a_path() {
        for (said, given) in [
            ("psql.txt", "psql.txt"),
            ("Abnahme Prüfung.pdf", "Abnahme_Prüfung.pdf"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..\\boot.ini", "_boot.ini"),
            ("/abs/olute", "_abs_olute"),
            ("..", "file"),
            ("/", "_"),
            ("", "file"),
            (".bashrc", "bashrc"),
            ("a.", "a"),
            ("CON", "_CON"),
            ("com1.txt", "_com1.txt"),
            ("lpt9", "_lpt9"),
            ("console.log", "console.log"),
            ("e\u{301}\n<b>|x", "e___b__x"),
            ("-rf", "-rf"),
        ] {
            assert_eq!(FolderNames::default().give(said), given, "{said:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_end_and_whole_characters() {
        for said in [
            "é".repeat(200) + ".json",
            "x".repeat(5_000),
            ".x".repeat(900),
        ] {
            let given = FolderNames::default().give(&said);
            assert!(given.len() <= LONGEST + 1, "{given}");
            assert_eq!(given.ends_with(".json"), said.ends_with(".json"));
        }
    }

    #[test]
    fn no_two_names_are_alike() {
        let mut names = FolderNames::default();
        let given = ["a.txt", "A.TXT", "a.txt.", "a-2.txt", "a.txt"].map(|said| names.give(said));
        assert_eq!(
            given,
            ["a.txt", "A-2.TXT", "a-3.txt", "a-2-2.txt", "a-4.txt"]
        );
    }
}
