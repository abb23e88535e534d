//! Damage that nobody chose: bytes flipped, zeroed, cut off, left out, doubled, exchanged and added anywhere in a
//! ledger, a copy, a pack and backups. The shipped program says so each time, within 256 MiB and without a panic,
//! or passes what holds the same evidence as before.
//!
//! `LEDGER_TEST_DAMAGE` sets how many trials, drawn by `LEDGER_TEST_SEED`; the table that it prints is in
//! `docs/THREAT-MODEL.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::ledger::copy;
use crate::support::program::{Program, draft, within};
use rawzip::ZipArchive;
use rotation_ledger::store::image::list_files;
use rotation_ledger::sys::disk::RealDisk;
use serde_json::Value;

/// What is damaged: its name in the table, the folder that it is in, and who is asked about it.
struct Target {
    name: &'static str,
    dir: &'static str,
    asked: &'static str,
    /// Files that are no evidence, and whose damage is no finding.
    aside: &'static [&'static str],
    /// Whether files that nothing accounts for are passed over.
    litter: bool,
}

const DERIVED: &[&str] = &["index/", "index.warm", "ledger.toml", "lock"];

const TARGETS: [Target; 5] = [
    Target {
        name: "ledger",
        dir: "prod",
        asked: "verify prod --json",
        aside: DERIVED,
        litter: false,
    },
    Target {
        name: "published copy",
        dir: "www",
        asked: "verify www --state none --json",
        aside: &[],
        litter: true,
    },
    Target {
        name: "pack",
        dir: "pack",
        asked: "verify pack/p.zip --state none --trust trust --json",
        aside: &[],
        litter: false,
    },
    Target {
        name: "backup",
        dir: "b",
        asked: "backup --check b --json",
        aside: &[],
        litter: false,
    },
    Target {
        name: "backup, .zip",
        dir: "zip",
        asked: "backup --check zip/b.zip --json",
        aside: &[],
        litter: false,
    },
];

const KINDS: [&str; 7] = ["flip", "zero", "cut", "delete", "duplicate", "swap", "grow"];

/// What was drawn for one trial: the same again for the same seed.
struct Draw(blake3::OutputReader);

impl Draw {
    fn of(seed: u64, trial: u64) -> Self {
        let drawn = [seed.to_le_bytes(), trial.to_le_bytes()].concat();
        Self(blake3::Hasher::new().update(&drawn).finalize_xof())
    }

    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % end as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill(&mut bytes);
        bytes
    }

    fn is_heads(&mut self) -> bool {
        self.below(2) == 0
    }

    fn of_these<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len())]
    }

    /// A place in a file: half the time before the zeros at its end, if it has some.
    fn place(&mut self, bytes: &[u8]) -> usize {
        let filled = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        match self.is_heads() {
            true => self.below(filled),
            false => self.below(bytes.len()),
        }
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.place(bytes);
        let longest = 1 << self.below(13);
        start..bytes.len().min(start + 1 + self.below(longest))
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let found = list_files(&RealDisk, dir).unwrap().into_iter();
    let mut files: Vec<_> = found.map(|found| found.path).collect();
    files.sort();
    files
}

/// Sealed files are read-only, and one that was renamed to has another mode than before.
fn put(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

/// Damages something in a folder, and says what.
fn damage(dir: &Path, kind: &str, draw: &mut Draw) -> String {
    let all = files(dir);
    let is_zip = all.len() == 1;
    let whole = !is_zip && draw.is_heads();
    let filled: Vec<_> = all
        .iter()
        .filter(|path| fs::metadata(dir.join(path)).unwrap().len() > 0)
        .collect();
    let name = *draw.of_these(&filled);
    let path = dir.join(name);
    let mut bytes = fs::read(&path).unwrap();
    let range = draw.range(&bytes);
    let mut said = format!("{kind} {} {range:?}", name.display());
    match kind {
        "flip" => bytes[range.start] ^= 1 << draw.below(8),
        "zero" => bytes[range].fill(0),
        "cut" => bytes.truncate(range.start),
        "delete" if whole => {
            fs::remove_file(&path).unwrap();
            return format!("delete {}", name.display());
        }
        "delete" => drop(bytes.drain(range)),
        "duplicate" if whole => {
            let other = path.with_file_name(*draw.of_these(&["003", "tail", "again"]));
            put(&other, &bytes);
            return format!("duplicate {} as {}", name.display(), other.display());
        }
        "duplicate" => drop(bytes.splice(range.end..range.end, bytes[range.clone()].to_vec())),
        "swap" if whole => {
            let others: Vec<_> = filled.iter().filter(|other| **other != name).collect();
            let other = **draw.of_these(&others);
            let moved = fs::read(dir.join(other)).unwrap();
            put(&dir.join(other), &bytes);
            bytes = moved;
            said = format!("swap {} and {}", name.display(), other.display());
        }
        "swap" => {
            let length = range.len().min(bytes.len() / 2);
            let other = draw.below(bytes.len() - length + 1);
            let start = range.start.min(bytes.len() - length);
            said = format!("{said} and {other}");
            if start.abs_diff(other) >= length {
                for n in 0..length {
                    bytes.swap(start + n, other + n);
                }
            }
        }
        "grow" => match draw.below(4) {
            0 => {
                put(&path, &bytes);
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.set_len(1 << 30).unwrap();
                return format!("grow {} to a gigabyte", name.display());
            }
            1 if !is_zip => {
                let other = path.with_file_name("more");
                let new = draw.bytes(5_000);
                put(&other, &new);
                return format!("grow by {}", other.display());
            }
            2 => bytes.extend(vec![0; range.len()]),
            _ => bytes.extend(draw.bytes(range.len())),
        },
        other => unreachable!("{other}"),
    }
    put(&path, &bytes);
    said
}

/// The files that a zip lists, as a general reader finds them: how they are wrapped may be another matter, which is told.
fn members(zip: &Path) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let bytes = fs::read(zip).unwrap();
    let archive = ZipArchive::from_slice(&bytes).ok()?;
    let (mut listed, mut members) = (archive.entries(), BTreeMap::new());
    while let Some(entry) = listed.next_entry().ok()? {
        let stored = archive.get_entry(entry.wayfinder()).ok()?.data().to_vec();
        members.insert(entry.file_path().as_bytes().to_vec(), stored);
    }
    Some(members)
}

/// How much of a target has to be as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// All but what is aside, to the byte.
    Whole,
    /// What is evidence: neither the zeros behind a ledger's last entry nor how a zip wraps its files.
    Evidence,
    /// The same, but for files that a copy has not.
    WhatIsThere,
}

fn is_alike(target: &Target, before: &Path, after: &Path, likeness: Likeness) -> bool {
    let is_aside = |path: &PathBuf| {
        let path = path.to_str().unwrap();
        target.aside.iter().any(|name| path.starts_with(name))
    };
    let counted = |dir: &Path| -> Vec<_> {
        let all = files(dir).into_iter();
        all.filter(|path| !is_aside(path)).collect()
    };
    let is_same = |path: &PathBuf| {
        let (whole, found) = (before.join(path), after.join(path));
        let length = fs::metadata(&found).map(|found| found.len()).ok();
        if length.is_none() {
            return target.litter && likeness == Likeness::WhatIsThere;
        }
        let is_zip = path.extension().is_some_and(|end| end == "zip");
        if is_zip && likeness != Likeness::Whole {
            return members(&whole) == members(&found);
        }
        let whole = fs::read(whole).unwrap();
        if path == Path::new("tail") && target.name == "ledger" && likeness != Likeness::Whole {
            let filled = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            return fs::read(found).unwrap().starts_with(&whole[..filled]);
        }
        length == Some(whole.len() as u64) && fs::read(found).unwrap() == whole
    };
    let (there, now) = (counted(before), counted(after));
    let has_more = now.iter().any(|path| !there.contains(path));
    there.iter().all(is_same) && !(has_more && (likeness == Likeness::Whole || !target.litter))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Outcome {
    /// By a finding, or a fault of a backup.
    Named,
    /// By an error, or a verdict that was not reached: it cannot be read as what it was.
    Refused,
    /// It passes, and a line says what is missing or looks otherwise than it was made.
    Told,
    Passes,
}

/// What the program said, and by which rule or error; `usual` are the remarks where nothing is damaged.
fn outcome(said: &Value, usual: &[String]) -> (Outcome, String) {
    if let Some(code) = said["error"]["code"].as_str() {
        return (Outcome::Refused, code.to_owned());
    }
    let judged = |one: &&Value| one["verdict"] != "conformance" && one["verdict"] != "coverage";
    let found = said["findings"].as_array().unwrap().iter().find(judged);
    if let Some(found) = found {
        return (Outcome::Named, found["rule"].as_str().unwrap().to_owned());
    }
    let faults = said["faults"].as_array();
    if faults.is_some_and(|faults| !faults.is_empty()) {
        return (Outcome::Named, "a fault of the backup".to_owned());
    }
    let passes = |name: &str| {
        let mut verdicts = said["verdicts"].as_array().unwrap().iter();
        verdicts.any(|line| line["verdict"] == name && line["status"] == "PASS")
    };
    let is_sound = match said["verdicts"].is_array() {
        true => passes("integrity") && passes("authority") && said["exit_code"] == 3,
        false => said["exit_code"] == 0,
    };
    if !is_sound {
        return (Outcome::Refused, "not verified".to_owned());
    }
    match remarks(said).iter().find(|line| !usual.contains(line)) {
        Some(line) => (Outcome::Told, line.clone()),
        None => (Outcome::Passes, String::new()),
    }
}

/// What a report says besides its findings.
fn remarks(said: &Value) -> Vec<String> {
    let lines = ["not_checked", "notes"].map(|name| said[name].as_array().cloned());
    let lines = lines.into_iter().flatten().flatten();
    lines
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

/// More than 600 entries in two bundles and a tail, with attachments; a copy, a pack and backups of them.
fn furnished() -> Program {
    let program = Program::prepared();
    let drafts: String = (0..600).map(draft).collect();
    fs::write(program.path("drafts"), drafts).unwrap();
    for n in 0..3 {
        let lines = (0..=n * 2_000).map(|line| format!("proof {n} line {line}\n"));
        fs::write(
            program.path(&format!("proof-{n}")),
            lines.collect::<String>(),
        )
        .unwrap();
    }
    for words in [
        "append evidence.attached --key olga.pem --rotation r-1 --description seen --attach proof-0",
        "append evidence.attached --key olga.pem --rotation r-1 --description seen --attach proof-1",
        "append --key olga.pem --json drafts",
        "append evidence.attached --key olga.pem --rotation r-1 --description seen --attach proof-2",
        "export --key alice.pem --rotation r-1 --out p.zip",
        "publish --to www --with-attachments",
        "backup --to b",
        "backup --to b.zip",
    ] {
        assert_eq!(program.code(words), 0, "{words}");
    }
    let trusted = program.output("trust show").stdout;
    fs::write(program.path("trust"), trusted).unwrap();
    for (dir, zip) in [("pack", "p.zip"), ("zip", "b.zip")] {
        fs::create_dir(program.path(dir)).unwrap();
        fs::rename(program.path(zip), program.path(dir).join(zip)).unwrap();
    }
    program
}

/// What is asked of the shipped program within 256 MiB and two minutes, on two cores however many there are.
fn ask(program: &Program, words: &str, what: &str) -> Value {
    let mut asked = within("262144", &program.ledger(words));
    // Addresses that the C library sets aside for each thread are no memory.
    asked.envs([("RAYON_NUM_THREADS", "2"), ("MALLOC_ARENA_MAX", "1")]);
    let output = asked.output().unwrap();
    let code = output.status.code();
    let known = code.is_some_and(|code| (0..10).contains(&code));
    assert!(known, "{what}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn damage_anywhere_is_named_or_leaves_the_evidence_as_it_was() {
    let asked = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let trials = asked("LEDGER_TEST_DAMAGE").unwrap_or(70);
    let seed = asked("LEDGER_TEST_SEED").unwrap_or(0);
    println!("LEDGER_TEST_DAMAGE={trials} LEDGER_TEST_SEED={seed}");
    let furnished = furnished();
    let usual = TARGETS.map(|target| {
        let said = ask(&furnished, target.asked, target.name);
        let usual = remarks(&said);
        let found = outcome(&said, &usual);
        assert_eq!(found.0, Outcome::Passes, "{}: {said:#}", target.name);
        usual
    });
    let next = AtomicU64::new(0);
    let table = Mutex::new(BTreeMap::<_, u64>::new());
    let names = Mutex::new(BTreeMap::<_, u64>::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let trial = next.fetch_add(1, Ordering::Relaxed);
                    if trial >= trials {
                        break;
                    }
                    let place = trial as usize % TARGETS.len();
                    let target = &TARGETS[place];
                    let kind = KINDS[trial as usize / TARGETS.len() % KINDS.len()];
                    let root = tempfile::tempdir().unwrap();
                    let program = Program::at(root.path());
                    let dir = program.path(target.dir);
                    copy(&furnished.path(target.dir), &dir);
                    copy(&furnished.path("state"), &program.path("state"));
                    fs::copy(furnished.path("trust"), program.path("trust")).unwrap();
                    let how = damage(&dir, kind, &mut Draw::of(seed, trial));
                    let what = format!("trial {trial} of seed {seed}, {}: {how}", target.name);
                    let said = ask(&program, target.asked, &what);
                    let (outcome, by) = outcome(&said, &usual[place]);
                    println!("{what}: {outcome:?} {by}");
                    let whole = furnished.path(target.dir);
                    let is = |likeness| is_alike(target, &whole, &dir, likeness);
                    let fits = match outcome {
                        Outcome::Named | Outcome::Refused => !is(Likeness::Whole),
                        Outcome::Told => is(Likeness::WhatIsThere),
                        Outcome::Passes => is(Likeness::Evidence),
                    };
                    assert!(fits, "{what}: {outcome:?} {by}");
                    *table
                        .lock()
                        .unwrap()
                        .entry((target.name, kind, outcome))
                        .or_default() += 1;
                    if matches!(outcome, Outcome::Named | Outcome::Refused) {
                        *names.lock().unwrap().entry((target.name, by)).or_default() += 1;
                    }
                }
            });
        }
    });
    print(&table.into_inner().unwrap());
    for target in &TARGETS {
        let names = names.lock().unwrap();
        let of = names.iter().filter(|((name, _), _)| *name == target.name);
        let mut of: Vec<_> = of.map(|((_, by), many)| (*many, by)).collect();
        of.sort_by_key(|(many, _)| std::cmp::Reverse(*many));
        let of = of.iter().map(|(many, by)| format!("{by} {many}"));
        println!("{}: {}", target.name, of.collect::<Vec<_>>().join(", "));
    }
}

/// The table of the threat model.
fn print(table: &BTreeMap<(&str, &str, Outcome), u64>) {
    println!(
        "| damage | {} |",
        TARGETS.map(|target| target.name).join(" | ")
    );
    println!("|---|{}", "---|".repeat(TARGETS.len()));
    for kind in KINDS {
        let cells = TARGETS.map(|target| {
            let of = |outcome| table.get(&(target.name, kind, outcome)).unwrap_or(&0);
            let all = [
                Outcome::Named,
                Outcome::Refused,
                Outcome::Told,
                Outcome::Passes,
            ];
            all.map(|one| of(one).to_string()).join(" · ")
        });
        println!("| {kind} | {} |", cells.join(" | "));
    }
}
